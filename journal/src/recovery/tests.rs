mod survey;

use super::*;
use crate::log::Log;
use crate::memory_disk::MemoryDisk;
use crate::options::{LSN_JUMP, Options};
use crate::prepare;
use crate::recent::Place;
use crate::writer::{Batch, WriteError, Writer};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room for the header and a few small batches.
const SEGMENT: u64 = SEGMENT_HEADER_BYTES + 320;

const KEY: Key = Key(0x0123_4567_89ab_cdef);

type Files = BTreeMap<FileId, Vec<u8>>;
type Records = Vec<(u64, Vec<u8>)>;

/// A log over a disk in memory.
struct Bench {
    disk: Arc<MemoryDisk>,
    log: Arc<Log>,
    writer: Writer,
    written: Records,
    /// Where each record's frame ends.
    ends: Vec<(FileId, u64)>,
}

impl Bench {
    /// Opens the log that is in `files`, which must be sound.
    fn open(files: Files) -> Self {
        let disk = Arc::new(MemoryDisk::holding(files));
        let (recovery, written) = recover_all(&disk, 0).unwrap();
        let options = Options { segment_bytes: SEGMENT, ..Options::new("unused") };
        let newest = recovery.found.live.last().copied();
        let shared: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
        let log = Arc::new(Log::new(&options, KEY, shared, recovery.found, recovery.last));
        prepare::first(&log).unwrap();
        let writer = Writer::new(Arc::clone(&log), newest, recovery.last);
        Self { disk, log, writer, written, ends: Vec::new() }
    }

    fn batch(&mut self, records: &[&str]) {
        self.try_batch(records).unwrap();
    }

    fn try_batch(&mut self, records: &[&str]) -> Result<(), WriteError> {
        self.batch_of(&records.iter().map(|record| record.as_bytes()).collect::<Vec<_>>())
    }

    fn batch_of(&mut self, records: &[&[u8]]) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        for record in records {
            let push = |out: &mut Vec<u8>| {
                out.extend_from_slice(record);
                Ok::<(), ()>(())
            };
            batch.push(push).unwrap();
        }
        let first = self.writer.next_lsn();
        let (at, _) = self.writer.place(&mut batch)?;
        let end = |(start, bytes): (u64, &[u8])| (at.file, at.offset + start + bytes.len() as u64);
        let ends: Vec<_> = batch.records().map(end).collect();
        let segment = self.writer.commit(&mut batch, at)?;
        self.log.grow(segment, records.len() as u64, 0);
        self.ends.extend(ends);
        let records = records.iter().map(|record| record.to_vec());
        self.written.extend((first..).zip(records));
        Ok(())
    }

    /// A spare segment, as the preparing thread would make it.
    fn spare(&self) {
        let mut state = self.log.state.lock();
        let file = FileId(state.next_file);
        state.next_file += 1;
        self.disk.create(file).unwrap();
        prepare::fill(&*self.disk, file, 0, SEGMENT).unwrap();
        state.free.push(file);
    }

    fn files(&self) -> Files {
        self.disk.files.lock().clone()
    }
}

fn recover_all(disk: &MemoryDisk, watermark: u64) -> Result<(Recovery, Records), RecoverError> {
    let mut records = Records::new();
    let source = Source { disk, key: KEY };
    let recovery = recover(source, SEGMENT, watermark, |visit| {
        records.push((visit.frame.header.lsn, visit.frame.record.to_vec()));
        Ok(())
    })?;
    Ok((recovery, records))
}

/// Two segments, five batches, the last of two records.
fn two_segments() -> Bench {
    let mut bench = Bench::open(Files::new());
    bench.spare();
    bench.batch(&["first"]);
    bench.batch(&["second", "third"]);
    bench.batch(&[&"fourth ".repeat(25)]);
    bench.batch(&["fifth", "sixth"]);
    bench.batch(&["seventh", "eighth"]);
    assert_eq!(bench.files().len(), 2);
    bench
}

#[test]
fn everything_comes_back_in_order() {
    let bench = two_segments();
    let (recovery, records) = recover_all(&bench.disk, 0).unwrap();
    assert_eq!(records, bench.written);
    assert_eq!(recovery.notes, Vec::<String>::new());
    assert_eq!(recovery.found.live.len(), 2);
}

#[test]
fn only_what_is_behind_the_watermark_comes_back() {
    let bench = two_segments();
    for (index, &(lsn, _)) in bench.written.iter().enumerate() {
        let (recovery, records) = recover_all(&bench.disk, lsn).unwrap();
        assert_eq!(records, bench.written[index + 1..]);
        let live = &recovery.found.live;
        let segment = live.iter().find(|segment| segment.sequence == recovery.unapplied.0);
        let unapplied = (segment.unwrap().file, recovery.unapplied.1);
        // A segment of which everything is applied is not needed any more.
        let next = bench.ends.get(index + 1).filter(|next| next.0 != bench.ends[index].0);
        let expected = next.map_or(bench.ends[index], |next| (next.0, SEGMENT_HEADER_BYTES));
        assert_eq!(unapplied, expected);
    }
}

