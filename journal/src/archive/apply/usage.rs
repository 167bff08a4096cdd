//! Writes how much the archive holds of each kind, by what came and went: nothing is ever counted
//! anew.

use crate::stats::Usage;
use foldhash::HashMap;
use overtime_protocol::KindName;
use rusqlite::{Connection, Transaction, params};

const ADD: &str = "INSERT INTO usage (kind, rows, bytes) VALUES (?1, ?2, ?3) \
    ON CONFLICT (kind) DO UPDATE SET rows = rows + ?2, bytes = bytes + ?3";

/// Adds what came, and takes away what went.
pub(in crate::archive) fn write_usage(
    transaction: &Transaction<'_>,
    usage: &HashMap<KindName, Usage>,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare_cached(ADD)?;
    for (kind, Usage { rows, bytes }) in usage {
        add.execute(params![kind.as_str(), rows, bytes])?;
    }
    Ok(())
}

/// How much there is of each kind.
pub(in crate::archive) fn read_usage(
    connection: &Connection,
) -> rusqlite::Result<HashMap<KindName, Usage>> {
    let mut statement = connection.prepare("SELECT kind, rows, bytes FROM usage")?;
    let mut rows = statement.query([])?;
    let mut usage = HashMap::default();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        let found = Usage { rows: row.get(1)?, bytes: row.get(2)? };
        usage.extend(KindName::new(&kind).map(|kind| (kind, found)));
    }
    Ok(usage)
}
