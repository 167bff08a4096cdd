//! A survey of a log that may be damaged: every sound frame from the one on that the archive needs
//! next, and whether all that was on disk before it is still there. It goes past damage, only reads,
//! and decides nothing.

mod places;

use crate::cursor::{Cursor, Frame};
use crate::disk::FileId;
use crate::frame::{self, HEADER, Stamp};
use crate::log::Segment;
use crate::options::SEGMENT_HEADER_BYTES;
use crate::recovery::{Chain, Source, flip};
use crate::scan;
use overtime_protocol::record::{self, Record};
use places::Place;
use std::io;
use std::ops::Range;

/// The most unreadable places that are told one by one.
const UNREADABLE_MAX: usize = 1_000;

/// A sound frame.
pub(crate) struct Sighting<'a> {
    pub(crate) file: FileId,
    pub(crate) sequence: u64,
    /// The offset of the frame.
    pub(crate) at: u64,
    pub(crate) frame: &'a Frame,
    pub(crate) standing: Standing,
    /// What it says, if the archive has not got it and it can be read.
    pub(crate) record: Option<Record>,
}

/// How a frame stands to what was on disk before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The archive has it.
    Archived,
    /// All that was on disk before it is there.
    Follows,
    /// Something before it is not there.
    CutOff,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// What the archive has: nothing up to here has to be in the log.
    pub(crate) floor: u64,
    /// The last LSN up to which nothing is missing.
    pub(crate) last: u64,
    /// Where the first thing is missing, if anything is.
    pub(crate) breach: Option<(FileId, u64)>,
    /// The highest LSN of which something in the log says that it was on disk.
    pub(crate) witnessed: u64,
    /// The highest LSN that was seen.
    pub(crate) highest: u64,
    /// Frames behind the breach.
    pub(crate) cut_off: u64,
    /// Bytes between sound frames, up to [`UNREADABLE_MAX`] places.
    pub(crate) unreadable: Vec<Unreadable>,
    /// How many bytes those are, with the places that were left out.
    pub(crate) unreadable_bytes: u64,
}

/// Bytes that are no sound frame and have one behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) file: FileId,
    pub(crate) bytes: Range<u64>,
    /// The LSN of the record, if its header is sound.
    pub(crate) lsn: Option<u64>,
}

impl Survey {
    fn note_unreadable(&mut self, file: FileId, bytes: Range<u64>, lsn: Option<u64>) {
        self.unreadable_bytes += bytes.end - bytes.start;
        if self.unreadable.len() < UNREADABLE_MAX {
            self.unreadable.push(Unreadable { file, bytes, lsn });
        }
    }
}

/// Looks at every frame of the log behind `floor`, the archive's watermark; without one, at all
/// that hangs together up to the newest segment. `visit` may give up.
pub(crate) fn survey<E: From<io::Error>>(
    source: Source<'_>,
    floor: Option<u64>,
    mut visit: impl FnMut(Sighting<'_>) -> Result<(), E>,
) -> Result<Survey, E> {
    let places = places::arrange(source, floor)?;
    let base = places.first().and_then(|place| place.base).unwrap_or(0);
    let floor = floor.unwrap_or(base);
    let mut walk = Walk {
        source,
        chain: Chain::behind(base.min(floor)),
        join: Join::Next,
        is_broken: false,
        end: None,
        survey: Survey { floor, last: floor, ..Survey::default() },
    };
    for place in &places {
        walk.through(*place, &mut visit)?;
    }
    Ok(walk.finish(places.last().copied())?)
}

/// How the next frame is known to follow the one before it.
#[derive(Clone, Copy)]
enum Join {
    /// It stands behind it: what both say decides.
    Next,
    /// Nothing was written in between.
    Sure,
    /// It is the first of a segment that cannot say what was before it: the frame says so too.
    First,
    /// There are unreadable bytes in between: only if none has a number between theirs.
    Gap,
    /// Something is missing.
    Never,
}

struct Walk<'a> {
    source: Source<'a>,
    chain: Chain,
    join: Join,
    is_broken: bool,
    /// Where the last frame ends before the breach.
    end: Option<(FileId, u64)>,
    survey: Survey,
}

