//! `overtime tenants …`

use super::table::plain;
use super::{Desk, List};
use anyhow::Result;
use clap::{Args, Subcommand};
use overtime_protocol::UnixMillis;
use serde_json::Value;
use std::str::FromStr;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// List the tenants whose requests were delayed past their wait, refused or failed
    Affected(Span),
}

/// When that was.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Span {
    /// From when on, such as 2026-11-21T08:00:00Z [default: a day before the end]
    #[arg(long, value_name = "TIME", value_parser = UnixMillis::from_str)]
    from: Option<UnixMillis>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", value_parser = UnixMillis::from_str)]
    to: Option<UnixMillis>,
}

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        let Self::Affected(Span { from, to }) = self;
        let bounds = [("from", from), ("to", to)];
        let list = List {
            path: "/v1/tenants/affected",
            query: bounds
                .into_iter()
                .filter_map(|(name, at)| Some((name, at?.to_string())))
                .collect(),
            member: "tenants",
            columns: &["tenant", "delayed", "refused", "failed", "first at", "last at"],
            limit: None,
        };
        desk.show_list(list, row)
    }
}

/// A tenant's line in the table.
fn row(entry: &Value) -> Vec<String> {
    let shown = ["tenant", "delayed", "refused", "failed", "first_at", "last_at"];
    shown.iter().map(|name| plain(&entry[*name])).collect()
}
