//! The server under faults from outside: the real binary, killed at a call, with calls that fail,
//! on a disk that is full, stopped, with its clock set back, and without power.

mod audit;
mod broken;
mod chance;
mod client;
mod clock;
mod disk;
mod full;
mod kills;
mod ledger;
mod load;
mod mount;
mod power;
mod refused;
mod requirement;
mod series;
mod server;
mod stopped;
mod tally;
mod targets;
mod told;
mod tracer;
