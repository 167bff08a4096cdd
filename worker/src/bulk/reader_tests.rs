//! The readers under test: whatever the seams between segments, whatever the damage.

use super::item::{ITEM_MAX_BYTES, Item, Malformed, Position};
use super::items::{Format, Items};
use bytes::Bytes;

/// All items of a body, and how it ended.
type Read = (Vec<Item>, Result<(), Malformed>);

fn read_on(mut items: Items<'_>) -> Read {
    let mut read = Vec::new();
    loop {
        match items.next() {
            Ok(Some(item)) => read.push(item),
            Ok(None) => return (read, Ok(())),
            Err(malformed) => return (read, Err(malformed)),
        }
    }
}

fn read(format: Format, segments: &[Bytes]) -> Read {
    read_on(Items::new(format, segments))
}

fn whole(format: Format, body: &[u8]) -> Read {
    read(format, &[Bytes::copy_from_slice(body)])
}

/// Each item as its text or the code of its fault; behind them the offset of what is malformed.
fn told(format: Format, body: &str) -> Vec<String> {
    let (items, end) = whole(format, body.as_bytes());
    let text = |item: Item| match item.text {
        Ok(text) => String::from_utf8(text.to_vec()).unwrap(),
        Err(fault) => format!("<{}>", fault.code),
    };
    let end = end.err().map(|Malformed { offset, .. }| format!("malformed at {offset}"));
    items.into_iter().map(text).chain(end).collect()
}

#[track_caller]
fn check(format: Format, body: &str, expected: &[&str]) {
    assert_eq!(told(format, body), expected, "{:.100}", body);
}

const JSON: &str = concat!(
    " \r\n[ {\"a\":\"x\\\"],[\",\"b\":[1,{\"c\":null}]} ,\n-1.5e3,\"\\u00e9é\" , [], [[{}]],true\t,",
    "{\"long\":\"0123456789012345678901234567890123456789\"},\"\u{1f600}\\\\\" ] \n"
);
const NDJSON: &str = concat!(
    "{\"a\":\"x\\n\"}\n\r\n  \n[1,2]\r\nnot json\n \"é\" \n{\"b\":\"unclosed\n",
    "{\"long\":\"0123456789012345678901234567890123456789\"}\n\n7"
);
const CSV: &str = concat!(
    "\r\nemail,\"first \"\"name\"\"\",company\r\na@x,Ann,\"a \"\"b\"\",\nc\"\r\n\n\nb@x,,\r,,\n",
    "too,few\nd@x,1,2,3\ne@x,\"é\",f"
);
const BODIES: [(Format, &str); 3] =
    [(Format::Json, JSON), (Format::Ndjson, NDJSON), (Format::Csv, CSV)];

#[test]
fn every_split_gives_the_same_items() {
    for (format, body) in BODIES {
        let body = Bytes::from_static(body.as_bytes());
        let expected = read(format, std::slice::from_ref(&body));
        assert!(expected.0.len() > 5 && expected.1.is_ok(), "{expected:?}");
        for first in 0..=body.len() {
            let segments = [body.slice(..first), Bytes::new(), body.slice(first..)];
            assert_eq!(read(format, &segments), expected, "{format:?} split at {first}");
        }
        let single: Vec<Bytes> = (0..body.len()).map(|at| body.slice(at..at + 1)).collect();
        assert_eq!(read(format, &single), expected, "{format:?} byte by byte");
    }
}

#[test]
fn the_items_of_an_array_are_its_elements() {
    let elements: Vec<serde_json::Value> = serde_json::from_str(JSON).unwrap();
    let (items, _) = whole(Format::Json, JSON.as_bytes());
    let read = items.iter().map(|item| serde_json::from_slice(item.text.as_ref().unwrap()));
    assert_eq!(read.collect::<Result<Vec<serde_json::Value>, _>>().unwrap(), elements);
}

