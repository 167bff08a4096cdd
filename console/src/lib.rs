//! The window of overtime: the admin port, on a thread of its own. It shows and never steers: it
//! answers GET and HEAD only, and everything it knows it is told through [`Window`] at the moment
//! somebody looks. It knows no other crate of the server, and nothing waits for it.

mod connection;
mod console;
mod exposition;
mod pages;
mod sample;
mod window;

pub use connection::{CONNECTIONS_MAX, IDLE_MAX};
pub use console::{Console, start};
pub use sample::{Family, Histogram, Sample, Total};
pub use window::{Check, Window};
