//! The work of overtime: the threads that run handlers, the [`Handler`] trait, and the built-in
//! kinds. This crate holds the only JSON and CSV parsers of the
//! server. It never writes a file and never decides when something runs; of sockets it has those to
//! the services that kinds call (`upstream`), and no others: a job comes in on a channel, its
//! completion goes out through a function, and what a handler wants written goes out with it.
//!
//! The way of one attempt, in the order of the files: [`start`] makes the threads (`pool`), each
//! takes a chain (`thread`) and runs its jobs one by one (`attempt`), for each of which a handler
//! sees an [`Input`] whose reads and writes are remembered (`effects`), and which it may save on
//! its way (`saves`). A bulk job runs the handler over every item of its body instead (`bulk`).
//! Both send parts of what they do through a door (`door`).

mod attempt;
mod bulk;
mod call_guard;
mod calls;
mod cancel;
mod door;
mod effects;
mod failure;
mod handler;
mod input;
mod panics;
mod payload_reader;
mod pool;
mod product;
mod saves;
mod source;
#[cfg(test)]
mod testing;
mod thread;

pub mod contacts;
pub mod demo;
pub mod json;
pub mod upstream;

pub use attempt::PRODUCT_MAX_BYTES;
pub use bulk::ITEM_MAX_BYTES;
#[doc(hidden)]
pub use bulk::fuzzing;
pub use call_guard::CallGuard;
pub use calls::{CallItem, ItemCalls};
pub use effects::{EFFECTS_MAX_BYTES, KEYS_MAX};
pub use failure::Failure;
pub use handler::Handler;
pub use input::Input;
pub use payload_reader::PayloadReader;
pub use pool::{
    Deliver, Delivery, Ended, Equipment, Pool, PoolOptions, StillRunning, Worker, WorkerId, start,
};
pub use product::json_product;
pub use saves::CURSOR_MAX_BYTES;
pub use source::{Source, SourceError, State};
