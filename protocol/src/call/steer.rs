//! Calls that look at many tasks, or steer them: lists, the ledger of errors, repairs, and what is
//! done with one task that is there already.

use super::pairs::Pairs;
use super::parse::{method_not_allowed, not_found, only_reads, task_id};
use super::query::{Known, Parameters};
use super::{Call, percent};
use crate::http::{Head, Method};
use crate::kind::KindName;
use crate::lookup::{AffectedFilter, IncidentFilter, LedgerFilter, TaskFilter};
use crate::problem::{Code, Problem};
use crate::repair::{Remedy, RepairOrder, read_print};
use crate::task::TaskState;
use crate::time::UnixMillis;

/// The entries of a page that nobody says the length of.
const LIMIT_DEFAULT: u64 = 100;
/// The most entries of a page.
const LIMIT_MAX: u64 = 1_000;
/// How many tasks a repair steers a second unless it is told.
const RATE_DEFAULT: u64 = 100;
/// The most that it can be told.
const RATE_MAX: u64 = 10_000;
/// The longest text that a list is filtered by.
const TEXT_MAX_BYTES: usize = 256;

/// The call at an address of these, if it is one of them.
pub(super) fn parse(head: &Head, segments: [Option<&str>; 4]) -> Option<Result<Call, Problem>> {
    Some(match segments {
        [Some("tasks"), None, ..] => tasks(head),
        [Some("tasks"), Some(id), Some("retry"), None] => retry(head, id),
        [Some("tasks"), Some(id), Some("explain"), None] => explain(head, id),
        [Some("errors"), None, ..] => errors(head),
        [Some("tenants"), Some("affected"), None, _] => affected(head),
        [Some("incidents"), None, ..] => incidents(head),
        [Some("incidents"), Some(id), None, _] => incident(head, id),
        [Some("errors"), Some(print), None, _] => repaired(head, print),
        [Some("errors"), Some(print), Some("retry"), None] => repair(head, print, Remedy::Retry),
        [Some("errors"), Some(print), Some("discard"), None] => {
            repair(head, print, Remedy::Discard)
        }
        _ => return None,
    })
}

/// `DELETE /v1/tasks/{id}`
pub(super) fn cancel(head: &Head, id: &str) -> Result<Call, Problem> {
    let id = task_id(id)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Cancel { id })
}

fn retry(head: &Head, id: &str) -> Result<Call, Problem> {
    only_post(head)?;
    let id = task_id(id)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Retry { id })
}

fn explain(head: &Head, id: &str) -> Result<Call, Problem> {
    only_reads(head)?;
    let id = task_id(id)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Explain { id })
}

fn tasks(head: &Head) -> Result<Call, Problem> {
    only_reads(head)?;
    task_list(head.query())
}

/// The list of tasks that a query asks for.
pub(crate) fn task_list(query: Option<&str>) -> Result<Call, Problem> {
    let pairs = Pairs::of(query, &["state", "kind", "tenant", "limit", "after"])?;
    Ok(Call::Tasks(Box::new(TaskFilter {
        state: pairs.read("state", "the name of a state", TaskState::from_name)?,
        kind: kind(&pairs)?,
        among: None,
        tenant: pairs.read("tenant", "the name of a tenant", text)?.map(Into::into),
        limit: limit(&pairs)?,
        after: pairs.read("after", "the `next` of the page before", |text| text.parse().ok())?,
    })))
}

fn errors(head: &Head) -> Result<Call, Problem> {
    only_reads(head)?;
    error_list(head.query())
}

/// The part of the ledger that a query asks for.
pub(crate) fn error_list(query: Option<&str>) -> Result<Call, Problem> {
    let pairs = Pairs::of(query, &["kind", "limit", "after"])?;
    Ok(Call::Errors(Box::new(LedgerFilter {
        kind: kind(&pairs)?,
        limit: limit(&pairs)?,
        after: pairs.read("after", "the `next` of the page before", text)?,
    })))
}

fn affected(head: &Head) -> Result<Call, Problem> {
    only_reads(head)?;
    affected_list(head.query())
}

fn affected_list(query: Option<&str>) -> Result<Call, Problem> {
    let pairs = Pairs::of(query, &["from", "to", "limit", "after"])?;
    let time = |name| pairs.read(name, "a moment such as 2027-01-01T00:00:00Z", moment);
    Ok(Call::Affected(Box::new(AffectedFilter {
        from: time("from")?,
        to: time("to")?,
        limit: limit(&pairs)?,
        after: pairs.read("after", "the `next` of the page before", text)?,
    })))
}

fn incidents(head: &Head) -> Result<Call, Problem> {
    only_reads(head)?;
    let pairs = Pairs::of(head.query(), &["limit", "after"])?;
    Ok(Call::Incidents(IncidentFilter {
        limit: limit(&pairs)?,
        after: pairs.read("after", "the `next` of the page before", |text| text.parse().ok())?,
    }))
}

