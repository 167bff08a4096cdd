//! The journal from outside, one binary: the process's one opener is minted once.

mod affected;
mod chunks;
mod claims;
mod conflicts;
mod events;
mod faults;
mod faulty_disk;
mod flips;
mod history;
mod incidents;
mod ledger;
mod life;
mod lists;
mod moved_on;
mod parked;
mod reads;
mod removal;
mod salvage;
mod scopes;
mod space;
mod spool;
mod support;
mod usage;
mod verify;
