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
}

#[derive(Debug)]
struct Touched {
    key: Bytes,
    found: State,
    /// What is to stand there; `None` if the key was only read.
    written: Option<Written>,
}

#[derive(Debug)]
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

    /// The writes and the mere reads.
    pub(crate) fn finish(self) -> Result<(Vec<Put>, Vec<Expect>), Failure> {
        let (mut puts, mut expects, mut bytes) = (Vec::new(), Vec::new(), 0);
        for Touched { key, found, written } in self.touched {
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

    /// All that was read, also where it was written over.
    pub(crate) fn reads(self) -> Vec<Expect> {
        let touched = self.touched.into_iter();
        touched.map(|Touched { key, found, .. }| Expect { key, read: found.read }).collect()
    }

    /// The key's entry; at its first use it is read, so that its mark is known.
    fn touch(&mut self, key: &[u8], view: View<'_>) -> Result<&mut Touched, Failure> {
        let known = self.touched.iter().position(|touched| touched.key == key);
        let place = match known {
            Some(place) => place,
            None if self.touched.len() == KEYS_MAX => {
                let detail = format!("an attempt may read or write {KEYS_MAX} keys, not more");
                return Err(Failure::defect("too-many-keys", detail));
            }
            None => {
                check_name(key)?;
                let found = view.state(key)?;
                let key = Bytes::copy_from_slice(key);
                self.touched.push(Touched { key, found, written: None });
                self.touched.len() - 1
            }
        };
        Ok(&mut self.touched[place])
    }
}

fn check_name(key: &[u8]) -> Result<(), Failure> {
    if key.first() == Some(&bulk::RESERVED) {
        let detail = "a key that starts with a zero byte belongs to the server";
        return Err(Failure::defect("reserved-key", detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeSource, task};

    fn view<'a>(source: &'a FakeSource, overlay: &'a Overlay) -> View<'a> {
        View { upper: overlay, lower: None, source }
    }

    #[test]
    fn several_puts_to_a_key_collapse_to_the_last_with_the_first_mark() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        let mark = source.set(b"k", "old");
        let mut effects = Effects::default();
        assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap().unwrap(), "old");
        source.set(b"k", "changed by another");
        effects.put(b"k", "one".into(), view(&source, &overlay)).unwrap();
        effects.put(b"k", "two".into(), view(&source, &overlay)).unwrap();
        assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap().unwrap(), "two");
        let (puts, expects) = effects.finish().unwrap();
        let put = Put { key: "k".into(), value: Some("two".into()), read: mark };
        assert_eq!((puts, expects), (vec![put], vec![]));
    }

    #[test]
    fn an_attempt_sees_its_own_deletion() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        source.set(b"k", "old");
        let mut effects = Effects::default();
        effects.delete(b"k", view(&source, &overlay)).unwrap();
        assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap(), None);
        assert_eq!(effects.finish().unwrap().0[0].value, None);
    }

    #[test]
    fn keys_only_read_become_expects_even_if_absent() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        let mark = source.set(b"there", "x");
        let mut effects = Effects::default();
        effects.read(b"there", view(&source, &overlay)).unwrap();
        effects.read(b"absent", view(&source, &overlay)).unwrap();
        let (puts, expects) = effects.finish().unwrap();
        assert!(puts.is_empty());
        let absent = Expect { key: "absent".into(), read: ReadMark::At { lsn: 0, watermark: 0 } };
        assert_eq!(expects, [Expect { key: "there".into(), read: mark }, absent]);
    }

    #[test]
    fn a_blind_put_carries_the_mark_of_what_it_overwrites() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        let mark = source.set(b"k", "old");
        let mut effects = Effects::default();
        effects.put(b"k", "new".into(), view(&source, &overlay)).unwrap();
        assert_eq!(effects.finish().unwrap().0[0].read, mark);
    }

    #[test]
    fn the_overlay_hides_the_source_deletions_included() {
        let (source, mut overlay) = (FakeSource::default(), Overlay::default());
        source.set(b"k", "old");
        let mark = ReadMark::At { lsn: 1, watermark: 0 };
        let deletion = Put { key: "k".into(), value: None, read: mark };
        overlay.extend(task(7), 2, &[deletion]);
        let mut effects = Effects::default();
        assert_eq!(effects.read(b"k", view(&source, &overlay)).unwrap(), None);
        let after = ReadMark::After { task: task(7), run: 2 };
        assert_eq!(effects.finish().unwrap().1[0].read, after);
    }

    #[test]
    fn a_reserved_key_is_refused() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        let key = bulk::errors_key(task(7), 0);
        let mut effects = Effects::default();
        let refused = [
            effects.put(&key, "v".into(), view(&source, &overlay)).unwrap_err(),
            effects.delete(&key, view(&source, &overlay)).unwrap_err(),
            effects.read(&key, view(&source, &overlay)).map(drop).unwrap_err(),
        ];
        for failure in refused {
            assert!(matches!(failure, Failure::Defect(fault) if fault.code == "reserved-key"));
        }
    }

    #[test]
    fn effects_are_bounded_in_keys_and_bytes() {
        let (source, overlay) = (FakeSource::default(), Overlay::default());
        let view = view(&source, &overlay);
        let mut effects = Effects::default();
        for number in 0..KEYS_MAX {
            effects.read(number.to_string().as_bytes(), view).unwrap();
        }
        effects.read(b"0", view).unwrap();
        let refused = effects.read(b"one more", view).unwrap_err();
        assert!(matches!(refused, Failure::Defect(fault) if fault.code == "too-many-keys"));

        let mut effects = Effects::default();
        effects.put(b"k", vec![0; EFFECTS_MAX_BYTES].into(), view).unwrap();
        let refused = effects.finish().unwrap_err();
        assert!(matches!(refused, Failure::Defect(fault) if fault.code == "effects-too-large"));
    }
}
