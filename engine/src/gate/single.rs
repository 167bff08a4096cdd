//! One gate: the calls to one upstream, and whether another may start. It knows its own upstream
//! only, and makes no call.
//!
//! ```text
//! Open -> Shed -> Probing -> Ramping -> Open
//!          ^                  |
//!          +------------------+ a relapse
//! any  -> Held -> Ramping       by a person
//! ```

mod turns;

use super::cohort::{Cohort, Place};
use super::history::History;
use super::news::Rule;
use super::outcomes::{Outcomes, Sample};
use super::places::{Busy, Places};
use super::probes::{self, Found, Shed};
use super::ramp::{Pace, Ramp};
use super::retries::Retries;
use super::signs::Signs;
use super::{Start, UNBOUNDED};
use overtime_protocol::{
    CallEnd, CallNumber, GateMode, Hour, Monotonic, Now, UnixMillis, Upstream, UpstreamId,
};
use std::collections::HashMap;
use std::time::Duration;

/// The gate of one upstream.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) id: UpstreamId,
    pub(super) mode: GateMode,
    slow: Duration,
    pub(super) state: State,
    /// When the state began.
    pub(super) since: Now,
    /// From the first shed until it is open again.
    pub(super) episode: Option<Episode>,
    pub(super) episodes: u64,
    /// How long it was left alone before the last relapse, if there was one of late.
    pub(super) last_hold: Duration,
    pub(super) opened: Option<Now>,
    /// The rule that is broken, if it has been for long enough.
    broken: Option<Rule>,
    flights: HashMap<CallNumber, Flight>,
    pub(super) probes_out: usize,
    last_call: CallNumber,
    pub(super) last_start: Option<Monotonic>,
    /// Counts the states, so that a call knows in which it began.
    round: u64,
    pub(super) places: Places,
    pub(super) cohort: Cohort,
    signs: Signs,
    pub(super) retries: Retries,
    pub(super) pace: Pace,
    pub(super) firsts_waiting: usize,
    /// When there is something to judge.
    due: Option<Monotonic>,
    pub(super) outcomes: Outcomes,
    history: History,
}

#[derive(Debug)]
pub(super) enum State {
    Open,
    Shed(Shed),
    Ramping(Ramp),
    /// Shed by a person.
    Held,
}

/// A time in which an upstream is bad.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    pub(super) since: Now,
    /// When the first sign was there.
    pub(super) bad_since: Monotonic,
    pub(super) rule: Rule,
    /// Calls that started a second before.
    pub(super) pace: f64,
}

/// A call that is out.
#[derive(Clone, Copy, Debug)]
struct Flight {
    started: Monotonic,
    place: Option<Place>,
    round: u64,
    is_probe: bool,
}

impl Gate {
    pub(super) fn new(id: UpstreamId, upstream: &Upstream, workers: usize) -> Self {
        let wanted = if upstream.calls_max == 0 { UNBOUNDED } else { upstream.calls_max };
        let places = match upstream.mode {
            GateMode::Shed => wanted.min(workers / 4),
            GateMode::Observe => wanted,
            GateMode::Off => UNBOUNDED,
        };
        Self {
            id,
            mode: upstream.mode,
            slow: upstream.slow,
            state: State::Open,
            since: Now::default(),
            episode: None,
            episodes: 0,
            last_hold: Duration::ZERO,
            opened: None,
            broken: None,
            flights: HashMap::new(),
            probes_out: 0,
            last_call: CallNumber(0),
            last_start: None,
            round: 0,
            places: Places::new(places),
            cohort: Cohort::new(upstream.slow),
            signs: Signs::default(),
            retries: Retries::new(),
            pace: Pace::default(),
            firsts_waiting: 0,
            due: None,
            outcomes: Outcomes::default(),
            history: History::default(),
        }
    }

