//! The ledger of errors against the orders that were to fail: every rejection, every step that
//! fails and every failed attempt is counted once, whatever was killed when.

use super::client::Client;
use super::findings::Fault;
use super::history::History;
use super::lines::Lines;
use super::order::{Cancelling, Order, Standing};
use super::work::Work;
use crate::document::read;
use anyhow::{Context, bail};
use serde::Deserialize;
use std::ops::RangeInclusive;

#[derive(Deserialize)]
struct Page {
    errors: Vec<Entry>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    kind: String,
    code: String,
    count: u64,
}

/// How often errors of one code may have been counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bounds {
    min: u64,
    max: u64,
}

impl Bounds {
    fn range(self) -> RangeInclusive<u64> {
        self.min..=self.max
    }
}

/// The counts that the orders so far allow, for `rejected`, `step` and `flaky`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExpectedFaults {
    rejected: Bounds,
    step: Bounds,
    flaky: Bounds,
}

impl ExpectedFaults {
    fn add(&mut self, order: &Order) {
        let (bounds, failed, most) = match order.work {
            Work::Reject => (&mut self.rejected, 1, 1),
            Work::Steps { .. } => (&mut self.step, order.failed, order.work.fail_times()),
            Work::Flaky { .. } => (&mut self.flaky, order.failed, order.work.fail_times()),
            _ => return,
        };
        match order.standing {
            Standing::Unsent | Standing::Refused => {}
            Standing::Unknown => bounds.max += most,
            // What has failed before it was cancelled is not asked for.
            Standing::Taken if order.cancelling != Cancelling::No => bounds.max += most,
            Standing::Taken => {
                bounds.min += failed;
                bounds.max += failed;
            }
        }
    }
}

impl History {
    /// Adds what was sent since the last comparison, and compares.
    pub(super) fn compare_faults(
        &mut self,
        lines: &mut Lines,
        clients: &[Client],
    ) -> anyhow::Result<()> {
        let new = clients.iter().flat_map(|client| &client.book.orders[client.settled..]);
        new.for_each(|order| self.expected_faults.add(order));
        let entries = entries(lines)?;
        let expected = self.expected_faults;
        for (kind, code, bounds) in [
            ("flaky", "rejected", expected.rejected),
            ("steps", "step", expected.step),
            ("flaky", "flaky", expected.flaky),
        ] {
            let of_code = |entry: &&Entry| entry.kind == kind && entry.code == code;
            let count: u64 = entries.iter().filter(of_code).map(|entry| entry.count).sum();
            if !bounds.range().contains(&count) {
                let fault = if count < bounds.min { Fault::Missing } else { Fault::Doubled };
                let told = format!(
                    "errors of {kind} with the code {code} count {count} and not {bounds:?}"
                );
                self.find(fault, None, told);
            }
        }
        Ok(())
    }
}

fn entries(lines: &mut Lines) -> anyhow::Result<Vec<Entry>> {
    let (mut entries, mut query) = (Vec::new(), "limit=1000".to_owned());
    loop {
        let answer = lines.ask_for("GET", &format!("/v1/errors?{query}"));
        let answer = answer.ok().context("the server does not answer")?;
        if answer.status != 200 {
            bail!("the ledger of errors was answered {}", answer.told());
        }
        let page: Page = read(&answer.body)?;
        entries.extend(page.errors);
        match page.next {
            Some(next) => query = format!("limit=1000&after={next}"),
            None => return Ok(entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::Mark;
    use super::*;

    fn expected(work: Work, standing: Standing, failed: u64) -> ExpectedFaults {
        let order = Order::new(Mark { seed: 7, number: 1 }, work, true, 0);
        let mut expected = ExpectedFaults::default();
        expected.add(&Order { standing, failed, ..order });
        expected
    }

    #[test]
    fn what_was_taken_counts_exactly_and_what_is_in_doubt_at_most() {
        for (standing, min, max) in
            [(Standing::Taken, 1, 1), (Standing::Unknown, 0, 1), (Standing::Refused, 0, 0)]
        {
            assert_eq!(expected(Work::Reject, standing, 0).rejected, Bounds { min, max });
        }
        let flaky = Work::Flaky { fail_times: 2 };
        assert_eq!(expected(flaky, Standing::Taken, 1).flaky, Bounds { min: 1, max: 1 });
        assert_eq!(expected(flaky, Standing::Unknown, 0).flaky, Bounds { min: 0, max: 2 });
    }
}
