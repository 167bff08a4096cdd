//! Walks a table by its key around what cannot be read: from below up to the damage, from above down
//! to it, and again in both halves of what is left in between.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, ToSql, params};

/// How often what is left is halved.
const DEPTH: u32 = 9;

/// A table by its key, in both orders: between two keys, without them.
#[derive(Clone, Copy)]
pub(super) struct Table {
    up: &'static str,
    down: &'static str,
    key: &'static str,
}

pub(super) const TASKS: Table = Table {
    up: "SELECT * FROM tasks WHERE id > ?1 AND id < ?2 ORDER BY id",
    down: "SELECT * FROM tasks WHERE id > ?1 AND id < ?2 ORDER BY id DESC",
    key: "id",
};

pub(super) const EVENTS: Table = Table {
    up: "SELECT * FROM events WHERE task > ?1 AND task < ?2 ORDER BY task, sequence",
    down: "SELECT * FROM events WHERE task > ?1 AND task < ?2 ORDER BY task DESC, sequence DESC",
    key: "task",
};

pub(super) const STATE: Table = Table {
    up: "SELECT * FROM state WHERE key > ?1 AND key < ?2 ORDER BY key",
    down: "SELECT * FROM state WHERE key > ?1 AND key < ?2 ORDER BY key DESC",
    key: "key",
};

/// What cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap<K> {
    pub(super) after: K,
    pub(super) before: K,
}

/// The key of a table.
pub(super) trait Key: Clone + Ord + ToSql + FromSql {
    /// One between the two, if there is any.
    fn between(low: &Self, high: &Self) -> Option<Self>;
    /// The next one.
    fn next(&self) -> Self;
}

impl Key for i64 {
    fn between(low: &Self, high: &Self) -> Option<Self> {
        let middle = low.midpoint(*high);
        (middle > *low && middle < *high).then_some(middle)
    }

    fn next(&self) -> Self {
        self.saturating_add(1)
    }
}

impl Key for Vec<u8> {
    fn between(low: &Self, high: &Self) -> Option<Self> {
        let same = low.iter().zip(high).take_while(|(low, high)| low == high).count();
        let tail = |key: &[u8]| {
            let mut tail = [0; 8];
            let rest = key.get(same..).unwrap_or_default();
            let len = rest.len().min(tail.len());
            tail[..len].copy_from_slice(&rest[..len]);
            u64::from_be_bytes(tail)
        };
        let middle = tail(low).midpoint(tail(high)).to_be_bytes();
        let middle: Self = high[..same].iter().copied().chain(middle).collect();
        (middle > *low && middle < *high).then_some(middle)
    }

    fn next(&self) -> Self {
        self.iter().copied().chain([0]).collect()
    }
}

/// Gives every row that can be read to `take`, some more than once, and says what cannot. An error is
/// `take`'s.
pub(super) fn copy<K: Key>(
    from: &Connection,
    table: Table,
    (low, high): (K, K),
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<Gap<K>>> {
    let mut gaps: Vec<Gap<K>> = Vec::new();
    let mut left = vec![(low, high, DEPTH)];
    while let Some((low, high, depth)) = left.pop() {
        let Some(gap) = both_ways(from, table, (low, high), &mut take)? else {
            continue;
        };
        match K::between(&gap.after, &gap.before).filter(|_| depth > 0) {
            Some(middle) => {
                // The lower half is next, so that gaps come in their order.
                left.push((middle.clone(), gap.before, depth - 1));
                left.push((gap.after, middle.next(), depth - 1));
            }
            None => match gaps.last_mut().filter(|last| last.before >= gap.after) {
                Some(last) => last.before = gap.before,
                None => gaps.push(gap),
            },
        }
    }
    Ok(gaps)
}

/// Reads from below and from above; what is left in between.
fn both_ways<K: Key>(
    from: &Connection,
    table: Table,
    (mut low, mut high): (K, K),
    take: &mut impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<Gap<K>>> {
    let up = one_way(from, table.up, (&low, &high), &mut |row| {
        take(row)?;
        row.get(table.key)
    })?;
    let Reached::Damage(reached) = up else { return Ok(None) };
    low = reached.unwrap_or(low);
    let down = one_way(from, table.down, (&low, &high), &mut |row| {
        take(row)?;
        row.get(table.key)
    })?;
    let Reached::Damage(reached) = down else { return Ok(None) };
    high = reached.unwrap_or(high);
    Ok(Some(Gap { after: low, before: high }))
}

/// How far a walk came, and the last key that could be read.
enum Reached<K> {
    End,
    Damage(Option<K>),
}

fn one_way<K: Key>(
    from: &Connection,
    sql: &str,
    (low, high): (&K, &K),
    take: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<K>,
) -> rusqlite::Result<Reached<K>> {
    let mut last = None;
    let Ok(mut statement) = from.prepare(sql) else { return Ok(Reached::Damage(last)) };
    let Ok(mut rows) = statement.query(params![low, high]) else {
        return Ok(Reached::Damage(last));
    };
    loop {
        match rows.next() {
            Ok(Some(row)) => last = Some(take(row)?),
            Ok(None) => return Ok(Reached::End),
            Err(_) => return Ok(Reached::Damage(last)),
        }
    }
}

/// Gives the rows of a query to `take`, up to what cannot be read; whose fault it was that it ended.
pub(super) fn plain(
    from: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<rusqlite::Result<()>> {
    let mut statement = match from.prepare(sql) {
        Ok(statement) => statement,
        Err(error) => return Ok(Err(error)),
    };
    let mut rows = match statement.query([]) {
        Ok(rows) => rows,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        match rows.next() {
            Ok(Some(row)) => take(row)?,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_is_between() {
        let keys: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"aa", b"contacts/x", &[0xff; 16]];
        for (place, low) in keys.iter().enumerate() {
            for high in &keys[place + 1..] {
                let (low, high) = (low.to_vec(), high.to_vec());
                if let Some(middle) = Key::between(&low, &high) {
                    assert!(low < middle && middle < high, "{low:?} {middle:?} {high:?}");
                }
                assert!(low < low.next() && low.next() <= high);
            }
        }
        assert_eq!(Key::between(&3, &9), Some(6));
        assert_eq!(
            (i64::between(&3, &4), i64::between(&-1, &i64::MAX)),
            (None, Some(i64::MAX / 2))
        );
    }
}
