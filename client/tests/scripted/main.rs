//! The client against servers that say what a script says, with a clock that jumps: nothing here
//! waits for time to pass.

mod clock;
mod http;
mod native;
mod native_server;
mod outages;
mod server;
mod strange;
