//! Two people who look now and then, each with a new connection for every question: one submits a
//! task that is not due for long, looks at it and cancels it; one asks the admin port whether the
//! server is ready. What they need has room of its own, so nothing that callers do may shut them
//! out.

use crate::ask::{Reply, ask_within};
use crate::document::{Task, read};
use crate::latency::{Latency, Quantiles};
use crate::request::{delete, get, post_json};
use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(200);
/// Who hears nothing for this long has not been answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// Submitted, looked at, cancelled: far from being due.
const LATER: &str = "/v1/tasks/echo?delay=60m&wait=0s";

/// What both have seen.
#[derive(Clone, Debug)]
pub(super) struct Desks {
    pub(super) control: Seen,
    pub(super) admin: Seen,
}

/// What one of them has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) answered: u64,
    /// What was not as it should be, by name.
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) latency: Latency,
}

/// The same in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SeenSummary {
    pub(super) answered: u64,
    pub(super) faults: BTreeMap<String, u64>,
    pub(super) latency: Quantiles,
}

impl Seen {
    pub(super) fn summary(&self) -> SeenSummary {
        SeenSummary {
            answered: self.answered,
            faults: self.faults.clone(),
            latency: self.latency.quantiles(),
        }
    }

    pub(super) fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Asks one question; its answer, if it has the status that it should have.
    fn ask(&mut self, target: SocketAddr, request: &[u8], expected: u16) -> Option<Reply> {
        let begun = Instant::now();
        let fault = match ask_within(target, request, PATIENCE) {
            Ok(reply) if reply.status == expected => {
                self.answered += 1;
                self.latency.record(begun.elapsed());
                return Some(reply);
            }
            Ok(reply) => reply.status.to_string(),
            Err(_) => "unanswered".to_owned(),
        };
        *self.faults.entry(fault).or_default() += 1;
        None
    }
}

/// Both of them, at work.
#[derive(Debug)]
pub(super) struct Desk {
    is_over: Arc<AtomicBool>,
    control: JoinHandle<Seen>,
    admin: JoinHandle<Seen>,
}

impl Desk {
    pub(super) fn open(target: SocketAddr, admin: SocketAddr) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let control = sit("control", is_over.clone(), move |seen| look_and_cancel(seen, target))?;
        let admin = sit("admin", is_over.clone(), move |seen| {
            seen.ask(admin, &get(admin, "/readyz"), 200);
        })?;
        Ok(Self { is_over, control, admin })
    }

    pub(super) fn close(self) -> anyhow::Result<Desks> {
        self.is_over.store(true, Ordering::Relaxed);
        let end = |thread: JoinHandle<Seen>| {
            thread.join().map_err(|_| anyhow::anyhow!("a desk panicked"))
        };
        Ok(Desks { control: end(self.control)?, admin: end(self.admin)? })
    }
}

/// Looks, pauses and looks again until it is over.
fn sit(
    name: &str,
    is_over: Arc<AtomicBool>,
    look: impl Fn(&mut Seen) + Send + 'static,
) -> anyhow::Result<JoinHandle<Seen>> {
    let work = move || {
        let mut seen = Seen::default();
        while !is_over.load(Ordering::Relaxed) {
            look(&mut seen);
            std::thread::sleep(PAUSE);
        }
        seen
    };
    std::thread::Builder::new().name(name.into()).spawn(work).context("cannot open a desk")
}

fn look_and_cancel(seen: &mut Seen, target: SocketAddr) {
    let Some(reply) = seen.ask(target, &post_json(target, LATER, "{}"), 202) else { return };
    let Ok(task) = read::<Task>(&reply.body) else {
        *seen.faults.entry("no task".to_owned()).or_default() += 1;
        return;
    };
    let path = format!("/v1/tasks/{}", task.id);
    seen.ask(target, &get(target, &path), 200);
    seen.ask(target, &delete(target, &path), 200);
}
