//! A body under way: framing on one side, segments on the other. It never reads behind its end.

use super::chunked::Chunked;
use super::framing::Framing;
use super::limits::Limits;
use super::refusal::Refusal;
use super::segments::{Expected, Segments};
use crate::payload::Payload;

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

    /// Takes what belongs to the body from the start of `input`; returns how many bytes that was.
    pub(super) fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<usize, Refusal> {
        match &mut self.rest {
            Rest::Bytes(left) => {
                let now = &input[..at_most(input, *left)];
                self.segments.extend(now, Expected::Exactly(*left));
                *left -= now.len() as u64;
                Ok(now.len())
            }
            Rest::Chunks(chunked) => take_chunks(chunked, &mut self.segments, input, limits),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.rest {
            Rest::Bytes(left) => *left == 0,
            Rest::Chunks(chunked) => chunked.is_over(),
        }
    }

    /// The bytes still to come, if they are counted.
    pub(super) fn remaining(&self) -> Option<u64> {
        match &self.rest {
            Rest::Bytes(left) => Some(*left),
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

fn at_most(bytes: &[u8], most: u64) -> usize {
    usize::try_from(most).map_or(bytes.len(), |most| bytes.len().min(most))
}
