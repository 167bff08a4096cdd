//! The health of a data folder, as a look at it finds it. It only says what is so; what is to be
//! done about it is for a person.

use overtime_protocol::TaskState;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The most flaws that are told one by one.
pub(crate) const FLAWS_MAX: usize = 1_000;

/// What was found in a folder.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The format of the folder, if that can be read.
    pub format: Option<u64>,
    /// The log.
    pub log: LogHealth,
    /// The archive.
    pub archive: ArchiveHealth,
    /// The spool.
    pub spool: SpoolHealth,
    /// How many tasks are in which state, after the archive and what the log has behind it.
    pub tasks: BTreeMap<TaskState, u64>,
    /// What is wrong, up to a thousand.
    pub flaws: Vec<Flaw>,
    /// How many more flaws there are.
    pub untold: u64,
    /// What is as a crash leaves it, and put right by the next start without loss.
    pub notes: Vec<String>,
}

/// The log of a folder.
#[derive(Clone, Debug, Default)]
pub struct LogHealth {
    /// The segments that a start reads, oldest first.
    pub segments: Vec<SegmentHealth>,
    /// How many files hold nothing that is needed.
    pub free: u64,
    /// The bytes of all files.
    pub bytes: u64,
    /// How many records the archive has not got yet.
    pub unapplied: u64,
    /// The last LSN.
    pub last: u64,
}

/// One segment of the log.
#[derive(Clone, Debug)]
pub struct SegmentHealth {
    /// The name of its file.
    pub file: String,
    /// Its place in the log.
    pub sequence: u64,
    /// The first and the last LSN in it, unless it is empty.
    pub lsns: Option<(u64, u64)>,
    /// How many sound records it holds.
    pub records: u64,
    /// How many bytes those take.
    pub bytes: u64,
}

/// The archive of a folder.
#[derive(Clone, Debug, Default)]
pub struct ArchiveHealth {
    /// The bytes of its files.
    pub bytes: u64,
    /// The LSN up to which it has everything.
    pub watermark: Option<u64>,
    /// How many tasks it has.
    pub tasks: u64,
    /// How many keys of state it has.
    pub state: u64,
    /// How many events it has.
    pub events: u64,
}

/// The spool of a folder.
#[derive(Clone, Debug, Default)]
pub struct SpoolHealth {
    /// How many payloads there are.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them no task needs.
    pub orphans: u64,
    /// How many tasks have lost theirs.
    pub lost: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What it is in.
    pub part: Part,
    /// The file, if it is one file's.
    pub file: Option<PathBuf>,
    /// The byte of the file, if it is known.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What comes of it.
    pub effect: Effect,
}

/// A part of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The folder as a whole.
    Folder,
    /// The file that names the format.
    Format,
    /// The log.
    Log,
    /// The archive.
    Archive,
    /// The spool.
    Spool,
    /// The file of callers' keys, which is not the journal's: whoever reads it adds its flaws.
    Keys,
}

/// What comes of a flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No server is to serve from this folder.
    Stops,
    /// One task, or a number, is not as it should be; the rest is not touched.
    Harms,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Format => "format",
            Self::Log => "log",
            Self::Archive => "archive",
            Self::Spool => "spool",
            Self::Keys => "keys",
        }
    }
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        self.flaws.is_empty()
    }

    /// Whether something in that part is so wrong that no server is to serve from the folder.
    pub fn is_stopped_by(&self, part: Part) -> bool {
        self.flaws.iter().any(|flaw| flaw.part == part && flaw.effect == Effect::Stops)
    }

    /// Whether something is so wrong that no server is to serve from the folder.
    pub fn is_stopped(&self) -> bool {
        self.flaws.iter().any(|flaw| flaw.effect == Effect::Stops)
    }

    /// How many tasks have not ended, with those that are parked.
    pub fn unfinished(&self) -> u64 {
        self.tasks.iter().filter(|(state, _)| !state.is_final()).map(|(_, count)| count).sum()
    }

    /// Adds a flaw. What stops a server is told before any number of others.
    pub(crate) fn note_flaw(&mut self, flaw: Flaw) {
        if self.flaws.len() < FLAWS_MAX
            || flaw.effect == Effect::Stops && self.flaws.len() < 2 * FLAWS_MAX
        {
            self.flaws.push(flaw);
        } else {
            self.untold += 1;
        }
    }
}
