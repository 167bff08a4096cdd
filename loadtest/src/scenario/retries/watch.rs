//! A look at the workers every few milliseconds, while tasks wait for their next attempts.

use crate::metrics::Metrics;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(10);

/// What all looks have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) looks: u64,
    /// The most tasks that had neither a worker nor a place in a lane.
    pub(super) waiting_max: f64,
    /// The fewest busy workers while at least half of all tasks waited.
    pub(super) busy_min: Option<f64>,
}

impl Seen {
    fn look(&mut self, metrics: &Metrics, tasks: usize) -> anyhow::Result<()> {
        let busy = metrics.sum("overtime_lane_running")?;
        let queued = metrics.sum("overtime_lane_queued")?;
        let waiting = metrics.sum("overtime_tasks_live")? - busy - queued;
        self.note(waiting, busy, tasks);
        Ok(())
    }

    fn note(&mut self, waiting: f64, busy: f64, tasks: usize) {
        self.looks += 1;
        self.waiting_max = self.waiting_max.max(waiting);
        if waiting * 2.0 >= tasks as f64 {
            self.busy_min = Some(self.busy_min.map_or(busy, |least| least.min(busy)));
        }
    }
}

/// A thread that looks.
#[derive(Debug)]
pub(super) struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Seen>>,
}

impl Watch {
    /// Looks at the metrics at `admin` until it is stopped.
    pub(super) fn start(admin: SocketAddr, tasks: usize) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = is_over.clone();
        let look = move || {
            let mut seen = Seen::default();
            while !stop.load(Ordering::Relaxed) {
                seen.look(&Metrics::read(admin)?, tasks)?;
                std::thread::sleep(PAUSE);
            }
            Ok(seen)
        };
        let thread = std::thread::Builder::new().name("watch".into()).spawn(look);
        Ok(Self { is_over, thread: thread.context("cannot start a thread")? })
    }

    pub(super) fn stop(self) -> anyhow::Result<Seen> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_busy_while_half_of_all_wait_counts() {
        let mut seen = Seen::default();
        seen.note(4.0, 0.0, 10);
        assert_eq!(seen.busy_min, None);
        seen.note(5.0, 7.0, 10);
        seen.note(9.0, 3.0, 10);
        seen.note(0.0, 0.0, 10);
        assert_eq!(seen, Seen { looks: 4, waiting_max: 9.0, busy_min: Some(3.0) });
    }
}
