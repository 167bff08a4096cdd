//! What an upstream does with the calls that come: one thing with all of them, or shares of them with
//! different ones. It is read from a few words and draws lots; it never answers anybody.

use crate::argument::span;
use crate::random::Random;
use std::time::Duration;

/// As finely as shares are told apart: a hundredth of a percent.
const LOTS: u64 = 10_000;

/// What is done with calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Nobody listens, and whoever was connected is not any more.
    Refuse,
    /// Each call draws a lot.
    Answer(Mixture),
}

/// What is done with which share of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mixture {
    /// Lots of [`LOTS`], and what whoever draws one of them gets; all others are answered at once.
    shares: Vec<(u64, Act)>,
}

/// What is done with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is done, and answered 200 so long after.
    Done(Duration),
    /// It is done, and never answered.
    Hang,
    /// It is not done, and answered with that status.
    Fail {
        /// The status.
        status: u16,
        /// How many seconds the caller is asked to stay away.
        retry_after: Option<u32>,
    },
    /// It is not done, and the connection is closed.
    Cut,
}

impl Behaviour {
    /// Every call is done and answered after that time.
    pub fn slow(after: Duration) -> Self {
        Self::all(Act::Done(after))
    }

    /// The same is done with every call.
    pub fn all(act: Act) -> Self {
        Self::Answer(Mixture { shares: vec![(LOTS, act)] })
    }

    /// From words such as `hang`, or `60% slow 5s, 10% 503`, where the others are answered at once.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "refuse" {
            return Ok(Self::Refuse);
        }
        let shares = text.split(',').map(read_share).collect::<Result<Vec<_>, _>>()?;
        if shares.iter().map(|(lots, _)| lots).sum::<u64>() > LOTS {
            return Err(format!("{:?} is more than 100 %", text.trim()));
        }
        Ok(Self::Answer(Mixture { shares }))
    }
}

impl Mixture {
    /// What is done with the next call.
    pub fn draw(&self, random: &mut Random) -> Act {
        let mut lot = random.below(LOTS);
        for (lots, act) in &self.shares {
            match lot.checked_sub(*lots) {
                Some(rest) => lot = rest,
                None => return *act,
            }
        }
        Act::Done(Duration::ZERO)
    }
}

fn read_share(text: &str) -> Result<(u64, Act), String> {
    match text.trim().split_once('%') {
        Some((percent, act)) => Ok((read_lots(percent.trim())?, read_act(act)?)),
        None => Ok((LOTS, read_act(text)?)),
    }
}

fn read_lots(percent: &str) -> Result<u64, String> {
    match percent.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => {
            Ok((percent / 100.0 * LOTS as f64).round() as u64)
        }
        _ => Err(format!("{percent:?} is not a number from 0 to 100")),
    }
}

fn read_act(text: &str) -> Result<Act, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["fast" | "heal"] => Ok(Act::Done(Duration::ZERO)),
        ["slow", after] => Ok(Act::Done(span(after)?)),
        ["hang"] => Ok(Act::Hang),
        ["cut"] => Ok(Act::Cut),
        [status] => Ok(Act::Fail { status: read_status(status)?, retry_after: None }),
        [status, rest] if rest.starts_with("retry-after=") => {
            let seconds = rest.trim_start_matches("retry-after=").parse();
            let seconds = seconds.map_err(|_| format!("{rest:?} is not like retry-after=2"))?;
            Ok(Act::Fail { status: read_status(status)?, retry_after: Some(seconds) })
        }
        _ => Err(unknown(text)),
    }
}

fn read_status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status @ 300..=599) => Ok(status),
        _ => Err(unknown(text)),
    }
}

fn unknown(text: &str) -> String {
    format!(
        "{:?} is none of fast, heal, slow 5s, hang, refuse, cut, 503, 429 retry-after=2",
        text.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const AT_ONCE: Act = Act::Done(Duration::ZERO);

    fn one(text: &str) -> Act {
        match Behaviour::read(text) {
            Ok(Behaviour::Answer(mixture)) => mixture.draw(&mut Random::new(1)),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn words_say_what_is_done_with_every_call() {
        assert_eq!(one("fast"), AT_ONCE);
        assert_eq!(one(" heal "), AT_ONCE);
        assert_eq!(one("slow 5s"), Act::Done(Duration::from_secs(5)));
        assert_eq!(one("hang"), Act::Hang);
        assert_eq!(one("cut"), Act::Cut);
        assert_eq!(one("503"), Act::Fail { status: 503, retry_after: None });
        let busy = Act::Fail { status: 429, retry_after: Some(2) };
        assert_eq!(one("429 retry-after=2"), busy);
        assert_eq!(Behaviour::read("refuse"), Ok(Behaviour::Refuse));
    }

    #[test]
    fn shares_are_drawn_as_often_as_they_say_and_the_rest_is_fast() {
        let Ok(Behaviour::Answer(mixture)) = Behaviour::read("60% slow 5s, 10.5 % 503") else {
            panic!("it is a mixture")
        };
        let mut drawn: HashMap<String, f64> = HashMap::new();
        let mut random = Random::new(7);
        for _ in 0..100_000 {
            *drawn.entry(format!("{:?}", mixture.draw(&mut random))).or_default() += 0.001;
        }
        let share = |act: Act| drawn[&format!("{act:?}")];
        assert!((share(Act::Done(Duration::from_secs(5))) - 60.0).abs() < 1.0);
        assert!((share(Act::Fail { status: 503, retry_after: None }) - 10.5).abs() < 1.0);
        assert!((share(AT_ONCE) - 29.5).abs() < 1.0);
        assert_eq!(drawn.len(), 3);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for wrong in [
            "",
            "slow",
            "slow 5",
            "sleepy",
            "50%",
            "120% hang",
            "60% hang, 50% 503",
            "200",
            "99",
            "429 retry-after=soon",
            "hang 5s",
            "50% refuse",
        ] {
            assert!(Behaviour::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
