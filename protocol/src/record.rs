//! Records: what the journal keeps of a task, and how that looks as bytes.
//!
//! ```text
//! | version: u8 | head, in bincode | payload bytes | product bytes | put values … |
//! ```
//! The head says how long each of the raw parts behind it is, so a reader that knows where a
//! record lies can fetch one value without decoding the rest.

use crate::fault::Fault;
use crate::id::TaskId;
use crate::idempotency::Claim;
use crate::job::{Form, Product};
use crate::kind::KindName;
use crate::lane::Lane;
use crate::payload::{Opener, Payload};
use crate::task::{Document, Progress};
use crate::time::UnixMillis;
use bytes::Bytes;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

mod wire;

/// The version that [`encode`] writes; [`decode`] reads it and every earlier one.
pub const VERSION: u8 = 1;

/// The longest head that is decoded, in bytes: the bound on what a damaged record can allocate.
const HEAD_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A head of up to so many bytes can be decoded: no byte of it stands for more than 20 of memory.
const HEAD_SURE_BYTES: usize = 512 * 1024;

/// The longest cursor, in bytes.
pub const CURSOR_MAX_BYTES: usize = 4096;

/// One journal entry: all of it is applied, or none.
#[derive(Clone, Debug)]
pub struct Record {
    /// The task.
    pub task: TaskId,
    /// The attempt that this is about; 0 before the first.
    pub attempt: u32,
    /// The run of it: an attempt runs again, as the same attempt, after a conflict. Not stored: it
    /// means nothing in another process.
    pub run: u32,
    /// When it was made.
    pub at: UnixMillis,
    /// The idempotency key that the task holds from now on. It stands in the record that accepts
    /// the task, or in the one that ends it if that needs no acceptance.
    pub claim: Option<Claim>,
    /// The acceptance, if this record is what accepts the task.
    pub acceptance: Option<Acceptance>,
    /// What changed.
    pub change: Option<Change>,
    /// State written together with it.
    pub puts: Vec<Put>,
    /// Keys that were only read. Checked before the append, not stored.
    pub expects: Vec<Expect>,
}

impl Record {
    /// A record about `task` that says nothing yet.
    pub fn new(task: TaskId, at: UnixMillis) -> Self {
        Self {
            task,
            attempt: 0,
            run: 0,
            at,
            claim: None,
            acceptance: None,
            change: None,
            puts: Vec::new(),
            expects: Vec::new(),
        }
    }
}

/// That a task was accepted, with all that is needed to run it again.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The name of its kind.
    pub kind: KindName,
    /// Its lane.
    pub lane: Lane,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// When it was accepted.
    pub created_at: UnixMillis,
    /// Not to be started before this.
    pub due_at: Option<UnixMillis>,
    /// RFC 9218 urgency.
    pub urgency: u8,
    /// The payload's content type.
    pub content_type: Option<Arc<str>>,
    /// The caller's trace context.
    pub traceparent: Option<Arc<str>>,
    /// What the payload's bytes are.
    pub form: Form,
    /// Its payload. A spooled one is referred to, any other is part of the record.
    pub payload: Payload,
}

/// What changed for a task.
#[derive(Clone, Debug)]
pub enum Change {
    /// An attempt started and has outlived the linger, or must be known before it runs.
    Started(StartMark),
    /// An attempt ended ephemerally; another is due.
    Retrying {
        /// When.
        next_at: UnixMillis,
        /// Why.
        fault: Fault,
    },
    /// A chunk of the task's work is done; what it wrote is in this record.
    Advanced(Advance),
    /// The task rests. The document is whole, so that it can be shown from this record alone.
    Parked(Box<Document>),
    /// The task ended. The document is whole, and the product is there if it succeeded.
    Finished(Box<Document>, Option<Product>),
    /// A person had a parked task run again: its attempts and crashes count anew from here.
    Resumed,
    /// A caller asked for the end of an attempt that was running: if no later record says how it
    /// ended, it does not run again.
    CancelAsked,
}

/// That an attempt is running: if no later record says how it ended, a crash ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartMark {
    /// When it started.
    pub at: UnixMillis,
    /// Whether it ran alone among the suspects, so that a crash is its own.
    pub isolated: bool,
    /// How many crashes are on its account already.
    pub crashes: u8,
}

/// How far a task has come, chunk by chunk: an attempt after this one goes on from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Where the chunk ended, in the words of whoever works on the task: at most
    /// [`CURSOR_MAX_BYTES`].
    pub cursor: Bytes,
    /// How far that is.
    pub progress: Progress,
}

