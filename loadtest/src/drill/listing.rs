//! What the server lists: all its tasks from the newest back to a given one. It waits until nothing
//! is on its way any more, and has those run again that only the kills have parked.

use super::lines::Lines;
use crate::document::read;
use anyhow::{Context, bail};
use overtime_protocol::{TaskId, TaskState};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(10);
/// The states of what is on its way.
const LIVE: [TaskState; 4] =
    [TaskState::Queued, TaskState::Running, TaskState::Retrying, TaskState::Held];
/// Why a task is parked that ran alone whenever the server was killed.
const KILLED_WITH: &str = "crashed-server";

/// One task in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) kind: String,
    pub(super) state: TaskState,
}

/// Tasks by their ids.
pub(super) type Listing = BTreeMap<TaskId, Listed>;

#[derive(Deserialize)]
struct Page {
    tasks: Vec<Entry>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    kind: String,
    state: String,
    error: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    code: String,
}

/// All tasks that are newer than `after`. The others, which may be many millions, are told to `older`
/// one by one, from the newest back, if somebody wants to hear of them.
pub(super) fn list(
    lines: &mut Lines,
    after: Option<TaskId>,
    mut older: Option<&mut dyn FnMut(TaskId, Listed)>,
) -> anyhow::Result<Listing> {
    let mut listing = Listing::new();
    let (mut query, mut newest) = ("limit=1000".to_owned(), None);
    loop {
        let page = page(lines, &query)?;
        for entry in page.tasks {
            let id: TaskId = entry.id.parse().ok().context("a list has an id that is none")?;
            if newest.is_some_and(|newest| id >= newest) {
                bail!("the list is not in order: {id} comes behind a lower one");
            }
            newest = Some(id);
            let state = TaskState::from_name(&entry.state).context("a list has another state")?;
            let listed = Listed { kind: entry.kind, state };
            match &mut older {
                _ if after.is_none_or(|after| id > after) => drop(listing.insert(id, listed)),
                Some(older) => older(id, listed),
                None => return Ok(listing),
            }
        }
        match page.next {
            Some(next) => query = format!("limit=1000&after={next}"),
            None => return Ok(listing),
        }
    }
}

/// All tasks that are newer than `after`, once none of them is on its way any more, or patience is
/// at its end; and how many were parked by kills alone, and run again.
pub(super) fn list_settled(
    lines: &mut Lines,
    after: Option<TaskId>,
    patience: Duration,
) -> anyhow::Result<(Listing, u64)> {
    let (begun, mut revived) = (Instant::now(), 0);
    loop {
        revived += settle(lines, patience.saturating_sub(begun.elapsed()))?;
        let listing = list(lines, after, None)?;
        // A task may have gone from one state to another while each was asked for in turn; where it
        // is listed, it is listed once.
        let is_idle = !listing.values().any(|listed| LIVE.contains(&listed.state));
        if is_idle || begun.elapsed() >= patience {
            return Ok((listing, revived));
        }
    }
}

/// Waits until no task seems to be on its way, or patience is at its end.
fn settle(lines: &mut Lines, patience: Duration) -> anyhow::Result<u64> {
    let (begun, mut revived) = (Instant::now(), 0);
    loop {
        let mut is_idle = true;
        for state in LIVE {
            is_idle &= in_state(lines, state)?.is_empty();
        }
        let more = revive(lines)?;
        revived += more;
        if (is_idle && more == 0) || begun.elapsed() >= patience {
            return Ok(revived);
        }
        std::thread::sleep(PAUSE);
    }
}

fn revive(lines: &mut Lines) -> anyhow::Result<u64> {
    let is_by_kill =
        |entry: &Entry| entry.error.as_ref().is_some_and(|error| error.code == KILLED_WITH);
    let mut revived = 0;
    for entry in in_state(lines, TaskState::Parked)?.iter().filter(|entry| is_by_kill(entry)) {
        let answer = lines.ask_for("POST", &format!("/v1/tasks/{}/retry", entry.id));
        let answer = answer.ok().context("the server does not answer")?;
        revived += u64::from(answer.status == 202);
    }
    Ok(revived)
}

/// Some tasks in that state; none only if there are none.
fn in_state(lines: &mut Lines, state: TaskState) -> anyhow::Result<Vec<Entry>> {
    let first = format!("limit=100&state={}", state.name());
    let mut query = first.clone();
    loop {
        let page = page(lines, &query)?;
        match page.next {
            Some(next) if page.tasks.is_empty() => query = format!("{first}&after={next}"),
            _ => return Ok(page.tasks),
        }
    }
}

fn page(lines: &mut Lines, query: &str) -> anyhow::Result<Page> {
    let answer = lines.ask_for("GET", &format!("/v1/tasks?{query}"));
    let answer = answer.ok().context("the server does not answer")?;
    if answer.status != 200 {
        bail!("the list of tasks was answered {}", answer.told());
    }
    read(&answer.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener};

    const TASK: &str = "01KAJ7M9Y8000000000000G001";

    /// A server that answers one connection with a page each, the last of them for ever: with a
    /// task in that state, or without one.
    fn serve(states: &'static [Option<&'static str>]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            for asked in 0.. {
                if !lines.any(|line| line.is_empty()) {
                    break;
                }
                let task = states[asked.min(states.len() - 1)].map_or(String::new(), |state| {
                    format!(r#"{{"id":"{TASK}","kind":"echo","state":"{state}","error":null}}"#)
                });
                let body = format!(r#"{{"tasks":[{task}],"next":null}}"#);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                (&stream).write_all((head + &body).as_bytes()).unwrap();
            }
        });
        address
    }

    fn listed(states: &'static [Option<&'static str>], patience: Duration) -> Listing {
        list_settled(&mut Lines::to(serve(states)), None, patience).unwrap().0
    }

    /// No task in any of the four states, and none parked.
    const NONE: Option<&str> = None;

    #[test]
    fn a_task_that_slips_from_state_to_state_is_waited_for() {
        let states = &[
            NONE,
            NONE,
            NONE,
            NONE,
            NONE,
            Some("running"),
            NONE,
            NONE,
            NONE,
            NONE,
            NONE,
            Some("succeeded"),
        ];
        let listing = listed(states, Duration::from_secs(60));
        assert_eq!(listing[&TASK.parse().unwrap()].state, TaskState::Succeeded);
    }

    #[test]
    fn a_task_that_does_not_end_is_listed_as_it_is() {
        let listing = listed(&[Some("running")], Duration::ZERO);
        assert_eq!(listing[&TASK.parse().unwrap()].state, TaskState::Running);
    }
}
