//! What still has to be written to one connection.

use crate::limits::{WRITE_PIECES_MAX, WRITE_SLICE_BYTES};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

/// Pieces in order; empty, and without memory, as long as the socket takes everything at once.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Bytes>,
}

/// How a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Everything is out.
    All,
    /// The turn's slice is used up; go on in the next.
    Slice,
    /// The socket takes no more for now.
    Blocked,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Writes `head` and `body` behind what is left from before, and keeps what does not fit.
    /// `head` is copied only then. Adds the bytes written to `count`.
    pub(crate) fn write(
        &mut self,
        socket: &mut impl Write,
        head: &[u8],
        body: Option<Bytes>,
        count: &mut u64,
    ) -> io::Result<Written> {
        let mut head_left = head;
        if self.is_empty() && !head.is_empty() {
            let slice = body.as_ref().map_or(&[][..], |body| &body[..]);
            let slice = &slice[..slice.len().min(WRITE_SLICE_BYTES)];
            let slices = [IoSlice::new(head), IoSlice::new(slice)];
            let written =
                write_once(socket, if slice.is_empty() { &slices[..1] } else { &slices })?;
            *count += written as u64;
            head_left = &head[written.min(head.len())..];
            if let Some(mut body) = body {
                body.advance(written - (head.len() - head_left.len()));
                self.pieces.push_front(body);
            }
            if !head_left.is_empty() {
                self.pieces.push_front(Bytes::copy_from_slice(head_left));
            }
            self.pieces.retain(|piece| !piece.is_empty());
            return Ok(self.standing(written));
        }
        self.push(Bytes::copy_from_slice(head_left));
        self.push(body.unwrap_or_default());
        self.write_pieces(socket, count)
    }

    fn write_pieces(&mut self, socket: &mut impl Write, count: &mut u64) -> io::Result<Written> {
        let Some(first) = self.pieces.front_mut() else { return Ok(Written::All) };
        let slice = &first[..first.len().min(WRITE_SLICE_BYTES)];
        let written = write_once(socket, &[IoSlice::new(slice)])?;
        *count += written as u64;
        first.advance(written);
        if first.is_empty() {
            self.pieces.pop_front();
        }
        Ok(self.standing(written))
    }

    /// Writes what waits, many pieces at once.
    pub(crate) fn write_many(
        &mut self,
        socket: &mut impl Write,
        count: &mut u64,
    ) -> io::Result<Written> {
        let mut slices = [IoSlice::new(&[]); WRITE_PIECES_MAX];
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
        }
        let written = match self.pieces.len().min(WRITE_PIECES_MAX) {
            0 => return Ok(Written::All),
            pieces => write_once(socket, &slices[..pieces])?,
        };
        *count += written as u64;
        let mut left = written;
        while left > 0
            && let Some(first) = self.pieces.front_mut()
        {
            let taken = left.min(first.len());
            first.advance(taken);
            left -= taken;
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
        Ok(self.standing(written))
    }

    fn standing(&mut self, written: usize) -> Written {
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
            Written::All
        } else if written == 0 {
            Written::Blocked
        } else {
            Written::Slice
        }
    }
}

/// One write, vectored only where there is more than one slice, because that costs the kernel more;
/// 0 if the socket would block.
fn write_once(socket: &mut impl Write, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        let written = match slices {
            [slice] => socket.write(slice),
            slices => socket.write_vectored(slices),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => return Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `room` bytes a call, then blocks until it is given more.
    struct Socket {
        room: VecDeque<usize>,
        taken: Vec<u8>,
    }

    impl Write for Socket {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Some(room) = self.room.pop_front() else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            let taken = room.min(bytes.len());
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let joined: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.write(&joined)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whatever_the_socket_takes_at_once_the_bytes_come_out_in_order() {
        for room in 1..12 {
            let mut socket = Socket { room: VecDeque::new(), taken: Vec::new() };
            let (mut output, mut count) = (Output::default(), 0);
            socket.room.push_back(room);
            let body = Some(Bytes::from_static(b"body"));
            let mut state = output.write(&mut socket, b"head-", body, &mut count).unwrap();
            while state != Written::All {
                socket.room.push_back(room);
                state = output.write(&mut socket, b"", None, &mut count).unwrap();
            }
            assert_eq!(socket.taken, b"head-body", "{room} bytes a call");
            assert_eq!(count, 9);
            assert!(output.is_empty());
        }
    }

    #[test]
    fn many_pieces_leave_in_one_write_and_what_is_left_in_the_next() {
        let mut socket = Socket { room: VecDeque::from([7, 4]), taken: Vec::new() };
        let (mut output, mut count) = (Output::default(), 0);
        for piece in ["one", "two", "three"] {
            output.push(Bytes::from_static(piece.as_bytes()));
        }
        for expected in [Written::Slice, Written::All] {
            assert_eq!(output.write_many(&mut socket, &mut count).unwrap(), expected);
        }
        assert_eq!((&socket.taken[..], count), (&b"onetwothree"[..], 11));
        assert_eq!(output.write_many(&mut socket, &mut count).unwrap(), Written::All);
        output.push(Bytes::from_static(b"x"));
        socket.room.clear();
        assert_eq!(output.write_many(&mut socket, &mut count).unwrap(), Written::Blocked);
    }

    #[test]
    fn a_later_answer_waits_behind_an_earlier_one() {
        let mut socket = Socket { room: VecDeque::new(), taken: Vec::new() };
        let (mut output, mut count) = (Output::default(), 0);
        let blocked = output.write(&mut socket, b"one", None, &mut count).unwrap();
        assert_eq!(blocked, Written::Blocked);
        socket.room.extend([2, 9, 9]);
        let mut state = output.write(&mut socket, b"two", None, &mut count).unwrap();
        while state != Written::All {
            state = output.write(&mut socket, b"", None, &mut count).unwrap();
        }
        assert_eq!(socket.taken, b"onetwo");
    }
}
