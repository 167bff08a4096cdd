//! A journal in memory, behind a door: it checks reads as the real one does.

use crate::door::{CallLine, ChunkDoor, Heard};
use crate::testing::{FakeGate, FakeSource};
use bytes::Bytes;
use crossbeam_channel::Receiver;
use overtime_protocol::{CallGrant, Chunk, Go, Job, Ruling, UpstreamId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

type Hook = Box<dyn FnMut(&FakeSource)>;
type Stall = Box<dyn FnOnce(&FakeGate)>;

/// A journal that does what a test says with the chunk that is sent as the first, the second, …
pub(crate) struct FakeJournal {
    pub(crate) source: FakeSource,
    /// Whether a ruling is there as soon as it is asked for; if not, only when it is waited for.
    pub(crate) eager: bool,
    /// Whether chunks are remembered.
    pub(crate) keeps: bool,
    /// The chunks that were kept.
    pub(crate) kept: Vec<Chunk>,
    /// The most bytes that a chunk wrote.
    pub(crate) largest_bytes: usize,
    cursor: Option<Bytes>,
    /// How many were sent.
    pub(crate) sent: usize,
    pending: Option<Ruling>,
    rulings: HashMap<usize, Ruling>,
    hooks: HashMap<usize, Hook>,
    /// What happens while a run waits for this journal, the first time first; then it rules at once.
    pub(crate) stalls: VecDeque<Stall>,
    /// The gate of the upstream that a run calls.
    pub(crate) gate: Arc<FakeGate>,
}

impl Default for FakeJournal {
    fn default() -> Self {
        Self {
            source: FakeSource::default(),
            eager: false,
            keeps: true,
            kept: Vec::new(),
            largest_bytes: 0,
            cursor: None,
            sent: 0,
            pending: None,
            rulings: HashMap::new(),
            hooks: HashMap::new(),
            stalls: VecDeque::new(),
            gate: Arc::default(),
        }
    }
}

impl FakeJournal {
    /// A journal of what is in this source.
    pub(crate) fn of(source: FakeSource) -> Self {
        Self { source, ..Self::default() }
    }

    /// Answers the chunk of this number with `ruling`; one that is kept gets its own number.
    pub(crate) fn rule(&mut self, number: usize, ruling: Ruling) {
        self.rulings.insert(number, ruling);
    }

    /// Does something before the chunk of this number is checked.
    pub(crate) fn before(&mut self, number: usize, hook: impl FnMut(&FakeSource) + 'static) {
        self.hooks.insert(number, Box::new(hook));
    }

    /// The cursor of the last chunk that was kept.
    pub(crate) fn cursor(&self) -> Option<Bytes> {
        self.cursor.clone()
    }

    fn judge(&mut self, chunk: Chunk) -> Ruling {
        let go = match self.rulings.remove(&self.sent) {
            None => Go::On,
            Some(Ruling::Kept { go, .. }) => go,
            Some(ruling) => return ruling,
        };
        let Some(lsn) = self.source.append(&chunk.puts, &chunk.expects) else {
            return Ruling::Conflict;
        };
        self.cursor = Some(chunk.cursor.clone());
        if self.keeps {
            self.kept.push(chunk);
        }
        Ruling::Kept { lsn, go }
    }
}

impl ChunkDoor for FakeJournal {
    fn send(&mut self, chunk: Chunk) {
        assert!(self.pending.is_none(), "the chunk before it was not ruled about");
        self.sent += 1;
        let value = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        let bytes = chunk.puts.iter().map(|put| put.key.len() + value(&put.value)).sum();
        self.largest_bytes = self.largest_bytes.max(bytes);
        if let Some(hook) = self.hooks.get_mut(&self.sent) {
            hook(&self.source);
        }
        self.pending = Some(self.judge(chunk));
    }

    fn poll(&mut self) -> Option<Ruling> {
        self.pending.take_if(|_| self.eager)
    }

    fn wait(&mut self) -> Ruling {
        self.pending.take().expect("a run waits for a chunk that it has sent")
    }

    fn wait_for_either(&mut self) -> Heard {
        if let Some(stall) = self.stalls.pop_front() {
            stall(&self.gate);
        }
        match self.gate.grants().try_recv() {
            Ok(grant) => Heard::Grant(grant),
            Err(_) => Heard::Ruling(self.wait()),
        }
    }

    fn line(&self, _: &Job, upstream: UpstreamId) -> CallLine {
        let gate = Arc::clone(&self.gate);
        CallLine::new(upstream, move |report| gate.take(report))
    }

    fn grants(&self) -> &Receiver<CallGrant> {
        self.gate.grants()
    }
}
