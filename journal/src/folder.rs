//! The data folder: who may use it, which format it has, and the key of its log. It never looks into the log or the
//! archive.
//!
//! ```text
//! overtime-data/
//!   LOCK          held by the process that has the folder open; its process id as text
//!   FORMAT        "overtime 2\nkey 0123456789abcdef\ncrc 01234567\n"
//!   log/          00000001.seg …
//!   spool/        a file for each large payload
//!   archive.db    and SQLite's own files beside it
//! ```

mod still;

pub(crate) use still::Still;

use crate::disk::sync_folder;
use crate::error::OpenError;
use crate::frame::Key;
use crate::salvage;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The format that is written, and the only one that is read: the one before it had no checksums in
/// the archive's pages.
const FORMAT: u64 = 2;

/// The data folder, locked for as long as this value lives.
pub(crate) struct Folder {
    path: PathBuf,
    key: Key,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, locks it, and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let action = |what: &str| OpenError::io(format!("{what} {}", path.display()));
        make_folder(path).map_err(action("make the folder"))?;
        let lock = lock(path)?;
        salvage::finish(path, &salvage::go_on)
            .map_err(action("go on with the loss accepted in"))?;
        let key = find_key(path)?;
        let folder = Self { path: path.to_owned(), key, _lock: lock };
        make_folder(&folder.log()).map_err(action("make the log's folder in"))?;
        make_folder(&folder.spool()).map_err(action("make the spool in"))?;
        Ok(folder)
    }

    /// The folder of the log.
    pub(crate) fn log(&self) -> PathBuf {
        log(&self.path)
    }

    /// The folder of the spool.
    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// The folder of files that the spool uses again.
    pub(crate) fn spares(&self) -> PathBuf {
        self.path.join("spares")
    }

    /// The archive's file.
    pub(crate) fn archive(&self) -> PathBuf {
        archive(&self.path)
    }

    /// The key of the log.
    pub(crate) fn key(&self) -> Key {
        self.key
    }
}

/// Reads the format of a folder, or names it if the folder is new. The key that stands beside it.
fn find_key(folder: &Path) -> Result<Key, OpenError> {
    let file = folder.join("FORMAT");
    match fs::read_to_string(&file) {
        Ok(text) => read_format(file, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_format(folder, file),
        Err(source) if source.kind() == io::ErrorKind::InvalidData => {
            Err(OpenError::NotAJournal { file })
        }
        Err(error) => Err(OpenError::io(format!("read {}", file.display()))(error)),
    }
}

/// Names the format of a new folder. One that has a log or an archive is not new.
fn write_format(folder: &Path, file: PathBuf) -> Result<Key, OpenError> {
    if log(folder).exists() || archive(folder).exists() {
        return Err(OpenError::NotAJournal { file });
    }
    let write = || {
        let key = random_key()?;
        let fresh = folder.join("FORMAT.new");
        let mut out = File::create(&fresh)?;
        out.write_all(format_of(key).as_bytes())?;
        out.sync_all()?;
        fs::rename(&fresh, &file)?;
        sync_folder(folder)?;
        Ok(key)
    };
    write().map_err(OpenError::io(format!("write {}", file.display())))
}

fn random_key() -> io::Result<Key> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(Key(u64::from_le_bytes(bytes)))
}

/// What stands in the file. The last line is a checksum of those before it: with another key the log
/// would look empty.
fn format_of(key: Key) -> String {
    let lines = format!("overtime {FORMAT}\nkey {:016x}\n", key.0);
    let crc = crc32c::crc32c(lines.as_bytes());
    format!("{lines}crc {crc:08x}\n")
}

fn read_format(file: PathBuf, text: &str) -> Result<Key, OpenError> {
    let mut lines = text.lines();
    let format = lines.next().and_then(|line| line.strip_prefix("overtime ")?.parse().ok());
    let Some(found) = format else {
        return Err(OpenError::NotAJournal { file });
    };
    let digits = lines.next().and_then(|line| line.strip_prefix("key "));
    let key = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(Key);
    match key {
        Some(key) if text == format_of(key) => Ok(key),
        _ if found == FORMAT || contradicts_itself(text) => Err(OpenError::FormatDamaged { file }),
        _ if found < FORMAT => Err(OpenError::Older { file, found, known: FORMAT }),
        _ => Err(OpenError::Newer { file, found, known: FORMAT }),
    }
}

