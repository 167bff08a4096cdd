//! The floor of an event loop with a worker: one thread frames HTTP requests, one does the work
//! (nothing, or one write and one sync for all that waits), and two channels lie between. It
//! answers every request with its own body and never looks at a path.

mod worker;

use super::client::Liveness;
use super::clients::{Clients, WAKER};
use super::ring_file::RingFile;
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::Waker;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use worker::{Parcel, Signal, Worker};

/// Emptied bodies that are kept for the next requests.
const SPARE_BODIES: usize = 4096;

/// The thread that frames.
pub struct Relay {
    clients: Clients,
    to_worker: Sender<Parcel>,
    from_worker: Receiver<Parcel>,
    signal: Arc<Signal>,
    spare: Vec<Vec<u8>>,
}

impl Relay {
    /// Listens, and starts the thread that works. With `sync`, that thread writes every body to
    /// the file there and syncs it before it answers.
    pub fn start(listener: TcpListener, sync: Option<&Path>) -> anyhow::Result<Self> {
        let clients = Clients::listen(listener)?;
        let signal = Arc::new(Signal::new(Waker::new(clients.registry(), WAKER)?));
        let (to_worker, jobs) = unbounded();
        let (done, from_worker) = unbounded();
        let file = sync.map(RingFile::create).transpose()?;
        let worker = Worker::new(jobs, done, signal.clone(), file);
        std::thread::Builder::new().name("work".into()).spawn(move || worker.run())?;
        Ok(Self { clients, to_worker, from_worker, signal, spare: Vec::new() })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.clients.address()
    }

    /// Serves until the worker ends, which it does when its file fails.
    pub fn run(mut self) -> anyhow::Result<()> {
        let mut events = Clients::events();
        loop {
            self.clients.wait(&mut events)?;
            for event in &events {
                if let Some(index) = self.clients.admit(event)? {
                    self.read(index)?;
                }
            }
            self.collect()?;
            self.clients.flush();
        }
    }

    /// Reads what a client sends and hands each whole body to the worker.
    fn read(&mut self, index: usize) -> anyhow::Result<()> {
        let Some(client) = self.clients.get(index) else { return Ok(()) };
        let liveness = client.fill();
        let birth = client.birth();
        loop {
            let mut body = self.spare.pop().unwrap_or_default();
            match client.take_body(&mut body, |_| Ok(())) {
                Ok(Some(())) => self
                    .to_worker
                    .send(Parcel { client: index, birth, body })
                    .context("the worker has ended")?,
                Ok(None) if liveness == Liveness::Open => {
                    self.spare.push(body);
                    return Ok(());
                }
                Ok(None) | Err(_) => {
                    self.clients.close(index);
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
            self.clients.answer(index, birth, &body);
            if self.spare.len() < SPARE_BODIES {
                body.clear();
                self.spare.push(body);
            }
        }
    }
}

#[cfg(test)]
mod tests;
