//! What a run costs: processor time of this thread, processor time and memory of another process.
//! It reads clocks and `/proc`, and disturbs neither.

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time that the calling thread has used.
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Processor time of all its threads; the system counts in ticks of about 10 ms.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
}

impl ProcessUsage {
    /// Reads the usage of the process `pid`.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let stat = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        parse(&stat).with_context(|| format!("{path} is not as expected"))
    }

    /// The same with the processor time in nanoseconds, for what is over too soon to be counted in
    /// ticks. A thread that has ended is not counted.
    pub fn of_threads(pid: u32) -> anyhow::Result<Self> {
        Ok(Self { cpu: threads_cpu(pid, None)?, ..Self::of(pid)? })
    }
}

/// Processor time of all threads of the process `pid` together, of those named `name` if there is
/// one; the system counts in nanoseconds. A thread that has ended is not counted.
pub fn threads_cpu(pid: u32, name: Option<&str>) -> anyhow::Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let mut cpu = Duration::ZERO;
    for thread in std::fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
        let place = thread?.path();
        // A thread may end while it is looked at.
        let read = |file| std::fs::read_to_string(place.join(file)).unwrap_or_default();
        if name.is_none_or(|name| read("comm").trim_end() == name) {
            let nanos = read("schedstat").split(' ').next().and_then(|nanos| nanos.parse().ok());
            cpu += Duration::from_nanos(nanos.unwrap_or(0));
        }
    }
    Ok(cpu)
}

/// The most resident memory that the process `pid` has ever had, in bytes.
pub fn peak_resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    peak(&status).with_context(|| format!("{path} is not as expected"))
}

fn peak(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn parse(stat: &str) -> Option<ProcessUsage> {
    // The name stands in parentheses and may contain anything, parentheses too.
    let (_, rest) = stat.rsplit_once(')')?;
    let field = |number: usize| rest.split_ascii_whitespace().nth(number - 3)?.parse::<u64>().ok();
    let ticks = field(14)? + field(15)?;
    let tick =
        Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some(ProcessUsage {
        cpu: tick * u32::try_from(ticks).ok()?,
        resident_bytes: field(24)? * rustix::param::page_size() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 1 0 100 9999 3 0";
        let usage = parse(stat).unwrap();
        let tick = Duration::from_secs(1) / rustix::param::clock_ticks_per_second() as u32;
        assert_eq!(usage.cpu, tick * 200);
        assert_eq!(usage.resident_bytes, 3 * rustix::param::page_size() as u64);
        assert_eq!(parse("42 (short) S 1"), None);
    }

    #[test]
    fn the_peak_is_read_from_its_line() {
        assert_eq!(peak("Name:\tx\nVmHWM:\t   12 kB\nVmRSS:\t 9 kB\n"), Some(12 * 1024));
        assert_eq!(peak("Name:\tx\n"), None);
        assert!(peak_resident_bytes(std::process::id()).unwrap() > 100_000);
    }

    #[test]
    fn a_thread_is_found_by_its_name() {
        let pid = std::process::id();
        let spin = move || while threads_cpu(pid, Some("spinning")).unwrap().is_zero() {};
        let thread = std::thread::Builder::new().name("spinning".into()).spawn(spin).unwrap();
        thread.join().unwrap();
        assert!(!threads_cpu(pid, None).unwrap().is_zero());
        assert!(threads_cpu(pid, Some("nobody")).unwrap().is_zero());
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(ProcessUsage::of(std::process::id()).unwrap().resident_bytes > 100_000);
    }
}
