//! One life of the simulated server: an engine, a journal and workers, wired as the real core wires
//! them, but each moved by a call. It decides nothing about when.

mod wiring;

use crate::drive::Drive;
use crate::kinds::{TENANTS, kinds, tenant_name};
use crate::log_disk::LogDisk;
use crate::oracle::Oracle;
use crate::plan::Profile;
use crate::time::Time;
use crate::trace::Trace;
use crate::vfs;
use crate::workers::{Back, Desk, Workers, is_unread};
use overtime_engine::{Effect, Engine, Event, LanePlan, Limits, Seed, Setup};
use overtime_journal::{
    ArchiveFiles, Backlog, OpenError, Options, Report, Steps, Storage, Store, StoreError, open_on,
};
use overtime_protocol::{
    Answer, ChainNumber, Lookup, Opener, Query, Read, ReplyTo, Scope, SpoolOrder,
};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The most lookups that wait; more reads are refused.
const LOOKUPS_MAX: usize = 32;

/// How many tasks of a former process are handed over at once.
const PART: usize = 5;

/// All that a life is born into.
pub(crate) struct Cradle {
    pub(crate) folder: std::path::PathBuf,
    pub(crate) drive: Arc<Drive>,
    pub(crate) time: Arc<Time>,
    pub(crate) profile: Profile,
    pub(crate) trace: Trace,
    /// Whether verdicts are given before anything is on disk, to see that this is found out.
    pub(crate) judges_early: bool,
}

/// A running server.
pub(crate) struct Life {
    pub(crate) engine: Engine,
    pub(crate) journal: Steps,
    pub(crate) workers: Workers,
    store: Store,
    mail: Arc<Mutex<VecDeque<Report>>>,
    lookups: VecDeque<Lookup>,
    orders: VecDeque<SpoolOrder>,
    backlog: Option<Backlog>,
    clean: bool,
    recalled: Vec<(ChainNumber, usize)>,
    plan: LanePlan,
    /// Spare workers that were asked for, by the how-manieth each of them is.
    hiring: Vec<u64>,
    hires: u64,
    out: Vec<Effect>,
    judges_early: bool,
    drive: Arc<Drive>,
    /// How many faults happened before it.
    faults_before: usize,
    /// A bit may have changed on disk.
    pub(crate) is_rotten: bool,
    /// The engine knows that the journal has failed.
    pub(crate) has_failed: bool,
    trace: Trace,
}

/// The process's one opener.
pub(crate) fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("nobody else mints")).clone()
}

impl Life {
    /// Opens what the drive holds.
    pub(crate) fn begin(cradle: &Cradle, seed: u64) -> Result<Self, OpenError> {
        let Cradle { folder, drive, time, profile, trace, judges_early } = cradle;
        let faults_before = drive.state().weather.happened.len();
        vfs::mount(&folder.to_string_lossy(), drive);
        let archive =
            ArchiveFiles::Named { vfs: vfs::NAME.to_owned(), beside: Arc::new(vfs::Beside) };
        let storage = Storage { log: Arc::new(LogDisk(Arc::clone(drive))), archive };
        let options = options(folder, profile, time);
        let mut opened = open_on(&options, opener(), storage)?;
        let recovered = opened.recovered();
        for note in opened.notes() {
            trace.add(format_args!("  noted {note}"));
        }
        let backlog = opened.take_backlog();
        let mail = Arc::new(Mutex::new(VecDeque::new()));
        let (box_of_core, power, is_early) = (Arc::clone(&mail), Arc::clone(drive), *judges_early);
        let journal = opened.into_steps(Arc::new(move |report| {
            // What is said when the power has gone nobody hears.
            let was_told = is_early && matches!(report, Report::Verdicts(_));
            if !power.is_off() && !was_told {
                box_of_core.lock().push_back(report);
            }
        }));
        let plan = LanePlan::new(profile.workers, 2).up_to(profile.workers + 2);
        let mut engine = Engine::new(Setup {
            limits: Limits { tasks_max: profile.tasks_max, waiters_max: 3, ..Limits::default() },
            kinds: kinds(),
            upstreams: Vec::new(),
            incidents: Vec::new(),
            plan,
            epoch: recovered.epoch,
            highest: recovered.highest,
            seed: Seed::new(seed),
        });
        // In each life the numbers stand for the same names.
        (1..TENANTS).for_each(|number| {
            engine.tenant(&tenant_name(number));
        });
        engine.begin_recovery();
        trace.add(format_args!("  life {} begins, clean {}", recovered.epoch.0, recovered.clean));
        Ok(Self {
            engine,
            store: journal.store(),
            journal,
            workers: Workers::default(),
            mail,
            lookups: VecDeque::new(),
            orders: VecDeque::new(),
            backlog,
            clean: recovered.clean,
            recalled: Vec::new(),
            plan,
            hiring: Vec::new(),
            hires: 0,
            out: Vec::new(),
            judges_early: *judges_early,
            drive: Arc::clone(drive),
            faults_before,
            is_rotten: false,
            has_failed: false,
            trace: trace.clone(),
        })
    }