#[test]
fn an_archive_ahead_of_the_log_is_refused() {
    let bench = two_segments();
    let ahead = bench.written.last().unwrap().0 + 1;
    let refused = recover_all(&bench.disk, ahead).err();
    assert!(matches!(refused, Some(RecoverError::Damaged { .. })), "{refused:?}");
    let refused = recover_all(&MemoryDisk::default(), 1).err();
    assert!(matches!(refused, Some(RecoverError::Damaged { .. })), "{refused:?}");
}

/// A disk that shows everything and has written only what came since it was opened.
struct Forgetful {
    shown: MemoryDisk,
    written: MemoryDisk,
    /// What was written since the last sync.
    pending: Mutex<Vec<(FileId, u64, Vec<u8>)>>,
}

impl Disk for Forgetful {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        self.shown.list()
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        self.written.create(file)?;
        self.shown.create(file)
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.written.remove(file)?;
        self.shown.remove(file)
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.shown.read_at(file, buffer, offset)
    }

    fn write_at(&self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.pending.lock().push((file, offset, bytes.to_vec()));
        self.shown.write_at(file, bytes, offset)
    }

    fn sync(&self, synced: FileId) -> io::Result<()> {
        let mut pending = self.pending.lock();
        let mut writes = pending.extract_if(.., |(file, ..)| *file == synced);
        writes.try_for_each(|(file, offset, bytes)| self.written.write_at(file, &bytes, offset))
    }
}

#[test]
fn a_batch_whose_sync_failed_is_on_disk_once_it_was_recovered() {
    // In a segment that has others before it, and as the first of a segment.
    for records in [&["second"][..], &[&"long ".repeat(52)]] {
        let mut bench = Bench::open(Files::new());
        bench.spare();
        bench.batch(&["first"]);
        let before = bench.files();
        bench.batch(records);
        let shown = MemoryDisk::holding(bench.files());
        let (written, pending) = (MemoryDisk::holding(before), Mutex::default());
        let disk = Forgetful { shown, written, pending };
        let source = Source { disk: &disk, key: KEY };
        recover(source, SEGMENT, 0, |_| Ok(())).unwrap();
        let (_, recovered) = recover_all(&disk.written, 0).unwrap();
        assert_eq!(recovered, bench.written);
    }
}

#[test]
fn a_lost_segment_is_refused() {
    let bench = two_segments();
    let mut files = bench.files();
    files.remove(&bench.ends[0].0);
    let refused = recover_all(&MemoryDisk::holding(files), 0).err();
    assert!(matches!(refused, Some(RecoverError::Damaged { .. })), "{refused:?}");
}

