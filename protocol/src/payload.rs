//! The sealed payload. Whoever holds a [`Payload`] may pass it on, measure it and drop it; to see
//! a byte of it takes the [`Opener`], which a process mints once and hands to worker and journal
//! threads only. So the thread that frames requests cannot parse what it frames.
//!
//! Without the token there is no way in:
//! ```compile_fail,E0599
//! let payload = overtime_protocol::Payload::seal(vec!["{}".into()]);
//! payload.segments(); // no such method: only an `Opener` shows segments
//! ```
//! ```compile_fail,E0616
//! let payload = overtime_protocol::Payload::seal(vec!["{}".into()]);
//! let _ = payload.content; // private
//! ```
//! ```compile_fail,E0423
//! let payload = overtime_protocol::Payload::seal(vec!["{}".into()]);
//! let forged = overtime_protocol::Opener(()); // no public constructor
//! let _ = forged.open(&payload);
//! ```
//! With it, the same lines compile:
//! ```
//! let payload = overtime_protocol::Payload::seal(vec!["{}".into()]);
//! let opener = overtime_protocol::Opener::mint().expect("minted once a process");
//! assert_eq!(opener.open(&payload).unwrap()[0], "{}");
//! assert!(overtime_protocol::Opener::mint().is_none());
//! ```

use bytes::Bytes;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// A request's body, opaque without the [`Opener`].
#[derive(Clone)]
pub struct Payload {
    content: Content,
}

#[derive(Clone)]
enum Content {
    Segments { segments: Vec<Bytes>, len: u64 },
    Stored { len: u64 },
    Spooled { len: u64 },
}

impl Payload {
    /// Seals the segments of a body. Sealing takes no token: only opening does.
    pub fn seal(segments: Vec<Bytes>) -> Self {
        let len = segments.iter().map(|segment| segment.len() as u64).sum();
        Self { content: Content::Segments { segments, len } }
    }

    /// A payload of `len` bytes whose bytes are in the journal, under its task's id.
    pub fn stored(len: u64) -> Self {
        Self { content: Content::Stored { len } }
    }

    /// A payload of `len` bytes that the journal keeps in a file of its own, under its task's id.
    pub fn spooled(len: u64) -> Self {
        Self { content: Content::Spooled { len } }
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self.content {
            Content::Segments { len, .. } | Content::Stored { len } | Content::Spooled { len } => {
                len
            }
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its bytes are in the journal and not in memory.
    pub fn is_stored(&self) -> bool {
        matches!(self.content, Content::Stored { .. } | Content::Spooled { .. })
    }

    /// Whether its bytes are in a file of their own, and so in no record.
    pub fn is_spooled(&self) -> bool {
        matches!(self.content, Content::Spooled { .. })
    }
}

/// Shows the length, never the content.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.content {
            Content::Segments { .. } => "in memory",
            Content::Stored { .. } => "stored",
            Content::Spooled { .. } => "spooled",
        };
        write!(f, "Payload({} bytes, {place})", self.len())
    }
}

/// The token that opens payloads.
#[derive(Clone, Debug)]
pub struct Opener(());

static MINTED: AtomicBool = AtomicBool::new(false);

impl Opener {
    /// The process's one opener; `None` for everybody after the first.
    pub fn mint() -> Option<Self> {
        (!MINTED.swap(true, Ordering::SeqCst)).then_some(Self(()))
    }

    /// The payload's segments, in order; `None` if its bytes are in the journal.
    pub fn open<'a>(&self, payload: &'a Payload) -> Option<&'a [Bytes]> {
        match &payload.content {
            Content::Segments { segments, .. } => Some(segments),
            Content::Stored { .. } | Content::Spooled { .. } => None,
        }
    }
}
