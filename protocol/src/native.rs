//! The native protocol without I/O: frames in, messages out; answers in, frames out. The fields
//! are those of HTTP, one to one, but many requests of one connection may be in flight and are
//! answered in the order in which they end. This module never opens a socket, never reads a clock
//! and never looks at what a payload says. `PROTOCOL.md` is its description for everybody else.
//!
//! ```
//! use overtime_protocol::native::{Deframer, Hello, Limits, Request, Step, Submit, write};
//!
//! let hello = Request::Hello(Hello::from("example"));
//! let submit = Request::Submit(Box::new(Submit::to("echo")));
//! let mut bytes = Vec::new();
//! write(0, &hello, 0, &mut bytes).unwrap();
//! write(7, &submit, 2, &mut bytes).unwrap();
//! bytes.extend_from_slice(b"hi");
//!
//! let (mut deframer, limits) = (Deframer::<Request>::new(), Limits::default());
//! let (used, Ok(Step::Head(first))) = deframer.advance(&bytes, &limits) else { panic!() };
//! assert_eq!(first.message, hello);
//! let rest = &bytes[used..];
//! let (used, Ok(Step::Head(second))) = deframer.advance(rest, &limits) else { panic!() };
//! assert_eq!((second.id, second.message), (7, submit));
//! let (_, Ok(Step::Payload(payload))) = deframer.advance(&rest[used..], &limits) else { panic!() };
//! assert_eq!(payload.len(), 2);
//! ```

mod answer;
mod call;
mod deframer;
mod head;
mod limits;
mod message;
mod preamble;
mod reply;
mod request;

pub use answer::{Tag, write_answer, write_goodbye, write_hello_refused};
pub use deframer::{Deframer, Frame, Step};
pub use limits::{DISCARD_MAX_BYTES, HEADER_MAX_BYTES, IN_FLIGHT_MAX, Limits};
pub use message::{HeaderTooLarge, Message, write};
pub use preamble::{MAGIC, PREAMBLE_BYTES};
pub use reply::{Answered, Failed, Goodbye, HelloRefused, Reply, Spent, Welcome};
pub use request::{Get, GetContact, Hello, Listing, Named, Part, Request, Submit};

/// The version that is spoken here, and the only one so far.
pub const VERSION: u8 = 1;
