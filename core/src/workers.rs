//! The workers as the core sees them: a channel each, and a list of the idle, last freed first,
//! because one that has just finished is still awake. It starts no thread: whoever does is told, and
//! says by mail what came of it.

use crossbeam_channel::{Sender, TrySendError};
use overtime_engine::Freed;
use overtime_protocol::{CallGrant, Chain, ChainNumber, Claims, Lane, Ruling};

/// The channels of the workers, grouped by whom they serve. A worker's number is its place in
/// `foreground`, `bulk` and `background`, in that order.
#[derive(Debug)]
pub struct WorkerChannels {
    /// For `control` and `interactive`.
    pub foreground: Vec<WorkerChannel>,
    /// For `bulk`.
    pub bulk: Vec<WorkerChannel>,
    /// For `background`.
    pub background: Vec<WorkerChannel>,
    /// Where the numbers go of workers that are to be hired for the foreground. It has room for as
    /// many as there may be spares.
    pub hiring: Sender<u32>,
}

/// The channels of one worker.
#[derive(Clone, Debug)]
pub struct WorkerChannel {
    /// What it is to do: one chain at a time.
    pub chains: Sender<Chain>,
    /// What became of its chunks: it sends the next after it has heard of the last.
    pub rulings: Sender<Ruling>,
    /// Which calls to its upstream it may make: it asks again after it has heard.
    pub grants: Sender<CallGrant>,
}

/// A chain that is out.
#[derive(Debug)]
struct Busy {
    lane: Lane,
    chain: ChainNumber,
    claims: Claims,
}

