use super::*;
use crate::idempotency::{Fingerprint, KeyHash};
use crate::kind::Durability;
use crate::task::{Progress, TaskState};
use std::sync::OnceLock;

fn opener() -> &'static Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("no other test of this crate mints"))
}

fn document() -> Box<Document> {
    Box::new(Document {
        id: TaskId::from_key(77).unwrap(),
        kind: KindName::new("contacts.upsert").unwrap(),
        lane: Lane::Bulk,
        state: TaskState::Failed,
        attempts: 3,
        created_at: UnixMillis(1),
        started_at: Some(UnixMillis(2)),
        finished_at: Some(UnixMillis(3)),
        next_attempt_at: None,
        progress: Some(Progress { done: 5, total: Some(9) }),
        fault: Some(Fault {
            members: Some("\"offset\":7".into()),
            ..Fault::input("invalid-email", "no @")
        }),
        tenant: "default".into(),
        durability: Durability::Disk,
    })
}

fn acceptance() -> Acceptance {
    Acceptance {
        kind: KindName::new("echo").unwrap(),
        lane: Lane::Interactive,
        tenant: "acme".into(),
        created_at: UnixMillis(10),
        due_at: Some(UnixMillis(20)),
        urgency: 5,
        content_type: Some("text/plain".into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        form: Form::Single,
        payload: Payload::seal(vec!["hello ".into(), "world".into()]),
    }
}

fn put(key: &'static str, value: Option<&'static str>) -> Put {
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    Put { key: key.into(), value: value.map(Into::into), read }
}

fn advance(cursor_len: usize) -> Advance {
    Advance { cursor: vec![7; cursor_len].into(), progress: Progress { done: 4, total: None } }
}

fn samples() -> Vec<Record> {
    let task = TaskId::from_key(77).unwrap();
    let plain = Record::new(task, UnixMillis(6));
    let claim = Claim { key: KeyHash([1; 16]), fingerprint: Fingerprint([2; 16]) };
    let product = Product { content_type: Some("application/json".into()), body: "{}".into() };
    let mark = StartMark { at: UnixMillis(9), isolated: true, crashes: 2 };
    let fault = Fault::ephemeral("busy", "later");
    vec![
        Record { acceptance: Some(acceptance()), ..plain.clone() },
        Record { acceptance: Some(acceptance()), claim: Some(claim), ..plain.clone() },
        Record { change: Some(Change::Resumed), ..plain.clone() },
        Record { change: Some(Change::CancelAsked), ..plain.clone() },
        Record { change: Some(Change::Started(mark)), attempt: 4, ..plain.clone() },
        Record {
            change: Some(Change::Retrying { next_at: UnixMillis(8), fault }),
            ..plain.clone()
        },
        Record { change: Some(Change::Parked(document())), ..plain.clone() },
        Record {
            change: Some(Change::Advanced(advance(CURSOR_MAX_BYTES))),
            puts: vec![put("s/a", Some("one"))],
            ..plain.clone()
        },
        Record {
            acceptance: Some(Acceptance {
                form: Form::Bulk,
                payload: Payload::spooled(64 << 20),
                ..acceptance()
            }),
            ..plain.clone()
        },
        Record {
            acceptance: Some(acceptance()),
            change: Some(Change::Finished(document(), Some(product))),
            puts: vec![put("s/a", Some("one")), put("s/b", None), put("s/c", Some(""))],
            ..plain
        },
    ]
}

fn encoded(record: &Record) -> (Bytes, Layout) {
    let mut out = Vec::new();
    let layout = encode(record, opener(), &mut out).unwrap();
    (out.into(), layout)
}

/// Payloads have no equality on purpose; their text stands in for it here.
fn shown(record: &Record) -> String {
    let open = |payload| opener().open(payload).map(<[Bytes]>::concat);
    let payload = record.acceptance.as_ref().and_then(|acceptance| open(&acceptance.payload));
    format!("{record:?} {payload:?}")
}

#[test]
fn every_record_reads_back_as_it_was_written() {
    for record in samples() {
        let (bytes, layout) = encoded(&record);
        let (read, read_layout) = decode(&bytes).unwrap();
        assert_eq!(shown(&read), shown(&record));
        assert_eq!(read_layout, layout);
    }
}

#[test]
fn the_layout_points_at_the_raw_parts() {
    let record = samples().pop().unwrap();
    let (bytes, layout) = encoded(&record);
    assert_eq!(&bytes[layout.payload.clone()], b"hello world");
    assert_eq!(&bytes[layout.product.clone()], b"{}");
    let places: Vec<_> = layout.values(&record.puts).map(|(_, place)| place).collect();
    assert_eq!(&bytes[places[0].clone().unwrap()], b"one");
    assert_eq!(places[1], None);
    assert_eq!(places[2].clone().unwrap().len(), 0);
}

#[test]
fn every_truncation_is_malformed_and_none_panics() {
    for record in samples() {
        let (bytes, _) = encoded(&record);
        for len in 0..bytes.len() {
            assert!(decode(&bytes.slice(..len)).is_err(), "{len} of {}", bytes.len());
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(decode(&longer.into()).is_err());
    }
}

#[test]
fn flipped_bits_never_panic_or_allocate_without_bound() {
    for record in samples() {
        let (bytes, _) = encoded(&record);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode(&damaged.into());
        }
    }
}

#[test]
fn a_later_version_is_named() {
    let (bytes, _) = encoded(&samples()[0]);
    let mut later = bytes.to_vec();
    later[0] = VERSION + 1;
    assert_eq!(decode(&later.into()).unwrap_err(), DecodeError::NewerVersion(VERSION + 1));
}

#[test]
fn a_stored_payload_cannot_be_encoded_again() {
    let mut record = samples().swap_remove(0);
    record.acceptance.as_mut().unwrap().payload = Payload::stored(11);
    let error = encode(&record, opener(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, EncodeError::PayloadNotInMemory);
}

#[test]
fn a_cursor_has_a_bound() {
    let mut record = samples().swap_remove(0);
    record.acceptance = None;
    record.change = Some(Change::Advanced(advance(CURSOR_MAX_BYTES + 1)));
    let error = encode(&record, opener(), &mut Vec::new()).unwrap_err();
    assert_eq!(error, EncodeError::CursorTooLong);
}

/// A record that writes so many keys of that length.
fn writes(keys: usize, key_len: usize) -> Record {
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    let put = Put { key: vec![b'k'; key_len].into(), value: None, read };
    Record { puts: vec![put; keys], ..samples().swap_remove(1) }
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let lengths = [(1, 0), (1, 15 << 20), (2, 9 << 20), (1, 17 << 20), (400_000, 0), (500_000, 1)];
    for (keys, key_len) in lengths.into_iter().chain([(16_000, 1_000), (17_000, 1_000)]) {
        let mut out = Vec::new();
        match encode(&writes(keys, key_len), opener(), &mut out) {
            Err(error) => assert_eq!(error, EncodeError::HeadTooLarge),
            Ok(_) => assert!(decode(&out.into()).is_ok(), "{keys} keys of {key_len}"),
        }
    }
}
