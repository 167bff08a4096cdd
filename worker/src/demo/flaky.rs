//! `flaky`: fails in the way its payload asks for. `{"fail_times":N}` fails ephemerally N times
//! and then succeeds, `{"reject":true}` is bad input, `{"panic":true}` panics.

use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::product::json_product;
use overtime_protocol::{Kind, Product};
use serde::Deserialize;

pub(super) struct Flaky;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    fail_times: u32,
    #[serde(default)]
    reject: bool,
    #[serde(default)]
    panic: bool,
}

impl Handler for Flaky {
    fn kind(&self) -> Kind {
        Kind::durable("flaky")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let Request { fail_times, reject, panic } = input.json()?;
        let attempt = input.attempt();
        assert!(!panic, "a panic was asked for");
        if reject {
            return Err(Failure::input("rejected", "a rejection was asked for"));
        }
        if attempt <= fail_times {
            let detail = format!("attempt {attempt} of {fail_times} that were asked to fail");
            return Err(Failure::ephemeral("flaky", detail));
        }
        Ok(json_product(format!("{{\"attempt\":{attempt}}}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, job};
    use overtime_protocol::{Job, Outcome};
    use std::sync::Arc;

    fn outcome(payload: &str, attempt: u32) -> Outcome {
        Bench::new(Arc::new(Flaky)).attempt(&Job { attempt, ..job(payload) }).outcome
    }

    #[test]
    fn it_fails_as_often_as_it_is_asked_to() {
        for attempt in [1, 2] {
            let outcome = outcome(r#"{"fail_times":2}"#, attempt);
            assert!(matches!(outcome, Outcome::Ephemeral(fault) if fault.code == "flaky"));
        }
        let Outcome::Done(product) = outcome(r#"{"fail_times":2}"#, 3) else { panic!("failed") };
        assert_eq!(product.body, r#"{"attempt":3}"#);
        assert!(matches!(outcome("{}", 1), Outcome::Done(_)));
    }

    #[test]
    fn it_rejects_and_panics_when_asked_to() {
        assert!(matches!(outcome(r#"{"reject":true}"#, 1), Outcome::Rejected(_)));
        let panicked = outcome(r#"{"panic":true}"#, 1);
        assert!(matches!(panicked, Outcome::Ephemeral(fault) if fault.code == "panic"));
        let unknown = outcome(r#"{"explode":true}"#, 1);
        assert!(matches!(unknown, Outcome::Rejected(fault) if fault.detail.contains("`explode`")));
    }
}
