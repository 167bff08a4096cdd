//! A real disk that is full to the last byte, freed and filled again.

use crate::chance::number;
use crate::full::{check_reads, check_told, take_in_again};
use crate::ledger::Mix;
use crate::load;
use crate::mount::{Mount, Sort};
use crate::series::Series;
use crate::server::{Place, Server, wait_until};
use std::time::Instant;

/// Room for three segments of the log and the work of one round.
const DISK_MIB: u64 = 128;

#[test]
fn nothing_is_lost_on_a_full_tmpfs() {
    fill_and_free(Sort::Tmpfs);
}

#[test]
fn nothing_is_lost_on_a_full_ext4() {
    fill_and_free(Sort::Ext4);
}

fn fill_and_free(sort: Sort) {
    for round in 0..number("OVERTIME_FAULTS_DISKS", 1) {
        let Some(disk) = Mount::new(sort, DISK_MIB) else { return };
        let series = Series::on(Place::with_data(disk.folder().join("data")));
        let server = series.place.start();
        let seen = load::run(&server, &series.ledger, (Mix::Usual, 40));
        assert!(seen.refusals().is_empty(), "{seen:?}");
        disk.fill();
        wait_until("the full disk is told", || {
            let seen = load::run(&server, &series.ledger, (Mix::Usual, 32));
            check_told(&seen);
            check_reads(&server);
            seen.refusals() == ["disk"]
        });
        // Every other round it is killed while there is no room, and started.
        let server =
            if round % 2 == 0 { Some(server) } else { start_without_room(&series, server) };
        disk.free();
        let server = server.unwrap_or_else(|| series.place.start());
        let room_since = Instant::now();
        take_in_again(&server, &series.ledger);
        println!("{sort:?}: taken in again after {:?}", room_since.elapsed());
        server.kill();
        series.audit(0);
    }
}

/// Kills a server and starts it again while there is no room: it says so, unless it needs none.
fn start_without_room(series: &Series, server: Server) -> Option<Server> {
    server.kill();
    let status = match series.place.try_start(series.place.command(&[])) {
        Ok(server) => return Some(server),
        Err(status) => status,
    };
    let said = series.place.stderr();
    assert_eq!(status.code(), Some(1), "{status}: {said}");
    assert!(said.starts_with("overtime: cannot ") && said.contains("full"), "{said}");
    None
}
