//! The circuit: while nobody listens at the server's address and the budget is spent, calls fail at
//! once instead of knocking, and one now and then looks whether somebody is back. It never opens
//! because of an answer, be it a refusal: who answers is there.

use super::backoff::Backoff;
use super::random::Random;
use overtime_protocol::Monotonic;
use std::time::Duration;

/// The way to one server.
#[derive(Clone, Debug)]
pub struct Circuit {
    backoff: Backoff,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    /// When somebody may look again.
    probe_at: Monotonic,
    /// How often nobody was there.
    failures: u32,
}

impl Circuit {
    /// A closed circuit, whose probes are that far apart once it is open.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, open: None }
    }

    /// Whether a call may be sent. One that may although the circuit is open is the probe, and
    /// those behind it wait for the next.
    ///
    /// # Errors
    /// It may not: so long until the next probe.
    pub fn permit(&mut self, now: Monotonic, random: &mut Random) -> Result<(), Duration> {
        match self.open {
            Some(open) if now < open.probe_at => Err(open.probe_at.since(now)),
            Some(_) => {
                self.trip(now, random);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Nobody listened, and there is no budget to try again.
    pub fn trip(&mut self, now: Monotonic, random: &mut Random) {
        let failures = self.open.map_or(0, |open| open.failures).saturating_add(1);
        let probe_at = now + self.backoff.pause(failures, random);
        self.open = Some(Open { probe_at, failures });
    }

    /// Somebody listens.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Whether calls fail at once.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_probe_at_a_time_and_ever_further_apart() {
        let backoff = Backoff { first: SECOND, most: 30 * SECOND };
        let (mut circuit, mut random) = (Circuit::new(backoff), Random::new(1));
        let mut now = Monotonic(0);
        assert!(circuit.permit(now, &mut random).is_ok(), "it is closed at first");
        circuit.trip(now, &mut random);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let wait = circuit.permit(now, &mut random).unwrap_err();
            waits.push(wait);
            now = now + wait;
            assert!(circuit.permit(now, &mut random).is_ok(), "the probe");
            assert!(circuit.permit(now, &mut random).is_err(), "and only one");
        }
        assert!(waits[0] >= SECOND / 2 && waits[7] >= 15 * SECOND, "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 30 * SECOND));
        circuit.close();
        assert!(circuit.permit(now, &mut random).is_ok() && !circuit.is_open());
    }
}
