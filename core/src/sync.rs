//! What threads share without a lock, from one place: the crate that tries all interleavings
//! compiles the modules that use it over a model instead.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering, fence};
