//! The alarm: ends the core's sleep when something is due. A poll with a timeout has the kernel make
//! a timer and cancel it each time, which a core pays for with every request that wakes it. Here the
//! timer stays, and is set anew only if it would ring too late.

use crate::timeouts::NEVER;
use mio::{Registry, Token};
use overtime_protocol::Monotonic;
use std::io;
use std::time::Duration;

/// Wakes a poll.
#[derive(Debug)]
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: std::os::fd::OwnedFd,
    /// When it rings next, unless that is over.
    #[cfg(target_os = "linux")]
    rings_at: Monotonic,
}

impl Alarm {
    /// Has the poll return at `due`, or earlier; what that is to be told as its timeout is returned.
    ///
    /// # Errors
    /// If the system does not set the timer.
    pub(crate) fn set(&mut self, due: Monotonic, now: Monotonic) -> io::Result<Option<Duration>> {
        match due {
            NEVER => Ok(None),
            due if due <= now => Ok(Some(Duration::ZERO)),
            due => self.ring_at(due, now),
        }
    }
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// An alarm that rings as `token`.
    ///
    /// # Errors
    /// If the system has no descriptor left for it.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        use std::os::fd::AsRawFd;

        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = mio::unix::SourceFd(&timer.as_raw_fd());
        // The poll tells of each time that it rings, whether or not that is read.
        registry.register(&mut source, token, mio::Interest::READABLE)?;
        Ok(Self { timer, rings_at: Monotonic(0) })
    }

    fn ring_at(&mut self, due: Monotonic, now: Monotonic) -> io::Result<Option<Duration>> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        if now < self.rings_at && self.rings_at <= due {
            return Ok(None);
        }
        // Like a timeout: what is due in the same millisecond is done together.
        let span = Duration::from_millis(due.since(now).as_nanos().div_ceil(1_000_000) as u64);
        let it_value = Timespec::try_from(span).map_err(io::Error::other)?;
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval, it_value },
        )?;
        self.rings_at = due;
        Ok(None)
    }
}

/// Elsewhere it is the poll's timeout.
#[cfg(not(target_os = "linux"))]
impl Alarm {
    pub(crate) fn new(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Self {})
    }

    fn ring_at(&mut self, due: Monotonic, now: Monotonic) -> io::Result<Option<Duration>> {
        Ok(Some(due.since(now)))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    const TOKEN: Token = Token(7);

    fn alarm() -> (Poll, Alarm) {
        let poll = Poll::new().unwrap();
        let alarm = Alarm::new(poll.registry(), TOKEN).unwrap();
        (poll, alarm)
    }

    fn at(millis: u64) -> Monotonic {
        Monotonic(millis * 1_000_000)
    }

    /// Polls until it rings.
    fn hear(poll: &mut Poll) {
        let mut events = Events::with_capacity(4);
        while events.is_empty() {
            let _ = poll.poll(&mut events, None);
        }
        assert!(events.iter().all(|event| event.token() == TOKEN));
    }

    #[test]
    fn it_rings_each_time_that_it_is_set() {
        let (mut poll, mut alarm) = alarm();
        for round in 0..3 {
            let (due, now) = (at(round + 1), at(round));
            assert_eq!(alarm.set(due, now).unwrap(), None);
            hear(&mut poll);
        }
    }

    #[test]
    fn it_is_left_alone_unless_it_would_ring_too_late() {
        let (mut poll, mut alarm) = alarm();
        alarm.set(at(1), at(0)).unwrap();
        alarm.set(at(3_600_000), at(0)).unwrap();
        assert_eq!(alarm.rings_at, at(1));
        hear(&mut poll);
        alarm.set(at(3_600_000), at(1)).unwrap();
        assert_eq!(alarm.rings_at, at(3_600_000));
        // What comes between is due earlier.
        alarm.set(at(3), at(2)).unwrap();
        hear(&mut poll);
    }

    #[test]
    fn what_is_due_needs_no_alarm_and_nothing_needs_none() {
        let (_, mut alarm) = alarm();
        assert_eq!(alarm.set(at(5), at(5)).unwrap(), Some(Duration::ZERO));
        assert_eq!(alarm.set(at(5), at(6)).unwrap(), Some(Duration::ZERO));
        assert_eq!(alarm.set(NEVER, at(6)).unwrap(), None);
        assert_eq!(alarm.rings_at, at(0));
    }
}