/// The workers and who of them is idle.
#[derive(Debug)]
pub(crate) struct Workers {
    /// By number; nobody has those that are empty.
    channels: Vec<Option<WorkerChannel>>,
    /// What each worker is busy with.
    busy: Vec<Option<Busy>>,
    /// What the threads of each group are called, and the number of its first worker.
    groups: [(&'static str, usize); 4],
    hiring: Sender<u32>,
    /// Numbers that nobody has, and that nobody is being hired for.
    vacant: Vec<usize>,
    foreground: Vec<usize>,
    bulk: Vec<usize>,
    background: Vec<usize>,
}

impl Workers {
    pub(crate) fn new(channels: WorkerChannels) -> Self {
        let WorkerChannels { foreground, bulk, background, hiring } = channels;
        let bulk_start = foreground.len();
        let background_start = bulk_start + bulk.len();
        let channels = foreground.into_iter().chain(bulk).chain(background);
        let channels: Vec<_> = channels.map(Some).collect();
        let (work, spare) = (("work", 0), ("spare", channels.len()));
        Self {
            groups: [work, ("bulk", bulk_start), ("back", background_start), spare],
            hiring,
            vacant: Vec::new(),
            busy: channels.iter().map(|_| None).collect(),
            foreground: (0..bulk_start).rev().collect(),
            bulk: (bulk_start..background_start).rev().collect(),
            background: (background_start..channels.len()).rev().collect(),
            channels,
        }
    }

    /// Hands the chain to the worker that came free last. The engine's credits see to it that
    /// there is one, and its channel has room because it is idle.
    pub(crate) fn hand_out(&mut self, chain: Chain) {
        let Chain { number, lane, claims, .. } = &chain;
        let busy = Busy { lane: *lane, chain: *number, claims: claims.clone() };
        let idle = self.idle(busy.lane);
        let worker = idle.pop().expect("credits never pass the number of workers");
        self.busy[worker] = Some(busy);
        let channel = self.channels[worker].as_ref().expect("an idle worker has a channel");
        match channel.chains.try_send(chain) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => unreachable!("an idle worker's channel is empty"),
            // The pool ends only after the core: the process is on its way out.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Has one more worker hired for the foreground.
    pub(crate) fn hire(&mut self) {
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.channels.push(None);
            self.busy.push(None);
            self.channels.len() - 1
        });
        let number = u32::try_from(number).expect("workers are few");
        let sent = self.hiring.try_send(number);
        debug_assert!(!matches!(sent, Err(TrySendError::Full(_))), "more than there may be");
    }

    /// A worker has come, and is idle.
    pub(crate) fn admit(&mut self, worker: usize, channel: WorkerChannel) {
        self.channels[worker] = Some(channel);
        self.foreground.push(worker);
    }

    /// The system has refused a thread for that worker.
    pub(crate) fn cross_out(&mut self, worker: usize) {
        self.vacant.push(worker);
    }

    /// Lets those foreground workers go that have been idle for longest. The engine's credits see to
    /// it that so many are idle. Their threads end as nobody can send them anything any more.
    pub(crate) fn retire(&mut self, count: usize) {
        debug_assert!(count <= self.foreground.len(), "more are to go than are idle");
        for worker in self.foreground.drain(..count.min(self.foreground.len())) {
            self.channels[worker] = None;
            self.vacant.push(worker);
        }
    }

    /// The worker has nothing left to do; returns what it is free of.
    pub(crate) fn free(&mut self, worker: usize) -> Option<Freed> {
        let Busy { lane, chain, .. } = self.busy.get_mut(worker)?.take()?;
        self.idle(lane).push(worker);
        Some(Freed { chain, lane })
    }

    /// Takes back what its worker has not come to of this chain. Returns the place of the first
    /// such job, which is behind the last if there is none.
    pub(crate) fn recall(&self, chain: ChainNumber) -> usize {
        let mut busy = self.busy.iter().flatten();
        let busy = busy.find(|busy| busy.chain == chain);
        busy.map_or(usize::MAX, |busy| busy.claims.recall())
    }

    /// Asks for the end of the job at that place of this chain, if it is still out.
    pub(crate) fn cancel(&self, chain: ChainNumber, place: usize) {
        let busy = self.busy.iter().flatten().find(|busy| busy.chain == chain);
        busy.into_iter().for_each(|busy| busy.claims.cancel(place));
    }

    /// The name of the thread that is busy with that chain.
    pub(crate) fn name_of(&self, chain: ChainNumber) -> Option<String> {
        let is_its = |busy: &Option<Busy>| busy.as_ref().is_some_and(|busy| busy.chain == chain);
        let worker = self.busy.iter().position(is_its)?;
        let (group, first) = self.groups.iter().rev().find(|(_, first)| *first <= worker)?;
        Some(format!("{group}-{:03}", worker - first))
    }

    /// The chain that the worker is busy with.
    pub(crate) fn chain_of(&self, worker: usize) -> Option<ChainNumber> {
        self.busy.get(worker)?.as_ref().map(|busy| busy.chain)
    }

    /// Tells the worker of that chain what became of its chunk.
    pub(crate) fn rule(&self, chain: ChainNumber, ruling: Ruling) {
        let Some(channel) = self.channel_of(chain) else { return };
        let sent = channel.rulings.try_send(ruling);
        debug_assert!(!matches!(sent, Err(TrySendError::Full(_))), "one chunk at a time");
    }

    /// Tells the worker of that chain which calls it may make.
    pub(crate) fn grant(&self, chain: ChainNumber, grant: CallGrant) {
        let Some(channel) = self.channel_of(chain) else { return };
        let sent = channel.grants.try_send(grant);
        debug_assert!(!matches!(sent, Err(TrySendError::Full(_))), "one wish at a time");
    }

    /// The channels of the worker that is busy with that chain.
    fn channel_of(&self, chain: ChainNumber) -> Option<&WorkerChannel> {
        let is_its = |busy: &Option<Busy>| busy.as_ref().is_some_and(|busy| busy.chain == chain);
        let worker = self.busy.iter().position(is_its)?;
        self.channels[worker].as_ref()
    }

    fn idle(&mut self, lane: Lane) -> &mut Vec<usize> {
        match lane {
            Lane::Control | Lane::Interactive => &mut self.foreground,
            Lane::Bulk => &mut self.bulk,
            Lane::Background => &mut self.background,
        }
    }
}

#[cfg(test)]
mod tests;