/// Cuts each file at every byte: what a crash leaves that lost all writes from there on.
fn check_every_cut(cut: impl Fn(&mut Vec<u8>, usize)) {
    let bench = two_segments();
    let files = bench.files();
    let last_file = bench.ends.last().unwrap().0;
    for (&file, bytes) in &files {
        for at in 0..bytes.len() {
            let mut damaged = files.clone();
            cut(damaged.get_mut(&file).unwrap(), at);
            let whole = |(of, end): &&(FileId, u64)| *of != file || *end <= at as u64;
            let kept = bench.ends.iter().take_while(whole).count();
            let disk = MemoryDisk::holding(damaged);
            match recover_all(&disk, 0) {
                Ok((_, records)) => assert_eq!(records, bench.written[..kept], "{file} {at}"),
                Err(RecoverError::Damaged { .. }) => assert_ne!(file, last_file, "{file} {at}"),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_log_truncated_at_any_byte_is_refused_or_keeps_what_is_before() {
    check_every_cut(|bytes, at| bytes.truncate(at));
}

#[test]
fn a_log_zeroed_from_any_byte_is_refused_or_keeps_what_is_before() {
    check_every_cut(|bytes, at| bytes[at..].fill(0));
}

#[test]
fn a_header_alone_says_that_what_is_before_it_was_on_disk() {
    let bench = two_segments();
    let mut files = bench.files();
    let (first, last) = (bench.ends[0].0, bench.ends.last().unwrap().0);
    let (_, end) = bench.ends.iter().rev().find(|(file, _)| *file == first).unwrap();
    files.get_mut(&first).unwrap()[*end as usize - 1] ^= 1;
    files.get_mut(&last).unwrap()[SEGMENT_HEADER_BYTES as usize..].fill(0);
    let refused = recover_all(&MemoryDisk::holding(files), 0).err();
    assert!(matches!(refused, Some(RecoverError::Damaged { .. })), "{refused:?}");
}

/// How many records were known to be on disk when the last batch was written.
const SURE: usize = 6;

fn check_damaged(bench: &Bench, damaged: Files, sure: usize, what: &str) {
    match recover_all(&MemoryDisk::holding(damaged), 0) {
        Ok((_, records)) => {
            assert!(bench.written.starts_with(&records), "{what}: {records:?}");
            assert!(records.len() >= sure, "{what}: {records:?}");
        }
        Err(RecoverError::Damaged { .. } | RecoverError::Newer { .. }) => {}
        Err(other) => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_flipped_bit_never_yields_a_wrong_record_or_loses_an_acknowledged_one() {
    let bench = two_segments();
    let files = bench.files();
    for (&file, bytes) in &files {
        for bit in 0..bytes.len() * 8 {
            let mut damaged = files.clone();
            damaged.get_mut(&file).unwrap()[bit / 8] ^= 1 << (bit % 8);
            // Not one of the last batch either: what a crash tears lacks more than a bit.
            check_damaged(&bench, damaged, bench.written.len(), &format!("{file}, bit {bit}"));
        }
    }
}

#[test]
fn a_zeroed_sector_never_loses_an_acknowledged_record() {
    let bench = two_segments();
    let files = bench.files();
    let last_batch = bench.ends[SURE - 1];
    for (&file, bytes) in &files {
        for start in 0..bytes.len() {
            let end = bytes.len().min(start + 512);
            if file == last_batch.0 && end as u64 > last_batch.1 {
                // It takes the witness with it.
                continue;
            }
            let mut damaged = files.clone();
            damaged.get_mut(&file).unwrap()[start..end].fill(0);
            check_damaged(&bench, damaged, SURE, &format!("{file}, from {start}"));
        }
    }
}

#[test]
fn a_torn_tail_is_told_cut_and_never_comes_back() {
    let mut bench = two_segments();
    let before = bench.written.clone();
    bench.batch(&["torn away", "whole but behind it"]);
    let mut files = bench.files();
    let (file, end) = bench.ends[before.len()];
    files.get_mut(&file).unwrap()[end as usize - 4..end as usize].fill(0);

    let mut again = Bench::open(files.clone());
    assert_eq!(again.written, before);
    let (recovery, _) = recover_all(&MemoryDisk::holding(files), 0).unwrap();
    assert_eq!(recovery.notes.len(), 1, "{:?}", recovery.notes);
    let (recovery, _) = recover_all(&again.disk, 0).unwrap();
    assert_eq!(recovery.notes.len(), 0, "{:?}", recovery.notes);

    again.batch(&["a new one "]);
    let first_new = again.written.last().unwrap().0;
    assert!(first_new > before.last().unwrap().0 + LSN_JUMP);
    let (_, records) = recover_all(&again.disk, 0).unwrap();
    assert_eq!(records, again.written);
}

#[test]
fn a_refused_batch_never_follows_a_later_one() {
    let mut bench = Bench::open(Files::new());
    bench.batch(&["first"]);
    bench.disk.refuse_writes(true);
    assert!(matches!(bench.try_batch(&["refuse", "refused"]), Err(WriteError::DiskFull)));
    let with_refused = bench.files();
    assert!(matches!(bench.try_batch(&["refuse", "refused"]), Err(WriteError::DiskFull)));
    bench.disk.refuse_writes(false);
    bench.batch(&["second"]);
    // A crash before the sync: the terminator behind the batch did not reach the disk, so what was
    // refused still stands there.
    let (file, end) = *bench.ends.last().unwrap();
    let mut files = bench.files();
    let kept = &with_refused[&file][end as usize..];
    files.get_mut(&file).unwrap()[end as usize..].copy_from_slice(kept);
    let (recovery, records) = recover_all(&MemoryDisk::holding(files), 0).unwrap();
    assert_eq!(records, bench.written);
    assert_eq!(recovery.notes.len(), 1, "{:?}", recovery.notes);
}

#[test]
fn a_place_in_a_released_segment_cannot_be_read() {
    let bench = two_segments();
    let (file, end) = bench.ends[0];
    let (_, record) = &bench.written[0];
    let len = record.len() as u32;
    let crc = crc32c::crc32c(record);
    let place = Place { file, sequence: 1, offset: end - u64::from(len), len, crc };
    assert_eq!(place.read(&bench.log).unwrap().unwrap(), record);
    // As long as one of its records is not in the archive, a segment stays.
    bench.log.release(bench.written[2].0);
    assert_eq!(place.read(&bench.log).unwrap().unwrap(), record);
    bench.log.release(bench.written[3].0);
    assert_eq!(place.read(&bench.log).unwrap(), None);
    let wrong = Place { sequence: 2, crc: !crc, ..place };
    assert_eq!(wrong.read(&bench.log).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn what_an_earlier_use_of_a_file_left_is_not_the_log() {
    let mut bench = Bench::open(Files::new());
    bench.spare();
    for number in 0..40 {
        bench.batch(&[&format!("record {number:>80}")]);
        let applied = bench.written.last().unwrap().0;
        bench.log.release(applied);
    }
    assert_eq!(bench.files().len(), 2);
    let applied = bench.written[36].0;
    let (recovery, records) = recover_all(&bench.disk, applied).unwrap();
    assert_eq!(records, bench.written[37..]);
    assert_eq!(recovery.notes, Vec::<String>::new());
}

#[test]
fn a_record_that_holds_a_frame_bears_no_witness() {
    let mut bench = two_segments();
    let before = bench.written.clone();
    let (newest, _) = *bench.ends.last().unwrap();
    // What somebody who knows the format, but not this log's key, sends as a payload.
    let forged = |sequence| {
        let mut frame = Vec::new();
        crate::frame::begin(&mut frame);
        frame.push(b'x');
        crate::frame::seal(&mut frame, 9_000_000, 8_999_999, Key(0).stamp(sequence));
        frame
    };
    let record = [forged(1), forged(2), forged(3)].concat();
    bench.batch_of(&[&record]).unwrap();
    let mut files = bench.files();
    let (file, end) = *bench.ends.last().unwrap();
    assert_eq!(file, newest);
    files.get_mut(&file).unwrap()[end as usize - 4..end as usize].fill(0);
    let (recovery, records) = recover_all(&MemoryDisk::holding(files), 0).unwrap();
    assert_eq!(records, before);
    assert_eq!(recovery.notes.len(), 1, "{:?}", recovery.notes);
}

#[test]
fn a_first_batch_whose_header_was_lost_never_comes_back() {
    let mut bench = Bench::open(Files::new());
    bench.spare();
    bench.batch(&[&"first ".repeat(40)]);
    // Twice the first batch after a start goes into a second segment; the first of the two is cut
    // short by a crash that loses the segment's header and nothing else.
    let mut torn = Bench::open(bench.files());
    torn.batch(&[&"second ".repeat(10), "torn away with its header"]);
    let (file, _) = torn.ends[0];
    let mut files = torn.files();
    files.get_mut(&file).unwrap()[..segment::BLOCK].fill(0);

    let mut again = Bench::open(files.clone());
    assert_eq!(again.written, bench.written);
    if again.log.state.lock().free.is_empty() {
        again.spare();
    }
    again.batch(&[&"SECOND ".repeat(10)]);
    // A crash before the sync: the terminator behind the batch did not reach the disk.
    let (file, end) = *again.ends.last().unwrap();
    let mut after = again.files();
    if let Some(stale) = files.get(&file) {
        let kept = stale[end as usize..].to_vec();
        after.get_mut(&file).unwrap()[end as usize..].copy_from_slice(&kept);
    }
    let (_, records) = recover_all(&MemoryDisk::holding(after), 0).unwrap();
    assert_eq!(records, again.written);
}

#[test]
fn a_head_that_the_end_of_the_file_cuts_short_is_not_made_whole_by_its_full_length() {
    let mut bench = Bench::open(Files::new());
    bench.batch(&["first"]);
    bench.batch(&["second"]);
    let (file, end) = bench.ends[0];
    let (begin, end) = (SEGMENT_HEADER_BYTES as usize, end as usize);
    for len in end..=end + crate::frame::HEADER {
        let mut files = bench.files();
        let bytes = files.get_mut(&file).unwrap();
        bytes[begin..end].fill(0);
        bytes.truncate(len);
        let disk = MemoryDisk::holding(files);
        let (_, first) = recover_all(&disk, 0).unwrap();
        let (again, second) = recover_all(&disk, 0).unwrap();
        assert_eq!((again.notes.len(), first.len(), second.len()), (0, 0, 0), "{len}");
    }
}

#[test]
fn a_read_of_a_released_segment_does_not_fail_though_its_file_is_gone() {
    let bench = two_segments();
    let (file, end) = bench.ends[0];
    let (_, record) = &bench.written[0];
    let (len, crc) = (record.len() as u32, crc32c::crc32c(record));
    let place = Place { file, sequence: 1, offset: end - u64::from(len), len, crc };
    bench.disk.remove(file).unwrap();
    assert_eq!(place.read(&bench.log).unwrap_err().kind(), io::ErrorKind::NotFound);
    bench.log.release(bench.written[3].0);
    assert_eq!(place.read(&bench.log).unwrap(), None);
}
