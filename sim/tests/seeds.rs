//! Seeds that have to hold, that replay, and that find out when a drive or a journal lies.

use overtime_sim::{Counts, Lie, Plan, Stage, run, shrink};

/// How many seeds are run; `OVERTIME_SIM_SEEDS` says otherwise.
const SEEDS: u64 = 200;

fn stage() -> Stage {
    Stage::new().expect("a folder can be made")
}

#[test]
fn seeds_hold() {
    let seeds = std::env::var("OVERTIME_SIM_SEEDS").ok();
    let seeds = seeds.map_or(SEEDS, |text| text.parse().expect("OVERTIME_SIM_SEEDS is a number"));
    let (stage, mut all) = (stage(), Counts::default());
    for seed in 0..seeds {
        match run(&Plan::new(seed), &stage, false).verdict {
            Ok(counts) => all.add(&counts),
            Err(words) => panic!("seed {seed} fails: {words}; replay it with sim --seed {seed}"),
        }
    }
    let is_quiet = all.ended < 10 * seeds || all.lives < 3 * seeds || all.faults < seeds / 4;
    assert!(!is_quiet, "days too quiet: {all:?}");
}

/// Each of these has found something that was wrong, and is no part of the first hundreds.
#[test]
fn seeds_that_once_failed_hold() {
    let stage = stage();
    for seed in [6_971, 10_800, 12_844] {
        let verdict = run(&Plan::new(seed), &stage, false).verdict;
        assert!(verdict.is_ok(), "seed {seed} fails: {verdict:?}");
    }
}

#[test]
fn a_seed_replays_the_same_run() {
    let stages = (stage(), stage());
    for seed in [3, 7, 11, 20] {
        let first = run(&Plan::new(seed), &stages.0, false);
        let again = run(&Plan::new(seed), &stages.1, true);
        assert_eq!(first.hash, again.hash, "seed {seed}");
        assert_eq!(first.faults, again.faults, "seed {seed}");
        assert!(again.trace.len() > 100 && first.trace.is_empty(), "seed {seed}");
    }
    assert_ne!(
        run(&Plan::new(3), &stages.0, false).hash,
        run(&Plan::new(7), &stages.0, false).hash
    );
}

/// The first of some seeds that finds a lie out, with what it says.
fn found_out(lie: Lie, seeds: u64, stage: &Stage) -> (Plan, String) {
    let plans = (0..seeds).map(|seed| Plan { lie: Some(lie), ..Plan::new(seed) });
    let found = plans.map(|plan| (run(&plan, stage, false).verdict, plan));
    let mut failed = found.filter_map(|(verdict, plan)| Some((plan, verdict.err()?)));
    failed.next().expect("a seed finds it out")
}

#[test]
fn a_drive_that_does_not_sync_the_log_is_found_out() {
    found_out(Lie::LogSync, 20, &stage());
}

#[test]
fn a_drive_that_does_not_sync_the_archive_is_found_out() {
    found_out(Lie::ArchiveSync, 40, &stage());
}

#[test]
fn a_journal_that_judges_too_early_is_found_out_and_the_run_is_made_smaller() {
    let stage = stage();
    let (plan, words) = found_out(Lie::EarlyVerdict, 20, &stage);
    let (smaller, outcome) = shrink(&plan, &stage);
    let left = smaller.steps - smaller.without_steps.len() as u64;
    assert!(left < plan.steps / 4, "{left} steps are left of {words}");
    assert!(outcome.verdict.is_err() && !outcome.trace.is_empty());
}
