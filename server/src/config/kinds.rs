//! `[kinds.NAME]`: what the operator says of single kinds. Which kinds there are is not known when
//! a file is read; whoever serves them asks here whether all that were named are among them.

use super::routes::{RouteLane, StatusTable};
use super::{Address, ConfigError, Size, Span};
use overtime_protocol::{Kind, KindName, RetryPolicy, UpstreamId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All `[kinds.NAME]`.
pub type KindTables = BTreeMap<String, KindTable>;

/// `[kinds.NAME]`: what is not said stays as the kind has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KindTable {
    /// How many attempts a task may use before it is parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The bound of the delay behind the first attempt; behind the n-th it is n⁴ times that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_first: Option<Span>,
    /// The highest bound of a delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_max: Option<Span>,
    /// How long a finished task is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Span>,
    /// The most that its tasks may take on disk; above it more are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_max: Option<Size>,
    /// The upstream that serves it: with this, the table makes a kind instead of changing one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// What is appended to the upstream's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Address>,
    /// How long a whole call may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How many items of a bulk body are delivered at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
    /// The lane of its single calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<RouteLane>,
    /// What statuses mean that do not mean the usual.
    #[serde(skip_serializing_if = "StatusTable::is_empty")]
    pub statuses: StatusTable,
}

impl KindTable {
    /// The keys that are there although only kinds of upstreams have them.
    pub(super) fn stray(&self) -> Vec<&'static str> {
        let keys = [
            ("path", self.path.is_some()),
            ("timeout", self.timeout.is_some()),
            ("parallel", self.parallel.is_some()),
            ("lane", self.lane.is_some()),
            ("statuses", !self.statuses.is_empty()),
        ];
        let is_stray = self.upstream.is_none();
        keys.into_iter().filter(|(_, is_there)| is_stray && *is_there).map(|(key, _)| key).collect()
    }

    /// The policy of a kind that has `policy` by itself.
    pub(super) fn retry(&self, policy: RetryPolicy) -> RetryPolicy {
        RetryPolicy {
            attempts: self.attempts.unwrap_or(policy.attempts),
            first: self.retry_first.map_or(policy.first, |span| span.0),
            max: self.retry_max.map_or(policy.max, |span| span.0),
        }
    }
}

/// What the tables say under one key, by kind. A name that no kind can have is told elsewhere.
pub(super) fn named<T>(
    tables: &KindTables,
    key: impl Fn(&KindTable) -> Option<T>,
) -> impl Iterator<Item = (KindName, T)> {
    tables.iter().filter_map(move |(name, table)| Some((KindName::new(name)?, key(table)?)))
}

/// Changes the kinds as the tables say.
///
/// # Errors
/// [`ConfigError::OutOfBounds`] if a table is of no kind that is served, or a kind would get delays
/// that make no sense.
pub(crate) fn apply(
    tables: &KindTables,
    kinds: &mut [Kind],
    upstream: impl Fn(&str) -> Option<UpstreamId>,
) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    for (name, table) in tables {
        let Some(kind) = kinds.iter_mut().find(|kind| kind.name.as_str() == name) else {
            problems.push(unknown(name, kinds));
            continue;
        };
        kind.retry = table.retry(kind.retry);
        if let Some(named) = &table.upstream {
            match upstream(named) {
                Some(id) => *kind = kind.clone().calling(id),
                None => problems.push(format!("kinds.{name}.upstream: there is no `{named}`")),
            }
        }
        if kind.retry.first > kind.retry.max {
            let (first, max) = (Span(kind.retry.first), Span(kind.retry.max));
            problems.push(format!(
                "kinds.{name}.retry_first is {first}; it must not be above retry_max, {max}"
            ));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError::OutOfBounds(problems)) }
}

fn unknown(name: &str, kinds: &[Kind]) -> String {
    let known: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    format!("kinds.{name}: no such kind is served; there are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn kinds() -> Vec<Kind> {
        vec![Kind::durable("echo"), Kind::durable("contacts.upsert")]
    }

    #[test]
    fn a_table_changes_its_kind_and_no_other() {
        let text = "[kinds.\"contacts.upsert\"]\nattempts = 3\nretry_first = \"100ms\"\n";
        let config = super::super::Config::from_toml(text).unwrap();
        config.check().unwrap();
        let mut kinds = kinds();
        apply(&config.kinds, &mut kinds, |_| None).unwrap();
        let usual = RetryPolicy::default();
        let first = Duration::from_millis(100);
        assert_eq!(kinds[0].retry, usual);
        assert_eq!(kinds[1].retry, RetryPolicy { attempts: 3, first, ..usual });
        let written = config.to_toml();
        assert!(written.contains(text.trim()), "{written}");
        assert_eq!(super::super::Config::from_toml(&written).unwrap(), config);
    }

    #[test]
    fn tables_of_no_kind_and_delays_without_sense_are_refused_by_name() {
        let complaint = |text: &str| {
            let config = super::super::Config::from_toml(text).unwrap();
            apply(&config.kinds, &mut kinds(), |_| None).unwrap_err().to_string()
        };
        let unknown = complaint("[kinds.ecko]\n");
        assert!(unknown.contains("kinds.ecko") && unknown.contains("echo, "), "{unknown}");
        let short = complaint("[kinds.echo]\nretry_max = \"1s\"\n");
        assert!(short.contains("kinds.echo.retry_first is 2s"), "{short}");
    }
}
