//! The least that an HTTP server can do: one thread on one poll that frames a request and answers it
//! with its own body. Nobody works, nothing is handed over, no path is looked at. If it is told to, it
//! closes whoever asks for nothing, without a word.

use super::client::Liveness;
use super::clients::Clients;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// The one thread.
pub struct Echo {
    clients: Clients,
    body: Vec<u8>,
}

impl Echo {
    /// Listens. Whoever asks for nothing is closed after `patience`.
    pub fn start(listener: TcpListener, patience: Option<Duration>) -> anyhow::Result<Self> {
        let mut clients = Clients::listen(listener)?;
        if let Some(patience) = patience {
            clients.close_idle_after(patience);
        }
        Ok(Self { clients, body: Vec::new() })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.clients.address()
    }

    /// Serves until the process ends.
    pub fn run(mut self) -> anyhow::Result<()> {
        let mut events = Clients::events();
        loop {
            self.clients.wait(&mut events)?;
            for event in &events {
                if let Some(index) = self.clients.admit(event)? {
                    self.serve(index);
                }
            }
            self.clients.flush();
        }
    }

    fn serve(&mut self, index: usize) {
        let Some(client) = self.clients.get(index) else { return };
        let (liveness, birth) = (client.fill(), client.birth());
        while let Some(client) = self.clients.get(index) {
            self.body.clear();
            match client.take_body(&mut self.body, |_| Ok(())) {
                Ok(Some(())) => self.clients.answer(index, birth, &self.body),
                Ok(None) if liveness == Liveness::Open => return,
                Ok(None) | Err(_) => self.clients.close(index),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::ask;
    use crate::batch::ask_all;
    use crate::request::post;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn start(patience: Option<Duration>) -> SocketAddr {
        let echo = Echo::start(TcpListener::bind("127.0.0.1:0").unwrap(), patience).unwrap();
        let target = echo.address().unwrap();
        std::thread::spawn(move || echo.run());
        target
    }

    #[test]
    fn whoever_asks_for_nothing_is_closed_and_others_are_answered() {
        let target = start(Some(Duration::from_millis(50)));
        let mut slow = TcpStream::connect(target).unwrap();
        slow.write_all(b"POST / HTTP/1.1\r\nX-Slow: ").unwrap();
        assert!(!slow.read(&mut [0]).is_ok_and(|bytes| bytes > 0));
        assert_eq!(ask(target, &post(target, "/", "text/plain", b"hello")).unwrap().body, b"hello");
    }

    #[test]
    fn every_request_comes_back() {
        let target = start(None);
        let mut answered = 0;
        ask_all(
            target,
            500,
            |number, out| *out = post(target, "/", "text/plain", number.to_string().as_bytes()),
            |number, response| {
                assert_eq!(response.body, number.to_string().as_bytes());
                answered += 1;
            },
        )
        .unwrap();
        assert_eq!(answered, 500);
    }
}
