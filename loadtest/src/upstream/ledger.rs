//! What has happened to an upstream: who was connected, each call from its beginning to its end, and
//! what took effect. An effect belongs to its `Idempotency-Key`: it happens once, however often the
//! call comes; whoever sends the same work under two keys has it happen twice, and that is told.

use super::told::Told;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// With an answer.
    Answered(u16),
    /// We closed the connection before.
    Cut,
    /// The caller did.
    Left,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When its request was here as a whole.
    pub begun: Instant,
    /// When and how it ended, if it has.
    pub ended: Option<(Instant, CallEnd)>,
}

/// Names a call among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallNumber(usize);

/// What is known of one key.
#[derive(Clone, Copy, Debug)]
struct Work {
    deliveries: u32,
    is_applied: bool,
    body: u64,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Each call, in order of beginning.
    pub calls: Vec<Call>,
    keys: HashMap<Box<str>, Work>,
    /// Under how many keys a body has come.
    bodies: HashMap<u64, u32>,
    under_way: usize,
    under_way_max: usize,
    connections: usize,
    connections_max: usize,
    without_key: u64,
    repeated: u64,
    changed: u64,
}

impl Ledger {
    /// Somebody has connected.
    pub fn connected(&mut self) {
        self.connections += 1;
        self.connections_max = self.connections_max.max(self.connections);
    }

    /// Somebody is connected no more.
    pub fn disconnected(&mut self) {
        self.connections -= 1;
    }

    /// A call has come.
    pub fn begin(&mut self, key: Option<&str>, body: &[u8], now: Instant) -> CallNumber {
        match key {
            Some(key) => self.deliver(key, body),
            None => self.without_key += 1,
        }
        self.under_way += 1;
        self.under_way_max = self.under_way_max.max(self.under_way);
        self.calls.push(Call { begun: now, ended: None });
        CallNumber(self.calls.len() - 1)
    }

    fn deliver(&mut self, key: &str, body: &[u8]) {
        let body = hash(body);
        if let Some(work) = self.keys.get_mut(key) {
            work.deliveries += 1;
            self.changed += u64::from(work.body != body);
        } else {
            *self.bodies.entry(body).or_default() += 1;
            self.keys.insert(key.into(), Work { deliveries: 1, is_applied: false, body });
        }
    }

    /// What it asks for is done, unless it was done before.
    pub fn apply(&mut self, key: Option<&str>) {
        let Some(work) = key.and_then(|key| self.keys.get_mut(key)) else { return };
        self.repeated += u64::from(work.is_applied);
        work.is_applied = true;
    }

    /// A call has ended.
    pub fn end(&mut self, number: CallNumber, end: CallEnd, now: Instant) {
        let ended = &mut self.calls[number.0].ended;
        if ended.is_none() {
            *ended = Some((now, end));
            self.under_way -= 1;
        }
    }

    /// How often the call with that key has come.
    pub fn deliveries_of(&self, key: &str) -> u32 {
        self.keys.get(key).map_or(0, |work| work.deliveries)
    }

    /// How many calls were under way at a time at most, of those that `counts` lets count.
    pub fn at_once(&self, counts: impl Fn(&Call) -> bool) -> usize {
        let mut steps = Vec::new();
        for call in self.calls.iter().filter(|call| counts(call)) {
            steps.push((call.begun, 1_isize));
            steps.extend(call.ended.map(|(at, _)| (at, -1)));
        }
        // Of what happens at the same time, ends come first.
        steps.sort_unstable();
        let running = steps.iter().scan(0, |under_way, (_, step)| {
            *under_way += step;
            Some(*under_way)
        });
        running.max().map_or(0, isize::unsigned_abs)
    }

    /// How many calls were under way then.
    pub fn under_way_at(&self, at: Instant) -> usize {
        let is_under_way =
            |call: &&Call| call.begun <= at && call.ended.is_none_or(|(ended, _)| ended > at);
        self.calls.iter().filter(is_under_way).count()
    }

    /// When for the first time from `since` on `count` calls have begun within `span`.
    pub fn paced_from(&self, since: Instant, count: usize, span: Duration) -> Option<Instant> {
        let begun: Vec<Instant> =
            self.calls.iter().map(|call| call.begun).filter(|begun| *begun >= since).collect();
        begun.windows(count).find(|run| run[count - 1] - run[0] <= span).map(|run| run[count - 1])
    }

