//! Room on the disk: when it runs low, new work is refused, so that what was accepted can end. Reads
//! go on, and so does whatever ends or goes on with accepted work.

use super::Engine;
use crate::limits::SPACE_RETRY;
use overtime_protocol::{Code, KindId, KindName, Now, Problem};

/// Who may still be let in.
#[derive(Debug)]
pub(crate) struct SpaceLeft {
    is_low: bool,
    /// Whether a kind takes more than its share.
    over: Vec<bool>,
}

impl SpaceLeft {
    pub(crate) fn new(kinds: usize) -> Self {
        Self { is_low: false, over: vec![false; kinds] }
    }

    pub(crate) fn is_low(&self) -> bool {
        self.is_low
    }
}

impl Engine {
    pub(super) fn note_space(&mut self, is_low: bool, over: &[KindName], now: Now) {
        if self.space.is_low != is_low {
            self.incident_of_space(is_low, now);
        }
        let is_over = |kind: &overtime_protocol::Kind| over.contains(&kind.name);
        self.space = SpaceLeft { is_low, over: self.kinds.iter().map(is_over).collect() };
    }

    /// Refuses new work of whatever kind.
    pub(super) fn space_refusal(&mut self) -> Option<Problem> {
        let detail = "the disk is nearly full; what is left is kept for work that was accepted";
        self.space.is_low.then(|| self.no_space(detail.into()))
    }

    /// Refuses new work of a kind.
    pub(super) fn share_refusal(&mut self, kind: KindId) -> Option<Problem> {
        let place = usize::from(kind.0);
        if !self.space.over[place] {
            return None;
        }
        let name = &self.kinds[place].name;
        let detail = format!("the tasks of {name} take more of the disk than they may");
        Some(self.no_space(detail))
    }

    fn no_space(&mut self, detail: String) -> Problem {
        self.stats.refused += 1;
        self.stats.refusals.disk += 1;
        Problem::new(Code::Disk, detail).after(self.seed.stretch(SPACE_RETRY))
    }
}
