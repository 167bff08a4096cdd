//! The server from outside: the real binary, real sockets, real kills.

mod api;
mod bulk;
mod descriptors;
mod ends;
mod errands;
mod events;
mod explaining;
mod hosts;
mod keys;
mod large;
mod left_over;
mod native;
mod native_client;
mod native_ends;
mod native_steering;
mod payloads;
mod poison;
mod refusals;
mod repairs;
mod restarts;
mod retention;
mod space;
mod stderr;
mod steering;
mod steps;
mod support;
