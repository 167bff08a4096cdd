//! One attempt: open the payload, run the handler, and say how it ended. Whatever the handler
//! does, exactly one completion comes out.

use crate::cancel::CancelFlag;
use crate::effects::{Effects, Overlay, View};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::panics;
use crate::source::Source;
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put};
use overtime_protocol::{Clock, Completion, Job, Opener, Outcome, Product};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest result, in bytes.
pub const PRODUCT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What every worker needs to run a job.
pub(crate) struct Workshop {
    pub(crate) handlers: Vec<Arc<dyn Handler>>,
    pub(crate) opener: Opener,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) clock: Clock,
}

/// Whether the thread may go on after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// The handler returned.
    Sound,
    /// The handler panicked and may have left the thread's own state (thread locals) in pieces.
    Shaken,
}

struct Yield {
    product: Product,
    puts: Vec<Put>,
    expects: Vec<Expect>,
}

/// Why there is no product, and what the handler had read when it decided that.
struct Refusal {
    failure: Failure,
    reads: Vec<Expect>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, reads: Vec::new() }
    }
}

impl Workshop {
    /// Runs one job to its end.
    pub(crate) fn run(
        &self,
        job: &Job,
        overlay: &Overlay,
        cancel: CancelFlag<'_>,
    ) -> (Completion, Aftermath) {
        let started = self.clock.monotonic();
        let caught = panics::catch(|| self.work(job, overlay, cancel));
        let aftermath = if caught.is_ok() { Aftermath::Sound } else { Aftermath::Shaken };
        let result = caught.unwrap_or_else(|told| Err(Failure::ephemeral("panic", told).into()));
        let (outcome, puts, expects) = match result {
            Ok(Yield { product, puts, expects }) => (Outcome::Done(product), puts, expects),
            // It is tried again, or stops, whatever it has read.
            Err(Refusal {
                failure: failure @ (Failure::Ephemeral(_) | Failure::Cancelled),
                ..
            }) => (failure.into(), Vec::new(), Vec::new()),
            Err(Refusal { failure, reads }) => (failure.into(), Vec::new(), reads),
        };
        let ended = self.clock.monotonic();
        let Job { task, attempt, run, .. } = *job;
        let progress = None;
        let completion =
            Completion { task, attempt, run, outcome, progress, puts, expects, started, ended };
        (completion, aftermath)
    }

    fn work(&self, job: &Job, overlay: &Overlay, cancel: CancelFlag<'_>) -> Result<Yield, Refusal> {
        let handler = self.handler(job)?;
        let segments = self.open(job)?;
        let view = View { upper: overlay, lower: None, source: &*self.source };
        let mut input = Input {
            job,
            item: None,
            segments: &segments,
            clock: &self.clock,
            view,
            effects: Effects::default(),
            cancel,
        };
        let result = handler.run(&mut input).and_then(sized);
        let product = match result {
            Ok(product) => product,
            Err(failure) => {
                let failure = failure.checked(cancel);
                return Err(Refusal { failure, reads: input.effects.reads() });
            }
        };
        let (puts, expects) = input.effects.finish()?;
        Ok(Yield { product, puts, expects })
    }

    pub(crate) fn handler(&self, job: &Job) -> Result<&dyn Handler, Failure> {
        let handler = self.handlers.get(usize::from(job.kind.0)).ok_or_else(|| {
            Failure::defect("no-handler", format!("kind number {} has no handler", job.kind.0))
        })?;
        Ok(&**handler)
    }

    /// The job's payload: as it lies in memory, or loaded.
    pub(crate) fn open<'a>(&self, job: &'a Job) -> Result<Cow<'a, [Bytes]>, Failure> {
        match self.opener.open(&job.payload) {
            Some(segments) => Ok(Cow::Borrowed(segments)),
            None => Ok(Cow::Owned(self.source.payload(job.task)?)),
        }
    }
}

