//! What happens to a server in the course of a run: how many operations arrive a second, and from
//! when until when a crowd of callers insists on being served. It knows no clock: all times are
//! spans from the start of the run.

use std::time::Duration;

/// The course of a run.
#[derive(Clone, Debug)]
pub struct Script {
    /// Operations that arrive, whatever the server does; from each stage until the next.
    pub stages: Vec<Stage>,
    /// Callers who come all together.
    pub flood: Option<Flood>,
    /// How long the run lasts.
    pub until: Duration,
    /// How many connections there may be.
    pub connections: u64,
    /// Decides when clients lose their patience, and when they come back.
    pub seed: u64,
}

/// A rate of arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// From when on.
    pub from: Duration,
    /// Operations a second, evenly spaced.
    pub per_second: f64,
}

/// A crowd of callers, each with an operation, and with the next as soon as that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flood {
    /// How many.
    pub clients: usize,
    /// When they begin to come.
    pub from: Duration,
    /// Within this span from then on each of them has called once.
    pub spread: Duration,
    /// From then on nobody calls again.
    pub until: Duration,
}

impl Script {
    /// A steady rate for so long.
    pub fn steady(per_second: f64, until: Duration) -> Self {
        let stages = vec![Stage { from: Duration::ZERO, per_second }];
        Self { stages, flood: None, until, connections: 18_000, seed: 1 }
    }

    pub(super) fn arrivals(&self) -> Arrivals {
        Arrivals { stages: self.stages.clone(), stage: 0, next: Duration::ZERO }
    }
}

/// When operations arrive.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    stages: Vec<Stage>,
    stage: usize,
    next: Duration,
}

impl Arrivals {
    /// When the next arrives; none if no more do.
    pub(super) fn next(&mut self) -> Option<Duration> {
        loop {
            let ends = self.stages.get(self.stage + 1).map(|next| next.from);
            if let Some(ends) = ends.filter(|ends| self.next >= *ends) {
                (self.next, self.stage) = (ends, self.stage + 1);
            } else if self.stages.get(self.stage)?.per_second > 0.0 {
                return Some(self.next);
            } else {
                self.next = ends?;
            }
        }
    }

    /// It has arrived.
    pub(super) fn take(&mut self) {
        if let Some(stage) = self.stages.get(self.stage).filter(|stage| stage.per_second > 0.0) {
            self.next += Duration::from_secs_f64(1.0 / stage.per_second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(stages: &[(u64, f64)], until: u64) -> Vec<u128> {
        let stage = |(from, per_second): &(u64, f64)| Stage {
            from: Duration::from_millis(*from),
            per_second: *per_second,
        };
        let until = Duration::from_millis(until);
        let stages = stages.iter().map(stage).collect();
        let mut arrivals = Script { stages, ..Script::steady(1.0, until) }.arrivals();
        let mut due = Vec::new();
        while let Some(next) = arrivals.next().filter(|next| *next < until) {
            due.push(next.as_millis());
            arrivals.take();
        }
        due
    }

    #[test]
    fn a_stage_begins_when_it_is_said_to() {
        assert_eq!(due(&[(0, 2.0), (900, 10.0)], 1_150), [0, 500, 900, 1_000, 1_100]);
    }

    #[test]
    fn nothing_arrives_in_a_stage_without_a_rate() {
        assert_eq!(due(&[(0, 0.0), (300, 10.0), (500, 0.0)], 9_000), [300, 400]);
        assert_eq!(due(&[], 9_000), [0; 0]);
    }
}
