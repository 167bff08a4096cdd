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
