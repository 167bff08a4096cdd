//! Where the bytes are cut into pieces: the first four bytes of an input say so, and the others are
//! the bytes. So a fuzzer can put a cut where it wants one.

/// The lengths of pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    first: usize,
    second: usize,
    others: usize,
}

impl Cuts {
    /// Takes the cuts from the front of an input; `None` if it is too short to have any.
    pub(crate) fn take(data: &[u8]) -> Option<(Self, &[u8])> {
        let ([low, high, second, others], bytes) = data.split_first_chunk()?;
        let first = usize::from(u16::from_le_bytes([*low, *high]));
        Some((Self { first, second: (*second).into(), others: 1 + usize::from(*others) }, bytes))
    }

    /// The pieces, of which the first two may be empty.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<&[u8]> {
        let (first, bytes) = bytes.split_at(self.first.min(bytes.len()));
        let (second, bytes) = bytes.split_at(self.second.min(bytes.len()));
        [first, second].into_iter().chain(bytes.chunks(self.others)).collect()
    }
}
