//! The server from outside: the real binary, real sockets, real kills.

mod api;
mod descriptors;
mod ends;
mod hosts;
mod poison;
mod refusals;
mod restarts;
mod support;
