//! Frames: events as the bytes of a stream (HTML, server-sent events), in a chunk of their own
//! where chunks are spoken (RFC 9112, section 7.1). It decides nothing.

use bytes::Bytes;
use overtime_protocol::http::Version;
use overtime_protocol::{TaskEvent, TaskId};
use std::io::Write;
use std::ops::Range;

/// A comment says that the server is still there.
const HEARTBEAT: &[u8] = b":\n\n";

/// How the body of a stream is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// In chunks.
    Chunked,
    /// Not at all: its end is that of the connection.
    Plain,
}

impl Coding {
    pub(crate) fn of(version: Version) -> Self {
        match version {
            Version::Http10 => Self::Plain,
            Version::Http11 => Self::Chunked,
        }
    }

    /// These events, one behind the other.
    pub(crate) fn events(self, task: TaskId, events: &[TaskEvent]) -> Bytes {
        let mut body = Vec::new();
        events.iter().for_each(|event| write_event(task, event, &mut body));
        match self {
            Self::Plain => body.into(),
            Self::Chunked => chunk(&body).0,
        }
    }

    /// What is said when there is nothing to say.
    pub(crate) fn heartbeat(self) -> Bytes {
        match self {
            Self::Plain => Bytes::from_static(HEARTBEAT),
            Self::Chunked => Bytes::from_static(b"3\r\n:\n\n\r\n"),
        }
    }

    /// The end of the body.
    pub(crate) fn end(self) -> Bytes {
        match self {
            Self::Plain => Bytes::new(),
            Self::Chunked => Bytes::from_static(b"0\r\n\r\n"),
        }
    }
}

/// What one write takes.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) pieces: Vec<Bytes>,
    /// How many events they are.
    pub(crate) events: u64,
    /// The last event of the task is among them.
    pub(crate) is_final: bool,
}

/// One event, encoded once for all who follow its task.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) sequence: u64,
    /// Whether nothing comes behind it.
    pub(crate) is_final: bool,
    chunk: Bytes,
    body: Range<usize>,
}

impl Frame {
    pub(crate) fn of(task: TaskId, event: &TaskEvent) -> Self {
        let mut text = Vec::with_capacity(256);
        write_event(task, event, &mut text);
        let (chunk, body) = chunk(&text);
        Self { sequence: event.sequence, is_final: event.is_final(), chunk, body }
    }

    /// The bytes, which are shared.
    pub(crate) fn bytes(&self, coding: Coding) -> Bytes {
        match coding {
            Coding::Chunked => self.chunk.clone(),
            Coding::Plain => self.chunk.slice(self.body.clone()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunk.len()
    }
}

fn write_event(task: TaskId, event: &TaskEvent, out: &mut Vec<u8>) {
    let TaskEvent { sequence, .. } = event;
    let _ = write!(out, "id: {sequence}\nevent: {}\ndata: ", event.name());
    event.write_json(task, out);
    out.extend_from_slice(b"\n\n");
}

/// The chunk that holds `body`, and where in it that lies.
fn chunk(body: &[u8]) -> (Bytes, Range<usize>) {
    let mut chunk = Vec::with_capacity(body.len() + 12);
    let _ = write!(chunk, "{:x}\r\n", body.len());
    let start = chunk.len();
    chunk.extend_from_slice(body);
    chunk.extend_from_slice(b"\r\n");
    (chunk.into(), start..start + body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::{News, TaskState, UnixMillis};

    #[test]
    fn an_event_is_three_lines_and_an_empty_one_within_a_chunk() {
        let task = TaskId::from_key(1 << 40).unwrap();
        let news = News::State(TaskState::Succeeded);
        let event = TaskEvent { sequence: 12, at: UnixMillis(0), attempt: 1, news };
        let frame = Frame::of(task, &event);
        let plain = String::from_utf8(frame.bytes(Coding::Plain).to_vec()).unwrap();
        let (head, data) = plain.split_once("data: ").unwrap();
        assert_eq!(head, "id: 12\nevent: state\n");
        assert!(data.starts_with('{') && data.ends_with("}\n\n"), "{data:?}");
        assert_eq!(data.matches('\n').count(), 2, "{data:?}");
        let chunked = format!("{:x}\r\n{plain}\r\n", plain.len());
        assert_eq!(frame.bytes(Coding::Chunked), chunked);
        assert_eq!(Coding::Chunked.events(task, std::slice::from_ref(&event)), chunked);
        assert_eq!(Coding::Plain.events(task, std::slice::from_ref(&event)), plain);
        assert!(frame.is_final);
    }
}
