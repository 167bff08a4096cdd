//! Going on after damage: what can be read of a folder is built anew beside what is damaged, and then
//! both change places. Nothing is deleted: the damaged files are set aside, with a list of what is
//! lost. It never starts by itself; a person has to ask for it.
//!
//! ```text
//! lost-1763750000.new/        being built; a crash leaves it, and the next attempt begins anew
//! lost-1763750000/
//!   lost.ndjson               what is lost: a JSON object a line, the last one a summary
//!   new/                      what is not in its place yet; the next start goes on with it
//!   log/, archive.db, …       what was damaged
//!   spool/                    every payload that was there, as further names of the same files
//! ```

mod archive;
mod log;
mod report;
mod staging;

pub(crate) use staging::{finish, is_unfinished, left_over};

use crate::error::OpenError;
use crate::folder::Still;
use crate::frame::Key;
use crate::health::{Health, Part};
use crate::options::Options;
use crate::recovery::{self, Source};
use crate::survey::{Sighting, Standing, survey};
use crate::verify::{self, Say, StillDisk};
use report::Report;
use staging::Staging;
use std::io;
use std::path::PathBuf;

/// What was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where the damaged files are, with the list of what is lost.
    pub folder: PathBuf,
    /// What a person should know, a sentence each.
    pub lines: Vec<String>,
}

/// Called at each moment at which a crash makes a difference: an error is one.
pub(crate) type Moment<'a> = &'a dyn Fn() -> io::Result<()>;

/// No crash comes.
pub(crate) fn go_on() -> io::Result<()> {
    Ok(())
}

/// Sets aside what is damaged in `options.folder`, and keeps what can be read. `None` if nothing is so
/// damaged that a server would refuse to start: then nothing was changed.
///
/// # Errors
/// If a server has the folder, its format or the key of its log is not known, or the operating system
/// refuses. It can be asked again then.
pub fn accept_loss(options: &Options, say: Say<'_>) -> Result<Option<Loss>, OpenError> {
    let still = Still::open_alone(&options.folder)?;
    let working = format!("set aside what is damaged in {}", options.folder.display());
    let failed = |error| OpenError::io(working.clone())(error);
    finish(&options.folder, &go_on).map_err(failed)?;
    let (_, key) = still.format()?;
    let health = verify::inspect(&still, say)?;
    if !health.is_stopped() {
        lost_payloads(&health).for_each(|what| say(&what));
        return Ok(None);
    }
    say("building anew what can be read");
    let staging = Staging::make(&options.folder).map_err(failed)?;
    let work = Work { options, still: &still, key, health: &health, staging: &staging };
    let lines = work.build().map_err(failed)?;
    let folder = staging.commit(&go_on).map_err(failed)?;
    finish(&options.folder, &go_on).map_err(failed)?;
    Ok(Some(Loss { folder, lines }))
}

/// What is being built, and from what.
struct Work<'a> {
    options: &'a Options,
    still: &'a Still,
    key: Key,
    health: &'a Health,
    staging: &'a Staging,
}

impl Work<'_> {
    fn build(&self) -> io::Result<Vec<String>> {
        let mut report = Report::create(&self.staging.path().join("lost.ndjson"))?;
        self.staging.keep_payloads(&self.still.spool())?;
        for what in lost_payloads(self.health) {
            report.add("payload", |json| json.text("detail", &what))?;
            report.say(what);
        }
        if self.health.untold > 0 {
            let untold = self.health.untold;
            report.say(format!("{untold} more things are wrong; lost payloads may be among them"));
        }
        let disk = StillDisk::new(&self.still.log());
        let source = Source { disk: &disk, key: self.key };
        if self.health.is_stopped_by(Part::Archive) {
            self.build_archive(source, &mut report)?;
        } else {
            let watermark = self.health.archive.watermark.unwrap_or(0);
            log::rebuild(self, source, watermark, &mut report)?;
        }
        report.finish()
    }

    /// Builds the archive, and the log behind it if that is damaged too.
    fn build_archive(&self, source: Source<'_>, report: &mut Report) -> io::Result<()> {
        let mut rebuilt = archive::rebuild(self, report)?;
        let log_is_damaged = self.health.is_stopped_by(Part::Log);
        let whole = if log_is_damaged { None } else { Some(survey(source, None, nothing)?) };
        let watermark = archive::new_watermark(&rebuilt, whole.as_ref())?;
        survey(source, Some(watermark), |sighting| {
            let follows = sighting.record.filter(|_| sighting.standing == Standing::Follows);
            follows.iter().for_each(|record| rebuilt.lost.bring_back(record));
            Ok::<_, io::Error>(())
        })?;
        rebuilt.lost.tell(report)?;
        rebuilt.finish(watermark)?;
        // A survey reads more than a start does.
        let is_refused = recovery::read(source, watermark, |_| Ok(())).is_err();
        let is_rebuilt = log_is_damaged || is_refused;
        if is_rebuilt { log::rebuild(self, source, watermark, report) } else { Ok(()) }
    }
}

/// The payloads that tasks have lost: those are parked when a server starts.
fn lost_payloads(health: &Health) -> impl Iterator<Item = String> {
    let flaws = health.flaws.iter().filter(|flaw| flaw.part == Part::Spool);
    flaws.map(|flaw| format!("{}: its task will be parked", flaw.what))
}

fn nothing(_: Sighting<'_>) -> io::Result<()> {
    Ok(())
}
