//! `items`: a bulk body whose items are delivered to an upstream, many at a time, while the server is
//! killed. It has to be done about as soon as the upstream allows, and each item takes effect once, by
//! its key.

use crate::argument::span;
use crate::ask::{Reply, ask};
use crate::bar::Bar;
use crate::document::{BulkResult, Task, read};
use crate::figures::Figures;
use crate::home::{Home, HomeOptions};
use crate::output::Output;
use crate::request::{get, long_poll, post};
use crate::server_process::{ServerProcess, lasting_addresses};
use crate::upstream::{Behaviour, Script, Settings, Told, Upstream};
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How much longer it may take than the upstream needs.
const SLOWER_MAX: f64 = 1.3;
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many times longer than the upstream needs is waited for the end.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(2);
const POLL_SECONDS: u32 = 10;

/// A bulk body of deliveries and a server that is killed, on a private server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many items.
    #[arg(long, default_value_t = 10_000)]
    items: usize,
    /// How many are delivered at a time.
    #[arg(long, default_value_t = 32)]
    parallel: usize,
    /// How long the upstream takes for each.
    #[arg(long, default_value = "100ms", value_parser = span)]
    service: Duration,
    /// How often the server is killed on the way.
    #[arg(long, default_value_t = 2)]
    kills: usize,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

impl Options {
    /// What it takes at best.
    fn best(&self) -> Duration {
        self.service.mul_f64(self.items as f64 / self.parallel as f64)
    }
}

/// Submits the body, kills, waits, compares, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let [address] = lasting_addresses()?;
    let script = Script::always(Behaviour::slow(options.service));
    let upstream = Upstream::start(address, script, 1)?;
    let home = options.home.furnish(&settings(options, address))?;
    let begun = Instant::now();
    let (server, id, kills) = play(options, &home, &upstream)?;
    let took = begun.elapsed();
    let result = result(server.target(), &id)?;
    let told = upstream.told()?;
    let mut figures = Figures::default();
    figures.tell("items", options.items);
    figures.tell("delivered at a time", options.parallel);
    figures.tell("kills", kills);
    figures.tell_seconds("at best", options.best());
    figures.tell_seconds("took", took);
    figures.tell("calls", told.deliveries);
    figures.tell("of one item at most", told.deliveries_of_a_key_max);
    figures.tell("done before, and not again", told.repeated);
    figures.tell("calls at a time, at most", told.under_way_max);
    let times = took.as_secs_f64() / options.best().as_secs_f64();
    figures.hold(Bar::at_most("times what it takes at best", times, SLOWER_MAX));
    let fewest = options.kills as f64;
    figures.hold(Bar::at_least("kills on the way", kills as f64, fewest));
    hold(&mut figures, options, result, &told);
    figures.print(options.output)
}

fn settings(options: &Options, address: SocketAddr) -> String {
    let kind = format!("parallel = {}\n", options.parallel);
    let (name, mode, concurrency) = ("items", "shed", options.parallel);
    Settings { name, address, mode, concurrency, timeout: TIMEOUT, kind: &kind }.tables()
}

/// Sends the body, and kills the server whenever so many items are done. Hands out the last server, the
/// task that has ended, and how often one was killed.
fn play(
    options: &Options,
    home: &Home,
    upstream: &Upstream,
) -> anyhow::Result<(ServerProcess, String, usize)> {
    let mut server = home.start()?;
    let id = submit(server.target(), options.items)?;
    let mut kills = 0;
    for kill in 1..=options.kills {
        await_applied(options, upstream, options.items * kill / (options.kills + 1))?;
        server.kill_running()?;
        server = home.start()?;
        kills += 1;
    }
    await_end(options, server.target(), &id)?;
    Ok((server, id, kills))
}

fn submit(target: SocketAddr, items: usize) -> anyhow::Result<String> {
    let lines: Vec<String> = (0..items).map(|item| format!("{{\"item\":{item}}}\n")).collect();
    let body = lines.concat();
    let path = "/v1/bulk/items?wait=0s";
    let reply = ask(target, &post(target, path, "application/x-ndjson", body.as_bytes()))?;
    match reply.status {
        202 => Ok(read::<Task>(&reply.body)?.id),
        status => bail!("the body was answered with {status}: {}", text(&reply)),
    }
}

fn await_applied(options: &Options, upstream: &Upstream, items: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    while upstream.told()?.applied < items {
        if begun.elapsed() > options.best() * PATIENCE {
            bail!("item {items} was not delivered after {:?}", begun.elapsed());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn await_end(options: &Options, target: SocketAddr, id: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let poll = long_poll(target, &format!("/v1/tasks/{id}"), POLL_SECONDS);
    while !read::<Task>(&ask(target, &poll)?.body)?.is_at_rest() {
        if begun.elapsed() > options.best() * PATIENCE {
            bail!("it has not ended after {:?}", begun.elapsed());
        }
    }
    Ok(())
}

fn result(target: SocketAddr, id: &str) -> anyhow::Result<BulkResult> {
    let reply = ask(target, &get(target, &format!("/v1/tasks/{id}/result")))?;
    read(&reply.body).with_context(|| format!("the result was answered with {}", reply.status))
}

fn hold(figures: &mut Figures, options: &Options, result: BulkResult, told: &Told) {
    let items = options.items as u64;
    let astray = items.abs_diff(result.succeeded) + result.failed + items.abs_diff(result.items);
    figures.hold(Bar::none("items too many or too few in the result", astray));
    let effects = options.items.abs_diff(told.applied) as u64;
    figures.hold(Bar::none("effects too many or too few", effects));
    let twice = told.bodies_under_several_keys as u64 + told.keys_with_several_bodies;
    figures.hold(Bar::none("items with another key, or keys with another item", twice));
    figures.hold(Bar::none("calls without a key", told.without_key));
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::options;

    #[test]
    fn what_it_takes_at_best_is_what_the_upstream_needs() {
        let options: Options = options(&["--parallel", "50"]);
        assert_eq!(options.best(), Duration::from_secs(20));
    }

    #[test]
    fn an_item_twice_or_not_at_all_is_a_miss() {
        let options: Options = options(&["--items", "3"]);
        let right = BulkResult { items: 3, succeeded: 3, failed: 0 };
        let missed = |result: BulkResult, told: Told| {
            let mut figures = Figures::default();
            hold(&mut figures, &options, result, &told);
            figures.bars().iter().filter(|bar| !bar.is_met).count()
        };
        let told = Told { applied: 3, ..Told::default() };
        assert_eq!(missed(right, told.clone()), 0);
        assert_eq!(missed(BulkResult { succeeded: 2, failed: 1, ..right }, told.clone()), 1);
        assert_eq!(missed(right, Told { applied: 4, bodies_under_several_keys: 1, ..told }), 2);
    }
}
