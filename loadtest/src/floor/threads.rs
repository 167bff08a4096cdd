//! The control for slow clients: so many threads, and each of them belongs to one connection until
//! that closes. Whoever comes later waits for a thread. It answers every request with its own body,
//! and puts up with any pace: it is the mistake that a task server is put beside.

use super::inbound::Inbound;
use anyhow::Context;
use crossbeam_channel::{Receiver, unbounded};
use std::io::Write;
use std::net::{TcpListener, TcpStream};

const STACK_BYTES: usize = 256 * 1024;

/// Listens, and serves until the process ends.
pub fn serve(listener: &TcpListener, threads: usize) -> anyhow::Result<()> {
    let (come, waiting) = unbounded();
    for _ in 0..threads {
        let waiting = waiting.clone();
        let thread = std::thread::Builder::new().name("serve".into()).stack_size(STACK_BYTES);
        thread.spawn(move || attend(&waiting)).context("cannot start a thread")?;
    }
    for stream in listener.incoming() {
        come.send(stream.context("cannot accept")?).context("all threads have ended")?;
    }
    Ok(())
}

fn attend(waiting: &Receiver<TcpStream>) {
    while let Ok(stream) = waiting.recv() {
        // A client that breaks off ends its own connection and nothing else.
        drop(converse(stream));
    }
}

fn converse(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut inbound = Inbound::new(stream.try_clone()?);
    let mut body = Vec::new();
    while let Some(extent) = inbound.next()? {
        body.clear();
        inbound.body(extent, |part| body.extend_from_slice(part))?;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{ask, ask_within};
    use crate::request::post;
    use std::net::SocketAddr;
    use std::time::Duration;

    fn start(threads: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(&listener, threads));
        address
    }

    #[test]
    fn a_connection_holds_its_thread_until_it_closes() {
        let target = start(1);
        let echo = post(target, "/v1/tasks/echo", "text/plain", b"hello");
        assert_eq!(ask(target, &echo).unwrap().body, b"hello");
        let mut slow = TcpStream::connect(target).unwrap();
        slow.write_all(b"POST / HTTP/1.1\r\nX-Slow: ").unwrap();
        assert!(ask_within(target, &echo, Duration::from_millis(50)).is_err());
        drop(slow);
        assert_eq!(ask(target, &echo).unwrap().body, b"hello");
    }
}
