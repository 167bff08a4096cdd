//! The clients: every connection, from bytes to orders and from answers to bytes.

use crate::connection::{Connection, Found, Stage};
use crate::exchange::{Order, Router};
use crate::limits::{
    CONNECTIONS_PER_TURN, DISCARD_MAX_BYTES, LINGER_CLOSE, Limits, READ_SLICE_BYTES,
};
use crate::output::{Output, Written};
use crate::snapshot::Counters;
use crate::timeouts::{NEVER, Timeouts};
use bytes::Bytes;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use overtime_protocol::http::{
    After, CONTINUE, Deframer, Head, Phase, ReplyContext, Step, write_answer,
};
use overtime_protocol::{Answer, Code, Monotonic, Payload, Problem, ReplyTo};
use slab::Slab;
use std::collections::VecDeque;
use std::net::Shutdown;
use std::ops::Range;
use std::time::Duration;

mod date;

/// What a request that is fully read asks of the engine.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) reply_to: ReplyTo,
    pub(crate) order: Order,
    pub(crate) payload: Payload,
}

/// Decides on the head alone whether a submission of that many bytes may come in.
pub(crate) type Screen<'a> = &'a mut dyn FnMut(u64) -> Result<(), Problem>;

/// Every connection.
#[derive(Debug)]
pub(crate) struct Clients {
    connections: Slab<Connection>,
    router: Router,
    limits: Limits,
    timeouts: Timeouts,
    /// Connections that have something to be read, served in order of arrival.
    ready: VecDeque<usize>,
    /// One buffer to read into: a connection keeps memory only for what is not whole yet.
    scratch: Box<[u8]>,
    /// Heads and small bodies of this turn's answers.
    encoded: Vec<u8>,
    flushes: Vec<Flush>,
    ordered: Vec<Ordered>,
    date: date::DateField,
    next_request: u32,
    /// From here on every connection closes behind its answer.
    pub(crate) closing: bool,
    pub(crate) counters: Counters,
    /// Connections that closed since the listener was last told.
    pub(crate) closed: usize,
}

/// One connection's share of the flush phase.
#[derive(Debug)]
struct Flush {
    index: usize,
    head: Range<usize>,
    body: Option<Bytes>,
}

impl Clients {
    pub(crate) fn new(router: Router, limits: Limits) -> Self {
        Self {
            connections: Slab::new(),
            router,
            limits,
            timeouts: Timeouts::default(),
            ready: VecDeque::new(),
            scratch: vec![0; READ_SLICE_BYTES].into(),
            encoded: Vec::new(),
            flushes: Vec::new(),
            ordered: Vec::new(),
            date: date::DateField::default(),
            next_request: 0,
            closing: false,
            counters: Counters::default(),
            closed: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// How many more connections may be let in.
    pub(crate) fn room(&self) -> usize {
        self.limits.connections_max.saturating_sub(self.connections.len())
    }

    /// Whether the loop must not sleep.
    pub(crate) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.flushes.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.timeouts.next_at()
    }

    /// Whether an answer is still on its way out.
    pub(crate) fn owes_output(&self) -> bool {
        self.connections.iter().any(|(_, connection)| !connection.output.is_empty())
    }

    pub(crate) fn admit(&mut self, mut stream: TcpStream, registry: &Registry, now: Monotonic) {
        let entry = self.connections.vacant_entry();
        let index = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        // Whoever cannot be registered or set up is gone already.
        if registry.register(&mut stream, Token(index), interest).is_err() {
            return;
        }
        let _ = stream.set_nodelay(true);
        self.counters.accepted += 1;
        entry.insert(Connection {
            stream,
            deframer: Deframer::new(),
            stage: Stage::Reading,
            behind: Vec::new(),
            output: Output::default(),
            request: 0,
            deadline: self.timeouts.add(index, now + self.limits.head_timeout),
            readable: false,
            read_closed: false,
            listed: false,
        });
    }

    /// The poll says that something has changed for a connection.
    pub(crate) fn note(&mut self, index: usize, event: &Event) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        if event.is_error() || (event.is_read_closed() && event.is_write_closed()) {
            self.close(index);
            return;
        }
        connection.read_closed |= event.is_read_closed();
        connection.readable |= event.is_readable() || event.is_read_closed();
        if event.is_writable() && !connection.output.is_empty() {
            self.flushes.push(Flush { index, head: 0..0, body: None });
        }
        self.list(index);
    }

