//! Counts the allocations of each thread. It allocates nothing itself.

#![expect(unsafe_code, reason = "an allocator is unsafe to be one; this only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static AT_LAST_SEGMENT: Cell<u64> = const { Cell::new(0) };
}

/// The length of a body's segments; nothing else that the core allocates is as long.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;

/// How often a thread has allocated or grown something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocations {
    /// In all.
    pub(crate) all: u64,
    /// Up to the last segment.
    pub(crate) at_last_segment: u64,
}

/// What this thread has allocated so far.
pub(crate) fn of_this_thread() -> Allocations {
    Allocations { all: COUNT.get(), at_last_segment: AT_LAST_SEGMENT.get() }
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: usize) {
    COUNT.set(COUNT.get() + 1);
    if bytes == SEGMENT_BYTES {
        AT_LAST_SEGMENT.set(COUNT.get());
    }
}

// SAFETY: every call is the system's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(place, layout) }
    }
}
