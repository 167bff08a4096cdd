//! Which rules a gate judges by. A server's gates judge by all; to see what each does alone, calls of
//! the past are judged by some.

use super::news::Rule;

/// A choice of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(u8);

impl Rules {
    /// Each that there is.
    pub const ALL: Self = Self(u8::MAX);

    /// This one alone.
    pub fn only(rule: Rule) -> Self {
        Self(bit(rule))
    }

    /// Whether it is among them.
    pub fn has(self, rule: Rule) -> bool {
        self.0 & bit(rule) != 0
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::ALL
    }
}

fn bit(rule: Rule) -> u8 {
    match rule {
        Rule::TenthPercentile => 1,
        Rule::MostBad => 2,
        Rule::HalfBad => 4,
        Rule::Errors => 8,
        Rule::InARow => 16,
        Rule::Operator => 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_is_none_of_the_others_and_all_are_each() {
        for rule in Rule::JUDGED {
            let had = Rule::JUDGED.map(|other| Rules::only(rule).has(other));
            assert_eq!(had, Rule::JUDGED.map(|other| other == rule));
            assert!(Rules::default().has(rule));
        }
    }
}
