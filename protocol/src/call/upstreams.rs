//! Calls that look at upstreams, or steer them.

use super::Call;
use super::pairs::Pairs;
use super::parse::{not_found, only_reads};
use super::query::{Known, Parameters};
use super::steer::{limit, only_post};
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
        let wrong = [
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
