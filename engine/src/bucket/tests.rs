//! Buckets of any rate and burst, against time that goes on as it likes.

use super::*;
use crate::seed::Seed;

const SECOND: Duration = Duration::from_secs(1);

fn bucket(per_second: f64, burst: u32) -> Bucket {
    Bucket::new(Rate { per_second, burst })
}

fn taken(bucket: &mut Bucket, now: Monotonic, tries: u64) -> u64 {
    (0..tries).map(|_| u64::from(bucket.take(now))).sum()
}

#[test]
fn a_full_bucket_gives_its_burst_and_then_its_rate() {
    for (per_second, burst) in [(100.0, 10), (0.1, 1), (0.1, 5), (1e6, 1_000), (3.0, 1)] {
        let (mut bucket, start) = (bucket(per_second, burst), Monotonic(5_000_000_000));
        assert_eq!(taken(&mut bucket, start, u64::from(burst) + 5), u64::from(burst));
        let wait = bucket.until_token(start);
        let expected = Duration::from_secs_f64(1.0 / per_second);
        assert!(wait.abs_diff(expected) <= Duration::from_nanos(1), "{wait:?}");
        assert!(!bucket.take(Monotonic((start + wait).0 - 1)));
        assert!(bucket.take(start + wait));
        assert!(!bucket.take(start + wait));
    }
}

/// The law itself: in no span does a bucket give more than its burst and what the span brings.
#[test]
fn no_span_brings_more_than_the_burst_and_the_rate() {
    let mut chance = Seed::new(11);
    for _ in 0..2_000 {
        let per_second = [0.1, 0.9, 1.0, 7.3, 100.0, 12_345.6, 1e6][chance.below(7) as usize];
        let burst = [1, 2, 10, 1_000, u32::MAX][chance.below(5) as usize];
        let mut bucket = bucket(per_second, burst);
        let mut now = Monotonic(chance.below(1 << 40));
        let (began, mut given, mut refused) = (now, 0, false);
        for _ in 0..50 {
            now = now + step(&mut chance, per_second);
            for _ in 0..chance.below(30) {
                let is_there = bucket.until_token(now).is_zero();
                assert_eq!(bucket.limit(now).remaining > 0, is_there);
                assert_eq!(bucket.take(now), is_there);
                given += u64::from(is_there);
                refused |= !is_there;
            }
        }
        let span = (now - began).as_secs_f64();
        let most = f64::from(burst) + span * per_second;
        assert!(given as f64 <= most * (1.0 + 1e-6) + 1.0, "{given} of {most}");
        assert!(refused || given <= 50 * 30);
    }
}

/// Often little, seldom more than what fills anything.
fn step(chance: &mut Seed, per_second: f64) -> Duration {
    match chance.below(8) {
        0 => Duration::ZERO,
        1 => SECOND * 100_000,
        _ => Duration::from_secs_f64(chance.below(3_000) as f64 / 1_000.0 / per_second),
    }
}

#[test]
fn whoever_always_wants_gets_the_rate_in_the_long_run() {
    for per_second in [0.1, 3.0, 7.7, 1_000.0] {
        let mut bucket = bucket(per_second, 3);
        let (start, mut now, mut given) = (Monotonic(0), Monotonic(0), 0);
        while given < 10_000 {
            given += taken(&mut bucket, now, 10);
            now = now + bucket.until_token(now);
        }
        let found = (given as f64 - 3.0) / (now - start).as_secs_f64();
        assert!((found / per_second - 1.0).abs() < 1e-3, "{found} instead of {per_second}");
    }
}

#[test]
fn time_that_jumps_fills_it_once_and_no_more() {
    let mut bucket = bucket(10.0, 5);
    assert_eq!(taken(&mut bucket, Monotonic(u64::MAX / 2), 100), 5);
    // The clock of a process never goes back; if it did, the bucket would only wait.
    assert_eq!(taken(&mut bucket, Monotonic(0), 100), 0);
    assert_eq!(taken(&mut bucket, Monotonic(u64::MAX / 2) + SECOND * 1_000_000, 100), 5);
}

#[test]
fn extremes_are_bounded() {
    for per_second in [f64::MIN_POSITIVE, 1e-300, 1e300, f64::MAX] {
        let mut bucket = bucket(per_second, u32::MAX);
        assert!(bucket.take(Monotonic(7)));
        let limit = bucket.limit(Monotonic(7));
        assert_eq!((limit.quota, limit.remaining), (u32::MAX, u32::MAX - 1));
    }
    assert!(bucket(1.0, 0).take(Monotonic(0)), "a bucket that holds nothing would be a ban");
}

#[test]
fn a_caller_is_told_what_is_left_and_when_there_is_more() {
    let (mut bucket, now) = (bucket(0.5, 2), Monotonic(1_000));
    let told = |bucket: &Bucket, now| {
        let limit = bucket.limit(now);
        (limit.quota, limit.window_s, limit.remaining, limit.reset_s)
    };
    assert_eq!(told(&bucket, now), (2, 4, 2, 0));
    assert!(bucket.take(now));
    assert_eq!(told(&bucket, now + SECOND), (2, 4, 1, 1));
    assert!(bucket.take(now));
    assert_eq!(told(&bucket, now), (2, 4, 0, 2));
    assert_eq!(told(&bucket, now + SECOND * 9), (2, 4, 2, 0));
}

#[test]
fn another_rate_keeps_what_was_used() {
    let now = Monotonic(1_000);
    let mut first = bucket(1.0, 10);
    assert_eq!(taken(&mut first, now, 7), 7);
    assert_eq!(first.at_rate(Rate { per_second: 1.0, burst: 10 }, now).limit(now).remaining, 3);
    // Seven are missing still, of more or of less.
    assert_eq!(first.at_rate(Rate { per_second: 5.0, burst: 100 }, now).limit(now).remaining, 93);
    assert_eq!(first.at_rate(Rate { per_second: 5.0, burst: 4 }, now).limit(now).remaining, 0);
    let later = now + SECOND * 100;
    assert_eq!(first.at_rate(Rate { per_second: 5.0, burst: 4 }, later).limit(later).remaining, 4);
}
