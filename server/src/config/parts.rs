//! What the settings mean to each part of the server, in that part's own words.

use super::{Config, ConfigError, Size, kinds};
use overtime_protocol::{Kind, http};
use std::time::Duration;

/// Whoever follows a task hears of the server at least this often: the proxies on the way give a
/// silent connection up after half a minute or more.
const HEARTBEAT: Duration = Duration::from_secs(15);

impl Config {
    /// The most memory that the process may use, if somebody has said that.
    pub(crate) fn memory(&self) -> Option<Size> {
        Some(self.limits.memory).filter(|&size| size != Size(0))
    }

    /// How long an idempotency key is kept: never longer than the result that it must replay.
    fn key_keep(&self) -> Duration {
        self.retention.keys.min(self.retention.finished).0
    }

    /// Changes the kinds as `[kinds.NAME]` says.
    ///
    /// # Errors
    /// [`ConfigError::OutOfBounds`] if it names a kind that is not there.
    pub fn apply_kinds(&self, kinds: &mut [Kind]) -> Result<(), ConfigError> {
        kinds::apply(&self.kinds, kinds, |name| self.upstream_id(name))
    }

    /// The engine's bounds.
    pub fn engine_limits(&self) -> overtime_engine::Limits {
        overtime_engine::Limits {
            tasks_max: self.limits.tasks,
            payload_memory_max_bytes: self.limits.payload_memory.0,
            appends_max: self.limits.appends,
            key_keep: self.key_keep(),
            admission: overtime_engine::AdmissionRules {
                enabled: self.admission.enabled,
                delay: self.admission.delay.0,
                standing: self.admission.standing.0,
                ..overtime_engine::AdmissionRules::default()
            },
            ..overtime_engine::Limits::default()
        }
    }

    /// How the journal is opened.
    pub fn journal_options(&self) -> overtime_journal::Options {
        overtime_journal::Options {
            segment_bytes: self.journal.segment.0,
            log_max_bytes: self.journal.log_max.0,
            appends_max: self.limits.appends,
            readers: self.journal.readers,
            key_keep: self.key_keep(),
            retention: overtime_journal::Retention {
                finished: self.retention.finished.0,
                kinds: kinds::named(&self.kinds, |kind| Some(kind.retention?.0)).collect(),
                affected: self.retention.affected.0,
                incidents: self.retention.incidents.0,
            },
            disk: overtime_journal::DiskLimits {
                whole: Some(self.journal.disk_max.0).filter(|&bytes| bytes > 0),
                kinds: kinds::named(&self.kinds, |kind| Some(kind.disk_max?.0)).collect(),
            },
            ..overtime_journal::Options::new(&self.data)
        }
    }

    /// The core's bounds.
    pub fn core_limits(&self) -> overtime_core::Limits {
        overtime_core::Limits {
            http: http::Limits {
                head_max_bytes: self.limits.head.to_usize(),
                fields_max: self.limits.fields,
                target_max_bytes: self.limits.target.to_usize(),
                body_max_bytes: self.limits.body.0,
            },
            connections_max: self.limits.connections,
            wait_default: self.wait.default.0,
            wait_max: self.wait.max.0,
            head_timeout: self.timeouts.head.0,
            idle_timeout: self.timeouts.idle.0,
            body_progress_timeout: self.timeouts.body_progress.0,
            rate_min: self.timeouts.rate_min.0,
            heartbeat: HEARTBEAT,
            spin: self.core.spin.0,
            turn_budget: self.core.turn_budget.0,
            drain_notice: self.drain.notice.0,
            drain_grace: self.drain.grace.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts have defaults of their own, for their tests; nobody should have to wonder which
    /// ones a server has.
    #[test]
    fn the_defaults_are_those_of_the_parts() {
        let config = Config::default();
        let engine = format!("{:?}", config.engine_limits());
        assert_eq!(engine, format!("{:?}", overtime_engine::Limits::default()));
        let http = http::Limits { body_max_bytes: config.limits.body.0, ..http::Limits::default() };
        assert_eq!(config.core_limits().http, http);
    }
}
