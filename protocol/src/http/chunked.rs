//! The framing of a chunked body (RFC 9112, section 7.1), one byte at a time, so that it does not
//! matter how the bytes were cut. It is strict where readers differ: no whitespace, no sign, no
//! `0x`, CRLF only. Extensions and trailers are checked and dropped. It never sees the data: it
//! says how many bytes of it follow.

use super::limits::Limits;
use super::refusal::Refusal;
use super::token::{is_field_byte, is_token_byte};
use crate::problem::Code;

/// The most hexadecimal digits of one chunk's size.
const SIZE_DIGITS_MAX: u8 = 16;

/// The longest extensions of one chunk.
const EXTENSION_MAX_BYTES: u16 = 256;

/// The most bytes of all extensions and trailers of one body.
const OVERHEAD_MAX_BYTES: u16 = 16 * 1024;

/// Where in the framing the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Size,
    ExtensionName,
    ExtensionNameRest,
    ExtensionValue,
    ExtensionToken,
    ExtensionQuoted,
    ExtensionEscaped,
    ExtensionQuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

/// The framing of one chunked body, as far as it has come.
#[derive(Debug)]
pub(super) struct Chunked {
    place: Place,
    digits: u8,
    /// Extension bytes of this chunk.
    extension: u16,
    /// Extension and trailer bytes of this body.
    overhead: u16,
    /// The size being read; then what is left of the chunk's data.
    chunk: u64,
    /// The sizes of all chunks up to this one.
    total: u64,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { place: Place::Size, digits: 0, extension: 0, overhead: 0, chunk: 0, total: 0 }
    }

    /// How many bytes of data come next, before any framing.
    pub(super) fn data_ahead(&self) -> u64 {
        if self.place == Place::Data { self.chunk } else { 0 }
    }

    /// Passes `count` bytes of data, at most as many as are ahead.
    pub(super) fn pass_data(&mut self, count: u64) {
        self.chunk -= count;
        if self.chunk == 0 {
            self.place = Place::DataCr;
        }
    }

    /// Whether the body has ended.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::End
    }

    /// Takes one byte of framing.
    pub(super) fn take(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        match self.place {
            Place::Size => self.take_size(byte, limits),
            Place::SizeLf => self.take_line_end(byte),
            Place::DataCr => self.expect(byte, b'\r', Place::DataLf),
            Place::DataLf => {
                // `chunk` is 0 again: its data has passed.
                (self.digits, self.extension) = (0, 0);
                self.expect(byte, b'\n', Place::Size)
            }
            Place::ExtensionName
            | Place::ExtensionNameRest
            | Place::ExtensionValue
            | Place::ExtensionToken
            | Place::ExtensionQuoted
            | Place::ExtensionEscaped
            | Place::ExtensionQuotedEnd => self.take_extension(byte, limits),
            Place::TrailerStart | Place::TrailerName | Place::TrailerValue => {
                self.take_trailer(byte)
            }
            Place::TrailerLf => self.expect(byte, b'\n', Place::TrailerStart),
            Place::EndLf => self.expect(byte, b'\n', Place::End),
            Place::Data | Place::End => Err(malformed("Framing was looked for where none is.")),
        }
    }

    fn expect(&mut self, byte: u8, wanted: u8, next: Place) -> Result<(), Refusal> {
        if byte != wanted {
            return Err(malformed("A line of the chunked framing does not end with CRLF."));
        }
        self.place = next;
        Ok(())
    }

    fn take_size(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        match char::from(byte).to_digit(16) {
            Some(_) if self.digits == SIZE_DIGITS_MAX => {
                return Err(malformed("A chunk's size has more than 16 digits."));
            }
            Some(digit) => {
                self.digits += 1;
                self.chunk = self.chunk << 4 | u64::from(digit);
            }
            None if self.digits == 0 => return Err(malformed("A chunk has no size.")),
            None if byte == b'\r' => self.end_size(limits)?,
            None if byte == b';' => {
                self.count_extension()?;
                self.place = Place::ExtensionName;
            }
            None => return Err(malformed("A chunk's size is not hexadecimal.")),
        }
        Ok(())
    }

    /// The sum is checked before a byte of the chunk is read.
    fn end_size(&mut self, limits: &Limits) -> Result<(), Refusal> {
        let total = self.total.checked_add(self.chunk);
        match total.filter(|&total| total <= limits.body_max_bytes) {
            Some(total) => self.total = total,
            None => {
                return Err(Refusal::new(
                    Code::PayloadTooLarge,
                    "The chunks are more than the server takes.",
                ));
            }
        }
        self.place = Place::SizeLf;
        Ok(())
    }

    fn take_line_end(&mut self, byte: u8) -> Result<(), Refusal> {
        let next = if self.chunk == 0 { Place::TrailerStart } else { Place::Data };
        self.expect(byte, b'\n', next)
    }

    fn take_extension(&mut self, byte: u8, limits: &Limits) -> Result<(), Refusal> {
        let next = after_extension_byte(self.place, byte)
            .ok_or(malformed("A chunk's extension is malformed."))?;
        if next == Place::SizeLf {
            return self.end_size(limits);
        }
        self.place = next;
        self.count_extension()
    }

    fn count_extension(&mut self) -> Result<(), Refusal> {
        self.extension += 1;
        if self.extension > EXTENSION_MAX_BYTES {
            return Err(malformed("A chunk's extensions are too long."));
        }
        self.count_overhead()
    }

    fn count_overhead(&mut self) -> Result<(), Refusal> {
        self.overhead += 1;
        if self.overhead > OVERHEAD_MAX_BYTES {
            return Err(malformed("The extensions and trailers of the body are too long."));
        }
        Ok(())
    }

    fn take_trailer(&mut self, byte: u8) -> Result<(), Refusal> {
        self.count_overhead()?;
        self.place = match (self.place, byte) {
            (Place::TrailerStart, b'\r') => Place::EndLf,
            (Place::TrailerName, b':') => Place::TrailerValue,
            (Place::TrailerStart | Place::TrailerName, byte) if is_token_byte(byte) => {
                Place::TrailerName
            }
            (Place::TrailerValue, b'\r') => Place::TrailerLf,
            (Place::TrailerValue, byte) if is_field_byte(byte) => Place::TrailerValue,
            _ => return Err(malformed("A trailer field is malformed.")),
        };
        Ok(())
    }
}

/// `;name[=value]`, where the value is a token or a quoted string. The whitespace that the
/// grammar calls bad is refused.
fn after_extension_byte(place: Place, byte: u8) -> Option<Place> {
    use Place::*;
    let next = match (place, byte) {
        (ExtensionName | ExtensionNameRest, byte) if is_token_byte(byte) => ExtensionNameRest,
        (ExtensionNameRest, b'=') => ExtensionValue,
        (ExtensionValue, b'"') => ExtensionQuoted,
        (ExtensionValue | ExtensionToken, byte) if is_token_byte(byte) => ExtensionToken,
        (ExtensionQuoted, b'"') => ExtensionQuotedEnd,
        (ExtensionQuoted, b'\\') => ExtensionEscaped,
        (ExtensionQuoted | ExtensionEscaped, byte) if is_field_byte(byte) => ExtensionQuoted,
        (ExtensionNameRest | ExtensionToken | ExtensionQuotedEnd, b';') => ExtensionName,
        (ExtensionNameRest | ExtensionToken | ExtensionQuotedEnd, b'\r') => SizeLf,
        _ => return None,
    };
    Some(next)
}

const fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(Code::MalformedChunk, detail)
}
