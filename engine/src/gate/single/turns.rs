//! The turns that a gate takes: what it sees, what becomes of that, and what a person tells it. Each
//! turn is told once. Whether this machine is suspected is for all gates together to say.

use super::super::news::{Evidence, GateNews, Rule};
use super::super::probes::{self, Probes, Shed};
use super::super::ramp::Ramp;
use super::super::rules::Rules;
use super::super::signs::Signs;
use super::super::suspicion::Standing;
use super::{Episode, Gate, State};
use crate::seed::Seed;
use overtime_protocol::{GateMode, Monotonic, Now};
use std::time::Duration;

/// Calls are looked at no more often.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// The hold before the first probe after a relapse, and after many. The first time there is none: to
/// leave an upstream alone for longer than it is bad only makes a blip longer.
const HOLD_MIN: Duration = Duration::from_secs(5);
const HOLD_MAX: Duration = Duration::from_mins(5);
/// One that is shed so soon after it opened has relapsed as well.
const OPEN_FOR_GOOD: Duration = Duration::from_mins(5);
/// One that has not been called for so long does not count among those that are.
const ACTIVE: Duration = Duration::from_mins(1);

impl Gate {
    pub(in super::super) fn judge_by(&mut self, rules: Rules) {
        self.signs.rules = rules;
    }

    /// Looks at its calls.
    pub(in super::super) fn look(&mut self, now: Monotonic) {
        self.broken = None;
        if self.mode != GateMode::Off && matches!(self.state, State::Open | State::Ramping(_)) {
            self.cohort.age(self.signs.since().is_some(), now);
            self.broken = self.signs.look(&self.cohort, now);
        }
    }

    /// How it is, if we suspect ourselves since then.
    pub(in super::super) fn standing(&self, suspected: Option<Monotonic>) -> Standing {
        let is_open = matches!(self.state, State::Open | State::Ramping(_));
        let is_well = |since| self.signs.since().is_none() && self.cohort.is_well_since(since);
        Standing {
            bad_since: self.bad_since(),
            is_shed: !is_open,
            is_well: is_open && suspected.is_some_and(is_well),
        }
    }

    /// Since when it is bad.
    fn bad_since(&self) -> Option<Monotonic> {
        match self.state {
            State::Open | State::Ramping(_) => self.signs.since(),
            State::Shed(_) => self.episode.map(|episode| episode.bad_since),
            State::Held => None,
        }
    }

    /// Whether it counts among those that are called.
    pub(in super::super) fn is_active(&self, now: Monotonic) -> bool {
        let is_called = self.last_start.is_some_and(|start| now.since(start) <= ACTIVE);
        self.mode != GateMode::Off && (is_called || self.out() > 0 || self.episode.is_some())
    }

    /// What was seen so far was our own fault.
    pub(in super::super) fn forget(&mut self) {
        self.cohort.clear();
        self.signs.clear();
        self.broken = None;
    }

    /// Does what follows from what it saw. It is not shed while `is_suspected`.
    pub(in super::super) fn act(
        &mut self,
        is_suspected: bool,
        seed: &mut Seed,
        now: Now,
    ) -> Option<GateNews> {
        let broken = self.broken.take().filter(|_| !is_suspected);
        let news = match (&mut self.state, broken) {
            (State::Shed(_), _) => self.probe(now),
            (State::Open | State::Ramping(_), Some(rule)) => self.turn_bad(rule, seed, now),
            (State::Ramping(ramp), None) if ramp.ends_at() <= now.monotonic => self.open(now),
            (State::Open, None) => self.would_open(now),
            (State::Ramping(_) | State::Held, _) => None,
        };
        self.due = self.next_due(now.monotonic);
        news
    }

    fn turn_bad(&mut self, rule: Rule, seed: &mut Seed, now: Now) -> Option<GateNews> {
        if self.mode == GateMode::Shed {
            return Some(self.shed(rule, seed, now));
        }
        if self.episode.is_some() {
            return None;
        }
        self.begin_episode(rule, now);
        let (upstream, evidence) = (self.id, self.evidence(rule, now.monotonic));
        Some(GateNews::WouldShed { upstream, at: now.unix, rule, evidence })
    }

    fn shed(&mut self, rule: Rule, seed: &mut Seed, now: Now) -> GateNews {
        let (upstream, at) = (self.id, now.unix);
        let evidence = self.evidence(rule, now.monotonic);
        let is_relapse = matches!(self.state, State::Ramping(_));
        let hold = self.hold_after(is_relapse, seed, now.monotonic);
        self.begin_episode(rule, now);
        let next_probe = now.monotonic + probes::INTERVAL;
        let probes = Probes::new(self.last_hold);
        self.enter(State::Shed(Shed::new(now.monotonic + hold, next_probe, probes)), now);
        match is_relapse {
            true => GateNews::Relapsed { upstream, at, rule, evidence, hold },
            false => GateNews::Shed { upstream, at, rule, evidence, hold },
        }
    }

