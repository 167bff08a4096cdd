//! The floor that most people would build: axum on tokio's multi-thread runtime, the work on its
//! blocking pool.

use anyhow::Context;
use axum::Router;
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use std::net::TcpListener;

/// Serves until the process ends.
pub fn serve(listener: TcpListener) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?
            .tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = Router::new().route("/v1/tasks/{kind}", post(work));
        axum::serve(listener, router).await.context("cannot serve")
    })
}

async fn work(body: Bytes) -> Bytes {
    tokio::task::spawn_blocking(move || body).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;

    #[test]
    fn it_answers_with_the_body() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || serve(listener));
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"POST /v1/tasks/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
            .unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let mut body = [0; 3];
        reader.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"abc");
    }
}
