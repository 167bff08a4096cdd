//! The reader: a process of its own that takes bulk bodies and does the least with them, so that
//! the relay beside it shows what two busy processors cost anyone. A thread for each connection;
//! no more of them parse at a time than there are permits.

use super::bulk::digest;
use super::inbound::{Extent, Inbound};
use super::ring_file::RingFile;
use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What is done with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Treatment {
    /// Each line becomes a contact and is counted.
    Parse,
    /// Nothing.
    Discard,
}

/// What the threads share.
struct Shared {
    treatment: Treatment,
    file: Option<Mutex<RingFile>>,
    give_back: Sender<()>,
    permits: Receiver<()>,
}

/// Listens, and serves until the process ends. With `sync`, parsed bodies are written to the file
/// there and synced before they are answered.
pub fn serve(
    listener: TcpListener,
    treatment: Treatment,
    at_once: usize,
    sync: Option<&Path>,
) -> anyhow::Result<()> {
    let (give_back, permits) = bounded(at_once.max(1));
    for _ in 0..at_once.max(1) {
        give_back.send(()).context("the channel has room for all permits")?;
    }
    let file = sync.map(RingFile::create).transpose()?.map(Mutex::new);
    let shared = Arc::new(Shared { treatment, file, give_back, permits });
    for stream in listener.incoming() {
        let (stream, shared) = (stream.context("cannot accept")?, shared.clone());
        std::thread::Builder::new().name("read".into()).spawn(move || {
            // A sender that breaks off ends its own connection and nothing else.
            drop(shared.converse(stream));
        })?;
    }
    Ok(())
}

impl Shared {
    fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut inbound = Inbound::new(stream.try_clone()?);
        let mut body = Vec::new();
        while let Some(extent) = inbound.next()? {
            let answer = match self.treatment {
                Treatment::Parse => self.parse(&mut inbound, extent, &mut body)?,
                Treatment::Discard => {
                    inbound.body(extent, |_| {})?;
                    digest(b"")
                }
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
            stream.write_all(&[head.as_bytes(), &answer].concat())?;
        }
        Ok(())
    }

    fn parse(
        &self,
        inbound: &mut Inbound<TcpStream>,
        extent: Extent,
        body: &mut Vec<u8>,
    ) -> std::io::Result<Vec<u8>> {
        body.clear();
        inbound.body(extent, |part| body.extend_from_slice(part))?;
        let Ok(permit) = self.permits.recv() else { return Ok(Vec::new()) };
        let answer = digest(body);
        self.give_back.send(permit).map_err(std::io::Error::other)?;
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            file.append(body)?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::ask;
    use crate::contacts::{Contacts, Form};
    use crate::request::post;
    use std::net::SocketAddr;

    fn start(treatment: Treatment, sync: Option<&Path>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sync = sync.map(Path::to_path_buf);
        std::thread::spawn(move || serve(listener, treatment, 1, sync.as_deref()));
        address
    }

    fn body() -> Vec<u8> {
        Contacts::new(500, 1).body(Form::Ndjson, 0..500, usize::MAX).unwrap().0
    }

    #[test]
    fn more_senders_than_permits_are_all_answered() {
        let folder = tempfile::tempdir().unwrap();
        let target = start(Treatment::Parse, Some(&folder.path().join("ring")));
        let request = post(target, "/v1/bulk/contacts.upsert", "application/x-ndjson", &body());
        std::thread::scope(|scope| {
            let senders: Vec<_> =
                (0..4).map(|_| scope.spawn(|| ask(target, &request).unwrap().body)).collect();
            for sender in senders {
                let told = sender.join().unwrap();
                assert_eq!(told, br#"{"items":500,"succeeded":500,"failed":0}"#);
            }
        });
    }

    #[test]
    fn what_is_discarded_is_answered_too() {
        let target = start(Treatment::Discard, None);
        let reply = ask(target, &post(target, "/", "text/plain", &body())).unwrap();
        assert_eq!(reply.body, br#"{"items":0,"succeeded":0,"failed":0}"#);
    }
}
