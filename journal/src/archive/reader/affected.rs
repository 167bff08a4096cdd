//! Who was hurt in a span of time: the entries of each tenant, summed up, a page of tenants at a
//! time.

use super::Reader;
use crate::archive::row::Cells;
use crate::error::StoreError;
use crate::options::LIST_TASKS_MAX;
use overtime_protocol::{Hurt, UnixMillis, hurts_behind, hurts_of, read_hurt};
use rusqlite::params;
use std::ops::Range;

const FIRST: &str = "SELECT key FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1";

const ENTRIES: &str = "SELECT value, crc, key FROM state WHERE key >= ?1 AND key < ?2";

/// What happened to one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Affected {
    pub(crate) tenant: String,
    pub(crate) hurt: Hurt,
    /// When the first of it began, and the last ended: as exact as entries are long.
    pub(crate) first: UnixMillis,
    pub(crate) last: UnixMillis,
}

/// One page of them.
pub(crate) struct AffectedPage {
    /// By name.
    pub(crate) tenants: Vec<Affected>,
    /// Whether there may be more behind the last that was looked at.
    pub(crate) next: Option<String>,
}

impl Reader {
    /// The tenants behind `after` to whom something happened between `from` and `to`.
    pub(crate) fn affected(
        &mut self,
        (from, to): (UnixMillis, UnixMillis),
        limit: u32,
        after: Option<&str>,
        watermark: u64,
    ) -> Result<AffectedPage, StoreError> {
        self.show(watermark)?;
        let limit = limit.clamp(1, LIST_TASKS_MAX) as usize;
        let mut tenants = Vec::new();
        let mut last = after.map(str::to_owned);
        while let Some(tenant) = self.hurt_tenant(last.as_deref())? {
            if tenants.len() >= limit {
                return Ok(AffectedPage { tenants, next: last });
            }
            tenants.extend(self.sum(&tenant, from, to)?);
            last = Some(tenant);
        }
        Ok(AffectedPage { tenants, next: None })
    }

    /// The next tenant of whom there are entries.
    fn hurt_tenant(&self, behind: Option<&str>) -> Result<Option<String>, StoreError> {
        let Range { start, end } = hurts_behind(behind);
        let mut statement = self.connection.prepare_cached(FIRST)?;
        let mut rows = statement.query(params![&start[..], &end[..]])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let key: Vec<u8> = row.get(0)?;
        overtime_protocol::hurt_tenant(&key).map(|name| Some(name.to_owned())).ok_or_else(damaged)
    }

    fn sum(
        &self,
        tenant: &str,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<Option<Affected>, StoreError> {
        let Range { start, end } = hurts_of(tenant, from);
        let mut statement = self.connection.prepare_cached(ENTRIES)?;
        let mut rows = statement.query(params![&start[..], &end[..]])?;
        let mut sum: Option<Affected> = None;
        while let Some(row) = rows.next()? {
            let value = Cells::of(row).checked("value")?.unwrap_or_default();
            let key: Vec<u8> = row.get(2)?;
            let (_, entry) = read_hurt(&key, &value).ok_or_else(damaged)?;
            if entry.since >= to {
                break;
            }
            let sum = sum.get_or_insert_with(|| Affected {
                tenant: tenant.to_owned(),
                hurt: Hurt::default(),
                first: entry.since,
                last: entry.until,
            });
            sum.hurt += entry.hurt;
            sum.last = entry.until;
        }
        Ok(sum)
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("an entry about a tenant cannot be read".to_owned())
}
