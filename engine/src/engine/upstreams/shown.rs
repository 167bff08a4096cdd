//! Upstreams as callers see and steer them: how each is, as a JSON document.

use crate::engine::Engine;
use crate::event::Effect;
use crate::gate::{Ends, Rule, Sample};
use overtime_protocol::json::Json;
use overtime_protocol::{
    Answer, Code, Now, Problem, Query, ReplyTo, UnixMillis, Upstream, UpstreamId, UpstreamName,
    UpstreamOrder,
};
use std::time::Duration;

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
            UpstreamOrder::History(filter) if self.upstream_named(&filter.name).is_some() => {
                out.push(self.read((to, None), Query::History(filter)));
                return;
            }
            UpstreamOrder::History(_) => unknown(),
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
        match self.upstream_named(name) {
            Some(upstream) => then(self, upstream),
            None => unknown(),
        }
    }

    fn upstream_named(&self, name: &UpstreamName) -> Option<UpstreamId> {
        let place = self.upstreams.iter().position(|upstream| upstream.name == *name);
        place.and_then(|place| u16::try_from(place).ok()).map(UpstreamId)
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

    /// One upstream, with its latest calls.
    fn upstream_document(&self, upstream: UpstreamId, now: Now) -> Answer {
        let mut body = Vec::new();
        let mut json = Json::object(&mut body);
        self.write_members(upstream, now, &mut json);
        let recent: Vec<Sample> = self.gates.recent(upstream).collect();
        json.array("recent", &recent, write_sample);
        json.end();
        value(body)
    }

    fn write_upstream(&self, upstream: UpstreamId, now: Now, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        self.write_members(upstream, now, &mut json);
        json.end();
    }

    fn write_members(&self, upstream: UpstreamId, now: Now, json: &mut Json<'_>) {
        let view = self.gates.view(upstream, now);
        let line = self.lines.get(upstream);
        json.text("name", self.upstreams[usize::from(upstream.0)].name.as_str());
        json.text("state", view.phase.as_str());
        json.text("mode", view.mode.name());
        json.optional_text("since", time(Some(view.since).filter(|since| since.0 > 0)).as_deref());
        json.optional_text("rule", view.rule.map(Rule::as_str));
        json.optional_text("shed_since", time(view.shed_since).as_deref());
        json.optional_text("hold_until", time(view.hold_until).as_deref());
        json.optional_text("next_probe_at", time(view.next_probe).as_deref());
        json.optional_text("paused_until", time(view.paused_until).as_deref());
        json.number("calls", view.places_taken as u64);
        json.optional_number("calls_max", view.places.map(|places| places as u64));
        json.number("probes", view.probes_out as u64);
        json.number("waiting", line.len() as u64);
        json.nested("window", |json| {
            json.number("calls", view.window as u64);
            json.number("slow", view.slow as u64);
            json.number("failed", view.failed as u64);
        });
        json.optional_number("p10_ms", view.p10.map(millis));
        json.optional_number("p50_ms", view.p50.map(millis));
        json.optional_number("p90_ms", view.p90.map(millis));
        json.nested("ends", |json| write_ends(view.ends, json));
        json.number("episodes", view.episodes);
        json.number("retries_percent", (view.retry_share * 100.0).round() as u64);
    }
}

fn unknown() -> Answer {
    Problem::new(Code::UnknownUpstream, "No upstream has this name.").into()
}

fn write_ends(ends: Ends, json: &mut Json<'_>) {
    json.number("answered", ends.answered);
    json.number("slow", ends.slow);
    json.number("connect", ends.connect);
    json.number("broken", ends.broken);
    json.number("timeout", ends.timeout);
    json.number("status", ends.status);
    json.number("busy", ends.busy);
}

fn write_sample(sample: &Sample, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("at", &sample.started.to_string());
    json.number("ms", millis(sample.took));
    json.text("end", sample.end.name());
    json.end();
}

fn time(at: Option<UnixMillis>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn value(body: Vec<u8>) -> Answer {
    Answer::Value { content_type: "application/json", body: body.into() }
}
