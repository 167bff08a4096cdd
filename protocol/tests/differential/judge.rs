//! Holds what we make of some bytes against what another parser makes of them. Whatever both take
//! must be the same; where one refuses what the other takes, the reason is in a table or this says
//! that nothing explains it.

use crate::reasons::{Place, THEY_ARE_STRICTER, WE_ARE_STRICTER};
use crate::told::{End, Told};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    /// Both take the same, up to the same end.
    Same,
    /// Both refuse the same message.
    BothRefuse,
    /// We refuse what it takes, and why we do.
    WeAreStricter(&'static str),
    /// It refuses what we take, and why it may.
    TheyAreStricter(&'static str),
    /// It stops where it would speak something else; so far both are the same.
    TheyStop,
    /// It refuses, and we wait for more.
    Early,
}

/// Judges; an error is what nothing explains.
pub(crate) fn judge(ours: &Told, name: &str, theirs: &Told) -> Result<Judgement, String> {
    let mut pairs = ours.messages.iter().zip(&theirs.messages);
    if let Some(at) = pairs.position(|(our, their)| !our.agrees(their)) {
        return Err(format!("message {at} is not the same"));
    }
    let whole = |told: &Told| told.messages.iter().filter(|message| message.is_whole).count();
    let (our_count, their_count) = (whole(ours), whole(theirs));
    match (&ours.end, &theirs.end) {
        (End::Refused(_), End::Refused(_)) if our_count == their_count => Ok(Judgement::BothRefuse),
        (_, End::Refused(why)) if our_count > their_count => they_are_stricter(name, theirs, why),
        (End::Refused(why), _) if our_count <= their_count => we_are_stricter(why),
        (_, End::Stopped) if our_count >= their_count => Ok(Judgement::TheyStop),
        (End::More, End::Refused(_)) if our_count == their_count => Ok(Judgement::Early),
        (End::Whole, End::Refused(why)) if our_count == their_count => {
            they_are_stricter(name, theirs, why)
        }
        (ours_end, theirs_end) if ours_end == theirs_end && our_count == their_count => {
            Ok(Judgement::Same)
        }
        _ => Err(format!("we take {our_count} messages, {name} takes {their_count}")),
    }
}

/// Why it may refuse what we take.
pub(crate) fn they_are_stricter(name: &str, theirs: &Told, why: &str) -> Result<Judgement, String> {
    let place = match theirs.messages.last() {
        Some(last) if !last.is_whole => Place::BehindHead,
        _ => Place::Head,
    };
    let known = |(of, at, part, _): &&(&str, Place, &str, &str)| {
        (*of, *at) == (name, place) && why.contains(part)
    };
    match THEY_ARE_STRICTER.iter().find(known) {
        Some((.., reason)) => Ok(Judgement::TheyAreStricter(reason)),
        None => Err(format!("{name} refuses what we take: {why}")),
    }
}

fn we_are_stricter(why: &str) -> Result<Judgement, String> {
    match WE_ARE_STRICTER.iter().find(|(detail, _)| *detail == why) {
        Some((_, reason)) => Ok(Judgement::WeAreStricter(reason)),
        None => Err(format!("we refuse, and no reason is written down: {why}")),
    }
}
