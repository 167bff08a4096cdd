//! A running journal: its threads, and the channels that lead to them.

use crate::applier::Applier;
use crate::archive::Connections;
use crate::commit::Commit;
use crate::log::Log;
use crate::options::Options;
use crate::prepare;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::space::{Space, Watch};
use crate::spool::Keeper;
use crate::stats::Stats;
use crate::store::Store;
use crossbeam_channel::{Receiver, Sender, bounded};
use overtime_protocol::{
    Answer, Append, Finding, Lookup, ReplyTo, SpoolOrder, Spooled, TaskId, Ticket, Verdict,
};
use parking_lot::Mutex;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// What a journal has to say.
#[derive(Debug)]
pub enum Report {
    /// What became of the appends of one batch, in the order in which they came.
    Verdicts(Vec<Verdict>),
    /// The answer to one read.
    Answer(ReplyTo, Answer),
    /// What was found for the engine.
    Found(Ticket, Finding),
    /// What became of the payload of a task that was to be spooled.
    Spooled(TaskId, Spooled),
    /// An error that was not seen before and needs a person, in a line.
    Noted(String),
    /// How much room there is, when there begins or ceases to be enough: of the disk, or of what a
    /// kind may take. Until the first of these there is enough.
    Space(Space),
    /// Whether the archive is so far behind that work for which nobody waits should wait.
    Strained(bool),
    /// A write or sync failed, or the archive did: nothing is acknowledged after this, ever.
    /// Appends without a verdict may or may not be on disk. Said once, in a sentence.
    Failed(String),
}

/// Takes reports, on whichever thread of the journal has one. It must not block for long: until
/// it returns nothing else is committed.
pub type Deliver = Arc<dyn Fn(Report) + Send + Sync>;

/// Delivers what the commit thread decides and that the journal has failed, in an order in which
/// no verdict follows the failure, whichever thread fails.
pub(crate) struct Voice {
    deliver: Deliver,
    log: Arc<Log>,
    /// Held while a report is delivered: the failure, once it was.
    failed: Mutex<Option<String>>,
    /// Held while it is told: what was said last of the strain.
    strained: Mutex<bool>,
}

impl Voice {
    pub(crate) fn new(deliver: Deliver, log: Arc<Log>) -> Self {
        Self { deliver, log, failed: Mutex::new(None), strained: Mutex::new(false) }
    }

    /// Delivers verdicts, unless the journal has failed.
    pub(crate) fn verdicts(&self, verdicts: Vec<Verdict>) {
        let failed = self.failed.lock();
        // Whoever reads the backlog says by itself that it failed.
        if failed.is_none() && !self.log.is_poisoned() {
            (self.deliver)(Report::Verdicts(verdicts));
        }
    }

    /// Says whether the archive is behind, if that is not what was said last.
    pub(crate) fn tell_strain(&self) {
        let mut told = self.strained.lock();
        let strained = self.log.is_behind();
        if std::mem::replace(&mut *told, strained) != strained {
            (self.deliver)(Report::Strained(strained));
        }
    }

    /// Poisons the journal, and says why if that was not said before.
    pub(crate) fn fail(&self, detail: String) {
        self.log.poison();
        let mut failed = self.failed.lock();
        if failed.is_none() {
            (self.deliver)(Report::Failed(detail.clone()));
            *failed = Some(detail);
        }
    }
}

/// A running journal.
pub struct Journal {
    appends: Sender<Append>,
    short_lookups: Sender<Lookup>,
    long_lookups: Sender<Lookup>,
    spool: Sender<SpoolOrder>,
    store: Store,
    stats: Arc<Stats>,
    voice: Arc<Voice>,
    threads: Vec<JoinHandle<()>>,
    /// Keeps the folder locked.
    _folder: Arc<crate::folder::Folder>,
}

/// What the threads are made of.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) folder: Arc<crate::folder::Folder>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) applier: Applier,
    pub(crate) commit: Commit,
    pub(crate) keeper: Keeper,
    pub(crate) reader: Reader,
    pub(crate) watch: Watch,
    pub(crate) store_connections: Arc<Connections>,
    pub(crate) voice: Arc<Voice>,
}

