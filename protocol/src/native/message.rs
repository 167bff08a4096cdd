//! What a message is: what a client or a server says in one frame, and how it becomes bytes. It
//! knows none of them by name, and nothing of how their bytes arrive.

use super::VERSION;
use super::limits::HEADER_MAX_BYTES;
use super::preamble::{PREAMBLE_BYTES, Preamble};
use crate::encoding::{self, Decode, Encode};
use bytes::Bytes;
use std::fmt;

/// Where a frame may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the first of its side.
    First,
    /// It is not.
    Later,
    /// Anywhere.
    Any,
}

/// What holds for all frames of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// 0 for frames that are about the connection: their id is 0 too, and their layout may only
    /// grow at its end.
    pub(super) version: u8,
    pub(super) has_payload: bool,
    pub(super) place: Place,
}

/// The messages of one side.
pub trait Message: Sized + Sealed {
    /// What becomes of a payload.
    type Payload;
}

/// The part of a message that is nobody else's to implement or to call.
pub trait Sealed: Sized {
    /// What holds for frames of this type; `None` if this side has no such type.
    fn rule(kind: u8) -> Option<Rule>;
    /// Reads a header.
    fn read(kind: u8, header: &[u8]) -> Option<Self>;
    /// The number of its type.
    fn kind(&self) -> u8;
    /// Appends its header.
    fn write_header(&self, out: &mut Vec<u8>) -> Result<(), HeaderTooLarge>;
    /// Makes a payload of its segments.
    fn seal(segments: Vec<Bytes>) -> <Self as Message>::Payload
    where
        Self: Message;
}

/// The message's header would be longer than 4,096 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderTooLarge;

impl fmt::Display for HeaderTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message's header is longer than 4,096 bytes")
    }
}

impl std::error::Error for HeaderTooLarge {}

/// Appends a frame up to its payload, whose `payload_len` bytes are to follow.
///
/// # Errors
/// If the header is too large; then nothing is appended.
pub fn write<M: Message>(
    id: u32,
    message: &M,
    payload_len: u64,
    out: &mut Vec<u8>,
) -> Result<(), HeaderTooLarge> {
    let start = out.len();
    out.extend_from_slice(&[0; PREAMBLE_BYTES]);
    let written = message.write_header(out);
    let header_len = out.len() - start - PREAMBLE_BYTES;
    if written.is_err() || header_len > HEADER_MAX_BYTES {
        out.truncate(start);
        return Err(HeaderTooLarge);
    }
    let kind = message.kind();
    let version = M::rule(kind).map_or(VERSION, |rule| rule.version);
    // It is no more than 4,096.
    let header_len = header_len as u16;
    let preamble = Preamble { version, kind, id, header_len, payload_len };
    out[start..start + PREAMBLE_BYTES].copy_from_slice(&preamble.to_bytes());
    Ok(())
}

impl Rule {
    /// Of a frame about the connection.
    pub(super) const fn connection(has_payload: bool, place: Place) -> Self {
        Self { version: 0, has_payload, place }
    }

    /// Of a frame about one request.
    pub(super) const fn request(has_payload: bool) -> Self {
        Self { version: VERSION, has_payload, place: Place::Later }
    }
}

/// Decoding counts each number at its widest, so a header that is as long as it may be, with
/// fewer than 32 numbers, counts for this much.
const DECODED_MAX_BYTES: usize = HEADER_MAX_BYTES + 32 * 8;

/// Appends a header.
pub(super) fn append(header: impl Encode, out: &mut Vec<u8>) -> Result<(), HeaderTooLarge> {
    encoding::append::<DECODED_MAX_BYTES>(header, out).map_err(|_| HeaderTooLarge)
}

/// Reads a header that says what this version says and nothing else.
pub(super) fn exact<T: Decode<()>>(header: &[u8]) -> Option<T> {
    let (value, len) = encoding::read::<DECODED_MAX_BYTES, T>(header)?;
    (len == header.len()).then_some(value)
}

/// Reads a header behind which a later version may say more.
pub(super) fn growing<T: Decode<()>>(header: &[u8]) -> Option<T> {
    first(header).map(|(value, _)| value)
}

/// Reads what a header begins with, and how long that is.
pub(super) fn first<T: Decode<()>>(header: &[u8]) -> Option<(T, usize)> {
    encoding::read::<DECODED_MAX_BYTES, T>(header)
}
