//! HTTP/1.1 (RFC 9110 and RFC 9112) without I/O: bytes in, requests out; answers in, bytes out.
//! A message whose end two readers could see in two places is refused, and nothing behind it is
//! ever read. This module never opens a socket, never reads a clock and never looks at what a
//! body says.
//!
//! ```
//! use overtime_protocol::http::{Deframer, Limits, Step};
//!
//! let (mut deframer, limits) = (Deframer::new(), Limits::default());
//! let input = b"POST /v1/tasks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
//! let (used, Ok(Step::Head(head))) = deframer.advance(input, &limits) else { panic!() };
//! assert_eq!(head.path(), "/v1/tasks/echo");
//! let (_, Ok(Step::Body(payload))) = deframer.advance(&input[used..], &limits) else { panic!() };
//! assert_eq!(payload.len(), 2);
//! ```

mod authority;
mod body;
mod chunked;
pub(crate) mod content_type;
mod deframer;
pub(crate) mod etag;
mod field;
mod framing;
mod head;
mod limits;
mod lines;
pub(crate) mod list;
mod refusal;
mod response;
mod scan;
mod target;
pub(crate) mod token;

pub use deframer::{Deframer, Phase, Step};
pub use field::Field;
pub use head::{Head, Method, Version};
pub use limits::Limits;
pub use response::{
    After, Extent, ReplyContext, write_answer, write_no_more_events, write_stream_head,
};

/// The interim answer to `Expect: 100-continue` (RFC 9110, section 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
