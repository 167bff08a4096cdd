use super::*;
use std::os::unix::fs::{MetadataExt, symlink};

struct Bench {
    spool: Spool,
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let [spool, spares] = ["spool", "spares"].map(|name| root.path().join(name));
        fs::create_dir(&spool).unwrap();
        Self { spool: Spool::new(spool, spares), root }
    }

    fn files(&self) -> usize {
        self.names("spool").len()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.path().join(folder)) else { return Vec::new() };
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        entries.map(|entry| name(entry).into_string().unwrap()).collect()
    }

    /// Writes a payload of that many bytes; returns which file has it.
    fn write(&self, task: TaskId, len: usize) -> u64 {
        self.spool.write(task, &segments(&[len])).unwrap();
        fs::metadata(self.spool.path(task)).unwrap().ino()
    }
}

fn task() -> TaskId {
    TaskId::from_key(1 << 40).unwrap()
}

fn other_task() -> TaskId {
    TaskId::from_key(2 << 40).unwrap()
}

fn segments(lens: &[usize]) -> Vec<Bytes> {
    let bytes = |len| (0..len).map(|n: usize| (n % 251) as u8).collect::<Vec<u8>>();
    lens.iter().map(|&len| bytes(len).into()).collect()
}

#[test]
fn a_payload_comes_back_as_it_was_whatever_its_segments() {
    const MIB: usize = 1024 * 1024;
    for lens in [&[][..], &[1], &[0, 3, 0], &[MIB], &[MIB + 1], &[70_000; 40], &[3 * MIB, 5]] {
        let bench = Bench::new();
        let segments = segments(lens);
        bench.spool.write(task(), &segments).unwrap();
        let read = bench.spool.read(task(), lens.iter().sum::<usize>() as u64).unwrap();
        assert_eq!(read.concat(), segments.concat(), "{lens:?}");
        assert!(read.iter().all(|segment| segment.len() <= MIB && !segment.is_empty()));
        assert_eq!(bench.files(), 1);
        bench.spool.remove(task());
        assert_eq!(bench.files(), 0);
    }
}

#[test]
fn a_full_disk_leaves_nothing() {
    let bench = Bench::new();
    symlink("/dev/full", bench.spool.part(task())).unwrap();
    let error = bench.spool.write(task(), &segments(&[300_000])).unwrap_err();
    assert!(is_full(&error), "{error}");
    assert_eq!(bench.files(), 0);
    bench.spool.write(task(), &segments(&[300_000])).unwrap();
    assert_eq!(bench.spool.read(task(), 300_000).unwrap().len(), 1);
}

#[test]
fn a_file_that_cannot_get_its_name_leaves_nothing_but_what_was_in_the_way() {
    let bench = Bench::new();
    fs::create_dir(bench.spool.path(task())).unwrap();
    let error = bench.spool.write(task(), &segments(&[10])).unwrap_err();
    assert!(!is_full(&error), "{error}");
    assert_eq!(bench.files(), 1);
    assert!(!bench.spool.part(task()).exists());
}

#[test]
fn a_missing_file_and_one_of_another_length_are_lost() {
    let bench = Bench::new();
    let is_lost = |len| matches!(bench.spool.read(task(), len), Err(StoreError::PayloadLost));
    assert!(is_lost(10));
    bench.spool.write(task(), &segments(&[10])).unwrap();
    assert!(is_lost(9) && is_lost(11) && is_lost(u64::MAX));
    assert!(bench.spool.read(task(), 10).is_ok());
}

#[test]
fn a_changed_byte_is_damage() {
    let bench = Bench::new();
    bench.spool.write(task(), &segments(&[10])).unwrap();
    let path = bench.spool.path(task());
    for at in 0..14 {
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).unwrap();
        let found = bench.spool.read(task(), 10);
        assert!(matches!(found, Err(StoreError::Damaged(_))), "byte {at}: {found:?}");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_payload_is_written_over_one_that_is_gone() {
    const LEN: usize = 900_000;
    for len in [LEN, LEN + 1, 2 * LEN, LEN - 1, LEN - 256 * 1024] {
        let bench = Bench::new();
        let file = bench.write(task(), LEN);
        assert_eq!(bench.spool.bytes(), LEN as u64 + CHECKSUM_BYTES);
        bench.spool.remove(task());
        assert_eq!((bench.files(), bench.names("spares").len(), bench.spool.bytes()), (0, 1, 0));
        assert_eq!(bench.write(other_task(), len), file, "{len}");
        assert_eq!((bench.files(), bench.names("spares").len()), (1, 0));
        let read = bench.spool.read(other_task(), len as u64).unwrap();
        assert_eq!(read.concat(), segments(&[len]).concat(), "{len}");
        bench.spool.check(other_task()).unwrap();
    }
}

#[test]
fn a_file_that_is_much_too_long_is_left_to_others() {
    const LEN: usize = 900_000;
    let bench = Bench::new();
    let file = bench.write(task(), LEN);
    bench.spool.remove(task());
    let len = LEN - 256 * 1024 - 1;
    assert_ne!(bench.write(other_task(), len), file);
    assert_eq!(bench.write(task(), LEN), file);
}

#[test]
fn of_those_that_fit_the_longest_is_taken() {
    let bench = Bench::new();
    let _short = bench.write(task(), 300_000);
    let long = bench.write(other_task(), 600_000);
    bench.spool.remove(task());
    bench.spool.remove(other_task());
    assert_eq!(bench.write(task(), 700_000), long);
}

#[test]
fn a_file_with_another_name_is_not_written_over() {
    let bench = Bench::new();
    bench.write(task(), 10);
    let mine = bench.root.path().join("mine");
    fs::hard_link(bench.spool.path(task()), &mine).unwrap();
    let before = fs::read(&mine).unwrap();
    bench.spool.remove(task());
    assert!(bench.names("spares").is_empty());
    bench.write(other_task(), 10);
    assert_eq!(fs::read(&mine).unwrap(), before);
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    const MIB: u64 = 1024 * 1024;
    let bench = Bench::new();
    let keep = |mib: u64| {
        let path = bench.root.path().join("file");
        File::create(&path).unwrap().set_len(mib * MIB).unwrap();
        bench.spool.spares.keep(&path, &fs::metadata(&path).unwrap())
    };
    assert_eq!([65, 40, 25, 24, 1].map(keep), [false, true, false, true, false]);
    assert_eq!(bench.names("spares").len(), 2);
    bench.spool.clear_spares();
    assert!(bench.names("spares").is_empty());
    assert!(keep(64));
}

#[test]
fn a_full_disk_gets_back_what_is_kept_and_is_asked_again() {
    let bench = Bench::new();
    bench.write(task(), 10);
    bench.spool.remove(task());
    symlink("/dev/full", bench.spool.part(other_task())).unwrap();
    bench.write(other_task(), 300_000);
    assert!(bench.names("spares").is_empty());
}

#[test]
fn what_the_spool_did_not_put_aside_stays() {
    let bench = Bench::new();
    bench.write(task(), 10);
    bench.spool.remove(task());
    let spares = bench.root.path().join("spares");
    fs::write(spares.join("notes.txt"), "mine").unwrap();
    fs::create_dir(spares.join("lost+found")).unwrap();
    assert!(bench.spool.spares.clear().unwrap());
    assert!(!bench.spool.spares.clear().unwrap(), "there was nothing left to delete");
    let mut left = bench.names("spares");
    left.sort();
    assert_eq!(left, ["lost+found", "notes.txt"]);
}
