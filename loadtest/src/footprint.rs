//! The resident memory of another process over time, looked at every quarter of a second.

use crate::usage::ProcessUsage;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(250);

/// The looks that were taken.
#[derive(Clone, Debug, Default)]
pub struct Footprint {
    pid: Option<u32>,
    next: Duration,
    looks: Vec<(Duration, u64)>,
}

impl Footprint {
    /// Of the process `pid`.
    pub fn of(pid: u32) -> Self {
        Self { pid: Some(pid), ..Self::default() }
    }

    /// Takes a look if it is time for one. A process that is not there has no memory.
    pub fn look(&mut self, now: Duration) {
        let Some(pid) = self.pid.filter(|_| now >= self.next) else { return };
        self.next = now + PAUSE;
        let bytes = ProcessUsage::of(pid).map_or(0, |usage| usage.resident_bytes);
        self.looks.push((now, bytes));
    }

    /// When it was looked, and what was found in bytes.
    pub fn looks(&self) -> &[(Duration, u64)] {
        &self.looks
    }

    /// The most that was found.
    pub fn peak_bytes(&self) -> u64 {
        self.looks.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_no_more_often_than_it_should() {
        let mut footprint = Footprint::of(std::process::id());
        for ms in [0, 100, 249, 250, 300, 600] {
            footprint.look(Duration::from_millis(ms));
        }
        assert_eq!(footprint.looks().len(), 3);
        assert!(footprint.peak_bytes() > 100_000);
        let mut nobody = Footprint::default();
        nobody.look(Duration::ZERO);
        assert_eq!(nobody.looks(), []);
    }
}
