//! Random days: clients, workers and a journal that do anything in any order. Each day is decided
//! by its seed, which a failure names; `OVERTIME_ENGINE_SEED=n` replays one, `OVERTIME_ENGINE_DAYS=n`
//! plays so many.

use super::completion::done;
use super::followers::Followers;
use super::harness::{kinds, setup};
use super::key_journal::KeyJournal;
use super::sights::{Sights, TENANTS};
use super::task_journal::{Move, TaskJournal};
use crate::admission::AdmissionRules;
use crate::engine::Engine;
use crate::event::{Ask, Effect, Event, Freed, Sight, Steer, Submission, Wants, Wish};
use crate::limits::Limits;
use crate::seed::Seed;
use crate::stats::Stats;
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::record::{Change, Put, ReadMark};
use overtime_protocol::repair::{Remedy, RepairOrder};
use overtime_protocol::{
    Append, CallEnd, CallGrant, CallNumber, CallReport, Chain, ChainNumber, Chunk, Completion,
    Fate, Fault, Fingerprint, Form, Go, Job, KeyHash, KindId, LANES, Lane, MemoryPressure, Now,
    Outcome, Payload, PerLane, Policy, Product, Progress, Rate, ReplyTo, Ruling, SpoolOrder,
    Spooled, TaskId, TenantId, TenantName, UnixMillis, UpstreamId, UpstreamOrder, Verdict,
};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

struct Day {
    engine: Engine,
    chance: Seed,
    now: Now,
    out: Vec<Effect>,
    appends: VecDeque<Append>,
    at_work: Vec<AtWork>,
    /// Chains that were recalled, and from where: the engine has not heard of it yet.
    recalled: Vec<(ChainNumber, usize)>,
    /// Spare workers that were asked for and have not come.
    hiring: u32,
    /// Payloads that the spool has to keep.
    spooling: VecDeque<TaskId>,
    /// Payloads that have files.
    files: HashSet<TaskId>,
    owed: HashSet<ReplyTo>,
    answered: HashSet<ReplyTo>,
    seen_tasks: Vec<TaskId>,
    ends: HashMap<TaskId, u32>,
    next_caller: u64,
    keys: KeyJournal,
    tasks: TaskJournal,
    followers: Followers,
    sights: Sights,
    /// Those of payloads of parked tasks.
    resting_files: HashSet<TaskId>,
    /// Those whose workers were asked to stop.
    stopped: HashSet<TaskId>,
}

/// The place of the kind that calls an upstream.
const PAY: KindId = KindId(6);

