//! The archive: the long-term home of tasks and state, in SQLite. One connection writes (the
//! applier's), some read. It knows nothing of the log but its sequence numbers.

mod apply;
mod pages;
mod reader;
mod removal;
mod row;
mod schema;
mod settler;
mod still;
mod vfs;
mod wal;
mod witness;
mod writer;

pub(crate) use apply::{Applied, ROW_BYTES};
pub use pages::check_pages;
pub(crate) use reader::{Affected, Connections, LedgerPlace, damaged_incident};
pub(crate) use removal::Gone;
pub(crate) use row::{Archived, HolderRow, KeptPayload, LedgerEntry};
pub(crate) use schema::{damaged, make_writer};
pub(crate) use settler::Settler;
pub(crate) use still::{Kept, StillArchive, TaskRow};
pub(crate) use vfs::{explain, is_damage, over};
pub(crate) use wal::of as write_ahead_log;
pub(crate) use witness::check as check_write_ahead_log;
pub(crate) use writer::{Checkpoint, Effort, Writer};

#[cfg(test)]
mod tests;
