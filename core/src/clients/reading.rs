//! Reading: from a connection's bytes to orders. Every call is bounded: so many connections, and a
//! slice of each. It never looks at a body, and never writes to a socket.

use super::{Announced, Clients, Ordered, Orders, Screen};
use crate::connection::{Found, Speech, Stage};
use crate::exchange::{Order, Routed, Router};
use crate::limits::{CONNECTIONS_PER_TURN, READ_SLICE_BYTES, READ_TURN_BYTES, REQUESTS_PER_TURN};
use crate::patience::Awaited;
use crate::timeouts::NEVER;
use overtime_protocol::http::{CONTINUE, Head, Phase, Step};
use overtime_protocol::{Answer, Monotonic, Payload, SegmentPool};
use std::collections::VecDeque;
use std::io;

/// What reading keeps beside the connections.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) router: Router,
    /// Connections that have something to be read, served in order of arrival.
    ready: VecDeque<usize>,
    /// One buffer to read into: a connection keeps memory only for what is not whole yet.
    pub(super) scratch: Box<[u8]>,
    /// Large bodies are read straight into segments of these.
    pub(super) pool: SegmentPool,
    pub(super) orders: Orders,
}

impl Reading {
    pub(super) fn new(router: Router) -> Self {
        Self {
            router,
            ready: VecDeque::new(),
            scratch: vec![0; READ_SLICE_BYTES].into(),
            pool: SegmentPool::default(),
            orders: Orders::default(),
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Gives back the memory that is kept only to be used again.
    pub(super) fn give_back(&mut self) {
        self.pool.give_back();
        self.ready.shrink_to_fit();
    }
}

impl Clients {
    /// Has the connection served if there is something to be read and it may be.
    pub(super) fn list(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        let has_input = connection.readable || !connection.behind.is_empty();
        let is_gone = self.patience.awaited(index) == Some(Awaited::Gone);
        if has_input && !is_gone && !connection.listed && connection.takes_input() {
            connection.listed = true;
            self.reading.ready.push_back(index);
        }
    }

    /// Serves this turn's share of the connections that have something to be read, and returns
    /// the requests that are whole.
    pub(crate) fn read(&mut self, now: Monotonic, screen: Screen<'_>) -> Vec<Ordered> {
        let before = (self.counters.bytes_read, self.counters.requests);
        for _ in 0..self.reading.ready.len().min(CONNECTIONS_PER_TURN) {
            if self.has_read_enough(before) {
                break;
            }
            let Some(index) = self.reading.ready.pop_front() else { break };
            if let Some(connection) = self.connections.get_mut(index) {
                connection.listed = false;
                self.serve(index, now, screen);
                self.list(index);
            }
        }
        let counters = &mut self.counters;
        let (bytes, requests) = (counters.bytes_read - before.0, counters.requests - before.1);
        counters.turn_bytes_read_max = counters.turn_bytes_read_max.max(bytes);
        counters.turn_requests_max = counters.turn_requests_max.max(requests);
        self.reading.orders.hand_out()
    }

    fn has_read_enough(&self, (bytes, requests): (u64, u64)) -> bool {
        let bytes = self.counters.bytes_read - bytes;
        let requests = self.counters.requests - requests;
        bytes >= READ_TURN_BYTES || requests >= REQUESTS_PER_TURN
    }

    fn serve(&mut self, index: usize, now: Monotonic, screen: Screen<'_>) {
        let connection = &mut self.connections[index];
        if !connection.takes_input() || self.patience.awaited(index) == Some(Awaited::Gone) {
            return;
        }
        if let Speech::Native(_) = connection.speech {
            self.serve_native(index, now, screen);
            return;
        }
        if !connection.behind.is_empty() {
            let behind = std::mem::take(&mut connection.behind);
            self.feed(index, &behind, now, screen);
            return;
        }
        if !self.may_read(index, now) || self.fill(index, now) {
            return;
        }
        let mut scratch = std::mem::take(&mut self.reading.scratch);
        let found = self.connections[index].read(&mut scratch);
        if let Some(count) = self.found(index, found, now) {
            self.hear(index, &scratch[..count], now, screen);
        }
        self.reading.scratch = scratch;
    }

    /// Reads a turn's slice straight into the body under way; `false` if that is not the way.
    fn fill(&mut self, index: usize, now: Monotonic) -> bool {
        let mut slice = 0;
        while slice < READ_SLICE_BYTES {
            let Some(found) = self.connections[index].read_body(&self.reading.pool) else {
                return slice > 0;
            };
            let Some(count) = self.found(index, found, now) else { return true };
            slice += count;
            if !self.take_read(index, count, now) {
                return true;
            }
        }
        true
    }

    /// Counts what a read found; `None` if that is nothing to go on with.
    pub(super) fn found(
        &mut self,
        index: usize,
        found: io::Result<Found>,
        now: Monotonic,
    ) -> Option<usize> {
        self.counters.reads += 1;
        match found {
            Ok(Found::Bytes(count)) => {
                self.counters.bytes_read += count as u64;
                return Some(count);
            }
            Ok(Found::Nothing) => {}
            // Between requests and within one alike: whoever sends no more gets no more, and
            // nothing that is not whole is run.
            Ok(Found::End) | Err(_) => self.leave(index, now),
        }
        None
    }

    /// Takes what was read into the body under way; says whether to read on.
    fn take_read(&mut self, index: usize, count: usize, now: Monotonic) -> bool {
        let connection = &mut self.connections[index];
        let copied = connection.deframer.copied();
        let step = connection.deframer.filled(count, &self.limits.http, &mut connection.behind);
        self.counters.bytes_copied += connection.deframer.copied() - copied;
        match step {
            Ok(Step::More) => {
                self.await_more(index, count, now);
                return self.connections[index].readable;
            }
            Ok(Step::Body(payload)) => self.take_body(index, payload),
            Ok(Step::Head(_)) => unreachable!("a body ends before the next head"),
            Err(problem) => self.refuse(index, problem),
        }
        false
    }

    pub(super) fn feed(
        &mut self,
        index: usize,
        mut input: &[u8],
        now: Monotonic,
        screen: Screen<'_>,
    ) {
        let count = input.len();
        loop {
            let connection = &mut self.connections[index];
            if matches!(connection.stage, Stage::Lingering) {
                return;
            }
            let copied = connection.deframer.copied();
            let (used, step) = connection.deframer.advance(input, &self.limits.http);
            self.counters.bytes_copied += connection.deframer.copied() - copied;
            input = &input[used..];
            match step {
                Ok(Step::More) => {
                    self.await_more(index, count, now);
                    return;
                }
                Ok(Step::Head(head)) => {
                    input = self.take_head(index, &head, input, (now, &mut *screen));
                    let connection = &mut self.connections[index];
                    if let Stage::Paused(_) = connection.stage {
                        connection.behind.extend_from_slice(input);
                    } else if input.is_empty() {
                        self.invite(index, &head);
                    }
                }
                Ok(Step::Body(payload)) => {
                    self.connections[index].behind.extend_from_slice(input);
                    self.take_body(index, payload);
                    return;
                }
                Err(problem) => {
                    self.refuse(index, problem);
                    return;
                }
            }
            if !self.connections[index].takes_input() {
                return;
            }
        }
    }

    /// The input, which was so long, ended within a request.
    fn await_more(&mut self, index: usize, count: usize, now: Monotonic) {
        match self.connections[index].deframer.phase() {
            Phase::Idle | Phase::Refused => {}
            Phase::Head => self.patience.go_on(index, Awaited::Head, now),
            Phase::Body => self.go_on_pace(index, Awaited::Body, count as u64, now),
        }
    }

    /// Takes a head in, behind which `input` has come. Returns what of that is still to be looked at.
    fn take_head<'a>(
        &mut self,
        index: usize,
        head: &Head,
        input: &'a [u8],
        (now, screen): (Monotonic, Screen<'_>),
    ) -> &'a [u8] {
        self.counters.requests += 1;
        let (mut routed, context) = self.reading.router.route(head);
        // The memory for payloads is not the engine's to refuse: bodies wait for it.
        // What has a key may be known, and is then no new work.
        let tenant = routed.caller.tenant;
        if let Order::Submit { key: None, lane, .. } = routed.order
            && let Err(problem) = screen(Announced { tenant, lane, has_memory: true })
        {
            routed.order = Order::Refuse(Box::new(problem));
        }
        match routed {
            Routed { order: Order::Refuse(problem), .. } => {
                return self.refuse_on_head(index, (head, input), (problem, context), now);
            }
            routed => {
                let expected = self.expect_body(index, head, (routed, context), now);
                if let Err((context, why)) = expected {
                    self.refuse_body(index, context, why.problem(tenant, screen).into());
                }
            }
        }
        input
    }

    /// Asks for the body if its sender waits for that. Whoever has begun to send it does not.
    fn invite(&mut self, index: usize, head: &Head) {
        let is_ordered = matches!(self.connections[index].stage, Stage::Ordered(_));
        if is_ordered && head.expects_continue() {
            self.send(index, CONTINUE);
        }
    }

    fn take_body(&mut self, index: usize, payload: Payload) {
        let request = self.reading.orders.name_request();
        let connection = &mut self.connections[index];
        connection.request = request;
        let stage = std::mem::replace(&mut connection.stage, Stage::Reading);
        let Stage::Ordered(ordered) = stage else {
            unreachable!("a body follows its head");
        };
        let (routed, context) = *ordered;
        connection.stage = Stage::Waiting(Box::new(context));
        self.budget.settle(std::mem::take(&mut connection.share), payload.len());
        self.wait_until(index, NEVER);
        match routed {
            Routed { order: Order::Refuse(problem), .. } => {
                self.handed_over(payload.len());
                self.counters.refused += 1;
                self.answer_here(index, Answer::Problem(problem));
            }
            routed => self.reading.orders.take((index, request), routed, payload),
        }
    }
}
