//! What threads of overtime share without a lock, run in every order that the memory model allows.
//! The modules under test are the product's own files, compiled here over loom's atomics instead of
//! the standard library's; nothing of them is repeated. It never runs the product itself.

#![cfg(test)]

#[path = "../../protocol/src/job/claims.rs"]
mod claims;
#[path = "../../core/src/sleep.rs"]
mod sleep;

mod chains;
mod mailbox;
mod orders;
mod sleeping;
mod sync;
