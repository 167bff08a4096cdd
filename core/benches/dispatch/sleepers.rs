//! Threads that sleep: the kernel is asked to find each without a long search, as the server asks it. Both
//! overtime and the floor are in this process.

/// Slots for twice as many threads (`PR_FUTEX_HASH_SET_SLOTS(2const)`); refusal is no reason not to
/// measure, but is told.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe crate offers PR_FUTEX_HASH(2const)")]
pub(crate) fn expect(threads: usize) {
    const PR_FUTEX_HASH: libc::c_int = 78;
    const SET_SLOTS: libc::c_ulong = 1;
    let (slots, flags) = ((2 * threads).next_power_of_two() as libc::c_ulong, 0 as libc::c_ulong);
    // SAFETY: the operation takes numbers and keeps nothing.
    let result = unsafe { libc::prctl(PR_FUTEX_HASH, SET_SLOTS, slots, flags, flags) };
    if result != 0 {
        println!(
            "the kernel finds sleeping threads as it likes: {}",
            std::io::Error::last_os_error()
        );
    }
}

/// Other systems look after that themselves.
#[cfg(not(target_os = "linux"))]
pub(crate) fn expect(_threads: usize) {}
