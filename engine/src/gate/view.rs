//! What there is to be seen of a gate. It is made when somebody looks, and changes nothing.

use super::news::Rule;
use super::outcomes::Ends;
use super::single::{Gate, State};
use overtime_protocol::{GateMode, Monotonic, Now, UnixMillis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The states of a gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everything goes out.
    #[default]
    Open,
    /// Nothing does, and no probe yet.
    Shed,
    /// Only probes do.
    Probing,
    /// More and more does.
    Ramping,
    /// A person holds it.
    Held,
}

impl Phase {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Shed => "shed",
            Self::Probing => "probing",
            Self::Ramping => "ramping",
            Self::Held => "held",
        }
    }
}

/// One gate as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct GateView {
    /// What it does when its upstream turns bad.
    pub mode: GateMode,
    /// Its state.
    pub phase: Phase,
    /// When that began; 0 if it has been open since this process has.
    pub since: UnixMillis,
    /// Why it was shed, while it is not open again; if it only observes, why it would be.
    pub rule: Option<Rule>,
    /// When that was, relapses included.
    pub shed_since: Option<UnixMillis>,
    /// Until when it is left alone.
    pub hold_until: Option<UnixMillis>,
    /// When the next probe may go out.
    pub next_probe: Option<UnixMillis>,
    /// Until when it asked to be left alone.
    pub paused_until: Option<UnixMillis>,
    /// Calls that are out.
    pub places_taken: usize,
    /// How many may be; `None` if there is no bound.
    pub places: Option<usize>,
    /// Probes among those that are out.
    pub probes_out: usize,
    /// A tenth of the window took no longer.
    pub p10: Option<Duration>,
    /// Half of it took no longer.
    pub p50: Option<Duration>,
    /// Nine of ten took no longer.
    pub p90: Option<Duration>,
    /// The calls in the window: the last that are old enough to be known as fast or slow.
    pub window: usize,
    /// Those of them that were slow.
    pub slow: usize,
    /// Those of them that failed sooner.
    pub failed: usize,
    /// The calls of this process.
    pub ends: Ends,
    /// How often it was shed, relapses left out.
    pub episodes: u64,
    /// The retries among the calls of late, from 0 to 1.
    pub retry_share: f64,
}

impl Gate {
    pub(super) fn phase(&self) -> Phase {
        match &self.state {
            State::Open => Phase::Open,
            State::Shed(shed) if shed.is_probed => Phase::Probing,
            State::Shed(_) => Phase::Shed,
            State::Ramping(_) => Phase::Ramping,
            State::Held => Phase::Held,
        }
    }

    pub(super) fn view(&self, now: Now) -> GateView {
        let (share, durations) =
            (self.cohort.share(usize::MAX), self.cohort.durations(now.monotonic));
        let at = |at| unix(at, now);
        let shed = match &self.state {
            State::Shed(shed) => Some(shed),
            State::Open | State::Ramping(_) | State::Held => None,
        };
        let places = self.places.count();
        GateView {
            mode: self.mode,
            phase: self.phase(),
            since: self.since.unix,
            rule: self.episode.map(|episode| episode.rule),
            shed_since: self.episode.map(|episode| episode.since.unix),
            hold_until: shed
                .map(|shed| shed.hold_until)
                .filter(|&until| now.monotonic < until)
                .map(at),
            next_probe: shed.map(|shed| at(shed.next_probe.max(shed.hold_until))),
            paused_until: self.places.paused_until(now.monotonic).map(at),
            places_taken: self.out(),
            places: (places != super::UNBOUNDED).then_some(places),
            probes_out: self.probes_out,
            p10: percentile(&durations, 10),
            p50: percentile(&durations, 50),
            p90: percentile(&durations, 90),
            window: share.calls,
            slow: share.slow,
            failed: share.failed,
            ends: self.outcomes.ends(),
            episodes: self.episodes,
            retry_share: self.retries.share(),
        }
    }
}

/// The nearest rank among those that are sorted.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The same point on the other clock.
pub(super) fn unix(at: Monotonic, now: Now) -> UnixMillis {
    let (ahead, ago) = (at.since(now.monotonic), now.monotonic.since(at));
    UnixMillis((now.unix + ahead).0.saturating_sub(ago.as_millis() as u64))
}
