//! Signs that count only once they have lasted: a person is told of what goes on, and not of each tenth
//! of a second. They come and go with a delay, so that none flickers.

use crate::limits::{LASTING_MAX, LASTING_MIN, LASTING_STEP_MAX};

/// A sign that is seen or not in each interval.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    /// In how many intervals more it was seen than not, within bounds.
    level: u32,
    lasts: bool,
}

impl Lasting {
    /// So many intervals have passed, in which it was seen or not.
    pub(super) fn note(&mut self, is_seen: bool, intervals: u32) {
        self.level = match is_seen {
            true => (self.level + intervals.min(LASTING_STEP_MAX)).min(LASTING_MAX),
            false => self.level.saturating_sub(intervals),
        };
        self.lasts = self.level >= LASTING_MIN || (self.lasts && self.level > 0);
    }

    /// Whether it lasts.
    pub(super) fn lasts(&self) -> bool {
        self.lasts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_counts_once_it_has_lasted_and_until_it_is_gone() {
        let mut sign = Lasting::default();
        for _ in 1..LASTING_MIN {
            sign.note(true, 1);
            assert!(!sign.lasts());
        }
        sign.note(true, 1);
        assert!(sign.lasts());
        for _ in 1..LASTING_MIN {
            sign.note(false, 1);
            assert!(sign.lasts(), "it may come back");
        }
        sign.note(false, 1);
        assert!(!sign.lasts());
    }

    #[test]
    fn one_that_comes_and_goes_does_not_last_and_a_rest_ends_it() {
        let mut sign = Lasting::default();
        for turn in 0..10 * LASTING_MAX {
            sign.note(turn % 2 == 0, 1);
        }
        assert!(!sign.lasts());
        (0..LASTING_MAX).for_each(|_| sign.note(true, u32::MAX));
        assert!(sign.lasts());
        sign.note(false, u32::MAX);
        assert!(!sign.lasts());
    }
}
