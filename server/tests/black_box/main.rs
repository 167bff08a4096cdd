//! The server from outside: the real binary, real sockets, real kills.

mod api;
mod bulk;
mod descriptors;
mod ends;
mod hosts;
mod large;
mod poison;
mod refusals;
mod restarts;
mod support;
