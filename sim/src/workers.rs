//! The simulated workers: they have the chains that were handed out, read what a handler would
//! read, and come back with what it would write. When each comes back is decided elsewhere.

use crate::kinds::Work;
use bytes::Bytes;
use overtime_engine::{Freed, LanePlan, Seed, Stats};
use overtime_journal::{Store, StoreError};
use overtime_protocol::record::{Put, ReadMark};
use overtime_protocol::{
    Chain, ChainNumber, Chunk, Completion, Fault, Go, Job, LANES, Lane, Monotonic, Opener, Outcome,
    Product, Progress, Ruling, TaskId,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The code of a handler that could not read.
const UNREADABLE: &str = "unreadable";

/// All that are busy.
#[derive(Default)]
pub(crate) struct Workers {
    busy: Vec<Busy>,
    /// Tasks whose workers were asked to stop.
    stopped: BTreeSet<TaskId>,
}

/// A chain that is out.
struct Busy {
    freed: Freed,
    size: usize,
    /// Those that are not done.
    jobs: VecDeque<Job>,
    /// What those that are done are about to write.
    overlay: BTreeMap<Bytes, (Bytes, ReadMark)>,
    /// A part of the first was sent, and its ruling has not come.
    waits: bool,
    /// It was told to end there.
    ends: bool,
}

/// What a worker comes back with.
pub(crate) enum Back {
    Chunk(Chunk, ChainNumber),
    Done(Completion, Option<Freed>),
}

/// What a worker sees of its surroundings.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    pub(crate) opener: &'a Opener,
    pub(crate) now: Monotonic,
}

impl Workers {
    /// Hands a chain out.
    pub(crate) fn take(&mut self, chain: Chain) {
        let Chain { number, lane, jobs, .. } = chain;
        assert!(!jobs.is_empty(), "a chain without a job");
        self.busy.push(Busy {
            freed: Freed { chain: number, lane },
            size: jobs.len(),
            jobs: jobs.into(),
            overlay: BTreeMap::new(),
            waits: false,
            ends: false,
        });
    }

    /// No lane has more of them than it may have, nor what is kept for another; and `stats` says how
    /// many each has, and for how many somebody stands in.
    pub(crate) fn check(&self, plan: &LanePlan, stats: &Stats) {
        let Stats { running, charged, spares, .. } = stats;
        let busy = |lane| self.busy.iter().filter(|busy| busy.freed.lane == lane).count() as u64;
        let foreground = busy(Lane::Control) + busy(Lane::Interactive);
        assert!(foreground <= plan.foreground as u64 + spares, "{foreground} of {plan:?}");
        let counted = running[Lane::Control] + running[Lane::Interactive] + charged;
        assert_eq!(counted, foreground, "{stats:?}");
        for lane in LANES {
            assert!(running[lane] <= plan.ceiling(lane) as u64, "{lane:?}, {stats:?}");
            let is_counted = running[lane] <= busy(lane);
            assert!(is_counted, "{lane:?} has {} busy workers: {stats:?}", busy(lane));
        }
    }

    /// Whether all wait for rulings.
    pub(crate) fn all_wait(&self) -> bool {
        self.busy.iter().all(|busy| busy.waits)
    }

    /// Takes back what is not started of a chain: the place of the first that was.
    pub(crate) fn recall(&mut self, chain: ChainNumber) -> usize {
        let busy = self.busy.iter_mut().find(|busy| busy.freed.chain == chain);
        busy.map_or(usize::MAX, |busy| {
            let from = busy.size - (busy.jobs.len() - 1);
            busy.jobs.truncate(1);
            from
        })
    }

    /// Asks a worker to stop.
    pub(crate) fn cancel(&mut self, chain: ChainNumber, place: usize) {
        if let Some(busy) = self.busy.iter().find(|busy| busy.freed.chain == chain) {
            let over = busy.size - busy.jobs.len();
            let job = place.checked_sub(over).and_then(|at| busy.jobs.get(at));
            self.stopped.extend(job.map(|job| job.task));
        }
    }

    /// The ruling comes to the worker that waits for it, and to nobody else.
    pub(crate) fn rule(&mut self, chain: ChainNumber, ruling: Ruling) {
        let busy = self.busy.iter_mut().find(|busy| busy.freed.chain == chain);
        let busy = busy.expect("a ruling for a chain that is out");
        assert!(std::mem::take(&mut busy.waits), "a ruling for nobody");
        match ruling {
            Ruling::Kept { go, .. } => {
                let job = &mut busy.jobs[0];
                job.cursor = Some(vec![done(job) + 1].into());
                busy.ends = go == Go::Yield;
            }
            Ruling::Conflict => {}
            Ruling::Stop => busy.ends = true,
        }
    }

