//! `overtime upstreams …`

use super::table::plain;
use super::{Desk, List};
use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// List them, and how each is
    List,
    /// Show one
    Show {
        /// Its name
        name: String,
    },
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

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        let body = match self {
            Self::List => return list(desk),
            Self::Show { name } => desk.connection.get(&address(&name, ""), &[])?,
            Self::Hold { name } => desk.connection.post(&address(&name, "/hold"), &[])?,
            Self::Release { name } => desk.connection.post(&address(&name, "/release"), &[])?,
        };
        desk.show(&body)
    }
}

fn address(name: &str, wish: &str) -> String {
    format!("/v1/upstreams/{name}{wish}")
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

/// Each is a member of an upstream's document.
const COLUMNS: [&str; 7] = ["name", "state", "since", "calls", "calls_max", "waiting", "p90_ms"];

fn row(entry: &Value) -> Vec<String> {
    COLUMNS.iter().map(|name| plain(&entry[*name])).collect()
}
