//! Effects: the reads and writes of one attempt, remembered so that they can be checked and
//! appended with its completion. Nothing is written here, and nothing that one attempt does is
//! seen by another, except by the later jobs of its own chain, through [`Overlay`].

use crate::failure::Failure;
use crate::source::{Source, State};
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put, ReadMark};
use overtime_protocol::{TaskId, bulk};
use std::collections::HashMap;

/// The most bytes of keys and values that one attempt may write.
pub const EFFECTS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The most keys that one attempt may read or write. Few enough to search them in a row.
pub const KEYS_MAX: usize = 1024;

/// What the earlier jobs of a chain are about to write. The journal does not have it yet.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    written: HashMap<Bytes, State>,
}

impl Overlay {
    /// Lets `state` stand at a key.
    pub(crate) fn insert(&mut self, key: Bytes, state: State) {
        self.written.insert(key, state);
    }

    /// Lets the later jobs of the chain see what this attempt, which ended well, is writing.
    pub(crate) fn extend(&mut self, task: TaskId, run: u32, puts: &[Put]) {
        let read = ReadMark::After { task, run };
        for put in puts {
            self.written.insert(put.key.clone(), State { value: put.value.clone(), read });
        }
    }
}

/// Writes that stand before those of the source, which does not have them yet.
pub(crate) trait Layer {
    /// What stands at the key, if the layer says anything about it.
    fn state(&self, key: &[u8]) -> Option<State>;
}

impl Layer for Overlay {
    fn state(&self, key: &[u8]) -> Option<State> {
        self.written.get(key).cloned()
    }
}

/// Where an attempt reads: the layers from the uppermost down, and below them the source.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) upper: &'a dyn Layer,
    pub(crate) lower: Option<&'a dyn Layer>,
    pub(crate) source: &'a dyn Source,
}

impl View<'_> {
    fn state(&self, key: &[u8]) -> Result<State, Failure> {
        let known = self.upper.state(key).or_else(|| self.lower?.state(key));
        known.map_or_else(|| Ok(self.source.state(key)?), Ok)
    }
}

/// The keys that one attempt has touched, in the order in which it did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    touched: Vec<Touched>,
    /// Where in `touched` those begin that were touched since the attempt saved. Those before are
    /// only remembered.
    part_start: usize,
}

#[derive(Clone, Debug)]
struct Touched {
    key: Bytes,
    found: State,
    /// What is to stand there; `None` if the key was only read.
    written: Option<Written>,
}

#[derive(Clone, Debug)]
enum Written {
    Value(Bytes),
    Deletion,
}

impl Effects {
    /// What stands at the key for this attempt: what it wrote there itself, else what it found
    /// there first. Later changes by others are not seen: they end in a conflict.
    pub(crate) fn read(&mut self, key: &[u8], view: View<'_>) -> Result<Option<Bytes>, Failure> {
        let touched = self.touch(key, view)?;
        Ok(match &touched.written {
            None => touched.found.value.clone(),
            Some(Written::Value(value)) => Some(value.clone()),
            Some(Written::Deletion) => None,
        })
    }

    /// Asks for `value` to be written.
    pub(crate) fn put(&mut self, key: &[u8], value: Bytes, view: View<'_>) -> Result<(), Failure> {
        self.touch(key, view)?.written = Some(Written::Value(value));
        Ok(())
    }

    /// Asks for the key to be deleted.
    pub(crate) fn delete(&mut self, key: &[u8], view: View<'_>) -> Result<(), Failure> {
        self.touch(key, view)?.written = Some(Written::Deletion);
        Ok(())
    }

    /// The writes and the mere reads since the attempt saved.
    pub(crate) fn finish(mut self) -> Result<(Vec<Put>, Vec<Expect>), Failure> {
        sort_out(self.touched.drain(self.part_start..))
    }

    /// The same, of an attempt that goes on.
    pub(crate) fn part(&self) -> Result<(Vec<Put>, Vec<Expect>), Failure> {
        sort_out(self.touched[self.part_start..].iter().cloned())
    }

