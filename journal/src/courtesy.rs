//! Courtesy: a thread that computes for milliseconds lets others go first in between. The system's
//! scheduler has whoever is woken wait until the slice of the one that computes ends, which takes
//! milliseconds however low that one's priority is; and callers wait for those that are woken.

use std::cell::Cell;

/// After so many steps, of a few microseconds each, others go first.
const STEPS: u32 = 32;

thread_local! {
    /// The steps since others went first, if this thread is courteous.
    static TAKEN: Cell<Option<u32>> = const { Cell::new(None) };
}

/// From here on this thread gives way. One for which callers wait must not, and neither may one that
/// holds what such a thread needs.
pub(crate) fn begin() {
    TAKEN.set(Some(0));
}

/// Takes one step of many. If nobody waits for the processor that costs next to nothing.
pub(crate) fn step() {
    if is_due() {
        std::thread::yield_now();
    }
}

fn is_due() -> bool {
    let Some(before) = TAKEN.get() else { return false };
    let taken = before + 1;
    TAKEN.set(Some(taken % STEPS));
    taken == STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due() -> Vec<u32> {
        (1..=3 * STEPS).filter(|_| is_due()).collect()
    }

    #[test]
    fn a_thread_that_has_not_begun_never_gives_way() {
        assert!(due().is_empty());
    }

    #[test]
    fn others_go_first_after_every_so_many_steps() {
        begin();
        assert_eq!(due(), [STEPS, 2 * STEPS, 3 * STEPS]);
    }
}
