//! Opening a journal: lock, format, recovery. No thread runs and nothing is acknowledged here.

use crate::applier::{Applier, Removal};
use crate::archive::{self, Connections};
use crate::backlog::Backlog;
use crate::check::Check;
use crate::commit::Commit;
use crate::disk::{FileId, FolderDisk, sync_folder};
use crate::error::{OpenError, StoreError};
use crate::folder::Folder;
use crate::journal::{Deliver, Journal, Parts, Voice};
use crate::log::Log;
use crate::options::{Options, SEGMENT_BYTES_MIN, STORE_CONNECTIONS};
use crate::prepare;
use crate::reader::{Alarm, Past, Reader};
use crate::recovery::{self, RecoverError, Recovery, Source, Visit};
use crate::replay::Replay;
use crate::shared::{Shared, State};
use crate::space::Watch;
use crate::spool::{Keeper, Spool};
#[cfg(feature = "steps")]
use crate::steps::Steps;
use crate::storage::{ArchiveFiles, Site, Storage};
use crate::writer::Writer;
use overtime_protocol::{Epoch, Opener, Recovered};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

/// A journal that is recovered and not yet running.
pub struct Opened {
    options: Options,
    folder: Arc<Folder>,
    opener: Opener,
    past: Past,
    shared: Arc<Shared>,
    archive: archive::Writer,
    writer: Writer,
    connections: Pools,
    spool: Arc<Spool>,
    unapplied: (u64, u64),
    recovered: Recovered,
    backlog: Option<Backlog>,
    notes: Vec<String>,
}

struct Pools {
    store: Arc<Connections>,
    readers: Arc<Connections>,
    commit: Arc<Connections>,
}

/// Opens the journal in `options.folder`, and makes it if it is not there.
///
/// # Errors
/// If another process has it, a later program wrote it, acknowledged records are damaged, or the
/// operating system refuses. The error says in a sentence what a person can do.
pub fn open(options: &Options, opener: Opener) -> Result<Opened, OpenError> {
    let folder = Folder::open(&options.folder)?;
    let log = Arc::new(FolderDisk::new(&folder.log()));
    open_in(options, opener, folder, Storage { log, archive: ArchiveFiles::System })
}

/// The same with the log and the archive elsewhere, such as on a simulation's disk. The lock and
/// the spool are still in `options.folder`.
///
/// # Errors
/// As [`open`].
pub fn open_on(options: &Options, opener: Opener, storage: Storage) -> Result<Opened, OpenError> {
    open_in(options, opener, Folder::open(&options.folder)?, storage)
}

fn open_in(
    options: &Options,
    opener: Opener,
    folder: Folder,
    storage: Storage,
) -> Result<Opened, OpenError> {
    check_options(options)?;
    let Storage { log: disk, archive: files } = storage;
    let site = Site { file: folder.archive(), files, clock: options.clock };
    let file = &site.file;
    let damaged = |error: rusqlite::Error| archive::damaged(file, &error);
    let source = Source { disk: &*disk, key: folder.key() };
    refuse_new_archive(&site, source)?;
    let mut archive = archive::Writer::open(&site, opener.clone())?;
    let watermark = archive.watermark().map_err(damaged)?;
    let mut replay = Replay::default();
    let visit = |visit: Visit<'_>| replay.add(&visit);
    let recovery = recovery::recover(source, options.segment_bytes, watermark, visit)
        .map_err(|error| recover_error(&folder.log(), error))?;
    let Recovery { found, last, unapplied, mut notes } = recovery;
    notes.extend(archive.take_notes());
    let newest = found.live.last().copied();
    let log = Arc::new(Log::new(options, folder.key(), disk, found, last));
    let make = OpenError::io(format!("make the log in {}", folder.log().display()));
    prepare::first(&log).map_err(make)?;
    log.stats.add_usage(&archive.usage().map_err(damaged)?);
    log.mark_recovered(replay.writes as u64, replay.bytes as u64);

    let connect = |count| Connections::open(&site, count).map(Arc::new).map_err(damaged);
    let connections = Pools {
        store: connect(STORE_CONNECTIONS)?,
        // One for each thread that serves lookups.
        readers: connect(options.readers + 1)?,
        commit: connect(1)?,
    };
    let Replay { recent, files, highest, .. } = replay;
    let created_at = archive.created_at().map_err(damaged)?;
    let (epoch, clean) = archive.begin_epoch(last == watermark).map_err(damaged)?;
    let synced = OpenError::io(format!("sync {}", options.folder.display()));
    sync_folder(&options.folder).map_err(synced)?;
    let failed = |error| store_error(file, error);
    let archived = connections.commit.take().highest().map_err(failed)?;
    let recovered = Recovered { epoch: Epoch(epoch), highest: highest.max(archived), clean };
    let spool = Arc::new(Spool::new(folder.spool(), folder.spares()));
    let listing = spool.sweep(&files, &connections.commit).map_err(failed)?;
    let shared = Arc::new(Shared::new(Arc::clone(&log), recent, watermark));
    let readers = Arc::clone(&connections.readers);
    let backlog = Backlog::new(Arc::clone(&shared), readers, listing, recovered.highest);
    Ok(Opened {
        options: options.clone(),
        folder: Arc::new(folder),
        opener,
        past: Past {
            since: created_at,
            epoch: Epoch(epoch),
            shortest: options.retention.shortest(),
        },
        shared,
        archive,
        writer: Writer::new(log, newest, last),
        connections,
        spool,
        unapplied,
        recovered,
        backlog: Some(backlog),
        notes,
    })
}

