//! Incidents as JSON documents: a page of them, or one with what happened.

use super::Reader;
use crate::archive::damaged_incident;
use crate::error::StoreError;
use overtime_protocol::json::Json;
use overtime_protocol::{
    Answer, Code, Incident, IncidentFilter, IncidentId, Problem, incident_key,
};

impl Reader {
    /// A page of incidents, the newest first.
    pub(super) fn incidents(&self, filter: IncidentFilter) -> Result<Answer, StoreError> {
        self.shared.catch_up(self.catch_up_max);
        let mut archive = self.archive.take();
        let page = archive.incidents(filter, self.shared.applied())?;
        let mut body = Vec::new();
        let mut json = Json::object(&mut body);
        let now = self.clock.now().unix;
        json.array("incidents", &page.incidents, |one, out| one.write_line(now, out));
        json.optional_text("next", page.next.map(|id| id.to_string()).as_deref());
        json.end();
        Ok(value(body))
    }

    /// One incident.
    pub(super) fn incident(&self, id: IncidentId) -> Result<Answer, StoreError> {
        let key = incident_key(id);
        let Some(kept) = self.shared.state(&key, &self.archive)?.value else {
            return Ok(Problem::new(Code::UnknownIncident, "no incident has this id").into());
        };
        let incident = Incident::read(&key, &kept).ok_or_else(damaged_incident)?;
        let mut body = Vec::new();
        incident.write_json(self.clock.now().unix, &mut body);
        Ok(value(body))
    }
}

fn value(body: Vec<u8>) -> Answer {
    Answer::Value { content_type: "application/json", body: body.into() }
}
