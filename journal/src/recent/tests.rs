use super::*;

fn key(number: usize, lsn: u64) -> (Key, KeyEntry) {
    let writer = (TaskId::from_key(lsn).unwrap(), 1);
    (number.to_string().into_bytes().into(), KeyEntry { lsn, writer, value: None })
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
    let keys = vec![key(1, 5), key(2, 6)];
    recent.publish(&mut Entries {
        keys,
        tasks: vec![task(1, 5, RestPlace::Elsewhere), task(2, 6, RestPlace::Elsewhere)],
        ..Entries::default()
    });
    recent.rotate();
    let (keys, tasks) = (vec![key(1, 9)], vec![task(1, 9, RestPlace::Ended(9, PLACE))]);
    recent.publish(&mut Entries { keys, tasks, ..Entries::default() });
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
    recent.publish(&mut Entries { keys: vec![key(1, 5), key(2, 6)], ..Entries::default() });
    recent.rotate();
    recent.rotate();
    assert_eq!(generations(&recent), 2);
    recent.release(6);
    assert_eq!(generations(&recent), 2);
    recent.publish(&mut Entries { keys: vec![key(3, 7)], ..Entries::default() });
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
    recent.publish(&mut Entries { keys: vec![key(1, 5), key(2, 6)], ..Entries::default() });
    recent.rotate();
    recent.publish(&mut Entries { keys: vec![key(2, 7)], ..Entries::default() });
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
