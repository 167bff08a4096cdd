//! The thread of a scripted upstream: it accepts, lets each call draw its lot, and answers when that
//! is due. It never waits but in its poll.

use super::behaviour::{Act, Behaviour};
use super::ledger::{CallEnd, Ledger};
use super::peer::{Liveness, Peer, Request};
use super::script::Script;
use super::told::Told;
use crate::random::Random;
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const EVENTS: usize = 1024;
const SCRATCH_BYTES: usize = 64 * 1024;
/// What whoever had something done is answered with.
const DONE: &[u8] = b"{\"done\":true}";
/// What others are.
const NOT_DONE: &[u8] = b"{\"done\":false}";

/// What it is told to do.
#[derive(Debug)]
pub(super) enum Order {
    Play(Script, Sender<Instant>),
    Tell(Sender<Told>),
    End,
}

/// An answer 200 that is due then, to whoever was born as that in this place.
type Due = Reverse<(Instant, usize, u64)>;

pub(super) struct Serving {
    address: SocketAddr,
    /// None while it refuses.
    listener: Option<TcpListener>,
    poll: Poll,
    orders: Receiver<Order>,
    peers: Vec<Option<Peer>>,
    vacant: Vec<usize>,
    births: u64,
    dues: BinaryHeap<Due>,
    script: Script,
    begun: Instant,
    random: Random,
    ledger: Ledger,
    scratch: Vec<u8>,
}

impl Serving {
    /// Listens there.
    pub(super) fn new(
        (address, seed): (SocketAddr, u64),
        script: Script,
        orders: Receiver<Order>,
    ) -> anyhow::Result<(Self, Waker)> {
        let poll = Poll::new().context("cannot create a poll")?;
        let waker = Waker::new(poll.registry(), WAKER).context("cannot create a waker")?;
        let mut serving = Self {
            address,
            listener: None,
            poll,
            orders,
            peers: Vec::new(),
            vacant: Vec::new(),
            births: 0,
            dues: BinaryHeap::new(),
            script,
            begun: Instant::now(),
            random: Random::new(seed),
            ledger: Ledger::default(),
            scratch: vec![0; SCRATCH_BYTES],
        };
        serving.listen()?;
        Ok((serving, waker))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is told to end.
    pub(super) fn run(mut self) -> anyhow::Result<Ledger> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            self.take_stage()?;
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.context("cannot poll")?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    WAKER => {}
                    Token(index) => self.attend(index),
                }
            }
            self.answer_due(Instant::now());
            while let Ok(order) = self.orders.try_recv() {
                match order {
                    Order::End => return Ok(self.ledger),
                    order => self.obey(order)?,
                }
            }
        }
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        match order {
            Order::Play(script, reply) => {
                (self.script, self.begun) = (script, Instant::now());
                self.take_stage()?;
                reply.send(self.begun).ok();
            }
            Order::Tell(reply) => {
                // Whoever asked and has gone does not need it.
                reply.send(self.ledger.told()).ok();
            }
            Order::End => {}
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let change = self.script.next_after(now - self.begun).map(|after| self.begun + after);
        let due = self.dues.peek().map(|Reverse((at, ..))| *at);
        let next = change.into_iter().chain(due).min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Listens or does not, as the stage says that it is.
    fn take_stage(&mut self) -> anyhow::Result<()> {
        let refuses = *self.script.at(self.begun.elapsed()) == Behaviour::Refuse;
        if refuses && self.listener.is_some() {
            self.listener = None;
            (0..self.peers.len()).for_each(|index| self.close(index, CallEnd::Cut));
        } else if !refuses && self.listener.is_none() {
            self.listen()?;
        }
        Ok(())
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        let listener = std::net::TcpListener::bind(self.address);
        let listener = listener.with_context(|| format!("cannot listen on {}", self.address))?;
        listener.set_nonblocking(true)?;
        self.address = listener.local_addr()?;
        let mut listener = TcpListener::from_std(listener);
        self.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        self.listener = Some(listener);
        Ok(())
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        while let Some(listener) = &self.listener {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept"),
            };
            stream.set_nodelay(true)?;
            let index = self.vacant.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            self.poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            self.births += 1;
            self.peers[index] = Some(Peer::new(stream, self.births));
            self.ledger.connected();
        }
        Ok(())
    }

    /// Something has come from there, or somebody has left.
    fn attend(&mut self, index: usize) {
        let Some(peer) = &mut self.peers[index] else { return };
        let liveness = peer.fill(&mut self.scratch);
        self.take_requests(index);
        if liveness == Liveness::Closed {
            self.close(index, CallEnd::Left);
        }
    }

    fn take_requests(&mut self, index: usize) {
        while let Some(peer) = &mut self.peers[index] {
            match peer.next() {
                Ok(Some(Request::Work { key, body })) => self.begin(index, key, &body),
                Ok(Some(Request::Told)) => self.tell(index),
                Ok(None) => return,
                Err(_) => self.close(index, CallEnd::Cut),
            }
        }
    }

    fn tell(&mut self, index: usize) {
        let told = serde_json::to_vec(&self.ledger.told()).unwrap_or_default();
        self.send(index, 200, None, &told);
    }

    fn begin(&mut self, index: usize, key: Option<String>, body: &[u8]) {
        let now = Instant::now();
        let Some(peer) = &mut self.peers[index] else { return };
        let call = self.ledger.begin(key.as_deref(), body, now);
        let act = match self.script.at(now - self.begun) {
            Behaviour::Answer(mixture) => mixture.draw(&mut self.random),
            // It has come just before nobody listens any more.
            Behaviour::Refuse => Act::Cut,
        };
        if matches!(act, Act::Done(_) | Act::Hang) {
            self.ledger.apply(key.as_deref());
        }
        peer.call = Some(call);
        match act {
            Act::Done(after) if after.is_zero() => self.end(index, 200, None),
            Act::Done(after) => self.dues.push(Reverse((now + after, index, peer.birth))),
            Act::Hang => {}
            Act::Fail { status, retry_after } => self.end(index, status, retry_after),
            Act::Cut => self.close(index, CallEnd::Cut),
        }
    }

    fn answer_due(&mut self, now: Instant) {
        while let Some(Reverse((_, index, birth))) =
            self.dues.peek().copied().filter(|Reverse((at, ..))| *at <= now)
        {
            self.dues.pop();
            if self.peers[index].as_ref().is_some_and(|peer| peer.birth == birth) {
                self.end(index, 200, None);
                self.take_requests(index);
            }
        }
    }

    /// Answers the call that is under way there.
    fn end(&mut self, index: usize, status: u16, retry_after: Option<u32>) {
        let call = self.peers[index].as_mut().and_then(|peer| peer.call.take());
        if let Some(call) = call {
            self.ledger.end(call, CallEnd::Answered(status), Instant::now());
        }
        self.send(index, status, retry_after, if status == 200 { DONE } else { NOT_DONE });
    }

    fn send(&mut self, index: usize, status: u16, retry_after: Option<u32>, body: &[u8]) {
        let Some(peer) = &mut self.peers[index] else { return };
        if peer.answer(status, retry_after, body) == Liveness::Closed {
            self.close(index, CallEnd::Left);
        }
    }

    fn close(&mut self, index: usize, end: CallEnd) {
        let Some(peer) = self.peers[index].take() else { return };
        if let Some(call) = peer.call {
            self.ledger.end(call, end, Instant::now());
        }
        self.vacant.push(index);
        self.ledger.disconnected();
    }
}
