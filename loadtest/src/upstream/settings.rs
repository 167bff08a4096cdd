//! What a server has to be told of an upstream to call it: the tables of its settings.

use std::net::SocketAddr;
use std::time::Duration;

/// An upstream, and a kind of the same name that is delivered to it.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// The name of both.
    pub name: &'a str,
    /// Where it listens.
    pub address: SocketAddr,
    /// `shed`, `observe` or `off`.
    pub mode: &'a str,
    /// How many calls there may be at a time; 0 leaves that to the server.
    pub concurrency: usize,
    /// How long a call may take.
    pub timeout: Duration,
    /// More lines of the kind.
    pub kind: &'a str,
}

impl Settings<'_> {
    /// Writes them.
    pub fn tables(&self) -> String {
        let Self { name, address, mode, concurrency, timeout, kind } = self;
        format!(
            "[upstreams.{name}]\nurl = \"http://{address}\"\nprivate = true\nmode = \"{mode}\"\n\
             concurrency = {concurrency}\ntimeout = \"{}ms\"\n\n\
             [kinds.{name}]\nupstream = \"{name}\"\npath = \"/{name}\"\n{kind}\n",
            timeout.as_millis()
        )
    }
}
