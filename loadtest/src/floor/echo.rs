//! The least that an HTTP server can do: one thread on one poll that frames a request and answers it
//! with its own body. Nobody works, nothing is handed over, no path is looked at.

use super::client::Liveness;
use super::clients::Clients;
use std::net::{SocketAddr, TcpListener};

/// The one thread.
pub struct Echo {
    clients: Clients,
    body: Vec<u8>,
}

impl Echo {
    /// Listens.
    pub fn start(listener: TcpListener) -> anyhow::Result<Self> {
        Ok(Self { clients: Clients::listen(listener)?, body: Vec::new() })
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
    use crate::batch::ask_all;
    use crate::request::post;

    #[test]
    fn every_request_comes_back() {
        let echo = Echo::start(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let target = echo.address().unwrap();
        std::thread::spawn(move || echo.run());
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
