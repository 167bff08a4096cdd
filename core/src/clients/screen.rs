//! What is asked before a submission is let in, on its head alone. It decides nothing.

use overtime_protocol::{Lane, Problem, TenantId};

/// What a head tells of its submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    /// Whose work it is.
    pub(crate) tenant: TenantId,
    /// The lane of its first attempts.
    pub(crate) lane: Lane,
    /// Whether its payload finds memory, or a place among those that wait for some.
    pub(crate) has_memory: bool,
}

impl Announced {
    /// A submission of that tenant for whose payload there is no memory, nor a place to wait.
    pub(crate) fn without_memory(tenant: TenantId) -> Self {
        Self { tenant, lane: Lane::Interactive, has_memory: false }
    }
}

/// Decides on the head alone whether a submission may come in.
pub(crate) type Screen<'a> = &'a mut dyn FnMut(Announced) -> Result<(), Problem>;
