//! The power fails: what the file system has not been made to write is gone, names of files too.

use crate::chance::{Chance, number};
use crate::ledger::Mix;
use crate::mount::{Mount, Sort};
use crate::series::Series;
use crate::server::{Place, wait_until};
use std::thread;

/// Room for three segments of the log, the archive and its write-ahead log.
const DISK_MIB: u64 = 256;

#[test]
fn what_was_acknowledged_survives_the_loss_of_power() {
    let Some(disk) = Mount::new(Sort::Ext4, DISK_MIB) else { return };
    let mut chance = Chance::from_environment();
    let series = Series::on(Place::with_data(disk.folder().join("data")));
    for round in 0..number("OVERTIME_FAULTS_POWER_LOSSES", 2) {
        let first = series.first();
        let orders = chance.up_to(100) as usize;
        let mix = if round % 4 == 3 { Mix::Heavy } else { Mix::Usual };
        println!("the power fails after {orders} orders");
        let server = series.place.start();
        thread::scope(|scope| {
            scope.spawn(|| series.load(&server, mix));
            wait_until("the moment has come", || series.first() >= first + orders);
            disk.cut_power();
        });
        // It may have had nothing to write any more, and not know.
        server.signal("-KILL");
        println!("    {}", server.wait());
        disk.restore_power();
        series.audit(first);
    }
}
