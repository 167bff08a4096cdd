//! One caller, led through its stages by made-up answers.

use super::*;
use crate::argument::loopback;

fn caller(tasks: u64) -> Callers {
    let options = Options {
        target: loopback("127.0.0.1:1").unwrap(),
        tasks,
        at_once: 1,
        sleep_max: Duration::ZERO,
        wait: Duration::from_secs(1),
        slack: Duration::ZERO,
        seed: None,
        output: crate::output::Output::default(),
    };
    Callers::new(&options, Random::new(1))
}

fn sent(caller: &mut Callers) -> Option<String> {
    let now = Instant::now();
    match caller.next(0, now, now) {
        Next::Send(request) => Some(String::from_utf8_lossy(request).lines().next()?.to_owned()),
        _ => None,
    }
}

fn answer(caller: &mut Callers, took_ms: u64, status: u16, head: &str, body: &str) {
    let sent_at = Instant::now();
    let answered_at = sent_at + Duration::from_millis(took_ms);
    let response = Response { status, head: head.as_bytes(), body: body.as_bytes() };
    caller.answered(Exchange { slot: 0, sent_at, answered_at, response });
}

#[test]
fn a_task_that_fell_over_is_followed_to_its_result() {
    let mut caller = caller(1);
    assert_eq!(sent(&mut caller).unwrap(), "POST /v1/tasks/sleep?wait=1000ms HTTP/1.1");
    answer(&mut caller, 1_020, 202, "X\r\nLocation: /v1/tasks/T\r\n\r\n", "{}");
    assert_eq!(sent(&mut caller).unwrap(), "GET /v1/tasks/T HTTP/1.1");
    answer(&mut caller, 1, 200, "", r#"{"id":"T","state":"running","attempts":1}"#);
    assert_eq!(sent(&mut caller).unwrap(), "GET /v1/tasks/T HTTP/1.1");
    answer(&mut caller, 1, 200, "", r#"{"id":"T","state":"succeeded","attempts":1}"#);
    assert_eq!(sent(&mut caller).unwrap(), "GET /v1/tasks/T/result HTTP/1.1");
    answer(&mut caller, 1, 200, "", r#"{"slept_ms":0}"#);
    assert_eq!(sent(&mut caller), None);
    let score = caller.into_score();
    assert_eq!((score.accepted, score.succeeded, score.others), (1, 1, 0));
    assert!((score.over_wait.quantiles().max_ms - 20.0).abs() < 0.1);
}

#[test]
fn a_second_attempt_a_wrong_result_and_a_refusal_are_faults() {
    let mut caller = caller(3);
    sent(&mut caller);
    answer(&mut caller, 1, 202, "X\r\nLocation: /v1/tasks/T\r\n\r\n", "{}");
    sent(&mut caller);
    answer(&mut caller, 1, 200, "", r#"{"id":"T","state":"succeeded","attempts":2}"#);
    sent(&mut caller);
    answer(&mut caller, 1, 200, "", r#"{"slept_ms":1}"#);
    sent(&mut caller);
    answer(&mut caller, 1, 503, "", "{}");
    sent(&mut caller);
    answer(&mut caller, 1, 202, "", "{}");
    let score = caller.into_score();
    assert_eq!((score.ran_twice, score.wrong_results, score.others), (1, 1, 2));
    assert_eq!(score.succeeded, 0);
}
