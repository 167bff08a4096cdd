//! The preamble: the 20 bytes that every frame starts with. Their layout is the same in every
//! version, so that whoever cannot read a frame can still say so, and pass over it.

use super::VERSION;
use super::limits::HEADER_MAX_BYTES;
use crate::problem::{Code, Problem};

/// The first byte of every frame. HTTP methods are made of ASCII, a TLS handshake starts with
/// 0x16, and no text in UTF-8 holds this byte at all: one look at the first byte of a connection
/// tells the protocols apart, and whoever has lost count finds out at the next frame.
pub const MAGIC: u8 = 0xf5;

/// The length of a preamble.
pub const PREAMBLE_BYTES: usize = 20;

/// What the first 20 bytes of a frame say. Numbers are little-endian, as in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) id: u32,
    pub(super) header_len: u16,
    pub(super) payload_len: u64,
}

impl Preamble {
    pub(super) fn to_bytes(self) -> [u8; PREAMBLE_BYTES] {
        let [i0, i1, i2, i3] = self.id.to_le_bytes();
        let [h0, h1] = self.header_len.to_le_bytes();
        let [p0, p1, p2, p3, p4, p5, p6, p7] = self.payload_len.to_le_bytes();
        let (magic, version, kind) = (MAGIC, self.version, self.kind);
        [magic, version, kind, 0, i0, i1, i2, i3, h0, h1, 0, 0, p0, p1, p2, p3, p4, p5, p6, p7]
    }

    /// Reads a preamble and checks what is the same for every frame. A bound on the payload is
    /// the reader's to check.
    ///
    /// # Errors
    /// Nothing behind these bytes can be read: the frame's end is not known.
    pub(super) fn read(bytes: &[u8; PREAMBLE_BYTES]) -> Result<Self, Problem> {
        let [magic, version, kind, flags, i0, i1, i2, i3, h0, h1, r0, r1, payload_len @ ..] =
            *bytes;
        if magic != MAGIC {
            return Err(malformed("A frame starts with the byte 0xF5."));
        }
        if version > VERSION {
            let detail = "Frames of version 1 are understood here, and the version is agreed on \
                          in frames of version 0.";
            return Err(Problem::new(Code::VersionUnsupported, detail));
        }
        if flags != 0 || [r0, r1] != [0, 0] {
            return Err(malformed("The flags and the reserved bytes of a preamble are zero."));
        }
        let header_len = u16::from_le_bytes([h0, h1]);
        if usize::from(header_len) > HEADER_MAX_BYTES {
            let detail = "The header of a frame is at most 4,096 bytes long.";
            return Err(Problem::new(Code::HeadTooLarge, detail));
        }
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        Ok(Self { version, kind, id, header_len, payload_len: u64::from_le_bytes(payload_len) })
    }
}

pub(super) fn malformed(detail: &'static str) -> Problem {
    Problem::new(Code::MalformedFrame, detail)
}
