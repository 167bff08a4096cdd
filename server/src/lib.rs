//! The assembly of overtime: configuration, command line, wiring and signals. Only this crate
//! knows all the others; it holds no logic of its own beyond putting them together.
//!
//! A program of your own can embed the server and add kinds:
//! ```no_run
//! use overtime_server::{Builder, Failure, Handler, Input, Kind, Product, config::Config};
//!
//! struct Shout;
//!
//! impl Handler for Shout {
//!     fn kind(&self) -> Kind {
//!         Kind::durable("shout")
//!     }
//!
//!     fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
//!         let loud = input.payload_bytes().to_ascii_uppercase();
//!         Ok(Product { content_type: Some("text/plain".into()), body: loud.into() })
//!     }
//! }
//!
//! let server = Builder::new(Config::default()).handler(Shout).start()?;
//! server.wait()?;
//! # Ok::<(), overtime_server::Error>(())
//! ```

mod cli;
pub mod config;
mod descriptors;
mod drill;
mod greeting;
mod incidents;
mod interrupt;
mod keys;
mod lifeline;
mod lines;
mod loss;
mod memory;
mod names;
mod notices;
mod recovery;
mod remote;
mod reports;
mod scheduling;
mod selftest;
mod server;
mod signals;
mod source;
mod tune;
mod upstreams;
mod verify;
mod window;

pub use anyhow::Error;
pub use cli::{Arguments, Command};
pub use drill::{Drill, drill};
pub use keys::KeyErrand;
pub use lifeline::{END_WITH, end_with};
pub use lines::complain;
pub use loss::Damage;
pub use overtime_protocol::{Kind, Product};
pub use overtime_worker::{Failure, Handler, Input};
pub use remote::Errand;
pub use selftest::{Selftest, selftest};
pub use server::{Addresses, Builder, Server};
pub use verify::Verification;

use std::io::{self, Write};

/// Starts the server, says what it serves, and runs it until a signal ends it.
///
/// # Errors
/// If it cannot start, or did not end in order.
pub fn serve(builder: Builder) -> Result<(), Error> {
    let server = builder.start()?;
    signals::watch(server.stopper(), server.lines())?;
    // Whoever reads it may have gone.
    let _ = writeln!(io::stdout(), "{}", greeting::greeting(&server));
    server.wait()
}
