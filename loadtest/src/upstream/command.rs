//! The command line of a scripted upstream.

use super::Script;
use super::serving::Serving;
use crate::argument::loopback;
use std::net::SocketAddr;

/// Serve as an upstream that behaves as a script says; `GET /_told` tells what it has seen.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where to listen; loopback only.
    #[arg(long, default_value = "127.0.0.1:7178", value_parser = loopback)]
    listen: SocketAddr,
    /// Stages with the times from which they count, such as `fast; 30s 60% slow 5s, 5% 503; 2m heal`:
    /// shares of the calls are `fast`, `slow 5s`, `hang`, `cut` or a status such as
    /// `429 retry-after=2`, the others fast; or it has to `refuse` all.
    #[arg(long, default_value = "fast")]
    script: Script,
    /// Decides which calls are which.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Serves until the process ends.
pub fn serve(options: &Options) -> anyhow::Result<()> {
    let (_orders, taken) = crossbeam_channel::unbounded();
    let (serving, _waker) =
        Serving::new((options.listen, options.seed), options.script.clone(), taken)?;
    eprintln!("listening on {}", serving.address());
    serving.run().map(drop)
}
