//! Messages by hand: good ones, and the tricks by which requests are smuggled past those who see
//! the end of a message somewhere else.

use Rfc::{Open, Refuse, Take};

/// What the standard says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rfc {
    /// It is a message, or several.
    Take,
    /// It must not be taken.
    Refuse,
    /// Both are allowed.
    Open,
}

/// A message that is longer than its line.
macro_rules! post {
    ($fields:literal, $body:literal) => {
        concat!("POST /t HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n\r\n", $body)
    };
}

/// A chunked one.
macro_rules! chunks {
    ($body:literal) => {
        post!("Transfer-Encoding: chunked", $body)
    };
}

/// A GET with one more field.
macro_rules! get {
    ($fields:literal) => {
        concat!("GET /t HTTP/1.1\r\nHost: a\r\n", $fields, "\r\n\r\n")
    };
}

/// What the standard says, and the bytes, each character one.
pub(crate) const BY_HAND: &[(Rfc, &str)] = &[
    // Good ones.
    (Take, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, "GET /a/b?c=d&e HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nAccept: text/html\r\n\r\n"),
    (Take, "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, "GET HTTP://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, "HEAD / HTTP/1.1\r\nhOsT:a\r\nX-Y:\t z \t\r\nEmpty:\r\n\r\n"),
    (Take, "GET / HTTP/1.0\r\n\r\n"),
    (Take, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"),
    (Take, "DELETE /t HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"),
    (Take, "PUT /t HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    (Take, "PROPFIND /t HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, "BREW /t HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Take, post!("Content-Length: 5", "hello")),
    (Take, post!("Content-Length: 0005", "hello")),
    (Take, post!("CONTENT-LENGTH:5", "helloGET / HTTP/1.1\r\nHost: b\r\n\r\n")),
    (Take, post!("Content-Length: 28", "GET / HTTP/1.1\r\nHost: b\r\n\r\nXY")),
    (Take, post!("Connection: close\r\nContent-Length: 1", "xGET / HTTP/1.1\r\nHost: b\r\n\r\n")),
    (Take, post!("Expect: 100-continue\r\nContent-Length: 1", "x")),
    (Take, post!("Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1", "x")),
    (Take, chunks!("5\r\nhello\r\n0\r\n\r\n")),
    (Take, chunks!("1\r\nh\r\n4;a;b=c;d=\"e\\\"f;\"\r\nello\r\n000\r\nX: y\r\nZ:\r\n\r\n")),
    (Take, chunks!("00000a\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n")),
    (Take, chunks!("A\r\n0123456789\r\n0\r\n\r\n")),
    (Take, post!("transfer-encoding:\tCHUNKED ", "0\r\n\r\n")),
    (Take, post!("Transfer-Encoding: chunked\t", "0\r\n\r\n")),
    (Take, chunks!("0\r\nTransfer-Encoding:\r\nContent-Length:\r\n\r\n")),
    (Take, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        Take,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHo",
    ),
    // Two lengths.
    (Refuse, post!("Content-Length: 5\r\nContent-Length: 6", "hello")),
    (Open, post!("Content-Length: 5\r\nContent-Length: 5", "hello")),
    (Open, post!("Content-Length: 5, 5", "hello")),
    (Refuse, post!("Content-Length: 5, 6", "hello")),
    (Refuse, post!("Content-Length: 5,", "hello")),
    (Refuse, post!("Content-Length: 5\r\ncontent-length: 0", "hello")),
    // A length and chunks.
    (Open, post!("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: chunked\r\nContent-Length: 0", "5\r\nhello\r\n0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: identity\r\nContent-Length: 5", "hello")),
    (Open, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (Open, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    // Lengths that are no numbers.
    (Refuse, post!("Content-Length: +5", "hello")),
    (Refuse, post!("Content-Length: -5", "hello")),
    (Refuse, post!("Content-Length: 0x5", "hello")),
    (Refuse, post!("Content-Length: 5 5", "hello")),
    (Refuse, post!("Content-Length: 5_0", "hello")),
    (Refuse, post!("Content-Length: 5.0", "hello")),
    (Refuse, post!("Content-Length: \"5\"", "hello")),
    (Refuse, post!("Content-Length:", "hello")),
    (Refuse, post!("Content-Length: five", "hello")),
    (Refuse, post!("Content-Length: \u{b2}", "hello")),
    (Open, post!("Content-Length: 18446744073709551615", "hello")),
    (Refuse, post!("Content-Length: 18446744073709551621", "hello")),
    (Refuse, post!("Content-Length: 99999999999999999999999999999999999999999", "hello")),
    // Names of fields.
    (Refuse, post!("Content-Length : 5", "hello")),
    (Refuse, post!("Content-Length\t: 5", "hello")),
    (Refuse, post!(" Content-Length: 5", "hello")),
    (Refuse, post!("X: y\r\n Content-Length: 5", "hello")),
    (Refuse, post!("X: y\r\n\tz", "")),
    (Refuse, post!("Content-Length\0: 5", "hello")),
    (Refuse, post!("Content Length: 5", "hello")),
    (Refuse, post!("Content-Length", "hello")),
    (Refuse, post!(": 5", "hello")),
    (Refuse, get!("X\u{e9}: y")),
    (Refuse, get!("X(y): z")),
    (Refuse, get!("\"X\": z")),
    (Take, get!("X!#$%&'*+-.^_`|~9: y")),
    (Refuse, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\n\r\nHost: a\r\n\r\n"),
    // Values of fields.
    (Refuse, get!("X: a\0b")),
    (Refuse, get!("X: a\rb")),
    (Refuse, get!("X: a\r\n\r: b")),
    (Refuse, get!("X: a\u{1}b")),
    (Refuse, get!("X: a\u{7f}b")),
    (Take, get!("X: a\u{e9}\u{ff}\u{80}b")),
    (Take, get!("X: \t a\t b \t")),
    (Refuse, post!("X: a\rContent-Length: 5", "hello")),
    (Open, post!("X: a\nContent-Length: 5", "hello")),
    // Ends of lines.
    (Open, "GET / HTTP/1.1\nHost: a\n\n"),
    (Open, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    (Open, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\rHost: a\r\r"),
    (Open, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Request lines.
    (Open, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / x HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET /\r\nHost: a\r\n\r\n"),
    (Refuse, "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    (Refuse, "GET / http/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / HTTP/11\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / HTTP/+1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    (Open, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (Open, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (Refuse, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Refuse, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    (Open, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    // Hosts.
    (Refuse, "GET / HTTP/1.1\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (Refuse, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    (Open, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    // Spellings of Transfer-Encoding.
    (Refuse, post!("Transfer-Encoding: xchunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chunked, identity", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chunked, chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: identity, chunked", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: gzip", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: \"chunked\"", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chunked;q=1", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: chu nked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding: \u{b}chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding:\u{a0}chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding : chunked", "0\r\n\r\n")),
    (Refuse, post!("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: ,chunked", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding: chunked,", "0\r\n\r\n")),
    (Open, post!("Transfer-Encoding:", "0\r\n\r\n")),
    (Take, post!("Transfer_Encoding: chunked", "")),
    // Sizes of chunks.
    (Refuse, chunks!("\r\n\r\n0\r\n\r\n")),
    (Refuse, chunks!(" 5\r\nhello\r\n0\r\n\r\n")),
    (Open, chunks!("5 \r\nhello\r\n0\r\n\r\n")),
    (Open, chunks!("5\t;a\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("0x5\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("+5\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("-5\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5_\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("g\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5\0\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("10000000000000005\r\nhello\r\n0\r\n\r\n")),
    (Open, chunks!("00000000000000005\r\nhello\r\n0\r\n\r\n")),
    (Open, chunks!("ffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
    // Ends of chunks.
    (Refuse, chunks!("5\r\nhello0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhelloXY0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhello\r\r\n0\r\n\r\n")),
    (Refuse, chunks!("5\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5\rhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhello\n0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhello\r\n0\n\n")),
    (Refuse, chunks!("5\r\nhelloo\r\n0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhellox\n0\r\n\r\n")),
    (Refuse, chunks!("5\r\nhello\rx0\r\n\r\n")),
    (Refuse, chunks!("6\r\nhello\r\n0\r\n\r\n")),
    // Extensions and trailers.
    (Refuse, chunks!("5;a\nb\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5;a\rb\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5;a=\"b\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5;\0\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5;;\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("5;=a\r\nhello\r\n0\r\n\r\n")),
    (Open, chunks!("5; a = b\r\nhello\r\n0\r\n\r\n")),
    (Refuse, chunks!("0\r\nX : y\r\n\r\n")),
    (Refuse, chunks!("0\r\nX\r\n\r\n")),
    (Refuse, chunks!("0\r\n X: y\r\n\r\n")),
    (Refuse, chunks!("0\r\nX: y\r\n z\r\n\r\n")),
    (Open, chunks!("0\r\nX: y\n\r\n")),
    (Take, chunks!("0\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n")),
    (Take, chunks!("0\r\nTransfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n")),
];

/// The bytes of a message by hand.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).expect("each is one byte")).collect()
}
