//! What is judged of plays that are made up.

use super::*;
use crate::argument::options;
use crate::bar::verdict;
use crate::verdict::Verdict;

fn played(shed_after: Option<f64>) -> Played {
    Played {
        well_percent: 99.95,
        shed_after,
        episodes: usize::from(shed_after.is_some()),
        held_max: 58,
        full_after: Some(15.0),
        open_after: Some(18.0),
        ended_after: 30.0,
        bad_tasks: 1_400,
        lost: 0,
        burnt: 0,
        calls: 1_500,
        late_p99_ms: 1.0,
        under_way: Vec::new(),
    }
}

fn of(fault: Fault, plays: Vec<Played>) -> Report {
    Report::new(&options(&[]), &[Series { fault, caller: Caller::Overtime, plays }])
}

#[test]
fn the_median_and_the_worst_are_judged_apart() {
    let plays = [5.0, 8.0, 6.0].map(|after| played(Some(after)));
    assert_eq!(verdict(&of(Fault::Hang, plays.to_vec()).bars), Verdict::Met);
    let plays = [6.5, 8.0, 6.2].map(|after| played(Some(after)));
    let report = of(Fault::Hang, plays.to_vec());
    let missed: Vec<_> = report.bars.iter().filter(|bar| !bar.is_met).collect();
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0].figure, "hang: seconds until shed, median");
    assert_eq!(report.faults[0].shed_after_median, Some(6.5));
}

#[test]
fn one_that_never_sheds_has_missed_unless_it_is_to_bear_the_fault() {
    assert_eq!(verdict(&of(Fault::Hang, vec![played(None)]).bars), Verdict::Missed);
    assert_eq!(verdict(&of(Fault::Slow30, vec![played(None)]).bars), Verdict::Met);
    assert_eq!(verdict(&of(Fault::Slow10, vec![played(Some(5.0))]).bars), Verdict::Missed);
}

#[test]
fn one_task_lost_one_attempt_or_one_worker_too_many_is_a_miss() {
    let wrong: [fn(&mut Played); 5] = [
        |played| played.lost = 1,
        |played| played.burnt = 1,
        |played| played.held_max = 59,
        |played| played.full_after = None,
        |played| played.well_percent = 99.8,
    ];
    for spoil in wrong {
        let mut play = played(Some(5.0));
        spoil(&mut play);
        assert_eq!(verdict(&of(Fault::Hang, vec![played(Some(5.0)), play]).bars), Verdict::Missed);
    }
}

#[test]
fn the_control_has_to_fail() {
    let control = |well_percent| {
        let plays = vec![Played { well_percent, ..played(None) }];
        let series = Series { fault: Fault::Hang, caller: Caller::Control, plays };
        verdict(&Report::new(&options(&[]), &[series]).bars)
    };
    assert_eq!((control(60.0), control(99.0)), (Verdict::Met, Verdict::Missed));
}
