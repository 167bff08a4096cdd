//! How native connections end before their clients do: out of time, or with the server.

use crate::clients::Clients;
use crate::connection::Speech;
use crate::limits::BODY_WAIT_RETRY;
use crate::native::Stage;
use crate::patience::Awaited;
use overtime_protocol::http::Phase;
use overtime_protocol::{Code, Monotonic, Problem};

impl Clients {
    /// The connection's time is up: that of all who are waited for like it, or its own.
    pub(in crate::clients) fn time_out_native(
        &mut self,
        index: usize,
        awaited: Option<Awaited>,
        now: Monotonic,
    ) {
        let connection = &mut self.connections[index];
        let Speech::Native(session) = &mut connection.speech else { return };
        let lingers = session.stage() == Stage::Lingering;
        let is_unread = session.clocks.write_is_late(now) || awaited == Some(Awaited::Reader);
        if is_unread && self.has_moved_on(index, |clients| clients.flush_native(index, now)) {
            return;
        }
        let connection = &mut self.connections[index];
        let Speech::Native(session) = &mut connection.speech else { return };
        if !lingers {
            self.counters.timed_out += 1;
        }
        if lingers || is_unread || session.phase() == Phase::Idle {
            self.close(index);
            return;
        }
        if session.is_paused() {
            let detail = "the memory for payloads was used up for too long";
            let problem = Problem::new(Code::PayloadMemory, detail).after(BODY_WAIT_RETRY);
            session.give_up(problem);
        } else {
            let detail = "the rest of the frame did not arrive in time";
            session.leave(&Problem::new(Code::RequestTimeout, detail));
        }
        session.note_input(0, now, &self.limits);
        self.tend_native(index, now);
        self.list(index);
    }

    /// From here on every connection closes behind its answer, and those with many requests in
    /// flight behind the last of them.
    pub(crate) fn begin_closing(&mut self, problem: &Problem, now: Monotonic) {
        self.closing = true;
        let natives = self
            .connections
            .iter_mut()
            .filter_map(|(index, connection)| connection.session().is_some().then_some(index));
        for index in natives.collect::<Vec<_>>() {
            if let Some(session) = self.connections[index].session() {
                session.leave(problem);
                session.note_input(0, now, &self.limits);
                self.tend_native(index, now);
            }
        }
    }
}
