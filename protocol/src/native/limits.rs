//! The bounds of the native protocol, in one place. It holds numbers and never acts on them.

/// The longest header.
pub const HEADER_MAX_BYTES: usize = 4 * 1024;

/// The most requests of one connection that may be in flight.
pub const IN_FLIGHT_MAX: usize = 1024;

/// The payload of a refused frame is passed over, and the connection goes on, up to this length.
pub const DISCARD_MAX_BYTES: u64 = 64 * 1024;

/// The bounds that an operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload in bytes; more is a 413.
    pub payload_max_bytes: u64,
}

impl Default for Limits {
    /// Payloads of 64 MiB.
    fn default() -> Self {
        Self { payload_max_bytes: 64 * 1024 * 1024 }
    }
}
