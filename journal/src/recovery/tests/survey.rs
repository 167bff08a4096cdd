//! A survey of logs that are damaged at every byte, held against what recovery says of them.

use super::*;
use crate::applier::opener;
use crate::survey::{Sighting, Standing, Survey, survey};
use overtime_protocol::record::{self, Record};
use overtime_protocol::{TaskId, UnixMillis};

/// The records of a log by how they stand.
#[derive(Debug, Default)]
struct Surveyed {
    survey: Survey,
    follows: Vec<u64>,
    cut_off: Vec<u64>,
}

fn look(files: &Files, floor: Option<u64>) -> Surveyed {
    let disk = MemoryDisk::holding(files.clone());
    let mut surveyed = Surveyed::default();
    let source = Source { disk: &disk, key: KEY };
    let (follows, cut_off) = (&mut surveyed.follows, &mut surveyed.cut_off);
    surveyed.survey = survey(source, floor, |sighting: Sighting<'_>| {
        match sighting.standing {
            Standing::Archived => {}
            Standing::Follows => follows.push(sighting.frame.header.lsn),
            Standing::CutOff => cut_off.push(sighting.frame.header.lsn),
        }
        Ok::<_, io::Error>(())
    })
    .unwrap();
    surveyed
}

/// Two segments of records that can be read as such.
fn sound() -> (Files, Vec<u64>) {
    let mut bench = Bench::open(Files::new());
    bench.spare();
    for number in 0..7 {
        let record = encoded(number);
        let batch = [&record[..], &record[..]];
        bench.batch_of(&batch[..1 + number as usize % 2]).unwrap();
    }
    assert_eq!(bench.files().len(), 2);
    (bench.files(), bench.written.iter().map(|(lsn, _)| *lsn).collect())
}

/// A record without payload, product and values: the version, the head, and nothing behind it.
fn encoded(number: u64) -> Vec<u8> {
    let (task, at) = (TaskId::from_key(number).unwrap(), UnixMillis(number));
    let mut bytes = Vec::new();
    record::encode(&Record::new(task, at), &opener(), &mut bytes).unwrap();
    bytes
}

fn recovered(files: &Files, floor: u64) -> Result<Vec<u64>, RecoverError> {
    let disk = MemoryDisk::holding(files.clone());
    recover_all(&disk, floor).map(|(_, records)| records.into_iter().map(|(lsn, _)| lsn).collect())
}

#[test]
fn a_sound_log_is_surveyed_as_it_is_recovered() {
    let (files, lsns) = sound();
    for (place, &floor) in lsns.iter().enumerate() {
        let found = look(&files, Some(floor));
        assert_eq!(found.follows, lsns[place + 1..]);
        assert_eq!((found.survey.breach, found.survey.last), (None, *lsns.last().unwrap()));
    }
    assert_eq!(look(&files, None).follows, lsns);
}

#[test]
fn after_a_flipped_bit_every_record_but_one_is_found() {
    let (files, lsns) = sound();
    for (&file, bytes) in &files {
        for at in 0..bytes.len() {
            let mut damaged = files.clone();
            damaged.get_mut(&file).unwrap()[at] ^= 1 << (at % 8);
            let found = look(&damaged, Some(0));
            assert!(lsns.starts_with(&found.follows), "{file} {at}: {found:?}");
            let missing = lsns.len() - found.follows.len() - found.cut_off.len();
            assert!(missing <= 1, "{file} {at}: {found:?}");
            assert!(lsns.ends_with(&found.cut_off), "{file} {at}: {found:?}");
            let is_lost = found.survey.breach.is_some();
            assert_eq!(is_lost, found.follows.len() < lsns.len(), "{file} {at}: {found:?}");
            match recovered(&damaged, 0) {
                Ok(records) => assert_eq!(records, found.follows, "{file} {at}: {found:?}"),
                // Recovery refuses also what can be read all the same.
                Err(RecoverError::Damaged { .. } | RecoverError::Newer { .. }) => {}
                Err(other) => panic!("{file} {at}: {other:?}"),
            }
            check_archived(&damaged, &lsns, found.follows.len());
        }
    }
}

/// A record that the archive has is not missed: behind it everything follows.
fn check_archived(damaged: &Files, lsns: &[u64], intact: usize) {
    let Some(&floor) = lsns.get(intact) else { return };
    let found = look(damaged, Some(floor));
    assert_eq!(found.follows, lsns[intact + 1..], "{intact}: {found:?}");
    // Of a log that ends before the archive nobody knows whether there was more.
    let is_last = intact + 1 == lsns.len();
    assert_eq!(found.survey.breach.is_some(), is_last, "{found:?}");
    assert_eq!(found.survey.unreadable_bytes, 0, "{found:?}");
}

#[test]
fn of_a_log_with_a_zeroed_sector_a_prefix_follows() {
    let (files, lsns) = sound();
    for (&file, bytes) in &files {
        for start in (0..bytes.len()).step_by(7) {
            let mut damaged = files.clone();
            let end = bytes.len().min(start + 128);
            damaged.get_mut(&file).unwrap()[start..end].fill(0);
            let found = look(&damaged, Some(0));
            assert!(lsns.starts_with(&found.follows), "{file} {start}: {found:?}");
            let is_behind = |lsn: &u64| *lsn > found.survey.last && lsns.contains(lsn);
            assert!(found.cut_off.iter().all(is_behind), "{file} {start}: {found:?}");
            if let Ok(records) = recovered(&damaged, 0) {
                assert_eq!(records, found.follows, "{file} {start}: {found:?}");
            }
        }
    }
}

#[test]
fn of_a_log_that_lost_a_segment_what_is_behind_it_is_cut_off() {
    let (files, lsns) = sound();
    // The spare was used first.
    let (&second, &first) = (files.keys().next().unwrap(), files.keys().next_back().unwrap());
    let only = |file: FileId| Files::from([(file, files[&file].clone())]);
    let (head, tail) = (look(&only(first), Some(0)), look(&only(second), Some(0)));
    assert!(head.survey.breach.is_none(), "nothing says that there was more: {head:?}");
    assert_eq!((tail.survey.breach.is_some(), tail.follows.len()), (true, 0), "{tail:?}");
    assert_eq!([head.follows, tail.cut_off].concat(), lsns);
    // What the archive has need not be there.
    let base = lsns[lsns.len() - look(&only(second), Some(0)).cut_off.len() - 1];
    let found = look(&only(second), Some(base));
    assert_eq!(found.follows.len() + lsns.iter().filter(|lsn| **lsn <= base).count(), lsns.len());
    assert_eq!(found.survey.breach, None);
}
