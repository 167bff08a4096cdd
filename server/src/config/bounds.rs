//! What must hold among the settings. Every contradiction is told at once, each by the names of
//! the keys in it.

use super::{Config, ConfigError, Retention, Size, Span};
use crate::keys::Store;
use overtime_protocol::UpstreamName;
use overtime_worker::{EFFECTS_MAX_BYTES, PRODUCT_MAX_BYTES};
use std::net::SocketAddr;

/// The largest payload that may be configured.
pub const BODY_MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// The most of a record that is neither result nor state. Large payloads are not in records.
const RECORD_REST_BYTES: u64 = 1024 * 1024;

/// No count may be higher, so that a slip of the finger does not ask for all memory.
const COUNT_MAX: usize = 100_000_000;

/// The most threads of a kind.
const THREADS_MAX: usize = 10_000;

/// The most upstreams: their ids are of 16 bits, and each has connections of its own.
const UPSTREAMS_MAX: usize = 10_000;

/// The places in a request head are kept in 16 bits.
const HEAD_MAX: Size = Size(65_535);

/// The most header fields that are read.
const FIELDS_MAX: usize = 128;

/// The longest span that makes sense anywhere.
const SPAN_MAX: Span = Span::seconds(24 * 60 * 60);

/// The longest that anything finished is kept: about ten years.
const RETENTION_MAX: Span = Span::days(3660);

/// The most attempts of a task.
const ATTEMPTS_MAX: u32 = 10_000;

/// The longest delay of a retry.
const RETRY_MAX: Span = Span::days(366);

