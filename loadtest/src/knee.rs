//! How much a server can do: the highest rate at which its slowest answers are still fast. Above
//! that knee a little more load makes all answers much slower.

use crate::contestant::{Contestant, ServiceOptions, Upbringing};
use crate::crowd::LATE_MAX;
use crate::crowd::script::Script;
use crate::crowd::tally::quantile_ms;
use anyhow::Context;
use serde::Serialize;
use std::time::Duration;

/// The 99th percentile may not be above this at the knee.
pub const P99_MAX_MS: f64 = 100.0;
/// How much of what arrives has to be done.
const DONE_MIN: f64 = 0.98;
/// The knee is known to this part of what the workers could do.
const PRECISION: f64 = 0.01;
const WARMUP_MAX: Duration = Duration::from_secs(1);

/// How a server did at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Probe {
    /// Operations that arrived in a second.
    pub per_second: f64,
    /// Operations done in a second.
    pub done_per_second: f64,
    /// The 99th percentile of the answers 200.
    pub p99_ms: f64,
    /// How late the generator was.
    pub late_p99_ms: f64,
}

impl Probe {
    /// Whether the server could do it.
    pub fn is_held(&self) -> bool {
        let is_done = self.done_per_second >= self.per_second * DONE_MIN;
        is_done && self.p99_ms <= P99_MAX_MS
    }

    /// Whether it says nothing, because the generator was in its own way.
    pub fn is_void(&self) -> bool {
        self.late_p99_ms > LATE_MAX.as_secs_f64() * 1e3
    }

    /// Whether it shows that the server can do it.
    fn counts(&self) -> bool {
        self.is_held() && !self.is_void()
    }

    /// Measures a fresh server at that rate.
    pub fn of(
        contestant: Contestant,
        options: &ServiceOptions,
        per_second: f64,
    ) -> anyhow::Result<Self> {
        let measured = options.probe;
        let server = contestant.start(options)?;
        let warmup = WARMUP_MAX.min(measured);
        let script = Script::steady(per_second, warmup + measured);
        let course = server.mission(script, Upbringing::Naive).play()?;
        let told = course.tally.within(warmup..warmup + measured);
        Ok(Self {
            per_second,
            done_per_second: told.done as f64 / measured.as_secs_f64(),
            p99_ms: quantile_ms(&told.admitted, 0.99),
            late_p99_ms: course.lateness.p99_ms,
        })
    }
}

/// What the server does at its knee: at the one given, or at that which is found.
pub fn baseline(
    contestant: Contestant,
    options: &ServiceOptions,
    given: Option<f64>,
) -> anyhow::Result<Probe> {
    match given {
        Some(per_second) => Probe::of(contestant, options, per_second),
        None => {
            let probes = search(contestant, options)?;
            knee(&probes).with_context(|| format!("{contestant} holds no rate at all"))
        }
    }
}

/// Looks for the highest rate that is held.
pub fn search(contestant: Contestant, options: &ServiceOptions) -> anyhow::Result<Vec<Probe>> {
    search_by(options.ideal(), |per_second| {
        let probe = Probe::of(contestant, options, per_second)?;
        let Probe { done_per_second, p99_ms, .. } = probe;
        let told = if probe.is_held() { "held" } else { "not held" };
        eprintln!(
            "{contestant} at {per_second:.1}/s: {done_per_second:.1}/s, p99 {p99_ms:.1} ms: {told}"
        );
        Ok(probe)
    })
}

/// The best of several probes; none if none was held.
pub fn knee(probes: &[Probe]) -> Option<Probe> {
    let held = probes.iter().filter(|probe| probe.counts()).copied();
    held.max_by(|one, other| one.per_second.total_cmp(&other.per_second))
}

/// Halves what is between a rate that is held and one that is not.
fn search_by(
    ideal: f64,
    mut probe: impl FnMut(f64) -> anyhow::Result<Probe>,
) -> anyhow::Result<Vec<Probe>> {
    let (mut low, mut high) = (0.0, ideal * 1.1);
    let mut next = ideal * 0.9;
    let mut probes = Vec::new();
    while high - low > ideal * PRECISION {
        let mut found = probe(next)?;
        // Once may be a disturbance of the machine; twice is the server.
        if !found.counts() {
            found = probe(next)?;
        }
        if found.counts() {
            low = next;
        } else {
            high = next;
        }
        probes.push(found);
        next = low.midpoint(high);
    }
    Ok(probes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that is fast up to a rate, and then slow.
    fn server(capacity: f64) -> impl FnMut(f64) -> anyhow::Result<Probe> {
        move |per_second| {
            let p99_ms = if per_second <= capacity { 60.0 } else { 900.0 };
            let done_per_second = per_second.min(capacity);
            Ok(Probe { per_second, done_per_second, p99_ms, late_p99_ms: 0.1 })
        }
    }

    #[test]
    fn the_knee_is_found_wherever_it_is() {
        for capacity in [3.0, 150.0, 181.0, 199.0] {
            let probes = search_by(200.0, server(capacity)).unwrap();
            let found = knee(&probes).unwrap().per_second;
            assert!((capacity - 2.0..=capacity).contains(&found), "{found} of {capacity}");
            assert!(probes.len() <= 10, "{}", probes.len());
        }
    }

    #[test]
    fn one_disturbance_of_the_machine_is_not_the_server() {
        let (mut server, mut probed) = (server(150.0), 0);
        let disturbed = |per_second| {
            probed += 1;
            let found = server(per_second)?;
            Ok(Probe { p99_ms: if probed % 3 == 0 { 900.0 } else { found.p99_ms }, ..found })
        };
        let found = knee(&search_by(200.0, disturbed).unwrap()).unwrap().per_second;
        assert!((148.0..=150.0).contains(&found), "{found}");
    }

    #[test]
    fn a_server_that_holds_nothing_has_no_knee() {
        assert_eq!(knee(&search_by(200.0, server(0.0)).unwrap()), None);
    }

    #[test]
    fn a_probe_whose_generator_was_late_is_no_knee() {
        let mut probe = server(100.0)(50.0).unwrap();
        assert_eq!(knee(&[probe]), Some(probe));
        probe.late_p99_ms = 5.1;
        assert_eq!(knee(&[probe]), None);
    }
}
