//! Scenarios as text, and random days that a seed replays.

mod elastic;
mod explanations;
mod follow;
mod followers;
mod harness;
mod key_journal;
mod keys;
mod random;
mod recovery;
mod repairs;
mod saves;
mod scenarios;
mod shares;
mod sight;
mod sights;
mod steering;
mod task_journal;
