//! Spots: where in the lanes a task stands, as far as it is counted. They do not count it.

use crate::queue::Standing;
use crate::task::Task;
use overtime_protocol::{Lane, TenantId};

/// Where in the lanes a task stands, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) tenant: TenantId,
    pub(crate) lane: Lane,
    pub(crate) standing: Standing,
    pub(crate) cut: bool,
}

impl Spot {
    /// Whether it is one of those in the lane of single calls who are waited for.
    pub(crate) fn is_waited_for(self) -> bool {
        self.lane == Lane::Interactive && self.standing == Standing::Foremost
    }
}

impl Task {
    /// Where it stands, if it stands like that.
    pub(crate) fn spot(&self, standing: Standing) -> Spot {
        let (tenant, lane) = (self.durable.tenant, self.charged_lane());
        Spot { tenant, lane, standing, cut: self.cut }
    }
}
