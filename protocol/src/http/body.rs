//! A body under way: framing on one side, segments on the other. Its bytes either come from where
//! somebody has read them, and are copied, or are read straight into its segments. It never takes
//! what is behind its end.

use super::chunked::Chunked;
use super::framing::Framing;
use super::limits::Limits;
use super::refusal::Refusal;
use crate::payload::Payload;
use crate::segments::{Expected, SegmentPool, Segments};

/// A body as far as it has come.
#[derive(Debug)]
pub(super) struct Body {
    rest: Rest,
    segments: Segments,
}

/// What is still to come.
#[derive(Debug)]
enum Rest {
    Bytes(u64),
    /// Nobody wants them.
    Unwanted(u64),
    Chunks(Chunked),
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        let rest = match framing {
            Framing::Length(length) => Rest::Bytes(length),
            Framing::Chunked => Rest::Chunks(Chunked::new()),
        };
        Self { rest, segments: Segments::default() }
    }

    /// From here on its bytes are passed over. One in chunks stays as it is: nobody knows how many
    /// bytes that would be.
    pub(super) fn pass_over(&mut self) {
        if let Rest::Bytes(left) = self.rest {
            *self = Self { rest: Rest::Unwanted(left), segments: Segments::default() };
        }
    }

    /// Takes what belongs to the body from the start of `input`; returns how many bytes that was.
    pub(super) fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<usize, Refusal> {
        match &mut self.rest {
            Rest::Bytes(left) => {
                let now = &input[..at_most(input, *left)];
                self.segments.extend(now, Expected::Exactly(*left));
                *left -= now.len() as u64;
                Ok(now.len())
            }
            Rest::Unwanted(left) => {
                let count = at_most(input, *left);
                *left -= count as u64;
                Ok(count)
            }
            Rest::Chunks(chunked) => take_chunks(chunked, &mut self.segments, input, limits),
        }
    }

    /// Room to read the next bytes into; `None` if the body is small and better copied from where
    /// it comes with its head.
    pub(super) fn spare(&mut self, pool: &SegmentPool) -> Option<&mut [u8]> {
        let direct_min = pool.sizes().direct_min_bytes;
        let (known, expected) = match &self.rest {
            Rest::Bytes(left) => (*left, Expected::Exactly(*left)),
            Rest::Unwanted(_) => return None,
            Rest::Chunks(chunked) => {
                (chunked.data_ahead(), Expected::AtLeast(chunked.data_ahead()))
            }
        };
        let is_large = self.segments.len().saturating_add(known) >= direct_min;
        (is_large && !self.is_over()).then(|| self.segments.spare(expected, pool))
    }

    /// Takes what belongs to the body from the first `count` bytes that were read into the room;
    /// the others are appended to `behind`.
    pub(super) fn filled(
        &mut self,
        count: usize,
        limits: &Limits,
        behind: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        match &mut self.rest {
            Rest::Bytes(left) => {
                *left -= count as u64;
                self.segments.take(count, 0);
            }
            Rest::Unwanted(_) => unreachable!("there is no room for it"),
            Rest::Chunks(chunked) => {
                let read = self.segments.read(count);
                let compacted = compact(chunked, read, limits)?;
                behind.extend_from_slice(&read[compacted.used..]);
                self.segments.take(compacted.kept, compacted.moved);
            }
        }
        Ok(())
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.segments.len()
    }

    /// How many bytes were copied or moved since they were read.
    pub(super) fn copied(&self) -> u64 {
        self.segments.copied()
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.rest {
            Rest::Bytes(left) | Rest::Unwanted(left) => *left == 0,
            Rest::Chunks(chunked) => chunked.is_over(),
        }
    }

    /// The bytes still to come, if they are counted.
    pub(super) fn remaining(&self) -> Option<u64> {
        match &self.rest {
            Rest::Bytes(left) | Rest::Unwanted(left) => Some(*left),
            Rest::Chunks(chunked) => chunked.is_over().then_some(0),
        }
    }

    pub(super) fn seal(self) -> Payload {
        self.segments.seal()
    }
}

fn take_chunks(
    chunked: &mut Chunked,
    segments: &mut Segments,
    input: &[u8],
    limits: &Limits,
) -> Result<usize, Refusal> {
    let mut rest = input;
    while !chunked.is_over()
        && let [first, behind @ ..] = rest
    {
        let ahead = chunked.data_ahead();
        if ahead == 0 {
            chunked.take(*first, limits)?;
            rest = behind;
        } else {
            let (data, behind) = rest.split_at(at_most(rest, ahead));
            segments.extend(data, Expected::AtLeast(ahead));
            chunked.pass_data(data.len() as u64);
            rest = behind;
        }
    }
    Ok(input.len() - rest.len())
}

/// What came of bytes that held data and framing.
struct Compacted {
    /// So many bytes belonged to the body.
    used: usize,
    /// So many of them are data, which stands in front now.
    kept: usize,
    /// So many bytes of data were moved for that.
    moved: u64,
}

/// Moves the data in `read` to its front, over the framing.
fn compact(chunked: &mut Chunked, read: &mut [u8], limits: &Limits) -> Result<Compacted, Refusal> {
    let (mut used, mut kept, mut moved) = (0, 0, 0);
    while !chunked.is_over() && used < read.len() {
        let ahead = chunked.data_ahead();
        if ahead == 0 {
            chunked.take(read[used], limits)?;
            used += 1;
            continue;
        }
        let count = at_most(&read[used..], ahead);
        if used > kept {
            read.copy_within(used..used + count, kept);
            moved += count as u64;
        }
        chunked.pass_data(count as u64);
        (used, kept) = (used + count, kept + count);
    }
    Ok(Compacted { used, kept, moved })
}

fn at_most(bytes: &[u8], most: u64) -> usize {
    usize::try_from(most).map_or(bytes.len(), |most| bytes.len().min(most))
}
