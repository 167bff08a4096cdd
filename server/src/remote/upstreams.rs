//! `overtime upstreams …`

use super::table::{plain, table};
use super::{Desk, List};
use anyhow::Result;
use clap::{Args, Subcommand};
use overtime_protocol::UnixMillis;
use serde_json::Value;
use std::str::FromStr;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// List them, and how each is
    List,
    /// Show one, and its latest calls
    Show {
        /// Its name
        name: String,
    },
    /// List the hours that one had, the oldest first: how many calls, and how long they took
    History(History),
    /// Call it no more, not even to see how it is, until it is released
    Hold {
        /// Its name
        name: String,
    },
    /// Call it again, whatever was seen of it
    Release {
        /// Its name
        name: String,
    },
}

/// Whose hours, and which.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct History {
    /// Its name
    name: String,
    /// From when on, such as 2026-11-21T08:00:00Z [default: as far back as they are kept]
    #[arg(long, value_name = "TIME", value_parser = UnixMillis::from_str)]
    from: Option<UnixMillis>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", value_parser = UnixMillis::from_str)]
    to: Option<UnixMillis>,
}

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        match self {
            Self::List => list(desk),
            Self::History(wish) => history(desk, &wish),
            Self::Show { name } => {
                let body = desk.connection.get(&address(&name, ""), &[])?;
                show(&body, CALLS_SHOWN, desk)
            }
            Self::Hold { name } => {
                let body = desk.connection.post(&address(&name, "/hold"), &[])?;
                show(&body, 0, desk)
            }
            Self::Release { name } => {
                let body = desk.connection.post(&address(&name, "/release"), &[])?;
                show(&body, 0, desk)
            }
        }
    }
}

fn address(name: &str, wish: &str) -> String {
    format!("/v1/upstreams/{name}{wish}")
}

/// Shows one: what is known of it, and the latest of its calls as a table.
fn show(body: &[u8], calls_max: usize, desk: &mut Desk<'_>) -> Result<()> {
    if desk.json {
        return desk.show(body);
    }
    let mut document: Value = serde_json::from_slice(body)?;
    let recent = document["recent"].take();
    desk.show(document.to_string().as_bytes())?;
    let calls = recent.as_array().map(Vec::as_slice).unwrap_or_default();
    let latest = calls.iter().rev().take(calls_max).rev();
    let cells = |call: &Value| CALL_COLUMNS.iter().map(|name| plain(&call[*name])).collect();
    let rows: Vec<Vec<String>> = latest.map(cells).collect();
    if !rows.is_empty() {
        writeln!(desk.out)?;
        desk.out.write_all(table(&CALL_COLUMNS, &rows).as_bytes())?;
    }
    Ok(())
}

fn list(desk: &mut Desk<'_>) -> Result<()> {
    let list = List {
        path: "/v1/upstreams",
        query: Vec::new(),
        member: "upstreams",
        columns: &COLUMNS,
        limit: None,
    };
    desk.show_list(list, row)
}

fn history(desk: &mut Desk<'_>, wish: &History) -> Result<()> {
    let bounds = [("from", wish.from), ("to", wish.to)];
    let query = bounds.into_iter().filter_map(|(name, at)| Some((name, at?.to_string())));
    let list = List {
        path: &address(&wish.name, "/history"),
        query: query.collect(),
        member: "hours",
        columns: &HOUR_COLUMNS,
        limit: None,
    };
    desk.show_list(list, |entry| HOUR_COLUMNS.iter().map(|name| plain(&entry[*name])).collect())
}

/// How many calls a terminal shows. The server's document has more.
const CALLS_SHOWN: usize = 20;

/// Each is a member of a call's document.
const CALL_COLUMNS: [&str; 3] = ["at", "ms", "end"];

/// Each is a member of an hour's document.
const HOUR_COLUMNS: [&str; 9] =
    ["hour", "calls", "failed", "busy", "p10_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"];

/// Each is a member of an upstream's document.
const COLUMNS: [&str; 7] = ["name", "state", "since", "calls", "calls_max", "waiting", "p90_ms"];

fn row(entry: &Value) -> Vec<String> {
    COLUMNS.iter().map(|name| plain(&entry[*name])).collect()
}
