//! The control: one thread that does everything on its event loop, the parsing of bulk bodies
//! too. It answers small calls quickly until somebody sends it bulk, and then every caller waits:
//! it is the mistake that a task server is put beside.

use super::bulk::{Route, digest};
use super::client::Liveness;
use super::clients::Clients;
use super::ring_file::RingFile;
use anyhow::Context;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

/// The one thread.
pub struct Control {
    clients: Clients,
    file: Option<RingFile>,
    body: Vec<u8>,
}

impl Control {
    /// Listens. With `sync`, every body is written to the file there and synced before it is
    /// answered.
    pub fn start(listener: TcpListener, sync: Option<&Path>) -> anyhow::Result<Self> {
        let file = sync.map(RingFile::create).transpose()?;
        Ok(Self { clients: Clients::listen(listener)?, file, body: Vec::new() })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.clients.address()
    }

    /// Serves until its file fails.
    pub fn run(mut self) -> anyhow::Result<()> {
        let mut events = Clients::events();
        loop {
            self.clients.wait(&mut events)?;
            for event in &events {
                if let Some(index) = self.clients.admit(event)? {
                    self.serve(index)?;
                }
            }
            self.clients.flush();
        }
    }

    fn serve(&mut self, index: usize) -> anyhow::Result<()> {
        let Some(client) = self.clients.get(index) else { return Ok(()) };
        let liveness = client.fill();
        loop {
            self.body.clear();
            let Some(client) = self.clients.get(index) else { return Ok(()) };
            let birth = client.birth();
            match client.take_body(&mut self.body, Route::of) {
                Ok(Some(route)) => self.answer(index, birth, route)?,
                Ok(None) if liveness == Liveness::Open => return Ok(()),
                Ok(None) | Err(_) => {
                    self.clients.close(index);
                    return Ok(());
                }
            }
        }
    }

    fn answer(&mut self, index: usize, birth: u64, route: Route) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(&self.body).context("cannot write the body")?;
        }
        match route {
            Route::Bulk => self.clients.answer(index, birth, &digest(&self.body)),
            Route::Echo => self.clients.answer(index, birth, &self.body),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::ask;
    use crate::contacts::{Contacts, Form};
    use crate::request::post;

    fn start(sync: Option<&Path>) -> SocketAddr {
        let control = Control::start(TcpListener::bind("127.0.0.1:0").unwrap(), sync).unwrap();
        let address = control.address().unwrap();
        std::thread::spawn(move || control.run());
        address
    }

    #[test]
    fn a_small_call_comes_back_and_bulk_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("ring");
        for sync in [None, Some(ring.as_path())] {
            let target = start(sync);
            let echo = ask(target, &post(target, "/v1/tasks/echo", "text/plain", b"hello"));
            assert_eq!(echo.unwrap().body, b"hello");
            let contacts = Contacts::new(3_000, 1);
            let (body, _) = contacts.body(Form::Ndjson, 0..3_000, usize::MAX).unwrap();
            let bulk = post(target, "/v1/bulk/contacts.upsert", "application/x-ndjson", &body);
            let told = ask(target, &bulk).unwrap().body;
            assert_eq!(told, br#"{"items":3000,"succeeded":3000,"failed":0}"#);
        }
        let mut front = [0; 6];
        std::os::unix::fs::FileExt::read_exact_at(
            &std::fs::File::open(ring).unwrap(),
            &mut front,
            0,
        )
        .unwrap();
        assert_eq!(&front, b"hello{");
    }
}