#[test]
fn from_every_boundary_a_reader_goes_on_with_the_rest() {
    for (format, body) in BODIES {
        let segments = [Bytes::from_static(body.as_bytes())];
        let (items, end) = read(format, &segments);
        for (count, item) in items.iter().enumerate() {
            let mut fresh = Items::new(format, &segments);
            fresh.seek(item.after);
            assert_eq!(read_on(fresh), (items[count + 1..].to_vec(), end.clone()), "{format:?}");
            let mut used = Items::new(format, &segments);
            while used.next().is_ok_and(|item| item.is_some()) {}
            used.seek(item.before);
            assert_eq!(read_on(used), (items[count..].to_vec(), end.clone()), "{format:?}");
        }
    }
}

#[test]
fn an_item_that_does_not_straddle_is_not_copied() {
    let body = Bytes::from_static(JSON.as_bytes());
    let memory = body.as_ptr_range();
    let (items, _) = read(Format::Json, &[body]);
    assert!(items.iter().all(|item| memory.contains(&item.text.as_ref().unwrap().as_ptr())));
}

#[test]
fn arrays_and_what_is_none() {
    let json = |body, expected: &[&str]| check(Format::Json, body, expected);
    json("[]", &[]);
    json("\u{feff} [ \n] ", &[]);
    json("[1]", &["1"]);
    json("", &["malformed at 0"]);
    json(" {}", &["malformed at 1"]);
    json("\u{feff}1", &["malformed at 3"]);
    json("[", &["malformed at 1"]);
    json("[1", &["malformed at 2"]);
    json("[1,", &["1", "malformed at 3"]);
    json("[1,]", &["1", "malformed at 3"]);
    json("[,1]", &["malformed at 1"]);
    json("[1 2]", &["malformed at 3"]);
    json("[1] x", &["1", "malformed at 4"]);
    json("[1}]", &["malformed at 2"]);
    json("[{\"a\":1},{\"a\":]},2]", &["{\"a\":1}", "malformed at 14"]);
    json("[1,{\"a\":tru},2]", &["1", "malformed at 11"]);
    json("[{\"a\":\"it's \"quoted\"\"},{\"a\":1}]", &["malformed at 13"]);
}

#[test]
fn an_element_that_can_be_no_input_fails_alone() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let body = format!("[{},{},1]", deep(128), deep(129));
    check(Format::Json, &body, &[&deep(128), "<invalid-json>", "1"]);
    let body = format!("{}\n{}\n1", deep(128), deep(129));
    check(Format::Ndjson, &body, &[&deep(128), "<invalid-json>", "1"]);

    let (items, end) = whole(Format::Json, b"[\"\xff\",1]");
    assert!(items[0].text.is_err() && items[1].text.is_ok() && end.is_ok());
    let (items, end) = whole(Format::Ndjson, b"\"\xff\"\n1");
    assert!(items[0].text.is_err() && items[1].text.is_ok() && end.is_ok());
    let (items, end) = whole(Format::Csv, b"a\n\xff\nb");
    assert!(items[0].text.is_err() && items[1].text.is_ok() && end.is_ok());
}

#[test]
fn an_item_may_be_one_mebibyte_and_not_a_byte_more() {
    let fits = format!("\"{}\"", "x".repeat(ITEM_MAX_BYTES - 2));
    let long = format!("\"{}\"", "x".repeat(ITEM_MAX_BYTES - 1));
    check(Format::Json, &format!("[{fits},{long},1]"), &[&fits, "<item-too-large>", "1"]);
    check(Format::Ndjson, &format!("{fits}\n{long}\n1"), &[&fits, "<item-too-large>", "1"]);
    let (fits, long) = ("x".repeat(ITEM_MAX_BYTES), "x".repeat(ITEM_MAX_BYTES + 1));
    let object = format!("{{\"a\":\"{fits}\"}}");
    let body = format!("a\n{fits}\n\"{long}\"\n1");
    check(Format::Csv, &body, &[&object, "<item-too-large>", "{\"a\":\"1\"}"]);
    let broken = format!("[1,[\"{}\" 2],1]", "x".repeat(ITEM_MAX_BYTES));
    check(Format::Json, &broken, &["1", "malformed at 3"]);
}

