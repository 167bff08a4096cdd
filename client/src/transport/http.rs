//! HTTP/1.1, with a pool of connections that stay open. The words are those of the HTTP API.

use super::problem::{self, Problem};
use super::{ANSWER_MAX_BYTES, Ask, CLIENT, CONNECT_TIMEOUT, Order, Question, Reply, Silence};
use crate::manners::Said;
use bytes::Bytes;
use overtime_protocol::{Durability, Form};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::http::request::Builder;
use ureq::http::{Method, Request, Response};
use ureq::typestate::AgentScope;
use ureq::{Agent, AsSendBody, Body, Error, Timeout};

/// Connections that are kept for the next request. Threads that share a client have one each.
const IDLE_CONNECTIONS: usize = 64;

/// From this size on a payload is sent only once the server has asked for it, so that a refusal does
/// not cost its transfer.
const EXPECT_MIN_BYTES: usize = 64 * 1024;

/// The way to one server.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    base: String,
}

impl Http {
    /// The way to the server at that address, which is not tried yet.
    pub(crate) fn to(base: String) -> Self {
        let config = builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // The server is a neighbour: what is set for the way into the world does not lead there.
            .proxy(None)
            .user_agent(CLIENT)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS)
            .build();
        Self { agent: config.new_agent(), base }
    }

    fn send<B: AsSendBody>(&self, ask: Ask<'_>, body: B) -> Result<Response<Body>, Silence> {
        let request = head(&self.base, &ask).body(body);
        let request = request.map_err(|error| Silence::NotConnected(error.to_string()))?;
        let config = self.agent.configure_request(request);
        let request = config.timeout_global(Some(ask.timeout)).build();
        self.agent.run(request).map_err(silence)
    }
}

impl super::Transport for Http {
    fn ask(&self, ask: Ask<'_>) -> Result<Reply, Silence> {
        let mut response = match ask.question {
            Question::Submit(order) => self.send(ask, &*order.submission.payload)?,
            Question::Retry(_) => self.send(ask, &[][..])?,
            Question::Document { .. }
            | Question::Result(_)
            | Question::Cancel(_)
            | Question::Tasks(_) => self.send(ask, ())?,
        };
        let body = response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec();
        // It was answered, but what is not whole is not known.
        let body = body.map_err(|error| Silence::Lost(error.to_string()))?;
        Ok(reply(&ask.question, &response, body.into()))
    }
}

#[cfg(not(feature = "tls"))]
fn builder() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
}

/// A server of one's own has a certificate of one's own authority, which the system knows.
#[cfg(feature = "tls")]
fn builder() -> ConfigBuilder<AgentScope> {
    use ureq::tls::{RootCerts, TlsConfig};
    let trust = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder().tls_config(trust)
}

/// The request up to its body.
fn head(base: &str, ask: &Ask<'_>) -> Builder {
    let method = match ask.question {
        Question::Submit(_) | Question::Retry(_) => Method::POST,
        Question::Cancel(_) => Method::DELETE,
        Question::Document { .. } | Question::Result(_) | Question::Tasks(_) => Method::GET,
    };
    let request = Request::builder().method(method).uri(format!("{base}{}", target(ask.question)));
    let request = match ask.key {
        Some(key) => request.header("Authorization", format!("Bearer {key}")),
        None => request,
    };
    match ask.question {
        Question::Submit(order) => submission_fields(request, order),
        _ => request,
    }
}

fn submission_fields(mut request: Builder, order: Order<'_>) -> Builder {
    let submission = order.submission;
    // Visible ASCII needs no more than these two escaped.
    let key = order.key.as_str().replace('\\', r"\\").replace('"', r#"\""#);
    request = request.header("Idempotency-Key", format!("\"{key}\""));
    if let Some(content_type) = &submission.content_type {
        request = request.header("Content-Type", content_type);
    }
    if let Some(urgency) = submission.urgency {
        request = request.header("Priority", format!("u={urgency}"));
    }
    if let Some(traceparent) = &submission.traceparent {
        request = request.header("traceparent", traceparent);
    }
    if submission.payload.len() >= EXPECT_MIN_BYTES {
        request = request.header("Expect", "100-continue");
    }
    request
}

fn target(question: Question<'_>) -> String {
    match question {
        Question::Submit(order) => {
            let form = if order.form == Form::Bulk { "bulk" } else { "tasks" };
            let wait = super::millis(order.hold);
            let mut target = format!("/v1/{form}/{}?wait={wait}ms", order.submission.kind);
            if let Some(delay) = order.submission.delay {
                let _ = write!(target, "&delay={}ms", super::millis(delay));
            }
            target
        }
        Question::Document { task, hold } => {
            format!("/v1/tasks/{task}?wait={}ms", super::millis(hold))
        }
        Question::Result(task) => format!("/v1/tasks/{task}/result"),
        Question::Cancel(task) => format!("/v1/tasks/{task}"),
        Question::Retry(task) => format!("/v1/tasks/{task}/retry"),
        Question::Tasks("") => "/v1/tasks".to_owned(),
        Question::Tasks(query) => format!("/v1/tasks?{query}"),
    }
}

fn reply(question: &Question<'_>, response: &Response<Body>, body: Bytes) -> Reply {
    let field = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let status = response.status().as_u16();
    let content_type = field("content-type").map(str::to_owned);
    let seconds = field("retry-after").and_then(|text| text.parse().ok());
    let mut said = Said {
        retry_after: seconds.map(Duration::from_secs),
        task: field("overtime-task").and_then(|id| id.parse().ok()),
        ..Said::of(status)
    };
    let refusal = (status >= 300).then(|| {
        let problem = Problem::read(&body);
        said.verdict = problem.verdict();
        // The same in smaller units.
        said.retry_after = problem.retry_after().or(said.retry_after);
        said.task = problem.task().or(said.task);
        problem.refusal(status, said.retry_after)
    });
    if question.is_answered_by_document(status)
        && let Some((task, state)) = problem::standing(&body)
    {
        (said.task, said.state) = (Some(task), Some(state));
    }
    let durability = match field("overtime-durability") {
        Some("memory") => Some(Durability::Memory),
        Some("disk") => Some(Durability::Disk),
        _ => None,
    };
    let replayed = field("idempotency-replayed") == Some("true");
    Reply { said, refusal, content_type, body, durability, replayed }
}

/// Whether anything was sent before it went wrong.
fn silence(error: Error) -> Silence {
    let was_sent = match &error {
        Error::HostNotFound | Error::ConnectionFailed | Error::BadUri(_) | Error::Tls(_) => false,
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => false,
        Error::Io(error) => !is_unreachable(error) && !is_distrust(error),
        _ => true,
    };
    match was_sent {
        true => Silence::Lost(error.to_string()),
        false => Silence::NotConnected(error.to_string()),
    }
}

fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable
    )
}

#[cfg(not(feature = "tls"))]
fn is_distrust(_error: &io::Error) -> bool {
    false
}

/// Whether the other side is not who it should be, which turns out before anything is sent.
#[cfg(feature = "tls")]
fn is_distrust(error: &io::Error) -> bool {
    use rustls::Error::{InvalidCertificate, NoCertificatesPresented, PeerIncompatible};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(InvalidCertificate(_) | NoCertificatesPresented | PeerIncompatible(_)))
}
