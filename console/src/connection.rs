//! Connections to the admin port, bounded in number and in patience, so that whoever forgets to
//! hang up does not keep the health checks out.

use axum::serve::Listener;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections may be open at once. One more is closed, with a 503
/// if it can still be told.
pub const CONNECTIONS_MAX: usize = 64;

/// How long a connection may be silent.
pub const IDLE_MAX: Duration = Duration::from_secs(75);

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Accepts while there is room.
pub(crate) struct BoundedListener {
    listener: TcpListener,
    /// Shared with every open connection, which are counted by it.
    open: Arc<()>,
}

impl BoundedListener {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self { listener, open: Arc::new(()) }
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            let open = Arc::clone(&self.open);
            // Less the listener's own share and this one.
            if Arc::strong_count(&open) - 2 < CONNECTIONS_MAX {
                let patience = Box::pin(sleep(IDLE_MAX));
                return (Connection { stream, patience, _open: open }, address);
            }
            // Best effort: a request that arrives only now resets the connection instead.
            let _ = stream.try_write(BUSY);
        }
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails once it has been silent for too long.
pub(crate) struct Connection {
    stream: TcpStream,
    patience: Pin<Box<Sleep>>,
    _open: Arc<()>,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.patience.as_mut().reset(Instant::now() + IDLE_MAX);
            return Poll::Ready(result);
        }
        self.patience.as_mut().poll(context).map(|()| Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