#[test]
fn lines_have_nothing_to_do_with_each_other() {
    let ndjson = |body, expected: &[&str]| check(Format::Ndjson, body, expected);
    ndjson("", &[]);
    ndjson("\u{feff}\n \r\n", &[]);
    ndjson("1\r\n\n{\"a\":\n2", &["1", "<invalid-json>", "2"]);
    ndjson("{} {}\n[1]", &["<invalid-json>", "[1]"]);
}

#[test]
fn records_become_objects() {
    let csv = |body: &str, expected: &[&str]| check(Format::Csv, body, expected);
    csv("a,b\n1,2\n", &[r#"{"a":"1","b":"2"}"#]);
    csv("\u{feff}a\r\n\u{feff}x\r\n", &["{\"a\":\"\u{feff}x\"}"]);
    csv("a,b\n,\n\"\",\" \"\n", &["{}", r#"{"b":" "}"#]);
    csv("a\n\"x \"\"y\"\"\nz\"", &[r#"{"a":"x \"y\"\nz"}"#]);
    csv("a,b\n1\n1,2,3\n1,2", &["<wrong-columns>", "<wrong-columns>", r#"{"a":"1","b":"2"}"#]);
    csv("a", &[]);
    csv("", &["malformed at 0"]);
    csv("\n\n", &["malformed at 2"]);
    csv("a,a\n1,2", &["malformed at 0"]);
    csv("a,\n1,2", &["malformed at 0"]);
    csv("a\n1\n\"2\n3\n", &[r#"{"a":"1"}"#, "malformed at 4"]);
    let wide = ",".repeat(10_000);
    csv(&format!("a\n{wide}\n1"), &["<wrong-columns>", r#"{"a":"1"}"#]);
    csv(&format!("{wide}\n1"), &["malformed at 0"]);
}

#[test]
fn content_types_name_formats() {
    assert_eq!(Format::of(Some("Application/JSON; charset=utf-8")), Some(Format::Json));
    assert_eq!(Format::of(Some("application/x-ndjson")), Some(Format::Ndjson));
    assert_eq!(Format::of(Some("text/csv;header=present")), Some(Format::Csv));
    assert_eq!(Format::of(Some("text/plain")), None);
    assert_eq!(Format::of(None), None);
}

/// Damage makes no reader panic, run in circles, or disagree with itself about the seams.
#[test]
fn damaged_bodies_are_read_to_one_end() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    const BYTES: &[u8] = b"\"\\[]{},:\r\n \xff1a\xc3";
    for round in 0..20_000 {
        let (format, body) = BODIES[round % BODIES.len()];
        let mut body = body.as_bytes().to_vec();
        for _ in 0..=next(4) {
            let at = next(body.len());
            match next(3) {
                0 => body[at] = BYTES[next(BYTES.len())],
                1 => body.truncate(at + 1),
                _ => body.insert(at, BYTES[next(BYTES.len())]),
            }
        }
        let body = Bytes::from(body);
        let (items, end) = read(format, std::slice::from_ref(&body));
        let seam = next(body.len() + 1);
        let split = read(format, &[body.slice(..seam), body.slice(seam..)]);
        assert_eq!(split, (items.clone(), end.clone()), "{format:?} {body:?}");
        check_order(&items, end, body.len() as u64);
    }
}

fn check_order(items: &[Item], end: Result<(), Malformed>, len: u64) {
    let mut at = Position::default();
    for item in items {
        assert_eq!(item.before, at);
        assert!(item.after.offset > at.offset && item.after.index == at.index + 1);
        at = item.after;
    }
    assert!(at.offset <= len && end.err().is_none_or(|malformed| malformed.offset <= len));
}