    /// How many of its calls are out.
    pub(super) fn out(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn is_shed(&self) -> bool {
        matches!(self.state, State::Shed(_) | State::Held)
    }

    pub(super) fn is_paused(&self, now: Monotonic) -> bool {
        self.places.paused_until(now).is_some()
    }

    pub(super) fn may_start(&self, start: Start, now: Monotonic) -> bool {
        self.has_place(now) && self.is_paced(now) && self.has_budget(start, now)
    }

    /// Whether an end of a call is what it waits for, or a person.
    fn has_place(&self, now: Monotonic) -> bool {
        let places = self.places.count();
        match &self.state {
            State::Held => false,
            State::Open => self.out() < places,
            State::Shed(_) => self.probes_out < probes::OUT_MAX,
            State::Ramping(ramp) => self.out() < places && ramp.has_place(places, now),
        }
    }

    /// Whether time is what it waits for.
    fn is_paced(&self, now: Monotonic) -> bool {
        self.paced_from(now) <= now
    }

    fn paced_from(&self, now: Monotonic) -> Monotonic {
        let paced = match &self.state {
            State::Open | State::Held => now,
            State::Shed(shed) => shed.next_probe.max(shed.hold_until),
            State::Ramping(ramp) => ramp.next_start(),
        };
        paced.max(self.places.paused_until(now).unwrap_or(now))
    }

    fn has_budget(&self, start: Start, now: Monotonic) -> bool {
        start == Start::First || !self.counts_retries() || self.retries.may_start(now)
    }

    /// A probe is a probe, whatever it is for.
    fn counts_retries(&self) -> bool {
        let is_not_well = matches!(self.state, State::Ramping(_)) || self.signs.is_ailing();
        let is_gated = self.mode == GateMode::Shed;
        is_gated && !self.is_shed() && (is_not_well || self.firsts_waiting > 0)
    }

    pub(super) fn next_opening(&self, now: Monotonic) -> Option<Monotonic> {
        if !self.has_place(now) {
            return self.ramp_grows(now);
        }
        let paced = Some(self.paced_from(now)).filter(|&from| now < from);
        let counted = self.counts_retries();
        paced.or_else(|| self.retries.next_opening(now).filter(|_| counted))
    }

    /// The places of a ramp come with time too.
    fn ramp_grows(&self, now: Monotonic) -> Option<Monotonic> {
        let State::Ramping(ramp) = &self.state else { return None };
        let has_more = self.out() < self.places.count() && now < ramp.ends_at();
        has_more.then(|| (now + Duration::from_millis(100)).min(ramp.ends_at()))
    }

    /// How long a call that starts now may take, if not as long as its kind says.
    pub(super) fn call_limit(&self) -> Option<Duration> {
        matches!(self.state, State::Shed(_)).then(|| probes::limit(self.slow))
    }

    /// The call takes its place.
    pub(super) fn start(&mut self, start: Start, now: Monotonic) -> CallNumber {
        let call = CallNumber(self.last_call.0 + 1);
        (self.last_call, self.last_start) = (call, Some(now));
        self.retries.note(start, now);
        let mut flight = Flight { started: now, place: None, round: self.round, is_probe: false };
        match &mut self.state {
            State::Shed(shed) => {
                flight.is_probe = true;
                self.probes_out += 1;
                shed.start(call, probes::step(self.slow), now);
                let is_news = !shed.is_told;
                self.due_by(if is_news { now } else { now + self.slow });
            }
            State::Ramping(ramp) => {
                ramp.start(now);
                flight.place = self.watch(now);
            }
            State::Open => {
                self.pace.note(now);
                flight.place = self.watch(now);
            }
            State::Held => {}
        }
        self.flights.insert(call, flight);
        call
    }

    fn watch(&mut self, now: Monotonic) -> Option<Place> {
        if self.mode == GateMode::Off {
            return None;
        }
        self.due_by(now + self.slow);
        self.cohort.begin(now)
    }

    /// The call is over. An hour that has passed comes back.
    pub(super) fn end(&mut self, call: CallNumber, end: CallEnd, now: Now) -> Option<Hour> {
        let out = self.out();
        let flight = self.flights.remove(&call)?;
        let took = now.monotonic.since(flight.started);
        let is_slow = took > self.slow;
        if let Some(place) = flight.place {
            self.cohort.end(place, took, end);
        }
        self.probes_out -= usize::from(flight.is_probe);
        self.note_end(&flight, call, found(end, is_slow), now.monotonic);
        match end {
            CallEnd::Busy { retry_after } if self.mode == GateMode::Shed => {
                let busy = Busy { started: flight.started, out, retry_after };
                self.places.busy(busy, now.monotonic);
            }
            CallEnd::Answered if !is_slow => self.places.answered(),
            _ => {}
        }
        let started = UnixMillis(now.unix.0.saturating_sub(took.as_millis() as u64));
        self.outcomes.note(Sample { started, took, end }, is_slow);
        self.history.note(took, end, now.unix)
    }

    fn note_end(&mut self, flight: &Flight, call: CallNumber, found: Found, now: Monotonic) {
        let is_of_this_round = flight.round == self.round;
        match &mut self.state {
            State::Shed(shed) => {
                shed.probes.end(call, found);
                if call == self.last_call {
                    shed.came_back(flight.started);
                }
                self.due_by(now);
            }
            State::Ramping(ramp) if is_of_this_round => ramp.end(),
            State::Open | State::Ramping(_) | State::Held => {}
        }
        if found == Found::Bad && flight.place.is_some() {
            self.due_by(now + turns::INTERVAL);
        }
    }

    fn due_by(&mut self, at: Monotonic) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// When there is something to judge.
    pub(super) fn due(&self) -> Option<Monotonic> {
        self.due
    }

    pub(super) fn close_hour(&mut self, now: UnixMillis) -> Option<Hour> {
        self.history.close(now)
    }
}

fn found(end: CallEnd, is_slow: bool) -> Found {
    match end {
        CallEnd::Busy { .. } | CallEnd::Untold => Found::Nothing,
        CallEnd::Answered if !is_slow => Found::Good,
        CallEnd::Answered | CallEnd::Failed(_) => Found::Bad,
    }
}
