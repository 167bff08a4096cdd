use super::*;
use crate::disk::Disk;
use crate::log::{Found, Log};
use crate::memory_disk::MemoryDisk;
use crate::options::Options;
use crate::prepare;
use crate::recent::Recent;
use crate::stats::Stats;
use crate::writer::{self, Batch};
use overtime_protocol::record::{Put, ReadMark, Record};
use overtime_protocol::{Opener, TaskId};

/// A log, the end of it, and an applier, without threads.
struct Bench {
    log: Arc<Log>,
    writer: writer::Writer,
    applier: Applier,
    opener: Opener,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opener = Opener::mint().expect("no other unit test of this crate mints");
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let options = Options { segment_bytes: 4096 + 256, ..Options::new("unused") };
        let found = Found { live: Vec::new(), free: Vec::new(), next_file: 1 };
        let log = Arc::new(Log::new(&options, disk, Arc::new(Stats::default()), found, 0));
        prepare::first(&log).unwrap();
        let writer = writer::Writer::new(Arc::clone(&log), None, 0);
        let archive = Writer::open(&folder.path().join("archive.db"), opener.clone()).unwrap();
        let shared = Arc::new(Shared::new(Arc::clone(&log), Recent::default(), 0));
        let next = (1, SEGMENT_HEADER_BYTES);
        let applier = Applier { shared, archive, readers: Vec::new(), next, unchecked: 0 };
        Self { log, writer, applier, opener, _folder: folder }
    }

    /// Commits one record; two fit a segment.
    fn commit(&mut self) -> u64 {
        let read = ReadMark::At { lsn: 0, watermark: 0 };
        let put = Put { key: "s/a".into(), value: Some(vec![b'x'; 60].into()), read };
        let task = TaskId::from_key(1).unwrap();
        let (puts, expects) = (vec![put], Vec::new());
        let record =
            Record { task, attempt: 1, run: 1, acceptance: None, change: None, puts, expects };
        let mut batch = Batch::new();
        batch.push(|out| record::encode(&record, &self.opener, out)).unwrap();
        let bytes = batch.frame_bytes();
        let (at, _) = self.writer.place(&mut batch).unwrap();
        let segment = self.writer.commit(&mut batch, at).unwrap();
        self.log.grow(segment, 1, bytes);
        segment.last
    }

    fn apply(&mut self) -> u64 {
        self.applier.apply_some(Patience::GivesUp).unwrap();
        self.applier.shared.applied()
    }

    fn spare(&self) {
        let mut state = self.log.state.lock();
        let file = crate::disk::FileId(state.next_file);
        state.next_file += 1;
        self.log.disk.create(file).unwrap();
        prepare::fill(&*self.log.disk, file, 0, self.log.segment_bytes).unwrap();
        state.free.push(file);
    }
}

#[test]
fn the_applier_goes_on_behind_a_segment_that_was_released_under_it() {
    let mut bench = Bench::new();
    bench.spare();
    bench.commit();
    let second = bench.commit();
    assert_eq!(bench.apply(), second);
    // The segment gets its successor only now, and is released before the applier looks again.
    let third = bench.commit();
    bench.log.release(second);
    assert!(bench.log.live(1).is_none(), "two records fill a segment");
    assert_eq!(bench.apply(), third);
}
