//! Bulk bodies: what is read does not depend on the seams between segments, places grow, a reader
//! goes on from each of them as it would have without a stop, and an array is what serde_json
//! takes it for.

use crate::allocations::at_most;
use crate::cuts::Cuts;
use bytes::Bytes;
use overtime_worker::fuzzing::{BodyRead, read_body};
use serde_json::value::RawValue;

/// Reads the bytes behind the cuts and one byte that says what they are.
pub fn run(data: &[u8]) {
    let Some((cuts, [format, bytes @ ..])) = Cuts::take(data) else { return };
    let content_type = FORMATS[usize::from(format % 3)];
    let whole = [Bytes::copy_from_slice(bytes)];
    let read = |segments: &[Bytes], from| {
        read_body(content_type, segments, from).expect("the content type is known")
    };
    let room = MEMORY_BASE_BYTES + 512 * bytes.len();
    let told = at_most(room, || read(&whole, (0, 0)));
    check_order(&told, bytes.len() as u64);
    let pieces: Vec<Bytes> = cuts.of(bytes).into_iter().map(Bytes::copy_from_slice).collect();
    assert_eq!(read(&pieces, (0, 0)), told, "cut");
    // The cost of all of them would grow with the square.
    let step = 1 + told.items.len() / 4;
    for (at, item) in told.items.iter().enumerate().step_by(step) {
        let rest = read(&pieces, item.end);
        assert_eq!(rest.items, told.items[at + 1..], "behind item {at}");
        assert_eq!(rest.malformed, told.malformed, "behind item {at}");
    }
    if content_type == FORMATS[0] {
        check_array(&told, bytes);
    }
}

const FORMATS: [&str; 3] = ["application/json", "application/x-ndjson", "text/csv"];

/// Buffers of the CSV reader, and what is told of an item.
const MEMORY_BASE_BYTES: usize = 4 * 1024 * 1024;

fn check_order(told: &BodyRead, len: u64) {
    let mut at = (0, 0);
    for item in &told.items {
        assert_eq!(item.start, at);
        assert!(item.end.0 > at.0 && item.end.1 == at.1 + 1);
        at = item.end;
        if let Ok(text) = &item.text {
            assert!(serde_json::from_slice::<&RawValue>(text).is_ok(), "{text:?} is no JSON");
        }
    }
    assert!(at.0 <= len && told.malformed.as_ref().is_none_or(|(offset, _)| *offset <= len));
}

/// The items are the elements, if they are all taken; and if they are, there is an array.
fn check_array(told: &BodyRead, bytes: &[u8]) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let elements = serde_json::from_slice::<Vec<&RawValue>>(bytes);
    let texts: Option<Vec<&[u8]>> =
        told.items.iter().map(|item| item.text.as_deref().ok()).collect();
    match (elements, texts, &told.malformed) {
        (Ok(elements), Some(texts), None) => {
            let elements = elements.iter().map(|element| element.get().as_bytes());
            assert!(elements.eq(texts), "other items than elements");
        }
        (Ok(_), Some(_), Some(malformed)) => panic!("an array is malformed: {malformed:?}"),
        (Err(error), Some(_), None) => panic!("this is no array: {error}"),
        // An element that can be no input is one that this reader of the whole may not like either.
        (_, None, _) | (Err(_), _, Some(_)) => {}
    }
}