impl Config {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// [`ConfigError::OutOfBounds`] with all that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems(Vec::new());
        self.check_addresses(&mut problems);
        self.check_exposed(self.has_keys(), &mut problems);
        self.check_spans(&mut problems);
        self.check_counts(&mut problems);
        self.check_sizes(&mut problems);
        self.check_kinds(&mut problems);
        self.check_upstreams(&mut problems);
        if self.data.to_str().is_none_or(str::is_empty) {
            problems.0.push("data must name a folder, in UTF-8".to_owned());
        }
        problems.told()
    }

    /// Checks the addresses against whether callers are asked for keys: what was found out about that
    /// before may be over.
    ///
    /// # Errors
    /// [`ConfigError::OutOfBounds`].
    pub(crate) fn check_exposure(&self, asks_for_keys: bool) -> Result<(), ConfigError> {
        let mut problems = Problems(Vec::new());
        self.check_exposed(asks_for_keys, &mut problems);
        problems.told()
    }

    /// Whether there is a file of keys in the data folder.
    fn has_keys(&self) -> bool {
        Store::of(&self.data).exists()
    }

    fn check_addresses(&self, problems: &mut Problems) {
        if self.listen == self.admin && self.listen.port() != 0 {
            problems.0.push(format!("listen and admin are both {}", self.listen));
        }
    }

    fn check_exposed(&self, asks_for_keys: bool, problems: &mut Problems) {
        let exposed = |address| !self.insecure && !is_loopback(address);
        if exposed(self.listen) && !asks_for_keys {
            problems.0.push(format!(
                "listen is {}, where other machines can reach it, and no caller is asked for a key: \
                 make one with `overtime keys add`, use a loopback address, or --insecure if \
                 something else guards it",
                self.listen
            ));
        }
        if exposed(self.admin) {
            problems.0.push(format!(
                "admin is {}, where other machines can reach it, and nobody is asked for a key \
                 there: use a loopback address, or --insecure if something else guards it",
                self.admin
            ));
        }
    }

    fn check_spans(&self, problems: &mut Problems) {
        let Self { wait, core, timeouts, drain, .. } = self;
        let positive = Span::millis(1);
        problems.within("wait.default", wait.default, Span::seconds(0), SPAN_MAX);
        problems.within("wait.max", wait.max, Span::seconds(0), SPAN_MAX);
        problems.ordered("wait.default", wait.default, "wait.max", wait.max);
        problems.within("core.turn_budget", core.turn_budget, Span::micros(10), Span::seconds(1));
        let admission = &self.admission;
        problems.within("admission.delay", admission.delay, positive, SPAN_MAX);
        problems.within("admission.standing", admission.standing, positive, SPAN_MAX);
        problems.ordered("core.spin", core.spin, "core.turn_budget", core.turn_budget);
        problems.within("timeouts.head", timeouts.head, positive, SPAN_MAX);
        problems.within("timeouts.idle", timeouts.idle, positive, SPAN_MAX);
        problems.within("timeouts.body_progress", timeouts.body_progress, positive, SPAN_MAX);
        problems.within("drain.notice", drain.notice, Span::seconds(0), SPAN_MAX);
        let Retention { finished, keys, affected, incidents } = self.retention;
        problems.within("retention.finished", finished, Span::seconds(1), RETENTION_MAX);
        problems.within("retention.keys", keys, Span::seconds(0), RETENTION_MAX);
        problems.within("retention.affected", affected, Span::seconds(1), RETENTION_MAX);
        problems.within("retention.incidents", incidents, Span::seconds(1), RETENTION_MAX);
        problems.within("drain.grace", drain.grace, Span::seconds(0), SPAN_MAX);
    }

    fn check_counts(&self, problems: &mut Problems) {
        let limits = &self.limits;
        let workers = &self.workers;
        problems.within("workers.min", workers.min, 1, THREADS_MAX);
        problems.within("workers.max", workers.max, 1, THREADS_MAX);
        problems.ordered("workers.min", workers.min, "workers.max", workers.max);
        problems.within("journal.readers", self.journal.readers, 1, 64);
        problems.within("limits.fields", limits.fields, 1, FIELDS_MAX);
        problems.within("limits.connections", limits.connections, 1, COUNT_MAX);
        problems.within("limits.tasks", limits.tasks, 1, COUNT_MAX);
        problems.within("limits.appends", limits.appends, 1, COUNT_MAX);
    }

    fn check_kinds(&self, problems: &mut Problems) {
        for (name, table) in &self.kinds {
            let key = |key: &str| format!("kinds.{name}.{key}");
            if let Some(attempts) = table.attempts {
                problems.within(&key("attempts"), attempts, 1, ATTEMPTS_MAX);
            }
            if let Some(retention) = table.retention {
                let keys = self.retention.keys.min(self.retention.finished);
                problems.ordered("retention.keys", keys, &key("retention"), retention);
                problems.within(&key("retention"), retention, Span::seconds(1), RETENTION_MAX);
            }
            problems.0.extend(table.stray().into_iter().map(|stray| {
                format!("{} is only for kinds that an upstream serves: say which", key(stray))
            }));
            if let Some(timeout) = table.timeout {
                problems.within(&key("timeout"), timeout, Span::millis(1), SPAN_MAX);
            }
            if let Some(parallel) = table.parallel {
                problems.within(&key("parallel"), parallel, 1, THREADS_MAX);
            }
            for (name, span) in [("retry_first", table.retry_first), ("retry_max", table.retry_max)]
            {
                let Some(span) = span else { continue };
                problems.within(&key(name), span, Span::millis(1), RETRY_MAX);
            }
        }
    }

    fn check_upstreams(&self, problems: &mut Problems) {
        problems.within("the number of upstreams", self.upstreams.len(), 0, UPSTREAMS_MAX);
        for (name, table) in &self.upstreams {
            let key = |key: &str| format!("upstreams.{name}.{key}");
            if UpstreamName::new(name).is_none() {
                problems.0.push(format!("upstreams.{name}: a name is of [a-z0-9._-], at most 64"));
            }
            let positive = Span::millis(1);
            problems.within(&key("timeout"), table.timeout, positive, SPAN_MAX);
            problems.within(&key("connect_timeout"), table.connect_timeout, positive, SPAN_MAX);
            problems.within(&key("slow"), table.slow, positive, SPAN_MAX);
            problems.within(&key("concurrency"), table.concurrency, 0, THREADS_MAX);
            let answer_max = Size(PRODUCT_MAX_BYTES as u64);
            problems.within(&key("answer_max"), table.answer_max, Size(1), answer_max);
        }
    }

    fn check_sizes(&self, problems: &mut Problems) {
        let Self { limits, journal, .. } = self;
        problems.within("limits.head", limits.head, Size(256), HEAD_MAX);
        problems.within("limits.target", limits.target, Size(64), HEAD_MAX);
        problems.ordered("limits.target", limits.target, "limits.head", limits.head);
        problems.within("limits.body", limits.body, Size(0), Size(BODY_MAX_BYTES));
        let memory = limits.payload_memory;
        problems.ordered("limits.body", limits.body, "limits.payload_memory", memory);
        problems.within("limits.payload_memory", memory, Size::mib(1), Size::mib(1 << 20));
        if let Some(whole) = self.memory() {
            problems.ordered("limits.payload_memory", memory, "limits.memory", whole);
        }
        let record = (PRODUCT_MAX_BYTES + EFFECTS_MAX_BYTES) as u64 + RECORD_REST_BYTES;
        problems.within("journal.segment", journal.segment, Size(record), Size::mib(1024));
        let segments = Size(journal.segment.0.saturating_mul(3));
        problems.ordered(
            "three times journal.segment",
            segments,
            "journal.log_max",
            journal.log_max,
        );
        problems.within("journal.log_max", journal.log_max, Size::mib(1), Size::mib(1 << 20));
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

struct Problems(Vec<String>);

impl Problems {
    fn told(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError::OutOfBounds(self.0)) }
    }

    fn within<T: PartialOrd + std::fmt::Display>(&mut self, key: &str, value: T, low: T, high: T) {
        if value < low || value > high {
            self.0.push(format!("{key} is {value}; it must be from {low} to {high}"));
        }
    }

    fn ordered<T: PartialOrd + std::fmt::Display>(
        &mut self,
        low_key: &str,
        low: T,
        high_key: &str,
        high: T,
    ) {
        if low > high {
            self.0.push(format!("{low_key} is {low}; it must not be above {high_key}, {high}"));
        }
    }
}