    /// The part was kept under `lsn`: from now on what it wrote is known by that.
    pub(crate) fn settle(&mut self, lsn: u64) {
        for touched in &mut self.touched[self.part_start..] {
            let value = match touched.written.take() {
                None => continue,
                Some(Written::Value(value)) => Some(value),
                Some(Written::Deletion) => None,
            };
            let lsn = if value.is_some() { lsn } else { 0 };
            touched.found = State { value, read: ReadMark::At { lsn, watermark: 0 } };
        }
        // By whom a key was written is known for a while only, and then only by its number.
        self.touched.retain(|touched| matches!(touched.found.read, ReadMark::At { .. }));
        self.part_start = self.touched.len();
        self.forget_oldest();
    }

    /// What is remembered of the parts before is bounded as a part is.
    fn forget_oldest(&mut self) {
        let mut bytes = 0;
        let newest_first = self.touched.iter().rev();
        let kept = newest_first.take_while(|touched| {
            bytes += touched.key.len() + touched.found.value.as_ref().map_or(0, Bytes::len);
            bytes <= EFFECTS_MAX_BYTES
        });
        let forgotten = self.touched.len() - kept.count();
        self.touched.drain(..forgotten);
        self.part_start -= forgotten;
    }

    /// All that was read since the attempt saved, also where it was written over.
    pub(crate) fn reads(mut self) -> Vec<Expect> {
        let touched = self.touched.drain(self.part_start..);
        touched.map(|Touched { key, found, .. }| Expect { key, read: found.read }).collect()
    }

    /// The key's entry; at its first use it is read, so that its mark is known.
    fn touch(&mut self, key: &[u8], view: View<'_>) -> Result<&mut Touched, Failure> {
        let known = self.touched.iter().position(|touched| touched.key == key);
        let place = match known {
            Some(place) if place >= self.part_start => place,
            Some(place) => {
                let remembered = self.touched.remove(place);
                self.part_start -= 1;
                self.add(remembered)
            }
            None => {
                self.make_room()?;
                check_name(key)?;
                let found = view.state(key)?;
                self.add(Touched { key: Bytes::copy_from_slice(key), found, written: None })
            }
        };
        Ok(&mut self.touched[place])
    }

    fn add(&mut self, touched: Touched) -> usize {
        self.touched.push(touched);
        self.touched.len() - 1
    }

    /// Makes room for one more key: what is only remembered gives way.
    fn make_room(&mut self) -> Result<(), Failure> {
        if self.touched.len() < KEYS_MAX {
            return Ok(());
        }
        if self.part_start == 0 {
            let detail = format!("an attempt may read or write {KEYS_MAX} keys, not more");
            return Err(Failure::defect("too-many-keys", detail));
        }
        self.touched.remove(0);
        self.part_start -= 1;
        Ok(())
    }
}

/// The writes, and the mere reads.
fn sort_out(touched: impl Iterator<Item = Touched>) -> Result<(Vec<Put>, Vec<Expect>), Failure> {
    let (mut puts, mut expects, mut bytes) = (Vec::new(), Vec::new(), 0);
    for Touched { key, found, written } in touched {
        let read = found.read;
        let value = match written {
            None => {
                expects.push(Expect { key, read });
                continue;
            }
            Some(Written::Value(value)) => Some(value),
            Some(Written::Deletion) => None,
        };
        bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        puts.push(Put { key, value, read });
    }
    if bytes > EFFECTS_MAX_BYTES {
        let detail = format!("the effects are {bytes} bytes; {EFFECTS_MAX_BYTES} are allowed");
        return Err(Failure::defect("effects-too-large", detail));
    }
    Ok((puts, expects))
}

fn check_name(key: &[u8]) -> Result<(), Failure> {
    if key.first() == Some(&bulk::RESERVED) {
        let detail = "a key that starts with a zero byte belongs to the server";
        return Err(Failure::defect("reserved-key", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
