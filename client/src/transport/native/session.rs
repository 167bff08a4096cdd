//! One native connection: requests out under a lock, replies in on a thread of its own, which wakes
//! whoever asked. It never repeats a request, and knows of each that went out whether the server can
//! still have done it.

use super::super::{CLIENT, CONNECT_TIMEOUT, Silence};
use bytes::Bytes;
use overtime_protocol::native::{Deframer, Hello, Limits, Reply, Request, Step, write};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A reply and its payload.
type Received = (Reply, Bytes);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// The server is there, and this problem is all it has to say.
    Refused(Bytes),
    /// Nothing was sent but a hello.
    Unreachable(io::Error),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    key: Option<String>,
    /// Held while a frame is written, so that none comes between.
    writer: Mutex<TcpStream>,
    asked: Arc<Asked>,
}

/// What is in flight.
#[derive(Debug)]
struct Asked {
    flight: Mutex<Flight>,
    /// Somebody has been answered, or all is over.
    room: Condvar,
}

#[derive(Debug)]
struct Flight {
    waiting: HashMap<u32, SyncSender<Received>>,
    last_id: u32,
    most: usize,
    /// Requests are taken no more.
    ended: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server reads nothing more: what it has not answered, it has not done.
    Goodbye,
    /// Nobody knows what it has done.
    Broken,
}

impl Session {
    /// A connection on which the server has said welcome.
    pub(super) fn open(
        address: &str,
        key: Option<&str>,
        timeout: Duration,
    ) -> Result<Arc<Self>, NotOpened> {
        let timeout = timeout.min(CONNECT_TIMEOUT);
        let mut stream = stream(address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        let mut frame = Vec::new();
        let hello = Hello { key: key.map(Into::into), ..Hello::from(CLIENT) };
        write(0, &Request::Hello(hello), 0, &mut frame).map_err(io::Error::other)?;
        stream.write_all(&frame)?;
        let mut replies = Replies::of(stream.try_clone()?);
        let most = match replies.next()? {
            Some((_, Reply::Welcome(welcome), _)) => welcome.in_flight_max as usize,
            Some((_, Reply::HelloRefused(_) | Reply::Goodbye(_), problem)) => {
                return Err(NotOpened::Refused(problem));
            }
            Some((_, other, _)) => {
                return Err(io::Error::other(format!("the server says {other:?}")).into());
            }
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        };
        stream.set_read_timeout(None)?;
        let flight = Flight { waiting: HashMap::new(), last_id: 0, most, ended: None };
        let asked = Arc::new(Asked { flight: Mutex::new(flight), room: Condvar::new() });
        let reader = asked.clone();
        thread::Builder::new().name("replies".to_owned()).spawn(move || reader.listen(replies))?;
        Ok(Arc::new(Self { key: key.map(str::to_owned), writer: Mutex::new(stream), asked }))
    }

    /// Whether requests with that key can be sent on it.
    pub(super) fn takes_requests_with(&self, key: Option<&str>) -> bool {
        self.key.as_deref() == key && self.asked.lock().ended.is_none()
    }

    /// Sends a request and waits for its reply.
    pub(super) fn ask(
        &self,
        request: &Request,
        payload: &[u8],
        until: Instant,
    ) -> Result<Received, Silence> {
        let (id, reply) = self.asked.register(until)?;
        let mut frame = Vec::new();
        if let Err(error) = write(id, request, payload.len() as u64, &mut frame) {
            self.asked.forget(id);
            return Err(Silence::NotConnected(error.to_string()));
        }
        frame.extend_from_slice(payload);
        if let Err(error) = self.send(&frame, until) {
            // What is behind half a frame cannot be read.
            self.close();
            return Err(self.asked.silence(&error.to_string()));
        }
        match reply.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(received) => Ok(received),
            // Its id stays taken until the server has answered.
            Err(RecvTimeoutError::Timeout) => {
                Err(Silence::Lost("time is up before an answer is there".to_owned()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.asked.silence("the connection ended")),
        }
    }

    fn send(&self, frame: &[u8], until: Instant) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.saturating_duration_since(Instant::now());
        writer.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
        writer.write_all(frame)
    }

    fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is closed already is as good.
        let _ = writer.shutdown(Shutdown::Both);
    }
}

impl From<io::Error> for NotOpened {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error)
    }
}

impl Drop for Session {
    /// Ends the thread that listens.
    fn drop(&mut self) {
        self.close();
    }
}

