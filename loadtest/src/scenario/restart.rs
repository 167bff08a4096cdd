//! `restart`: how soon a server that was killed with a long backlog answers again, and whether
//! the backlog is then done, each task once.

use crate::argument::span;
use crate::ask::ask;
use crate::batch::ask_all;
use crate::document::{Contact, Task, read};
use crate::output::Output;
use crate::request::{get, post_json};
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);

/// A private server with a backlog is killed and started again.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// How many tasks are accepted and unfinished when it is killed.
    #[arg(long, default_value_t = 100_000)]
    tasks: usize,
    /// How long the tasks are held back, so that none is done before the kill.
    #[arg(long, default_value = "20s", value_parser = span)]
    delay: Duration,
    /// Where to put its data; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// What the run has shown.
#[derive(Debug, Serialize)]
struct Report {
    backlog: usize,
    filled_seconds: f64,
    ready_seconds: f64,
    answered_seconds: f64,
    ended_seconds: f64,
    tasks_not_once: usize,
    contacts_not_once: usize,
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "backlog     {} tasks in {:.2} s", self.backlog, self.filled_seconds)?;
        writeln!(out, "ready       after {:.3} s", self.ready_seconds)?;
        writeln!(out, "answered    after {:.3} s", self.answered_seconds)?;
        writeln!(out, "all ended   after {:.2} s", self.ended_seconds)?;
        writeln!(out, "tasks       {} not succeeded in their first attempt", self.tasks_not_once)?;
        writeln!(out, "contacts    {} not written exactly once", self.contacts_not_once)
    }
}

/// Fills, kills, starts again, waits and checks.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let mut server = ServerProcess::start(&options.binary, folder.path())?;
    let begun = Instant::now();
    let ids = submit(server.target(), options)?;
    let filled = begun.elapsed();
    server.kill()?;
    if filled >= options.delay {
        bail!("submitting took {filled:?}; tasks may have ended already: use a longer --delay");
    }

    let begun = Instant::now();
    let server = ServerProcess::start(&options.binary, folder.path())?;
    ask(server.target(), &post_json(server.target(), "/v1/tasks/echo", "{}"))?;
    let answered = begun.elapsed();
    settle(server.admin(), PATIENCE)?;
    let ended = begun.elapsed();

    let report = Report {
        backlog: ids.len(),
        filled_seconds: filled.as_secs_f64(),
        ready_seconds: server.ready_after().as_secs_f64(),
        answered_seconds: answered.as_secs_f64(),
        ended_seconds: ended.as_secs_f64(),
        tasks_not_once: count_not_once(server.target(), &ids)?,
        contacts_not_once: count_wrong_contacts(server.target(), ids.len())?,
    };
    options.output.print(&report)?;
    Ok(Verdict::of(report.tasks_not_once == 0 && report.contacts_not_once == 0))
}

fn email(number: usize) -> String {
    format!("backlog-{number:08}@load.test")
}

/// Submits the backlog and returns the ids.
fn submit(target: SocketAddr, options: &Options) -> anyhow::Result<Vec<String>> {
    let path = format!("/v1/tasks/contacts.upsert?wait=0s&delay={}ms", options.delay.as_millis());
    let mut ids = vec![String::new(); options.tasks];
    let mut refused = None;
    ask_all(
        target,
        options.tasks,
        |number, request| {
            let body = format!("{{\"email\":\"{}\"}}", email(number));
            *request = post_json(target, &path, &body);
        },
        |number, response| match read::<Task>(response.body) {
            Ok(task) if response.status == 202 => ids[number] = task.id,
            _ => refused = Some(response.status),
        },
    )?;
    match refused {
        None => Ok(ids),
        Some(status) => bail!("a task was answered with {status} instead of 202"),
    }
}

fn count_not_once(target: SocketAddr, ids: &[String]) -> anyhow::Result<usize> {
    let mut count = 0;
    ask_all(
        target,
        ids.len(),
        |number, request| *request = get(target, &format!("/v1/tasks/{}", ids[number])),
        |_, response| {
            let is_once = read::<Task>(response.body)
                .is_ok_and(|task| task.is_succeeded() && task.attempts == 1);
            count += usize::from(!is_once);
        },
    )?;
    Ok(count)
}

fn count_wrong_contacts(target: SocketAddr, tasks: usize) -> anyhow::Result<usize> {
    let mut count = 0;
    ask_all(
        target,
        tasks,
        |number, request| *request = get(target, &format!("/v1/contacts/{}", email(number))),
        |_, response| {
            let is_once = read::<Contact>(response.body).is_ok_and(|contact| contact.version == 1);
            count += usize::from(!is_once);
        },
    )?;
    Ok(count)
}
