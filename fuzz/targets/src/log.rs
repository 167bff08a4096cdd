//! The log: whatever became of its files, a start neither panics nor takes much memory, shows no
//! record that was not written, leaves out none before one that it shows, and when it starts again
//! it finds the same and has nothing to tell.

mod damage;
mod disk;

use crate::allocations::at_most;
use damage::{Damage, Trust};
use disk::MemoryDisk;
use overtime_journal::fuzzing::{FRAMES_START, Found, frame, recover, segment_header};

/// The first byte says how the records were written, the others what became of the files.
pub fn run(data: &[u8]) {
    let Some((shape, damage)) = data.split_first() else { return };
    let Log { mut files, written } = Log::of(*shape);
    let trust = Damage::of(damage).apply_to(&mut files);
    let len: usize = files.iter().map(Vec::len).sum();
    let disk = MemoryDisk::holding(files);
    let room = MEMORY_BASE_BYTES + 4 * len;
    let Ok(first) = at_most(room, || recover(&disk, KEY, SEGMENT_BYTES, 0)) else { return };
    check_order(&first);
    if trust == Trust::Whole {
        assert!(written.starts_with(&first.records), "{first:?} is no start of {written:?}");
    }
    let again = recover(&disk, KEY, SEGMENT_BYTES, 0);
    let unchanged = Found { notes: Vec::new(), ..first };
    assert_eq!(again.as_ref(), Ok(&unchanged), "the second start");
}

fn check_order(found: &Found) {
    assert!(found.records.is_sorted_by_key(|(lsn, _)| *lsn));
    assert!(found.records.last().is_none_or(|(lsn, _)| *lsn == found.last));
}

const KEY: u64 = 0x0123_4567_89ab_cdef;

/// Room for the header and a few small records.
const SEGMENT_BYTES: u64 = FRAMES_START as u64 + 320;

/// Some pieces of a MiB each, in which files are read and filled.
const MEMORY_BASE_BYTES: usize = 16 * 1024 * 1024;

/// A sound log.
struct Log {
    files: Vec<Vec<u8>>,
    written: Vec<(u64, Vec<u8>)>,
}

impl Log {
    /// Two segments of records; the lowest bits of `shape` say how many there are, the others which
    /// of them was not alone in its batch.
    fn of(shape: u8) -> Self {
        let mut log = Self { files: Vec::new(), written: Vec::new() };
        let (mut synced, mut last) = (0, 0);
        for number in 0..u64::from(shape % 8) {
            let joins = number > 0 && (shape >> 3 >> (number % 5)) & 1 == 1;
            if !joins {
                synced = last;
            }
            last += 1;
            log.write(last, synced, joins);
        }
        log
    }

    fn write(&mut self, lsn: u64, synced: u64, joins: bool) {
        let record = format!("record {lsn} {}", "x".repeat(lsn as usize * 7));
        let bytes = |sequence| frame(KEY, sequence, lsn, synced, record.as_bytes());
        let sequence = self.files.len() as u64;
        let is_full = |file: &Vec<u8>| !joins && file.len() + bytes(0).len() + 32 > LIMIT;
        if self.files.last().is_none_or(is_full) {
            self.close();
            self.files.push(segment_header(sequence + 1, synced));
        }
        let sequence = self.files.len() as u64;
        let file = self.files.last_mut().expect("there is one");
        file.extend_from_slice(&bytes(sequence));
        self.written.push((lsn, record.into_bytes()));
    }

    /// Gives the newest file its whole length.
    fn close(&mut self) {
        if let Some(file) = self.files.last_mut() {
            file.resize(file.len().max(LIMIT), 0);
        }
    }
}

const LIMIT: usize = SEGMENT_BYTES as usize;
