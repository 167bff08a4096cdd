//! What a task costs the engine, on an empty queue and behind a million tasks of ten thousand
//! tenants: `cargo bench -p overtime-engine`. The processor time of this thread is taken, for all that
//! becomes of a task: taken in, accepted, started, ended, ended on disk. It measures, and never fails
//! because of a figure. Whoever does not say `--bench`, such as `cargo test --benches`, wants to know
//! whether it runs, not how fast.

use overtime_engine::{Effect, Engine, Event, Freed, LanePlan, Limits, Seed, Setup, Submission};
use overtime_protocol::{
    Completion, Epoch, Fate, Form, Job, Kind, KindId, Now, Outcome, Payload, Product, ReplyTo,
    TenantId, Ticket, UnixMillis, Verdict,
};
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::time::Duration;

const TENANTS: u32 = 10_000;
const WORKERS: usize = 200;
/// So many tasks come and go in a turn of the loop.
const PER_TURN: usize = 16;
/// Longer than what goes out in chains.
const EXECUTION: Duration = Duration::from_millis(1);
/// A task behind a million may cost so many times one on an empty queue.
const BAR: f64 = 1.2;

/// How much is measured.
struct Extent {
    waiting: usize,
    tasks: usize,
    rounds: usize,
}

const FULL: Extent = Extent { waiting: 1_000_000, tasks: 200_000, rounds: 7 };
const TRIAL: Extent = Extent { waiting: 20_000, tasks: 1_000, rounds: 1 };

/// An engine with its clients, its workers and its journal, which do at once what is asked of them.
struct Stage {
    engine: Engine,
    now: Now,
    chance: Seed,
    payload: Payload,
    tenants: Vec<TenantId>,
    out: Vec<Effect>,
    tickets: Vec<Ticket>,
    at_work: VecDeque<(Job, Freed)>,
    submitted: u64,
}

impl Stage {
    fn new() -> Self {
        let mut engine = Engine::new(Setup {
            limits: Limits::default(),
            kinds: vec![Kind::durable("work").acting_outside()],
            upstreams: Vec::new(),
            incidents: Vec::new(),
            plan: LanePlan::new(WORKERS, 2),
            epoch: Epoch(1),
            highest: None,
            seed: Seed::new(1),
        });
        let tenants = (0..TENANTS).map(|number| engine.tenant(&format!("tenant-{number}")));
        let tenants = tenants.collect();
        Self {
            engine,
            now: Now { unix: UnixMillis(1_800_000_000_000), ..Now::default() },
            chance: Seed::new(2),
            payload: Payload::seal(vec![vec![b'x'; 200].into()]),
            tenants,
            out: Vec::new(),
            tickets: Vec::new(),
            at_work: VecDeque::new(),
            submitted: 0,
        }
    }

    fn event(&mut self, event: Event) {
        self.engine.handle(event, self.now, &mut self.out);
    }

    /// Somebody sends work and does not wait for it.
    fn submit(&mut self) {
        self.submitted += 1;
        let tenant = self.tenants[self.chance.below(u64::from(TENANTS)) as usize];
        let submission = Submission {
            reply_to: ReplyTo(self.submitted),
            tenant,
            kind: KindId(0),
            form: Form::Single,
            wait: Duration::ZERO,
            urgency: 3,
            delay: Duration::ZERO,
            key: None,
            strict: false,
            payload: self.payload.clone(),
            content_type: None,
            traceparent: None,
        };
        self.event(Event::Submitted(submission));
    }

    /// What was appended is on disk.
    fn commit(&mut self) {
        self.take_effects();
        for ticket in std::mem::take(&mut self.tickets) {
            let fate = Fate::Durable { lsn: self.submitted };
            self.event(Event::Judged(Verdict { ticket, fate }));
        }
        self.take_effects();
    }

    fn start(&mut self) {
        let now = self.now;
        self.engine.tick(usize::MAX, now, &mut self.out);
        self.engine.dispatch(PER_TURN, now, &mut self.out);
        self.take_effects();
    }

    fn complete(&mut self) {
        for _ in 0..PER_TURN {
            let Some((job, freed)) = self.at_work.pop_front() else { return };
            let completion = Completion {
                task: job.task,
                attempt: job.attempt,
                run: job.run,
                outcome: Outcome::Done(Product::default()),
                progress: None,
                puts: Vec::new(),
                expects: Vec::new(),
                call: overtime_protocol::CallEnd::Untold,
                started: self.now.monotonic,
                ended: self.now.monotonic + EXECUTION,
            };
            self.event(Event::Completed { completion, freed: Some(freed) });
        }
    }

    fn take_effects(&mut self) {
        for effect in self.out.drain(..) {
            match effect {
                Effect::Append(append) => self.tickets.push(append.ticket),
                Effect::Dispatch(mut chain) => {
                    let freed = Freed { chain: chain.number, lane: chain.lane };
                    let job = chain.jobs.pop().expect("a chain has a job");
                    self.at_work.push_back((job, freed));
                }
                _ => {}
            }
        }
    }

    fn turn(&mut self) {
        self.now.monotonic = self.now.monotonic + EXECUTION;
        self.now.unix = self.now.unix + EXECUTION;
        (0..PER_TURN).for_each(|_| self.submit());
        self.commit();
        self.start();
        self.complete();
        self.commit();
    }

    /// Tasks that wait behind one another, while nothing is started.
    fn fill(&mut self, tasks: usize) {
        for _ in 0..tasks {
            self.submit();
            self.commit();
        }
    }

    /// Nanoseconds of this thread that a task took.
    fn measure(&mut self, tasks: usize) -> f64 {
        let before = processor_time();
        (0..tasks / PER_TURN).for_each(|_| self.turn());
        let spent = processor_time().saturating_sub(before);
        spent.as_nanos() as f64 / (tasks / PER_TURN * PER_TURN) as f64
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it begins at zero");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let is_measuring = std::env::args().any(|argument| argument == "--bench");
    let Extent { waiting, tasks, rounds } = if is_measuring { FULL } else { TRIAL };
    let (mut empty, mut full) = (Stage::new(), Stage::new());
    full.fill(waiting);
    // Before it is counted, each has been there for a while.
    empty.measure(tasks / 4);
    full.measure(tasks / 4);
    let (mut of_empty, mut of_full) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_empty.push(empty.measure(tasks));
        of_full.push(full.measure(tasks));
    }
    assert_eq!(empty.engine.stats().tasks, 0, "nothing waits here");
    assert_eq!(full.engine.stats().tasks, waiting as u64, "as many come as go");
    let (alone, behind) = (median(of_empty.clone()), median(of_full.clone()));
    println!("of_empty {of_empty:.0?}\nof_full  {of_full:.0?}");
    println!("nanoseconds of engine for a task, medians of {rounds} rounds of {tasks}:");
    println!("  on an empty queue                          {alone:>8.0}");
    println!("  behind {waiting} of {TENANTS} tenants        {behind:>8.0}");
    println!("  factor                                     {:>8.2}  (bar {BAR})", behind / alone);
}
