//! Upstreams as callers see and steer them: how each is, as a JSON document.

use crate::engine::Engine;
use crate::event::Effect;
use overtime_protocol::json::Json;
use overtime_protocol::{
    Answer, Code, Now, Problem, ReplyTo, Upstream, UpstreamId, UpstreamName, UpstreamOrder,
};

impl Engine {
    /// A caller wants to see upstreams, or to steer one.
    pub(in crate::engine) fn upstreams_asked(
        &mut self,
        to: ReplyTo,
        order: UpstreamOrder,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let answer = match order {
            UpstreamOrder::ShowAll { limit, after } => {
                self.page_of_upstreams((limit, after.as_ref()), now)
            }
            UpstreamOrder::Show(name) => self
                .with_upstream(&name, |engine, upstream| engine.upstream_document(upstream, now)),
            UpstreamOrder::Hold(name) => self.with_upstream(&name, |engine, upstream| {
                engine.gates.hold(upstream, now);
                engine.upstream_document(upstream, now)
            }),
            UpstreamOrder::Release(name) => self.with_upstream(&name, |engine, upstream| {
                engine.gates.release(upstream, now);
                engine.lines.list(upstream);
                engine.upstream_document(upstream, now)
            }),
        };
        out.push(Effect::Reply { to, answer });
    }

    fn with_upstream(
        &mut self,
        name: &UpstreamName,
        then: impl FnOnce(&mut Self, UpstreamId) -> Answer,
    ) -> Answer {
        let place = self.upstreams.iter().position(|upstream| upstream.name == *name);
        let Some(place) = place.and_then(|place| u16::try_from(place).ok()) else {
            return Problem::new(Code::UnknownUpstream, "No upstream has this name.").into();
        };
        then(self, UpstreamId(place))
    }

    /// They stand in the order of their names.
    fn page_of_upstreams(&self, (limit, after): (u32, Option<&UpstreamName>), now: Now) -> Answer {
        let ids = (0..).map(UpstreamId).zip(&self.upstreams);
        let behind = ids.filter(|(_, upstream)| after.is_none_or(|after| upstream.name > *after));
        let mut page: Vec<(UpstreamId, &Upstream)> = behind.take(limit as usize + 1).collect();
        let has_more = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| has_more).map(|(_, upstream)| upstream.name.as_str());
        let mut body = Vec::new();
        let mut json = Json::object(&mut body);
        json.array("upstreams", &page, |(id, _), out| self.write_upstream(*id, now, out));
        json.optional_text("next", next);
        json.end();
        value(body)
    }

    fn upstream_document(&self, upstream: UpstreamId, now: Now) -> Answer {
        let mut body = Vec::new();
        self.write_upstream(upstream, now, &mut body);
        value(body)
    }

    fn write_upstream(&self, upstream: UpstreamId, _now: Now, out: &mut Vec<u8>) {
        let line = self.lines.get(upstream);
        let state = if self.gates.is_shed(upstream) { "held" } else { "open" };
        let mut json = Json::object(out);
        json.text("name", self.upstreams[usize::from(upstream.0)].name.as_str());
        json.text("state", state);
        json.number("waiting", line.len() as u64);
        json.end();
    }
}

fn value(body: Vec<u8>) -> Answer {
    Answer::Value { content_type: "application/json", body: body.into() }
}
