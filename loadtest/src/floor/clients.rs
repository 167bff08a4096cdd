//! The connections of a floor with an event loop, and the poll they are watched by. It accepts,
//! finds and closes them; what is done with their requests is the floor's business.

use super::client::{Client, Liveness};
use super::patience::Patience;
use anyhow::Context;
use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Registry, Token};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const LISTENER: Token = Token(usize::MAX);
/// For a floor that is woken by a thread of its own.
pub(super) const WAKER: Token = Token(usize::MAX - 1);
const EVENTS: usize = 1024;

pub(super) struct Clients {
    listener: TcpListener,
    poll: Poll,
    clients: Vec<Option<Client>>,
    /// Places in `clients` that are free.
    vacant: Vec<usize>,
    /// Clients with answers to send at the end of the turn.
    dirty: Vec<usize>,
    births: u64,
    patience: Option<Patience>,
}

impl Clients {
    pub(super) fn listen(listener: std::net::TcpListener) -> anyhow::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let poll = Poll::new().context("cannot create a poll")?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let (clients, vacant, dirty) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { listener, poll, clients, vacant, dirty, births: 0, patience: None })
    }

    /// Closes whoever has asked for nothing for so long, from now on.
    pub(super) fn close_idle_after(&mut self, span: Duration) {
        self.patience = Some(Patience::new(span));
    }

    pub(super) fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    pub(super) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Room for the events of a turn.
    pub(super) fn events() -> Events {
        Events::with_capacity(EVENTS)
    }

    /// Waits for something to do, and closes whoever asks for nothing.
    pub(super) fn wait(&mut self, events: &mut Events) -> anyhow::Result<()> {
        let left = |patience: &Patience| patience.left(Instant::now());
        let timeout = self.patience.as_ref().and_then(left);
        let polled = self.poll.poll(events, timeout);
        self.expire(Instant::now());
        match polled {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other.context("cannot poll"),
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some((index, birth)) = self.patience.as_mut().and_then(|row| row.expired(now)) {
            match self.get(index).filter(|client| client.birth() == birth).map(Client::has_asked) {
                Some(true) => self.await_request(index, birth, now),
                Some(false) => self.close(index),
                None => {}
            }
        }
    }

    fn await_request(&mut self, index: usize, birth: u64, now: Instant) {
        if let Some(patience) = &mut self.patience {
            patience.begin(index, birth, now);
        }
    }

    /// Takes in whoever wants to connect, and says which client there is something to read from.
    pub(super) fn admit(&mut self, event: &Event) -> anyhow::Result<Option<usize>> {
        match event.token() {
            LISTENER => self.accept().map(|()| None),
            WAKER => Ok(None),
            Token(index) => {
                if event.is_writable() {
                    self.dirty.push(index);
                }
                Ok(Some(index))
            }
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot accept"),
            };
            stream.set_nodelay(true)?;
            let index = self.vacant.pop().unwrap_or_else(|| {
                self.clients.push(None);
                self.clients.len() - 1
            });
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(index), interest)?;
            self.births += 1;
            self.clients[index] = Some(Client::new(stream, self.births));
            self.await_request(index, self.births, Instant::now());
        }
    }

    /// The client at `index`, unless it has left.
    pub(super) fn get(&mut self, index: usize) -> Option<&mut Client> {
        self.clients[index].as_mut()
    }

    /// Queues an answer for the client at `index`, if it is still the one born as `birth`.
    pub(super) fn answer(&mut self, index: usize, birth: u64, body: &[u8]) {
        if let Some(client) = self.get(index).filter(|client| client.birth() == birth) {
            client.answer(body);
            self.dirty.push(index);
        }
    }

    /// Sends what is queued.
    pub(super) fn flush(&mut self) {
        while let Some(index) = self.dirty.pop() {
            let client = self.clients[index].as_mut();
            if client.is_some_and(|client| client.flush() == Liveness::Closed) {
                self.close(index);
            }
        }
    }

    pub(super) fn close(&mut self, index: usize) {
        self.clients[index] = None;
        self.vacant.push(index);
    }
}
