use super::*;
use overtime_protocol::UnixMillis;
use overtime_protocol::record::{Layout, Put, ReadMark, Record};

/// Records that write a key each, by the key's number and the LSN.
fn writes(keys: &[(u64, u64)]) -> Entries {
    let mut entries = Entries::default();
    for &(number, lsn) in keys {
        let key = number.to_string().into_bytes().into();
        let puts = vec![Put { key, value: None, read: ReadMark::Unread }];
        let task = TaskId::from_key(lsn).unwrap();
        let record = Record { run: 1, puts, ..Record::new(task, UnixMillis(0)) };
        let layout = Layout { payload: 0..0, product: 0..0, values_start: 0 };
        entries.add(&Entry { lsn, place: PLACE, bytes: &[], record: &record, layout: &layout });
    }
    entries
}

fn task(number: u64, lsn: u64, rest: RestPlace) -> (TaskId, TaskEntry) {
    (TaskId::from_key(number).unwrap(), TaskEntry { lsn, acceptance: None, rest })
}

const PLACE: Place = Place { file: FileId(1), sequence: 1, offset: 4096, len: 1, crc: 0 };

fn generations(recent: &Recent) -> usize {
    recent.state.read().generations.len()
}

#[test]
fn what_the_archive_has_is_passed_over_and_what_was_written_since_is_not() {
    let recent = Recent::default();
    let tasks = vec![task(1, 5, RestPlace::Elsewhere), task(2, 6, RestPlace::Elsewhere)];
    recent.publish(&mut Entries { tasks, ..writes(&[(1, 5), (2, 6)]) });
    recent.rotate();
    let tasks = vec![task(1, 9, RestPlace::Ended(9, PLACE))];
    recent.publish(&mut Entries { tasks, ..writes(&[(1, 9)]) });
    let tasks = [1, 2].map(|number| TaskId::from_key(number).unwrap());
    assert_eq!(recent.key(b"1", 0).unwrap().lsn, 9);
    assert_eq!(recent.key(b"1", 6).unwrap().lsn, 9);
    assert!(recent.key(b"1", 9).is_none());
    assert_eq!(recent.key(b"2", 5).unwrap().lsn, 6);
    assert!(recent.key(b"2", 6).is_none());
    assert_eq!(recent.task(tasks[0], 6).unwrap().rest, RestPlace::Ended(9, PLACE));
    assert!(recent.task(tasks[1], 6).is_none());
}

#[test]
fn a_generation_leaves_as_a_whole_once_the_next_is_in_the_archive() {
    let recent = Recent::default();
    recent.rotate();
    assert_eq!(generations(&recent), 0);
    recent.publish(&mut writes(&[(1, 5), (2, 6)]));
    recent.rotate();
    recent.rotate();
    assert_eq!(generations(&recent), 2);
    recent.release(6);
    assert_eq!(generations(&recent), 2);
    recent.publish(&mut writes(&[(3, 7)]));
    recent.release(6);
    assert_eq!(generations(&recent), 2);
    assert_eq!(recent.key(b"3", 6).unwrap().lsn, 7);
    recent.rotate();
    recent.release(7);
    assert_eq!(generations(&recent), 2);
    assert!(recent.key(b"3", 7).is_none());
}

#[test]
fn what_became_of_a_key_is_known_for_as_long_as_its_generation_stays() {
    let recent = Recent::default();
    recent.begin(4);
    assert!(matches!(recent.since(b"1", 3), Since::Unknown));
    assert!(matches!(recent.since(b"1", 4), Since::Unchanged));
    recent.publish(&mut writes(&[(1, 5), (2, 6)]));
    recent.rotate();
    recent.publish(&mut writes(&[(2, 7)]));
    let lsn = |name: &[u8], watermark| match recent.since(name, watermark) {
        Since::Written(entry) => entry.lsn,
        other => panic!("{other:?}"),
    };
    // Whether it is in the archive meanwhile or not.
    for _ in 0..2 {
        assert_eq!((lsn(b"1", 4), lsn(b"2", 4), lsn(b"2", 6)), (5, 7, 7));
        assert!(matches!(recent.since(b"1", 5), Since::Unchanged));
        recent.release(6);
    }
    recent.rotate();
    recent.release(7);
    assert!(matches!(recent.since(b"1", 5), Since::Unknown));
    assert!(matches!(recent.since(b"1", 6), Since::Unchanged));
    assert_eq!(lsn(b"2", 6), 7);
}

#[test]
fn an_acceptance_stays_beside_a_later_record_of_its_task() {
    for rotates in [false, true] {
        let recent = Recent::default();
        let mut accepted = task(1, 5, RestPlace::Elsewhere);
        let acceptance = Accepted { lsn: 5, record: PLACE, payload: PayloadPlace::Record(3..4) };
        accepted.1.acceptance = Some(acceptance.clone());
        recent.publish(&mut Entries { tasks: vec![accepted], ..Entries::default() });
        if rotates {
            recent.rotate();
        }
        let parked = task(1, 6, RestPlace::Ended(9, PLACE));
        recent.publish(&mut Entries { tasks: vec![parked], ..Entries::default() });
        let found = recent.task(TaskId::from_key(1).unwrap(), 5).unwrap();
        assert_eq!((found.lsn, found.acceptance), (6, Some(acceptance)));
        assert_eq!(found.rest, RestPlace::Ended(9, PLACE));
    }
}

#[test]
fn a_key_is_found_where_the_last_record_that_wrote_it_put_it() {
    let record = |lsn: u64, number: u64, values: &[Option<&'static [u8]>]| {
        let puts = values.iter().enumerate().map(|(place, value)| Put {
            key: place.to_string().into_bytes().into(),
            value: value.map(Bytes::from_static),
            read: ReadMark::Unread,
        });
        let task = TaskId::from_key(number).unwrap();
        (lsn, Record { run: 7, puts: puts.collect(), ..Record::new(task, UnixMillis(0)) })
    };
    let records =
        [record(5, 1, &[Some(b"one"), Some(b"two"), None]), record(6, 2, &[None, Some(b"three")])];
    for at_once in [true, false] {
        let (recent, mut entries) = (Recent::default(), Entries::default());
        for (lsn, record) in &records {
            let layout = Layout { payload: 0..0, product: 0..0, values_start: 4 };
            let place = Place { offset: lsn * 1_000, sequence: *lsn, ..PLACE };
            let bytes = b"....onetwo";
            entries.add(&Entry { lsn: *lsn, place, bytes, record, layout: &layout });
            if !at_once {
                recent.publish(&mut entries);
            }
        }
        recent.publish(&mut entries);
        let found = |key: &[u8]| recent.key(key, 0).unwrap();
        let place = |key: &[u8]| found(key).value.map(|at| (at.sequence, at.offset, at.len));
        assert_eq!([place(b"0"), place(b"1"), place(b"2")], [None, Some((6, 6_004, 5)), None]);
        assert_eq!((found(b"0").lsn, found(b"0").read_lsn(), found(b"2").lsn), (6, 0, 5));
        assert_eq!(found(b"1").writer, (TaskId::from_key(2).unwrap(), 7));
        assert_eq!(found(b"1").value.unwrap().crc, crc32c::crc32c(b"onetw"));
    }
}
