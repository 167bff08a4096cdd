//! What the items of a chunk have read and written between them: each key once, with the mark of
//! who read it first and the value of who wrote it last.

use super::trace::Trace;
use crate::effects::Layer;
use crate::source::State;
use bytes::Bytes;
use overtime_protocol::TaskId;
use overtime_protocol::record::{Expect, Put, ReadMark};
use std::collections::HashMap;

/// The run that gathers: its own writes are known by it until the journal has numbered them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) task: TaskId,
    pub(super) run: u32,
}

/// The keys of a chunk, in the order in which they were touched.
#[derive(Debug)]
pub(super) struct Gathered {
    writer: Writer,
    places: HashMap<Bytes, usize>,
    keys: Vec<Touched>,
    /// The bytes of the keys and values to be written.
    bytes: usize,
}

#[derive(Debug)]
struct Touched {
    key: Bytes,
    read: ReadMark,
    written: Option<Wish>,
}

/// What is to stand at a key.
#[derive(Clone, Debug)]
struct Wish(Option<Bytes>);

impl Wish {
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Bytes::len)
    }
}

impl Gathered {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, places: HashMap::new(), keys: Vec::new(), bytes: 0 }
    }

    /// The bytes of the keys and values to be written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what an item, run after all those before, has read and written.
    pub(super) fn add(&mut self, trace: &Trace) {
        for Put { key, value, read } in &trace.puts {
            let place = self.place(key, *read);
            let touched = &mut self.keys[place];
            let before = touched.written.replace(Wish(value.clone()));
            self.bytes -= before.map_or(0, |wish| key.len() + wish.len());
            self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        }
        for Expect { key, read } in &trace.expects {
            self.place(key, *read);
        }
    }

    fn place(&mut self, key: &Bytes, read: ReadMark) -> usize {
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        let place = self.keys.len();
        self.places.insert(key.clone(), place);
        self.keys.push(Touched { key: key.clone(), read, written: None });
        place
    }

    /// The chunk before, whose writes were read here, was kept under `lsn`: by that they are known
    /// from now on.
    pub(super) fn settle(&mut self, before: &Self, lsn: u64) {
        let Writer { task, run } = self.writer;
        for touched in &mut self.keys {
            if touched.read == (ReadMark::After { task, run }) {
                let written = before.state(&touched.key);
                let lsn = if written.is_some_and(|state| state.value.is_some()) { lsn } else { 0 };
                touched.read = ReadMark::At { lsn, watermark: 0 };
            }
        }
    }

    /// The keys, each as it was read first.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&Bytes, ReadMark)> {
        self.keys.iter().map(|touched| (&touched.key, touched.read))
    }

    /// The writes and the mere reads.
    pub(super) fn effects(&self) -> (Vec<Put>, Vec<Expect>) {
        let (mut puts, mut expects) = (Vec::with_capacity(self.keys.len() + 1), Vec::new());
        for Touched { key, read, written } in &self.keys {
            let (key, read) = (key.clone(), *read);
            match written {
                Some(Wish(value)) => puts.push(Put { key, value: value.clone(), read }),
                None => expects.push(Expect { key, read }),
            }
        }
        (puts, expects)
    }
}

impl Layer for Gathered {
    fn state(&self, key: &[u8]) -> Option<State> {
        let Wish(value) = self.keys[*self.places.get(key)?].written.clone()?;
        let Writer { task, run } = self.writer;
        Some(State { value, read: ReadMark::After { task, run } })
    }
}
