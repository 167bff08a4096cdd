//! Waiting until a server has nothing left to do.

use crate::ask::ask;
use crate::document::{TaskPage, read};
use crate::request::get;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const UNFINISHED: [&str; 4] = ["queued", "running", "retrying", "held"];
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until no task is unfinished, and says how long that took.
pub fn settle(target: SocketAddr, patience: Duration) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let mut quiet_looks = 0;
    // A task can slip from one list to another between two looks, hence two in a row.
    while quiet_looks < 2 {
        match unfinished(target)? {
            None => quiet_looks += 1,
            Some(state) if start.elapsed() > patience => {
                bail!("tasks are still {state} after {patience:?}")
            }
            Some(_) => quiet_looks = 0,
        }
        std::thread::sleep(PAUSE);
    }
    Ok(start.elapsed())
}

/// A state that some unfinished task is in.
fn unfinished(target: SocketAddr) -> anyhow::Result<Option<&'static str>> {
    for state in UNFINISHED {
        let reply = ask(target, &get(target, &format!("/v1/tasks?state={state}&limit=1")))?;
        if reply.status != 200 {
            bail!("the list of tasks was answered with {}", reply.status);
        }
        let page: TaskPage = read(&reply.body).context("the list of tasks")?;
        if !page.tasks.is_empty() {
            return Ok(Some(state));
        }
    }
    Ok(None)
}
