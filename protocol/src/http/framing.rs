//! How long a body is (RFC 9112, section 6.3), decided so that no two readers can differ: where
//! the standard offers a repair, this refuses. It reads field values and never a body.

use super::head::Version;
use super::list;
use super::refusal::Refusal;
use super::token::is_token;
use crate::problem::Code;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By a count of bytes. A request that tells no length has none to tell: its body is empty,
    /// also for POST and PUT (RFC 9112, section 6.3, rule 7), as curl sends it without data.
    Length(u64),
    /// By the last chunk.
    Chunked,
}

/// The framing fields of one head, gathered line by line.
#[derive(Debug, Default)]
pub(super) struct FramingFields {
    length: Option<u64>,
    transfer_coded: bool,
    codings: Codings,
}

/// What was seen of `Transfer-Encoding`.
#[derive(Debug, Default)]
struct Codings {
    others: usize,
    chunked: usize,
    ends_chunked: bool,
}

impl FramingFields {
    /// Takes a `Content-Length` line.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(Refusal::ambiguous("The request has two Content-Length fields."));
        }
        if value.contains(&b',') {
            return Err(Refusal::ambiguous("Content-Length holds a list."));
        }
        if !(1..=19).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::malformed("Content-Length is not 1 to 19 digits."));
        }
        self.length =
            Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    /// Takes a `Transfer-Encoding` line.
    pub(super) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.transfer_coded = true;
        let text = str::from_utf8(value)
            .map_err(|_| Refusal::malformed("Transfer-Encoding is not a list of tokens."))?;
        for coding in list::parts(text, b',') {
            if !is_token(coding.as_bytes()) {
                return Err(Refusal::malformed("Transfer-Encoding is not a list of tokens."));
            }
            self.codings.ends_chunked = coding.eq_ignore_ascii_case("chunked");
            let count = match self.codings.ends_chunked {
                true => &mut self.codings.chunked,
                false => &mut self.codings.others,
            };
            *count += 1;
        }
        Ok(())
    }

    /// The framing that the gathered fields tell.
    pub(super) fn decide(self, version: Version) -> Result<Framing, Refusal> {
        if !self.transfer_coded {
            return Ok(Framing::Length(self.length.unwrap_or(0)));
        }
        if self.length.is_some() {
            return Err(Refusal::ambiguous(
                "The request has both Content-Length and Transfer-Encoding.",
            ));
        }
        if version == Version::Http10 {
            return Err(Refusal::ambiguous("HTTP/1.0 knows no Transfer-Encoding."));
        }
        match self.codings {
            Codings { others: 0, chunked: 1, .. } => Ok(Framing::Chunked),
            Codings { chunked: 1, ends_chunked: true, .. } => Err(Refusal::new(
                Code::TransferCodingUnknown,
                "Transfer-Encoding may only be `chunked`.",
            )),
            _ => Err(Refusal::ambiguous("Transfer-Encoding does not end with one `chunked`.")),
        }
    }
}
