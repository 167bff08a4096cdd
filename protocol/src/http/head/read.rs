//! Reads a whole head whose raw bytes were scanned. httparse splits it once; this decides what the
//! parts mean. It never repairs anything.

use super::{Expectation, Head, Method, Persistence, Span, Version};
use crate::http::authority::is_authority;
use crate::http::field::{FIELD_COUNT, Field, Meaning};
use crate::http::framing::{Framing, FramingFields};
use crate::http::limits::{FIELDS_CEILING, Limits};
use crate::http::list;
use crate::http::refusal::Refusal;
use crate::http::target::Target;
use crate::problem::Code;
use httparse::{Header, Request, Status};
use std::mem::MaybeUninit;

/// Reads `bytes`, a head from its method to its empty line.
pub(in crate::http) fn read(bytes: &[u8], limits: &Limits) -> Result<Head, Refusal> {
    let version = version(bytes)?;
    let mut room = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_CEILING];
    let mut request = Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut room) {
        Ok(Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(Refusal::malformed("The head does not end where its lines end.")),
        Err(error) => return Err(split_refusal(error)),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(Refusal::malformed("The request line is not whole."));
    };
    if target.len() > limits.target_max_bytes {
        return Err(Refusal::new(Code::TargetTooLong, "The target is longer than is read."));
    }
    let mut draft = Draft::new(method_of(method), version, target)?;
    draft.take_all(request.headers)?;
    draft.finish(limits)
}

/// The version at the end of the request line. httparse tells only that it is not 1.0 or 1.1.
fn version(bytes: &[u8]) -> Result<Version, Refusal> {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    match line.rsplit(|&byte| byte == b' ').next().unwrap_or_default() {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Refusal::new(Code::VersionUnsupported, "Only HTTP/1.1 and HTTP/1.0 are spoken."))
        }
        _ => Err(Refusal::malformed("The request line does not end with an HTTP version.")),
    }
}

fn split_refusal(error: httparse::Error) -> Refusal {
    Refusal::malformed(match error {
        httparse::Error::HeaderName => "A field name is not a token followed by a colon.",
        httparse::Error::HeaderValue => "A field value holds a character it must not.",
        httparse::Error::TooManyHeaders => "The request has too many fields.",
        httparse::Error::NewLine => "A line of the head does not end with CRLF.",
        httparse::Error::Version | httparse::Error::Token | httparse::Error::Status => {
            "The request line is not a method, a target and a version."
        }
    })
}

fn method_of(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        _ => Method::Other,
    }
}

/// What a head's text usually takes, so that it is allocated once.
const TEXT_USUAL_BYTES: usize = 160;

/// A head of which not all fields were seen yet.
struct Draft<'a> {
    head: Head,
    framing: FramingFields,
    connection: ConnectionOptions,
    authority: Option<&'a str>,
    expect: Option<&'a [u8]>,
}

/// What was seen of `Connection`.
#[derive(Default)]
struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
}

impl<'a> Draft<'a> {
    fn new(method: Method, version: Version, target: &'a str) -> Result<Self, Refusal> {
        let parts = Target::of(target, method)?;
        let mut head = Head {
            method,
            version,
            text: String::with_capacity(TEXT_USUAL_BYTES.max(target.len())),
            path: Span::ABSENT,
            query: Span::ABSENT,
            fields: [Span::ABSENT; FIELD_COUNT],
            framing: Framing::Length(0),
            persistence: Persistence::Close,
            expectation: Expectation::None,
        };
        head.path = head.keep(&target[parts.path]);
        if let Some(query) = parts.query {
            head.query = head.keep(&target[query]);
        }
        Ok(Self {
            head,
            framing: FramingFields::default(),
            connection: ConnectionOptions::default(),
            authority: parts.authority.map(|range| &target[range]),
            expect: None,
        })
    }

