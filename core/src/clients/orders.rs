//! Orders: the requests that are whole, on their way to the engine. Nothing here looks at one.

use crate::callers::Caller;
use crate::exchange::{Order, Routed};
use overtime_protocol::{Payload, ReplyTo};

/// What a request that is fully read asks of the engine.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) reply_to: ReplyTo,
    pub(crate) order: Order,
    pub(crate) caller: Caller,
    pub(crate) payload: Payload,
}

/// This turn's whole requests.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    ordered: Vec<Ordered>,
    last_name: u32,
}

impl Orders {
    /// What has come, in order.
    pub(crate) fn hand_out(&mut self) -> Vec<Ordered> {
        std::mem::take(&mut self.ordered)
    }

    /// Names a request among all of this process.
    pub(crate) fn name_request(&mut self) -> u32 {
        self.last_name = self.last_name.wrapping_add(1);
        self.last_name
    }

    /// The request with that name, of the connection at `index`, is whole.
    pub(crate) fn take(
        &mut self,
        (index, request): (usize, u32),
        routed: Routed,
        payload: Payload,
    ) {
        let Routed { order, caller } = routed;
        let reply_to = reply_to(index, request);
        self.ordered.push(Ordered { reply_to, order, caller, payload });
    }
}

/// The name of that request of the connection at `index`, for those who are to answer it.
pub(super) fn reply_to(index: usize, request: u32) -> ReplyTo {
    ReplyTo((u64::from(request) << 32) | index as u64)
}

/// Where the connection is that such a name stands for, and which request of it.
pub(super) fn caller(to: ReplyTo) -> (usize, u32) {
    ((to.0 & u64::from(u32::MAX)) as usize, (to.0 >> 32) as u32)
}