fn incident(head: &Head, id: &str) -> Result<Call, Problem> {
    only_reads(head)?;
    let id = percent::decoded(id).and_then(|id| id.parse().ok());
    let unknown = || Problem::new(Code::UnknownIncident, "This is not the id of an incident.");
    let id = id.ok_or_else(unknown)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Incident { id })
}

pub(super) fn moment(text: &str) -> Option<UnixMillis> {
    text.parse().ok()
}

fn repaired(head: &Head, print: &str) -> Result<Call, Problem> {
    only_reads(head)?;
    let print = fingerprint(print)?;
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Repaired { print })
}

fn repair(head: &Head, print: &str, remedy: Remedy) -> Result<Call, Problem> {
    only_post(head)?;
    let print = fingerprint(print)?;
    let pairs = Pairs::of(head.query(), &["kind", "dry_run", "rate", "stop_at"])?;
    let truth = |text: &str| text.parse().ok();
    let rate = pairs.number("rate", 1, RATE_MAX)?.unwrap_or(RATE_DEFAULT);
    Ok(Call::Repair(Box::new(RepairOrder {
        print,
        remedy,
        kind: kind(&pairs)?,
        dry_run: pairs.read("dry_run", "`true` or `false`", truth)?.unwrap_or(false),
        rate: u32::try_from(rate).unwrap_or(u32::MAX),
        stop_at: pairs.number("stop_at", 0, u64::from(u32::MAX))?,
    })))
}

fn kind(pairs: &Pairs<'_>) -> Result<Option<KindName>, Problem> {
    pairs.read("kind", "the name of a kind", KindName::new)
}

pub(super) fn limit(pairs: &Pairs<'_>) -> Result<u32, Problem> {
    let limit = pairs.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    Ok(u32::try_from(limit).unwrap_or(u32::MAX))
}

fn text(text: &str) -> Option<String> {
    (text.len() <= TEXT_MAX_BYTES).then(|| text.to_owned())
}

fn fingerprint(text: &str) -> Result<u64, Problem> {
    percent::decoded(text).and_then(|text| read_print(&text)).ok_or_else(not_found)
}

pub(super) fn only_post(head: &Head) -> Result<(), Problem> {
    match head.method {
        Method::Post => Ok(()),
        _ => Err(method_not_allowed("POST")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> TaskFilter {
        match task_list(Some(query)) {
            Ok(Call::Tasks(filter)) => *filter,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn a_list_has_all_that_is_named() {
        assert_eq!(filter(""), TaskFilter::everything());
        let id = "01DXF6EC000000000000000001";
        let named = filter(&format!(
            "state=parked&kind=contacts.upsert&tenant=default&limit=1000&after={id}"
        ));
        let expected = TaskFilter {
            state: Some(TaskState::Parked),
            kind: KindName::new("contacts.upsert"),
            among: None,
            tenant: Some("default".into()),
            limit: 1_000,
            after: id.parse().ok(),
        };
        assert_eq!(named, expected);
    }

    #[test]
    fn a_span_may_be_open_at_both_ends() {
        let open = AffectedFilter { from: None, to: None, limit: 100, after: None };
        assert_eq!(affected_list(None), Ok(Call::Affected(Box::new(open))));
        let query = "from=2027-01-01T00:00:00Z&to=2027-01-01T00:00:01.500Z&limit=7&after=acme";
        let named = AffectedFilter {
            from: "2027-01-01T00:00:00Z".parse().ok(),
            to: "2027-01-01T00:00:01.500Z".parse().ok(),
            limit: 7,
            after: Some("acme".to_owned()),
        };
        assert_eq!(affected_list(Some(query)), Ok(Call::Affected(Box::new(named))));
    }

    #[test]
    fn a_refusal_names_the_parameter() {
        for (query, name) in [
            ("state=Parked", "state"),
            ("state=", "state"),
            ("kind=A", "kind"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=+1", "limit"),
            ("limit=1&limit=1", "limit"),
            ("after=x", "after"),
            ("stat=parked", "stat"),
            ("kind=%zz", "kind"),
            ("&", ""),
        ] {
            let problem = task_list(Some(query)).expect_err(query);
            assert_eq!(problem.code, Code::MalformedParameter, "{query}");
            assert!(problem.detail.contains(&format!("`{name}`")), "{query}: {}", problem.detail);
        }
        for (query, name) in
            [("from=1", "from"), ("to=2027-02-30T00:00:00Z", "to"), ("kind=a", "kind")]
        {
            let problem = affected_list(Some(query)).expect_err(query);
            assert!(problem.detail.contains(&format!("`{name}`")), "{query}: {}", problem.detail);
        }
        assert!(error_list(Some("state=parked")).is_err());
        assert!(error_list(Some("kind=echo&limit=5&after=x%2Fy")).is_ok());
    }
}
