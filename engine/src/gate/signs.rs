//! The signs of a bad upstream, and how long each has to last. It looks at a cohort and says which
//! rule is broken; what becomes of that is decided elsewhere.
//!
//! - [`Rule::TenthPercentile`]: Zapier's. Of 120 calls the tenth percentile is slow, so 109 are. It
//!   has nothing to wait for.
//! - [`Rule::MostBad`]: 60 % of 40 calls (at least 20) are bad, at two looks a second apart.
//! - [`Rule::HalfBad`]: 47 of 100 are. A share of 60 % is above the line of the rule before only every
//!   other time. And an upstream that leaves three calls of five without an answer fills its places
//!   with them after some eighty, when no more start and the last forty stay what they are: with 50
//!   places, where 110 calls filled them, 47 of the last 100 are bad nearly always.
//! - [`Rule::Errors`]: 40 % of 120 calls failed, and that is known at once: nobody waits for them to
//!   come of age, and those that are under way count as well. Half errors never reach 60 %, and fall
//!   below 40 % once in a hundred times.
//! - [`Rule::InARow`]: of fewer than 20 calls the last five are bad. Five of one moment are one
//!   moment, so they were started over a second at least, and none that is younger is known to be well.
//!
//! These are for upstreams that were well. Where 30 % of the calls are bad for hours each of them comes by
//! chance, once in some ten hours. So once [a fifth](super::usual) of the calls before was bad the shares
//! of the second to the fourth are higher by ten: an upstream that ails anyway is shed if it becomes
//! worse.
//!
//! `HalfBad` and `Errors` are for what lasts. Where calls are many their cohorts are a matter of a
//! second, so what they cover and the time they have to be confirmed come to five seconds at least:
//! a process that starts anew is through by then.

use super::cohort::{Cohort, Share, WINDOW};
use super::news::Rule;
use super::rules::Rules;
use overtime_protocol::Monotonic;
use std::time::Duration;

/// So many of 120 are slow if the tenth percentile is: at most eleven are fast.
const SLOW_OF_WINDOW: usize = 109;
const EARLY: usize = 40;
const EARLY_MIN: usize = 20;
const EARLY_PERCENT: usize = 60;
const LASTING: usize = 100;
const LASTING_PERCENT: usize = 47;
const ERRORS_PERCENT: usize = 40;
/// So many more of a hundred have to be bad where some are anyway.
const AILING_ANYWAY_PERCENT: usize = 10;
const ROW: usize = 5;
const ROW_SPAN_MIN: Duration = Duration::from_secs(1);
/// From one look to the next.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// What is for upstreams that stay bad lasts so long.
const LASTS: Duration = Duration::from_secs(5);
/// An upstream ails, though it is not shed, while a fifth of the last 40 calls are bad.
const AILING_PERCENT: usize = 20;
const AILING_MIN: usize = 5;

/// What was seen of one upstream.
#[derive(Debug, Default)]
pub(super) struct Signs {
    most_bad: Sign,
    half_bad: Sign,
    errors: Sign,
    is_ailing: bool,
    since: Option<Monotonic>,
    pub(super) rules: Rules,
}

/// One that has to be seen again.
#[derive(Debug, Default)]
struct Sign {
    since: Option<Monotonic>,
    seen: Monotonic,
}

impl Signs {
    /// What was seen so far is forgotten.
    pub(super) fn clear(&mut self) {
        *self = Self { rules: self.rules, ..Self::default() };
    }

    /// Looks at a cohort, and says which rule is broken.
    pub(super) fn look(&mut self, cohort: &Cohort, now: Monotonic) -> Option<Rule> {
        let early = cohort.share(EARLY);
        self.is_ailing = early.is_bad(AILING_PERCENT) && early.bad() >= AILING_MIN;
        let broken = self.most_bad(cohort, now).into_iter();
        let broken = broken.chain(self.half_bad(cohort, now)).chain(self.errors(cohort, now));
        let broken = broken.chain(self.tenth_percentile(cohort)).chain(self.in_a_row(cohort));
        let broken = broken.min();
        let is_seen = broken.is_some()
            || [&self.most_bad, &self.half_bad, &self.errors].iter().any(|sign| sign.is_seen());
        self.since = is_seen.then(|| self.since.unwrap_or(now));
        broken
    }

