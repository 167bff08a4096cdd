//! An upstream that behaves as a script says: what a task server calls while it is watched. It does
//! the work of each key once, counts everything, and knows nothing of who calls. All of it is one
//! thread with a poll: a call that hangs costs it nothing.

mod behaviour;
mod command;
mod ledger;
mod peer;
mod script;
mod serving;
mod settings;
mod told;

pub use behaviour::{Act, Behaviour, Mixture};
pub use command::Options;
pub use command::serve;
pub use ledger::{Call, CallEnd, CallNumber, Ledger};
pub use script::Script;
pub use settings::Settings;
pub use told::Told;

use anyhow::Context;
use crossbeam_channel::{Sender, bounded, unbounded};
use mio::Waker;
use serving::{Order, Serving};
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Instant;

/// One that runs on a thread of its own until this goes.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    orders: Sender<Order>,
    waker: Waker,
    thread: Option<JoinHandle<anyhow::Result<Ledger>>>,
}

impl Upstream {
    /// Starts it at `address`, and its script.
    pub fn start(address: SocketAddr, script: Script, seed: u64) -> anyhow::Result<Self> {
        let (orders, taken) = unbounded();
        let (serving, waker) = Serving::new((address, seed), script, taken)?;
        let address = serving.address();
        let thread = std::thread::Builder::new().name("upstream".into());
        let thread = thread.spawn(|| serving.run()).context("cannot start a thread")?;
        Ok(Self { address, orders, waker, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it does what that script says, from its beginning. Says since when.
    pub fn play(&self, script: Script) -> anyhow::Result<Instant> {
        self.ask(|reply| Order::Play(script, reply))
    }

    /// The same, without an end.
    pub fn behave(&self, behaviour: Behaviour) -> anyhow::Result<Instant> {
        self.play(Script::always(behaviour))
    }

    /// What it has counted so far.
    pub fn told(&self) -> anyhow::Result<Told> {
        self.ask(Order::Tell)
    }

    /// Ends it, and hands out all that it knows.
    pub fn stop(mut self) -> anyhow::Result<Ledger> {
        self.order(Order::End)?;
        let thread = self.thread.take().context("it was stopped before")?;
        thread.join().map_err(|_| anyhow::anyhow!("the upstream panicked"))?
    }

    fn ask<T>(&self, order: impl FnOnce(Sender<T>) -> Order) -> anyhow::Result<T> {
        let (reply, answer) = bounded(1);
        self.order(order(reply))?;
        answer.recv().context("the upstream has ended")
    }

    fn order(&self, order: Order) -> anyhow::Result<()> {
        self.orders.send(order).context("the upstream has ended")?;
        self.waker.wake().context("cannot wake the upstream")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // If it has ended before there is nobody left to be told.
        drop(self.order(Order::End));
    }
}

#[cfg(test)]
mod tests;
