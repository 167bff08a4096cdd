//! A server in a storm: callers with little patience, workers that take their time and a journal that
//! takes a millisecond, by the clock of a simulation. A seed decides the whole of it.

use super::callers::{Callers, Returns, Seen};
use super::completion::done;
use super::harness::setup;
use crate::admission::AdmissionRules;
use crate::engine::{Engine, Setup};
use crate::event::{Effect, Event, Freed, Submission};
use crate::limits::Limits;
use crate::seed::Seed;
use overtime_protocol::{
    Answer, Chain, Code, Completion, Fate, Form, Job, Kind, KindId, Lane, Monotonic, Now, Payload,
    ReplyTo, Ticket, UnixMillis, Verdict,
};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

pub(super) const WORKERS: usize = 10;
pub(super) const EXEC: Duration = Duration::from_millis(50);
const SYNC: Duration = Duration::from_millis(1);
/// A turn of the core's loop.
const TURN: Duration = Duration::from_micros(200);

/// What is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A caller of a crowd comes, or comes again.
    Comes(usize),
    /// The next one of a stream comes.
    Streams(usize),
    /// A caller waits no longer.
    GivesUp(ReplyTo),
    /// A worker is through.
    Completes(usize),
    Durable(Ticket),
}

/// One who waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    group: usize,
    since: Monotonic,
}

pub(super) struct Storm {
    pub(super) engine: Engine,
    pub(super) now: Now,
    pub(super) groups: Vec<(Callers, Seen)>,
    /// Arrivals a second of the streams.
    pub(super) rates: Vec<f64>,
    /// The most that stood in the lane of single calls at the end of a turn.
    pub(super) waiting_max: u64,
    /// When the journal stands still: what it has then is on disk at the end.
    pub(super) stall: std::ops::Range<Monotonic>,
    chance: Seed,
    due: BinaryHeap<Reverse<(Monotonic, u64, Due)>>,
    sequence: u64,
    callers: u64,
    waiting: HashMap<ReplyTo, Waiting>,
    at_work: Vec<Option<(Job, Freed)>>,
    out: Vec<Effect>,
}

