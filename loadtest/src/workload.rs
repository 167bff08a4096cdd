//! What a generator is to do: the questions it asks of a scenario. A workload never touches a
//! socket and never reads a clock; it is told the time.

use crate::connection::Broken;
use crate::response::Response;
use std::time::Instant;

/// What a free connection does next.
#[derive(Debug)]
pub enum Next<'a> {
    /// Send this request.
    Send(&'a [u8]),
    /// Nothing before that instant, on any connection.
    Wait(Instant),
    /// Close this connection; it is not needed any more.
    Retire,
}

/// What becomes of a connection that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterBreak {
    /// Open another in its place.
    Reconnect,
    /// Do without it.
    Retire,
}

/// What a connection was doing when it broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A request was sent and its answer is lost: it may have happened, or not.
    Answer,
    /// Nothing was in progress.
    Nothing,
}

/// Whether the generator goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ask again at that instant or earlier.
    Until(Instant),
    /// Stop now, whatever is in progress.
    Stop,
}

/// One answered request.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Which connection, counted from 0.
    pub slot: usize,
    /// When its request was sent.
    pub sent_at: Instant,
    /// When its answer was read.
    pub answered_at: Instant,
    /// The answer.
    pub response: Response<'a>,
}

/// Decides what is sent and keeps the score.
pub trait Workload {
    /// What the free connection `slot`, free since `free_since`, does next.
    fn next(&mut self, slot: usize, free_since: Instant, now: Instant) -> Next<'_>;

    /// An answer has come.
    fn answered(&mut self, exchange: Exchange<'_>);

    /// The connection `slot` broke, or the server closed it.
    fn broken(&mut self, slot: usize, loss: Loss, why: &Broken) -> AfterBreak;

    /// Called once a turn.
    fn turn(&mut self, now: Instant) -> Turn;
}
