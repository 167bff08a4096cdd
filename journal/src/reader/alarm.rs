//! Damage that readers meet. Whoever asked gets a problem; a person hears of it too, once of each
//! place.

use crate::error::StoreError;
use crate::journal::{Deliver, Report};
use crate::stats::{Stats, add};
use foldhash::HashSet;
use parking_lot::Mutex;

/// So many places are told: where more is damaged, a person has heard enough.
const TOLD_MAX: usize = 100;

/// What was told.
#[derive(Default)]
pub(crate) struct Alarm(Mutex<HashSet<String>>);

impl Alarm {
    /// Counts an error that says that something is damaged, and tells of it if that was not told
    /// before.
    pub(super) fn hear(&self, error: &StoreError, stats: &Stats, deliver: &Deliver) {
        if !matches!(error, StoreError::Damaged(_)) {
            return;
        }
        add(&stats.damaged_reads, 1);
        let line = error.to_string();
        let is_new = {
            let mut told = self.0.lock();
            told.len() < TOLD_MAX && told.insert(line.clone())
        };
        if is_new {
            deliver(Report::Noted(line));
        }
    }
}