    /// Doubled with each relapse, and up to a quarter shorter, so that those that were shed together
    /// are not probed together for ever.
    fn hold_after(&mut self, is_relapse: bool, seed: &mut Seed, now: Monotonic) -> Duration {
        let opened = self.opened.map(|opened| opened.monotonic);
        let is_soon = opened.is_some_and(|opened| now.since(opened) < OPEN_FOR_GOOD);
        self.last_hold = match is_relapse || is_soon {
            true => (self.last_hold * 2).clamp(HOLD_MIN, HOLD_MAX),
            false => Duration::ZERO,
        };
        self.last_hold - seed.jitter(self.last_hold / 4)
    }

    fn begin_episode(&mut self, rule: Rule, now: Now) {
        let bad_since = self.signs.since().unwrap_or(now.monotonic);
        let pace = self.pace.per_second(now.monotonic);
        self.episodes += u64::from(self.episode.is_none());
        self.episode = Some(match self.episode {
            Some(before) => Episode { bad_since, rule, ..before },
            None => Episode { since: now, bad_since, rule, pace },
        });
    }

    /// The probes of one that is shed.
    fn probe(&mut self, now: Now) -> Option<GateNews> {
        let State::Shed(shed) = &mut self.state else { return None };
        if shed.is_probed && !shed.is_told {
            shed.is_told = true;
            self.since = now;
            return Some(GateNews::Probing { upstream: self.id, at: now.unix });
        }
        let is_well = shed.probes.judge(self.slow, now.monotonic);
        is_well.then(|| self.ramp(now))
    }

    fn ramp(&mut self, now: Now) -> GateNews {
        let pace = self.episode.map_or(0.0, |episode| episode.pace);
        self.forget();
        self.enter(State::Ramping(Ramp::new(now.monotonic, pace)), now);
        GateNews::Ramping { upstream: self.id, at: now.unix, shed_for: self.lasted(now) }
    }

    /// One that looks bad at the end of its ramp is not open before that is clear.
    fn open(&mut self, now: Now) -> Option<GateNews> {
        if self.signs.since().is_some() {
            return None;
        }
        let lasted = self.lasted(now);
        self.enter(State::Open, now);
        (self.episode, self.opened) = (None, Some(now));
        Some(GateNews::Opened { upstream: self.id, at: now.unix, lasted })
    }

    /// One that is only observed is well again when no more than a few are bad.
    fn would_open(&mut self, now: Now) -> Option<GateNews> {
        if self.episode.is_none() || self.signs.is_ailing() {
            return None;
        }
        let lasted = self.lasted(now);
        self.episode = None;
        Some(GateNews::WouldOpen { upstream: self.id, at: now.unix, lasted })
    }

    /// A person wants it to be left alone.
    pub(in super::super) fn hold(&mut self, now: Now) -> Option<GateNews> {
        if matches!(self.state, State::Held) {
            return None;
        }
        let evidence = self.evidence(Rule::Operator, now.monotonic);
        self.begin_episode(Rule::Operator, now);
        self.enter(State::Held, now);
        let (upstream, at, rule) = (self.id, now.unix, Rule::Operator);
        Some(GateNews::Shed { upstream, at, rule, evidence, hold: Duration::ZERO })
    }

    /// A person knows that it is well.
    pub(in super::super) fn release(&mut self, now: Now) -> Option<GateNews> {
        self.places.go_on();
        if !self.is_shed() {
            return None;
        }
        if self.mode == GateMode::Shed {
            self.due_by(now.monotonic + super::super::ramp::RAMP);
            return Some(self.ramp(now));
        }
        self.forget();
        self.open(now)
    }

    fn enter(&mut self, state: State, now: Now) {
        (self.state, self.since) = (state, now);
        self.round += 1;
    }

    /// What began before this process did, did so on the clock of the world.
    fn lasted(&self, now: Now) -> Duration {
        let Some(Episode { since, .. }) = self.episode else { return Duration::ZERO };
        match since.monotonic {
            Monotonic(0) => now.unix.since(since.unix),
            since => now.monotonic.since(since),
        }
    }

    fn evidence(&self, rule: Rule, now: Monotonic) -> Evidence {
        let share = Signs::calls(rule, &self.cohort);
        let durations = self.cohort.durations(now);
        let at = |percent| super::super::view::percentile(&durations, percent).unwrap_or_default();
        Evidence {
            calls: share.calls,
            slow: share.slow,
            failed: share.failed,
            p10: at(10),
            p50: at(50),
            out: self.out(),
        }
    }

    /// When there is something to look at again.
    fn next_due(&self, now: Monotonic) -> Option<Monotonic> {
        if self.mode == GateMode::Off {
            return None;
        }
        match &self.state {
            State::Held => None,
            State::Shed(shed) if shed.is_probed && !shed.is_told => Some(now),
            State::Shed(shed) => shed.probes.next_judgement(self.slow),
            State::Open => self.next_look(now),
            State::Ramping(ramp) => {
                let end = ramp.ends_at().max(now + INTERVAL);
                Some(self.next_look(now).map_or(end, |look| look.min(end)))
            }
        }
    }

    fn next_look(&self, now: Monotonic) -> Option<Monotonic> {
        let can_turn = self.out() > 0 || self.cohort.has_bad();
        let of_age = self.cohort.next_of_age().filter(|_| can_turn);
        let at = [of_age, self.signs.next_look()].into_iter().flatten().min()?;
        Some(at.max(now + INTERVAL))
    }
}
