//! What a server says of the gate before an upstream, looked at ten times a second: when it was shed,
//! and when it was called again as ever.

use crate::ask::ask;
use crate::document::read;
use crate::request::get;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The upstream is called.
    Open,
    /// It is not.
    Shed,
    /// It is tried whether it is well again.
    Probing,
    /// It is called again, more and more.
    Ramping,
    /// Somebody has it not called.
    Held,
}

#[derive(Debug, Deserialize)]
struct Document {
    state: State,
}

/// Each state from when it was first seen; the first is the one that it began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    changes: Vec<(Instant, State)>,
}

impl Course {
    /// When it was shed for the first time from then on.
    pub fn shed_from(&self, from: Instant) -> Option<Instant> {
        self.changes.iter().find(|(at, state)| *at >= from && state.is_shed()).map(|(at, _)| *at)
    }

    /// When it was open for the last time, if it is.
    pub fn open_from(&self) -> Option<Instant> {
        self.changes.last().filter(|(_, state)| *state == State::Open).map(|(at, _)| *at)
    }

    /// How often it was shed after it had been called.
    pub fn episodes(&self) -> usize {
        let pairs = self.changes.windows(2);
        pairs.filter(|pair| !pair[0].1.is_shed() && pair[1].1.is_shed()).count()
    }
}

impl State {
    /// Whether no more than probes go out.
    fn is_shed(self) -> bool {
        matches!(self, Self::Shed | Self::Probing | Self::Held)
    }
}

/// A thread that looks.
#[derive(Debug)]
pub struct GateWatch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Course>>,
}

impl GateWatch {
    /// Looks at the gate before `upstream` until it is stopped.
    pub fn start(target: SocketAddr, upstream: &str) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (stop, path) = (is_over.clone(), format!("/v1/upstreams/{upstream}"));
        let look = move || {
            let mut changes = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                note(&mut changes, Instant::now(), state(target, &path)?);
                std::thread::sleep(PAUSE);
            }
            Ok(Course { changes })
        };
        let thread = std::thread::Builder::new().name("gate-watch".into()).spawn(look);
        Ok(Self { is_over, thread: thread.context("cannot start a thread")? })
    }

    /// What was seen.
    pub fn stop(self) -> anyhow::Result<Course> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?
    }
}

fn state(target: SocketAddr, path: &str) -> anyhow::Result<State> {
    let reply = ask(target, &get(target, path))?;
    if reply.status != 200 {
        bail!("{path} was answered with {}", reply.status);
    }
    Ok(read::<Document>(&reply.body)?.state)
}

fn note(changes: &mut Vec<(Instant, State)>, at: Instant, state: State) {
    if changes.last().is_none_or(|(_, before)| *before != state) {
        changes.push((at, state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_begins_when_what_was_called_is_shed() {
        let begun = Instant::now();
        let mut changes = Vec::new();
        let course = ["open", "open", "shed", "probing", "ramping", "shed", "probing", "open"];
        for (name, second) in course.into_iter().zip(0..) {
            let state = serde_json::from_str(&format!("{{\"state\":\"{name}\",\"since\":1}}"));
            let Document { state } = state.unwrap();
            note(&mut changes, begun + Duration::from_secs(second), state);
        }
        let course = Course { changes };
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!((course.changes.len(), course.episodes()), (7, 2));
        assert_eq!(course.shed_from(begun), Some(at(2)));
        assert_eq!(course.shed_from(at(4)), Some(at(5)));
        assert_eq!((course.shed_from(at(7)), course.open_from()), (None, Some(at(7))));
    }

    #[test]
    fn a_gate_that_is_never_shed_has_no_episodes() {
        let course = Course { changes: vec![(Instant::now(), State::Open)] };
        assert_eq!((course.episodes(), course.open_from().is_some()), (0, true));
        let held = Course { changes: vec![(Instant::now(), State::Held)] };
        assert_eq!((held.episodes(), held.open_from()), (0, None));
    }
}