/// A chain that is out.
struct AtWork {
    freed: Freed,
    size: usize,
    /// Those that are not done.
    jobs: VecDeque<Job>,
    /// A chunk of the first was sent, and its ruling has not come.
    waits: bool,
    /// It was told to end there.
    ends: Option<Go>,
    /// It wants calls, and no grant has come.
    wants: bool,
    /// Calls that it was granted and has not told to have ended.
    calls: Vec<CallNumber>,
    /// Its upstream is shed.
    is_held: bool,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut limits = Limits { tasks_max: 60, waiters_max: 3, ..Limits::default() };
        // On some days there is not enough for all that is read again.
        if seed.is_multiple_of(4) {
            limits.payload_memory_max_bytes = 800_000;
        }
        // On some days it is soon too much for those who wait.
        if seed % 5 < 2 {
            let (delay, standing) = (Duration::from_micros(100), Duration::from_micros(50));
            limits.admission = AdmissionRules { enabled: true, delay, standing, room_min: 1 };
        }
        let workers = if limits.admission.room_min == 1 { 1 } else { 3 };
        let mut setup = setup(workers, limits, seed);
        // On most days others stand in for workers that are held for long.
        setup.plan.foreground_max += (seed % 3) as usize;
        let mut engine = Engine::new(setup);
        (1..TENANTS)
            .for_each(|number| assert_eq!(engine.tenant(&format!("t{number}")).0, number as u32));
        // On some days one of them may not do much.
        if seed.is_multiple_of(3) {
            let rate = Some(Rate { per_second: 2.0, burst: 3 });
            let mut ring = KeyRing::default();
            for (id, tenant) in [("one", "t1"), ("two", "t2")] {
                let tenant = TenantName::new(tenant).expect("that is the form of one");
                let secret = SecretHash::of("s");
                ring.add(id, KeyEntry { tenant, secret, expires: None });
            }
            let name = TenantName::new("t1").expect("that is the form of one");
            ring.allow(name, Policy { rate, concurrency: Some(2), ..Policy::default() });
            engine.handle(Event::Policies(Arc::new(ring)), Now::default(), &mut Vec::new());
        }
        Self {
            engine,
            chance: Seed::new(seed ^ 0xdead_beef),
            now: Now { unix: UnixMillis(1_800_000_000_000), ..Now::default() },
            out: Vec::new(),
            appends: VecDeque::new(),
            at_work: Vec::new(),
            recalled: Vec::new(),
            hiring: 0,
            spooling: VecDeque::new(),
            files: HashSet::new(),
            owed: HashSet::new(),
            answered: HashSet::new(),
            seen_tasks: Vec::new(),
            ends: HashMap::new(),
            next_caller: 0,
            keys: KeyJournal::default(),
            tasks: TaskJournal::default(),
            followers: Followers::default(),
            sights: Sights::default(),
            resting_files: HashSet::new(),
            stopped: HashSet::new(),
        }
    }

    fn step(&mut self) {
        match self.chance.below(14) {
            13 => self.follow(),
            10..12 => self.look_up(),
            12 => self.steer(),
            0..3 => self.submit(),
            8 if self.chance.below(4) == 0 => self.press(),
            8 => self.spool(),
            3 => self.ask(),
            4..6 => self.complete(),
            6..8 => self.judge(),
            _ => self.pass_time(),
        }
        self.settle();
    }

    fn caller(&mut self) -> ReplyTo {
        self.next_caller += 1;
        let caller = ReplyTo(self.next_caller);
        self.owed.insert(caller);
        caller
    }

    fn asker(&mut self) -> (ReplyTo, Sight) {
        let chance = self.chance.below(TENANTS + 1);
        let caller = self.caller();
        (caller, self.sights.of(caller, chance))
    }

    fn event(&mut self, event: Event) {
        let before = self.out.len();
        self.engine.handle(event, self.now, &mut self.out);
        self.followers.hear(&self.out[before..]);
        self.sights.note(&self.engine);
        self.engine.audit();
    }

    fn follow(&mut self) {
        let chance = self.chance.below(1 << 20);
        if let Some(event) = self.followers.change_their_mind(chance) {
            self.event(event);
        }
    }

    fn submit(&mut self) {
        let tenant = self.chance.below(TENANTS);
        let reply_to = self.caller();
        self.sights.of(reply_to, tenant);
        let submission = Submission {
            reply_to,
            tenant: TenantId(tenant as u32),
            kind: KindId(self.chance.below(kinds().len() as u64) as u16),
            form: if self.chance.below(4) == 0 { Form::Bulk } else { Form::Single },
            wait: Duration::from_millis([0, 1, 20, 3000][self.chance.below(4) as usize]),
            urgency: self.chance.below(8) as u8,
            delay: Duration::from_millis([0, 0, 0, 500][self.chance.below(4) as usize]),
            payload: Payload::seal(vec![vec![0; self.chance.below(80_000) as usize].into()]),
            content_type: None,
            traceparent: None,
            // A key is hashed with the name of its tenant.
            key: (self.chance.below(3) == 0)
                .then(|| KeyHash([(self.chance.below(4) * TENANTS + tenant) as u8; 16])),
            strict: self.chance.below(8) == 0,
        };
        self.event(Event::Submitted(submission));
    }

    fn ask(&mut self) {
        let Some(&task) = pick(&self.seen_tasks, &mut self.chance) else { return };
        let wants = [Wants::Document, Wants::Result][self.chance.below(2) as usize];
        let wait = Duration::from_millis([0, 50][self.chance.below(2) as usize]);
        let (reply_to, scope) = self.asker();
        self.event(Event::Asked(Ask { reply_to, scope, task, wants, wait }));
    }

    fn steer(&mut self) {
        let Some(&task) = pick(&self.seen_tasks, &mut self.chance) else { return };
        let (reply_to, scope) = self.asker();
        let event = match self.chance.below(5) {
            4 => self.steer_upstream(reply_to),
            3 => self.repair(reply_to),
            0 => Event::AskedWhy { reply_to, scope, task },
            1 => Event::Steered(Steer { reply_to, scope, task, wish: Wish::Cancel }),
            _ => Event::Steered(Steer { reply_to, scope, task, wish: Wish::Retry }),
        };
        self.event(event);
    }

    fn steer_upstream(&mut self, reply_to: ReplyTo) -> Event {
        let name = || self.engine.upstreams[0].name.clone();
        let order = match self.chance.below(3) {
            0 => UpstreamOrder::Hold(name()),
            1 => UpstreamOrder::Release(name()),
            _ => UpstreamOrder::ShowAll { limit: 1, after: None },
        };
        Event::UpstreamsAsked { reply_to, order }
    }

    /// The worker of a bulk body tells of its calls, and wants more.
    fn report_calls(&mut self, place: usize) {
        let out = &mut self.at_work[place];
        let (Job { task, run, .. }, chain) = (out.jobs[0].clone(), out.freed.chain);
        let ended = out.calls.drain(..).map(|call| (call, CallEnd::Answered)).collect();
        let wanted = if out.wants { 0 } else { self.chance.below(4) as u16 };
        out.wants |= wanted > 0;
        let report = CallReport { upstream: UpstreamId(0), ended, wanted };
        self.event(Event::CallsReported { task, run, chain, report });
    }

    fn grant(&mut self, chain: ChainNumber, grant: CallGrant) {
        let mut out = self.at_work.iter_mut();
        let out = out.find(|out| out.freed.chain == chain).expect("a chain that is out");
        assert!(std::mem::take(&mut out.wants), "a grant for nobody");
        match grant {
            CallGrant::Granted { calls, .. } => out.calls.extend(calls),
            CallGrant::Shed => out.is_held = true,
        }
    }

    fn repair(&mut self, reply_to: ReplyTo) -> Event {
        let order = Box::new(RepairOrder {
            print: self.chance.below(3),
            remedy: [Remedy::Retry, Remedy::Discard][self.chance.below(2) as usize],
            kind: None,
            dry_run: self.chance.below(4) == 0,
            rate: [1, 100, 10_000][self.chance.below(3) as usize],
            stop_at: (self.chance.below(2) == 0).then(|| self.chance.below(3)),
        });
        Event::RepairAsked { reply_to, order }
    }

    fn complete(&mut self) {
        if self.at_work.is_empty() {
            return;
        }
        let place = self.chance.below(self.at_work.len() as u64) as usize;
        let AtWork { freed, waits, ends, .. } = &mut self.at_work[place];
        let (chain, yields) = (freed.chain, ends.take().is_some());
        if *waits {
            return;
        }
        let (is_held, wants) = (self.at_work[place].is_held, self.at_work[place].wants);
        let calls = self.at_work[place].jobs[0].kind == PAY
            && self.at_work[place].jobs[0].form == Form::Bulk;
        if calls && !is_held && self.chance.below(2) == 0 {
            self.report_calls(place);
            return;
        }
        if wants && !yields {
            return;
        }
        let AtWork { freed, jobs, waits, .. } = &mut self.at_work[place];
        let saves = self.chance.below(if jobs[0].form == Form::Bulk { 2 } else { 6 }) == 0;
        if saves && !yields {
            *waits = true;
            let Job { task, run, .. } = jobs[0];
            self.send_chunk(task, run, chain);
            return;
        }
        let job = jobs.pop_front().expect("a chain is dropped when it is empty");
        let freed = jobs.is_empty().then_some(*freed);
        if freed.is_some() {
            self.at_work.swap_remove(place);
        }
        let outcome = match self.chance.below(6) {
            _ if is_held => Outcome::Held(UpstreamId(0)),
            _ if yields => Outcome::Yielded,
            _ if self.stopped.remove(&job.task) && self.chance.below(2) == 0 => Outcome::Cancelled,
            0 => Outcome::Rejected(Fault::input("bad", "no")),
            1 => Outcome::Ephemeral(Fault::ephemeral("busy", "no")),
            2 => Outcome::Defect(Fault::input("bug", "no")),
            _ => Outcome::Done(Product::default()),
        };
        let is_done = matches!(outcome, Outcome::Done(_));
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        let put = Put { key: "k".into(), value: None, read };
        let completion = Completion {
            outcome,
            puts: if is_done && self.chance.below(2) == 0 { vec![put] } else { Vec::new() },
            call: [CallEnd::Untold, CallEnd::Answered][self.chance.below(2) as usize],
            ..done(&job, self.now.monotonic)
        };
        if self.chance.below(8) == 0 {
            self.event(Event::Completed { completion: completion.clone(), freed: None });
        }
        self.event(Event::Completed { completion, freed });
    }

    fn send_chunk(&mut self, task: TaskId, run: u32, chain: ChainNumber) {
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        let puts = vec![Put { key: "k".into(), value: None, read }];
        let cursor = "here".into();
        let progress = Progress::default();
        let chunk = Chunk { task, run, cursor, progress, puts, expects: Vec::new() };
        self.event(Event::Advanced { chunk, chain });
    }

    /// The ruling comes to the worker that waits for it, and to nobody else.
    fn rule(&mut self, chain: ChainNumber, ruling: Ruling) {
        let mut out = self.at_work.iter_mut();
        let out = out.find(|out| out.freed.chain == chain).expect("a chain that is out");
        assert!(std::mem::take(&mut out.waits), "a ruling for nobody");
        out.ends = match ruling {
            Ruling::Kept { go: Go::On, .. } | Ruling::Conflict => None,
            Ruling::Kept { go: Go::Yield, .. } | Ruling::Stop => Some(Go::Yield),
        };
    }

    fn press(&mut self) {
        let level = match self.chance.below(8) {
            0 => MemoryPressure::Full,
            1..4 => MemoryPressure::Alarm,
            _ => MemoryPressure::Fine,
        };
        self.event(Event::MemoryPressure(level));
    }

    fn spool(&mut self) {
        let Some(task) = self.spooling.pop_front() else { return };
        let outcome = match self.chance.below(8) {
            0 => Spooled::DiskFull,
            1 => Spooled::Failed("no".to_owned()),
            _ => Spooled::Written,
        };
        if outcome == Spooled::Written {
            self.files.insert(task);
        }
        self.event(Event::Spooled { task, outcome });
    }

    /// The journal decides on a batch, in order.
    fn judge(&mut self) {
        for _ in 0..self.chance.below(4) {
            let Some(append) = self.appends.pop_front() else { return };
            let conflicts = !append.record.puts.is_empty() && self.chance.below(3) == 0;
            let fate = if conflicts {
                Fate::Conflict { key_hash: self.chance.below(3) }
            } else if self.chance.below(15) == 0 {
                Fate::DiskFull
            } else {
                self.note_end(&append);
                Fate::Durable { lsn: self.followers.append(&append.record) }
            };
            self.event(Event::Judged(Verdict { ticket: append.ticket, fate }));
        }
    }

    /// The journal reads, and later is heard: anything may happen in between.
    fn look_up(&mut self) {
        let fingerprint = Fingerprint([self.chance.below(8).min(1) as u8; 16]);
        if self.chance.below(2) == 0 {
            self.keys.read(fingerprint, &self.tasks);
        } else if let Some((ticket, finding)) = self.keys.tell() {
            self.event(Event::Found { ticket, finding });
        }
    }

    fn note_end(&mut self, append: &Append) {
        self.keys.note(append);
        let task = append.record.task;
        match self.tasks.note(append) {
            // Its file stays for the day on which it runs again.
            Move::Parks if self.files.remove(&task) => {
                self.resting_files.insert(task);
            }
            Move::Wakes if self.resting_files.remove(&task) => {
                self.files.insert(task);
            }
            Move::Parks | Move::Wakes | Move::Ends | Move::None => {}
        }
        if matches!(append.record.change, Some(Change::Finished(..))) {
            *self.ends.entry(task).or_default() += 1;
        }
    }

    fn pass_time(&mut self) {
        let span =
            Duration::from_micros([100, 1_000, 20_000, 2_000_000][self.chance.below(4) as usize]);
        self.now.monotonic = self.now.monotonic + span;
        self.now.unix = self.now.unix + span;
    }

    /// A spare worker comes, or the system has none.
    fn hire(&mut self) {
        if self.hiring > 0 {
            self.hiring -= 1;
            let refused = self.chance.below(4) == 0;
            self.event(if refused { Event::NotHired } else { Event::Hired });
        }
    }

    /// What was recalled may be told at once or after other events.
    fn tell_recalled(&mut self) {
        for (chain, from) in std::mem::take(&mut self.recalled) {
            self.event(Event::Recalled { chain, from });
        }
    }

    fn settle(&mut self) {
        if self.chance.below(2) == 0 {
            self.tell_recalled();
            self.hire();
        }
        self.engine.tick(1000, self.now, &mut self.out);
        self.engine.audit();
        self.engine.dispatch(4, self.now, &mut self.out);
        self.engine.audit();
        self.engine.audit_floors();
        for effect in std::mem::take(&mut self.out) {
            self.sights.check(&effect, &self.engine);
            self.apply(effect);
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { to, .. } => self.answer(to),
            Effect::Notice(_) | Effect::Retire(_) => {}
            Effect::Hire => self.hiring += 1,
            Effect::Explain { to, .. } => self.answer(to),
            Effect::Read(read) => self.answer(read.reply_to),
            Effect::Inquire(inquiry) => self.keys.asked.push_back(inquiry),
            Effect::Append(append) => {
                self.seen_tasks.push(append.record.task);
                self.appends.push_back(append);
            }
            Effect::Cancel { chain, place } => {
                let mut out = self.at_work.iter();
                if let Some(out) = out.find(|out| out.freed.chain == chain) {
                    let over = out.size - out.jobs.len();
                    self.stopped.extend(place.checked_sub(over).map(|at| out.jobs[at].task));
                }
            }
            Effect::Publish { .. } => {}
            Effect::Rule { chain, ruling } => self.rule(chain, ruling),
            Effect::Grant { chain, grant } => self.grant(chain, grant),
            Effect::Spool(SpoolOrder::Write { task, .. }) => self.spooling.push_back(task),
            Effect::Spool(SpoolOrder::Remove(task)) => {
                assert!(self.files.remove(&task), "a file that is not there");
            }
            Effect::Recall(chain) => {
                // The worker has run some of it, or none but the first.
                let mut out = self.at_work.iter_mut();
                let from = out.find(|out| out.freed.chain == chain).map_or(usize::MAX, |out| {
                    let from = out.size - (out.jobs.len() - 1);
                    out.jobs.truncate(1);
                    from
                });
                self.recalled.push((chain, from));
            }
            Effect::Dispatch(Chain { number, lane, jobs, .. }) => {
                assert!(!jobs.is_empty());
                self.seen_tasks.extend(jobs.iter().map(|job| job.task));
                let mut busy = PerLane::<usize>::default();
                let freed = Freed { chain: number, lane };
                self.at_work.push(AtWork {
                    freed,
                    size: jobs.len(),
                    jobs: jobs.into(),
                    waits: false,
                    wants: false,
                    is_held: false,
                    calls: Vec::new(),
                    ends: None,
                });
                self.at_work.iter().for_each(|out| busy[out.freed.lane] += 1);
                let credits = &self.engine.credits;
                let counted: usize = LANES.map(|lane| credits.running(lane)).iter().sum();
                assert!(busy.0.iter().sum::<usize>() <= counted + credits.charged());
                let shared = busy[Lane::Control] + busy[Lane::Interactive];
                assert!(shared <= credits.plan().foreground + credits.spares());
            }
        }
    }

    fn left(&self) -> Vec<&crate::task::Task> {
        self.engine.table.iter().collect()
    }

    fn answer(&mut self, to: ReplyTo) {
        assert!(self.owed.remove(&to), "{to:?} is answered and nobody asked");
        assert!(self.answered.insert(to), "{to:?} is answered twice");
    }

    /// Faults stop; everything must come to its end.
    fn end(&mut self) {
        self.event(Event::MemoryPressure(MemoryPressure::Fine));
        let reply_to = self.caller();
        let order = UpstreamOrder::Release(self.engine.upstreams[0].name.clone());
        self.event(Event::UpstreamsAsked { reply_to, order });
        for _ in 0..20_000 {
            let repaired = self.engine.repairs.are_over();
            let (tasks, quiet) = (self.engine.stats().tasks, self.engine.is_quiet());
            if tasks == 0 && self.owed.is_empty() && repaired && quiet {
                break;
            }
            while let Some(append) = self.appends.pop_front() {
                self.note_end(&append);
                let fate = Fate::Durable { lsn: self.followers.append(&append.record) };
                self.event(Event::Judged(Verdict { ticket: append.ticket, fate }));
            }
            while !self.spooling.is_empty() {
                self.spool();
            }
            while !self.keys.is_idle() {
                self.look_up();
            }
            self.complete();
            let next = self.engine.next_deadline().filter(|&at| at > self.now.monotonic);
            let span = next.map_or(Duration::ZERO, |at| at - self.now.monotonic);
            if self.at_work.iter().all(|out| out.waits || out.wants) && self.appends.is_empty() {
                self.now.monotonic = self.now.monotonic + span;
                self.now.unix = self.now.unix + span + Duration::from_millis(1);
            }
            self.settle();
        }
        assert_eq!(self.engine.stats().tasks, 0, "without an end: {:?}", self.left());
        assert_eq!(self.owed.len(), 0, "callers without an answer");
        assert!(self.engine.hot_keys.is_empty(), "a hot key without a task");
        assert!(self.files.is_empty(), "files of tasks that are over");
        assert!(self.engine.repairs.are_over(), "a repair without an end");
        assert!(self.engine.is_quiet());
        assert_eq!(self.engine.keys.holders().count(), 0, "a key without a task");
        assert!(self.engine.brief.is_idle(), "a brief chain that nobody runs");
        assert!(self.ends.values().all(|&ends| ends == 1), "a task ended twice");
    }
}

