//! The parameters of calls that have texts and numbers for parameters, as strict as all others: an
//! unknown, doubled or malformed one is a problem that names it.

use super::percent::decoded;
use super::query::refused;
use crate::problem::Problem;
use std::borrow::Cow;

/// The parameters of a query by their names.
#[derive(Debug)]
pub(super) struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// Reads them; none but those in `known` may be there.
    pub(super) fn of(query: Option<&'a str>, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        let query = query.filter(|query| !query.is_empty());
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(raw_name).ok_or_else(|| refused(raw_name, "is malformed"))?;
            if !known.contains(&&*name) {
                return Err(refused(&name, "is unknown here"));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(refused(&name, "stands twice"));
            }
            let value = decoded(raw_value).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| refused(&name, "is empty or malformed"))?;
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    /// What `read` makes of the parameter, if it is there; `expected` says what it must be.
    pub(super) fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some((_, value)) = self.0.iter().find(|(known, _)| known == name) else {
            return Ok(None);
        };
        read(value).map(Some).ok_or_else(|| refused(name, &format!("must be {expected}")))
    }

    /// A whole number from `low` to `high`.
    pub(super) fn number(&self, name: &str, low: u64, high: u64) -> Result<Option<u64>, Problem> {
        self.read(name, &format!("a whole number from {low} to {high}"), |text| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits)?;
            (low..=high).contains(&number).then_some(number)
        })
    }
}
