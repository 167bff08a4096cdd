//! The hours that an upstream had, as a JSON document, the oldest first. They stand in a ring: each is
//! looked for in its place, where an older one may still be.

use super::Reader;
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{
    Answer, Code, HOUR, HOUR_SPACE, HOURS_KEPT, HistoryFilter, Hour, Problem, UnixMillis,
    hour_name, hour_of, kept_key, read_kept,
};
use std::time::Duration;

impl Reader {
    /// A page of the hours.
    pub(super) fn history(&self, filter: &HistoryFilter) -> Result<Answer, StoreError> {
        let now = self.clock.now().unix;
        let to = filter.to.unwrap_or(now);
        if filter.from.is_some_and(|from| from > to) {
            let detail = "`from` lies behind `to`, or behind now";
            return Ok(Problem::new(Code::MalformedParameter, detail).into());
        }
        let limit = filter.limit as usize;
        let mut hours = Vec::new();
        let mut next = first(filter, now);
        while next <= to.min(now) && hours.len() <= limit {
            hours.extend(self.hour(filter, next)?);
            next = next + HOUR;
        }
        let has_more = hours.len() > limit;
        hours.truncate(limit);
        let next = hours.last().filter(|_| has_more).map(|hour| hour.hour.to_string());
        let mut body = Vec::new();
        let mut json = Json::object(&mut body);
        json.text("name", filter.name.as_str());
        json.array("hours", &hours, write_hour);
        json.optional_text("next", next.as_deref());
        json.end();
        Ok(Answer::Value { content_type: "application/json", body: body.into() })
    }

    /// The hour that began then, if it is kept.
    fn hour(&self, filter: &HistoryFilter, at: UnixMillis) -> Result<Option<Hour>, StoreError> {
        let key = kept_key(HOUR_SPACE, &hour_name(&filter.name, at));
        let state = self.shared.state(&key, &self.archive)?;
        let hour = state.value.and_then(|bytes| read_kept::<Hour>(&bytes));
        Ok(hour.filter(|hour| hour.hour == at))
    }
}

/// The first that can be on the page: one that began since `from`, behind `after`, and not so long ago
/// that another has taken its place.
fn first(filter: &HistoryFilter, now: UnixMillis) -> UnixMillis {
    let kept_ms = (HOURS_KEPT - 1) * millis(HOUR);
    let oldest = UnixMillis(hour_of(now).0.saturating_sub(kept_ms));
    let from = filter.from.map(|from| hour_of(UnixMillis(from.0.saturating_add(millis(HOUR) - 1))));
    let behind = filter.after.map(|after| hour_of(after) + HOUR);
    [from, behind].into_iter().flatten().fold(oldest, UnixMillis::max)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn write_hour(hour: &Hour, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("hour", &hour.hour.to_string());
    json.number("calls", hour.calls);
    json.number("failed", hour.failed);
    json.number("busy", hour.busy);
    json.number("p10_ms", millis(hour.p10));
    json.number("p25_ms", millis(hour.p25));
    json.number("p50_ms", millis(hour.p50));
    json.number("p75_ms", millis(hour.p75));
    json.number("p90_ms", millis(hour.p90));
    json.number("p99_ms", millis(hour.p99));
    json.number("max_ms", millis(hour.max));
    json.end();
}
