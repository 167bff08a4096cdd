//! What callers of an overtime server link. [`manners`] are the decisions of a client that helps a
//! server out of trouble instead of deeper into it; they do no I/O, so that whoever has a loop of
//! its own can drive them. This crate never decides what work means, and never looks into a payload.

pub mod manners;
