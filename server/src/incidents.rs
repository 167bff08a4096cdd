//! Incidents at the start: those that a former process left open are given to the engine. It opens none.

use overtime_journal::{Opened, StoreError};
use overtime_protocol::{Incident, incident_key, open_incidents_key, read_open_incidents};

/// The incidents that are open. One that cannot be read is left alone: it is no reason not to serve.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) fn open_in(opened: &Opened) -> Result<Vec<Incident>, StoreError> {
    let list = opened.state(&open_incidents_key())?.value;
    let ids = list.and_then(|bytes| read_open_incidents(&bytes)).unwrap_or_default();
    let mut open = Vec::new();
    for id in ids {
        let key = incident_key(id);
        let kept = opened.state(&key)?.value;
        let incident = kept.and_then(|bytes| Incident::read(&key, &bytes));
        open.extend(incident.filter(|incident| incident.closed_at.is_none()));
    }
    Ok(open)
}
