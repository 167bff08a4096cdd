//! Whether the job at hand is to be cancelled: a look at the claims of its chain, where whoever
//! handed it out may ask for that. Nothing is interrupted: a handler stops where it looks.

use overtime_protocol::Claims;

/// The flag of one job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CancelFlag<'a>(Option<(&'a Claims, usize)>);

impl<'a> CancelFlag<'a> {
    /// The flag of the job at that place of its chain.
    pub(crate) fn new(claims: &'a Claims, place: usize) -> Self {
        Self(Some((claims, place)))
    }

    /// Whether the job is to be cancelled.
    pub(crate) fn is_raised(self) -> bool {
        self.0.is_some_and(|(claims, place)| claims.is_cancelled(place))
    }
}
