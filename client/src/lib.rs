//! What callers of an overtime server link: a blocking client, for HTTP and for the native protocol,
//! that waits by the server's contract and helps a server out of trouble instead of deeper into it.
//! [`manners`] are its decisions; they do no I/O, so that whoever has a loop of its own can drive
//! them (feature `blocking` off). This crate never decides what work means, and never looks into a
//! payload or a result.
//!
//! ```no_run
//! use overtime_client::{Client, Outcome, Submission};
//!
//! let client = Client::to("http://127.0.0.1:7070")?;
//! let signup = Submission::new("contacts.upsert", r#"{"email":"ada@example.com"}"#);
//! match client.submit(&signup) {
//!     Ok(Outcome::Done(done)) => println!("{}", String::from_utf8_lossy(&done.body)),
//!     Ok(Outcome::Pending(pending)) => println!("goes on as {}", pending.task),
//!     Err(error) => println!("{error} (submitted: {})", error.submitted.name()),
//! }
//! # Ok::<(), overtime_client::NoClient>(())
//! ```

pub mod manners;

#[cfg(feature = "blocking")]
mod address;
#[cfg(feature = "blocking")]
mod builder;
#[cfg(feature = "blocking")]
mod client;
#[cfg(feature = "blocking")]
mod clock;
#[cfg(feature = "blocking")]
mod conversation;
#[cfg(feature = "blocking")]
mod credentials;
#[cfg(feature = "blocking")]
mod document;
#[cfg(feature = "blocking")]
mod error;
#[cfg(feature = "blocking")]
mod outcome;
#[cfg(feature = "blocking")]
mod submission;
#[cfg(feature = "blocking")]
mod transport;

pub use overtime_protocol::{Durability, IdempotencyKey, Monotonic, Submitted, TaskId, TaskState};
#[cfg(feature = "blocking")]
pub use {
    builder::{Builder, NoClient},
    client::Client,
    clock::{Clock, SystemClock},
    document::{Task, TaskFault, TaskPage, TaskProgress},
    error::{Cause, Error, Refusal},
    outcome::{Done, Outcome, Pending},
    submission::Submission,
};