    /// One of the workers gets on, if any can.
    pub(crate) fn work(&mut self, desk: &Desk<'_>, chance: &mut Seed) -> Option<Back> {
        let place = chance.below((self.busy.len() as u64).max(1)) as usize;
        let busy = self.busy.get_mut(place).filter(|busy| !busy.waits)?;
        let job = busy.jobs[0].clone();
        let is_stopped = self.stopped.contains(&job.task);
        let attempt = Attempt { desk, busy, job: &job };
        let back = match attempt.run(is_stopped, chance) {
            Ok(back) => back,
            // Its handler could not read: that may pass.
            Err(error) => attempt_failed(busy, &job, desk.now, &error.to_string()),
        };
        if let Back::Done(completion, freed) = &back {
            self.stopped.remove(&completion.task);
            if freed.is_some() {
                self.busy.swap_remove(place);
            }
        }
        Some(back)
    }

    /// What the jobs at hand are, to be looked at when they are handed out.
    pub(crate) fn read(job: &Job, desk: &Desk<'_>) -> Result<Work, StoreError> {
        let bytes = match desk.opener.open(&job.payload) {
            Some(segments) => segments.to_vec(),
            None => desk.store.payload(job.task)?,
        };
        Ok(Work::read(&bytes, job.kind, job.form))
    }
}

/// How many parts are done.
fn done(job: &Job) -> u8 {
    job.cursor.as_ref().map_or(0, |cursor| cursor[0])
}

struct Attempt<'a, 'b> {
    desk: &'a Desk<'b>,
    busy: &'a mut Busy,
    job: &'a Job,
}

impl Attempt<'_, '_> {
    fn run(self, is_stopped: bool, chance: &mut Seed) -> Result<Back, StoreError> {
        let work = Workers::read(self.job, self.desk)?;
        if std::mem::take(&mut self.busy.ends) {
            return Ok(complete(self.busy, self.job, Outcome::Yielded, Vec::new(), self.desk.now));
        }
        let outcome = match chance.below(16) {
            0..8 if is_stopped => Outcome::Cancelled,
            0 => Outcome::Rejected(Fault::input("bad", "no")),
            1 => Outcome::Ephemeral(Fault::ephemeral("busy", "no")),
            2 => Outcome::Defect(Fault::input("bug", "no")),
            _ if done(self.job) < work.parts => return self.part(work),
            _ => Outcome::Done(Product {
                content_type: None,
                body: work.token.to_le_bytes().to_vec().into(),
            }),
        };
        let ends = matches!(outcome, Outcome::Done(_)) && work.parts == 0 && work.writes;
        let puts = if ends { vec![self.note(work, 0)?] } else { Vec::new() };
        let Self { desk, busy, job } = self;
        for put in &puts {
            let mark = ReadMark::After { task: job.task, run: job.run };
            let value = put.value.clone().unwrap_or_default();
            busy.overlay.insert(put.key.clone(), (value, mark));
        }
        Ok(complete(busy, job, outcome, puts, desk.now))
    }

    /// Sends the next part.
    fn part(self, work: Work) -> Result<Back, StoreError> {
        let number = done(self.job) + 1;
        let puts = vec![self.note(work, number)?];
        self.busy.waits = true;
        let Job { task, run, .. } = *self.job;
        let cursor = vec![number].into();
        let progress = Progress { done: number.into(), total: Some(work.parts.into()) };
        let chunk = Chunk { task, run, cursor, progress, puts, expects: Vec::new() };
        Ok(Back::Chunk(chunk, self.busy.freed.chain))
    }

    /// What stands at the key, and the entry of this work behind it.
    fn note(&self, work: Work, part: u8) -> Result<Put, StoreError> {
        let key = work.key();
        let (mut value, read) = match self.busy.overlay.get(&key) {
            Some((value, mark)) => (value.to_vec(), *mark),
            None => {
                let state = self.desk.store.state(&key)?;
                (state.value.unwrap_or_default().to_vec(), state.read)
            }
        };
        value.extend(work.entry(part));
        Ok(Put { key, value: Some(value.into()), read })
    }
}

fn attempt_failed(busy: &mut Busy, job: &Job, now: Monotonic, why: &str) -> Back {
    let outcome = Outcome::Ephemeral(Fault::ephemeral(UNREADABLE, why));
    complete(busy, job, outcome, Vec::new(), now)
}

/// Whether an attempt came to nothing because its handler could not read.
pub(crate) fn is_unread(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Ephemeral(fault) if *fault.code == *UNREADABLE)
}

fn complete(busy: &mut Busy, job: &Job, outcome: Outcome, puts: Vec<Put>, now: Monotonic) -> Back {
    busy.jobs.pop_front();
    let freed = busy.jobs.is_empty().then_some(busy.freed);
    let completion = Completion {
        task: job.task,
        attempt: job.attempt,
        run: job.run,
        outcome,
        progress: None,
        puts,
        expects: Vec::new(),
        call: overtime_protocol::CallEnd::Untold,
        started: now,
        ended: now,
    };
    Back::Done(completion, freed)
}
