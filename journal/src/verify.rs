//! A look at the health of a folder on which no server runs: every checksum, every tree, and
//! whether log, archive and spool agree with one another. It changes no byte, and what it holds in
//! memory is bounded by the log's length.

mod late;
mod log;
mod rows;
mod spool;
mod still_disk;

pub(crate) use still_disk::StillDisk;

use crate::archive::{StillArchive, check_pages, check_write_ahead_log, explain};
use crate::error::{OpenError, StoreError};
use crate::folder::Still;
use crate::health::{Effect, Flaw, Health, Part};
use crate::options::ARCHIVE_PAGE_BYTES;
use crate::recovery::{self, Candidate, Source};
use crate::salvage;
use crate::segment;
use foldhash::HashSet;
use late::Late;
use overtime_protocol::TaskId;
use std::path::{Path, PathBuf};

/// Who hears how far a look has come, a sentence each.
pub type Say<'a> = &'a dyn Fn(&str);

/// Looks at the folder.
///
/// # Errors
/// If there is no such folder, a server has it, or the operating system refuses: then nothing is
/// known of its health.
pub fn verify(folder: &Path, say: Say<'_>) -> Result<Health, OpenError> {
    let still = Still::open(folder)?;
    let health = inspect(&still, say)?;
    if still.is_still() {
        Ok(health)
    } else {
        Err(OpenError::Locked { folder: folder.to_owned(), process: None })
    }
}

/// Looks at a folder that is locked.
pub(crate) fn inspect(still: &Still, say: Say<'_>) -> Result<Health, OpenError> {
    let mut inspection =
        Inspection { still, say, health: Health::default(), lost: HashSet::default() };
    inspection.all()?;
    Ok(inspection.health)
}

/// What is being looked at, and what was found so far.
struct Inspection<'a> {
    still: &'a Still,
    say: Say<'a>,
    health: Health,
    /// The tasks of which it was told that they have lost their payload.
    lost: HashSet<TaskId>,
}

impl Inspection<'_> {
    fn all(&mut self) -> Result<(), OpenError> {
        let folder = self.still.path();
        let looking = OpenError::io(format!("look into {}", folder.display()));
        let is_unfinished = salvage::is_unfinished(folder).and_then(|is_unfinished| {
            let left_over = salvage::left_over(folder)?.into_iter();
            let line =
                "is left of an attempt to accept a loss that was interrupted; nothing needs it";
            self.health.notes.extend(left_over.map(|name| format!("{name} {line}")));
            Ok(is_unfinished)
        });
        if is_unfinished.map_err(looking)? {
            let what = "a loss was accepted, and what was built anew is not all in its place yet: \
                the next start goes on with it";
            self.flaw(Part::Folder, None, what.to_owned());
            return Ok(());
        }
        let key = match self.still.format() {
            Ok((format, key)) => {
                self.health.format = Some(format);
                Some(key)
            }
            Err(error @ (OpenError::Newer { .. } | OpenError::Older { .. })) => return Err(error),
            Err(error) => {
                self.flaw(Part::Format, Some(self.still.path().join("FORMAT")), error.to_string());
                None
            }
        };
        let archive = self.archive()?;
        let watermark = self.health.archive.watermark;
        let mut late = Late::default();
        if let Some(key) = key {
            (self.say)("reading the log");
            let disk = StillDisk::new(&self.still.log());
            self.log(Source { disk: &disk, key }, watermark, &mut late)?;
        }
        if let Some(archive) = &archive {
            (self.say)("reading the rows of the archive");
            self.rows(archive, &late);
            self.late_tasks(archive, &late);
        }
        (self.say)("reading the spool");
        self.spool(archive.as_ref(), &late)
    }

    /// Looks at the archive as SQLite does; `None` if its rows cannot be read at all.
    fn archive(&mut self) -> Result<Option<StillArchive>, OpenError> {
        let file = self.still.archive();
        if !file.exists() {
            // A server that never came as far as its first record has left none.
            if self.has_log() {
                self.flaw(Part::Archive, Some(file), "the archive is not there".to_owned());
            }
            return Ok(None);
        }
        (self.say)("checking the archive's pages");
        let wal = crate::archive::write_ahead_log(&file);
        let len = |path: &Path| path.metadata().map_or(0, |found| found.len());
        self.health.archive.bytes = len(&file) + len(&wal);
        match check_write_ahead_log(&file) {
            Ok(note) => self.health.notes.extend(note),
            Err(OpenError::ArchiveDamaged { file, detail }) => {
                self.flaw(Part::Archive, Some(file), detail);
            }
            Err(error) => return Err(error),
        }
        self.pages(&file)?;
        let opened = StillArchive::open(&file).and_then(|archive| {
            let format = archive.format()?;
            Ok((archive, format))
        });
        let archive = match opened {
            // The first start was cut short; the next one makes the tables.
            Ok((_, (0, _))) if !self.has_log() => return Ok(None),
            Ok((archive, (found, known))) if found <= known => archive,
            Ok((_, (found, known))) => {
                let (found, known) = (found.unsigned_abs(), known.unsigned_abs());
                return Err(OpenError::Newer { file, found, known });
            }
            Err(error) => {
                self.flaw(Part::Archive, Some(file), explain(&error));
                return Ok(None);
            }
        };
        match archive.complaints() {
            Ok(complaints) => complaints.into_iter().for_each(|complaint| {
                self.flaw(Part::Archive, Some(file.clone()), complaint);
            }),
            Err(error) => self.flaw(Part::Archive, Some(file.clone()), explain(&error)),
        }
        match archive.watermark() {
            Ok(watermark) => self.health.archive.watermark = Some(watermark),
            Err(error) => {
                let what = explain(&error);
                let what = format!("up to where it has everything cannot be read: {what}");
                self.flaw(Part::Archive, Some(file), what);
            }
        }
        Ok(Some(archive))
    }

    /// Whether something was ever written to the log, as far as that is known.
    fn has_log(&self) -> bool {
        let files = recovery::examine(&StillDisk::new(&self.still.log()));
        let is_blank = |file: &Candidate| file.header == segment::Found::Blank;
        !files.is_ok_and(|files| files.iter().all(is_blank))
    }

    /// Checks each page of the archive against its checksum.
    fn pages(&mut self, file: &Path) -> Result<(), OpenError> {
        let reading = OpenError::io(format!("read {}", file.display()));
        for number in check_pages(file).map_err(reading)? {
            let offset = u64::from(number.saturating_sub(1)) * ARCHIVE_PAGE_BYTES;
            self.health.note_flaw(Flaw {
                part: Part::Archive,
                file: Some(file.to_owned()),
                offset: Some(offset),
                what: format!("page {number} does not match its checksum"),
                effect: Effect::Stops,
            });
        }
        Ok(())
    }

    /// Notes what stops a server.
    fn flaw(&mut self, part: Part, file: Option<PathBuf>, what: String) {
        self.health.note_flaw(Flaw { part, file, offset: None, what, effect: Effect::Stops });
    }

    /// Notes what stops no server.
    fn harm(&mut self, part: Part, file: Option<PathBuf>, what: String) {
        self.health.note_flaw(Flaw { part, file, offset: None, what, effect: Effect::Harms });
    }
}

/// A sentence about something that was read, without what its caller says anyway.
fn plain(error: &StoreError) -> String {
    match error {
        StoreError::Damaged(what) => what.clone(),
        StoreError::Archive(error) => explain(error),
        other => other.to_string(),
    }
}
