//! The workers as the core sees them: a channel each, and a list of the idle, last freed first,
//! because one that has just finished is still awake.

use crossbeam_channel::{Sender, TrySendError};
use overtime_engine::Freed;
use overtime_protocol::{Chain, ChainNumber, Claims, Lane, Ruling};

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
}

/// The channels of one worker.
#[derive(Clone, Debug)]
pub struct WorkerChannel {
    /// What it is to do: one chain at a time.
    pub chains: Sender<Chain>,
    /// What became of its chunks: it sends the next after it has heard of the last.
    pub rulings: Sender<Ruling>,
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
    channels: Vec<WorkerChannel>,
    /// What each worker is busy with.
    busy: Vec<Option<Busy>>,
    /// What the threads of each group are called, and the number of its first worker.
    groups: [(&'static str, usize); 3],
    foreground: Vec<usize>,
    bulk: Vec<usize>,
    background: Vec<usize>,
}

impl Workers {
    pub(crate) fn new(channels: WorkerChannels) -> Self {
        let WorkerChannels { foreground, bulk, background } = channels;
        let bulk_start = foreground.len();
        let background_start = bulk_start + bulk.len();
        let channels: Vec<_> = foreground.into_iter().chain(bulk).chain(background).collect();
        Self {
            groups: [("work", 0), ("bulk", bulk_start), ("back", background_start)],
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
        match self.channels[worker].chains.try_send(chain) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => unreachable!("an idle worker's channel is empty"),
            // The pool ends only after the core: the process is on its way out.
            Err(TrySendError::Disconnected(_)) => {}
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
        let is_its = |busy: &Option<Busy>| busy.as_ref().is_some_and(|busy| busy.chain == chain);
        let Some(worker) = self.busy.iter().position(is_its) else { return };
        let sent = self.channels[worker].rulings.try_send(ruling);
        debug_assert!(!matches!(sent, Err(TrySendError::Full(_))), "one chunk at a time");
    }

    fn idle(&mut self, lane: Lane) -> &mut Vec<usize> {
        match lane {
            Lane::Control | Lane::Interactive => &mut self.foreground,
            Lane::Bulk => &mut self.bulk,
            Lane::Background => &mut self.background,
        }
    }
}
