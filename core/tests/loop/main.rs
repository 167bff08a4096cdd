//! The loop over real sockets: what a client sees of framing, limits, timeouts and the end.

mod bounds;
mod door;
mod ends;
mod events;
mod held;
mod memory;
mod native;
mod requests;
mod slow;
mod support;
mod tenants;
