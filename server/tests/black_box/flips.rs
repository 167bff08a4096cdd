//! A data folder with one flipped bit, in any of its files: whatever was acknowledged is there as it
//! was, or the server says what is damaged. `OVERTIME_FLIPS` says how many bits are flipped,
//! `OVERTIME_FLIPS_SEED` which.

mod folder;
mod life;
mod places;
mod promise;

use crate::support::{Server, folder as empty_folder};
use folder::{Flip, Flips, copy};
use life::Life;
use promise::{Found, Promise};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// So many bits are flipped if nothing else is said, in each of the two folders half of them.
const FLIPS: u64 = 24;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// What became of a folder with a flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Everything is as it was.
    Harmless,
    /// The start was refused, and the file named.
    Refused,
    /// Something was answered with a problem, or parked, that says that it is damaged.
    Told,
    /// The server ended by itself and said what is damaged.
    Died,
}

/// Flips bits in copies of a folder, one at a time.
fn flip_and_look(folder: &Path, promises: &[Promise]) {
    let untouched = empty_folder();
    copy(folder, untouched.path());
    let outcome = look(untouched.path(), promises, None);
    assert_eq!(outcome, Ok(Outcome::Harmless), "nothing was flipped");
    let (mut flips, began) = (Flips::new(number("OVERTIME_FLIPS_SEED", 1), folder), Instant::now());
    let mut counts: BTreeMap<(Outcome, &str), u32> = BTreeMap::new();
    for number in 0..number("OVERTIME_FLIPS", FLIPS) / 2 {
        let damaged = empty_folder();
        copy(folder, damaged.path());
        let flip = flips.next();
        flip.make(damaged.path());
        match look(damaged.path(), promises, Some(&flip)) {
            Ok(outcome) => *counts.entry((outcome, flip.area)).or_default() += 1,
            Err(wrong) => panic!("flip {number}, {flip:?}: {wrong}; in {:?}", damaged.keep()),
        }
        if (number + 1) % 50 == 0 {
            println!("{} flips: {counts:?} in {:?}", number + 1, began.elapsed());
        }
    }
    println!("{counts:?} in {:?}", began.elapsed());
}

/// Starts a server on a folder and compares what it has with what was promised. An error is what is
/// wrong.
fn look(folder: &Path, promises: &[Promise], flip: Option<&Flip>) -> Result<Outcome, String> {
    let life = match Life::start(folder) {
        Ok(life) => life,
        Err(said) => return named(&said, flip).map(|()| Outcome::Refused),
    };
    let mut outcome = Outcome::Harmless;
    for promise in promises {
        match promise.look(&life.server) {
            Found::Kept => {}
            Found::Told => outcome = Outcome::Told,
            Found::Gone => return named(&life.died()?, flip).map(|()| Outcome::Died),
            Found::Wrong(what) => return Err(format!("{promise:?}: {what}")),
        }
    }
    match life.stop() {
        Ok(_) => Ok(outcome),
        Err(said) => named(&said, flip).map(|()| Outcome::Died),
    }
}

/// Whether what a server said at its end names the damaged file.
fn named(said: &str, flip: Option<&Flip>) -> Result<(), String> {
    match flip {
        Some(flip) if said.contains(flip.name()) => Ok(()),
        _ => Err(format!("the server ended and said: {said}")),
    }
}

#[test]
fn a_flipped_bit_in_a_folder_that_was_left_in_order_is_never_silent() {
    let folder = empty_folder();
    let server = life::begin(folder.path());
    let mut promises = promise::make(&server, "first");
    promises.extend(promise::lists(&server, &promises));
    server.signal("-TERM");
    assert!(server.wait().success());
    flip_and_look(folder.path(), &promises);
}

#[test]
fn a_flipped_bit_in_a_folder_that_was_left_by_kill_9_is_never_silent() {
    let folder = empty_folder();
    let server = life::begin(folder.path());
    let mut promises = promise::make(&server, "first");
    server.signal("-TERM");
    assert!(server.wait().success());
    let server = life::begin(folder.path());
    promises.extend(promise::make(&server, "second"));
    promises.extend(promise::lists(&server, &promises));
    Server::kill(server);
    flip_and_look(folder.path(), &promises);
}
