//! Copies of a data folder, and bits in it to flip.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files are copied in pieces of this size, without those that are empty.
const PIECE: usize = 64 * 1024;

/// Copies a folder with everything in it but its lock.
pub(super) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        copy_file(&from.join(&file), &target);
    }
}

fn copy_file(from: &Path, to: &Path) {
    let (mut source, target) = (File::open(from).unwrap(), File::create(to).unwrap());
    let (mut piece, mut at) = (vec![0; PIECE], 0);
    loop {
        let read = source.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        if piece[..read].iter().any(|&byte| byte != 0) {
            target.write_all_at(&piece[..read], at).unwrap();
        }
        at += read as u64;
    }
    target.set_len(at).unwrap();
}

/// Every file in a folder, as its path from there, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(folder.join(&inner)).unwrap().map(Result::unwrap) {
            let path = inner.join(entry.file_name());
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => open.push(path),
                _ => found.push(path),
            }
        }
    }
    // Who holds a lock, what is configured, and an index in shared memory that is made anew.
    let is_kept = |path: &PathBuf| {
        !["LOCK", "overtime.toml", "archive.db-shm"].iter().any(|name| path.ends_with(name))
    };
    found.retain(is_kept);
    found.sort();
    found
}

/// One bit of one file.
#[derive(Debug)]
pub(super) struct Flip {
    file: PathBuf,
    byte: u64,
    bit: u8,
    /// What kind of file it is.
    pub(super) area: &'static str,
}

impl Flip {
    /// Flips it in a folder.
    pub(super) fn make(&self, folder: &Path) {
        let file = OpenOptions::new().read(true).write(true).open(folder.join(&self.file)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, self.byte).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << self.bit)], self.byte).unwrap();
    }

    /// What a person calls the file.
    pub(super) fn name(&self) -> &str {
        self.file.file_name().unwrap().to_str().unwrap()
    }
}

/// Bits to flip, in an order that a seed decides: each kind of file as often as the others.
pub(super) struct Flips {
    state: u64,
    areas: Vec<(&'static str, Vec<(PathBuf, Extent)>)>,
}

/// How long a file is, and up to where there is something in it.
#[derive(Clone, Copy)]
struct Extent {
    len: u64,
    used: u64,
}

impl Flips {
    pub(super) fn new(seed: u64, folder: &Path) -> Self {
        let mut areas: Vec<(&str, Vec<_>)> = Vec::new();
        for file in files(folder) {
            let bytes = fs::read(folder.join(&file)).unwrap();
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last as u64 + 1);
            if bytes.is_empty() {
                continue;
            }
            let (name, of) = (area(&file), (file, Extent { len: bytes.len() as u64, used }));
            match areas.iter_mut().find(|(known, _)| *known == name) {
                Some((_, files)) => files.push(of),
                None => areas.push((name, vec![of])),
            }
        }
        Self { state: seed, areas }
    }

    /// The next bit. Three of four lie where something was written.
    pub(super) fn next(&mut self) -> Flip {
        let area = self.below(self.areas.len() as u64) as usize;
        let which = self.below(self.areas[area].1.len() as u64) as usize;
        let (name, (file, extent)) = (self.areas[area].0, self.areas[area].1[which].clone());
        let end = if extent.used > 0 && self.below(4) > 0 { extent.used } else { extent.len };
        let (byte, bit) = (self.below(end), self.below(8) as u8);
        Flip { file, byte, bit, area: name }
    }

    /// A number below `bound`, by SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn area(file: &Path) -> &'static str {
    match file.to_str().unwrap() {
        "FORMAT" => "format",
        "archive.db" => "archive",
        "archive.db-wal" => "write-ahead log",
        "archive.moved" => "witness",
        name if name.starts_with("log/") => "log",
        name if name.starts_with("spool/") => "spool",
        other => panic!("{other} is of no kind that is known here"),
    }
}
