//! Calls that look at upstreams, or steer them.

use super::Call;
use super::parse::{method_not_allowed, not_found, only_reads};
use super::query::{Known, Parameters};
use crate::http::{Head, Method};
use crate::problem::{Code, Problem};
use crate::upstream::{UpstreamName, UpstreamOrder};

/// The call at an address below `/v1/upstreams`.
pub(super) fn parse(head: &Head, rest: [Option<&str>; 3]) -> Result<Call, Problem> {
    let order = match rest {
        [None, ..] => {
            only_reads(head)?;
            UpstreamOrder::ShowAll
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

fn name(text: &str) -> Result<UpstreamName, Problem> {
    UpstreamName::new(text).ok_or_else(|| {
        let detail = "An upstream is named [a-z0-9][a-z0-9._-]{0,63}.";
        Problem::new(Code::UnknownUpstream, detail)
    })
}

fn only_post(head: &Head) -> Result<(), Problem> {
    match head.method {
        Method::Post => Ok(()),
        _ => Err(method_not_allowed("POST")),
    }
}
