//! What is told of a run, as a table for people and as JSON for programs: the same numbers.

use super::{Plan, Score};
use crate::latency::Quantiles;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::time::Duration;

/// What the measured part of a run has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Costs {
    /// Processor seconds of the generator.
    pub generator_cpu_seconds: f64,
    /// Processor seconds of the server, if its process is known.
    pub server_cpu_seconds: Option<f64>,
    /// Resident bytes of the server at the end, if its process is known.
    pub server_resident_bytes: Option<u64>,
}

/// A finished run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Connections used.
    pub connections: usize,
    /// Requests a second asked for; none for a closed loop.
    pub asked_rate: Option<u32>,
    /// From the start of the measured part to its last answer.
    pub seconds: f64,
    /// Answers of the 2xx kind.
    pub ok: u64,
    /// Of those, per second.
    pub rate: f64,
    /// All that went wrong, by name: a status, `wrong-body`, `broken` or `unanswered`.
    pub errors: BTreeMap<String, u64>,
    /// Answers 202: accepted, and not finished within the wait.
    pub accepted: u64,
    /// From due (open loop) or sent (closed loop) to answered, 2xx only.
    pub latency: Quantiles,
    /// How late the generator itself was at the 99th percentile; open loop only.
    pub generator_late_p99_ms: Option<f64>,
    /// Bytes of all answers.
    pub bytes_received: u64,
    /// What the run used.
    pub costs: Costs,
}

impl Summary {
    pub(super) fn new(
        plan: &Plan,
        score: &Score,
        unanswered: u64,
        elapsed: Duration,
        costs: Costs,
    ) -> Self {
        let seconds = elapsed.as_secs_f64();
        let late = score.lateness.quantiles().p99_ms;
        Self {
            connections: plan.connections,
            asked_rate: plan.rate.map(std::num::NonZeroU32::get),
            seconds,
            ok: score.ok,
            rate: score.ok as f64 / seconds,
            errors: errors(score, unanswered),
            accepted: score.by_status.get(&202).copied().unwrap_or(0),
            latency: score.latency.quantiles(),
            generator_late_p99_ms: plan.rate.map(|_| late),
            bytes_received: score.bytes_received,
            costs,
        }
    }

    /// How many requests went wrong.
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn errors(score: &Score, unanswered: u64) -> BTreeMap<String, u64> {
    let refused = score.by_status.iter().filter(|(status, _)| **status >= 300);
    let mut errors: BTreeMap<String, u64> =
        refused.map(|(status, count)| (status.to_string(), *count)).collect();
    for (name, count) in
        [("wrong-body", score.wrong_bodies), ("broken", score.broken), ("unanswered", unanswered)]
    {
        if count > 0 {
            errors.insert(name.to_owned(), count);
        }
    }
    errors
}

impl Display for Summary {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let pace =
            self.asked_rate.map_or("closed loop".into(), |rate| format!("open loop {rate}/s"));
        writeln!(
            out,
            "{:<12}{} connections, {pace}, {:.1} s",
            "load", self.connections, self.seconds
        )?;
        writeln!(out, "{:<12}{} ({:.0}/s)", "answered", self.ok, self.rate)?;
        if self.accepted > 0 {
            writeln!(out, "{:<12}{}", "of them 202", self.accepted)?;
        }
        let errors: Vec<String> =
            self.errors.iter().map(|(name, count)| format!("{name}: {count}")).collect();
        let errors = if errors.is_empty() { "none".to_owned() } else { errors.join(", ") };
        writeln!(out, "{:<12}{errors}", "errors")?;
        writeln!(out, "{:<12}{}", "latency", self.latency)?;
        if let Some(late) = self.generator_late_p99_ms {
            writeln!(out, "{:<12}p99 {late:.3} ms late by itself", "generator")?;
        }
        writeln!(out, "{:<12}{:.1} MB received", "bytes", self.bytes_received as f64 / 1e6)?;
        write_costs(out, &self.costs)
    }
}

fn write_costs(out: &mut Formatter<'_>, costs: &Costs) -> std::fmt::Result {
    write!(out, "{:<12}generator {:.2} s", "processor", costs.generator_cpu_seconds)?;
    if let Some(server) = costs.server_cpu_seconds {
        write!(out, ", server {server:.2} s")?;
    }
    if let Some(bytes) = costs.server_resident_bytes {
        write!(out, "; server memory {:.1} MB", bytes as f64 / 1e6)?;
    }
    writeln!(out)
}