impl Walk<'_> {
    fn through<E: From<io::Error>>(
        &mut self,
        place: Place,
        visit: &mut impl FnMut(Sighting<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Place { file, sequence, len, base } = place;
        self.enter(file, base);
        let (disk, stamp) = (self.source.disk, self.source.key.stamp(sequence));
        let mut at = SEGMENT_HEADER_BYTES;
        loop {
            let mut cursor = Cursor::resume(disk, file, stamp, at..len);
            while let Some(frame) = cursor.next()? {
                self.see(
                    Sighting {
                        file,
                        sequence,
                        at,
                        record: None,
                        standing: Standing::CutOff,
                        frame: &frame,
                    },
                    visit,
                )?;
                at = cursor.offset();
            }
            let Some(next) = self.next_later(file, stamp, at..len)? else {
                return Ok(());
            };
            self.join = Join::Gap;
            at = next;
        }
    }

    /// How the first frame of a segment follows, before which the records up to `base` were on disk.
    fn enter(&mut self, file: FileId, base: Option<u64>) {
        let known = self.chain.last.max(self.survey.floor);
        self.survey.witnessed = self.survey.witnessed.max(base.unwrap_or(0));
        self.join = match base {
            Some(base) if base > known => Join::Never,
            Some(base) if base != self.chain.last => Join::Sure,
            Some(_) => Join::Next,
            None => Join::First,
        };
        if !self.is_broken && !matches!(self.join, Join::Never) {
            self.end = Some((file, SEGMENT_HEADER_BYTES));
        }
    }

    /// Takes in a frame, unless it was left over by something that was never acknowledged.
    fn see<E>(
        &mut self,
        mut sighting: Sighting<'_>,
        visit: &mut impl FnMut(Sighting<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let header = sighting.frame.header;
        if header.lsn <= self.survey.highest {
            return Ok(());
        }
        self.survey.highest = header.lsn;
        self.survey.witnessed = self.survey.witnessed.max(header.synced);
        let is_archived = header.lsn <= self.survey.floor;
        if !is_archived {
            sighting.record = record::decode(&sighting.frame.record).ok().map(|(record, _)| record);
        }
        let is_sound = self.joins(header) && sighting.record.is_some();
        self.is_broken |= !is_archived && !is_sound;
        sighting.standing = match (is_archived, self.is_broken) {
            (true, _) => Standing::Archived,
            (false, false) => Standing::Follows,
            (false, true) => Standing::CutOff,
        };
        if self.is_broken {
            self.survey.cut_off += 1;
        } else {
            let behind = sighting.at + sighting.frame.bytes() as u64;
            self.end = Some((sighting.file, behind));
            self.survey.last = self.survey.last.max(header.lsn);
        }
        (self.chain.last, self.chain.batch) = (header.lsn, Some(header.synced));
        self.join = Join::Next;
        visit(sighting)
    }

    fn joins(&self, header: frame::Header) -> bool {
        match self.join {
            Join::Next => self.chain.admits(header),
            Join::Sure => true,
            Join::First => header.synced <= self.chain.last.max(self.survey.floor),
            Join::Gap => header.lsn == self.chain.last.max(self.survey.floor) + 1,
            Join::Never => false,
        }
    }

    /// Where the next sound frame begins that is later than all so far. What lies before it cannot
    /// be read.
    fn next_later(
        &mut self,
        file: FileId,
        stamp: Stamp,
        area: Range<u64>,
    ) -> io::Result<Option<u64>> {
        let (disk, start, mut from) = (self.source.disk, area.start, area.start);
        let mut lost = Vec::new();
        while let Some((at, header)) =
            scan::next_claim(disk, file, stamp, from..area.end, self.survey.highest)?
        {
            // Whoever made this header knew it, whatever became of the record behind it.
            self.survey.witnessed = self.survey.witnessed.max(header.synced);
            if Cursor::resume(disk, file, stamp, at..area.end).next()?.is_some() {
                // What the archive has may be as it likes.
                if header.lsn > self.survey.floor + 1 {
                    self.note_gap(file, start..at, &lost);
                }
                return Ok(Some(at));
            }
            lost.push((at..at + HEADER as u64 + u64::from(header.len), header.lsn));
            from = at + HEADER as u64;
        }
        self.note_records(file, &lost);
        Ok(None)
    }

    fn note_gap(&mut self, file: FileId, gap: Range<u64>, lost: &[(Range<u64>, u64)]) {
        let first = lost.first().map_or(gap.end, |(bytes, _)| bytes.start);
        if gap.start < first {
            self.survey.note_unreadable(file, gap.start..first, None);
        }
        self.note_records(file, lost);
    }

    fn note_records(&mut self, file: FileId, lost: &[(Range<u64>, u64)]) {
        let floor = self.survey.floor;
        for (bytes, lsn) in lost.iter().filter(|(_, lsn)| *lsn > floor).cloned() {
            self.survey.note_unreadable(file, bytes, Some(lsn));
        }
    }

    fn finish(mut self, newest: Option<Place>) -> io::Result<Survey> {
        let is_short =
            self.survey.witnessed > self.survey.last || self.chain.last < self.survey.floor;
        if self.is_broken && self.survey.witnessed > self.survey.last || !self.is_broken && is_short
        {
            let start = newest.map(|place| (place.file, SEGMENT_HEADER_BYTES));
            self.survey.breach = self.end.or(start).or(Some((FileId(0), 0)));
        } else if !self.is_broken && self.is_flipped_behind(newest)? {
            self.survey.breach = self.end;
        }
        Ok(self.survey)
    }

    /// Whether the last record of all is one with a flipped bit, for which nothing bears witness.
    fn is_flipped_behind(&self, newest: Option<Place>) -> io::Result<bool> {
        let (Some(Place { file, sequence, len, .. }), Some((of, end))) = (newest, self.end) else {
            return Ok(false);
        };
        let last = self.chain.last;
        let segment = Segment { file, sequence, end, last, capacity: len };
        Ok(of == file && flip::stands_behind(self.source, &segment, &self.chain)?)
    }
}
