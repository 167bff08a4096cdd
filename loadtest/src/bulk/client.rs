//! One caller of the bulk endpoint. It waits, so it has a thread to itself.

use crate::ask::exchange;
use crate::document::{BulkResult, Task, read};
use crate::request::{get, long_poll};
use crate::response::Response;
use anyhow::{Context, bail};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long the kernel may take no byte, or bring none.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL_SECONDS: u32 = 10;
/// When to try again if a refusal does not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How a body was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done(BulkResult),
    /// It will be: the id of its task.
    Accepted(String),
    /// It will not be; how, and when to try again if at all.
    Refused {
        /// The status.
        status: u16,
        /// From its `Retry-After`.
        retry_after: Option<Duration>,
    },
}

/// A caller with at most one connection.
#[derive(Debug)]
pub struct BulkClient {
    target: SocketAddr,
    stream: Option<TcpStream>,
    input: Vec<u8>,
}

impl BulkClient {
    /// A caller that has not yet connected.
    pub fn new(target: SocketAddr) -> Self {
        Self { target, stream: None, input: Vec::new() }
    }

    /// Sends a bulk request and reads the answer. An error is a lost answer: it may have happened.
    pub fn post(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.ask(request, answer)
    }

    /// Waits until a task has ended, and returns what came of it.
    pub fn follow(&mut self, id: &str, patience: Duration) -> anyhow::Result<BulkResult> {
        let begun = Instant::now();
        let poll = long_poll(self.target, &format!("/v1/tasks/{id}"), POLL_SECONDS);
        while !self.ask(&poll, |response| read::<Task>(response.body))?.is_at_rest() {
            if begun.elapsed() > patience {
                bail!("task {id} has not ended after {patience:?}");
            }
        }
        let result = get(self.target, &format!("/v1/tasks/{id}/result"));
        self.ask(&result, |response| read(response.body))
    }

    fn ask<T>(
        &mut self,
        request: &[u8],
        understand: impl FnOnce(&Response<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.target)?,
        };
        let response = exchange(&mut stream, request, &mut self.input)?;
        // After a refusal the rest of the body may still be on its way, so nothing follows it.
        if matches!(response.status, 200 | 202) && response.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        understand(&response)
    }
}

fn open(target: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream =
        TcpStream::connect(target).with_context(|| format!("cannot connect to {target}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What an answer to a bulk request says.
pub fn answer(response: &Response<'_>) -> anyhow::Result<Answer> {
    match response.status {
        200 => read(response.body).map(Answer::Done),
        202 => Ok(Answer::Accepted(read::<Task>(response.body)?.id)),
        status => Ok(Answer::Refused { status, retry_after: retry_after(response) }),
    }
}

/// Only what is over by itself is worth another try.
fn retry_after(response: &Response<'_>) -> Option<Duration> {
    let seconds = response.header("retry-after").and_then(|value| value.parse().ok());
    matches!(response.status, 429 | 503).then(|| seconds.map_or(RETRY_AFTER, Duration::from_secs))
}

#[cfg(test)]
mod tests;
