//! The disk as the log sees it: numbered files and six calls, so that a simulation can stand in
//! for it and fail. It knows nothing of segments or records.

use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number of a log file, which is also its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}.seg", self.0)
    }
}

/// What the log needs of a disk.
pub trait Disk: Send + Sync {
    /// Every file with its length in bytes, in no order.
    fn list(&self) -> io::Result<Vec<(FileId, u64)>>;
    /// Makes an empty file; when this returns, a crash cannot take its name back.
    fn create(&self, file: FileId) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, file: FileId) -> io::Result<()>;
    /// Fills `buffer` from `offset` and says how much of it there was: less than all only at the
    /// end of the file.
    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`, or fails having written any part of them. A full disk is
    /// `StorageFull` or `QuotaExceeded`.
    fn write_at(&self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns once everything written to the file is on disk. After a failure nobody knows what
    /// is.
    fn sync(&self, file: FileId) -> io::Result<()>;
}

/// Whether an error says that the disk is full, which is not a failure of the disk.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A folder of the operating system.
pub(crate) struct FolderDisk {
    folder: PathBuf,
    is_written: bool,
    opened: RwLock<HashMap<FileId, Arc<File>>>,
}

impl FolderDisk {
    /// The files in `folder`, which must exist.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), is_written: true, opened: RwLock::default() }
    }

    /// The same for one who only reads, and may be allowed nothing else.
    pub(crate) fn read_only(folder: &Path) -> Self {
        Self { is_written: false, ..Self::new(folder) }
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.folder.join(file.to_string())
    }

    fn opened(&self, file: FileId) -> io::Result<Arc<File>> {
        if let Some(opened) = self.opened.read().get(&file) {
            return Ok(Arc::clone(opened));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(self.is_written);
        let opened = Arc::new(options.open(self.path(file))?);
        self.opened.write().insert(file, Arc::clone(&opened));
        Ok(opened)
    }
}

impl Disk for FolderDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Some(file) = entry.file_name().to_str().and_then(parse_name) {
                files.push((file, entry.metadata()?.len()));
            }
        }
        Ok(files)
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        let path = self.path(file);
        let created = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        sync_folder(&self.folder)?;
        self.opened.write().insert(file, Arc::new(created));
        Ok(())
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.opened.write().remove(&file);
        fs::remove_file(self.path(file))
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let opened = self.opened(file)?;
        let mut filled = 0;
        while filled < buffer.len() {
            match opened.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.opened(file)?.write_all_at(bytes, offset)
    }

    fn sync(&self, file: FileId) -> io::Result<()> {
        self.opened(file)?.sync_data()
    }
}

fn parse_name(name: &str) -> Option<FileId> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 8)?;
    digits.parse().ok().map(FileId)
}

/// Syncs a folder, so that the names made in it survive a crash.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
