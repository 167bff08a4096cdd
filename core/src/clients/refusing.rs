//! Refusing: what becomes of a request that its head has decided against, and of what is no request.
//! Callers are refused by the ten thousand just when there is least to spare, so whoever is refused
//! with all of its request in one read has nothing allocated for it here. It never decides whom to
//! refuse.

use super::Clients;
use crate::callers::Caller;
use crate::connection::Stage;
use crate::exchange::{Order, Routed};
use crate::limits::DISCARD_MAX_BYTES;
use crate::patience::Awaited;
use crate::timeouts::NEVER;
use overtime_protocol::http::{After, Head, ReplyContext};
use overtime_protocol::{Answer, Monotonic, Problem};

impl Clients {
    /// What came is not a request.
    pub(super) fn refuse(&mut self, index: usize, problem: Problem) {
        self.counters.refused += 1;
        self.answer_and_close(index, problem.into());
    }

    /// The head decides that the request is refused, and `input` is what has come behind it. Returns
    /// what of that is still to be looked at.
    pub(super) fn refuse_on_head<'a>(
        &mut self,
        index: usize,
        (head, input): (&Head, &'a [u8]),
        (problem, context): (Box<Problem>, ReplyContext),
        now: Monotonic,
    ) -> &'a [u8] {
        let remaining = self.connections[index].deframer.body_remaining();
        match remaining.filter(|&bytes| bytes <= DISCARD_MAX_BYTES) {
            Some(bytes) if !head.expects_continue() => {
                self.connections[index].deframer.pass_over_body();
                if bytes <= input.len() as u64 {
                    self.refuse_whole(index, (problem, context), input);
                    return &[];
                }
                self.pass_over_body(index, (problem, context), now);
            }
            _ => self.refuse_body(index, context, problem),
        }
        input
    }

    /// Answers a request without reading its body, which is the last on its connection therefore.
    pub(super) fn refuse_body(
        &mut self,
        index: usize,
        context: ReplyContext,
        problem: Box<Problem>,
    ) {
        let context = ReplyContext { after: After::Close, ..context };
        self.answer_refused(index, context, problem);
    }

    /// All of the body is there, at the start of `input`.
    fn refuse_whole(
        &mut self,
        index: usize,
        (problem, context): (Box<Problem>, ReplyContext),
        input: &[u8],
    ) {
        let connection = &mut self.connections[index];
        let (used, _) = connection.deframer.advance(input, &self.limits.http);
        connection.behind.extend_from_slice(&input[used..]);
        self.answer_refused(index, context, problem);
    }

    /// The body, which is short, is thrown away as it comes. Whoever is turned away has no share in
    /// the memory for payloads, nor waits for it.
    fn pass_over_body(
        &mut self,
        index: usize,
        (problem, context): (Box<Problem>, ReplyContext),
        now: Monotonic,
    ) {
        let routed = Routed { order: Order::Refuse(problem), caller: Caller::anybody() };
        self.connections[index].stage = Stage::Ordered(Box::new((routed, context)));
        self.begin_pace(index, Awaited::Body, now);
    }

    fn answer_refused(&mut self, index: usize, context: ReplyContext, problem: Box<Problem>) {
        self.counters.refused += 1;
        self.wait_until(index, NEVER);
        self.answer_in(index, context, Answer::Problem(problem));
    }
}
