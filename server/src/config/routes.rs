//! Kinds that upstreams serve: what `[kinds.NAME]` says of them, made into handlers.

use super::kinds::KindTable;
use super::{Address, Config, ConfigError};
use overtime_protocol::{Kind, KindName, Lane, UpstreamId};
use overtime_worker::Handler;
use overtime_worker::upstream::{HttpKind, Route, Service, Statuses, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

/// So many items of a bulk body are delivered at a time, unless somebody says otherwise.
const PARALLEL: usize = 16;

/// `[kinds.NAME.statuses]`: statuses, and what becomes of work that is answered with them.
pub type StatusTable = BTreeMap<String, Becomes>;

/// What becomes of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Becomes {
    /// It is done.
    Done,
    /// It is delivered again.
    Retry,
    /// It fails for its input.
    Fail,
    /// It waits for a person.
    Park,
}

/// The lane of a kind that an upstream serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteLane {
    /// With the single calls.
    Interactive,
    /// Behind them.
    Background,
}

impl Config {
    /// The handlers of the kinds that upstreams serve, with what is secret of those. A kind that is
    /// `served` by a handler already calls its upstream by itself.
    ///
    /// # Errors
    /// [`ConfigError::OutOfBounds`] with all that is wrong, and nothing that is secret.
    pub fn routes(
        &self,
        environment: impl Fn(&str) -> Option<OsString>,
        served: &[KindName],
    ) -> Result<Vec<Arc<dyn Handler>>, ConfigError> {
        let services = self.services(environment)?;
        let mut problems = Vec::new();
        let mut handlers: Vec<Arc<dyn Handler>> = Vec::new();
        for (name, table) in &self.kinds {
            let is_served = served.iter().any(|kind| kind.as_str() == name);
            let Some(upstream) = table.upstream.as_ref().filter(|_| !is_served) else { continue };
            let service = self.upstream_id(upstream).and_then(|id| {
                services.get(usize::from(id.0)).map(|service| (id, Arc::clone(service)))
            });
            match service
                .ok_or_else(|| unknown(upstream, self))
                .and_then(|to| route(name, table, to))
            {
                Ok(handler) => handlers.push(Arc::new(handler)),
                Err(problem) => problems.push(format!("kinds.{name}.{problem}")),
            }
        }
        if problems.is_empty() { Ok(handlers) } else { Err(ConfigError::OutOfBounds(problems)) }
    }
}

fn route(
    name: &str,
    table: &KindTable,
    (id, service): (UpstreamId, Arc<Service>),
) -> Result<HttpKind, String> {
    let name = KindName::new(name).ok_or("upstream: the kind's name is not of [a-z0-9._-]")?;
    let mut kind = Kind::durable(name.as_str()).calling(id);
    kind.lane = match table.lane {
        None | Some(RouteLane::Interactive) => Lane::Interactive,
        Some(RouteLane::Background) => Lane::Background,
    };
    let path = table.path.as_ref().map_or("", Address::as_str);
    let timeout = table.timeout.map(|span| span.0);
    let statuses = statuses(table)?;
    let route = Route::new(service, path, timeout, statuses);
    let parallel = table.parallel.unwrap_or(PARALLEL);
    Ok(HttpKind::new(kind, route.map_err(|why| format!("path: {why}"))?, parallel))
}

fn statuses(table: &KindTable) -> Result<Statuses, String> {
    let named = table.statuses.iter().map(|(text, becomes)| Ok((status(text)?, verdict(*becomes))));
    named.collect::<Result<Vec<_>, String>>().map(Statuses::new)
}

/// A status that can be an answer's last word.
fn status(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| (200..=599).contains(number));
    let number = number.filter(|number: &u16| number.to_string() == text);
    number.ok_or_else(|| format!("statuses.{text}: that is no status from 200 to 599"))
}

fn verdict(becomes: Becomes) -> Verdict {
    match becomes {
        Becomes::Done => Verdict::Done,
        Becomes::Retry => Verdict::Retry,
        Becomes::Fail => Verdict::Fail,
        Becomes::Park => Verdict::Park,
    }
}

fn unknown(upstream: &str, config: &Config) -> String {
    let known: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
    match known.is_empty() {
        true => format!("upstream: there is no upstream `{upstream}`, nor any other"),
        false => {
            format!("upstream: there is no upstream `{upstream}`; there are {}", known.join(", "))
        }
    }
}