    /// How many calls have not been answered 200 in the end.
    pub fn failures(&self) -> u64 {
        let is_done = |call: &&Call| matches!(call.ended, Some((_, CallEnd::Answered(200))));
        (self.calls.len() - self.calls.iter().filter(is_done).count()) as u64
    }

    /// The numbers to tell.
    pub fn told(&self) -> Told {
        let mut told = Told {
            connections: self.connections,
            connections_max: self.connections_max,
            under_way: self.under_way,
            under_way_max: self.under_way_max,
            deliveries: self.calls.len(),
            keys: self.keys.len(),
            applied: self.keys.values().filter(|work| work.is_applied).count(),
            repeated: self.repeated,
            deliveries_of_a_key_max: self
                .keys
                .values()
                .map(|work| work.deliveries)
                .max()
                .unwrap_or(0),
            bodies_under_several_keys: self.bodies.values().filter(|keys| **keys > 1).count(),
            keys_with_several_bodies: self.changed,
            without_key: self.without_key,
            ..Told::default()
        };
        for (_, end) in self.calls.iter().filter_map(|call| call.ended) {
            match end {
                CallEnd::Answered(status) => *told.answers.entry(status).or_default() += 1,
                CallEnd::Cut => told.cut += 1,
                CallEnd::Left => told.left += 1,
            }
        }
        told
    }
}

fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_under_its_key_takes_effect_once() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for end in [CallEnd::Answered(503), CallEnd::Left, CallEnd::Answered(200)] {
            let call = ledger.begin(Some("a"), b"pay", now);
            if end != CallEnd::Answered(503) {
                ledger.apply(Some("a"));
            }
            ledger.end(call, end, now);
        }
        let told = ledger.told();
        assert_eq!((told.keys, told.applied, told.repeated), (1, 1, 1));
        assert_eq!((told.deliveries, told.deliveries_of_a_key_max), (3, 3));
        assert_eq!((told.bodies_under_several_keys, told.keys_with_several_bodies), (0, 0));
        assert_eq!((told.answers[&200], told.answers[&503], told.left), (1, 1, 1));
        assert_eq!(
            (ledger.failures(), ledger.deliveries_of("a"), ledger.deliveries_of("b")),
            (2, 3, 0)
        );
    }

    #[test]
    fn the_same_work_under_two_keys_and_a_key_with_two_bodies_are_told() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for (key, body) in [("a", b"one"), ("b", b"one"), ("b", b"two"), ("c", b"two")] {
            ledger.begin(Some(key), body, now);
            ledger.apply(Some(key));
        }
        ledger.begin(None, b"three", now);
        let told = ledger.told();
        assert_eq!((told.keys, told.applied, told.repeated), (3, 3, 1));
        assert_eq!((told.bodies_under_several_keys, told.keys_with_several_bodies), (1, 1));
        assert_eq!((told.without_key, told.under_way, told.under_way_max), (1, 5, 5));
    }

    #[test]
    fn calls_are_counted_while_they_are_under_way() {
        let (mut ledger, begun) = (Ledger::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        for (from, until) in [(0, 10), (5, 20), (10, 30), (40, 50)] {
            let call = ledger.begin(None, b"", at(from));
            ledger.end(call, CallEnd::Answered(200), at(until));
        }
        assert_eq!(ledger.at_once(|_| true), 2);
        assert_eq!(ledger.at_once(|call| call.begun >= at(10)), 1);
        assert_eq!(ledger.at_once(|_| false), 0);
        assert_eq!([0, 7, 10, 35, 45].map(|ms| ledger.under_way_at(at(ms))), [1, 2, 2, 0, 1]);
    }

    #[test]
    fn a_pace_is_reached_when_enough_calls_began_within_the_span() {
        let (mut ledger, begun) = (Ledger::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        for ms in [0, 1, 2, 1_000, 1_900, 2_000, 2_100] {
            ledger.begin(None, b"", at(ms));
        }
        let second = Duration::from_secs(1);
        assert_eq!(ledger.paced_from(begun, 3, second), Some(at(2)));
        assert_eq!(ledger.paced_from(at(2), 3, second), Some(at(2_000)));
        assert_eq!(ledger.paced_from(at(1_000), 5, second), None);
    }

    #[test]
    fn connections_are_counted_now_and_at_most() {
        let mut ledger = Ledger::default();
        ledger.connected();
        ledger.connected();
        ledger.disconnected();
        assert_eq!((ledger.told().connections, ledger.told().connections_max), (1, 2));
    }
}
