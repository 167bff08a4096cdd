//! `overtime errors …`

use super::table::{plain, shortened};
use super::{Desk, List};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::thread;
use std::time::Duration;

/// How much of an error a table shows.
const DETAIL_SHOWN_CHARS: usize = 60;

/// How often a repair is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// List the errors of tasks, each with how often it happened and how many tasks it left parked
    List(Filter),
    /// Show how far the repair of an error is
    Show(Which),
    /// Run all tasks again that an error left parked, and watch how they end
    Retry(Repair),
    /// Cancel all tasks that an error left parked
    Discard(Repair),
}

/// Which errors are listed.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Filter {
    /// The kind of their tasks
    #[arg(long)]
    kind: Option<String>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Which {
    /// The error's fingerprint, as the list shows it
    #[arg(value_parser = fingerprint)]
    fingerprint: String,
}

/// A repair of what an error left parked.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    which: Which,
    /// Only tasks of this kind
    #[arg(long)]
    kind: Option<String>,
    /// Say how many tasks that are, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How many a second
    #[arg(long, value_name = "COUNT")]
    rate: Option<u32>,
    /// Stop when more than so many are parked again
    #[arg(long, value_name = "COUNT")]
    stop_at: Option<u64>,
}

fn fingerprint(text: &str) -> Result<String, String> {
    let is_one = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a fingerprint is 16 hexadecimal digits".to_owned())
    }
}

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        match self {
            Self::List(filter) => filter.list(desk),
            Self::Show(which) => {
                let body = desk.connection.get(&which.path(), &[])?;
                desk.show(&body)
            }
            Self::Retry(repair) => repair.run("retry", desk),
            Self::Discard(repair) => repair.run("discard", desk),
        }
    }
}

impl Filter {
    fn list(self, desk: &mut Desk<'_>) -> Result<()> {
        let list = List {
            path: "/v1/errors",
            query: self.kind.map(|kind| ("kind", kind)).into_iter().collect(),
            member: "errors",
            columns: &["fingerprint", "kind", "class", "count", "parked", "last at", "error"],
            limit: (!self.all).then_some(self.limit),
        };
        desk.show_list(list, row)
    }
}

/// An error's line in the table.
fn row(entry: &Value) -> Vec<String> {
    let error = format!("{}: {}", plain(&entry["code"]), plain(&entry["detail"]));
    let shown = ["fingerprint", "kind", "class", "count", "parked", "last_at"];
    let mut cells: Vec<String> = shown.iter().map(|name| plain(&entry[*name])).collect();
    cells.push(shortened(&error, DETAIL_SHOWN_CHARS));
    cells
}

impl Which {
    fn path(&self) -> String {
        format!("/v1/errors/{}", self.fingerprint)
    }
}

impl Repair {
    fn run(self, action: &str, desk: &mut Desk<'_>) -> Result<()> {
        let path = format!("{}/{action}", self.which.path());
        let body = desk.connection.post(&path, &self.query())?;
        if self.dry_run {
            return desk.show(&body);
        }
        self.watch(body, desk)
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let named = [
            ("kind", self.kind.clone()),
            ("dry_run", self.dry_run.then(|| "true".to_owned())),
            ("rate", self.rate.map(|rate| rate.to_string())),
            ("stop_at", self.stop_at.map(|count| count.to_string())),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Shows the repair whenever it has got further, until it ends.
    fn watch(&self, mut body: Vec<u8>, desk: &mut Desk<'_>) -> Result<()> {
        let mut shown = Value::Null;
        loop {
            let document: Value = serde_json::from_slice(&body)?;
            let repair = &document["repair"];
            if *repair != shown {
                match desk.json {
                    true => desk.show(&body)?,
                    false => writeln!(desk.out, "{}", progress(repair))?,
                }
                desk.out.flush()?;
                shown = repair.clone();
            }
            match repair["state"].as_str() {
                Some("running") => {}
                Some("done") => return Ok(()),
                Some(state) => bail!("the repair is {state}"),
                None => {
                    bail!("the server does not know the repair any more; it may have restarted")
                }
            }
            thread::sleep(LOOK_EVERY);
            body = desk.connection.get(&self.which.path(), &[])?;
        }
    }
}

/// A repair as a line.
fn progress(repair: &Value) -> String {
    let shown = ["acted", "succeeded", "failed", "open", "skipped"];
    let counts = shown.map(|name| format!("{name} {}", plain(&repair[name])));
    format!("{}: {}", plain(&repair["state"]), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_shows_what_a_person_looks_for() {
        let entry = json!({
            "fingerprint": "00000000000000ff", "kind": "call", "class": "persistent",
            "code": "bug", "detail": "no", "count": 12, "first_at": "then", "last_at": "now",
            "last_task": "x", "parked": 3,
        });
        let expected = ["00000000000000ff", "call", "persistent", "12", "3", "now", "bug: no"];
        assert_eq!(row(&entry), expected);
    }

    #[test]
    fn a_repair_is_told_in_numbers() {
        let repair = json!({
            "state": "running", "action": "retry", "acted": 5, "succeeded": 3, "failed": 1,
            "open": 1, "skipped": 0,
        });
        let expected = "running: acted 5, succeeded 3, failed 1, open 1, skipped 0";
        assert_eq!(progress(&repair), expected);
    }

    #[test]
    fn a_fingerprint_is_checked_before_anybody_is_asked() {
        assert_eq!(fingerprint("00000000000000FF").unwrap(), "00000000000000ff");
        assert!(fingerprint("ff").is_err() && fingerprint("00000000000000f/").is_err());
    }
}
