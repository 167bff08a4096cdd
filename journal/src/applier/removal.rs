//! When finished tasks are removed: between two transactions of the applier, while it is not behind,
//! and for no more than half of its time.

use super::upcoming::Upcoming;
use super::{Applier, failed, is_passing};
use crate::archive::Gone;
use crate::options::{REMOVAL_PERIOD, REMOVAL_SPAN};
use crate::retention::Retention;
use crate::stats::{Stats, Usage, add};
use foldhash::HashMap;
use overtime_protocol::{Clock, KindName, Monotonic, UnixMillis};
use std::time::Duration;

/// What the applier knows of removal.
pub(crate) struct Removal {
    retention: Retention,
    clock: Clock,
    upcoming: Upcoming,
    /// When to see again whether a kind is to be looked at.
    due: Monotonic,
    /// When to look again for what is kept beside tasks: incidents, and who was hurt.
    notes_due: Monotonic,
}

/// Whoever keeps something for months need not look for it often.
const NOTES_PERIOD: Duration = Duration::from_hours(1);

impl Removal {
    /// Looks at once at each kind that the archive has something of.
    pub(crate) fn new(retention: Retention, clock: Clock, stats: &Stats) -> Self {
        let now = clock.monotonic();
        let mut upcoming = Upcoming::default();
        let usage = stats.usage();
        let kinds = usage.iter().filter(|(_, usage)| usage.rows > 0).map(|(kind, _)| kind);
        kinds.for_each(|kind| upcoming.expect(kind, UnixMillis(0)));
        Self { retention, clock, upcoming, due: now, notes_due: now }
    }

    /// When to see again whether something is to be removed.
    pub(super) fn due(&self) -> Monotonic {
        self.due
    }

    /// Makes known when the first tasks of some kinds ended that the archive has got now.
    pub(super) fn note_ended(&mut self, ended: &HashMap<KindName, UnixMillis>) {
        for (kind, ended_at) in ended {
            self.upcoming.expect(kind, self.retention.due(kind, *ended_at));
        }
    }

    /// When a kind that was looked at is due again. One of which all has gone that had to has a
    /// pause, so that many that end one by one go together.
    fn due_again(&self, kind: &KindName, gone: &Gone) -> Option<UnixMillis> {
        let due = self.retention.due(kind, gone.oldest?);
        let earliest = self.clock.now().unix + REMOVAL_PERIOD;
        Some(if gone.more { due } else { due.max(earliest) })
    }
}

impl Applier {
    /// Removes what has to go, for a while.
    pub(super) fn remove_finished(&mut self) -> Result<(), String> {
        let clock = self.removal.clock;
        let until = clock.monotonic() + REMOVAL_SPAN;
        while self.removal.due <= clock.monotonic() {
            let began = clock.monotonic();
            let more = self.remove_some()?;
            self.checkpoint_if_due()?;
            if !more {
                self.removal.due = clock.monotonic() + REMOVAL_PERIOD;
                break;
            }
            // Half of the time belongs to others, and all of it to the log if it needs some.
            let goes_on = self.shared.log.pause(clock.monotonic().since(began));
            if !goes_on || clock.monotonic() >= until || self.shared.log.is_urgent() {
                break;
            }
        }
        Ok(())
    }

    /// Removes some tasks of the kind whose turn it is, and some of what is kept beside tasks.
    /// Whether there may be more.
    fn remove_some(&mut self) -> Result<bool, String> {
        let now = self.removal.clock.now().unix;
        let more_notes = self.remove_notes(now)?;
        let Some(kind) = self.removal.upcoming.first(now) else {
            return Ok(more_notes);
        };
        let bound = self.removal.retention.bound(&kind, now);
        let gone = match self.archive.remove_finished(&kind, bound) {
            Ok(gone) => gone,
            Err(error) if is_passing(&error) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        let again = self.removal.due_again(&kind, &gone);
        self.removal.upcoming.looked(&kind, again);
        self.note_removed(kind, gone.usage)?;
        Ok(true)
    }

    /// Removes some of what tenants were hurt by long ago, and of the incidents that were over then.
    /// Whether there may be more.
    fn remove_notes(&mut self, now: UnixMillis) -> Result<bool, String> {
        if self.removal.notes_due > self.removal.clock.monotonic() {
            return Ok(false);
        }
        let retention = &self.removal.retention;
        let (hurts, incidents) = (retention.affected_bound(now), retention.incidents_bound(now));
        let hurts = self.archive.remove_hurts(hurts);
        let removed = hurts.and_then(|more| Ok(more | self.archive.remove_incidents(incidents)?));
        match removed {
            Ok(true) => Ok(true),
            Ok(false) => {
                self.removal.notes_due = self.removal.clock.monotonic() + NOTES_PERIOD;
                Ok(false)
            }
            Err(error) if is_passing(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn note_removed(&mut self, kind: KindName, gone: Usage) -> Result<(), String> {
        if gone.rows == 0 {
            return Ok(());
        }
        // Readers would go on showing them until the archive has something new.
        self.rest_readers()?;
        let stats = &self.shared.log.stats;
        let mut usage = HashMap::default();
        usage.insert(kind, gone);
        stats.add_usage(&usage);
        add(&stats.removed, gone.rows.unsigned_abs());
        Ok(())
    }
}