fn sized(product: Product) -> Result<Product, Failure> {
    let len = product.body.len();
    if len <= PRODUCT_MAX_BYTES {
        return Ok(product);
    }
    let detail = format!("the result is {len} bytes; {PRODUCT_MAX_BYTES} are allowed");
    Err(Failure::defect("result-too-large", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeSource, Scripted, job, stored_job, workshop};
    use overtime_protocol::{Chain, ChainNumber, Lane};

    fn run(handler: Scripted, job: &Job, source: FakeSource) -> (Completion, Aftermath) {
        workshop(vec![Arc::new(handler)], source).run(
            job,
            &Overlay::default(),
            CancelFlag::default(),
        )
    }

    fn fault_of(outcome: &Outcome) -> (&'static str, &str, &str) {
        match outcome {
            Outcome::Done(_) => ("done", "", ""),
            Outcome::Rejected(fault) => ("rejected", &fault.code, &fault.detail),
            Outcome::Ephemeral(fault) => ("ephemeral", &fault.code, &fault.detail),
            Outcome::Defect(fault) => ("defect", &fault.code, &fault.detail),
            Outcome::Yielded => ("yielded", "", ""),
            Outcome::Cancelled => ("cancelled", "", ""),
        }
    }

    #[test]
    fn a_refusal_writes_nothing_and_holds_only_while_what_was_read_does() {
        let handler = Scripted::new(|input| {
            input.put("k", "v")?;
            input.read("other")?;
            Err(Failure::input("wrong", "it is wrong"))
        });
        let (completion, aftermath) = run(handler, &job("x"), FakeSource::default());
        assert_eq!(fault_of(&completion.outcome), ("rejected", "wrong", "it is wrong"));
        assert!(completion.puts.is_empty());
        let expected: Vec<_> = completion.expects.iter().map(|expect| &expect.key[..]).collect();
        assert_eq!(expected, [b"k".as_slice(), b"other"]);
        assert_eq!(aftermath, Aftermath::Sound);
    }

    #[test]
    fn a_panic_is_ephemeral_and_writes_nothing() {
        let handler = Scripted::new(|input| {
            input.put("k", "v")?;
            panic!("on purpose")
        });
        let (completion, aftermath) = run(handler, &job("x"), FakeSource::default());
        let (outcome, code, detail) = fault_of(&completion.outcome);
        assert_eq!((outcome, code), ("ephemeral", "panic"));
        assert!(detail.contains("on purpose"), "{detail}");
        assert!(completion.puts.is_empty());
        assert_eq!(aftermath, Aftermath::Shaken);
    }

    #[test]
    fn a_handler_stops_where_it_looks_if_it_was_asked_to() {
        let stopping = || {
            Scripted::new(|input| {
                input.put("k", "v")?;
                assert!(input.is_cancelled() || input.attempt() == 1);
                Err(Failure::cancelled())
            })
        };
        let (completion, _) = run(stopping(), &job("x"), FakeSource::default());
        let (outcome, code, _) = fault_of(&completion.outcome);
        assert_eq!((outcome, code), ("defect", "not-cancelled"));

        let job = Job { attempt: 2, ..job("x") };
        let chain = Chain::new(ChainNumber(1), Lane::Interactive, vec![job.clone()]);
        chain.claims.cancel(0);
        let workshop = workshop(vec![Arc::new(stopping())], FakeSource::default());
        let cancel = CancelFlag::new(&chain.claims, 0);
        let (completion, _) = workshop.run(&job, &Overlay::default(), cancel);
        assert_eq!(fault_of(&completion.outcome).0, "cancelled");
        assert!(completion.puts.is_empty() && completion.expects.is_empty());
    }

    #[test]
    fn a_result_may_be_16_mib_and_not_a_byte_more() {
        let sized = |len| Scripted::new(move |_| Ok(crate::json_product(vec![0; len])));
        let (completion, _) = run(sized(PRODUCT_MAX_BYTES), &job("x"), FakeSource::default());
        assert!(matches!(completion.outcome, Outcome::Done(_)));
        let (completion, _) = run(sized(PRODUCT_MAX_BYTES + 1), &job("x"), FakeSource::default());
        let (outcome, code, _) = fault_of(&completion.outcome);
        assert_eq!((outcome, code), ("defect", "result-too-large"));
    }

    #[test]
    fn a_stored_payload_is_loaded_by_its_tasks_id() {
        let job = stored_job(3);
        let source = FakeSource::default();
        source.store_payload(job.task, "from the journal");
        let handler = Scripted::new(|input| Ok(crate::json_product(input.payload_shared())));
        let (completion, _) = run(handler, &job, source);
        let Outcome::Done(product) = completion.outcome else { panic!("it was not done") };
        assert_eq!(product.body, "from the journal");
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_ephemeral() {
        let nothing = || Scripted::new(|_| Ok(Product::default()));
        let (completion, _) = run(nothing(), &stored_job(3), FakeSource::default());
        let (outcome, code, _) = fault_of(&completion.outcome);
        assert_eq!((outcome, code), ("ephemeral", "journal-read"));

        let source = FakeSource::default();
        source.break_state();
        let reader = Scripted::new(|input| input.read("k").map(|_| Product::default()));
        let (completion, _) = run(reader, &job("x"), source);
        let (outcome, code, _) = fault_of(&completion.outcome);
        assert_eq!((outcome, code), ("ephemeral", "journal-read"));
    }

    #[test]
    fn a_kind_without_a_handler_is_a_defect_and_no_panic() {
        let workshop = workshop(Vec::new(), FakeSource::default());
        let (completion, aftermath) =
            workshop.run(&job("x"), &Overlay::default(), CancelFlag::default());
        let (outcome, code, _) = fault_of(&completion.outcome);
        assert_eq!((outcome, code, aftermath), ("defect", "no-handler", Aftermath::Sound));
    }
}