impl Journal {
    /// Starts the threads.
    pub(crate) fn start(parts: Parts) -> Self {
        let Parts { options, folder, shared, applier, commit, keeper, reader, .. } = parts;
        let (appends, append_receiver) = bounded(options.appends_max);
        let (short_lookups, short) = bounded(options.lookups_max);
        let (long_lookups, long) = bounded(options.lookups_max);
        let (spool, orders) = bounded(options.spool_orders_max);
        let mut crew = Crew {
            folder: Arc::clone(&folder),
            voice: Arc::clone(&parts.voice),
            threads: Vec::new(),
        };
        let commit_starts = options.commit_starts;
        crew.hire("journal-commit", move || {
            commit_starts();
            commit.run(&append_receiver);
            Ok(())
        });
        crew.hire("journal-apply", move || applier.run());
        let (log, mut watch) = (Arc::clone(&shared.log), parts.watch);
        crew.hire("journal-prepare", move || prepare::run(&log, || watch.look()));
        let payloads = Arc::clone(&keeper.spool);
        crew.hire("spool", move || {
            keeper.run(&orders);
            Ok(())
        });
        let reader = Arc::new(reader);
        let mut hire_reader = |name: &str, lookups: Receiver<Lookup>| {
            let reader = Arc::clone(&reader);
            crew.hire(name, move || {
                reader.run(&lookups);
                Ok(())
            });
        };
        for number in 0..options.readers {
            hire_reader(&format!("journal-read-{number}"), short.clone());
        }
        hire_reader("journal-list", long);
        let stats = Arc::clone(&shared.log.stats);
        let store = Store::new(shared, parts.store_connections, payloads);
        let (voice, threads) = (parts.voice, crew.threads);
        Self {
            appends,
            short_lookups,
            long_lookups,
            spool,
            store,
            stats,
            voice,
            threads,
            _folder: folder,
        }
    }

    /// Where records to append go. Dropping every clone lets [`Journal::close`] finish.
    pub fn appends(&self) -> Sender<Append> {
        self.appends.clone()
    }

    /// Where lookups go that do not take long ([`Lookup::is_long`]). Dropping every clone lets
    /// [`Journal::close`] finish.
    pub fn short_lookups(&self) -> Sender<Lookup> {
        self.short_lookups.clone()
    }

    /// Where the others go. Dropping every clone lets [`Journal::close`] finish.
    pub fn long_lookups(&self) -> Sender<Lookup> {
        self.long_lookups.clone()
    }

    /// Where payloads to spool go. Dropping every clone lets [`Journal::close`] finish.
    pub fn spool(&self) -> Sender<SpoolOrder> {
        self.spool.clone()
    }

    /// What handlers read from.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// The counters.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Ends the journal in order: what was sent is committed and reported, the archive catches up
    /// and is checkpointed, and the threads have ended when this returns. It waits for every
    /// clone of the senders to be dropped.
    ///
    /// # Errors
    /// If the journal has failed, with the sentence that was reported; it may be that nobody listened
    /// to reports any more.
    pub fn close(self) -> Result<(), String> {
        let Self { appends, short_lookups, long_lookups, spool, voice, threads, .. } = self;
        drop((appends, short_lookups, long_lookups, spool));
        for thread in threads {
            // A thread that panicked has said so through its guard.
            drop(thread.join());
        }
        let failed = voice.failed.lock().take();
        failed.map_or(Ok(()), Err)
    }
}

/// Starts threads whose failures are reported.
struct Crew {
    folder: Arc<crate::folder::Folder>,
    voice: Arc<Voice>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    fn hire(&mut self, name: &str, work: impl FnOnce() -> Result<(), String> + Send + 'static) {
        let guard = Guard {
            name: name.to_owned(),
            voice: Arc::clone(&self.voice),
            _folder: Arc::clone(&self.folder),
        };
        let body = move || {
            if let Err(detail) = work() {
                guard.voice.fail(detail);
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.expect("the operating system starts a few threads at the start"));
    }
}

/// Stays with a thread, so that a panic of it poisons the journal instead of stopping it unseen,
/// and so that the folder stays locked while the thread runs.
struct Guard {
    name: String,
    voice: Arc<Voice>,
    _folder: Arc<crate::folder::Folder>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.voice.fail(format!("the thread {} panicked", self.name));
        }
    }
}
