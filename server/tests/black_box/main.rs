//! The server from outside: the real binary, real sockets, real kills.

mod api;
mod ends;
mod poison;
mod refusals;
mod restarts;
mod support;
