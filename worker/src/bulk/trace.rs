//! What an item has left behind: its effects, or why it failed.

use super::item::Position;
use super::left::Place;
use bytes::Bytes;
use overtime_protocol::Fault;
use overtime_protocol::record::{Expect, Put, ReadMark};

/// What every item weighs beside its effects: the cost of running it and of remembering it.
const ITEM_WEIGHT: usize = 64;

/// What became of an item. Unless it is done, it writes nothing.
#[derive(Debug)]
pub(super) enum Fate {
    /// It did what it was asked.
    Done,
    /// Its input is wrong.
    Failed(Fault),
    /// It may do it another time.
    Left(Fault),
}

/// One item that was run.
#[derive(Debug)]
pub(super) struct Trace {
    /// Where a reader stood before it.
    pub(super) before: Position,
    /// Where the run stands behind it.
    pub(super) after: Place,
    pub(super) fate: Fate,
    pub(super) puts: Vec<Put>,
    pub(super) expects: Vec<Expect>,
}

impl Trace {
    /// The bytes of the keys and values that it writes.
    pub(super) fn bytes(&self) -> usize {
        let value = |put: &Put| put.value.as_ref().map_or(0, Bytes::len);
        self.puts.iter().map(|put| put.key.len() + value(put)).sum()
    }

    /// What it adds to the weight of a chunk, in bytes.
    pub(super) fn weight(&self) -> usize {
        let read: usize = self.expects.iter().map(|expect| expect.key.len()).sum();
        let told = match &self.fate {
            Fate::Done => 0,
            Fate::Failed(fault) | Fate::Left(fault) => fault.detail.len(),
        };
        ITEM_WEIGHT + self.bytes() + read + told
    }

    /// The keys that it has touched.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        let written = self.puts.iter().map(|put| &put.key);
        written.chain(self.expects.iter().map(|expect| &expect.key))
    }

    /// Takes the marks that `fresh` knows for its keys in place of its own.
    pub(super) fn renew(&mut self, fresh: impl Fn(&Bytes) -> Option<ReadMark>) {
        let written = self.puts.iter_mut().map(|put| (&put.key, &mut put.read));
        let read = self.expects.iter_mut().map(|expect| (&expect.key, &mut expect.read));
        for (key, mark) in written.chain(read) {
            *mark = fresh(key).unwrap_or(*mark);
        }
    }
}
