//! Our HTTP framing against that of parsers which have nothing to do with it: whatever both take
//! must be the same message, and whatever the standard has refused must be refused by us. Where one
//! is stricter than the other, the reason is written down in `reasons`.

mod corpus;
mod judge;
mod mutator;
mod oracle;
mod ours;
mod reasons;
mod told;

use corpus::{BY_HAND, Rfc, bytes};
use judge::{Judgement, judge, they_are_stricter};
use mutator::Mutator;
use oracle::{NAMES, Oracles};
use std::collections::BTreeMap;
use told::{End, Told};

/// How often each judgement was made of each parser.
type Tally = BTreeMap<(&'static str, Judgement), usize>;

/// What is made of `message`, and everything that nothing explains.
fn compare(oracles: &mut Oracles, message: &[u8], tally: &mut Tally) -> Vec<String> {
    let ours = ours::read(message);
    let theirs = oracles.read(message);
    let mut unexplained = Vec::new();
    for (name, theirs) in NAMES.into_iter().zip(theirs) {
        let judged = match judge(&ours, name, &theirs) {
            Ok(Judgement::Early) => judge_early(message, &ours, name, &theirs),
            judged => judged,
        };
        match judged {
            Ok(judgement) => *tally.entry((name, judgement)).or_default() += 1,
            Err(why) => {
                let shown = message.escape_ascii();
                unexplained.push(format!("{shown}\n  {why}\n  ours {ours:?}\n  {name} {theirs:?}"));
            }
        }
    }
    unexplained
}

/// It refuses while we wait for more: with more, we refuse too, or something explains it.
fn judge_early(
    message: &[u8],
    ours: &Told,
    name: &str,
    theirs: &Told,
) -> Result<Judgement, String> {
    let End::Refused(why) = &theirs.end else { unreachable!("it refuses early") };
    for more in ["\r\n\r\n", "\n\r\n\r\n", "\r\n0\r\n\r\n\r\n", " HTTP/1.1\r\n\r\n"] {
        let longer = ours::read(&[message, more.as_bytes()].concat());
        if matches!(longer.end, End::Refused(_)) && longer.messages.len() == ours.messages.len() {
            return Ok(Judgement::BothRefuse);
        }
    }
    they_are_stricter(name, theirs, why)
}

#[test]
fn what_is_smuggled_by_hand_is_refused_and_what_is_good_is_taken_alike() {
    for (rfc, text) in BY_HAND {
        let is_refused = matches!(ours::read(&bytes(text)).end, End::Refused(_));
        match rfc {
            Rfc::Refuse => assert!(is_refused, "taken: {}", text.escape_debug()),
            Rfc::Take => assert!(!is_refused, "refused: {}", text.escape_debug()),
            Rfc::Open => {}
        }
    }
    let Some(mut oracles) = Oracles::start() else { return };
    let mut tally = Tally::new();
    let found =
        BY_HAND.iter().flat_map(|(_, text)| compare(&mut oracles, &bytes(text), &mut tally));
    let unexplained: Vec<String> = found.collect();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    show(BY_HAND.len(), &tally);
}

#[test]
fn mutated_messages_are_framed_alike_by_all_who_take_them() {
    let Some(mut oracles) = Oracles::start() else { return };
    let number = |name: &str, usual| {
        let text = std::env::var(name);
        text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let rounds = number("OVERTIME_DIFFERENTIAL_ROUNDS", 4_000);
    let mut mutator = Mutator::seeded(number("OVERTIME_DIFFERENTIAL_SEED", 0x9e37_79b9));
    let (mut tally, mut unexplained) = (Tally::new(), Vec::new());
    for _ in 0..rounds {
        unexplained.extend(compare(&mut oracles, &mutator.next(), &mut tally));
        assert!(unexplained.len() < SHOWN_MAX, "{}", unexplained.join("\n"));
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    show(rounds as usize, &tally);
    for name in NAMES {
        let same = tally.get(&(name, Judgement::Same)).copied().unwrap_or_default();
        let refused = tally.get(&(name, Judgement::BothRefuse)).copied().unwrap_or_default();
        // The seeds are close enough to the edge for both to be common.
        assert!(same.min(refused) > rounds as usize / 20, "{name}: {same} same, {refused} refused");
    }
}

/// So many that nothing explains are enough to look at.
const SHOWN_MAX: usize = 12;

fn show(messages: usize, tally: &Tally) {
    println!("{messages} messages");
    for ((name, judgement), count) in tally {
        println!("{count:>8} {name}: {judgement:?}");
    }
}
