//! Who was hurt in a span of time, as a JSON document. A page ends at the name of a tenant.

use super::Reader;
use crate::archive::Affected;
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{AffectedFilter, Answer, Code, Hurt, Problem, UnixMillis};
use std::time::Duration;

/// The span that is looked at unless its beginning is said.
const SPAN: Duration = Duration::from_hours(24);

impl Reader {
    /// A page of the tenants that were hurt.
    pub(super) fn affected(&self, filter: &AffectedFilter) -> Result<Answer, StoreError> {
        let to = filter.to.unwrap_or_else(|| self.clock.now().unix);
        let from = filter.from.unwrap_or_else(|| UnixMillis(to.0.saturating_sub(millis(SPAN))));
        if from > to {
            let detail = "`from` lies behind `to`, or behind now";
            return Ok(Problem::new(Code::MalformedParameter, detail).into());
        }
        self.shared.catch_up(self.catch_up_max);
        let after = filter.after.as_deref();
        let mut archive = self.archive.take();
        let page = archive.affected((from, to), filter.limit, after, self.shared.applied())?;
        let mut body = Vec::new();
        let mut json = Json::object(&mut body);
        json.text("from", &from.to_string());
        json.text("to", &to.to_string());
        json.array("tenants", &page.tenants, write_tenant);
        json.optional_text("next", page.next.as_deref());
        json.end();
        Ok(Answer::Value { content_type: "application/json", body: body.into() })
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn write_tenant(affected: &Affected, out: &mut Vec<u8>) {
    let Hurt { delayed, refused, failed } = affected.hurt;
    let mut json = Json::object(out);
    json.text("tenant", &affected.tenant);
    json.number("delayed", delayed);
    json.number("refused", refused);
    json.number("failed", failed);
    json.text("first_at", &affected.first.to_string());
    json.text("last_at", &affected.last.to_string());
    json.end();
}