fn pick<'a, T>(from: &'a [T], chance: &mut Seed) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(chance.below(from.len() as u64) as usize) }
}

fn run(seed: u64) -> Stats {
    let mut day = Day::new(seed);
    for _ in 0..400 {
        day.step();
    }
    day.end();
    day.engine.stats()
}

#[test]
fn whatever_happens_everything_ends_once_and_everybody_is_answered_once() {
    if let Ok(seed) = std::env::var("OVERTIME_ENGINE_SEED") {
        run(seed.parse().expect("OVERTIME_ENGINE_SEED is a number"));
        return;
    }
    let (mut cancelled, mut resumed, mut hired) = (0, 0, 0);
    let (mut trimmed, mut cut) = (0, 0);
    let days = std::env::var("OVERTIME_ENGINE_DAYS")
        .map_or(400, |days| days.parse().expect("OVERTIME_ENGINE_DAYS is a number"));
    for seed in 0..days {
        match std::panic::catch_unwind(|| run(seed)) {
            Ok(stats) => {
                cancelled += stats.cancelled;
                resumed += stats.resumed;
                hired += stats.hired;
                trimmed += stats.trimmed;
                cut += stats.cut_for_room;
            }
            Err(panic) => {
                eprintln!("replay with OVERTIME_ENGINE_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(trimmed > 25 && cut > 15, "too much room: {trimmed}, {cut}");
    assert!(cancelled > 1_000 && resumed > 1_000, "days too quiet: {cancelled}, {resumed}");
    assert!(hired > 200, "nobody is held for long: {hired}");
}

#[test]
fn a_seed_replays_the_same_day() {
    let story = |seed| {
        let mut day = Day::new(seed);
        for _ in 0..400 {
            day.step();
        }
        format!("{:?}", day.engine.stats())
    };
    assert_eq!(story(5), story(5));
    assert_ne!(story(5), story(6));
}
