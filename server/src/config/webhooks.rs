//! `[webhooks.NAME]`: whom the server tells of its incidents. The address is a secret as often as not,
//! so it may stand in the environment or in a file of its own, and is never shown whole.

use super::upstreams::Secret;
use super::{Address, Config, ConfigError};
use overtime_protocol::UpstreamName;
use overtime_worker::Handler;
use overtime_worker::upstream::{
    Route, Service, ServiceOptions, Signer, Statuses, Webhook, WebhookFormat,
};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long a whole call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Nobody reads what is answered.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// All `[webhooks.NAME]`.
pub type WebhookTables = BTreeMap<String, WebhookTable>;

/// `[webhooks.NAME]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookTable {
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hidden")]
    pub url: Option<Address>,
    /// The variable of the environment that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_env: Option<String>,
    /// The file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    /// The words in which it is told.
    pub format: Format,
    /// The variable of the environment that holds what deliveries are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// The file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Whether it may lie at an address that the world does not reach.
    pub private: bool,
}

/// The words in which somebody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Those of Standard Webhooks.
    #[default]
    Standard,
    /// Slack's.
    Slack,
}

/// An address without what may be secret of it: everything behind the host.
#[expect(clippy::ref_option, reason = "serde hands over what the field is")]
fn hidden<S: Serializer>(url: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&url.as_ref().map(Address::shown).unwrap_or_default())
}

impl Config {
    /// The handlers of the tasks by which webhooks are told.
    ///
    /// # Errors
    /// [`ConfigError::OutOfBounds`] with all that is wrong, and nothing that is secret.
    pub fn webhooks(
        &self,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Vec<Arc<dyn Handler>>, ConfigError> {
        let mut problems = Vec::new();
        let mut handlers: Vec<Arc<dyn Handler>> = Vec::new();
        for (name, table) in &self.webhooks {
            match webhook(name, table, &environment) {
                Ok(webhook) => handlers.push(Arc::new(webhook)),
                Err(problem) => problems.push(format!("webhooks.{name}.{problem}")),
            }
        }
        if problems.is_empty() { Ok(handlers) } else { Err(ConfigError::OutOfBounds(problems)) }
    }
}

fn webhook(
    name: &str,
    table: &WebhookTable,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Webhook, String> {
    let read = |what: &str, variable, file| Secret { what, variable, file }.read(environment);
    let elsewhere = read("url", &table.url_env, &table.url_file)?;
    let (key, url) = match (&table.url, elsewhere) {
        (Some(_), Some((key, _))) => return Err(format!("url and {key} are both there: use one")),
        (None, None) => return Err("url: say url, url_env or url_file".to_owned()),
        (Some(url), None) => ("url".to_owned(), url.as_str().to_owned()),
        (None, Some(found)) => found,
    };
    let secret = read("secret", &table.secret_env, &table.secret_file)?;
    let (format, signer) = match (table.format, secret) {
        (Format::Slack, Some((key, _))) => {
            return Err(format!("{key}: Slack checks no signatures"));
        }
        (Format::Slack, None) => (WebhookFormat::Slack, None),
        (Format::Standard, None) => (WebhookFormat::Standard, None),
        (Format::Standard, Some((key, secret))) => {
            let signer = Signer::new(&secret);
            let signer =
                signer.map_err(|why| format!("{key}: what is there is no secret: {why}"))?;
            (WebhookFormat::Standard, Some(signer))
        }
    };
    let route = route(name, &url, signer, table.private).map_err(|why| format!("{key}: {why}"))?;
    let is_name = "name: it must be of [a-z0-9._-], and at most 47 characters long";
    Webhook::new(name, route, format).ok_or_else(|| is_name.to_owned())
}

fn route(name: &str, url: &str, signer: Option<Signer>, private: bool) -> Result<Route, String> {
    let (base, query) = url.find('?').map_or((url, ""), |at| url.split_at(at));
    let service = Service::new(ServiceOptions {
        name: UpstreamName::new(&format!("webhook.{name}")).ok_or("the name is no name")?,
        url: super::upstreams::url(base, private)?,
        bearer: None,
        signer,
        timeout: TIMEOUT,
        connect_timeout: CONNECT_TIMEOUT,
        connections: 1,
        answer_max_bytes: ANSWER_MAX_BYTES,
        private,
    })?;
    Ok(Route::new(Arc::new(service), query, None, Statuses::default())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<usize, String> {
        let config = Config::from_toml(text).unwrap();
        config.check().unwrap();
        let environment = |name: &str| match name {
            "URL" => Some("https://hooks.example/T0/B0/secret?a=b".into()),
            "SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
            _ => None,
        };
        config.webhooks(environment).map(|made| made.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_comes_from_one_of_three_places() {
        assert_eq!(
            made("[webhooks.ops]\nurl = \"https://hooks.example/x\"\nformat = \"slack\""),
            Ok(1)
        );
        assert_eq!(made("[webhooks.ops]\nurl_env = \"URL\"\nsecret_env = \"SECRET\""), Ok(1));
        for (text, told) in [
            ("[webhooks.ops]", "webhooks.ops.url: say url"),
            ("[webhooks.ops]\nurl_env = \"NONE\"", "webhooks.ops.url_env: NONE is not"),
            ("[webhooks.ops]\nurl = \"https://a.b\"\nurl_env = \"URL\"", "both there"),
            ("[webhooks.ops]\nurl = \"ftp://a.b/secret\"", "webhooks.ops.url: "),
            ("[webhooks.ops]\nurl_env = \"URL\"\nsecret_env = \"URL\"", "is no secret"),
            (
                "[webhooks.ops]\nurl_env = \"URL\"\nsecret_env = \"SECRET\"\nformat = \"slack\"",
                "Slack",
            ),
            ("[webhooks.Ops]\nurl_env = \"URL\"", "webhooks.Ops."),
        ] {
            let complaint = made(text).unwrap_err();
            assert!(complaint.contains(told) && !complaint.contains("T0"), "{text}: {complaint}");
            assert!(!complaint.contains("/secret"), "{text}: {complaint}");
        }
    }

    #[test]
    fn an_address_is_not_shown_whole() {
        let text = "[webhooks.ops]\nurl = \"https://hooks.example/T0/B0/secret\"\n";
        let shown = Config::from_toml(text).unwrap().to_toml();
        assert!(shown.contains("url = \"https://hooks.example/…\""), "{shown}");
        assert!(!shown.contains("secret\""), "{shown}");
    }
}
