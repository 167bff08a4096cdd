//! The table of faults: 200 workers, 20 calls a second to the upstream that turns bad, 200 to one that
//! is well. What is asserted is simulated time.

use super::stage::{ERROR, HANGS, SECOND, SLOW, WORKERS};
use super::weather::{Fault, Spell, Weather};
use std::time::Duration;

const SEEDS: u64 = 20;
const MINUTE: Duration = Duration::from_mins(1);

fn spells(fault: Fault) -> Vec<Spell> {
    let spells = (0..SEEDS).map(|seed| {
        let mut weather = Weather::new(&[20.0, 200.0], seed);
        weather.pass(20 * SECOND);
        let spell = weather.spell(fault, 2 * MINUTE, 40 * SECOND);
        assert_eq!(weather.sites[1].late, 0, "the healthy one never waits, seed {seed}");
        spell
    });
    spells.collect()
}

fn sorted(values: impl Iterator<Item = Option<Duration>>) -> Vec<Duration> {
    let mut values: Vec<_> = values.map(|value| value.unwrap_or(Duration::MAX)).collect();
    values.sort();
    values
}

fn print(what: &str, spells: &[Spell]) {
    let shed = sorted(spells.iter().map(|spell| spell.shed_after));
    let full = sorted(spells.iter().map(|spell| spell.full_after));
    let episodes = spells.iter().map(|spell| spell.episodes).collect::<Vec<_>>();
    let held = spells.iter().map(|spell| spell.held_max).max();
    println!(
        "{what}: shed {:.1?} .. {:.1?} .. {:.1?}, held {held:?}, episodes {episodes:?}",
        shed[0], shed[10], shed[19]
    );
    println!("   full {:.1?} .. {:.1?} .. {:.1?}", full[0], full[10], full[19]);
}

#[test]
fn table() {
    for (name, percent, way) in [
        ("hang", 100, HANGS),
        ("60 slow", 60, SLOW),
        ("60 hang", 60, HANGS),
        ("all 5", 100, SLOW),
        ("half err", 50, ERROR),
    ] {
        print(name, &spells(Fault { percent, way }));
    }
    assert!(WORKERS > 0);
}
