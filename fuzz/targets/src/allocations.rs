//! Counts what each thread holds, and the most that it held: a reader that allocates what bytes
//! from outside ask for is found out before the machine is. It allocates nothing itself.

#![expect(unsafe_code, reason = "an allocator is unsafe to be one; this only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// Runs `reader` and checks that it never held more than `most` bytes beside what was held before.
pub(crate) fn at_most<T>(most: usize, reader: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    MOST.set(before);
    let read = reader();
    let held = usize::try_from(MOST.get() - before).unwrap_or_default();
    assert!(held <= most, "{held} bytes were held, {most} are allowed");
    read
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A layout is never longer than `isize::MAX`.
fn count(more: usize, less: usize) {
    let held = HELD.get() + more as isize - less as isize;
    HELD.set(held);
    MOST.set(MOST.get().max(held));
}

// SAFETY: every call is the system's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }
}
