//! Walks through lists, page by page, each page timed.

use super::fill::Filled;
use crate::caller::Caller;
use crate::document::{Task, read};
use crate::latency::{Latency, Quantiles};
use crate::request::get;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::Instant;

/// What is listed: the query, and which tasks it must show.
const LISTS: [(&str, &str, Shows); 10] = [
    ("all", "", Shows { state: None, kind: None }),
    ("parked", "state=parked&", Shows { state: Some("parked"), kind: None }),
    ("failed", "state=failed&", Shows { state: Some("failed"), kind: None }),
    ("succeeded", "state=succeeded&", Shows { state: Some("succeeded"), kind: None }),
    ("one kind", "kind=flaky&", Shows { state: None, kind: Some("flaky") }),
    ("another kind", "kind=contacts.upsert&", Shows { state: None, kind: Some("contacts.upsert") }),
    (
        "failed of one kind",
        "kind=flaky&state=failed&",
        Shows { state: Some("failed"), kind: Some("flaky") },
    ),
    (
        "failed of a kind of which none failed",
        "kind=contacts.upsert&state=failed&",
        Shows { state: Some("failed"), kind: Some("contacts.upsert") },
    ),
    (
        "parked of a kind of which none is parked",
        "kind=contacts.upsert&state=parked&",
        Shows { state: Some("parked"), kind: Some("contacts.upsert") },
    ),
    ("a kind that does not exist", "kind=absent&", Shows { state: None, kind: Some("absent") }),
];

/// Which tasks a list may show.
#[derive(Clone, Copy, Debug)]
struct Shows {
    state: Option<&'static str>,
    kind: Option<&'static str>,
}

impl Shows {
    fn has(self, task: &Task) -> bool {
        self.state.is_none_or(|state| state == task.state)
            && self.kind.is_none_or(|kind| Some(kind) == task.kind.as_deref())
    }
}

/// What a walk through a list has shown.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) list: &'static str,
    pub(super) latency: Latency,
    /// Pages that are no answer, are out of order, or show what they should not.
    pub(super) wrong: u64,
    tasks: u64,
}

/// The same to tell.
#[derive(Debug, Serialize)]
pub(super) struct WalkTold {
    pages: u64,
    tasks: u64,
    latency: Quantiles,
}

impl Walk {
    pub(super) fn told(&self) -> WalkTold {
        let latency = self.latency.quantiles();
        WalkTold { pages: self.latency.count(), tasks: self.tasks, latency }
    }
}

impl Display for WalkTold {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} pages with {} tasks, {}", self.pages, self.tasks, self.latency)
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    tasks: Vec<Task>,
    next: Option<String>,
}

/// Walks through every list from its newest task on, and through two from the middle on.
pub(super) fn walk_all(
    target: SocketAddr,
    filled: &Filled,
    pages: u32,
) -> anyhow::Result<Vec<Walk>> {
    let mut walker = Walker { target, caller: Caller::connect(target)?, pages };
    let mut walks = Vec::new();
    for (list, query, shows) in LISTS {
        walks.push(walker.walk(list, query, shows, None)?);
    }
    let [(_, all, any), .., (_, absent, none)] = LISTS;
    let middle = Some(filled.middle.as_str());
    walks.push(walker.walk("all, from the middle on", all, any, middle)?);
    walks.push(walker.walk("that kind, from the middle on", absent, none, middle)?);
    // The one that is parked is the oldest of all, and has to be found without a search.
    walks[1].wrong += u64::from(walks[1].tasks != u64::from(pages));
    Ok(walks)
}

struct Walker {
    target: SocketAddr,
    caller: Caller,
    pages: u32,
}

impl Walker {
    /// Asks for as many pages as wanted; behind the last one it starts again.
    fn walk(
        &mut self,
        list: &'static str,
        query: &str,
        shows: Shows,
        start: Option<&str>,
    ) -> anyhow::Result<Walk> {
        let mut walk = Walk { list, latency: Latency::default(), wrong: 0, tasks: 0 };
        let mut after = start.map(str::to_owned);
        for _ in 0..self.pages {
            let place = after.as_ref().map_or(String::new(), |id| format!("&after={id}"));
            let path = format!("/v1/tasks?{query}limit=100{place}");
            let begun = Instant::now();
            let response = self.caller.ask(&get(self.target, &path))?;
            walk.latency.record(begun.elapsed());
            after = match read::<Page>(response.body) {
                Ok(page) if response.status == 200 => {
                    walk.tasks += page.tasks.len() as u64;
                    walk.wrong += u64::from(!is_right(&page, shows, after.as_deref()));
                    page.next
                }
                _ => {
                    walk.wrong += 1;
                    None
                }
            }
            .or_else(|| start.map(str::to_owned));
        }
        Ok(walk)
    }
}

/// Newest first, all of them older than what was before, and none that should not be there.
fn is_right(page: &Page, shows: Shows, after: Option<&str>) -> bool {
    let ids = page.tasks.iter().map(|task| task.id.as_str());
    let is_older = after.is_none_or(|after| ids.clone().next().is_none_or(|first| first < after));
    is_older
        && ids.is_sorted_by(|one, next| one > next)
        && page.tasks.iter().all(|task| shows.has(task))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[&str]) -> Page {
        let tasks = ids.iter().map(|id| {
            format!("{{\"id\":\"{id}\",\"state\":\"failed\",\"kind\":\"flaky\",\"attempts\":1}}")
        });
        let tasks: Vec<String> = tasks.collect();
        read(format!("{{\"tasks\":[{}],\"next\":null}}", tasks.join(",")).as_bytes()).unwrap()
    }

    #[test]
    fn a_page_is_right_if_it_goes_on_downwards_with_what_was_asked_for() {
        let any = Shows { state: None, kind: None };
        assert!(is_right(&page(&[]), any, Some("5")));
        assert!(is_right(&page(&["4", "3"]), any, Some("5")));
        assert!(!is_right(&page(&["5", "3"]), any, Some("5")));
        assert!(!is_right(&page(&["3", "4"]), any, None));
        assert!(!is_right(&page(&["3", "3"]), any, None));
        let parked = Shows { state: Some("parked"), kind: None };
        assert!(!is_right(&page(&["4"]), parked, None));
        let other = Shows { state: Some("failed"), kind: Some("echo") };
        assert!(!is_right(&page(&["4"]), other, None));
    }
}
