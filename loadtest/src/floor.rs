//! Floors: servers that do next to nothing, to put beside a task server. What they need for a
//! request is what any server on this machine needs.

pub mod axum;
pub mod relay;
mod ring_file;
