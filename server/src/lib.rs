//! The assembly of overtime: configuration, command line, wiring and signals. Only this crate
//! knows all the others; it holds no logic of its own beyond putting them together.

mod cli;
pub mod config;

pub use cli::{Arguments, Command};
