//! The load of one round: upserts that are waited for, some that are not, some tasks that fail
//! at first. At its moment it kills the server, and goes on listening.

use super::ledger::{Ledger, Open};
use crate::connection::Broken;
use crate::document::{Contact, Problem, Task, read};
use crate::random::Random;
use crate::request::post_json;
use crate::response::Response;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long after the kill the last answers are waited for.
const GRACE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(20);
/// One request in so many is a task that fails at first.
const FLAKY_IN: u64 = 400;
/// One request in so many is not waited for.
const ASYNC_IN: u64 = 12;

/// The request in progress on a connection.
#[derive(Clone, Copy, Debug)]
enum Sent {
    Upsert { account: usize, value: u64 },
    Flaky,
}

impl Sent {
    fn upsert(self) -> Option<(usize, u64)> {
        match self {
            Self::Upsert { account, value } => Some((account, value)),
            Self::Flaky => None,
        }
    }
}

/// What decides a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) target: SocketAddr,
    pub(super) connections: usize,
    pub(super) kill_at: Instant,
    pub(super) seed: u64,
}

pub(super) struct Load<'a, K> {
    round: Round,
    kill: K,
    killed: Option<anyhow::Result<()>>,
    random: Random,
    ledger: &'a mut Ledger,
    sent: Vec<Sent>,
    request: Vec<u8>,
    /// An answer that no server should give.
    nonsense: Option<String>,
}

impl<'a, K: FnMut() -> anyhow::Result<()>> Load<'a, K> {
    /// `kill` is called once, at the round's moment.
    pub(super) fn new(round: Round, ledger: &'a mut Ledger, kill: K) -> Self {
        Self {
            round,
            kill,
            killed: None,
            random: Random::new(round.seed),
            ledger,
            sent: vec![Sent::Flaky; round.connections],
            request: Vec::new(),
            nonsense: None,
        }
    }

    /// Whether the round went as it should.
    pub(super) fn outcome(self) -> anyhow::Result<()> {
        if let Some(nonsense) = self.nonsense {
            bail!("not an answer to what was asked: {nonsense}");
        }
        self.killed.unwrap_or_else(|| bail!("the load ended before the kill"))
    }

    fn choose(&mut self, slot: usize) -> Sent {
        let target = self.round.target;
        if self.random.below(FLAKY_IN) == 0 {
            self.request = post_json(target, "/v1/tasks/flaky?wait=0s", "{\"fail_times\":1}");
            return Sent::Flaky;
        }
        let (account, path) = match self.lasting_account(slot) {
            Some(account) => (account, "/v1/tasks/contacts.upsert"),
            None => (self.ledger.new_account(), "/v1/tasks/contacts.upsert?wait=0s"),
        };
        let value = self.ledger.new_value();
        let email = Ledger::email(account);
        let body = format!("{{\"email\":\"{email}\",\"company\":\"{value}\"}}");
        self.request = post_json(target, path, &body);
        Sent::Upsert { account, value }
    }

    /// An account of this connection alone that has nothing open; none if this request is to be
    /// one that is not waited for.
    fn lasting_account(&mut self, slot: usize) -> Option<usize> {
        if self.random.below(ASYNC_IN) == 0 {
            return None;
        }
        let connections = self.sent.len();
        let own = (self.ledger.lasting() + connections - 1 - slot) / connections;
        let account = slot + connections * self.random.below(own.max(1) as u64) as usize;
        let is_usable =
            account < self.ledger.lasting() && self.ledger.account(account).is_settled();
        is_usable.then_some(account)
    }

    fn note(&mut self, sent: Sent, response: &Response<'_>) -> anyhow::Result<()> {
        match (response.status, sent) {
            (200, Sent::Upsert { account, value }) => {
                let version = read::<Contact>(response.body)?.version;
                self.ledger.acknowledged(account, value, version);
            }
            (200, Sent::Flaky) => {}
            (202, _) => {
                self.ledger.accepted(read::<Task>(response.body)?.id);
                if let Sent::Upsert { account, value } = sent {
                    self.ledger.account(account).leave_open(Open::Accepted { value });
                }
            }
            (503, _) => match read::<Problem>(response.body)?.submitted.as_deref() {
                Some("no") => self.ledger.refused(),
                _ => self.ledger.unknown(sent.upsert()),
            },
            (429, _) => self.ledger.refused(),
            (status, _) => bail!("{status} {}", String::from_utf8_lossy(response.body)),
        }
        Ok(())
    }
}

impl<K: FnMut() -> anyhow::Result<()>> Workload for Load<'_, K> {
    fn next(&mut self, slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        if self.killed.is_some() {
            return Next::Retire;
        }
        self.sent[slot] = self.choose(slot);
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        let sent = self.sent[exchange.slot];
        if let Err(error) = self.note(sent, &exchange.response) {
            self.nonsense = Some(format!("{error:#}"));
        }
    }

    fn broken(&mut self, slot: usize, loss: Loss, _why: &Broken) -> AfterBreak {
        if loss == Loss::Answer {
            let sent = self.sent[slot];
            self.ledger.unknown(sent.upsert());
        }
        match self.killed {
            Some(_) => AfterBreak::Retire,
            None => AfterBreak::Reconnect,
        }
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if now >= self.round.kill_at && self.killed.is_none() {
            self.killed = Some((self.kill)());
        }
        if now >= self.round.kill_at + GRACE {
            return Turn::Stop;
        }
        let next = if self.killed.is_some() { now + GLANCE } else { self.round.kill_at };
        Turn::Until(next)
    }
}

#[cfg(test)]
mod tests;
