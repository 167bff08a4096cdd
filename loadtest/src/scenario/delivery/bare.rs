//! Bare threads that make calls: the same client as the server has, the same fields, and nothing
//! remembered. What they do is what the machine and the client allow.

use super::body;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use ureq::Agent;

/// Makes `count` calls on so many threads.
pub(super) fn call(target: SocketAddr, count: usize, threads: usize) -> anyhow::Result<()> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(threads)
        .max_idle_connections_per_host(threads)
        .build()
        .into();
    let (uri, taken) = (format!("http://{target}/deliver"), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let call = || call_on(&agent, &uri, || taken.fetch_add(1, Ordering::Relaxed), count);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(call)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a call does not panic"))
    })
}

fn call_on(agent: &Agent, uri: &str, take: impl Fn() -> usize, count: usize) -> anyhow::Result<()> {
    loop {
        let number = take();
        if number >= count {
            return Ok(());
        }
        let key = format!("{number:026}");
        let request = agent
            .post(uri)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &key)
            .header("webhook-id", &key)
            .header("webhook-timestamp", "1700000000")
            .header("Overtime-Attempt", "1");
        let mut response = request.send(body(number).as_bytes()).context("a bare call")?;
        response.body_mut().read_to_vec().context("the answer to a bare call")?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::fast;
    use super::*;

    #[test]
    fn so_many_calls_are_made_each_with_a_key_of_its_own() {
        let upstream = fast().unwrap();
        call(upstream.address(), 100, 4).unwrap();
        let told = upstream.stop().unwrap().told();
        assert_eq!((told.deliveries, told.applied, told.bodies_under_several_keys), (100, 100, 0));
        assert!(told.connections_max <= 4, "{told:?}");
    }
}
