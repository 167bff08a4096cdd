//! The table of faults: 200 workers, 20 calls a second to the upstream that turns bad, 200 to one that
//! is well. What is asserted is simulated time.

use super::stage::{HANGS, SECOND};
use super::weather::{Fault, Spell, Weather};
use std::time::Duration;

const SEEDS: u64 = 20;
const MINUTE: Duration = Duration::from_mins(1);

fn spells(fault: Fault) -> Vec<Spell> {
    let spells = (0..SEEDS).map(|seed| {
        let mut weather = Weather::new(&[20.0, 200.0], seed);
        weather.pass(10 * SECOND);
        let spell = weather.spell(fault, 2 * MINUTE, 20 * SECOND);
        assert_eq!(weather.sites[1].late, 0, "the healthy one never waits, seed {seed}");
        spell
    });
    spells.collect()
}

/// The median and the longest; without one where there was none.
fn spread(values: impl Iterator<Item = Option<Duration>>) -> (Duration, Duration) {
    let mut values: Vec<_> = values.map(|value| value.unwrap_or(Duration::MAX)).collect();
    values.sort();
    (values[values.len() / 2], values[values.len() - 1])
}

#[test]
fn an_upstream_that_hangs_is_shed_within_eight_seconds() {
    let spells = spells(Fault { percent: 100, way: HANGS });
    let (median, longest) = spread(spells.iter().map(|spell| spell.shed_after));
    assert!(median <= 6 * SECOND && longest <= 8 * SECOND, "{median:?} {longest:?}");
    let (_, longest) = spread(spells.iter().map(|spell| spell.full_after));
    assert!(longest <= 15 * SECOND, "{longest:?}");
    assert!(spells.iter().all(|spell| spell.held_max <= 50 + 8 && spell.episodes == 1));
}
