//! What is shown of the tenants. There may be many: of each only what it has under way, and only of
//! the busiest.

use super::Snapshot;
use overtime_console::{Family, Sample};
use overtime_protocol::Code;

pub(super) fn metrics(snapshot: &Snapshot) -> Vec<Family> {
    let refused = |(code, count): (Code, u64)| Sample::new(count).label("code", code.slug());
    let refused = snapshot.core.turned_away.counts().map(refused);
    let gauge = |name, help, value: fn(&overtime_engine::TenantLoad) -> f64| {
        let sample = |load| Sample::new(value(load)).label("tenant", load.name.to_string());
        Family::gauge(name, help, snapshot.tenants.iter().map(sample))
    };
    vec![
        Family::counter(
            "overtime_requests_turned_away",
            "Requests refused because of who sent them",
            refused,
        ),
        gauge(
            "overtime_tenant_under_way",
            "Tasks that somebody waits for or a worker has, of the 50 busiest tenants",
            |load| f64::from(load.under_way),
        ),
        gauge(
            "overtime_tenant_payload_bytes",
            "Payload bytes in memory, of the 50 busiest tenants",
            |load| load.payload_bytes as f64,
        ),
    ]
}
