//! Replays of calls of which it is known when the gate has to shed.

use super::*;

const BEGAN: u64 = 1_795_000_000_000;
const SLOW: Duration = Duration::from_secs(3);
const FAST: (u64, CallEnd) = (100, CallEnd::Answered);
const LATE: (u64, CallEnd) = (5_000, CallEnd::Answered);

/// Calls at a steady pace for so many seconds, each as `way` says, by the second in which it begins.
fn steady(per_second: u64, seconds: u64, way: impl Fn(u64, u64) -> (u64, CallEnd)) -> Vec<Sample> {
    let call = |number: u64| {
        let started = UnixMillis(BEGAN + number * 1_000 / per_second);
        let (took_ms, end) = way(number / per_second, number);
        Sample { started, took: Duration::from_millis(took_ms), end }
    };
    (0..per_second * seconds).map(call).collect()
}

/// Ten calls a second, all of which take five seconds in the second of three minutes.
fn a_bad_minute() -> Vec<Sample> {
    steady(10, 180, |second, _| if (60..120).contains(&second) { LATE } else { FAST })
}

/// When it was first shed, in seconds since the first call, and when that was over.
fn first_shed(replayed: &Replayed) -> Option<(f64, f64)> {
    let since = |at: UnixMillis| at.since(UnixMillis(BEGAN)).as_secs_f64();
    replayed.sheds.first().map(|shed| (since(shed.from), since(shed.until)))
}

#[test]
fn zapiers_rule_sheds_when_109_of_120_calls_were_slow_and_no_sooner() {
    let calls = a_bad_minute();
    let replayed = replay(&calls, Rules::only(Rule::TenthPercentile), SLOW);
    let (from, until) = first_shed(&replayed).unwrap();
    // The 109th slow call begins after 70.8 s, and is known to be slow 3 s later.
    assert!((73.8..74.0).contains(&from), "{from}");
    // It is well after 120 s, and six probes a second apart show that.
    assert!((125.0..128.0).contains(&until), "{until}");
    assert_eq!((replayed.episodes, replayed.sheds[0].rule), (1, Rule::TenthPercentile));
}

#[test]
fn probes_that_hang_are_given_up_when_their_time_is() {
    let hangs = (600_000, CallEnd::Failed(CallFailure::Timeout));
    let bad = |second: u64| (60..120).contains(&second);
    let calls = steady(10, 180, |second, _| if bad(second) { hangs } else { FAST });
    let replayed = replay(&calls, Rules::ALL, SLOW);
    let (_, until) = first_shed(&replayed).unwrap();
    assert!((125.0..130.0).contains(&until), "{until}");
}

#[test]
fn each_rule_sheds_by_itself_alone() {
    let calls = a_bad_minute();
    let alone = |rule| replay(&calls, Rules::only(rule), SLOW);
    // The 24th slow call begins after 62.3 s; that it is slow is known 3 s later, and looked at once
    // more after another.
    let (early, _) = first_shed(&alone(Rule::MostBad)).unwrap();
    assert!((66.2..66.5).contains(&early), "{early}");
    // Calls are many, and none of them fails.
    assert_eq!(first_shed(&alone(Rule::InARow)), None);
    assert_eq!(first_shed(&alone(Rule::Errors)), None);
    let all = replay(&calls, Rules::ALL, SLOW);
    assert_eq!(first_shed(&all).unwrap().0, early);
    assert_eq!(all.sheds[0].rule, Rule::MostBad);
}

#[test]
fn a_rule_stays_alone_when_what_was_seen_is_forgotten() {
    let bad = |second: u64| (60..120).contains(&second) || (240..300).contains(&second);
    let calls = steady(10, 360, |second, _| if bad(second) { LATE } else { FAST });
    let rules = |replayed: Replayed| -> Vec<Rule> {
        replayed.sheds.into_iter().map(|shed| shed.rule).collect()
    };
    let alone = rules(replay(&calls, Rules::only(Rule::TenthPercentile), SLOW));
    assert_eq!(alone, [Rule::TenthPercentile; 2]);
    assert_eq!(rules(replay(&calls, Rules::ALL, SLOW)), [Rule::MostBad; 2]);
}

#[test]
fn what_is_slow_decides() {
    let calls = a_bad_minute();
    assert_eq!(replay(&calls, Rules::ALL, Duration::from_secs(5)), Replayed::default());
    assert!(replay(&calls, Rules::ALL, Duration::from_secs(1)).held > 0);
    assert!(replay(&calls, Rules::ALL, Duration::from_millis(50)).shed_for().as_secs() > 150);
}

#[test]
fn what_is_held_is_what_neither_went_out_nor_was_a_probe() {
    let calls = a_bad_minute();
    let replayed = replay(&calls, Rules::ALL, SLOW);
    let (from, until) = first_shed(&replayed).unwrap();
    let shed: usize = ((until - from) * 10.0) as usize;
    let probes = (until - from) as usize;
    // The ramp holds some of those that follow.
    let most = shed + 100;
    assert!((shed - probes - 20..most).contains(&replayed.held), "{} of {shed}", replayed.held);
}

#[test]
fn errors_are_seen_by_the_rule_for_errors() {
    let error = (20, CallEnd::Failed(CallFailure::Status(503)));
    let calls =
        steady(20, 60, |second, number| if second >= 20 && number % 2 == 0 { error } else { FAST });
    let shed = first_shed(&replay(&calls, Rules::only(Rule::Errors), SLOW));
    assert!((24.0..34.0).contains(&shed.unwrap().0), "{shed:?}");
    assert_eq!(first_shed(&replay(&calls, Rules::only(Rule::TenthPercentile), SLOW)), None);
}

#[test]
fn a_few_calls_that_are_bad_in_a_row_are_enough_where_there_are_few() {
    let refused = (1, CallEnd::Failed(CallFailure::Connect));
    let mut calls = steady(1, 20, |second, _| if second >= 6 { refused } else { FAST });
    for (number, call) in (0..).zip(&mut calls) {
        call.started = UnixMillis(BEGAN + number * 30_000);
    }
    let replayed = replay(&calls, Rules::only(Rule::InARow), SLOW);
    let (from, until) = first_shed(&replayed).unwrap();
    // Five in a row from the seventh on: the eleventh begins after 300 s.
    assert!((303.0..304.0).contains(&from), "{from}");
    // It stays bad to the end.
    assert_eq!(until, 570.001);
}

#[test]
fn to_be_told_to_come_later_sheds_nobody() {
    let busy = (10, CallEnd::Busy { retry_after: None });
    let replayed = replay(&steady(10, 60, |_, _| busy), Rules::ALL, SLOW);
    assert_eq!(replayed, Replayed::default());
    assert_eq!(replay(&[], Rules::ALL, SLOW), Replayed::default());
}
