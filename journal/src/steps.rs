//! A journal without threads: what each of them does in its loop is a call here, so that whoever
//! makes the calls decides what happens beside what. No call waits for another. What a step does
//! is what the thread does; only when it does it is decided elsewhere.

use crate::applier::Applier;
use crate::archive::Connections;
use crate::commit::Commit;
use crate::journal::{Parts, Voice};
use crate::log::Wake;
use crate::prepare;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::space::Watch;
use crate::spool::Keeper;
use crate::stats::Stats;
use crate::store::Store;
use crossbeam_channel::{Receiver, Sender, unbounded};
use overtime_protocol::{Append, Lookup, SpoolOrder};
use std::sync::Arc;

/// The parts of a journal, each to be moved on by a call.
pub struct Steps {
    shared: Arc<Shared>,
    voice: Arc<Voice>,
    sender: Sender<Append>,
    appends: Receiver<Append>,
    commit: Commit,
    applier: Applier,
    keeper: Keeper,
    reader: Reader,
    watch: Watch,
    connections: Arc<Connections>,
    _folder: Arc<crate::folder::Folder>,
}

impl Steps {
    pub(crate) fn new(parts: Parts) -> Self {
        parts.shared.log.be_alone();
        let (sender, appends) = unbounded();
        Self {
            shared: parts.shared,
            voice: parts.voice,
            sender,
            appends,
            commit: parts.commit,
            applier: parts.applier,
            keeper: parts.keeper,
            reader: parts.reader,
            watch: parts.watch,
            connections: parts.store_connections,
            _folder: parts.folder,
        }
    }

    /// Puts a record where the commit step finds it.
    pub fn append(&mut self, append: Append) {
        // The receiver is here.
        drop(self.sender.send(append));
    }

    /// Whether a commit step has something to commit.
    pub fn has_appends(&self) -> bool {
        self.commit.has_some(&self.appends)
    }

    /// Commits one batch, if there is anything to commit. Where the thread would wait for a free
    /// segment, one is made first.
    pub fn commit(&mut self) {
        if !self.has_appends() || self.shared.log.is_poisoned() {
            return;
        }
        if !self.shared.log.has_free() {
            self.prepare();
        }
        if !self.shared.log.has_free() {
            self.applier_step(Wake::MakeRoom);
        }
        self.commit.step(&self.appends);
    }

    /// Makes a spare segment, if one is wanted.
    pub fn prepare(&mut self) {
        let done =
            if self.shared.log.is_poisoned() { Ok(()) } else { prepare::step(&self.shared.log) };
        self.note(done);
    }

    /// Moves a transaction's worth of records into the archive, or makes room if that is wanted.
    pub fn apply(&mut self) {
        let wake = self.shared.log.work_now();
        self.applier_step(wake);
    }

    /// Moves all records into the archive, checkpoints it, and frees segments.
    pub fn make_room(&mut self) {
        self.applier_step(Wake::MakeRoom);
    }

    /// Removes finished tasks whose time is over.
    pub fn remove(&mut self) {
        self.applier_step(Wake::Remove);
    }

    /// Answers one lookup.
    pub fn look_up(&mut self, lookup: Lookup) {
        self.reader.serve(lookup);
    }

    /// Does what the spool is told.
    pub fn spool(&mut self, order: SpoolOrder) {
        self.keeper.obey(order);
    }

    /// Looks how much room there is.
    pub fn watch(&mut self) {
        self.watch.look();
    }

    /// What handlers read from.
    pub fn store(&self) -> Store {
        let spool = Arc::clone(&self.keeper.spool);
        Store::new(Arc::clone(&self.shared), Arc::clone(&self.connections), spool)
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.shared.log.stats
    }

    /// Whether all that was committed is in the archive.
    pub fn is_applied(&self) -> bool {
        self.shared.applied() == self.shared.log.last()
    }

    /// Ends the journal in order, as far as it goes: what was sent is committed and reported, and
    /// the archive catches up and is checkpointed.
    pub fn close(mut self) {
        self.commit.be_last();
        while self.has_appends() && !self.shared.log.is_poisoned() {
            self.commit();
        }
        self.shared.log.end();
        self.applier_step(Wake::Stop);
    }

    fn applier_step(&mut self, wake: Wake) {
        if self.shared.log.is_poisoned() {
            return;
        }
        let done = self.applier.step(wake);
        self.note(done);
    }

    fn note(&self, done: Result<(), String>) {
        if let Err(detail) = done {
            self.voice.fail(detail);
        }
    }
}
