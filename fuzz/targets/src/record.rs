//! Records: bytes that are none are refused without a panic and without much memory; what is read
//! is written and read again as it was; and so is every record that can be made.

mod made;

use crate::allocations::at_most;
use crate::opener::opener;
use bytes::Bytes;
use made::Made;
use overtime_protocol::record::{
    Change, DecodeError, EncodeError, Layout, Record, VERSION, decode, encode,
};

/// The first byte says whether the others are a record, or what to make one of.
pub fn run(data: &[u8]) {
    let Some((way, bytes)) = data.split_first() else { return };
    if way & 1 == 0 {
        check_bytes(Bytes::copy_from_slice(bytes));
    } else {
        check_record(&Made::of(bytes).record());
    }
}

/// A head may allocate 16 MiB, and what is made of it as much again; no byte stands for more than
/// 20 in it.
const MEMORY_BASE_BYTES: usize = 36 * 1024 * 1024;

fn check_bytes(bytes: Bytes) {
    let room = MEMORY_BASE_BYTES + 64 * bytes.len();
    match at_most(room, || decode(&bytes)) {
        Ok((record, layout)) => {
            check_layout(&record, &layout, bytes.len());
            check_record(&record);
        }
        Err(DecodeError::NewerVersion(version)) => assert!(version > VERSION),
        Err(DecodeError::Malformed(_)) => {}
    }
}

fn check_layout(record: &Record, layout: &Layout, len: usize) {
    assert!(layout.payload.start <= layout.payload.end);
    assert_eq!(layout.payload.end, layout.product.start);
    assert!(layout.product.start <= layout.product.end);
    assert_eq!(layout.product.end, layout.values_start);
    let values = layout.values(&record.puts);
    let ends = values.filter_map(|(_, place)| place.map(|place| place.end));
    assert_eq!(ends.last().unwrap_or(layout.values_start), len);
}

fn check_record(record: &Record) {
    let mut written = Vec::new();
    let layout = match encode(record, opener(), &mut written) {
        Ok(layout) => layout,
        // A later program may allow longer ones.
        Err(EncodeError::CursorTooLong) => {
            let is_long = |change: &Change| match change {
                Change::Advanced(advance) => advance.cursor.len() > 4096,
                _ => false,
            };
            assert!(record.change.as_ref().is_some_and(is_long));
            return;
        }
        Err(error) => panic!("{error} for {record:?}"),
    };
    let (again, layout_again) = decode(&written.into()).expect("it was just written");
    assert_eq!(layout_again, layout);
    assert_eq!(shown(&again), shown(record));
}

/// Payloads have no equality on purpose; their text stands in for it here.
fn shown(record: &Record) -> String {
    let open = |payload| opener().open(payload).map(<[Bytes]>::concat);
    let payload = record.acceptance.as_ref().and_then(|acceptance| open(&acceptance.payload));
    format!("{record:?} {payload:?}")
}
