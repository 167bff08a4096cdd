//! One question on a connection of its own, for what is not load: is the server ready, what does
//! it hold. It waits, so it has no place in a generator.

use crate::response::{Response, read_head};
use anyhow::Context;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer is waited for; longer than any wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(90);

/// An answer that owns its bytes.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends `request` to `target` and reads the answer.
pub fn ask(target: SocketAddr, request: &[u8]) -> anyhow::Result<Reply> {
    ask_within(target, request, PATIENCE)
}

/// The same with little patience: no part of the answer may be waited for longer than that.
pub fn ask_within(target: SocketAddr, request: &[u8], patience: Duration) -> anyhow::Result<Reply> {
    let mut stream =
        TcpStream::connect(target).with_context(|| format!("cannot connect to {target}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(patience))?;
    let mut input = Vec::new();
    let response = exchange(&mut stream, request, &mut input)?;
    Ok(Reply { status: response.status, body: response.body.to_vec() })
}

/// Sends `request` on an open connection and reads the answer into `input`. An answer that comes
/// before the request is sent whole is an answer too.
pub fn exchange<'a>(
    stream: &mut TcpStream,
    request: &[u8],
    input: &'a mut Vec<u8>,
) -> anyhow::Result<Response<'a>> {
    let sent = stream.write_all(request);
    input.clear();
    let mut part = [0; 4096];
    loop {
        if let Some((status, framing)) = read_head(input)?
            && input.len() >= framing.whole_bytes()
        {
            let (head, body) = input[..framing.whole_bytes()].split_at(framing.head_bytes);
            return Ok(Response { status, head, body });
        }
        match stream.read(&mut part) {
            Ok(0) => return Err(unanswered(sent, None)),
            Ok(more) => input.extend_from_slice(&part[..more]),
            Err(error) => return Err(unanswered(sent, Some(error))),
        }
    }
}

fn unanswered(sent: std::io::Result<()>, read: Option<std::io::Error>) -> anyhow::Error {
    match (sent, read) {
        (Err(error), _) => anyhow::Error::new(error).context("cannot send"),
        (Ok(()), Some(error)) => anyhow::Error::new(error).context("no answer"),
        (Ok(()), None) => anyhow::anyhow!("the connection was closed before the answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answered(answer: &'static [u8]) -> anyhow::Result<Reply> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 3]).unwrap();
            stream.write_all(answer).unwrap();
        });
        ask(target, b"ask")
    }

    #[test]
    fn an_answer_is_read_to_its_length() {
        let reply = answered(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (404, &b"no"[..]));
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(answered(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno").is_err());
        assert!(answered(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
