use super::*;
use std::os::unix::fs::symlink;

struct Bench {
    spool: Spool,
    root: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { spool: Spool::new(root.path().to_owned()), root }
    }

    fn files(&self) -> usize {
        fs::read_dir(self.root.path()).unwrap().count()
    }
}

fn task() -> TaskId {
    TaskId::from_key(1 << 40).unwrap()
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
    assert!(crate::disk::is_full(&error), "{error}");
    assert_eq!(bench.files(), 0);
    bench.spool.write(task(), &segments(&[300_000])).unwrap();
    assert_eq!(bench.spool.read(task(), 300_000).unwrap().len(), 1);
}

#[test]
fn a_file_that_cannot_get_its_name_leaves_nothing_but_what_was_in_the_way() {
    let bench = Bench::new();
    fs::create_dir(bench.spool.path(task())).unwrap();
    let error = bench.spool.write(task(), &segments(&[10])).unwrap_err();
    assert!(!crate::disk::is_full(&error), "{error}");
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
