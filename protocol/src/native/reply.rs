//! What a server says. These structs are the format: a change to one of them is a new version,
//! but for [`Welcome`], [`HelloRefused`] and [`Goodbye`], which may only grow at their ends. It
//! never decides what is said.

use super::VERSION;
use super::limits::{HEADER_MAX_BYTES, IN_FLIGHT_MAX};
use super::message::{HeaderTooLarge, Message, Place, Rule, Sealed, append, exact, growing};
use crate::answer::{Account, Timing};
use crate::encoding::{Decode, Encode, by_number};
use crate::kind::Durability;
use crate::problem::Submitted;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The hello is taken.
    Welcome(Welcome),
    /// It is not.
    HelloRefused(HelloRefused),
    /// An answer that is no problem.
    Answered(Answered),
    /// A problem.
    Failed(Failed),
    /// The answer to a ping.
    Pong,
    /// No more frames are read.
    Goodbye(Goodbye),
}

impl Message for Reply {
    type Payload = Bytes;
}

impl Sealed for Reply {
    fn rule(kind: u8) -> Option<Rule> {
        match kind {
            0x81 => Some(Rule::connection(false, Place::First)),
            0x82 => Some(Rule::connection(true, Place::First)),
            0x83 | 0x84 => Some(Rule::request(true)),
            0x85 => Some(Rule::request(false)),
            0x86 => Some(Rule::connection(true, Place::Any)),
            _ => None,
        }
    }

    fn read(kind: u8, header: &[u8]) -> Option<Self> {
        match kind {
            0x81 => growing(header).map(Self::Welcome),
            0x82 => growing(header).map(Self::HelloRefused),
            0x83 => exact(header).map(Self::Answered),
            0x84 => exact(header).map(Self::Failed),
            0x85 => exact(header).map(|()| Self::Pong),
            0x86 => growing(header).map(Self::Goodbye),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Welcome(_) => 0x81,
            Self::HelloRefused(_) => 0x82,
            Self::Answered(_) => 0x83,
            Self::Failed(_) => 0x84,
            Self::Pong => 0x85,
            Self::Goodbye(_) => 0x86,
        }
    }

    fn write_header(&self, out: &mut Vec<u8>) -> Result<(), HeaderTooLarge> {
        match self {
            Self::Welcome(welcome) => append(welcome, out),
            Self::HelloRefused(refused) => append(refused, out),
            Self::Answered(answered) => append(answered, out),
            Self::Failed(failed) => append(failed, out),
            Self::Pong => Ok(()),
            Self::Goodbye(goodbye) => append(goodbye, out),
        }
    }

    fn seal(mut segments: Vec<Bytes>) -> Bytes {
        match segments.len() {
            0 | 1 => segments.pop().unwrap_or_default(),
            _ => segments.concat().into(),
        }
    }
}

/// The answer to a hello: the version that both speak from here on, and the server's limits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The version of every further frame but those of version 0.
    pub version: u8,
    /// The server's name and version, for people.
    pub server: Box<str>,
    /// The most requests that may be in flight.
    pub in_flight_max: u32,
    /// The longest header in bytes.
    pub header_max_bytes: u32,
    /// The longest payload in bytes.
    pub payload_max_bytes: u64,
    /// The wait of a submission that says nothing.
    pub wait_default_ms: u64,
    /// The longest wait; longer ones are cut to it.
    pub wait_max_ms: u64,
}

impl Welcome {
    /// The welcome of a server of this name, with the bounds that are the same for all.
    pub fn new(server: &str) -> Self {
        Self {
            version: VERSION,
            server: server.into(),
            in_flight_max: IN_FLIGHT_MAX as u32,
            header_max_bytes: HEADER_MAX_BYTES as u32,
            payload_max_bytes: 0,
            wait_default_ms: 0,
            wait_max_ms: 0,
        }
    }
}

/// No version that the client offered is spoken here. The payload is the problem, and the
/// connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HelloRefused {
    /// The oldest version that the server speaks.
    pub version_min: u8,
    /// The newest.
    pub version_max: u8,
}

/// An answer that is no problem; the payload is its body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Answered {
    /// 200, 202 or 304, as HTTP would say.
    pub status: u16,
    /// The payload's content type; `None` is `application/octet-stream`.
    pub content_type: Option<Arc<str>>,
    /// The id of the task that this is about, a ULID in ASCII. `Location` is implied.
    pub task: Option<[u8; 26]>,
    /// How safe the task is, and what it took.
    pub spent: Option<Spent>,
    /// When to ask again.
    pub retry_after_ms: Option<u64>,
    /// The document's tag.
    pub tag: Option<[u8; 18]>,
}

/// What every answer to a task tells: `Overtime-Durability`, `Server-Timing`, and what becomes of
/// its idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Spent {
    /// The level reached before the answer left.
    pub durability: Durability,
    /// From acceptance to the start of the handler.
    pub queue_us: u64,
    /// In the handler.
    pub exec_us: u64,
    /// From the end of the handler until the record was on disk.
    pub journal_us: u64,
    /// Whether this answers a repetition.
    pub replayed: bool,
    /// Until when the key is kept, in milliseconds since 1970, once that is known.
    pub key_expires_ms: Option<u64>,
}

impl From<Account> for Spent {
    fn from(account: Account) -> Self {
        let Timing { queue, exec, journal } = account.timing;
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self {
            durability: account.durability,
            queue_us: micros(queue),
            exec_us: micros(exec),
            journal_us: micros(journal),
            replayed: account.idempotency.replayed,
            key_expires_ms: account.idempotency.expires.map(|at| at.0),
        }
    }
}

/// A problem; the payload is its document. The header repeats what a client acts on, so that it
/// needs no JSON to decide what to do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Failed {
    /// As HTTP would say.
    pub status: u16,
    /// The problem's slug.
    pub code: Box<str>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Whether the work was accepted.
    pub submitted: Submitted,
    /// How long to wait before another try.
    pub retry_after_ms: Option<u64>,
    /// The id of the task that this is about, a ULID in ASCII.
    pub task: Option<[u8; 26]>,
    /// How safe the task is, and what it took, when the problem is how it ended.
    pub spent: Option<Spent>,
}

/// No frame is read any more; what is in flight is still answered, then the connection is closed.
/// The payload is the problem that is the reason.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Goodbye {
    /// The problem's slug: `draining`, or what was wrong with the last frame that was read.
    pub code: Box<str>,
}

by_number!(Durability);
by_number!(Submitted);
