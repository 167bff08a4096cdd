//! A stream of server-sent events as a follower reads it: the head of the answer, the chunks of its
//! body, the events in them. It knows no socket, and it does not matter how the bytes were cut.

use crate::head::header;
use anyhow::{Context, bail};
use memchr::{memchr, memmem};

/// The longest line of a chunk's framing.
const FRAMING_MAX: usize = 64;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its place in the log.
    pub id: u64,
    /// What it tells.
    pub data: &'a str,
}

/// What has come of a stream.
#[derive(Debug, Default)]
pub struct EventStream {
    place: Place,
    /// What has come and belongs to no whole head, chunk or end yet.
    wire: Vec<u8>,
    events: Events,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Head,
    Body,
    End,
}

impl EventStream {
    /// Takes what has come, and shows each event that is whole. The rest of `bytes` is forgotten as
    /// soon as `show` says that it has seen enough.
    pub fn take(
        &mut self,
        bytes: &[u8],
        mut show: impl FnMut(Event<'_>) -> bool,
    ) -> anyhow::Result<()> {
        self.wire.extend_from_slice(bytes);
        if self.place == Place::Head {
            self.take_head()?;
        }
        while self.place == Place::Body {
            let Some((start, length)) = chunk(&self.wire)? else { break };
            let Some(after) = self.wire.get(start + length..start + length + 2) else { break };
            if after != b"\r\n" {
                bail!("a chunk does not end where it should");
            }
            if length == 0 {
                self.place = Place::End;
            }
            let goes_on = self.events.take(&self.wire[start..start + length], &mut show)?;
            self.wire.drain(..start + length + 2);
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// Whether the server has ended it.
    pub fn is_over(&self) -> bool {
        self.place == Place::End
    }

    fn take_head(&mut self) -> anyhow::Result<()> {
        let Some(end) = memmem::find(&self.wire, b"\r\n\r\n") else { return Ok(()) };
        let head = &self.wire[..end + 4];
        if !head.starts_with(b"HTTP/1.1 200 ") {
            bail!("no stream: {}", String::from_utf8_lossy(&self.wire));
        }
        let is_stream = header(head, "content-type")
            .is_some_and(|value| value.starts_with("text/event-stream"));
        if !is_stream || header(head, "transfer-encoding") != Some("chunked") {
            bail!("no stream of events in chunks: {}", String::from_utf8_lossy(head));
        }
        self.wire.drain(..end + 4);
        self.place = Place::Body;
        Ok(())
    }
}

/// Where the data of the first chunk starts, and how long it is.
fn chunk(wire: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = memmem::find(wire, b"\r\n") else {
        if wire.len() > FRAMING_MAX {
            bail!("a chunk has no size");
        }
        return Ok(None);
    };
    let digits = str::from_utf8(&wire[..end]).context("a chunk's size is no text")?;
    let length = usize::from_str_radix(digits, 16)
        .with_context(|| format!("a chunk's size is {digits:?}"))?;
    Ok(Some((end + 2, length)))
}

/// The events of a body.
#[derive(Debug, Default)]
struct Events {
    line: Vec<u8>,
    id: Option<u64>,
    data: String,
}

impl Events {
    /// False if `show` has seen enough.
    fn take(
        &mut self,
        mut bytes: &[u8],
        show: &mut impl FnMut(Event<'_>) -> bool,
    ) -> anyhow::Result<bool> {
        while let Some(end) = memchr(b'\n', bytes) {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = str::from_utf8(&line).context("a line of an event is no text")?;
            if !self.take_line(line, show)? {
                return Ok(false);
            }
        }
        self.line.extend_from_slice(bytes);
        Ok(true)
    }

    fn take_line(
        &mut self,
        line: &str,
        show: &mut impl FnMut(Event<'_>) -> bool,
    ) -> anyhow::Result<bool> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            // A comment ends with an empty line too, and says nothing.
            let Some(id) = self.id.take() else { return Ok(true) };
            return Ok(show(Event { id, data: &data }));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => self.id = Some(value.parse().context("the id of an event is no number")?),
            "data" => self.data.push_str(value),
            _ => {}
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn chunked(parts: &[&str]) -> Vec<u8> {
        let mut wire = HEAD.to_vec();
        for part in parts {
            wire.extend_from_slice(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes());
        }
        wire
    }

    fn read(wire: &[u8], cut: usize) -> (Vec<(u64, String)>, bool) {
        let (mut stream, mut seen) = (EventStream::default(), Vec::new());
        for bytes in wire.chunks(cut) {
            let note = |event: Event<'_>| {
                seen.push((event.id, event.data.to_owned()));
                true
            };
            stream.take(bytes, note).unwrap();
        }
        (seen, stream.is_over())
    }

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let parts =
            ["id: 7\nevent: state\nda", "ta: {\"a\":1}\n\n: beat\n\nid: 9\ndata: x\n\n", ""];
        let wire = chunked(&parts);
        for cut in 1..wire.len() {
            let (seen, is_over) = read(&wire, cut);
            assert_eq!(seen, [(7, "{\"a\":1}".to_owned()), (9, "x".to_owned())], "cut at {cut}");
            assert!(is_over);
        }
    }

    #[test]
    fn half_an_event_is_none_and_a_stream_without_its_end_goes_on() {
        let (seen, is_over) = read(&chunked(&["id: 7\ndata: x\n"]), 5);
        assert_eq!((seen.len(), is_over), (0, false));
    }

    #[test]
    fn who_has_seen_enough_is_shown_no_more() {
        let mut count = 0;
        let enough = |_: Event<'_>| {
            count += 1;
            false
        };
        let wire = chunked(&["id: 1\ndata: x\n\nid: 2\ndata: x\n\n"]);
        EventStream::default().take(&wire, enough).unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn what_is_no_stream_is_told() {
        for wire in [
            &b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
            &[HEAD, b"zz\r\n"].concat(),
        ] {
            assert!(EventStream::default().take(wire, |_| true).is_err());
        }
    }
}
