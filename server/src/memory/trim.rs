//! Giving memory back. What a process frees its allocator keeps, so a server that once was full would
//! look full for ever. It frees nothing that is in use.

/// Asks the allocator to give back what it keeps.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate offers malloc_trim(3)")]
pub(super) fn trim() {
    // SAFETY: it takes no pointer and may be called by any thread at any time (MT-Safe).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators do that by themselves, or cannot.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn trim() {}
