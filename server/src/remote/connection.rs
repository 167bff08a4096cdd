//! The way to a running server: requests over HTTP, and what it says as a result or an error that a
//! person can act on. It decides nothing about what is shown.

use super::table::plain;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::io::BufReader;
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body, BodyReader, Error, RequestBuilder};

/// A server that does not take a connection within this is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Whoever waits for what is committed may have to wait behind others for a while.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// More than any result can be.
const BODY_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The way to one server.
pub(super) struct Connection {
    agent: Agent,
    base: String,
    /// The value of `Authorization`.
    authorization: Option<String>,
}

/// What a server has said.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Connection {
    /// The way to the server at that address, which is not tried yet.
    pub(super) fn to(address: &str, key: Option<&str>) -> Result<Self> {
        let base = base_of(address)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // The server is a neighbour: what is set for the way into the world does not lead there.
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .build();
        let authorization = key.map(|key| format!("Bearer {key}"));
        Ok(Self { agent: config.new_agent(), base, authorization })
    }

    /// The same request, which says who asks.
    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    /// The body of what is there.
    pub(super) fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>> {
        Ok(self.look(path, query)?.body)
    }

    /// What is there, with its status.
    pub(super) fn look(&self, path: &str, query: &[(&str, String)]) -> Result<Said> {
        let request = self.signed(self.agent.get(format!("{}{path}", self.base)));
        let request = request.query_pairs(query.iter().map(|(name, value)| (*name, &**value)));
        self.read(request.call())
    }

    pub(super) fn post(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>> {
        let request = self.signed(self.agent.post(format!("{}{path}", self.base)));
        let request = request.query_pairs(query.iter().map(|(name, value)| (*name, &**value)));
        Ok(self.read(request.send_empty())?.body)
    }

    pub(super) fn delete(&self, path: &str) -> Result<Vec<u8>> {
        let request = self.signed(self.agent.delete(format!("{}{path}", self.base)));
        Ok(self.read(request.call())?.body)
    }

    /// A stream of events from behind `last` on; `None` if there is nothing behind it.
    pub(super) fn stream(
        &self,
        path: &str,
        last: Option<&str>,
    ) -> Result<Option<BufReader<BodyReader<'static>>>> {
        let mut request = self.signed(self.agent.get(format!("{}{path}", self.base)));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = self.reached(request.call())?;
        match response.status().as_u16() {
            200 => Ok(Some(BufReader::new(response.into_body().into_reader()))),
            204 => Ok(None),
            _ => Err(refusal(&self.read(Ok(response))?)),
        }
    }

    fn read(&self, response: Result<Response<Body>, Error>) -> Result<Said> {
        let mut response = self.reached(response)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(BODY_MAX_BYTES).read_to_vec();
        let said = Said { status, body: body.context("the server's answer broke off")? };
        if status < 300 { Ok(said) } else { Err(refusal(&said)) }
    }

    fn reached(&self, response: Result<Response<Body>, Error>) -> Result<Response<Body>> {
        response.map_err(|error| anyhow!("no server answers at {}: {error}", self.base))
    }
}

/// The address without what is added to it: `http://` may be left out.
fn base_of(address: &str) -> Result<String> {
    let address = address.trim_end_matches('/');
    match address.split_once("://") {
        _ if address.is_empty() => bail!("the address of the server is empty"),
        None => Ok(format!("http://{address}")),
        Some(("http", _)) => Ok(address.to_owned()),
        Some((scheme, _)) => bail!("{address}: {scheme} is not spoken, only http"),
    }
}

/// What the server refused, in its own words.
fn refusal(said: &Said) -> anyhow::Error {
    let Said { status, body } = said;
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let [title, detail, code] = ["title", "detail", "code"].map(|name| &problem[name]);
    match title.is_string() && detail.is_string() && code.is_string() {
        true => anyhow!("{}: {} ({})", plain(title), plain(detail), plain(code)),
        false => anyhow!("the server answers {status}, and does not say why"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_do_without_its_scheme_and_has_no_other() {
        assert_eq!(base_of("127.0.0.1:7070").unwrap(), "http://127.0.0.1:7070");
        assert_eq!(base_of("http://localhost:7070/").unwrap(), "http://localhost:7070");
        assert!(base_of("https://localhost").unwrap_err().to_string().contains("https"));
        assert!(base_of("").is_err());
    }

    #[test]
    fn a_problem_is_told_in_the_servers_words() {
        let body =
            br#"{"title":"No task has this id","detail":"It is gone.","code":"unknown-task"}"#;
        let told = refusal(&Said { status: 404, body: body.to_vec() }).to_string();
        assert_eq!(told, "No task has this id: It is gone. (unknown-task)");
        let body = br#"{"title":"a","detail":"b\u001b[31m","code":"c"}"#;
        let told = refusal(&Said { status: 422, body: body.to_vec() }).to_string();
        assert_eq!(told, "a: b [31m (c)", "what others wrote must not steer the terminal");
        let told = refusal(&Said { status: 502, body: b"<html>".to_vec() }).to_string();
        assert!(told.contains("502"), "{told}");
    }
}
