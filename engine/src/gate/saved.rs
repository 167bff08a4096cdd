//! What outlives the process of a gate: its state, in unix time, so that a restart neither floods an
//! upstream that is shed nor takes its word for it. Calls are not in it: those that were out when
//! the process ended say nothing about the upstream. It writes nothing anywhere.

use super::news::Rule;
use super::probes::{Probes, Shed};
use super::ramp::{RAMP, Ramp};
use super::single::{Episode, Gate, State};
use super::view::{Phase, unix};
use overtime_protocol::{GateMode, Monotonic, Now, UnixMillis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The clock may have been set while nobody looked: nothing is put off for longer.
const AHEAD_MAX: Duration = Duration::from_mins(5);

/// One gate as it is kept. Points in time are in milliseconds of unix time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Its state.
    pub phase: Phase,
    /// When that began.
    pub since_ms: u64,
    /// Why it was shed, if it is not open again.
    pub rule: Option<Rule>,
    /// When it was.
    pub shed_since_ms: Option<u64>,
    /// Until when it is left alone.
    pub hold_until_ms: Option<u64>,
    /// The hold before the last probes, if that was a relapse.
    pub last_hold_ms: u64,
    /// When it opened last.
    pub opened_ms: Option<u64>,
    /// Until when it asked to be left alone.
    pub paused_until_ms: Option<u64>,
    /// Calls that started in ten seconds before it was shed.
    pub pace_per_10_s: u32,
    /// How often it was shed.
    pub episodes: u64,
}

impl Gate {
    pub(super) fn saved(&self, now: Now) -> Saved {
        let hold_until = match &self.state {
            State::Shed(shed) => Some(shed.hold_until).filter(|&until| now.monotonic < until),
            State::Open | State::Ramping(_) | State::Held => None,
        };
        let episode = self.episode.filter(|_| self.mode == GateMode::Shed || self.is_shed());
        let pace = episode.map_or(0.0, |episode| episode.pace);
        Saved {
            phase: self.phase(),
            since_ms: self.since.unix.0,
            rule: episode.map(|episode| episode.rule),
            shed_since_ms: episode.map(|episode| episode.since.unix.0),
            hold_until_ms: hold_until.map(|until| unix(until, now).0),
            last_hold_ms: self.last_hold.as_millis() as u64,
            opened_ms: self.opened.map(|opened| opened.unix.0),
            paused_until_ms: self
                .places
                .paused_until(now.monotonic)
                .map(|until| unix(until, now).0),
            pace_per_10_s: (pace * 10.0) as u32,
            episodes: self.episodes,
        }
    }

    /// Takes up what was saved. A gate that does not shed any more is open, unless a person holds it.
    pub(super) fn restore(&mut self, saved: &Saved, now: Now) {
        let before = |ms| Now { monotonic: past(ms, now), unix: UnixMillis(ms) };
        self.episodes = saved.episodes;
        self.last_hold = Duration::from_millis(saved.last_hold_ms).min(AHEAD_MAX);
        self.opened = saved.opened_ms.map(before);
        self.since = before(saved.since_ms);
        if self.mode == GateMode::Shed {
            saved
                .paused_until_ms
                .into_iter()
                .for_each(|ms| self.places.pause_until(ahead(ms, now)));
        }
        let pace = f64::from(saved.pace_per_10_s) / 10.0;
        let Some(state) = self.state_of(saved, pace, now) else { return };
        let since = before(saved.shed_since_ms.unwrap_or(saved.since_ms));
        let rule = saved.rule.unwrap_or(Rule::Operator);
        self.episode = Some(Episode { since, bad_since: since.monotonic, rule, pace });
        self.state = state;
    }

    fn state_of(&self, saved: &Saved, pace: f64, now: Now) -> Option<State> {
        match saved.phase {
            Phase::Held => Some(State::Held),
            Phase::Open => None,
            Phase::Shed | Phase::Probing | Phase::Ramping if self.mode != GateMode::Shed => None,
            Phase::Shed | Phase::Probing => {
                let hold_until = ahead(saved.hold_until_ms.unwrap_or_default(), now);
                let mut shed = Shed::new(hold_until, now.monotonic, Probes::new(self.last_hold));
                shed.is_told = saved.phase == Phase::Probing;
                shed.is_probed = shed.is_told;
                Some(State::Shed(shed))
            }
            // What it had on its way is not known any more: it goes again.
            Phase::Ramping => Some(State::Ramping(Ramp::new(now.monotonic, pace))),
        }
    }

    /// When a gate that was taken up is to be judged.
    pub(super) fn restored_due(&self, now: Monotonic) -> Option<Monotonic> {
        matches!(self.state, State::Ramping(_)).then(|| now + RAMP)
    }
}

/// A point that has passed, on the clock of this process. What was before it began is its zero.
fn past(ms: u64, now: Now) -> Monotonic {
    let ago = now.unix.since(UnixMillis(ms));
    Monotonic(now.monotonic.0.saturating_sub(ago.as_nanos() as u64))
}

/// A point that is to come, on the clock of this process.
fn ahead(ms: u64, now: Now) -> Monotonic {
    now.monotonic + UnixMillis(ms).since(now.unix).min(AHEAD_MAX)
}
