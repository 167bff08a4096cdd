//! A log built anew from one that is damaged: the records up to the first thing that is missing, as
//! if the machine had stopped there. What comes after is not kept: it may build on what is lost, and
//! what a task did then would count without what it did before.

use super::Work;
use super::report::Report;
use crate::disk::{Disk, FileId, FolderDisk};
use crate::frame::{self, HEADER};
use crate::options::SEGMENT_HEADER_BYTES;
use crate::prepare;
use crate::recovery::{self, Source};
use crate::segment;
use crate::survey::{Sighting, Standing, Survey, survey};
use std::fs;
use std::io;

/// Builds the log behind `floor`, the archive's watermark, and lists what is left out.
pub(super) fn rebuild(
    work: &Work<'_>,
    source: Source<'_>,
    floor: u64,
    report: &mut Report,
) -> io::Result<()> {
    let found = survey(source, Some(floor), |_| Ok::<_, io::Error>(()))?;
    let folder = work.staging.part("log");
    fs::create_dir(&folder)?;
    let disk = FolderDisk::new(&folder);
    let sequence = recovery::highest_sequence(source.disk)? + 1;
    let mut copy = Copy::begin(work, &disk, (sequence, floor))?;
    survey(source, Some(floor), |sighting: Sighting<'_>| match sighting.standing {
        Standing::Archived => Ok(()),
        Standing::Follows => copy.push(&sighting.frame.header, &sighting.frame.record),
        Standing::CutOff => report.record(&sighting, &found),
    })?;
    copy.end()?;
    found.unreadable.iter().try_for_each(|place| report.unreadable(place))?;
    sum_up(&found, report);
    Ok(())
}

fn sum_up(found: &Survey, report: &mut Report) {
    let Survey { last, cut_off, unreadable_bytes, .. } = *found;
    let behind = found.highest.max(found.witnessed);
    if found.breach.is_none() {
        report.say(format!("the log was damaged, and no record of it is lost: it ends at {last}"));
    } else if behind <= last {
        report.say(format!(
            "the log ends at {last}; whether records behind that were acknowledged is not known"
        ));
    } else {
        report.say(format!(
            "the log is kept up to record {last}; lost is what was acknowledged up to {behind}: \
             {cut_off} records are listed, {unreadable_bytes} bytes could not be read"
        ));
    }
}

/// The log that is being built.
struct Copy<'a> {
    disk: &'a FolderDisk,
    key: frame::Key,
    segment_bytes: u64,
    sequence: u64,
    file: FileId,
    at: u64,
    capacity: u64,
    last: u64,
}

impl<'a> Copy<'a> {
    fn begin(
        work: &Work<'_>,
        disk: &'a FolderDisk,
        (sequence, last): (u64, u64),
    ) -> io::Result<Self> {
        let segment_bytes = work.options.segment_bytes;
        let (file, at, capacity) = (FileId(0), 0, segment_bytes);
        let key = work.key;
        let mut copy = Self { disk, key, segment_bytes, sequence, file, at, capacity, last };
        copy.open(0)?;
        Ok(copy)
    }

    /// Begins a segment that has room for a frame of that length.
    fn open(&mut self, frame_bytes: u64) -> io::Result<()> {
        self.file = FileId(self.file.0 + 1);
        self.disk.create(self.file)?;
        let mut block = vec![0; segment::BLOCK];
        let header = segment::Header { sequence: self.sequence, base: self.last };
        segment::write(header, &mut block);
        self.disk.write_at(self.file, &block, 0)?;
        self.at = SEGMENT_HEADER_BYTES;
        self.capacity = self.segment_bytes.max(self.at + frame_bytes);
        Ok(())
    }

    /// Adds a record, in a batch of its own: all before it are on disk.
    fn push(&mut self, header: &frame::Header, record: &[u8]) -> io::Result<()> {
        let bytes = (HEADER + record.len()) as u64;
        if self.at + bytes > self.capacity {
            self.close()?;
            self.sequence += 1;
            self.open(bytes)?;
        }
        let mut frame = Vec::with_capacity(HEADER + record.len());
        frame::begin(&mut frame);
        frame.extend_from_slice(record);
        frame::seal(&mut frame, header.lsn, self.last, self.key.stamp(self.sequence));
        self.disk.write_at(self.file, &frame, self.at)?;
        self.at += bytes;
        self.last = header.lsn;
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        prepare::fill(self.disk, self.file, self.at, self.capacity)?;
        self.disk.sync(self.file)
    }

    fn end(self) -> io::Result<()> {
        self.close()
    }
}
