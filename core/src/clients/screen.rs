//! What is asked before a submission is let in, on its head alone. It decides nothing.

use overtime_protocol::{Lane, Problem, TenantId};

/// What a head tells of its submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    /// Whose work it is.
    pub(crate) tenant: TenantId,
    /// The lane of its first attempts.
    pub(crate) lane: Lane,
    /// The length of its payload.
    pub(crate) bytes: u64,
}

impl Announced {
    /// A submission for which there is no memory, whoever sends it.
    pub(crate) const TOO_LARGE: Self =
        Self { tenant: TenantId(0), lane: Lane::Interactive, bytes: u64::MAX };
}

/// Decides on the head alone whether a submission may come in.
pub(crate) type Screen<'a> = &'a mut dyn FnMut(Announced) -> Result<(), Problem>;
