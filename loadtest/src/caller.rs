//! A caller with a connection that stays, for scenarios that do one thing after the other. It
//! waits for what it asks, so it has no place in a generator.

use crate::ask::exchange;
use crate::response::Response;
use anyhow::Context;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer is waited for; longer than any wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A caller.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Caller {
    /// Connects to `target`.
    pub fn connect(target: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(target).with_context(|| format!("cannot connect to {target}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, input: Vec::new() })
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, request: &[u8]) -> anyhow::Result<Response<'_>> {
        exchange(&mut self.stream, request, &mut self.input)
    }

    /// Sends a request whose answer is read later.
    pub fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).context("cannot send")
    }

    /// Waits for the answer to what was sent.
    pub fn answer(&mut self) -> anyhow::Result<Response<'_>> {
        exchange(&mut self.stream, &[], &mut self.input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::relay::Relay;
    use crate::request::post;
    use std::net::TcpListener;

    #[test]
    fn one_connection_is_asked_again_and_again() {
        let relay = Relay::start(TcpListener::bind("127.0.0.1:0").unwrap(), None).unwrap();
        let target = relay.address().unwrap();
        std::thread::spawn(move || relay.run());
        let mut caller = Caller::connect(target).unwrap();
        for body in [&b"one"[..], b"two"] {
            let request = post(target, "/", "text/plain", body);
            assert_eq!(caller.ask(&request).unwrap().body, body);
            caller.send(&request).unwrap();
            assert_eq!(caller.answer().unwrap().body, body);
        }
    }
}
