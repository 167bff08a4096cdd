//! Courtesy: a thread that computes for milliseconds lets others go first in between. The system's
//! scheduler has whoever is woken wait until the slice of the one that computes ends, which takes
//! milliseconds however low that one's priority is; and callers wait for those that are woken.

use std::cell::Cell;

/// After so many steps, of a few microseconds each, others go first.
const STEPS: u32 = 32;

thread_local! {
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

/// Takes one step of many. If nobody waits for the processor that costs next to nothing.
pub(crate) fn step() {
    if is_due() {
        std::thread::yield_now();
    }
}

fn is_due() -> bool {
    let taken = TAKEN.get() + 1;
    TAKEN.set(taken % STEPS);
    taken == STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_go_first_after_every_so_many_steps() {
        let due: Vec<_> = (1..=3 * STEPS).filter(|_| is_due()).collect();
        assert_eq!(due, [STEPS, 2 * STEPS, 3 * STEPS]);
    }
}
