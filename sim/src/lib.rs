//! The weather of overtime, for development: seeded simulation of the real engine and the real
//! journal, on one thread, with clients, workers, a clock and a drive that are simulated. A seed
//! decides all of it, so whatever goes wrong can be replayed and made smaller. It never runs
//! beside a server, and nothing of it is part of one.

mod clients;
mod drive;
mod kinds;
mod life;
mod log_disk;
mod oracle;
mod plan;
mod run;
mod shrink;
mod time;
mod trace;
mod vfs;
mod weather;
mod workers;
mod world;

pub use oracle::Counts;
pub use plan::Plan;
pub use run::{Outcome, Stage, run};
pub use shrink::shrink;
pub use weather::{FaultId, Lie};
