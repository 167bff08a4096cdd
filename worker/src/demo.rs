//! The demo kinds: what newcomers and load tests call. Served with `--demo` only.

mod echo;
mod flaky;
mod sleep;
mod steps;

use crate::handler::Handler;
use std::sync::Arc;

/// The handlers of `echo`, `sleep`, `flaky` and `steps`.
pub fn handlers() -> Vec<Arc<dyn Handler>> {
    vec![
        Arc::new(echo::Echo),
        Arc::new(sleep::Sleep),
        Arc::new(flaky::Flaky),
        Arc::new(steps::Steps),
    ]
}
