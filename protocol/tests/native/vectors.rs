//! The golden vectors: bytes that mean today what they meant when they were written. A vector is
//! never changed; a new version adds its own.

use crate::cases::{Case, hello_with_key, largest, replies, requests};
use crate::drive::{Said, Shown, feed_every_way};
use overtime_protocol::native::{HeaderTooLarge, Limits, Request, Submit, write};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/native")
}

/// The bytes of a vector: hexadecimal digits, behind lines that say what they are.
fn vector(file: &str) -> Vec<u8> {
    let path = folder().join(file).with_extension("hex");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<u8> = lines.flat_map(str::bytes).filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn encoded<M: Shown>(case: &Case<M>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(case.id, &case.message, case.payload.len() as u64, &mut bytes).unwrap();
    bytes.extend_from_slice(case.payload);
    bytes
}

fn as_file<M: Shown>(case: &Case<M>, bytes: &[u8]) -> String {
    let mut text = format!("# {}: {}\n", case.file, case.says);
    for line in bytes.chunks(16) {
        let pairs: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", pairs.join(" ")).unwrap();
    }
    text
}

/// The vector decodes to the case, however it is cut, and the case encodes to the vector.
/// `opening` is what must have come before.
fn check<M: Shown>(case: &Case<M>, opening: &[u8]) {
    let vector = vector(case.file);
    let expected = encoded(case);
    assert_eq!(vector, expected, "the file would be\n{}", as_file(case, &expected));
    let bytes = [opening, &vector].concat();
    let said = feed_every_way::<M>(&bytes, &Limits::default());
    let heads = said.iter().filter_map(|said| match said {
        Said::Head(frame) => Some(frame),
        _ => None,
    });
    let frame = heads.last().unwrap_or_else(|| panic!("{}: {said:?}", case.file));
    assert_eq!((frame.id, &frame.message), (case.id, &case.message), "{}", case.file);
    match frame.payload_len {
        Some(len) => {
            assert_eq!(len, case.payload.len() as u64, "{}", case.file);
            assert_eq!(said.last(), Some(&Said::Payload(case.payload.to_vec())), "{}", case.file);
        }
        None => assert_eq!(said.last(), Some(&Said::Head(frame.clone())), "{}", case.file),
    }
}

#[test]
fn requests_are_what_they_were() {
    for case in requests() {
        let opening = if case.file == "hello" { Vec::new() } else { vector("hello") };
        check(&case, &opening);
    }
    check(&hello_with_key(), &[]);
}

#[test]
fn replies_are_what_they_were() {
    for case in replies() {
        let opens = ["welcome", "hello-refused"].contains(&case.file);
        check(&case, &if opens { Vec::new() } else { vector("welcome") });
    }
}

#[test]
fn every_vector_is_tried_and_every_type_has_one() {
    let tried: BTreeSet<String> = requests()
        .iter()
        .map(|case| case.file)
        .chain([hello_with_key().file])
        .chain(replies().iter().map(|case| case.file))
        .map(|file| format!("{file}.hex"))
        .collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(tried, files);
    let types: BTreeSet<u8> =
        tried.iter().map(|file| vector(file.trim_end_matches(".hex"))[2]).collect();
    assert_eq!(types, (0x01..=0x0A).chain(0x81..=0x86).collect());
}

#[test]
fn the_largest_header_is_the_largest() {
    let bytes = vector("submit-largest");
    assert_eq!(u16::from_le_bytes([bytes[8], bytes[9]]), 4_096);
    let mut longer = largest();
    longer.traceparent = longer.traceparent.map(|text| format!("{text}0").into());
    let (mut out, longer) = (b"before".to_vec(), Request::Submit(Box::new(longer)));
    assert_eq!(write(1, &longer, 0, &mut out), Err(HeaderTooLarge));
    let absurd = Submit { kind: "k".repeat(1 << 20).into(), ..Submit::to("") };
    assert_eq!(write(1, &Request::Submit(Box::new(absurd)), 0, &mut out), Err(HeaderTooLarge));
    assert_eq!(out, b"before");
}

/// The example of `PROTOCOL.md` is a vector, so it cannot grow old.
#[test]
fn the_documented_example_is_a_vector() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../PROTOCOL.md");
    let page = fs::read_to_string(page).unwrap();
    for file in ["submit-smallest", "answered-smallest"] {
        let opening = format!("<!-- {file} -->");
        let (_, example) = page.split_once(&opening).unwrap_or_else(|| panic!("{opening}"));
        let example = example.split("```").nth(1).unwrap();
        let bytes: Vec<u8> = example
            .lines()
            .flat_map(|line| line.split("  ").next().unwrap_or_default().split(' '))
            .filter_map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2))
            .collect();
        assert_eq!(bytes, vector(file), "{file}");
    }
}
