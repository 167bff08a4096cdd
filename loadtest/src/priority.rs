//! Which threads of the load have processors first. What some of them do stands for what other machines
//! do, and takes no processor from a server there. It never touches another thread.

/// Leaves the processors to everybody else who wants one: on Linux a thread of this policy goes as soon
/// as another is woken (`sched(7)`, `SCHED_IDLE`), where one of low priority ends its slice first.
/// Refusal is no reason not to work.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe crate of few dependencies offers sched_setscheduler(2)")]
pub fn give_way() {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: the kernel reads the one number behind the pointer and keeps nothing. Zero is this thread.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

/// Other systems have no such wish.
#[cfg(not(target_os = "linux"))]
pub fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::give_way;
    use std::fs::read_to_string;
    use std::thread::spawn;

    /// The 41st field of `proc_pid_stat(5)`; the name in the second may hold spaces.
    fn policy() -> i32 {
        let stat = read_to_string("/proc/thread-self/stat").unwrap();
        let behind_name = stat.rsplit(')').next().unwrap();
        behind_name.split_whitespace().nth(38).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_that_gives_way_does_so_alone() {
        let gave_way = || {
            give_way();
            policy()
        };
        let before = policy();
        assert_eq!(spawn(gave_way).join().unwrap(), libc::SCHED_IDLE);
        assert_eq!(policy(), before);
    }
}
