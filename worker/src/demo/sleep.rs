//! `sleep`: `{"ms":N}` holds a worker for N milliseconds and answers `{"slept_ms":N}`. This is
//! what a slow handler looks like from outside.

use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::product::json_product;
use overtime_protocol::{Kind, Product};
use serde::Deserialize;
use std::thread;
use std::time::{Duration, Instant};

/// The longest sleep, in milliseconds: an hour.
const SLEEP_MAX_MS: u64 = 3_600_000;

/// How often it looks whether it is to be cancelled.
const LOOKS_EACH: Duration = Duration::from_millis(50);

pub(super) struct Sleep;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    ms: u64,
}

impl Handler for Sleep {
    fn kind(&self) -> Kind {
        Kind::durable("sleep").in_memory()
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let Request { ms } = input.json()?;
        refuse_long(ms)?;
        pause(input, Duration::from_millis(ms))?;
        Ok(json_product(format!("{{\"slept_ms\":{ms}}}")))
    }
}

/// Refuses what is longer than the longest sleep.
pub(super) fn refuse_long(ms: u64) -> Result<(), Failure> {
    if ms > SLEEP_MAX_MS {
        let detail = format!("`ms` is {ms}; at most {SLEEP_MAX_MS} are allowed");
        return Err(Failure::input("invalid-input", detail));
    }
    Ok(())
}

/// Sleeps for `span`, or until the task is to be cancelled.
pub(super) fn pause(input: &Input<'_>, span: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    while let Some(left) = span.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        if input.is_cancelled() {
            return Err(Failure::cancelled());
        }
        thread::sleep(left.min(LOOKS_EACH));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelFlag;
    use crate::effects::Overlay;
    use crate::testing::{Bench, FakeJournal, FakeSource, job, workshop};
    use overtime_protocol::{Chain, ChainNumber, Lane, Outcome};
    use std::sync::Arc;

    #[test]
    fn it_sleeps_at_least_as_long_as_it_says() {
        let bench = Bench::new(Arc::new(Sleep));
        let started = Instant::now();
        assert_eq!(bench.answer(r#"{"ms":20}"#), r#"{"slept_ms":20}"#);
        assert!(started.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn it_ends_early_when_it_is_to_be_cancelled() {
        let job = job(r#"{"ms":3600000}"#);
        let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job]);
        chain.claims.cancel(0);
        let workshop = workshop(vec![Arc::new(Sleep)], FakeSource::default());
        let cancel = CancelFlag::new(&chain.claims, 0);
        let (overlay, mut journal) = (Overlay::default(), FakeJournal::default());
        let (completion, _) = workshop.run(&chain.jobs[0], &overlay, cancel, &mut journal);
        assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    }

    #[test]
    fn wrong_spans_are_refused() {
        let bench = Bench::new(Arc::new(Sleep));
        for payload in ["{}", r#"{"ms":-1}"#, r#"{"ms":1.5}"#, r#"{"ms":"1"}"#, r#"{"ms":3600001}"#]
        {
            let fault = bench.rejection(payload);
            assert_eq!(fault.code, "invalid-input", "{payload}: {}", fault.detail);
        }
    }
}