/// One key written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The key; its prefix up to the first `/` names the space, as in `contacts/a@example.com`.
    pub key: Bytes,
    /// The value; `None` deletes.
    pub value: Option<Bytes>,
    /// What the writer had read there.
    pub read: ReadMark,
}

/// One key only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The key.
    pub key: Bytes,
    /// What the reader had read there.
    pub read: ReadMark,
}

/// What a handler saw when it read a key. A record is appended only if that is still so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMark {
    /// The value written at `lsn` (0: there was none), in a journal applied up to `watermark`.
    At {
        /// The log sequence number of the write that was read.
        lsn: u64,
        /// What the archive had applied when it was read.
        watermark: u64,
    },
    /// The value that an earlier job of the same chain was about to write.
    After {
        /// That job's task.
        task: TaskId,
        /// That job's run: if it conflicts and runs again, it may write something else.
        run: u32,
    },
    /// It was not read: whatever is there, nothing conflicts with what is written now.
    Unread,
}

/// Where the raw parts of an encoded record lie, in bytes from its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The payload.
    pub payload: Range<usize>,
    /// The product's bytes.
    pub product: Range<usize>,
    /// Where the first put value starts; the others follow without a gap.
    pub values_start: usize,
}

impl Layout {
    /// Each put with the place of its value; a deletion has none.
    pub fn values<'a>(
        &self,
        puts: &'a [Put],
    ) -> impl Iterator<Item = (&'a Put, Option<Range<usize>>)> + use<'a> {
        let mut at = self.values_start;
        puts.iter().map(move |put| {
            let place = put.value.as_ref().map(|value| at..at + value.len());
            at += put.value.as_ref().map_or(0, Bytes::len);
            (put, place)
        })
    }
}

/// Why a record could not be encoded.
#[derive(Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The payload is stored already, so its bytes are not at hand: an error of the program.
    PayloadNotInMemory,
    /// The head could not be decoded again: it has too many keys, or too long ones.
    HeadTooLarge,
    /// The cursor is longer than [`CURSOR_MAX_BYTES`].
    CursorTooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PayloadNotInMemory => "the payload's bytes are not in memory",
            Self::HeadTooLarge => "the record's head is too large",
            Self::CursorTooLong => "the cursor is too long",
        })
    }
}

impl std::error::Error for EncodeError {}

/// Why bytes are not a record.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They were written by a later version of overtime.
    NewerVersion(u8),
    /// They are damaged, or were never a record.
    Malformed(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerVersion(version) => {
                write!(f, "the record has version {version}; this program reads up to {VERSION}")
            }
            Self::Malformed(what) => write!(f, "the record is malformed: {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Appends the record's bytes to `out`.
pub fn encode(record: &Record, opener: &Opener, out: &mut Vec<u8>) -> Result<Layout, EncodeError> {
    let start = out.len();
    let payload: &[Bytes] = match record.acceptance.as_ref().map(|acceptance| &acceptance.payload) {
        None => &[],
        Some(payload) if payload.is_spooled() => &[],
        Some(payload) => opener.open(payload).ok_or(EncodeError::PayloadNotInMemory)?,
    };
    if let Some(Change::Advanced(Advance { cursor, .. })) = &record.change
        && cursor.len() > CURSOR_MAX_BYTES
    {
        return Err(EncodeError::CursorTooLong);
    }
    out.push(VERSION);
    wire::write_head(record, out)?;
    let head_start = start + 1;
    if out.len() - head_start > HEAD_SURE_BYTES && wire::read_head(&out[head_start..]).is_err() {
        return Err(EncodeError::HeadTooLarge);
    }
    let payload_start = out.len() - start;
    payload.iter().for_each(|segment| out.extend_from_slice(segment));
    let product_start = out.len() - start;
    if let Some(Change::Finished(_, Some(product))) = &record.change {
        out.extend_from_slice(&product.body);
    }
    let values_start = out.len() - start;
    record.puts.iter().flat_map(|put| &put.value).for_each(|value| out.extend_from_slice(value));
    Ok(Layout {
        payload: payload_start..product_start,
        product: product_start..values_start,
        values_start,
    })
}

/// Reads one record, which must fill `bytes` exactly. Its raw parts share the memory of `bytes`.
pub fn decode(bytes: &Bytes) -> Result<(Record, Layout), DecodeError> {
    match bytes.first() {
        None => return Err(DecodeError::Malformed("it is empty")),
        Some(&version) if version > VERSION => return Err(DecodeError::NewerVersion(version)),
        Some(0) => return Err(DecodeError::Malformed("there is no version 0")),
        Some(_) => {}
    }
    let (head, head_len) = wire::read_head(&bytes[1..])?;
    head.into_record(bytes, 1 + head_len)
}

#[cfg(test)]
mod tests;
