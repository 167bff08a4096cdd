//! Webhooks: what the server tells of its incidents is delivered here, in the words of whoever listens.
//! What is told, and when, is decided elsewhere.

use super::parcel::Parcel;
use super::route::Route;
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use bytes::Bytes;
use overtime_protocol::{Kind, KindName, Lane, Product, WEBHOOK_KINDS};
use serde_json::{Value, json};

/// The words of whoever listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// An event as Standard Webhooks has it, as the server wrote it.
    Standard,
    /// A message for a channel of Slack, or of one of those that understand its messages.
    Slack,
}

/// One address that is told.
#[derive(Debug)]
pub struct Webhook {
    kind: Kind,
    route: Route,
    format: WebhookFormat,
}

impl Webhook {
    /// The webhook of that name; `None` if it is no part of a kind's name.
    pub fn new(name: &str, route: Route, format: WebhookFormat) -> Option<Self> {
        let name = KindName::new(&format!("{WEBHOOK_KINDS}{name}"))?;
        let kind = Kind::durable(name.as_str()).acting_outside();
        Some(Self { kind: Kind { lane: Lane::Background, ..kind }, route, format })
    }
}

impl Handler for Webhook {
    fn kind(&self) -> Kind {
        self.kind.clone()
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let message = match self.format {
            WebhookFormat::Standard => None,
            WebhookFormat::Slack => Some([message(&input.segments.concat())?]),
        };
        let delivered = self.route.deliver(&Parcel {
            task: input.task(),
            item: None,
            attempt: input.attempt(),
            payload: message.as_ref().map_or(input.segments, |message| message),
            content_type: Some("application/json"),
            cursor: None,
            traceparent: None,
            now: input.now(),
            limit: None,
        });
        // What it answers is nobody's result.
        delivered.result.map(|_| Product::default())
    }
}

/// The message that stands for an event.
fn message(event: &[u8]) -> Result<Bytes, Failure> {
    let malformed = |_| Failure::defect("malformed-event", "what is to be told is no event");
    let event: Value = serde_json::from_slice(event).map_err(malformed)?;
    let data = &event["data"];
    let news = match event["type"].as_str() {
        Some("incident.opened") => "Incident opened",
        Some("incident.closed") => "Incident closed",
        _ => "Incident goes on",
    };
    let text = |value: &Value| escaped(value.as_str().unwrap_or_default());
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let text = format!(
        "*{news}: {}*\n{}\n{} tasks wait ({} at most{}), {} tenants are affected. `{}` `{}`",
        text(&data["title"]),
        text(&data["text"]),
        count(&data["held"]["now"]),
        count(&data["held"]["most"]),
        data["held"]["oldest_seconds"].as_u64().map(oldest).unwrap_or_default(),
        count(&data["tenants_affected"]),
        text(&data["about"]),
        text(&data["id"]),
    );
    Ok(json!({ "text": text }).to_string().into())
}

/// What is said of the one that waits longest.
fn oldest(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60) {
        (0, 0) => format!("; the oldest is {seconds} s old"),
        (0, minutes) => format!("; the oldest is {minutes} min old"),
        (hours, _) => format!("; the oldest is {hours} h old"),
    }
}

/// Slack takes these for its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_a_message_for_people() {
        let event = concat!(
            r#"{"type":"incident.opened","timestamp":"2027-01-15T08:00:00.000Z","data":{"id":"01X","#,
            r#""about":"upstream:bank","title":"bank is <not> well","held":{"now":3,"most":9},"#,
            r#""tenants_affected":2,"text":"a & b"}}"#,
        );
        let told = |event: &str| -> Value {
            serde_json::from_slice(&message(event.as_bytes()).unwrap()).unwrap()
        };
        let expected = "*Incident opened: bank is &lt;not&gt; well*\na &amp; b\n3 tasks wait (9 at most), \
                        2 tenants are affected. `upstream:bank` `01X`";
        assert_eq!(told(event), json!({ "text": expected }));
        for (seconds, age) in [(59, "59 s"), (3_599, "59 min"), (90_000, "25 h")] {
            let aged = format!(r#""most":9,"oldest_seconds":{seconds}}}"#);
            let aged = told(&event.replace(r#""most":9}"#, &aged));
            let expected = expected.replace(")", &format!("; the oldest is {age} old)"));
            assert_eq!(aged, json!({ "text": expected }));
        }
        assert!(message(b"{").is_err());
    }
}
