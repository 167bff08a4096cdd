//! The memory of overtime. A log in front: append-only, one write and one `fdatasync` for all
//! that waits; it is the truth for what was acknowledged. An archive behind: SQLite, the long-term
//! home of tasks and state. `recent` in between: an index of what is committed and not yet
//! applied, so that a read always sees everything durable.
//!
//! ```text
//! Append -> commit: check reads, write, sync -> recent -> Verdict
//!                                                 |
//!                    applier: fold, one transaction -> archive -> checkpoint -> segments free
//! Read   -> reader:  recent, else archive -> Answer
//! ```
//! Large payloads go past all of it, into the spool: a file each, on disk before the record.
//!
//! A journal never acknowledges what is not on disk, never drops damage silently, and never runs
//! on after a failed write or sync. It knows nothing of HTTP, workers or the engine.

mod applier;
mod archive;
mod backlog;
mod check;
mod commit;
mod courtesy;
mod cursor;
mod disk;
mod error;
mod fold;
mod folder;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod journal;
mod log;
#[cfg(test)]
mod memory_disk;
mod open;
mod options;
mod prepare;
mod queue;
mod reader;
mod recent;
mod recovery;
mod replay;
mod retention;
mod salvage;
mod scan;
mod segment;
mod shared;
mod space;
mod spool;
mod stats;
#[cfg(feature = "steps")]
mod steps;
mod storage;
mod store;
mod survey;
mod verify;
mod write_back;
mod writer;

pub use archive::check_pages;
pub use backlog::Backlog;
pub use disk::{Disk, FileId};
pub use error::{OpenError, StoreError};
pub use health::{
    ArchiveHealth, Effect, Flaw, Health, LogHealth, Part, SegmentHealth, SpoolHealth,
};
pub use journal::{Deliver, Journal, Report};
pub use open::{Opened, open, open_on};
pub use options::{Options, SEGMENT_BYTES_MIN};
pub use retention::Retention;
pub use salvage::{Loss, accept_loss};
pub use shared::State;
pub use space::{DiskLimits, Space};
pub use stats::{SPAN_BUCKETS, Spans, Stats, Usage};
#[cfg(feature = "steps")]
pub use steps::Steps;
pub use storage::{ArchiveFiles, Beside, Storage};
pub use store::Store;
pub use verify::{Say, verify};
