//! The bounds on one request, in one place. It holds numbers and never acts on them.

/// Bounds on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head in bytes, request line and empty line included; more is a 431. Above
    /// 65,535 it counts as 65,535.
    pub head_max_bytes: usize,
    /// The most header fields; more is a 431. Above 128 it counts as 128.
    pub fields_max: usize,
    /// The longest request target in bytes; more is a 414.
    pub target_max_bytes: usize,
    /// The longest body in bytes, without its framing; more is a 413.
    pub body_max_bytes: u64,
}

impl Default for Limits {
    /// Heads of 16 KiB with 100 fields, targets of 8 KiB, bodies of 64 MiB.
    fn default() -> Self {
        Self {
            head_max_bytes: 16 * 1024,
            fields_max: 100,
            target_max_bytes: 8 * 1024,
            body_max_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A head keeps places in it as 16-bit numbers.
const HEAD_CEILING_BYTES: usize = u16::MAX as usize;

/// Room for this many fields is taken from the stack while a head is parsed.
pub(super) const FIELDS_CEILING: usize = 128;

/// What a request line holds beside its target: the longest method that is let through, two
/// spaces and the version.
const LINE_REST_BYTES: usize = 32;

impl Limits {
    pub(super) fn head_bytes(&self) -> usize {
        self.head_max_bytes.min(HEAD_CEILING_BYTES)
    }

    pub(super) fn fields(&self) -> usize {
        self.fields_max.min(FIELDS_CEILING)
    }

    pub(super) fn request_line_bytes(&self) -> usize {
        self.target_max_bytes.saturating_add(LINE_REST_BYTES).min(self.head_bytes())
    }
}
