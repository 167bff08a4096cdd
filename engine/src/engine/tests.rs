//! Scenarios as text, and random days that a seed replays.

mod harness;
mod random;
mod recovery;
mod scenarios;
