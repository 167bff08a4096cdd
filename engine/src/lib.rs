//! The decisions of overtime, pure: events, a seed and [`Now`](overtime_protocol::Now) go in,
//! effects come out, so one seed replays a whole day. The engine does no I/O, reads no clock,
//! starts no thread, takes no lock and writes no log.
//!
//! A task is three small machines:
//! ```text
//! run:     Queued -> Running -> Ended -> gone | Delayed -> Queued
//! record:  Volatile -> Appending -> Durable
//! reply:   a bounded list of waiters, each owed one answer by its deadline
//! ```
//! "Timed out but running" is a running task without a waiter; no flag says it.

mod admission;
mod brief;
mod bucket;
mod engine;
mod event;
pub mod gate;
mod hot;
mod incidents;
mod lanes;
mod limits;
mod lines;
mod marks;
mod queue;
mod rates;
mod repairs;
mod seed;
mod slim;
mod spares;
mod spot;
mod starts;
mod stats;
mod suspects;
mod table;
mod task;
mod tenants;
mod timers;

pub use admission::AdmissionRules;
pub use engine::{Engine, GATE_SPACE, Setup};
pub use event::{Ask, Effect, Event, Freed, Notice, Sight, Steer, Submission, Wants, Wish};
pub use lanes::LanePlan;
pub use limits::Limits;
pub use rates::{RateChange, Tally, Trend};
pub use seed::Seed;
pub use starts::{START_BUCKETS, Starts};
pub use stats::{AdmissionGauges, Refusals, Stats};
pub use tenants::TenantLoad;
