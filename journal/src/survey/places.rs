//! Which file holds which segment, also when its header is gone: then its frames say so. It only
//! reads.

use crate::disk::FileId;
use crate::options::SEGMENT_HEADER_BYTES;
use crate::recovery::{self, Candidate, Source};
use crate::scan;
use crate::segment;
use std::io;

/// How many numbers a segment without a header is tried with.
const GUESSES_MAX: usize = 64;

/// A segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) sequence: u64,
    pub(super) len: u64,
    /// The last LSN before it; not known if its header is gone.
    pub(super) base: Option<u64>,
}

/// The segments that matter, in their order: those from the one on that holds what is behind
/// `floor`, or all that hang together with the newest.
pub(super) fn arrange(source: Source<'_>, floor: Option<u64>) -> io::Result<Vec<Place>> {
    let files = recovery::examine(source.disk)?;
    let mut places: Vec<Place> = files.iter().filter_map(with_header).collect();
    places.sort_unstable_by_key(|place| place.sequence);
    for candidate in &files {
        if with_header(candidate).is_none()
            && let Some(place) = guess(source, candidate, &places)?
        {
            places.push(place);
            places.sort_unstable_by_key(|place| place.sequence);
        }
    }
    let start = match floor {
        Some(floor) => {
            places.iter().rposition(|place| place.base.is_some_and(|base| base <= floor))
        }
        None => places
            .windows(2)
            .rposition(|two| two[0].sequence + 1 != two[1].sequence)
            .map(|gap| gap + 1),
    };
    Ok(places.split_off(start.unwrap_or(0)))
}

fn with_header(candidate: &Candidate) -> Option<Place> {
    let Candidate { file, len, header } = *candidate;
    match header {
        segment::Found::Header(segment::Header { sequence, base }) => {
            Some(Place { file, sequence, len, base: Some(base) })
        }
        segment::Found::Blank | segment::Found::Damaged | segment::Found::Newer(_) => None,
    }
}

/// The place of a file without a header: the first number that nobody has and its frames know.
fn guess(source: Source<'_>, candidate: &Candidate, known: &[Place]) -> io::Result<Option<Place>> {
    let Candidate { file, len, .. } = *candidate;
    let area = SEGMENT_HEADER_BYTES..len;
    if scan::last_nonzero(source.disk, file, area.clone())? == SEGMENT_HEADER_BYTES {
        return Ok(None);
    }
    let first = known.first().map_or(1, |place| place.sequence.saturating_sub(1));
    let last = known.last().map_or(1, |place| place.sequence + 1);
    let is_free = |sequence: &u64| known.iter().all(|place| place.sequence != *sequence);
    for sequence in (first..=last).rev().filter(is_free).take(GUESSES_MAX) {
        let stamp = source.key.stamp(sequence);
        if scan::next_claim(source.disk, file, stamp, area.clone(), 0)?.is_some() {
            return Ok(Some(Place { file, sequence, len, base: None }));
        }
    }
    Ok(None)
}
