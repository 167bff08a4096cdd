//! The head of a request: its method, its target, and the few fields that somebody asks for, as
//! places in one text. It never holds a field that nobody asks for, and never a body.

use super::field::{FIELD_COUNT, Field};
use super::framing::Framing;
use std::fmt;

mod read;

pub(super) use read::read;

/// The methods that a server may tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// A well-formed method that is not served. Methods are case-sensitive: `get` is one of them.
    Other,
}

/// The versions of HTTP that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// The head of a request, checked. One allocation.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    /// What is to be done.
    pub method: Method,
    /// How the client speaks.
    pub version: Version,
    /// The target and the kept values, one behind the other.
    text: String,
    path: Span,
    query: Span,
    fields: [Span; FIELD_COUNT],
    framing: Framing,
    persistence: Persistence,
    expectation: Expectation,
}

/// What the client wants of the connection behind this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistence {
    KeepAlive,
    Close,
}

/// What the client wants before it sends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expectation {
    None,
    Continue,
}

/// A place in the text of a head, whose ceiling of 64 KiB lets 16 bits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u16,
    end: u16,
}

impl Span {
    const ABSENT: Self = Self { start: u16::MAX, end: 0 };

    fn is_absent(self) -> bool {
        self == Self::ABSENT
    }
}

impl Head {
    /// The target's path as sent, percent signs and all; `*` for an OPTIONS about the server.
    pub fn path(&self) -> &str {
        // An absolute target may end behind its authority (RFC 9112, section 3.2.2).
        self.at(self.path).filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// What stands behind the first question mark of the target, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.at(self.query)
    }

    /// The value of a field, without the whitespace around it: ASCII without control characters
    /// other than tabs. The lines of a list are joined with `, `.
    pub fn field(&self, field: Field) -> Option<&str> {
        self.at(self.fields[field as usize])
    }

    /// Whether the client wants to go on using the connection.
    pub fn keep_alive(&self) -> bool {
        self.persistence == Persistence::KeepAlive
    }

    /// Whether the client waits for `100 Continue` before it sends a body. Never true when there
    /// is no body to send (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.expectation == Expectation::Continue && self.framing != Framing::Length(0)
    }

    /// The length of the body in bytes; 0 if there is none, `None` if it is chunked.
    pub fn declared_length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }

    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// Appends `part` to the text.
    fn keep(&mut self, part: &str) -> Span {
        let place = |at: usize| {
            u16::try_from(at).expect("what is kept of a head is no longer than it, 64 KiB at most")
        };
        let start = place(self.text.len());
        self.text.push_str(part);
        Span { start, end: place(self.text.len()) }
    }

    fn at(&self, span: Span) -> Option<&str> {
        (!span.is_absent()).then(|| &self.text[usize::from(span.start)..usize::from(span.end)])
    }
}

/// Shows where the request goes, never what it carries: there may be keys in it.
impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({:?} {} {:?} {:?})", self.method, self.path(), self.version, self.framing)
    }
}
