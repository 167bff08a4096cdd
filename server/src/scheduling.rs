//! What threads ask of the operating system's scheduler. On few processors its queue is part of
//! ours: a thread for which callers wait is woken behind one that computes, and waits until that
//! one's slice ends. One that asks for a short slice is let in sooner (EEVDF; Linux 6.12 and later
//! take the slice of an ordinary thread from `sched_setattr(2)`). The core does not ask: it is on the
//! processor for a moment only, and those that it wakes started later. It never touches another
//! thread.

/// The shortest slice that Linux grants.
#[cfg(target_os = "linux")]
const SLICE_NS: u64 = 100_000;

/// Asks for a short slice for this thread. An older kernel ignores it, and refusal is no reason
/// not to work.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe crate offers sched_setattr(2) for ordinary threads")]
pub(crate) fn ask_for_short_slice() {
    /// `struct sched_attr`, in its first version.
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        nice: rustix::process::nice(0).unwrap_or(0),
        priority: 0,
        runtime: SLICE_NS,
        deadline: 0,
        period: 0,
    };
    // SAFETY: the kernel reads `size` bytes behind the pointer, which are all there, and keeps
    // none of them. Zero is this thread, and the flags must be none.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

/// Other systems have no such wish.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask_for_short_slice() {}

/// Leaves the thread as it is.
pub(crate) fn leave_as_it_is() {}

/// Has the kernel find each of that many sleeping threads without a long search. To wake one it looks
/// through all that share its slot, and Linux 6.16 and later give a process four slots for each of its
/// processors, however many threads it has: the start of a task took 2 to 3 us more with 1,000 workers on
/// two processors than with 16. A slot takes 64 bytes. Where there are slots enough, or a kernel that
/// knows nothing of them, nothing is changed; refusal is no reason not to work.
#[cfg(target_os = "linux")]
pub(crate) fn expect_sleepers(threads: usize) {
    let wanted = (2 * threads).next_power_of_two();
    if futex_hash(GET_SLOTS, 0).is_some_and(|slots| slots < wanted) {
        let _ = futex_hash(SET_SLOTS, wanted);
    }
}

/// Other systems look after that themselves.
#[cfg(not(target_os = "linux"))]
pub(crate) fn expect_sleepers(_threads: usize) {}

#[cfg(target_os = "linux")]
const SET_SLOTS: libc::c_ulong = 1;

#[cfg(target_os = "linux")]
const GET_SLOTS: libc::c_ulong = 2;

/// `PR_FUTEX_HASH(2const)`; `None` if the kernel refuses, or does not know it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe crate offers PR_FUTEX_HASH(2const)")]
fn futex_hash(operation: libc::c_ulong, slots: usize) -> Option<usize> {
    const PR_FUTEX_HASH: libc::c_int = 78;
    let (slots, flags) = (slots as libc::c_ulong, 0 as libc::c_ulong);
    // SAFETY: these operations take numbers and keep nothing.
    let result = unsafe { libc::prctl(PR_FUTEX_HASH, operation, slots, flags, flags) };
    usize::try_from(result).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The process is shared with other tests, so slots only become more.
    #[test]
    fn sleepers_have_slots_enough_where_the_kernel_has_slots_for_a_process() {
        let Some(before) = futex_hash(GET_SLOTS, 0) else { return };
        for (threads, slots_min) in [(1_000, 2_048), (10, before), (1_500, 4_096)] {
            expect_sleepers(threads);
            let slots = futex_hash(GET_SLOTS, 0).unwrap();
            assert!(slots >= slots_min, "{slots} slots for {threads} threads");
        }
    }
}
