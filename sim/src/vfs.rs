//! The archive's files on the simulated drive, as SQLite wants them: its main file, its
//! write-ahead log, their locks, and the memory that connections share. One thread uses all of
//! it. It decides nothing: which call fails is the drive's to say.

mod glue;
mod sharing;

pub(crate) use glue::NAME;

use crate::drive::Drive;
use parking_lot::Mutex;
use rusqlite::ffi;
use sharing::Sharing;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Once};

/// What a call of SQLite's ends as: a code of its own.
type Code = i32;

/// The folders that lead to a simulated drive.
static MOUNTS: Mutex<BTreeMap<String, Mount>> = Mutex::new(BTreeMap::new());

struct Mount {
    drive: Arc<Drive>,
    sharing: BTreeMap<String, Arc<Mutex<Sharing>>>,
}

/// Has SQLite reach the files of `folder` on `drive`, under the name [`NAME`]. What connections
/// shared before is forgotten.
pub(crate) fn mount(folder: &str, drive: &Arc<Drive>) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(glue::register);
    let mount = Mount { drive: Arc::clone(drive), sharing: BTreeMap::new() };
    MOUNTS.lock().insert(folder.to_owned(), mount);
}

/// Forgets a folder.
pub(crate) fn unmount(folder: &str) {
    MOUNTS.lock().remove(folder);
}

/// The same files beside SQLite.
pub(crate) struct Beside;

impl overtime_journal::Beside for Beside {
    fn settle(&self, file: &Path) -> io::Result<()> {
        let path = file.to_string_lossy();
        let (drive, name) = find(&path).ok_or(io::ErrorKind::NotFound)?;
        drive.sync(name)
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let path = file.to_string_lossy();
        let (drive, name) = find(&path).ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; usize::try_from(drive.len(name)?).unwrap_or(usize::MAX)];
        drive.read(name, &mut bytes, 0)?;
        Ok(bytes)
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let path = file.to_string_lossy();
        let (drive, name) = find(&path).ok_or(io::ErrorKind::NotFound)?;
        if !drive.exists(name) {
            drive.create(name)?;
        }
        drive.write(name, bytes, 0)
    }
}

/// The drive that a path leads to, and the file's name there.
fn find(path: &str) -> Option<(Arc<Drive>, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    Some((Arc::clone(&MOUNTS.lock().get(folder)?.drive), name))
}

/// What the connections of one file share; made when the first of them asks.
fn sharing(path: &str) -> Arc<Mutex<Sharing>> {
    let (folder, name) = path.rsplit_once('/').unwrap_or_default();
    let mut mounts = MOUNTS.lock();
    let found = mounts.get_mut(folder);
    found.map_or_else(Arc::default, |mount| {
        Arc::clone(mount.sharing.entry(name.to_owned()).or_default())
    })
}

/// One file that SQLite has open.
struct Handle {
    drive: Arc<Drive>,
    name: String,
    number: u64,
    sharing: Arc<Mutex<Sharing>>,
    /// It goes when it is closed.
    is_temporary: bool,
    /// It was opened to be read only, and the operating system would hold whoever did to that.
    is_read_only: bool,
}

impl Handle {
    fn open(path: Option<&str>, flags: i32, number: u64) -> Result<Self, Code> {
        let temporary = format!("temporary-{number}");
        let (drive, name) = match path {
            Some(path) => find(path),
            // Such a file is nobody's, so any drive will do.
            None => {
                MOUNTS.lock().values().next().map(|mount| (Arc::clone(&mount.drive), &*temporary))
            }
        }
        .ok_or(ffi::SQLITE_CANTOPEN)?;
        if !drive.exists(name) {
            let may_create = flags & ffi::SQLITE_OPEN_CREATE != 0;
            if !may_create || drive.create(name).is_err() {
                return Err(ffi::SQLITE_CANTOPEN);
            }
        }
        let is_temporary = path.is_none() || flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
        let sharing = path.map(sharing).unwrap_or_default();
        let name = name.to_owned();
        let is_read_only = flags & ffi::SQLITE_OPEN_READONLY != 0;
        Ok(Self { drive, name, number, sharing, is_temporary, is_read_only })
    }

    fn close(&self) {
        let mut sharing = self.sharing.lock();
        sharing.unlock(self.number, ffi::SQLITE_LOCK_NONE);
        sharing.leave_memory(self.number);
        if self.is_temporary {
            // Nobody misses it.
            drop(self.drive.remove(&self.name));
        }
    }

    /// Fills the buffer; what there is not reads as zeros, which SQLite is told.
    fn read(&self, buffer: &mut [u8], at: u64) -> Result<(), Code> {
        let filled = self.drive.read(&self.name, buffer, at);
        let filled = filled.map_err(|_| ffi::SQLITE_IOERR_READ)?;
        if filled < buffer.len() {
            buffer[filled..].fill(0);
            return Err(ffi::SQLITE_IOERR_SHORT_READ);
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), Code> {
        if self.is_read_only {
            return Err(ffi::SQLITE_IOERR_WRITE);
        }
        self.drive.write(&self.name, bytes, at).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
            _ => ffi::SQLITE_IOERR_WRITE,
        })
    }

    fn lock(&self, level: i32) -> Result<(), Code> {
        if self.is_read_only && level > ffi::SQLITE_LOCK_SHARED {
            return Err(ffi::SQLITE_IOERR_LOCK);
        }
        self.sharing.lock().lock(self.number, level)
    }

    fn truncate(&self, len: u64) -> Result<(), Code> {
        self.drive.truncate(&self.name, len).map_err(|_| ffi::SQLITE_IOERR_TRUNCATE)
    }

    fn sync(&self) -> Result<(), Code> {
        self.drive.sync(&self.name).map_err(|_| ffi::SQLITE_IOERR_FSYNC)
    }

    fn len(&self) -> Result<u64, Code> {
        self.drive.len(&self.name).map_err(|_| ffi::SQLITE_IOERR_FSTAT)
    }
}

/// Removes a file.
fn remove(path: &str) -> Result<(), Code> {
    let (drive, name) = find(path).ok_or(ffi::SQLITE_IOERR_DELETE_NOENT)?;
    if !drive.exists(name) {
        return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
    }
    drive.remove(name).map_err(|_| ffi::SQLITE_IOERR_DELETE)
}

/// Whether there is a file that is not empty, as the operating system's VFS asks it.
fn exists(path: &str) -> bool {
    find(path).is_some_and(|(drive, name)| drive.len(name).is_ok_and(|len| len > 0))
}