impl Asked {
    fn lock(&self) -> MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id that nobody has, once there is room in flight.
    fn register(&self, until: Instant) -> Result<(u32, Receiver<Received>), Silence> {
        let mut flight = self.lock();
        loop {
            if flight.ended.is_some() {
                return Err(Silence::NotConnected("the connection ended".to_owned()));
            }
            if flight.waiting.len() < flight.most {
                return Ok(flight.register());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Silence::NotConnected("too many requests are in flight".to_owned()));
            }
            let woken = self.room.wait_timeout(flight, left);
            flight = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn forget(&self, id: u32) {
        self.lock().waiting.remove(&id);
        self.room.notify_one();
    }

    /// What a request whose answer will not come is to its caller.
    fn silence(&self, why: &str) -> Silence {
        match self.lock().ended {
            Some(End::Goodbye) => Silence::NotConnected("the server said goodbye".to_owned()),
            Some(End::Broken) | None => Silence::Lost(why.to_owned()),
        }
    }

    /// Hands replies out until there are no more.
    fn listen(&self, mut replies: Replies) {
        while let Ok(Some((id, reply, payload))) = replies.next() {
            let mut flight = self.lock();
            if let Reply::Goodbye(_) = reply {
                flight.ended = Some(End::Goodbye);
            } else if let Some(waiting) = flight.waiting.remove(&id) {
                // Whoever has gone does not want it any more; there is always room for the one.
                let _ = waiting.try_send((reply, payload));
            }
            drop(flight);
            self.room.notify_one();
        }
        let mut flight = self.lock();
        flight.ended.get_or_insert(End::Broken);
        flight.waiting.clear();
        drop(flight);
        self.room.notify_all();
    }
}

impl Flight {
    fn register(&mut self) -> (u32, Receiver<Received>) {
        let (to, reply) = sync_channel(1);
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.waiting.contains_key(&self.last_id) {
                break;
            }
        }
        self.waiting.insert(self.last_id, to);
        (self.last_id, reply)
    }
}

/// What the server says, frame by frame.
struct Replies {
    stream: TcpStream,
    deframer: Deframer<Reply>,
    /// What was read behind the last frame that was taken, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
}

impl Replies {
    fn of(stream: TcpStream) -> Self {
        Self { stream, deframer: Deframer::new(), bytes: Vec::new(), taken: 0 }
    }

    /// The next reply; `None` at the connection's end.
    fn next(&mut self) -> io::Result<Option<(u32, Reply, Bytes)>> {
        let mut head: Option<(u32, Reply)> = None;
        loop {
            let (used, step) = self.deframer.advance(&self.bytes[self.taken..], &Limits::default());
            self.taken += used;
            match step.map_err(|problem| io::Error::other(problem.detail))? {
                Step::More => {
                    if !self.read()? {
                        return Ok(None);
                    }
                }
                Step::Head(frame) if frame.payload_len.is_none() => {
                    return Ok(Some((frame.id, frame.message, Bytes::new())));
                }
                Step::Head(frame) => head = Some((frame.id, frame.message)),
                Step::Payload(payload) => {
                    return Ok(head.map(|(id, reply)| (id, reply, payload)));
                }
                Step::Refused(_, problem) => return Err(io::Error::other(problem.detail)),
            }
        }
    }

    /// Reads on, once all that was read is taken; `false` at the end.
    fn read(&mut self) -> io::Result<bool> {
        self.bytes.resize(READ_BYTES, 0);
        self.taken = 0;
        let count = self.stream.read(&mut self.bytes);
        self.bytes.truncate(*count.as_ref().unwrap_or(&0));
        Ok(count? > 0)
    }
}

/// The first of the address's places that takes a connection.
fn stream(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for place in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&place, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_in_flight_than_the_server_takes() {
        let flight = Flight { waiting: HashMap::new(), last_id: u32::MAX, most: 2, ended: None };
        let asked = Asked { flight: Mutex::new(flight), room: Condvar::new() };
        let (first, _reply) = asked.register(Instant::now()).unwrap();
        let (second, _reply) = asked.register(Instant::now()).unwrap();
        assert_eq!((first, second), (1, 2), "0 is no request");
        assert!(matches!(asked.register(Instant::now()), Err(Silence::NotConnected(_))));
        asked.forget(first);
        assert_eq!(asked.register(Instant::now()).unwrap().0, 3);
        asked.lock().ended = Some(End::Goodbye);
        assert!(matches!(asked.silence("it ended"), Silence::NotConnected(_)));
        asked.lock().ended = Some(End::Broken);
        assert!(matches!(asked.silence("it ended"), Silence::Lost(_)));
    }
}
