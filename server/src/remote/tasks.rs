//! `overtime tasks …`

use super::table::{age, plain, shortened};
use super::{Desk, List, events};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use overtime_protocol::{Clock, TaskId, UnixMillis};
use serde_json::Value;

/// How much of an error a table shows.
const ERROR_SHOWN_CHARS: usize = 60;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// List tasks, newest first
    List(Filter),
    /// Show a task's document
    Show(Which),
    /// Say why a task is where it is
    Explain(Which),
    /// Cancel a task, or ask a running one to end
    Cancel(Which),
    /// Run a parked task again
    Retry(Which),
    /// Print a task's result as it is
    Result(Which),
    /// Follow what happens to a task until it ends
    Events(Which),
}

/// Which tasks are listed: those that have all that is named.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Filter {
    /// queued, running, retrying, held, parked, succeeded, failed or cancelled
    #[arg(long)]
    state: Option<String>,
    /// The kind
    #[arg(long)]
    kind: Option<String>,
    /// Whose they are
    #[arg(long)]
    tenant: Option<String>,
    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u64,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Which {
    /// The task's id
    #[arg(value_name = "ID", value_parser = task_id)]
    id: TaskId,
}

fn task_id(text: &str) -> Result<TaskId, String> {
    text.parse().map_err(|_| "a task's id has 26 letters and digits (a ULID)".to_owned())
}

impl Action {
    pub(super) fn run(self, desk: &mut Desk<'_>) -> Result<()> {
        match self {
            Self::List(filter) => filter.list(desk),
            Self::Show(Which { id }) => {
                let body = desk.connection.get(&format!("/v1/tasks/{id}"), &[])?;
                desk.show(&body)
            }
            Self::Explain(Which { id }) => {
                let body = desk.connection.get(&format!("/v1/tasks/{id}/explain"), &[])?;
                desk.show(&body)
            }
            Self::Cancel(Which { id }) => {
                let body = desk.connection.delete(&format!("/v1/tasks/{id}"))?;
                desk.show(&body)
            }
            Self::Retry(Which { id }) => {
                let body = desk.connection.post(&format!("/v1/tasks/{id}/retry"), &[])?;
                desk.show(&body)
            }
            Self::Result(Which { id }) => print_result(id, desk),
            Self::Events(Which { id }) => print_events(id, desk),
        }
    }
}

impl Filter {
    fn list(self, desk: &mut Desk<'_>) -> Result<()> {
        let named = [("state", self.state), ("kind", self.kind), ("tenant", self.tenant)];
        let query = named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let list = List {
            path: "/v1/tasks",
            query,
            member: "tasks",
            columns: &["id", "kind", "state", "attempts", "age", "error"],
            limit: (!self.all).then_some(self.limit),
        };
        let now = Clock::start().now().unix;
        desk.show_list(list, |document| row(document, now))
    }
}

/// A task's line in the table.
fn row(document: &Value, now: UnixMillis) -> Vec<String> {
    let id = plain(&document["id"]);
    let minted_at = id.parse().ok().map(TaskId::minted_at);
    let error = &document["error"];
    let error = match error.is_object() {
        true => format!("{}: {}", plain(&error["code"]), plain(&error["detail"])),
        false => String::new(),
    };
    vec![
        id,
        plain(&document["kind"]),
        plain(&document["state"]),
        plain(&document["attempts"]),
        minted_at.map_or_else(String::new, |at| age(now.since(at))),
        shortened(&error, ERROR_SHOWN_CHARS),
    ]
}

fn print_result(id: TaskId, desk: &mut Desk<'_>) -> Result<()> {
    let said = desk.connection.look(&format!("/v1/tasks/{id}/result"), &[])?;
    if said.status == 202 {
        let document: Value = serde_json::from_slice(&said.body).unwrap_or_default();
        bail!("the task is {}; it has no result yet", plain(&document["state"]));
    }
    desk.out.write_all(&said.body)?;
    Ok(())
}

fn print_events(id: TaskId, desk: &mut Desk<'_>) -> Result<()> {
    let Desk { connection, json, out } = desk;
    events::follow(connection, &id.to_string(), |event| {
        let line = if *json { event.data.clone() } else { events::line(event) };
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_shows_what_a_person_looks_for() {
        let id = TaskId::from_key(1 << 40).unwrap();
        let now = UnixMillis(id.minted_at().0 + 61_000);
        let detail = "the upstream says that it is busy, and that it will be so for a long while";
        let document = json!({
            "id": id.to_string(), "kind": "call", "state": "retrying", "attempts": 2,
            "error": {"code": "busy", "detail": detail},
        });
        let cells = row(&document, now);
        assert_eq!(&cells[..5], [&*id.to_string(), "call", "retrying", "2", "1m"]);
        assert!(cells[5].starts_with("busy: the upstream") && cells[5].ends_with('…'));
        assert_eq!(cells[5].chars().count(), ERROR_SHOWN_CHARS);
        let queued = json!({"id": id.to_string(), "state": "queued", "error": null});
        assert_eq!(row(&queued, now)[5], "");
    }
}
