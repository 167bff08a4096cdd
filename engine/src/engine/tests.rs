//! Scenarios as text, and random days that a seed replays.

mod admission;
mod bodies;
mod callers;
mod elastic;
mod explanations;
mod follow;
mod followers;
mod harness;
mod hurts;
mod incidents;
mod key_journal;
mod keys;
mod listing;
mod overload;
mod random;
mod recovery;
mod repairs;
mod saves;
mod scenarios;
mod shares;
mod sight;
mod sights;
mod steering;
mod storm;
mod task_journal;
mod upstreams;
