//! `crash --bulk`: the server is killed while it takes and works off bulk bodies. No contact is in
//! two bodies, so after the restart each has version 1, or none if its body may never have come
//! in: a body takes effect once and as a whole, or not at all.

mod audit;
mod delivery;

use super::{Options, SETTLE};
use crate::contacts::Contacts;
use crate::random::{Random, fresh_seed};
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use audit::{Findings, audit};
use delivery::{Delivery, Fate};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long files may stay in the spool after their tasks have ended.
const UNLINK: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);

/// The bodies of one round and what their senders know of them.
struct Round {
    contacts: Contacts,
    deliveries: Vec<Delivery>,
}

/// What is told of all rounds.
#[derive(Debug, Default, Serialize)]
struct Report {
    seed: u64,
    rounds: u64,
    done: u64,
    accepted: u64,
    unknown: u64,
    refused: u64,
    findings: Findings,
    /// Files in the spool after all tasks had ended.
    left_in_spool: u64,
    killed_while_starting: u64,
    ready_seconds_max: f64,
    settled_seconds_max: f64,
}

/// Kills, starts again, compares, and prints.
pub(super) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    eprintln!("seed         {seed}");
    let mut folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let outcome = play(options, seed, folder.path());
    let is_right = outcome.as_ref().is_ok_and(Report::is_right);
    if !is_right {
        folder.disable_cleanup(true);
        eprintln!("kept         {}", folder.path().display());
    }
    options.output.print(&outcome?)?;
    Ok(Verdict::of(is_right))
}

fn play(options: &Options, seed: u64, folder: &Path) -> anyhow::Result<Report> {
    let mut random = Random::new(seed);
    let mut report = Report { seed, rounds: options.rounds, ..Report::default() };
    let mut rounds = Vec::new();
    let mut server = ServerProcess::start(&options.binary, folder)?;
    for number in 1..=options.rounds {
        let told = |what| format!("round {number}: {what}");
        let round = crash(options, &mut random, &mut server).with_context(|| told("load"))?;
        report.count(&round);
        rounds.push(round);
        if random.below(5) == 0 {
            let after = Duration::from_millis(random.below(60));
            ServerProcess::start_and_kill(&options.binary, folder, after)?;
            report.killed_while_starting += 1;
        }
        server = ServerProcess::start(&options.binary, folder).with_context(|| told("restart"))?;
        let settled = settle(server.admin(), SETTLE).with_context(|| told("settle"))?;
        report.left_in_spool += await_empty(&folder.join("data").join("spool"));
        // What was right once must stay so: the last comparison is of everything.
        let from = if number == options.rounds { 0 } else { rounds.len() - 1 };
        let findings = audit(server.target(), &rounds[from..]).with_context(|| told("audit"))?;
        eprintln!("round {number:<6} ready in {:?}, settled in {settled:?}", server.ready_after());
        if findings != Findings::default() {
            eprintln!("round {number:<6} {findings:?}");
        }
        report.note(&findings, server.ready_after(), settled);
    }
    Ok(report)
}

/// Sends bodies until the server is killed at a random moment.
fn crash(
    options: &Options,
    random: &mut Random,
    server: &mut ServerProcess,
) -> anyhow::Result<Round> {
    let contacts = Contacts::fresh(options.items, random.next_u64());
    let after = Duration::from_millis(50 + random.below(1_451));
    let bodies = delivery::bodies(server.target(), &contacts, options.body_bytes);
    let (target, is_over) = (server.target(), AtomicBool::new(false));
    let (next, deliveries) = (Mutex::new(bodies.into_iter()), Mutex::new(Vec::new()));
    let killed = std::thread::scope(|scope| {
        for _ in 0..options.streams {
            scope.spawn(|| {
                let own = delivery::deliver(target, &next, &is_over);
                deliveries.lock().expect("no stream panics while it hands in").extend(own);
            });
        }
        std::thread::sleep(after);
        is_over.store(true, Ordering::Relaxed);
        server.kill()
    });
    killed?;
    let deliveries = deliveries.into_inner().expect("no stream panics while it hands in");
    if deliveries.is_empty() {
        bail!("nothing was sent before the kill");
    }
    Ok(Round { contacts, deliveries })
}

/// Waits until no file is in `spool`; how many stay.
fn await_empty(spool: &Path) -> u64 {
    let begun = Instant::now();
    loop {
        // A server that has spooled nothing may have no such folder.
        let left = std::fs::read_dir(spool).map_or(0, |files| files.count() as u64);
        if left == 0 || begun.elapsed() > UNLINK {
            return left;
        }
        std::thread::sleep(PAUSE);
    }
}

impl Report {
    fn count(&mut self, round: &Round) {
        for delivery in &round.deliveries {
            match delivery.fate {
                Fate::Done => self.done += 1,
                Fate::Accepted(_) => self.accepted += 1,
                Fate::Unknown => self.unknown += 1,
                Fate::Refused => self.refused += 1,
            }
        }
    }

    fn note(&mut self, findings: &Findings, ready: Duration, settled: Duration) {
        self.findings.add(findings);
        self.ready_seconds_max = self.ready_seconds_max.max(ready.as_secs_f64());
        self.settled_seconds_max = self.settled_seconds_max.max(settled.as_secs_f64());
    }

    fn is_right(&self) -> bool {
        self.findings == Findings::default() && self.left_in_spool == 0
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Findings { missing, doubled, partial, unfinished } = self.findings;
        writeln!(out, "seed         {}", self.seed)?;
        writeln!(out, "bodies       200: {}, 202: {}", self.done, self.accepted)?;
        writeln!(out, "unknown      {} sent and not answered", self.unknown)?;
        writeln!(out, "refused      {}", self.refused)?;
        writeln!(out, "missing      {missing} contacts of acknowledged bodies")?;
        writeln!(out, "doubled      {doubled} contacts written more often than they were sent")?;
        writeln!(out, "partial      {partial} bodies that took effect in part")?;
        writeln!(out, "unfinished   {unfinished} bodies that were accepted and did not succeed")?;
        writeln!(out, "spool        {} files left when all tasks had ended", self.left_in_spool)?;
        writeln!(out, "restarts     {} more while starting", self.killed_while_starting)?;
        writeln!(out, "ready        within {:.3} s", self.ready_seconds_max)?;
        writeln!(out, "settled      within {:.3} s", self.settled_seconds_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_that_is_empty_or_absent_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(await_empty(folder.path()), 0);
        assert_eq!(await_empty(&folder.path().join("absent")), 0);
    }

    #[test]
    fn a_file_left_behind_or_a_finding_is_not_right() {
        assert!(Report::default().is_right());
        assert!(!Report { left_in_spool: 1, ..Report::default() }.is_right());
        let findings = Findings { partial: 1, ..Findings::default() };
        assert!(!Report { findings, ..Report::default() }.is_right());
    }
}
