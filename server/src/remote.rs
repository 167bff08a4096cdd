//! Errands: commands that talk to a running server and show what it says. They know the server as
//! any other client does, over HTTP, and open neither its data nor its configuration.

use anyhow::Result;
use clap::{Args, Subcommand};
use connection::Connection;
use std::io::{self, Write};

pub(crate) use table::table;

mod connection;
mod errors;
mod events;
mod gate;
mod incidents;
mod table;
mod tasks;
mod tenants;
mod upstreams;

/// The environment's name for `--server`.
const SERVER_VARIABLE: &str = "OVERTIME_SERVER";

/// The environment's name for `--key`.
const KEY_VARIABLE: &str = "OVERTIME_KEY";

/// Something to ask of a running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    remote: Remote,
    wish: Wish,
}

/// What it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Tasks(tasks::Action),
    Errors(errors::Action),
    Tenants(tenants::Action),
    Upstreams(upstreams::Action),
    Incidents(incidents::Which),
    Gate(gate::Action),
}

/// Where the server is, and how its answers are shown.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Remote {
    /// Where the server is
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = SERVER_VARIABLE,
        default_value = "http://127.0.0.1:7070"
    )]
    server: String,
    /// The key that tells the server who asks, if it wants one
    #[arg(long, global = true, value_name = "KEY", env = KEY_VARIABLE, hide_env_values = true)]
    key: Option<String>,
    /// Print the server's documents as they are
    #[arg(long, global = true)]
    json: bool,
}

/// `overtime tasks …`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Tasks {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: tasks::Action,
}

/// `overtime errors …`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Errors {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: errors::Action,
}

/// `overtime tenants …`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Tenants {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: tenants::Action,
}

/// `overtime upstreams …`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Upstreams {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: upstreams::Action,
}

/// `overtime incidents`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Incidents {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    which: incidents::Which,
}

/// `overtime gate …`
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Gate {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    action: gate::Action,
}

/// The commands that are errands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Look at the tasks of a running server, cancel them, run parked ones again
    Tasks(Tasks),
    /// Look at the errors of a running server's tasks, and repair what they left parked
    Errors(Errors),
    /// Look at whose requests a running server has delayed, refused or failed
    Tenants(Tenants),
    /// Look at the services that a running server's tasks call, hold one back, or release it
    Upstreams(Upstreams),
    /// Look at what went wrong in a running server for a while, and at what goes wrong now
    Incidents(Incidents),
    /// Look at what the gates of upstreams would have done with calls of the past
    Gate(Gate),
}

impl Command {
    pub(crate) fn into_errand(self) -> Errand {
        match self {
            Self::Tasks(Tasks { remote, action }) => Errand { remote, wish: Wish::Tasks(action) },
            Self::Errors(Errors { remote, action }) => {
                Errand { remote, wish: Wish::Errors(action) }
            }
            Self::Tenants(Tenants { remote, action }) => {
                Errand { remote, wish: Wish::Tenants(action) }
            }
            Self::Upstreams(Upstreams { remote, action }) => {
                Errand { remote, wish: Wish::Upstreams(action) }
            }
            Self::Incidents(Incidents { remote, which }) => {
                Errand { remote, wish: Wish::Incidents(which) }
            }
            Self::Gate(Gate { remote, action }) => Errand { remote, wish: Wish::Gate(action) },
        }
    }
}

impl Errand {
    /// Asks the server, and shows what it says.
    ///
    /// # Errors
    /// If the server cannot be reached, or what it says is a problem.
    pub fn run(self) -> Result<()> {
        let mut out = io::stdout().lock();
        let connection = Connection::to(&self.remote.server, self.remote.key.as_deref())?;
        let mut desk = Desk { connection, json: self.remote.json, out: &mut out };
        let done = match self.wish {
            Wish::Tasks(action) => action.run(&mut desk),
            Wish::Errors(action) => action.run(&mut desk),
            Wish::Tenants(action) => action.run(&mut desk),
            Wish::Upstreams(action) => action.run(&mut desk),
            Wish::Incidents(which) => which.run(&mut desk),
            Wish::Gate(action) => action.run(&mut desk),
        };
        match done {
            // Whoever reads has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(()),
            done => done,
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What an errand works with.
struct Desk<'a> {
    connection: Connection,
    json: bool,
    out: &'a mut dyn Write,
}

impl Desk<'_> {
    /// Shows one document, member by member unless it is wanted as it is.
    fn show(&mut self, body: &[u8]) -> Result<()> {
        if self.json {
            self.out.write_all(body)?;
            writeln!(self.out)?;
        } else {
            let text = table::members(&serde_json::from_slice(body)?);
            self.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Shows the pages of a list: as tables of these columns, or as they are.
    fn show_list(
        &mut self,
        list: List<'_>,
        row: impl Fn(&serde_json::Value) -> Vec<String>,
    ) -> Result<()> {
        let mut rows = Vec::new();
        let (mut left, mut after) = (list.limit.unwrap_or(u64::MAX), None::<String>);
        while left > 0 {
            let size = left.min(PAGE_MAX).to_string();
            let mut query = list.query.clone();
            query.push(("limit", size));
            query.extend(after.take().map(|after| ("after", after)));
            let body = self.connection.get(list.path, &query)?;
            let page: serde_json::Value = serde_json::from_slice(&body)?;
            let entries = page[list.member].as_array().map(Vec::as_slice).unwrap_or_default();
            left = left.saturating_sub(entries.len() as u64);
            after = page["next"].as_str().map(str::to_owned);
            if self.json {
                self.show(&body)?;
            } else {
                rows.extend(entries.iter().map(&row));
            }
            if after.is_none() {
                break;
            }
        }
        if !self.json {
            self.out.write_all(table(list.columns, &rows).as_bytes())?;
        }
        Ok(())
    }
}

/// The most that the server puts on one page.
const PAGE_MAX: u64 = 1_000;

/// A list of the server's.
struct List<'a> {
    path: &'a str,
    query: Vec<(&'a str, String)>,
    /// The member of a page that holds its entries.
    member: &'a str,
    columns: &'a [&'a str],
    /// How many entries are wanted; all if nothing is said.
    limit: Option<u64>,
}
