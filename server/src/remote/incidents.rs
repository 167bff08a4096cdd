//! `overtime incidents`

use super::table::{age, plain, shortened, table};
use super::{Desk, List};
use anyhow::Result;
use clap::Args;
use serde_json::Value;
use std::time::Duration;

/// How much of a title a table shows.
const TITLE_SHOWN_CHARS: usize = 60;

/// Which incidents are shown.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Which {
    /// One of them, with what happened in its course [default: a list of them]
    id: Option<String>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Which {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        match self.id {
            Some(id) => show(&id, desk),
            None => {
                let list = List {
                    path: "/v1/incidents",
                    query: Vec::new(),
                    member: "incidents",
                    columns: &[
                        "id",
                        "state",
                        "about",
                        "opened at",
                        "closed at",
                        "held",
                        "oldest",
                        "title",
                    ],
                    limit: (!self.all).then_some(self.limit),
                };
                desk.show_list(list, row)
            }
        }
    }
}

/// Shows one: what is known of it, and its timeline as a table.
fn show(id: &str, desk: &mut Desk<'_>) -> Result<()> {
    let body = desk.connection.get(&format!("/v1/incidents/{id}"), &[])?;
    if desk.json {
        return desk.show(&body);
    }
    let mut document: Value = serde_json::from_slice(&body)?;
    let timeline = document["timeline"].take();
    desk.show(document.to_string().as_bytes())?;
    let moments = timeline.as_array().map(Vec::as_slice).unwrap_or_default();
    let moment = |moment: &Value| vec![plain(&moment["at"]), plain(&moment["text"])];
    let rows: Vec<Vec<String>> = moments.iter().map(moment).collect();
    writeln!(desk.out)?;
    desk.out.write_all(table(&["at", "what happened"], &rows).as_bytes())?;
    Ok(())
}

/// An incident's line in the table.
fn row(entry: &Value) -> Vec<String> {
    let shown = ["id", "state", "about", "opened_at", "closed_at"];
    let mut cells: Vec<String> = shown.iter().map(|name| plain(&entry[*name])).collect();
    cells.push(plain(&entry["held"]["most"]));
    let oldest = entry["held"]["oldest_seconds"].as_u64();
    cells.push(oldest.map_or_else(String::new, |seconds| age(Duration::from_secs(seconds))));
    cells.push(shortened(&plain(&entry["title"]), TITLE_SHOWN_CHARS));
    cells
}
