//! The log, as recovery would find it, and what can be read of it if recovery would refuse it.

use super::Inspection;
use super::late::Late;
use crate::disk::FileId;
use crate::error::OpenError;
use crate::health::{Effect, Flaw, Part, SegmentHealth};
use crate::recovery::{self, RecoverError, Source, Visit};
use crate::survey::{Sighting, Standing, survey};
use overtime_protocol::record;
use std::io;

impl Inspection<'_> {
    /// Reads the log; without a watermark, all of it that hangs together.
    pub(super) fn log(
        &mut self,
        source: Source<'_>,
        watermark: Option<u64>,
        late: &mut Late,
    ) -> Result<(), OpenError> {
        let failed =
            |error| OpenError::io(format!("read the log in {}", self.still.log().display()))(error);
        let files = source.disk.list().map_err(failed)?;
        self.health.log.bytes = files.iter().map(|(_, len)| len).sum();
        let verdict = match watermark {
            Some(watermark) => self.verdict(source, watermark, late)?,
            None => Some((None, 0, "it is not known what of it the archive has".to_owned())),
        };
        let used = self.health.log.segments.len().min(files.len());
        self.health.log.free = (files.len() - used) as u64;
        match verdict {
            None => Ok(()),
            Some(refusal) => self.damage(source, watermark, refusal),
        }
    }

    /// Says what of a log can be read that recovery refuses, or cannot judge.
    fn damage(
        &mut self,
        source: Source<'_>,
        watermark: Option<u64>,
        (file, offset, what): Refusal,
    ) -> Result<(), OpenError> {
        let mut segments: Vec<SegmentHealth> = Vec::new();
        let mut unapplied = 0;
        let found = survey(source, watermark, |sighting| {
            unapplied += u64::from(sighting.standing == Standing::Follows);
            let Sighting { file, sequence, frame, .. } = sighting;
            count(&mut segments, &Visit { file, sequence, frame });
            Ok::<_, io::Error>(())
        });
        let reading = format!("read the log in {}", self.still.log().display());
        let found = found.map_err(OpenError::io(reading))?;
        let log = &mut self.health.log;
        (log.segments, log.unapplied, log.last) = (segments, unapplied, found.last);
        if watermark.is_none() && found.breach.is_none() {
            self.health.notes.push(format!("the log: {what}"));
            return Ok(());
        }
        self.log_flaw(file, Some(offset), what);
        if found.breach.is_some() {
            let behind = found.highest.max(found.witnessed);
            let (last, cut_off, bytes) = (found.last, found.cut_off, found.unreadable_bytes);
            self.log_flaw(None, None, format!(
                "nothing is missing up to record {last}; something is between that and {behind}, \
                 where {cut_off} records can be read and {bytes} bytes cannot"
            ));
        } else {
            let what = "the archive has all that is missing in the log: no record is lost";
            self.health.notes.push(what.to_owned());
        }
        for place in found.unreadable {
            let lsn = place.lsn.map_or_else(String::new, |lsn| format!(" (record {lsn})"));
            let len = place.bytes.end - place.bytes.start;
            let what = format!("{len} bytes cannot be read{lsn}");
            self.log_flaw(Some(place.file), Some(place.bytes.start), what);
        }
        Ok(())
    }

    /// What recovery says: where the log is damaged, and how.
    fn verdict(
        &mut self,
        source: Source<'_>,
        watermark: u64,
        late: &mut Late,
    ) -> Result<Option<Refusal>, OpenError> {
        let (mut segments, mut unapplied) = (Vec::new(), 0);
        let read = recovery::read(source, watermark, |visit| {
            count(&mut segments, &visit);
            if visit.frame.header.lsn <= watermark {
                return Ok(());
            }
            unapplied += 1;
            let (record, _) = record::decode(&visit.frame.record).map_err(|e| e.to_string())?;
            late.add(&record);
            Ok(())
        });
        let reading = format!("read the log in {}", self.still.log().display());
        match read {
            Ok(reading_of) => {
                let torn = reading_of.torn(source.disk).map_err(OpenError::io(reading))?;
                self.health.notes.extend(torn);
                let log = &mut self.health.log;
                (log.segments, log.unapplied, log.last) = (segments, unapplied, reading_of.last);
                Ok(None)
            }
            Err(RecoverError::Damaged { file, offset, detail }) => Ok(Some((file, offset, detail))),
            Err(RecoverError::Refused { file, offset, detail }) => {
                Ok(Some((Some(file), offset, detail)))
            }
            Err(RecoverError::Newer { file, found }) => Err(OpenError::Newer {
                file: self.still.log().join(file.to_string()),
                found: u64::from(found),
                known: u64::from(crate::segment::VERSION),
            }),
            Err(RecoverError::Io(source)) => Err(OpenError::Io { action: reading, source }),
        }
    }

    fn log_flaw(&mut self, file: Option<FileId>, offset: Option<u64>, what: String) {
        let log = self.still.log();
        let file = Some(file.map_or_else(|| log.clone(), |file| log.join(file.to_string())));
        self.health.note_flaw(Flaw { part: Part::Log, file, offset, what, effect: Effect::Stops });
    }
}

/// Where recovery finds that something is missing, and what it says of it.
type Refusal = (Option<FileId>, u64, String);

fn count(segments: &mut Vec<SegmentHealth>, sighting: &Visit<'_>) {
    let (lsn, bytes) = (sighting.frame.header.lsn, sighting.frame.bytes() as u64);
    match segments.last_mut().filter(|segment| segment.sequence == sighting.sequence) {
        Some(segment) => {
            segment.lsns = segment.lsns.map(|(first, _)| (first, lsn));
            segment.records += 1;
            segment.bytes += bytes;
        }
        None => segments.push(SegmentHealth {
            file: sighting.file.to_string(),
            sequence: sighting.sequence,
            lsns: Some((lsn, lsn)),
            records: 1,
            bytes,
        }),
    }
}