    /// Whether something may not be readable in this life.
    pub(crate) fn has_faults(&self) -> bool {
        self.is_rotten || self.drive.state().weather.happened.len() > self.faults_before
    }

    /// Something comes to the core.
    pub(crate) fn event(&mut self, event: Event, time: &Time) {
        self.engine.handle(event, time.now(), &mut self.out);
        self.engine.audit();
    }

    /// Asks the journal behind the engine's back.
    pub(crate) fn read(&mut self, reply_to: ReplyTo, scope: Scope, query: Query) {
        self.out.push(Effect::Read(Read { reply_to, scope, query }));
    }

    /// A worker gets on.
    pub(crate) fn work(&mut self, chance: &mut Seed, oracle: &mut Oracle, time: &Time) {
        let opener = opener();
        let desk = Desk { store: &self.store, opener: &opener, now: time.now().monotonic };
        let back = self.workers.work(&desk, chance);
        match back {
            None => {}
            Some(Back::Chunk(chunk, chain)) => {
                self.trace.add(format_args!("  part of {}#{}", chunk.task, chunk.run));
                self.event(Event::Advanced { chunk, chain }, time);
            }
            Some(Back::Done(completion, freed)) => {
                let (task, run) = (completion.task, completion.run);
                oracle.comes_back(task, &completion.outcome);
                let could_read = !is_unread(&completion.outcome);
                assert!(could_read || self.has_faults(), "nothing fails, and {task} cannot read");
                self.trace.add(format_args!("  back {task}#{run}: {:?}", completion.outcome));
                self.event(Event::Completed { completion, freed }, time);
            }
        }
    }

    /// One lookup is served, any of those that wait.
    pub(crate) fn look_up(&mut self, chance: &mut Seed) {
        let place = chance.below((self.lookups.len() as u64).max(1)) as usize;
        if let Some(lookup) = self.lookups.remove(place) {
            self.journal.look_up(lookup);
        }
    }

    /// The spool does one thing.
    pub(crate) fn spool(&mut self) {
        if let Some(order) = self.orders.pop_front() {
            self.journal.spool(order);
        }
    }

    /// Hands over what a former process left, once the archive has it.
    pub(crate) fn hand_over(&mut self, oracle: &mut Oracle, time: &Time) {
        let Some(backlog) = self.backlog.as_mut().filter(|backlog| backlog.is_ready()) else {
            return;
        };
        match backlog.next(PART) {
            Ok(unfinished) if unfinished.is_empty() => {
                self.backlog = None;
                self.event(Event::RecoveryEnded, time);
            }
            Ok(unfinished) => {
                unfinished.iter().for_each(|one| oracle.recovered(one.task));
                self.trace.add(format_args!("  {} go on", unfinished.len()));
                let clean = self.clean;
                self.event(Event::Recovered { unfinished, clean }, time);
            }
            Err(error) => self.mail.lock().push_back(Report::Failed(error.to_string())),
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.lookups.is_empty()
            && self.orders.is_empty()
            && self.backlog.is_none()
            && self.mail.lock().is_empty()
            && !self.journal.has_appends()
    }

    /// What the journal itself answers now, with nothing else in between.
    pub(crate) fn ask_journal(&mut self, query: Query) -> Answer {
        let reply_to = ReplyTo(u64::MAX);
        self.journal.look_up(Lookup::Read(Read { reply_to, scope: Scope::All, query }));
        let last = self.mail.lock().pop_back();
        match last {
            Some(Report::Answer(to, answer)) if to == reply_to => answer,
            other => panic!("the journal does not answer: {other:?}"),
        }
    }

    /// What stands at a key of state.
    pub(crate) fn state(&self, key: &[u8]) -> Result<Vec<u8>, StoreError> {
        let state = self.store.state(key)?;
        Ok(state.value.unwrap_or_default().to_vec())
    }

    /// Closes the journal in order.
    pub(crate) fn close(self) {
        let Self { journal, backlog, store, .. } = self;
        drop((backlog, store));
        journal.close();
    }
}

fn options(folder: &Path, profile: &Profile, time: &Time) -> Options {
    let mut options = Options::new(folder);
    options.segment_bytes = profile.segment_bytes;
    options.log_max_bytes = profile.segments * profile.segment_bytes;
    options.readers = 1;
    options.catch_up_max = std::time::Duration::ZERO;
    options.clock = time.clock();
    options
}
