//! Who was hurt is noted in the journal, some seconds at a time. A note belongs to no task, and
//! nobody waits for it: what meets a full disk is noted with what comes later.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::limits::{HURTS_PER_NOTE, NOTE_EVERY};
use crate::timers::Due;
use overtime_protocol::record::{Put, ReadMark, Record};
use overtime_protocol::{
    Append, Epoch, Fate, Hurt, HurtEntry, Now, TenantId, Ticket, UnixMillis, hurt_key, hurt_value,
};
use std::sync::Arc;

/// The ticket of the one note that may be on its way: no place in the slab of the others is that.
pub(super) const NOTE_TICKET: Ticket = Ticket(u64::MAX);

/// Nobody else writes the keys of notes, so there is nothing that they could conflict with.
const ALONE: ReadMark = ReadMark::Unread;

/// How far the noting is.
#[derive(Debug)]
pub(crate) struct Notes {
    epoch: Epoch,
    /// What is not noted yet began then, and a timer runs.
    since: Option<UnixMillis>,
    /// What is on its way to the disk, and when that began.
    on_its_way: Vec<(TenantId, Hurt)>,
    noted_since: UnixMillis,
    /// What met a full disk began then.
    missed_since: Option<UnixMillis>,
    /// The end of the latest note: no two end together, so that none takes another's key.
    until: UnixMillis,
}

impl Notes {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            since: None,
            on_its_way: Vec::new(),
            noted_since: UnixMillis::default(),
            missed_since: None,
            until: UnixMillis::default(),
        }
    }

    /// Whether nothing of it is on its way to the disk.
    pub(crate) fn is_quiet(&self) -> bool {
        self.on_its_way.is_empty()
    }
}

impl Engine {
    /// Has what happened noted in a while, if something did. On the way out nothing is left for later.
    pub(super) fn keep_notes(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.tenants.has_hurts() || !self.notes.is_quiet() {
            return;
        }
        match self.mode {
            Mode::Leaving => self.note_hurts(now, out),
            Mode::Open | Mode::Draining if self.notes.since.is_none() => {
                self.notes.since = Some(now.unix);
                self.timers.set(now.monotonic + NOTE_EVERY, Due::Note);
            }
            Mode::Open | Mode::Draining | Mode::Failed => {}
        }
    }

    /// Notes what happened until now.
    pub(super) fn note_hurts(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.notes.is_quiet() || self.mode == Mode::Failed {
            return;
        }
        let since = self.notes.since.take().unwrap_or(now.unix).min(now.unix);
        let hurts = self.tenants.take_hurts(HURTS_PER_NOTE);
        if hurts.is_empty() {
            return;
        }
        hurts.iter().for_each(|&(tenant, _)| self.touch_by_all(tenant));
        let since = self.notes.missed_since.take().map_or(since, |missed| missed.min(since));
        self.notes.noted_since = since;
        let until = now.unix.max(UnixMillis(self.notes.until.0 + 1));
        self.notes.until = until;
        let put = |&(tenant, hurt): &(TenantId, Hurt)| Put {
            key: hurt_key(&self.tenants.name(tenant), until, self.notes.epoch),
            value: Some(hurt_value(&HurtEntry { since, until, hurt })),
            read: ALONE,
        };
        let puts = hurts.iter().map(put).collect();
        let record = Record { puts, ..Record::new(self.mint.mint(now.unix), now.unix) };
        self.notes.on_its_way = hurts;
        let record = Arc::new(record);
        out.push(Effect::Append(Append { ticket: NOTE_TICKET, record, is_awaited: false }));
    }

    /// The journal has said what became of a note.
    pub(super) fn note_judged(&mut self, fate: Fate) {
        let hurts = std::mem::take(&mut self.notes.on_its_way);
        // On the way out nothing comes later with which it could be noted.
        if matches!(fate, Fate::Durable { .. }) || self.mode == Mode::Leaving {
            return;
        }
        self.notes.missed_since = Some(self.notes.noted_since);
        for (tenant, hurt) in hurts {
            self.tenants.hurt(tenant, hurt);
        }
    }
}