/// Refuses to make an archive for a log that has not everything: beside an empty one, what is left
/// of the log would seem to follow nothing.
fn refuse_new_archive(site: &Site, source: Source<'_>) -> Result<(), OpenError> {
    let is_there = match site.files.open(&site.file) {
        Ok(mut file) => !matches!(file.read(&mut [0]), Ok(0)),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    if is_there || recovery::read(source, 0, |_| Ok(())).is_ok() {
        return Ok(());
    }
    let detail = "it is not there, or empty, and the log has not everything".to_owned();
    Err(OpenError::ArchiveDamaged { file: site.file.clone(), detail })
}

fn check_options(options: &Options) -> Result<(), OpenError> {
    if options.segment_bytes < SEGMENT_BYTES_MIN || options.segment_bytes > u64::from(u32::MAX) {
        return Err(OpenError::Option("a log segment has between 16 KiB and 4 GiB"));
    }
    if options.readers == 0 {
        return Err(OpenError::Option("at least one thread has to serve reads"));
    }
    Ok(())
}

impl Opened {
    /// What the engine has to know before it begins.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// The tasks for the engine to take up, to be read once the journal has started.
    /// Given once.
    pub fn take_backlog(&mut self) -> Option<Backlog> {
        self.backlog.take()
    }

    /// What stands at a state key.
    ///
    /// # Errors
    /// As [`Store::state`](crate::Store::state).
    pub fn state(&self, key: &[u8]) -> Result<State, StoreError> {
        self.shared.state(key, &self.connections.store)
    }

    /// What a person should know of the recovery, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Starts the threads. `deliver` is called by them, the verdicts always by the same one.
    pub fn start(self, deliver: Deliver) -> Journal {
        Journal::start(self.into_parts(deliver))
    }

    /// The same without threads: nothing is done but what is called for.
    #[cfg(feature = "steps")]
    pub fn into_steps(self, deliver: Deliver) -> Steps {
        Steps::new(self.into_parts(deliver))
    }

    fn into_parts(self, deliver: Deliver) -> Parts {
        let Pools { store, readers, commit } = self.connections;
        let log = Arc::clone(&self.shared.log);
        let voice = Arc::new(Voice::new(Arc::clone(&deliver), log));
        let applier = Applier {
            shared: Arc::clone(&self.shared),
            voice: Arc::clone(&voice),
            archive: self.archive,
            readers: vec![Arc::clone(&store), Arc::clone(&readers), Arc::clone(&commit)],
            next: self.unapplied,
            deliver: Arc::clone(&deliver),
            removal: Removal::new(
                self.options.retention.clone(),
                self.options.clock,
                &self.shared.log.stats,
            ),
            unchecked: 0,
        };
        let check = Check::new(Arc::clone(&self.shared), commit);
        let watch = Watch::new(
            &self.options.folder,
            Arc::clone(&self.shared.log),
            Arc::clone(&self.spool),
            self.options.disk.clone(),
            Arc::clone(&deliver),
        );
        let keeper = Keeper {
            spool: Arc::clone(&self.spool),
            opener: self.opener.clone(),
            log: Arc::clone(&self.shared.log),
            deliver: Arc::clone(&deliver),
        };
        let reader = Reader {
            shared: Arc::clone(&self.shared),
            archive: readers,
            spool: self.spool,
            opener: self.opener.clone(),
            clock: self.options.clock,
            past: self.past,
            catch_up_max: self.options.catch_up_max,
            key_keep: self.options.key_keep,
            deliver,
            alarm: Alarm::default(),
        };
        let commit = Commit::new(
            &self.options,
            Arc::clone(&self.shared),
            (check, self.writer),
            self.opener,
            Arc::clone(&voice),
        );
        Parts {
            options: self.options,
            folder: self.folder,
            shared: self.shared,
            applier,
            commit,
            keeper,
            reader,
            watch,
            store_connections: store,
            voice,
        }
    }
}

fn recover_error(log: &Path, error: RecoverError) -> OpenError {
    let path = |file: FileId| log.join(file.to_string());
    match error {
        RecoverError::Damaged { file, offset, detail } => {
            let file = file.map_or_else(|| log.to_owned(), path);
            OpenError::LogDamaged { file, offset, detail }
        }
        RecoverError::Refused { file, offset, detail } => {
            OpenError::LogDamaged { file: path(file), offset, detail }
        }
        RecoverError::Newer { file, found } => OpenError::Newer {
            file: path(file),
            found: u64::from(found),
            known: u64::from(crate::segment::VERSION),
        },
        RecoverError::Io(source) => {
            OpenError::Io { action: format!("read the log in {}", log.display()), source }
        }
    }
}

fn store_error(file: &Path, error: StoreError) -> OpenError {
    match error {
        StoreError::Archive(error) => archive::damaged(file, &error),
        StoreError::Io(source) => OpenError::Io { action: "tidy up the spool".to_owned(), source },
        other => OpenError::ArchiveDamaged { file: file.to_owned(), detail: other.to_string() },
    }
}
