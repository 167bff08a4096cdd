//! Clients that send bulk: each has a connection, posts body after body, and follows what was
//! answered 202 to its end, so that a server gains nothing by accepting what it has not done.

pub mod body;
pub mod client;
pub mod streams;
pub mod tally;
