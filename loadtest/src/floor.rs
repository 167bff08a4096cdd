//! Floors: servers that do next to nothing, to put beside a task server. What they need for a
//! request is what any server on this machine needs. Beside them the control, which does what a
//! task server must not.

pub mod axum;
mod bulk;
mod client;
mod clients;
pub mod command;
pub mod control;
pub mod echo;
mod inbound;
mod patience;
pub mod queue;
pub mod reader;
pub mod relay;
mod ring_file;
pub mod threads;
