//! Why a journal cannot be opened or read, in sentences that a person can act on.

use crate::archive;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a journal could not be opened. Nothing was changed in it.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// The data folder.
        folder: PathBuf,
        /// What that process wrote into the lock file, if it could be read.
        process: Option<u32>,
    },
    /// A later version of overtime wrote it.
    Newer {
        /// The file that says so.
        file: PathBuf,
        /// The version found there.
        found: u64,
        /// The latest version that this program reads.
        known: u64,
    },
    /// A version of overtime wrote it that this program does not read any more.
    Older {
        /// The file that says so.
        file: PathBuf,
        /// The version found there.
        found: u64,
        /// The version that this program reads.
        known: u64,
    },
    /// The file that names the format is not as it was written.
    FormatDamaged {
        /// The file.
        file: PathBuf,
    },
    /// The folder holds something, but not a journal.
    NotAJournal {
        /// The file that is wrong or missing.
        file: PathBuf,
    },
    /// A record that was on disk is damaged or gone, and later ones are there.
    LogDamaged {
        /// The segment file, or the log's folder if a whole segment is gone.
        file: PathBuf,
        /// The offset of the damage in bytes.
        offset: u64,
        /// What is wrong there.
        detail: String,
    },
    /// SQLite cannot read the archive.
    ArchiveDamaged {
        /// The archive.
        file: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The operating system refused.
    Io {
        /// What was being done.
        action: String,
        /// Its reason.
        source: io::Error,
    },
    /// An option is out of its bounds.
    Option(&'static str),
}

impl OpenError {
    /// Turns an I/O error into one that names what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }
}

/// What a person can do about damage.
const REMEDY: &str = "`overtime verify` says how far it goes; restore the data folder from a copy, \
    or start with `overtime serve --accept-loss` to go on without what is lost";

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { folder, process: Some(process) } => write!(
                f,
                "{} is in use by process {process}: stop that one or choose another data folder",
                folder.display()
            ),
            Self::Locked { folder, process: None } => write!(
                f,
                "{} is in use by another process: stop that one or choose another data folder",
                folder.display()
            ),
            Self::Newer { file, found, known } => write!(
                f,
                "{} has format {found}, and this program reads up to {known}: use a newer program",
                file.display()
            ),
            Self::Older { file, found, known } => write!(
                f,
                "{} has format {found}, and this program reads {known}: choose another data folder",
                file.display()
            ),
            Self::FormatDamaged { file } => write!(
                f,
                "{} is damaged: it does not match its checksum; restore it from a copy",
                file.display()
            ),
            Self::NotAJournal { file } => write!(
                f,
                "{} is not what a journal has there: choose another data folder",
                file.display()
            ),
            Self::LogDamaged { file, offset, detail } => {
                write!(f, "{} is damaged at byte {offset}: {detail}; {REMEDY}", file.display())
            }
            Self::ArchiveDamaged { file, detail } => {
                write!(f, "{} is damaged: {detail}; {REMEDY}", file.display())
            }
            Self::Io { action, source } => write!(f, "cannot {action}: {source}"),
            Self::Option(detail) => f.write_str(detail),
        }
    }
}

/// Its text has the operating system's reason in it, which is therefore no source beside it.
impl std::error::Error for OpenError {}

/// Why something could not be read from an open journal.
#[derive(Debug)]
pub enum StoreError {
    /// It has ended, and nothing more of what was asked for will come.
    Ended,
    /// The journal keeps no such payload.
    Unknown,
    /// The file that keeps the payload is missing or has another length.
    PayloadLost,
    /// What was read does not match its checksum.
    Damaged(String),
    /// The operating system refused.
    Io(io::Error),
    /// SQLite refused.
    Archive(rusqlite::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the journal has no such payload"),
            Self::Ended => f.write_str("the journal has ended"),
            Self::PayloadLost => f.write_str("the file that kept the payload is gone"),
            Self::Damaged(what) => write!(f, "the journal is damaged: {what}"),
            Self::Io(error) => write!(f, "a file of the journal cannot be read: {error}"),
            Self::Archive(error) => write!(f, "the archive cannot be read: {error}"),
        }
    }
}

/// As [`OpenError`], it tells the reason itself.
impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            return Self::Damaged(error.to_string());
        }
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if archive::is_damage(&error) {
            return Self::Damaged(format!("in archive.db {}", archive::explain(&error)));
        }
        Self::Archive(error)
    }
}
