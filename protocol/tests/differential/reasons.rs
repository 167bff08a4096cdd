//! Why one parser may refuse what another takes. Sections are those of RFC 9112, unless they are
//! said to be of RFC 9110.

/// The details of our refusals, and what lets us refuse.
pub(crate) const WE_ARE_STRICTER: &[(&str, &str)] = &[
    ("A CR without an LF stands before the request.", "2.2: a bare CR is invalid"),
    ("A chunk has no size.", "7.1: chunk-size has a digit"),
    ("A chunk's extension is malformed.", "7.1.1: the grammar without its bad whitespace"),
    ("A chunk's extensions are too long.", "7.1.1: extensions should be limited"),
    ("A chunk's size has more than 16 digits.", "7.1: recipients must guard against overflow"),
    ("A chunk's size is not hexadecimal.", "7.1: chunk-size is 1*HEXDIG"),
    ("A field name is not a token followed by a colon.", "5.1: no whitespace, a token"),
    ("A field that may stand once stands twice.", "RFC 9110, 5.3: no list, so one line"),
    ("A field value holds a character it must not.", "RFC 9110, 5.5: field-vchar"),
    ("A field value that matters here is not ASCII.", "RFC 9110, 5.5: obs-text has no meaning"),
    (
        "A line of the chunked framing does not end with CRLF.",
        "7.1: CRLF, of which 2.2 lets none go",
    ),
    (
        "A line of the head starts with whitespace.",
        "5.2: obs-fold is refused; 2.2: as is a first line",
    ),
    ("A trailer field is malformed.", "7.1.2: trailers are fields"),
    ("Content-Length holds a list.", "6.3: a list may be refused"),
    ("Content-Length is not 1 to 19 digits.", "RFC 9110, 8.6: 1*DIGIT, without overflow"),
    ("HTTP/1.0 knows no Transfer-Encoding.", "6.1: framing is faulty, the connection is closed"),
    ("More than one empty line stands before a request.", "2.2: at least one is passed over"),
    ("Only HTTP/1.1 and HTTP/1.0 are spoken.", "RFC 9110, 15.6.6: 505"),
    ("The Host field and the target name different hosts.", "3.2.2: no client may send that"),
    ("The Host field is malformed.", "3.2: an invalid value is a 400"),
    ("The chunks are more than the server takes.", "RFC 9110, 15.5.14: 413"),
    ("Content-Length is more than the server takes.", "RFC 9110, 15.5.14: 413"),
    ("The extensions and trailers of the body are too long.", "7.1.1: they should be limited"),
    ("The head holds a CR without an LF behind it.", "2.2: a bare CR is invalid"),
    ("The head holds a control character.", "RFC 9110, 5.5: CR, LF and NUL are dangerous"),
    ("The head holds an LF without a CR before it.", "2.2: a bare LF may, not must, be taken"),
    ("The request has both Content-Length and Transfer-Encoding.", "6.1: it may be refused"),
    ("The request has no Host field.", "3.2: a 400"),
    ("The request has two Content-Length fields.", "6.3: they may be refused"),
    ("The request has two Expect fields.", "RFC 9110, 10.1.1: one expectation is known"),
    ("The only expectation that can be met is `100-continue`.", "RFC 9110, 10.1.1: a 417"),
    ("The request has two Host fields.", "3.2: a 400"),
    ("The request line does not end with an HTTP version.", "3: the grammar"),
    ("The request line is not a method, a target and a version.", "3: the grammar"),
    ("The request target holds a character it must not.", "3.2: the grammar"),
    ("The request target is neither a path nor http://…", "3.2: no CONNECT, no other scheme"),
    ("The target's authority is malformed.", "3.2.2: the grammar"),
    ("Transfer-Encoding does not end with one `chunked`.", "6.1: the end could not be known"),
    ("Transfer-Encoding is not a list of tokens.", "6.1: the grammar; no coding has parameters"),
    ("Transfer-Encoding may only be `chunked`.", "6.1: a 501"),
];

/// Where in a message it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before its head was whole.
    Head,
    /// Behind that.
    BehindHead,
}

/// Who, where, what its refusal says, and what lets us take that.
pub(crate) const THEY_ARE_STRICTER: &[(&str, Place, &str, &str)] = &[
    ("h11", Place::Head, "no request line received", EMPTY_LINE),
    ("llhttp", Place::Head, "Invalid method encountered", METHOD),
    ("llhttp", Place::Head, "Expected space after method", METHOD),
    ("h11", Place::BehindHead, "Only Transfer-Encoding: chunked is supported", TRAILER),
    ("h11", Place::BehindHead, "multiple Transfer-Encoding headers", TRAILER),
    ("h11", Place::BehindHead, "bad Content-Length", TRAILER),
    ("h11", Place::BehindHead, "conflicting Content-Length headers", TRAILER),
    ("llhttp", Place::BehindHead, "Invalid `Transfer-Encoding` header value", TRAILER),
    ("llhttp", Place::BehindHead, "Content-Length can't be present", TRAILER),
    ("llhttp", Place::BehindHead, "Transfer-Encoding can't be present", TRAILER),
    ("llhttp", Place::BehindHead, "Empty Transfer-Encoding", TRAILER),
    ("llhttp", Place::BehindHead, "Empty Content-Length", TRAILER),
    ("llhttp", Place::BehindHead, "Request has invalid `Transfer-Encoding`", TAB),
];

const EMPTY_LINE: &str = "2.2: an empty line before a request is passed over";
const METHOD: &str = "RFC 9110, 9.1: a method is any token";
const TAB: &str = "5.1: whitespace around a value is none of it, and a tab is whitespace";
const TRAILER: &str =
    "7.1.2: trailers may be discarded, and are; in them these fields frame nothing";