    fn list(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let has_input = connection.readable || !connection.behind.is_empty();
        if has_input && !connection.listed && connection.takes_input() {
            connection.listed = true;
            self.ready.push_back(index);
        }
    }

    /// Serves this turn's share of the connections that have something to be read, and returns
    /// the requests that are whole.
    pub(crate) fn read(&mut self, now: Monotonic, screen: Screen<'_>) -> Vec<Ordered> {
        for _ in 0..self.ready.len().min(CONNECTIONS_PER_TURN) {
            let Some(index) = self.ready.pop_front() else { break };
            if let Some(connection) = self.connections.get_mut(index) {
                connection.listed = false;
                self.serve(index, now, screen);
                self.list(index);
            }
        }
        std::mem::take(&mut self.ordered)
    }

    fn serve(&mut self, index: usize, now: Monotonic, screen: Screen<'_>) {
        let connection = &mut self.connections[index];
        if !connection.takes_input() {
            return;
        }
        if !connection.behind.is_empty() {
            let behind = std::mem::take(&mut connection.behind);
            self.feed(index, &behind, now, screen);
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        match connection.read(&mut scratch) {
            Ok(Found::Bytes(count)) => {
                self.counters.bytes_read += count as u64;
                self.feed(index, &scratch[..count], now, screen);
            }
            Ok(Found::Nothing) => {}
            // Between requests and within one alike: whoever sends no more gets no more, and
            // nothing that is not whole is run.
            Ok(Found::End) | Err(_) => self.close(index),
        }
        self.scratch = scratch;
    }

    fn feed(&mut self, index: usize, mut input: &[u8], now: Monotonic, screen: Screen<'_>) {
        loop {
            let connection = &mut self.connections[index];
            if matches!(connection.stage, Stage::Lingering) {
                return;
            }
            let (used, step) = connection.deframer.advance(input, &self.limits.http);
            input = &input[used..];
            match step {
                Ok(Step::More) => {
                    self.await_more(index, now);
                    return;
                }
                Ok(Step::Head(head)) => self.take_head(index, &head, now, screen),
                Ok(Step::Body(payload)) => {
                    self.connections[index].behind.extend_from_slice(input);
                    self.take_body(index, payload, now);
                    return;
                }
                Err(problem) => {
                    self.counters.refused += 1;
                    self.answer_and_close(index, problem.into());
                    return;
                }
            }
            if !self.connections[index].takes_input() {
                return;
            }
        }
    }

    /// The input ended within a request: the next bytes are due by a deadline.
    fn await_more(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let due = match connection.deframer.phase() {
            Phase::Idle | Phase::Refused => return,
            // From the first byte on the whole head has one deadline, however it dribbles.
            Phase::Head => connection.deadline.at.min(now + self.limits.head_timeout),
            Phase::Body => now + self.limits.body_progress_timeout,
        };
        self.timeouts.set(index, &mut connection.deadline, due);
    }

    fn take_head(&mut self, index: usize, head: &Head, now: Monotonic, screen: Screen<'_>) {
        self.counters.requests += 1;
        let (mut order, mut context) = self.router.route(head);
        if let Order::Submit { .. } = order {
            let declared = head.declared_length().unwrap_or_default();
            if let Err(problem) = screen(declared) {
                order = Order::Refuse(Box::new(problem));
            }
        }
        let connection = &mut self.connections[index];
        let expects = head.expects_continue();
        match order {
            Order::Refuse(problem)
                if expects || !is_short(connection.deframer.body_remaining()) =>
            {
                self.counters.refused += 1;
                context.after = After::Close;
                connection.stage = Stage::Waiting(Box::new(context));
                self.answer_here(index, (*problem).into());
            }
            order => {
                connection.stage = Stage::Ordered(Box::new((order, context)));
                if expects {
                    self.send(index, CONTINUE);
                }
                let deadline = now + self.limits.body_progress_timeout;
                let connection = &mut self.connections[index];
                self.timeouts.set(index, &mut connection.deadline, deadline);
            }
        }
    }

    fn take_body(&mut self, index: usize, payload: Payload, _now: Monotonic) {
        self.next_request = self.next_request.wrapping_add(1);
        let connection = &mut self.connections[index];
        connection.request = self.next_request;
        let reply_to = reply_to(index, connection.request);
        let stage = std::mem::replace(&mut connection.stage, Stage::Reading);
        let Stage::Ordered(ordered) = stage else {
            unreachable!("a body follows its head");
        };
        let (order, context) = *ordered;
        connection.stage = Stage::Waiting(Box::new(context));
        self.timeouts.set(index, &mut connection.deadline, NEVER);
        match order {
            Order::Refuse(problem) => {
                self.counters.refused += 1;
                self.answer_here(index, (*problem).into());
            }
            order => self.ordered.push(Ordered { reply_to, order, payload }),
        }
    }

    /// Sends an answer to whom it is for, if that caller is still there.
    pub(crate) fn answer(&mut self, to: ReplyTo, answer: Answer) {
        let (index, request) = ((to.0 & u64::from(u32::MAX)) as usize, (to.0 >> 32) as u32);
        let waits = |connection: &&Connection| {
            connection.request == request && matches!(connection.stage, Stage::Waiting(_))
        };
        match self.connections.get(index).filter(waits) {
            Some(_) => self.answer_here(index, answer),
            None => self.counters.undelivered += 1,
        }
    }

    fn answer_here(&mut self, index: usize, answer: Answer) {
        let connection = &mut self.connections[index];
        let stage = std::mem::replace(&mut connection.stage, Stage::Answering(After::KeepAlive));
        let Stage::Waiting(mut context) = stage else {
            unreachable!("only a request that waits is answered");
        };
        if self.closing {
            context.after = After::Close;
        }
        connection.stage = Stage::Answering(context.after);
        self.encode(index, answer, &context);
    }

    /// Answers something that was never a request.
    fn answer_and_close(&mut self, index: usize, answer: Answer) {
        self.connections[index].stage = Stage::Answering(After::Close);
        self.encode(index, answer, &ReplyContext::closing());
    }

    fn encode(&mut self, index: usize, answer: Answer, context: &ReplyContext) {
        let start = self.encoded.len();
        let body = write_answer(answer, context, self.date.text(), &mut self.encoded);
        self.flushes.push(Flush { index, head: start..self.encoded.len(), body });
    }

    fn send(&mut self, index: usize, bytes: &[u8]) {
        let start = self.encoded.len();
        self.encoded.extend_from_slice(bytes);
        self.flushes.push(Flush { index, head: start..self.encoded.len(), body: None });
    }

    /// Sets the clock that answers show.
    pub(crate) fn set_date(&mut self, now: overtime_protocol::UnixMillis) {
        self.date.set(now);
    }

    /// Writes what this turn has for each connection.
    pub(crate) fn flush(&mut self, now: Monotonic) {
        let encoded = std::mem::take(&mut self.encoded);
        for flush in std::mem::take(&mut self.flushes) {
            self.flush_one(flush, &encoded, now);
        }
        self.encoded = encoded;
        self.encoded.clear();
        // A turn with many or large answers must not cost memory for ever.
        self.encoded.shrink_to(READ_SLICE_BYTES * 4);
    }

    fn flush_one(&mut self, flush: Flush, encoded: &[u8], now: Monotonic) {
        let Flush { index, head, body } = flush;
        let Some(connection) = self.connections.get_mut(index) else { return };
        let Connection { stream, output, .. } = connection;
        match output.write(stream, &encoded[head], body, &mut self.counters.bytes_written) {
            Ok(Written::All) => self.after_output(index, now),
            Ok(Written::Slice) => {
                self.await_write(index, now);
                self.flushes.push(Flush { index, head: 0..0, body: None });
            }
            Ok(Written::Blocked) => self.await_write(index, now),
            Err(_) => self.close(index),
        }
    }

    /// A peer that does not read its answer is given up like one that does not send its body.
    fn await_write(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let deadline = now + self.limits.body_progress_timeout;
        self.timeouts.set(index, &mut connection.deadline, deadline);
    }

    fn after_output(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        match connection.stage {
            Stage::Answering(After::KeepAlive) => {
                connection.stage = Stage::Reading;
                let deadline = now + self.limits.idle_timeout;
                self.timeouts.set(index, &mut connection.deadline, deadline);
                self.list(index);
            }
            Stage::Answering(After::Close) => {
                connection.stage = Stage::Lingering;
                connection.behind = Vec::new();
                if connection.stream.shutdown(Shutdown::Write).is_err() {
                    self.close(index);
                    return;
                }
                self.timeouts.set(index, &mut connection.deadline, now + LINGER_CLOSE);
                self.list(index);
            }
            Stage::Reading | Stage::Ordered(_) | Stage::Waiting(_) | Stage::Lingering => {}
        }
    }

    /// Closes those whose time is up, at most `max`; returns how many entries came up.
    pub(crate) fn expire(&mut self, max: usize, now: Monotonic) -> usize {
        let mut seen = 0;
        while seen < max {
            let Some(index) = self.timeouts.pop(now) else { break };
            seen += 1;
            let Some(connection) = self.connections.get_mut(index) else { continue };
            if connection.deadline.at > now {
                self.timeouts.renew(index, &mut connection.deadline);
            } else {
                self.time_out(index, now);
            }
        }
        seen
    }

    fn time_out(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let phase = connection.deframer.phase();
        let reads = matches!(connection.stage, Stage::Reading | Stage::Ordered(_));
        if !matches!(connection.stage, Stage::Lingering) {
            self.counters.timed_out += 1;
        }
        if !reads || phase == Phase::Idle {
            self.close(index);
            return;
        }
        connection.deadline.at = now + Duration::from_secs(1);
        self.timeouts.renew(index, &mut connection.deadline);
        let detail = "the rest of the request did not arrive in time";
        let problem = Problem::new(Code::RequestTimeout, detail);
        self.answer_and_close(index, problem.into());
    }

    fn close(&mut self, index: usize) {
        let Some(connection) = self.connections.try_remove(index) else { return };
        self.timeouts.remove(index, &connection.deadline);
        self.closed += 1;
    }

    /// Closes the connections on which nobody is owed anything.
    pub(crate) fn close_idle(&mut self) {
        let idle = |connection: &Connection| {
            matches!(connection.stage, Stage::Reading) && connection.deframer.phase() == Phase::Idle
        };
        let indexes = self.connections.iter().filter(|(_, connection)| idle(connection));
        let indexes: Vec<usize> = indexes.map(|(index, _)| index).collect();
        indexes.into_iter().for_each(|index| self.close(index));
    }
}

fn reply_to(index: usize, request: u32) -> ReplyTo {
    ReplyTo((u64::from(request) << 32) | index as u64)
}

/// Whether what is left of a body is known and little enough to be thrown away.
fn is_short(remaining: Option<u64>) -> bool {
    remaining.is_some_and(|bytes| bytes <= DISCARD_MAX_BYTES)
}
