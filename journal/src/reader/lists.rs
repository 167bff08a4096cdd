//! Lists, as JSON documents that name where the next page begins. They show everything that was
//! durable when they were asked for, unless the archive cannot keep up.

use super::Reader;
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{Answer, Document, Scope, TaskFilter};

impl Reader {
    /// A page of tasks.
    pub(super) fn list(&self, filter: TaskFilter, scope: &Scope) -> Result<Answer, StoreError> {
        let Some(filter) = within(filter, scope) else {
            return Ok(page_of("tasks", &[], Document::write_json, None));
        };
        self.shared.catch_up(self.catch_up_max);
        let page = self.archive.take().list(&filter, self.shared.applied())?;
        let next = page.next.map(|task| task.to_string());
        Ok(page_of("tasks", &page.documents, Document::write_json, next.as_deref()))
    }
}

/// What is left of a filter for whoever asks; `None` if that is nothing.
fn within(filter: TaskFilter, scope: &Scope) -> Option<TaskFilter> {
    let Scope::Own(own) = scope else { return Some(filter) };
    let is_own = filter.tenant.as_ref().is_none_or(|named| named == own);
    is_own.then(|| TaskFilter { tenant: Some(own.clone()), ..filter })
}

/// A page of anything.
pub(super) fn page_of<T>(
    name: &str,
    entries: &[T],
    write: impl Fn(&T, &mut Vec<u8>),
    next: Option<&str>,
) -> Answer {
    let mut body = Vec::new();
    let mut json = Json::object(&mut body);
    json.array(name, entries, write);
    json.optional_text("next", next);
    json.end();
    Answer::Value { content_type: "application/json", body: body.into() }
}
