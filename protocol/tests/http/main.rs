//! The deframer as a stranger meets it: bytes in any pieces, and what comes of them. It reads
//! payloads only with the one opener of this process.

mod bodies;
mod drive;
mod good;
mod heads;
mod mutations;
mod pipelines;
