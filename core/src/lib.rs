//! The one thread of overtime: it listens, frames requests, drives the engine and applies its
//! effects. It never looks inside a payload (no parser is in its dependency graph), never blocks
//! except in `poll`, and every turn of its loop is bounded.
//!
//! ```text
//! poll -> read -> mail -> tick -> start -> apply -> flush -> events
//! ```

#![forbid(unsafe_code)]

mod alarm;
mod appends;
mod callers;
mod clients;
mod connection;
mod drain;
mod events;
mod exchange;
mod limits;
mod listener;
mod lookups;
mod mailbox;
mod native;
mod output;
mod pace;
mod patience;
mod payload_budget;
mod reads;
mod sleep;
mod snapshot;
mod sync;
mod timeouts;
mod turn;
mod turn_loop;
mod workers;

pub use limits::Limits;
pub use listener::Listener;
pub use lookups::Lookups;
pub use mailbox::{Mail, Mailbox, Permit};
pub use snapshot::{Counters, Snapshot, TurnedAway};
pub use turn::{Cause, TURN_BUCKETS, TurnStats};
pub use turn_loop::{Core, Door, Exit, Setup};
pub use workers::{WorkerChannel, WorkerChannels};