    fn take_all(&mut self, lines: &[Header<'a>]) -> Result<(), Refusal> {
        for (at, line) in lines.iter().enumerate() {
            let value = line.value.trim_ascii();
            match Meaning::of(line.name) {
                Meaning::Kept(field) if field.is_list() => self.take_list(field, &lines[at..])?,
                Meaning::Kept(field) => self.take_single(field, value)?,
                Meaning::ContentLength => self.framing.content_length(value)?,
                Meaning::TransferEncoding => self.framing.transfer_encoding(value)?,
                Meaning::Connection => self.take_connection(value)?,
                Meaning::Expect => self.take_expect(value)?,
                Meaning::Nothing => {}
            }
        }
        Ok(())
    }

    fn take_single(&mut self, field: Field, value: &[u8]) -> Result<(), Refusal> {
        let place = field as usize;
        if !self.head.fields[place].is_absent() {
            return Err(match field {
                Field::Host => {
                    Refusal::new(Code::MalformedHost, "The request has two Host fields.")
                }
                _ => Refusal::malformed("A field that may stand once stands twice."),
            });
        }
        self.head.fields[place] = self.head.keep(ascii(value)?);
        Ok(())
    }

    /// Joins all lines of a list at its first one, with which `lines` starts.
    fn take_list(&mut self, field: Field, lines: &[Header<'a>]) -> Result<(), Refusal> {
        let place = field as usize;
        let ([first, others @ ..], true) = (lines, self.head.fields[place].is_absent()) else {
            return Ok(());
        };
        let mut span = self.head.keep(ascii(first.value.trim_ascii())?);
        for other in others.iter().filter(|line| line.name.eq_ignore_ascii_case(first.name)) {
            self.head.keep(", ");
            span.end = self.head.keep(ascii(other.value.trim_ascii())?).end;
        }
        self.head.fields[place] = span;
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for option in list::elements(ascii(value)?) {
            self.connection.close |= option.eq_ignore_ascii_case("close");
            self.connection.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
        }
        Ok(())
    }

    fn take_expect(&mut self, value: &'a [u8]) -> Result<(), Refusal> {
        match (self.expect.replace(value), self.head.version) {
            (Some(_), Version::Http11) => {
                Err(Refusal::malformed("The request has two Expect fields."))
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self, limits: &Limits) -> Result<Head, Refusal> {
        self.check_host()?;
        self.head.framing = self.framing.decide(self.head.version)?;
        if self.head.declared_length().is_some_and(|length| length > limits.body_max_bytes) {
            let detail = "Content-Length is more than the server takes.";
            return Err(Refusal::new(Code::PayloadTooLarge, detail));
        }
        self.head.expectation = expectation(self.expect, self.head.version)?;
        self.head.persistence = self.connection.persistence(self.head.version);
        Ok(self.head)
    }

    /// RFC 9112, section 3.2: exactly one, and the same host as the target names, if it does. An
    /// empty one is refused too: no `http` address has an empty host.
    fn check_host(&self) -> Result<(), Refusal> {
        let malformed = |detail| Err(Refusal::new(Code::MalformedHost, detail));
        match (self.head.field(Field::Host), self.authority) {
            (None, _) if self.head.version == Version::Http10 => Ok(()),
            (None, _) => malformed("The request has no Host field."),
            (Some(host), _) if !is_authority(host) => malformed("The Host field is malformed."),
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
                malformed("The Host field and the target name different hosts.")
            }
            (Some(_), _) => Ok(()),
        }
    }
}

impl ConnectionOptions {
    /// `close` wins over `keep-alive`, and HTTP/1.0 closes unless asked not to (RFC 9112, section
    /// 9.3).
    fn persistence(&self, version: Version) -> Persistence {
        if !self.close && (version == Version::Http11 || self.keep_alive) {
            Persistence::KeepAlive
        } else {
            Persistence::Close
        }
    }
}

/// HTTP/1.0 clients expect nothing, whatever they say (RFC 9110, section 10.1.1).
fn expectation(value: Option<&[u8]>, version: Version) -> Result<Expectation, Refusal> {
    match value {
        Some(value) if version == Version::Http11 => {
            if value.eq_ignore_ascii_case(b"100-continue") {
                return Ok(Expectation::Continue);
            }
            let detail = "The only expectation that can be met is `100-continue`.";
            Err(Refusal::new(Code::ExpectationFailed, detail))
        }
        _ => Ok(Expectation::None),
    }
}

/// The raw scan has already refused control characters.
fn ascii(value: &[u8]) -> Result<&str, Refusal> {
    let text = str::from_utf8(value).ok().filter(|text| text.is_ascii());
    text.ok_or(Refusal::malformed("A field value that matters here is not ASCII."))
}
