//! News of gates in words: one line each, for a person who has not looked for it.

use super::news::{Evidence, GateNews, Rule};
use overtime_protocol::{Upstream, UpstreamId};
use std::time::Duration;

impl GateNews {
    /// The upstream, if it is about one.
    pub fn upstream(&self) -> Option<UpstreamId> {
        match *self {
            Self::Shed { upstream, .. }
            | Self::WouldShed { upstream, .. }
            | Self::Probing { upstream, .. }
            | Self::Relapsed { upstream, .. }
            | Self::Ramping { upstream, .. }
            | Self::Opened { upstream, .. }
            | Self::WouldOpen { upstream, .. } => Some(upstream),
            Self::Suspected { .. } | Self::Unsuspected { .. } => None,
        }
    }

    /// One word for what has happened.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shed { .. } => "shed",
            Self::WouldShed { .. } => "would-shed",
            Self::Probing { .. } => "probing",
            Self::Relapsed { .. } => "relapsed",
            Self::Ramping { .. } => "ramping",
            Self::Opened { .. } => "opened",
            Self::WouldOpen { .. } => "would-open",
            Self::Suspected { .. } => "suspected",
            Self::Unsuspected { .. } => "unsuspected",
        }
    }

    /// What has happened, in one sentence.
    pub fn told(&self, upstreams: &[Upstream]) -> String {
        let place = self.upstream().map(|upstream| usize::from(upstream.0));
        let name = place.and_then(|place| upstreams.get(place));
        let name = name.map_or("", |upstream| upstream.name.as_str());
        match *self {
            Self::Shed { rule: Rule::Operator, .. } => format!(
                "upstream {name} is held by an operator: it is not called, and its tasks wait, until it \
                 is released"
            ),
            Self::Shed { rule, evidence, hold, .. } => format!(
                "upstream {name} is not well ({}: {}): its tasks are held, and it is probed {}",
                rule.as_str(),
                seen(&evidence),
                after(hold)
            ),
            Self::WouldShed { rule, evidence, .. } => format!(
                "upstream {name} is not well ({}: {}): it is only observed, so nothing is held",
                rule.as_str(),
                seen(&evidence)
            ),
            Self::Probing { .. } => format!("upstream {name} is probed"),
            Self::Relapsed { rule, evidence, hold, .. } => format!(
                "upstream {name} is not well yet ({}: {}): it is probed {}",
                rule.as_str(),
                seen(&evidence),
                after(hold)
            ),
            Self::Ramping { shed_for, .. } => {
                format!(
                    "upstream {name} answers again after {}: its tasks go out step by step",
                    span(shed_for)
                )
            }
            Self::Opened { lasted, .. } => {
                format!("upstream {name} is well, {} after it was shed", span(lasted))
            }
            Self::WouldOpen { lasted, .. } => {
                format!(
                    "upstream {name}, which is only observed, is well again after {}",
                    span(lasted)
                )
            }
            Self::Suspected { bad, active, .. } => format!(
                "{bad} of {active} upstreams turned bad together: this machine or its network may be \
                 what is bad, so no more of them are shed"
            ),
            Self::Unsuspected { bad, active, lasted, .. } => format!(
                "{bad} of {active} upstreams are bad: that is no sign of this machine any more, after {}",
                span(lasted)
            ),
        }
    }
}

fn seen(evidence: &Evidence) -> String {
    let Evidence { calls, slow, failed, p10, p50, out } = evidence;
    format!(
        "of {calls} calls {slow} were slow and {failed} failed, p10 {}, p50 {}, {out} under way",
        span(*p10),
        span(*p50)
    )
}

/// When something begins that is put off by a hold.
fn after(hold: Duration) -> String {
    match hold.is_zero() {
        true => "from now on".to_owned(),
        false => format!("after {}", span(hold)),
    }
}

/// Tenths of a second are all that a person needs to know.
fn span(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}
