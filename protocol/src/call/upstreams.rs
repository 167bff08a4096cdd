//! Calls that look at upstreams, or steer them.

use super::Call;
use super::pairs::Pairs;
use super::parse::{not_found, only_reads};
use super::query::{Known, Parameters};
use super::steer::{limit, moment, only_post};
use crate::history::HistoryFilter;
use crate::http::Head;
use crate::problem::{Code, Problem};
use crate::upstream::{UpstreamName, UpstreamOrder};

/// The call at an address below `/v1/upstreams`.
pub(super) fn parse(head: &Head, rest: [Option<&str>; 3]) -> Result<Call, Problem> {
    let order = match rest {
        [None, ..] => {
            only_reads(head)?;
            return Ok(Call::Upstreams(page(head)?));
        }
        [Some(named), None, _] => {
            only_reads(head)?;
            UpstreamOrder::Show(name(named)?)
        }
        [Some(named), Some("history"), None] => {
            only_reads(head)?;
            return history(head, name(named)?).map(Call::Upstreams);
        }
        [Some(named), Some("hold"), None] => {
            only_post(head)?;
            UpstreamOrder::Hold(name(named)?)
        }
        [Some(named), Some("release"), None] => {
            only_post(head)?;
            UpstreamOrder::Release(name(named)?)
        }
        _ => return Err(not_found()),
    };
    Parameters::of(head.query(), Known::Nothing)?;
    Ok(Call::Upstreams(order))
}

fn page(head: &Head) -> Result<UpstreamOrder, Problem> {
    let pairs = Pairs::of(head.query(), &["limit", "after"])?;
    let after = pairs.read("after", "the `next` of the page before", UpstreamName::new)?;
    Ok(UpstreamOrder::ShowAll { limit: limit(&pairs)?, after })
}

fn history(head: &Head, name: UpstreamName) -> Result<UpstreamOrder, Problem> {
    let pairs = Pairs::of(head.query(), &["from", "to", "limit", "after"])?;
    let time = |name| pairs.read(name, "a moment such as 2027-01-01T00:00:00Z", moment);
    Ok(UpstreamOrder::History(Box::new(HistoryFilter {
        name,
        from: time("from")?,
        to: time("to")?,
        limit: limit(&pairs)?,
        after: pairs.read("after", "the `next` of the page before", moment)?,
    })))
}

fn name(text: &str) -> Result<UpstreamName, Problem> {
    UpstreamName::new(text).ok_or_else(|| {
        let detail = "An upstream is named [a-z0-9][a-z0-9._-]{0,63}.";
        Problem::new(Code::UnknownUpstream, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::parse::parse;
    use crate::call::tests::head;

    fn order(request: &str) -> Result<UpstreamOrder, u16> {
        match parse(&head(request, "")) {
            Ok(Call::Upstreams(order)) => Ok(order),
            Ok(other) => panic!("{request}: {other:?}"),
            Err(problem) => Err(problem.code.status()),
        }
    }

    #[test]
    fn each_address_has_its_method_and_its_parameters() {
        let named = || UpstreamName::new("bank").unwrap();
        let page = |limit, after| Ok(UpstreamOrder::ShowAll { limit, after });
        assert_eq!(order("GET /v1/upstreams"), page(100, None));
        assert_eq!(order("GET /v1/upstreams?limit=2&after=bank"), page(2, Some(named())));
        assert_eq!(order("GET /v1/upstreams/bank"), Ok(UpstreamOrder::Show(named())));
        assert_eq!(order("POST /v1/upstreams/bank/hold"), Ok(UpstreamOrder::Hold(named())));
        assert_eq!(order("POST /v1/upstreams/bank/release"), Ok(UpstreamOrder::Release(named())));
        let history = |from, to, limit, after| {
            let moment = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            let (from, to, after) = (moment(from), moment(to), moment(after));
            let filter = HistoryFilter { name: named(), from, to, limit, after };
            Ok(UpstreamOrder::History(Box::new(filter)))
        };
        assert_eq!(order("GET /v1/upstreams/bank/history"), history(None, None, 100, None));
        let [from, to, after] =
            ["2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z", "2027-01-01T05:00:00.000Z"];
        let asked =
            format!("GET /v1/upstreams/bank/history?from={from}&to={to}&limit=3&after={after}");
        assert_eq!(order(&asked), history(Some(from), Some(to), 3, Some(after)));
        let wrong = [
            ("POST /v1/upstreams/bank/history", 405),
            ("GET /v1/upstreams/bank/history/x", 404),
            ("GET /v1/upstreams/bank/history?from=1", 400),
            ("GET /v1/upstreams/bank/history?after=x", 400),
            ("GET /v1/upstreams/bank/history?limit=1001", 400),
            ("POST /v1/upstreams", 405),
            ("POST /v1/upstreams/bank", 405),
            ("GET /v1/upstreams/bank/hold", 405),
            ("POST /v1/upstreams/bank/open", 404),
            ("GET /v1/upstreams/Bank", 404),
            ("GET /v1/upstreams?limit=0", 400),
            ("GET /v1/upstreams/bank?limit=1", 400),
        ];
        for (request, status) in wrong {
            assert_eq!(order(request), Err(status), "{request}");
        }
    }
}
