//! Incidents, a page at a time, the newest first.

use super::Reader;
use crate::archive::row::Cells;
use crate::error::StoreError;
use crate::options::LIST_TASKS_MAX;
use overtime_protocol::{Incident, IncidentFilter, IncidentId, incidents_before};
use rusqlite::params;
use std::ops::Range;

const PAGE: &str = "SELECT value, crc, key FROM state WHERE key >= ?1 AND key < ?2 \
    ORDER BY key DESC LIMIT ?3";

/// One page of incidents.
pub(crate) struct IncidentPage {
    /// The newest first.
    pub(crate) incidents: Vec<Incident>,
    /// The last of them, if there may be more behind it.
    pub(crate) next: Option<IncidentId>,
}

impl Reader {
    /// A page of incidents.
    pub(crate) fn incidents(
        &mut self,
        filter: IncidentFilter,
        watermark: u64,
    ) -> Result<IncidentPage, StoreError> {
        self.show(watermark)?;
        let limit = filter.limit.clamp(1, LIST_TASKS_MAX) as usize;
        let Range { start, end } = incidents_before(filter.after);
        let mut statement = self.connection.prepare_cached(PAGE)?;
        // One more tells whether there are more.
        let mut rows = statement.query(params![&start[..], &end[..], limit as i64 + 1])?;
        let mut incidents = Vec::new();
        while let Some(row) = rows.next()? {
            if incidents.len() == limit {
                let next = incidents.last().map(|last: &Incident| last.id);
                return Ok(IncidentPage { incidents, next });
            }
            let value = Cells::of(row).checked("value")?.unwrap_or_default();
            let key: Vec<u8> = row.get(2)?;
            incidents.push(Incident::read(&key, &value).ok_or_else(damaged_incident)?);
        }
        Ok(IncidentPage { incidents, next: None })
    }
}

/// What is there is no incident.
pub(crate) fn damaged_incident() -> StoreError {
    StoreError::Damaged("an incident cannot be read".to_owned())
}