impl Storm {
    pub(super) fn new(seed: u64, rules: AdmissionRules) -> Self {
        let limits = Limits { admission: rules, ..Limits::default() };
        let kinds = vec![Kind::durable("sleep").in_memory()];
        let engine = Engine::new(Setup { kinds, ..setup(WORKERS, limits, seed) });
        Self {
            engine,
            now: Now { monotonic: Monotonic(0), unix: UnixMillis(1_800_000_000_000) },
            groups: Vec::new(),
            rates: Vec::new(),
            waiting_max: 0,
            stall: Monotonic(0)..Monotonic(0),
            chance: Seed::new(seed ^ 0x5707),
            due: BinaryHeap::new(),
            sequence: 0,
            callers: 0,
            waiting: HashMap::new(),
            at_work: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Single calls a second that the workers can do.
    pub(super) fn capacity(&self) -> f64 {
        self.engine.plan().ceiling(Lane::Interactive) as f64 / EXEC.as_secs_f64()
    }

    /// So many callers come within two seconds.
    pub(super) fn crowd(&mut self, callers: Callers, count: u64) {
        self.groups.push((callers, Seen::default()));
        self.rates.push(0.0);
        let group = self.groups.len() - 1;
        self.groups[group].1.first = count;
        for _ in 0..count {
            let after = self.chance.jitter(Duration::from_secs(2));
            self.later(after, Due::Comes(group));
        }
    }

    /// Callers of this group come at random.
    pub(super) fn stream(&mut self, callers: Callers, rate: f64) -> usize {
        self.groups.push((callers, Seen::default()));
        self.rates.push(rate);
        let group = self.groups.len() - 1;
        self.await_next(group);
        group
    }

    fn await_next(&mut self, group: usize) {
        let chance = (self.chance.below(1 << 32) + 1) as f64 / (1_u64 << 32) as f64;
        let gap = -chance.ln() / self.rates[group];
        self.later(Duration::from_secs_f64(gap), Due::Streams(group));
    }

    /// What some of the groups saw together.
    pub(super) fn seen_by(&self, groups: std::ops::Range<usize>) -> Seen {
        let mut all = Seen::default();
        for (_, seen) in &self.groups[groups] {
            all.offered += seen.offered;
            all.first += seen.first;
            all.cut += seen.cut;
            all.refused += seen.refused;
            all.gave_up += seen.gave_up;
            all.spans.extend(&seen.spans);
            all.served.resize(all.served.len().max(seen.served.len()), 0);
            all.served.iter_mut().zip(&seen.served).for_each(|(sum, count)| *sum += count);
        }
        all
    }

    /// Nobody of the crowds comes again, and nobody of them waits any more.
    pub(super) fn end_crowds(&mut self) {
        self.due.retain(|Reverse((.., due))| !matches!(due, Due::Comes(_) | Due::GivesUp(_)));
        self.waiting.clear();
    }

    fn later(&mut self, after: Duration, due: Due) {
        self.sequence += 1;
        self.due.push(Reverse((self.now.monotonic + after, self.sequence, due)));
    }

    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now.monotonic + span;
        while self.now.monotonic < end {
            self.turn(end);
        }
    }

    fn turn(&mut self, end: Monotonic) {
        let next = self.due.peek().map(|Reverse((at, ..))| *at);
        let next = [next, self.engine.next_deadline()].into_iter().flatten().min();
        let next = next
            .unwrap_or(end)
            .max(self.now.monotonic + TURN)
            .min(end.max(self.now.monotonic + TURN));
        let span = next.since(self.now.monotonic);
        self.now.monotonic = next;
        self.now.unix = UnixMillis(1_800_000_000_000 + next.0 / 1_000_000);
        debug_assert!(!span.is_zero());
        while self.due.peek().is_some_and(|Reverse((at, ..))| *at <= next) {
            let Some(Reverse((_, _, due))) = self.due.pop() else { break };
            self.happen(due);
        }
        while self.engine.tick(256, self.now, &mut self.out) == 256 {}
        while self.engine.dispatch(64, self.now, &mut self.out) == 64 {}
        for effect in std::mem::take(&mut self.out) {
            self.apply(effect);
        }
        let waiting = self.engine.stats().queued[Lane::Interactive];
        self.waiting_max = self.waiting_max.max(waiting);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Comes(group) => self.submit(group),
            Due::Streams(group) => {
                self.await_next(group);
                self.groups[group].1.first += 1;
                self.submit(group);
            }
            Due::GivesUp(caller) => {
                let Some(waiting) = self.waiting.remove(&caller) else { return };
                self.groups[waiting.group].1.gave_up += 1;
                if self.groups[waiting.group].0.returns != Returns::Never {
                    self.submit(waiting.group);
                }
            }
            Due::Completes(place) => {
                let Some((job, freed)) = self.at_work[place].take() else { return };
                let ended = self.now.monotonic;
                let started = Monotonic(ended.0 - EXEC.as_nanos() as u64);
                let completion = Completion { started, ..done(&job, ended) };
                self.event(Event::Completed { completion, freed: Some(freed) });
            }
            Due::Durable(ticket) => {
                self.event(Event::Judged(Verdict { ticket, fate: Fate::Durable { lsn: 1 } }));
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.engine.handle(event, self.now, &mut self.out);
    }

    fn submit(&mut self, group: usize) {
        self.callers += 1;
        let reply_to = ReplyTo(self.callers);
        let (callers, seen) = &mut self.groups[group];
        let Callers { tenant, wait, strict, .. } = *callers;
        seen.offered += 1;
        self.waiting.insert(reply_to, Waiting { group, since: self.now.monotonic });
        let patience = self.patience();
        self.later(patience, Due::GivesUp(reply_to));
        self.event(Event::Submitted(Submission {
            reply_to,
            tenant,
            kind: KindId(0),
            form: Form::Single,
            wait,
            urgency: 3,
            delay: Duration::ZERO,
            key: None,
            strict,
            payload: Payload::seal(vec![b"{\"ms\":50}".to_vec().into()]),
            content_type: None,
            traceparent: None,
        }));
    }

    /// Two to three seconds.
    fn patience(&mut self) -> Duration {
        Duration::from_secs(2) + self.chance.jitter(Duration::from_secs(1))
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { to, answer } => self.answer(to, &answer),
            Effect::Append(append) => self.later(self.until_synced(), Due::Durable(append.ticket)),
            Effect::Dispatch(chain) => self.work(chain),
            Effect::Recall(_) => {}
            other => panic!("nobody asks for that: {other:?}"),
        }
    }

    fn until_synced(&self) -> Duration {
        let is_still = self.stall.contains(&(self.now.monotonic + SYNC));
        if is_still { self.stall.end.since(self.now.monotonic) } else { SYNC }
    }

    fn work(&mut self, chain: Chain) {
        let Chain { number, lane, mut jobs, .. } = chain;
        let job = jobs.pop().expect("a chain of one");
        assert!(jobs.is_empty(), "they are not brief");
        self.at_work.push(Some((job, Freed { chain: number, lane })));
        self.later(EXEC, Due::Completes(self.at_work.len() - 1));
    }

    fn answer(&mut self, to: ReplyTo, answer: &Answer) {
        // Whoever gave up hears nothing.
        let Some(waiting) = self.waiting.remove(&to) else { return };
        let second = (self.now.monotonic.0 / 1_000_000_000) as usize;
        let seen = &mut self.groups[waiting.group].1;
        match answer {
            Answer::Result { .. } => {
                seen.served.resize(seen.served.len().max(second + 1), 0);
                seen.served[second] += 1;
                seen.spans.push(self.now.monotonic.since(waiting.since));
            }
            Answer::Accepted { .. } => {
                seen.cut += 1;
                seen.told.push(self.now.monotonic.since(waiting.since));
            }
            Answer::Problem(problem) => {
                assert_eq!(problem.code, Code::Overloaded);
                seen.refused += 1;
            }
            other => panic!("nobody asked for that: {other:?}"),
        }
        let is_served = matches!(answer, Answer::Result { .. });
        let returns = self.groups[waiting.group].0.returns;
        if returns == Returns::Always || (returns == Returns::UntilServed && !is_served) {
            let patience = self.patience();
            self.later(patience, Due::Comes(waiting.group));
        }
    }
}
