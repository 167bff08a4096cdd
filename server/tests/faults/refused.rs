//! Folders that no server can work in are refused by name, and none of them is harmed.

use crate::ledger::Mix;
use crate::mount::{Mount, Sort};
use crate::series::Series;
use crate::server::Place;
use std::fs;
use std::path::PathBuf;

/// Room for one segment of the log and hardly more.
const DISK_MIB: u64 = 48;

/// Starts a server there in vain; what it says.
fn refusal(place: &Place) -> String {
    let Err(status) = place.try_start(place.command(&[])) else { panic!("it has started") };
    let said = place.stderr();
    assert_eq!(status.code(), Some(1), "{status}: {said}");
    assert!(said.starts_with("overtime: cannot "), "{said}");
    assert!(said.contains(place.data().to_str().expect("a path in UTF-8")), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    println!("{}", said.trim());
    said
}

fn on(data: PathBuf) -> Series {
    Series::on(Place::with_data(data))
}

#[test]
fn a_disk_that_may_only_be_read_is_refused() {
    let Some(disk) = Mount::new(Sort::Tmpfs, 2 * DISK_MIB) else { return };
    let series = on(disk.folder().join("data"));
    let server = series.place.start();
    series.load(&server, Mix::Usual);
    server.kill();
    disk.remount("ro");
    assert!(refusal(&series.place).contains("Read-only file system"));
    disk.remount("rw");
    series.audit(0);
}

#[test]
fn a_new_folder_on_a_disk_that_may_only_be_read_is_refused() {
    let Some(disk) = Mount::new(Sort::Tmpfs, DISK_MIB) else { return };
    disk.remount("ro");
    assert!(refusal(&on(disk.folder().join("data")).place).contains("Read-only file system"));
}

#[test]
fn a_new_folder_on_a_full_disk_is_refused_until_there_is_room() {
    for sort in [Sort::Tmpfs, Sort::Ext4] {
        let Some(disk) = Mount::new(sort, DISK_MIB) else { return };
        disk.fill();
        let series = on(disk.folder().join("data"));
        let said = refusal(&series.place);
        assert!(said.contains("No space left") || said.contains("full"), "{said}");
        disk.free();
        series.audit(0);
    }
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused() {
    let place = Place::new();
    fs::write(place.data(), "not a folder").expect("there is room for a file");
    refusal(&place);
    let text = fs::read_to_string(place.data()).expect("it is still there");
    assert_eq!(text, "not a folder");
}
