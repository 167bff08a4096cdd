//! `[upstreams.NAME]`: the services that kinds call. What is secret stands in the environment or in a
//! file of its own: it is read when the server starts, and never written down here.

use super::{Address, Config, ConfigError, Size, Span};
use overtime_protocol::{GateMode, Upstream, UpstreamId, UpstreamName};
use overtime_worker::upstream::{Service, ServiceOptions, ServiceUrl, Signer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// All `[upstreams.NAME]`.
pub type UpstreamTables = BTreeMap<String, UpstreamTable>;

/// `[upstreams.NAME]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTable {
    /// The address that the paths of kinds are appended to.
    pub url: Address,
    /// The variable of the environment that holds what is shown as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_env: Option<String>,
    /// The file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer_file: Option<PathBuf>,
    /// The variable of the environment that holds what deliveries are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// The file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// How long a whole call may take.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// How long a connection may take to be made.
    #[serde(default = "connect_timeout")]
    pub connect_timeout: Span,
    /// The most calls at a time; 0 takes a quarter of the workers.
    #[serde(default)]
    pub concurrency: usize,
    /// A call that takes longer is slow.
    #[serde(default = "slow")]
    pub slow: Span,
    /// The longest answer.
    #[serde(default = "answer_max")]
    pub answer_max: Size,
    /// Whether it may lie at an address that the world does not reach.
    #[serde(default)]
    pub private: bool,
    /// What is done when it turns bad.
    #[serde(default)]
    pub mode: Mode,
}

/// What is done when an upstream turns bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is called no more until it is well again.
    #[default]
    Shed,
    /// It is told.
    Observe,
    /// Nothing.
    Off,
}

const fn timeout() -> Span {
    Span::seconds(30)
}

const fn connect_timeout() -> Span {
    Span::seconds(5)
}

const fn slow() -> Span {
    Span::seconds(3)
}

const fn answer_max() -> Size {
    Size::mib(16)
}

impl From<Mode> for GateMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Shed => Self::Shed,
            Mode::Observe => Self::Observe,
            Mode::Off => Self::Off,
        }
    }
}

impl Config {
    /// What must be known of each upstream to decide when it is called. An upstream's place in the
    /// list is its id.
    pub fn upstreams(&self) -> Vec<Upstream> {
        let named = self.upstreams.iter().filter_map(|(name, table)| {
            Some(Upstream {
                name: UpstreamName::new(name)?,
                mode: table.mode.into(),
                calls_max: table.concurrency,
                slow: table.slow.0,
            })
        });
        named.collect()
    }

    /// The id of the upstream of that name.
    pub(super) fn upstream_id(&self, name: &str) -> Option<UpstreamId> {
        let place = self.upstreams.keys().position(|other| other == name)?;
        u16::try_from(place).ok().map(UpstreamId)
    }

    /// The services, in the order of their ids, with what is secret of them.
    pub(super) fn services(
        &self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Vec<Arc<Service>>, ConfigError> {
        let mut problems = Vec::new();
        let mut services = Vec::new();
        for (name, table) in &self.upstreams {
            match self.service(name, table, &environment) {
                Ok(service) => services.push(Arc::new(service)),
                Err(problem) => problems.push(format!("upstreams.{name}.{problem}")),
            }
        }
        if problems.is_empty() { Ok(services) } else { Err(ConfigError::OutOfBounds(problems)) }
    }

    fn service(
        &self,
        name: &str,
        table: &UpstreamTable,
        environment: &impl Fn(&str) -> Option<OsString>,
    ) -> Result<Service, String> {
        let read = |what: &str, variable, file| Secret { what, variable, file }.read(environment);
        let bearer = read("bearer", &table.bearer_env, &table.bearer_file)?;
        let secret = read("secret", &table.secret_env, &table.secret_file)?;
        let signer = match secret {
            None => None,
            Some((key, secret)) => {
                let signer = Signer::new(&secret);
                Some(signer.map_err(|why| format!("{key}: what is there is no secret: {why}"))?)
            }
        };
        let (key, bearer) =
            bearer.map_or(("bearer".to_owned(), None), |(key, bearer)| (key, Some(bearer)));
        let quarter = (self.workers.max / 4).max(1);
        let options = ServiceOptions {
            name: UpstreamName::new(name).ok_or("is no name of an upstream")?,
            url: url(table.url.as_str(), table.private).map_err(|why| format!("url: {why}"))?,
            bearer,
            signer,
            timeout: table.timeout.0,
            connect_timeout: table.connect_timeout.0,
            connections: if table.concurrency == 0 { quarter } else { table.concurrency },
            answer_max_bytes: table.answer_max.to_usize(),
            private: table.private,
        };
        Service::new(options).map_err(|why| format!("{key}: what is there is no token: {why}"))
    }
}

/// An address, which has to lie in the world unless it is `private`.
pub(super) fn url(text: &str, private: bool) -> Result<ServiceUrl, String> {
    let url = ServiceUrl::new(text)?;
    match url.set_aside().filter(|_| !private) {
        Some(what) => Err(format!("its host is {what}: say `private = true` if that is meant")),
        None => Ok(url),
    }
}

/// Where something secret is.
pub(super) struct Secret<'a> {
    pub(super) what: &'a str,
    pub(super) variable: &'a Option<String>,
    pub(super) file: &'a Option<PathBuf>,
}

impl Secret<'_> {
    /// What is there, and under which key it was named; nothing of it is in a complaint.
    pub(super) fn read(
        &self,
        environment: &impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<(String, String)>, String> {
        let what = self.what;
        let (key, text) = match (self.variable, self.file) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(format!("{what}_env and {what}_file are both there: use one"));
            }
            (Some(variable), None) => {
                let key = format!("{what}_env");
                let value = environment(variable)
                    .ok_or_else(|| format!("{key}: {variable} is not in the environment"))?;
                let text = value.into_string().map_err(|_| format!("{key}: it is not UTF-8"))?;
                (key, text)
            }
            (None, Some(file)) => {
                let key = format!("{what}_file");
                let text = fs::read_to_string(file).map_err(|error| {
                    format!("{key}: {} cannot be read: {error}", file.display())
                })?;
                (key, text)
            }
        };
        match text.trim() {
            "" => Err(format!("{key}: it is empty")),
            text => Ok(Some((key, text.to_owned()))),
        }
    }
}

#[cfg(test)]
mod tests;
