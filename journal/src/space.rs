//! How much room the journal takes, how much is left, and for how long that will do. It looks once a
//! second at what is known already, and never reads through anything. What is refused for want of
//! room is not decided here.

use crate::journal::{Deliver, Report};
use crate::log::Log;
use crate::spool::Spool;
use foldhash::HashMap;
use overtime_protocol::{KindName, Monotonic};
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// How far back a trend reaches.
const TREND_SPAN: Duration = Duration::from_secs(10 * 60);
/// … and how far apart its points are.
const TREND_STEP: Duration = Duration::from_secs(10);

/// The most that the journal may take on disk.
#[derive(Clone, Debug, Default)]
pub struct DiskLimits {
    /// All of it, in bytes.
    pub whole: Option<u64>,
    /// The tasks of these kinds, in bytes.
    pub kinds: HashMap<KindName, u64>,
}

/// Room on the disk, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// What is free.
    pub free: u64,
    /// What the journal takes, without what it can use again.
    pub used: u64,
    /// Whether less is free than the reserve, or more is used than the limit: work that was
    /// accepted needs the rest.
    pub is_low: bool,
    /// Kinds that take more than their limit, by name.
    pub over: Vec<KindName>,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let enough = if self.is_low { "too little" } else { "enough" };
        let (free, used) = (self.free / MIB, self.used / MIB);
        write!(f, "there is {enough} room on disk: {free} MiB are free, {used} MiB are used")?;
        let mut separator = "; over their limit: ";
        for kind in &self.over {
            write!(f, "{separator}{kind}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Looks at the disk and tells when something changes.
pub(crate) struct Watch {
    folder: PathBuf,
    log: Arc<Log>,
    spool: Arc<Spool>,
    limits: DiskLimits,
    deliver: Deliver,
    trend: Trend,
    told: (bool, Vec<KindName>),
}

impl Watch {
    /// A watch over the journal in `folder`.
    pub(crate) fn new(
        folder: &Path,
        log: Arc<Log>,
        spool: Arc<Spool>,
        limits: DiskLimits,
        deliver: Deliver,
    ) -> Self {
        let (folder, trend) = (folder.to_owned(), Trend::default());
        Self { folder, log, spool, limits, deliver, trend, told: (false, Vec::new()) }
    }

    /// Looks, and tells whether there is enough room if that was different before.
    pub(crate) fn look(&mut self) {
        let Some((free, total)) = measure(&self.folder) else {
            return;
        };
        let stats = &self.log.stats;
        let archive = ["archive.db", "archive.db-wal"].map(|name| self.len(name));
        let spool = self.spool.bytes();
        let taken = archive.iter().sum::<u64>() + stats.log_bytes.load(Relaxed) + spool;
        let reusable = stats.archive_reusable_bytes.load(Relaxed);
        let used = taken.saturating_sub(reusable + self.log.free_bytes());
        stats.disk_free.store(free, Relaxed);
        stats.disk_used.store(taken, Relaxed);
        stats.spool_bytes.store(spool, Relaxed);
        let full_in =
            self.trend.full_in(self.log.clock.monotonic(), used, free.saturating_add(reusable));
        let full_in = full_in.map_or(0, |span| span.as_secs().max(1));
        stats.disk_full_in_seconds.store(full_in, Relaxed);
        let is_low = is_low((free, reusable), total, self.told.0)
            || self.limits.whole.is_some_and(|max| used > max);
        let over = self.over();
        if self.told != (is_low, over.clone()) {
            self.told = (is_low, over.clone());
            (self.deliver)(Report::Space(Space { free, used, is_low, over }));
        }
    }

    fn len(&self, name: &str) -> u64 {
        fs::metadata(self.folder.join(name)).map_or(0, |file| file.len())
    }

    fn over(&self) -> Vec<KindName> {
        if self.limits.kinds.is_empty() {
            return Vec::new();
        }
        let is_over = |kind: &KindName, bytes: i64| {
            self.limits.kinds.get(kind).is_some_and(|&max| bytes > max.cast_signed())
        };
        let usage = self.log.stats.usage().into_iter();
        let over = usage.filter(|(kind, usage)| is_over(kind, usage.bytes)).map(|(kind, _)| kind);
        let mut over: Vec<KindName> = over.collect();
        over.sort_unstable();
        over
    }
}

/// How many bytes of the disk are free, and how many it has.
pub(crate) fn measure(folder: &Path) -> Option<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
}

/// What has to stay free of a disk of that size: a twentieth, but no more than 1 GiB and no less
/// than 8 MiB.
fn reserve(total: u64) -> u64 {
    (total / 20).clamp(8 * MIB, 1024 * MIB)
}

/// Once there is too little, a tenth more has to be free before there is enough. The archive's file
/// never becomes smaller: what it can use again counts as free, or there would be too little for ever.
/// But not all is written there, so a quarter has to be free outside of it.
fn is_low((free, reusable): (u64, u64), total: u64, was_low: bool) -> bool {
    let reserve = reserve(total);
    let wanted = if was_low { reserve + reserve / 10 } else { reserve };
    free.saturating_add(reusable) < wanted || free < wanted / 4
}

/// How what is used has grown.
#[derive(Default)]
struct Trend {
    points: VecDeque<(Monotonic, u64)>,
}

impl Trend {
    /// When the disk will be full if it goes on like this; `None` if nothing grows, or that is not
    /// known yet.
    fn full_in(&mut self, now: Monotonic, used: u64, free: u64) -> Option<Duration> {
        let age = |(at, _): &(Monotonic, u64)| now.since(*at);
        while self.points.front().is_some_and(|oldest| age(oldest) > TREND_SPAN) {
            self.points.pop_front();
        }
        if self.points.back().is_none_or(|newest| age(newest) >= TREND_STEP) {
            self.points.push_back((now, used));
        }
        let oldest = self.points.front()?;
        let (span, grown) = (age(oldest), used.saturating_sub(oldest.1));
        if span < TREND_STEP || grown == 0 {
            return None;
        }
        let seconds = free as f64 / grown as f64 * span.as_secs_f64();
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_a_sentence() {
        let over = ["echo", "sleep"].map(|name| KindName::new(name).expect("a kind")).to_vec();
        let space = Space { free: 5 * MIB, used: 7 * MIB, is_low: true, over };
        let expected = "there is too little room on disk: 5 MiB are free, 7 MiB are used; \
            over their limit: echo, sleep";
        assert_eq!(space.to_string(), expected);
    }

    #[test]
    fn a_twentieth_is_kept_within_bounds() {
        let reserves = [0, 100, 1_000, 100_000].map(|mib| reserve(mib * MIB) / MIB);
        assert_eq!(reserves, [8, 8, 50, 1024]);
    }

    #[test]
    fn a_disk_that_was_too_full_needs_some_more_room() {
        let total = 1_000 * MIB;
        let low = |mib: u64, was_low| is_low((mib * MIB, 0), total, was_low);
        assert_eq!([low(49, false), low(50, false)], [true, false]);
        assert_eq!([low(54, true), low(55, true)], [true, false]);
    }

    #[test]
    fn what_was_removed_from_the_archive_makes_room_though_its_file_stays_as_large() {
        let total = 1_000 * MIB;
        let low = |free: u64, reusable: u64| is_low((free * MIB, reusable * MIB), total, true);
        assert_eq!([low(40, 0), low(40, 14), low(40, 15)], [true, true, false]);
        assert_eq!([low(13, 1_000), low(14, 1_000)], [true, false]);
    }

    #[test]
    fn the_forecast_follows_the_last_ten_minutes() {
        let mut trend = Trend::default();
        let (start, second) = (Monotonic::default(), Duration::from_secs(1));
        // Two bytes a second for ten minutes, and nothing after that.
        for at in 0..=600 {
            let used = 1_000 + 2 * u64::from(at);
            let full_in = trend.full_in(start + second * at, used, 8_000);
            let expected = (at >= 10).then(|| Duration::from_secs(4_000));
            assert_eq!(full_in.map(|span| span.as_secs()), expected.map(|span| span.as_secs()));
        }
        assert!(trend.points.len() <= 61);
        let later = |trend: &mut Trend, at| trend.full_in(start + second * at, 2_200, 8_000);
        assert!(later(&mut trend, 900).is_some_and(|span| span > Duration::from_secs(4_000)));
        assert_eq!(later(&mut trend, 1_300), None);
    }
}