/// Whether a text has a checksum as ours has, but another: then the number in it may be wrong too.
fn contradicts_itself(text: &str) -> bool {
    let Some((lines, crc)) = text.split_once("crc ") else {
        return false;
    };
    crc.trim_end() != format!("{:08x}", crc32c::crc32c(lines.as_bytes()))
}

fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn archive(folder: &Path) -> PathBuf {
    folder.join("archive.db")
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let action = || OpenError::io(format!("lock {}", path.display()));
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).to_owned();
    let mut file = options.open(&path).map_err(action())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let process = still::process(&mut file);
            return Err(OpenError::Locked { folder: folder.to_owned(), process });
        }
        Err(TryLockError::Error(error)) => return Err(action()(error)),
    }
    let name_ourselves = |file: &mut File| {
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    };
    name_ourselves(&mut file).map_err(action())?;
    Ok(file)
}

/// Makes a folder whose name survives a crash.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let first = Folder::open(&path).unwrap();
        match Folder::open(&path).err() {
            Some(OpenError::Locked { process, .. }) => {
                assert_eq!(process, Some(std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(Folder::open(&path).is_ok());
    }

    #[test]
    fn formats_other_than_ours_are_refused() {
        let root = tempfile::tempdir().unwrap();
        drop(Folder::open(root.path()).unwrap());
        let file = root.path().join("FORMAT");
        let ours = fs::read_to_string(&file).unwrap();
        assert!(ours.starts_with("overtime 2\nkey "));
        let refused = |text: &str| {
            fs::write(&file, text).unwrap();
            Folder::open(root.path()).err()
        };
        let newer = refused("overtime 3\n");
        assert!(matches!(newer, Some(OpenError::Newer { found: 3, known: 2, .. })), "{newer:?}");
        let lines = "overtime 3\nkey 1\n";
        let newer = refused(&format!("{lines}crc {:08x}\n", crc32c::crc32c(lines.as_bytes())));
        assert!(matches!(newer, Some(OpenError::Newer { found: 3, known: 2, .. })), "{newer:?}");
        let older = refused("overtime 1\nkey 0123456789abcdef\n");
        assert!(matches!(older, Some(OpenError::Older { found: 1, known: 2, .. })), "{older:?}");
        for text in ["", "overtime", "overtime x\nkey 1\n", "another 2\nkey 1\n"] {
            let other = refused(text);
            assert!(matches!(other, Some(OpenError::NotAJournal { .. })), "{text:?} {other:?}");
        }
        for text in ["overtime 2\n", "overtime 2\nkey\n", &ours[..ours.len() - 1]] {
            let damaged = refused(text);
            assert!(matches!(damaged, Some(OpenError::FormatDamaged { .. })), "{damaged:?}");
        }
    }

    #[test]
    fn no_flipped_bit_makes_another_key_or_a_format_that_is_none() {
        let root = tempfile::tempdir().unwrap();
        let key = Folder::open(root.path()).unwrap().key();
        let file = root.path().join("FORMAT");
        let ours = fs::read(&file).unwrap();
        for bit in 0..ours.len() * 8 {
            let mut flipped = ours.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &flipped).unwrap();
            let refused = Folder::open(root.path()).err();
            let named = matches!(
                &refused,
                Some(OpenError::FormatDamaged { .. } | OpenError::NotAJournal { .. })
            );
            assert!(named, "bit {bit}: {refused:?} {}", String::from_utf8_lossy(&flipped));
        }
        fs::write(&file, &ours).unwrap();
        assert_eq!(Folder::open(root.path()).unwrap().key(), key);
    }

    #[test]
    fn a_folder_keeps_its_key_and_no_other_has_it() {
        let root = tempfile::tempdir().unwrap();
        let key = |name: &str| Folder::open(&root.path().join(name)).unwrap().key();
        let first = key("first");
        assert_eq!(key("first"), first);
        assert_ne!(key("second"), first);
    }

    #[test]
    fn a_log_without_a_format_is_not_ours_to_touch() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("log")).unwrap();
        let refused = Folder::open(root.path()).err();
        assert!(matches!(refused, Some(OpenError::NotAJournal { .. })), "{refused:?}");
    }
}
