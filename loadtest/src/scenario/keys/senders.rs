//! The connections that send the keys. At a moment they kill the server, and go on listening; what
//! got no answer goes back to the others.

use super::ledger::Ledger;
use crate::connection::Broken;
use crate::document::{Contact, read};
use crate::request::post_json_once;
use crate::response::Response;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long nothing may come before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// What is sent under a key: the same whenever it is sent.
pub(super) fn request(target: SocketAddr, key: u32) -> Vec<u8> {
    let body = format!("{{\"email\":\"{}\",\"company\":\"first\"}}", email(key));
    post_json_once(target, "/v1/tasks/contacts.upsert", &name(key), &body)
}

pub(super) fn name(key: u32) -> String {
    format!("key-{key:08}")
}

pub(super) fn email(key: u32) -> String {
    format!("key-{key:08}@load.test")
}

pub(super) struct Senders<'a> {
    target: SocketAddr,
    ledger: &'a mut Ledger,
    sent: Vec<Sent>,
    request: Vec<u8>,
    last_answer: Instant,
}

/// The request in progress on a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    key: u32,
    /// A result of its key had been seen before.
    is_replay: bool,
}

impl<'a> Senders<'a> {
    pub(super) fn new(target: SocketAddr, ledger: &'a mut Ledger, connections: usize) -> Self {
        let sent = vec![Sent::default(); connections];
        Self { target, ledger, sent, request: Vec::new(), last_answer: Instant::now() }
    }

    fn note(&mut self, sent: Sent, response: &Response<'_>) {
        let Sent { key, is_replay } = sent;
        let counts = self.ledger.counts_mut();
        match response.status {
            200 => {
                counts.finished += 1;
                let is_marked = response.header("idempotency-replayed") == Some("true");
                counts.replays += u64::from(is_marked);
                counts.unmarked += u64::from(is_replay && !is_marked);
                let version = read::<Contact>(response.body).map(|contact| contact.version);
                counts.wrong_versions += u64::from(!matches!(version, Ok(1)));
            }
            202 => counts.accepted += 1,
            429 | 503 => {
                counts.refused += 1;
                return self.ledger.put_back(key);
            }
            status => return self.ledger.note_nonsense(status, response.body),
        }
        match response.header("overtime-task") {
            Some(task) => self.ledger.note_task(key, task),
            None => self.ledger.note_nonsense(response.status, b"without a task"),
        }
        if response.status == 200 {
            self.ledger.note_result(key);
        }
    }
}

impl Workload for Senders<'_> {
    fn next(&mut self, slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        let Some(key) = self.ledger.draw() else { return Next::Retire };
        self.sent[slot] = Sent { key, is_replay: self.ledger.is_finished(key) };
        self.request = request(self.target, key);
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.last_answer = exchange.answered_at;
        self.note(self.sent[exchange.slot], &exchange.response);
    }

    fn broken(&mut self, slot: usize, loss: Loss, _why: &Broken) -> AfterBreak {
        if loss == Loss::Answer {
            self.ledger.counts_mut().lost += 1;
            self.ledger.put_back(self.sent[slot].key);
        }
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let is_stuck = now > self.last_answer + PATIENCE;
        if is_stuck { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}

/// Senders that kill the server when only so much is left to send.
pub(super) struct Killing<'a, K> {
    senders: Senders<'a>,
    kill_at: usize,
    kill: K,
    killed: Option<anyhow::Result<()>>,
}

impl<'a, K: FnMut() -> anyhow::Result<()>> Killing<'a, K> {
    pub(super) fn new(senders: Senders<'a>, kill_at: usize, kill: K) -> Self {
        Self { senders, kill_at, kill, killed: None }
    }

    /// Whether it was killed.
    pub(super) fn outcome(self) -> anyhow::Result<()> {
        self.killed.unwrap_or_else(|| bail!("all was sent before the kill"))
    }
}

impl<K: FnMut() -> anyhow::Result<()>> Workload for Killing<'_, K> {
    fn next(&mut self, slot: usize, free_since: Instant, now: Instant) -> Next<'_> {
        match self.killed {
            Some(_) => Next::Retire,
            None => self.senders.next(slot, free_since, now),
        }
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.senders.answered(exchange);
        if self.killed.is_none() && self.senders.ledger.left() <= self.kill_at {
            self.killed = Some((self.kill)());
        }
    }

    fn broken(&mut self, slot: usize, loss: Loss, why: &Broken) -> AfterBreak {
        match (self.senders.broken(slot, loss, why), &self.killed) {
            (_, Some(_)) => AfterBreak::Retire,
            (after, None) => after,
        }
    }

    fn turn(&mut self, now: Instant) -> Turn {
        self.senders.turn(now)
    }
}

#[cfg(test)]
mod tests;
