//! The floor of an event loop with a worker: one thread frames HTTP requests, one does the work
//! (nothing, or one write and one sync for all that waits), and two channels lie between. It
//! answers every request with its own body and never looks at a path.

mod client;
mod worker;

use super::ring_file::RingFile;
use anyhow::Context;
use client::{Client, Liveness};
use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use worker::{Parcel, Signal, Worker};

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const EVENTS: usize = 1024;
/// Emptied bodies that are kept for the next requests.
const SPARE_BODIES: usize = 4096;

/// The thread that frames.
pub struct Relay {
    listener: TcpListener,
    poll: Poll,
    clients: Vec<Option<Client>>,
    /// Places in `clients` that are free.
    vacant: Vec<usize>,
    /// Clients with answers to send at the end of the turn.
    dirty: Vec<usize>,
    to_worker: Sender<Parcel>,
    from_worker: Receiver<Parcel>,
    signal: std::sync::Arc<Signal>,
    spare: Vec<Vec<u8>>,
    births: u64,
}

impl Relay {
    /// Listens, and starts the thread that works. With `sync`, that thread writes every body to
    /// the file there and syncs it before it answers.
    pub fn start(listener: std::net::TcpListener, sync: Option<&Path>) -> anyhow::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener);
        let poll = Poll::new().context("cannot create a poll")?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let signal = std::sync::Arc::new(Signal::new(Waker::new(poll.registry(), WAKER)?));
        let (to_worker, jobs) = unbounded();
        let (done, from_worker) = unbounded();
        let file = sync.map(RingFile::create).transpose()?;
        let worker = Worker::new(jobs, done, signal.clone(), file);
        std::thread::Builder::new().name("work".into()).spawn(move || worker.run())?;
        Ok(Self {
            listener,
            poll,
            clients: Vec::new(),
            vacant: Vec::new(),
            dirty: Vec::new(),
            to_worker,
            from_worker,
            signal,
            spare: Vec::new(),
            births: 0,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until the worker ends, which it does when its file fails.
    pub fn run(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.context("cannot poll")?,
            }
            for event in &events {
                self.react(event)?;
            }
            self.collect()?;
            self.flush();
        }
    }

    fn react(&mut self, event: &Event) -> anyhow::Result<()> {
        match event.token() {
            LISTENER => self.accept(),
            WAKER => Ok(()),
            Token(index) => {
                if event.is_writable() {
                    self.dirty.push(index);
                }
                self.read(index)
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
        }
    }

    /// Reads what a client sends and hands each whole body to the worker.
    fn read(&mut self, index: usize) -> anyhow::Result<()> {
        let Some(client) = &mut self.clients[index] else { return Ok(()) };
        let liveness = client.fill();
        let birth = client.birth();
        loop {
            let mut body = self.spare.pop().unwrap_or_default();
            match client.take_body(&mut body) {
                Ok(true) => self
                    .to_worker
                    .send(Parcel { client: index, birth, body })
                    .context("the worker has ended")?,
                Ok(false) if liveness == Liveness::Open => {
                    self.spare.push(body);
                    return Ok(());
                }
                Ok(false) | Err(_) => {
                    self.close(index);
                    return Ok(());
                }
            }
        }
    }

    /// Takes back what the worker has done.
    fn collect(&mut self) -> anyhow::Result<()> {
        self.signal.clear();
        loop {
            let Parcel { client: index, birth, mut body } = match self.from_worker.try_recv() {
                Ok(parcel) => parcel,
                Err(crossbeam_channel::TryRecvError::Empty) => return Ok(()),
                Err(error) => return Err(error).context("the worker has ended"),
            };
            match &mut self.clients[index] {
                Some(client) if client.birth() == birth => {
                    client.answer(&body);
                    self.dirty.push(index);
                }
                _ => {}
            }
            if self.spare.len() < SPARE_BODIES {
                body.clear();
                self.spare.push(body);
            }
        }
    }

    fn flush(&mut self) {
        while let Some(index) = self.dirty.pop() {
            let client = self.clients[index].as_mut();
            if client.is_some_and(|client| client.flush() == Liveness::Closed) {
                self.close(index);
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.clients[index] = None;
        self.vacant.push(index);
    }
}

#[cfg(test)]
mod tests;
