//! Which requests come in: all that can be decided before a byte of a payload is kept.

use super::{Desk, Session};
use crate::clients::Announced;
use crate::exchange::{Order, Routed};
use crate::payload_budget::{Ruling, over_part};
use overtime_protocol::native::{Frame, IN_FLIGHT_MAX, Request, Tag};
use overtime_protocol::{Code, Payload, Problem};

impl Session {
    pub(super) fn take_request(&mut self, frame: &Frame<Request>, desk: &mut Desk<'_>) {
        desk.counters.requests += 1;
        match self.admit(frame, desk) {
            Ok((routed, ruling)) => self.expect(frame, routed, ruling, desk),
            Err(problem) => {
                desk.counters.refused += 1;
                desk.counters.turned_away.note_problem(&problem);
                self.deframer.pass_over(&problem);
                self.fail(frame.id, *problem);
            }
        }
    }

    /// What the request asks for, and whether there is memory for its payload: all that can be
    /// decided before a byte of that is kept.
    fn admit(
        &self,
        frame: &Frame<Request>,
        desk: &mut Desk<'_>,
    ) -> Result<(Routed, Ruling), Box<Problem>> {
        self.check(frame.id)?;
        let routed = match desk.router.route_native(&frame.message, self.key.as_deref()) {
            Routed { order: Order::Refuse(problem), .. } => return Err(problem),
            routed => routed,
        };
        let tenant = routed.caller.tenant;
        // The memory for payloads is not the engine's to refuse: they wait for it.
        // What has a key may be known, and is then no new work.
        if let Order::Submit { key: None, lane, .. } = routed.order {
            (desk.screen)(Announced { tenant, lane, has_memory: true })?;
        }
        match desk.reserve(tenant, frame.payload_len.unwrap_or_default()) {
            Ruling::Refused => Err(desk.too_many_wait(tenant).into()),
            Ruling::OverPart => Err(over_part().into()),
            ruling => Ok((routed, ruling)),
        }
    }

    fn expect(
        &mut self,
        frame: &Frame<Request>,
        routed: Routed,
        ruling: Ruling,
        desk: &mut Desk<'_>,
    ) {
        let number = desk.orders.name_request();
        self.in_flight.add(number, frame.id, known_tag(&frame.message));
        if frame.payload_len.is_none() {
            desk.orders.take((desk.index, number), routed, Payload::seal(Vec::new()));
            return;
        }
        self.coming = Some((number, routed));
        if ruling == Ruling::Waits {
            desk.counters.bodies_paused += 1;
            self.paused = true;
        }
    }

    /// Whether one more request with this id may be in flight.
    fn check(&self, id: u32) -> Result<(), Box<Problem>> {
        if self.in_flight.has_id(id) {
            let detail = "The request before it with the same id is not answered yet.";
            return Err(Problem::new(Code::RequestIdInUse, detail).into());
        }
        if self.in_flight.len() >= IN_FLIGHT_MAX {
            let detail = "At most 1,024 requests of a connection may be in flight.";
            return Err(Problem::new(Code::TooManyInFlight, detail).into());
        }
        Ok(())
    }
}

fn known_tag(request: &Request) -> Option<Tag> {
    match request {
        Request::Get(get) => get.known_tag,
        Request::GetContact(get) => get.known_tag,
        Request::Hello(_)
        | Request::Submit(_)
        | Request::Ping
        | Request::Cancel(_)
        | Request::Retry(_)
        | Request::Explain(_)
        | Request::List(_)
        | Request::Errors(_) => None,
    }
}
