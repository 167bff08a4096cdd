//! `steps`: `{"steps":N}` takes N steps and saves each, so that none is taken twice whatever comes
//! between them. `"ms":M` makes each take M milliseconds; `"fail_at":K` makes step K, counted from
//! 1, fail ephemerally the first time. How many steps were really taken stands at the state key
//! `steps/{task}` and in the answer: `{"steps":N,"made":M}`.

use super::sleep::{pause, refuse_long};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::product::json_product;
use overtime_protocol::{Kind, Product, Progress};
use serde::Deserialize;
use std::time::Duration;

/// The most steps of one task.
const STEPS_MAX: u64 = 1_000_000;

pub(super) struct Steps;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    steps: u64,
    #[serde(default)]
    fail_at: Option<u64>,
    #[serde(default)]
    ms: u64,
}

impl Handler for Steps {
    fn kind(&self) -> Kind {
        Kind::durable("steps")
    }

    fn run(&self, input: &mut Input<'_>) -> Result<Product, Failure> {
        let Request { steps, fail_at, ms } = input.json()?;
        refuse_long(ms)?;
        if steps > STEPS_MAX {
            let detail = format!("`steps` is {steps}; at most {STEPS_MAX} are allowed");
            return Err(Failure::input("invalid-input", detail));
        }
        let key = format!("steps/{}", input.task());
        let done = number(input.cursor().map(|cursor| &cursor[..]))?;
        let mut made = number(input.read(&key)?.as_deref())?;
        for step in done + 1..=steps {
            pause(input, Duration::from_millis(ms))?;
            made += 1;
            input.put(&key, made.to_string())?;
            let progress = |done| Progress { done, total: Some(steps) };
            if fail_at == Some(step) && made == step {
                // It counts as taken, and is taken again.
                input.set_cursor((step - 1).to_string(), progress(step - 1))?;
                let detail = format!("step {step} was asked to fail");
                return Err(Failure::ephemeral("step", detail));
            }
            input.save(step.to_string(), progress(step))?;
        }
        Ok(json_product(format!("{{\"steps\":{steps},\"made\":{made}}}")))
    }
}

/// A number as this kind writes it down; 0 if it has not yet.
fn number(text: Option<&[u8]>) -> Result<u64, Failure> {
    let Some(text) = text else { return Ok(0) };
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Failure::defect("steps-unreadable", "what was saved is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::CancelFlag;
    use crate::effects::Overlay;
    use crate::testing::{Bench, FakeJournal, job, workshop};
    use overtime_protocol::{Completion, Job, Outcome};
    use std::sync::Arc;

    fn attempt(payload: &str, journal: &mut FakeJournal) -> Completion {
        let job = Job { cursor: journal.cursor(), ..job(payload) };
        let workshop = workshop(vec![Arc::new(Steps)], journal.source.clone());
        workshop.run(&job, &Overlay::default(), CancelFlag::default(), journal).0
    }

    #[test]
    fn a_failed_step_is_one_step_more_and_not_a_thousand() {
        let mut journal = FakeJournal::default();
        let payload = r#"{"steps":1000,"fail_at":999}"#;
        let completion = attempt(payload, &mut journal);
        assert!(matches!(completion.outcome, Outcome::Ephemeral(fault) if fault.code == "step"));
        assert_eq!((journal.cursor().unwrap(), journal.kept.len()), ("998".into(), 999));
        let Outcome::Done(product) = attempt(payload, &mut journal).outcome else {
            panic!("it failed again")
        };
        assert_eq!(product.body, r#"{"steps":1000,"made":1001}"#);
        assert_eq!(journal.kept.last().unwrap().progress.done, 1_000);
    }

    #[test]
    fn the_first_step_may_fail_too() {
        let mut journal = FakeJournal::default();
        let payload = r#"{"steps":2,"fail_at":1}"#;
        assert!(matches!(attempt(payload, &mut journal).outcome, Outcome::Ephemeral(_)));
        let Outcome::Done(product) = attempt(payload, &mut journal).outcome else {
            panic!("it failed again")
        };
        assert_eq!(product.body, r#"{"steps":2,"made":3}"#);
    }

    #[test]
    fn no_steps_are_soon_over_and_too_many_are_refused() {
        let bench = Bench::new(Arc::new(Steps));
        assert_eq!(bench.answer(r#"{"steps":0}"#), r#"{"steps":0,"made":0}"#);
        for payload in ["{}", r#"{"steps":1000001}"#, r#"{"steps":1,"ms":3600001}"#] {
            assert_eq!(bench.rejection(payload).code, "invalid-input", "{payload}");
        }
    }
}
