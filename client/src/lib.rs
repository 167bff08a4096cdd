//! What callers of an overtime server link: a blocking client, for HTTP and for the native protocol,
//! that waits by the server's contract and helps a server out of trouble instead of deeper into it.
//! [`manners`] are its decisions; they do no I/O, so that whoever has a loop of its own can drive
//! them (feature `blocking` off). This crate never decides what work means, and never looks into a
//! payload or a result.

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
