//! What must hold for any bytes that overtime reads: one function for each reader, which panics
//! where it does not hold. Fuzzers call them with bytes that they make up, and an ordinary test
//! calls them with every input that a fuzzer has kept. It knows nothing of fuzzers.

mod allocations;
mod cuts;
mod opener;

pub mod bulk;
pub mod call;
pub mod config;
pub mod http;
pub mod log;
pub mod native;
pub mod record;

/// A target: it panics if something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its binary and of its folder of inputs.
pub const TARGETS: [(&str, Target); 7] = [
    ("http", http::run),
    ("native", native::run),
    ("record", record::run),
    ("call", call::run),
    ("bulk", bulk::run),
    ("config", config::run),
    ("log", log::run),
];