    fn tenth_percentile(&self, cohort: &Cohort) -> Option<Rule> {
        let share = cohort.share(WINDOW);
        let is_slow = share.calls == WINDOW && share.slow >= SLOW_OF_WINDOW;
        let is_slow = is_slow && self.rules.has(Rule::TenthPercentile);
        is_slow.then_some(Rule::TenthPercentile)
    }

    fn most_bad(&mut self, cohort: &Cohort, now: Monotonic) -> Option<Rule> {
        let share = cohort.share(EARLY);
        let is_bad = share.calls >= EARLY_MIN && share.is_bad(wanted(EARLY_PERCENT, cohort));
        let is_bad = is_bad && self.rules.has(Rule::MostBad);
        self.most_bad.look(is_bad, LOOK_AGAIN_AFTER, now).then_some(Rule::MostBad)
    }

    fn half_bad(&mut self, cohort: &Cohort, now: Monotonic) -> Option<Rule> {
        let share = cohort.share(LASTING);
        let is_bad = share.calls == LASTING && share.is_bad(wanted(LASTING_PERCENT, cohort));
        let is_bad = is_bad && self.rules.has(Rule::HalfBad);
        let lasts = LASTS.saturating_sub(share.span);
        self.half_bad.look(is_bad, lasts, now).then_some(Rule::HalfBad)
    }

    fn errors(&mut self, cohort: &Cohort, now: Monotonic) -> Option<Rule> {
        let share = cohort.errors(WINDOW);
        let is_bad = share.calls == WINDOW && share.is_bad(wanted(ERRORS_PERCENT, cohort));
        let is_bad = is_bad && self.rules.has(Rule::Errors);
        let lasts = LASTS.saturating_sub(share.span);
        self.errors.look(is_bad, lasts, now).then_some(Rule::Errors)
    }

    fn in_a_row(&mut self, cohort: &Cohort) -> Option<Rule> {
        let is_low = cohort.share(EARLY_MIN).calls < EARLY_MIN;
        let row = if is_low { cohort.bad_in_a_row() } else { Share::default() };
        let is_bad = row.calls >= ROW && row.span >= ROW_SPAN_MIN;
        (is_bad && self.rules.has(Rule::InARow)).then_some(Rule::InARow)
    }

    /// The calls that a rule is about.
    pub(super) fn calls(rule: Rule, cohort: &Cohort) -> Share {
        match rule {
            Rule::TenthPercentile | Rule::Operator => cohort.share(WINDOW),
            Rule::MostBad => cohort.share(EARLY),
            Rule::HalfBad => cohort.share(LASTING),
            Rule::Errors => cohort.errors(WINDOW),
            Rule::InARow => cohort.bad_in_a_row(),
        }
    }

    /// Since when it looks bad, though that may have to be seen again.
    pub(super) fn since(&self) -> Option<Monotonic> {
        self.since
    }

    /// Whether enough is bad that retries should not come on top.
    pub(super) fn is_ailing(&self) -> bool {
        self.is_ailing || self.since.is_some()
    }

    /// When something has to be looked at again though no call has come of age.
    pub(super) fn next_look(&self) -> Option<Monotonic> {
        let signs = [&self.most_bad, &self.half_bad, &self.errors];
        let seen = signs.into_iter().filter(|sign| sign.is_seen());
        seen.map(|sign| sign.seen + LOOK_AGAIN_AFTER).min()
    }
}

/// How many of a hundred have to be bad, if `percent` have to where all was well before.
fn wanted(percent: usize, cohort: &Cohort) -> usize {
    percent + if cohort.ails_anyway() { AILING_ANYWAY_PERCENT } else { 0 }
}

impl Sign {
    /// Whether it has been seen for long enough, at looks a second apart.
    fn look(&mut self, is_there: bool, lasts: Duration, now: Monotonic) -> bool {
        let Some(since) = self.since else {
            (self.since, self.seen) = (is_there.then_some(now), now);
            return false;
        };
        if now.since(self.seen) < LOOK_AGAIN_AFTER {
            return false;
        }
        self.seen = now;
        if !is_there {
            self.since = None;
        }
        is_there && now.since(since) >= lasts
    }

    fn is_seen(&self) -> bool {
        self.since.is_some()
    }
}
