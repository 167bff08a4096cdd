//! Runs that are to be cancelled: they end between two items, and what was done is kept.

use super::{by, count_line, counting, ndjson};
use crate::cancel::CancelFlag;
use crate::testing::{FakeJournal, Scripted, workshop};
use crate::{Failure, Input};
use overtime_protocol::{Chain, ChainNumber, Completion, Job, Lane, Outcome};
use std::sync::Arc;

/// Runs the job in chunks of ten; the handler gets its chain, and may ask for its end there.
fn run_in_chain(
    job: Job,
    handler: impl Fn(&Chain, &mut Input<'_>) -> Result<(), Failure> + Send + Sync + 'static,
    journal: &mut FakeJournal,
) -> Completion {
    let chain = Chain::new(ChainNumber(1), Lane::Bulk, vec![job.clone()]);
    let inner = counting();
    let its_chain = chain.clone();
    let handler = Arc::new(Scripted::new(move |input| {
        handler(&its_chain, input)?;
        inner.run(input)
    }));
    let workshop = workshop(vec![handler], journal.source.clone());
    workshop.run_bulk(&job, by(10), CancelFlag::new(&chain.claims, 0), journal).0
}

#[test]
fn a_run_that_is_to_be_cancelled_ends_behind_the_item() {
    let mut journal = FakeJournal::default();
    let job = ndjson((0..100).map(count_line));
    let cancels = |chain: &Chain, input: &mut Input<'_>| {
        if input.item() == Some(25) {
            chain.claims.cancel(0);
        }
        Ok(())
    };
    let completion = run_in_chain(job, cancels, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    assert_eq!(completion.progress.map(|progress| progress.done), Some(26));
    assert_eq!(journal.source.value(b"n/25").unwrap(), "1");
    assert!(journal.source.value(b"n/26").is_none());
}

#[test]
fn an_item_that_stops_because_of_it_is_not_kept() {
    let mut journal = FakeJournal::default();
    let job = ndjson((0..100).map(count_line));
    let stops = |chain: &Chain, input: &mut Input<'_>| {
        if input.item() < Some(25) {
            return Ok(());
        }
        chain.claims.cancel(0);
        Err(Failure::cancelled())
    };
    let completion = run_in_chain(job, stops, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Cancelled), "{completion:?}");
    assert_eq!(completion.progress.map(|progress| progress.done), Some(25));
    assert!(journal.source.value(b"n/25").is_none());
}

#[test]
fn an_item_may_not_stop_unasked() {
    let mut journal = FakeJournal::default();
    let completion =
        run_in_chain(ndjson([count_line(0)]), |_, _| Err(Failure::cancelled()), &mut journal);
    assert_eq!(super::fault(&completion).code, "not-cancelled");
}
