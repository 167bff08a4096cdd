//! Contacts as a customer's export has them: names, unique emails in no order, phones, companies,
//! tags, custom fields. A seed decides all of it, and each contact is made from its number alone,
//! so a million of them take no memory.

mod form;
mod names;

pub use form::Form;

use crate::random::Random;
use names::{CITIES, COMPANIES, FIRST_NAMES, LAST_NAMES, PLANS, TAGS};

/// A number of contacts in a random order.
#[derive(Clone, Debug)]
pub struct Contacts {
    seed: u64,
    /// Stands in every email.
    label: String,
    order: Vec<u32>,
}

impl Contacts {
    /// `items` contacts. The same seed makes the same ones in the same order.
    pub fn new(items: u32, seed: u64) -> Self {
        let mut order: Vec<u32> = (0..items).collect();
        Random::new(seed ^ u64::from(items)).shuffle(&mut order);
        Self { seed, label: String::new(), order }
    }

    /// `items` contacts that no other seed has.
    pub fn fresh(items: u32, seed: u64) -> Self {
        Self { label: format!(".{seed:x}"), ..Self::new(items, seed) }
    }

    /// The same contacts in another order.
    pub fn reordered(&self, order_seed: u64) -> Self {
        let mut contacts = self.clone();
        Random::new(order_seed).shuffle(&mut contacts.order);
        contacts
    }

    /// How many there are.
    pub fn items(&self) -> usize {
        self.order.len()
    }

    /// The one at `place` in the order, which must be below [`Contacts::items`].
    pub fn at(&self, place: usize) -> Contact<'_> {
        Contact::of(self.order[place], self.seed, &self.label)
    }
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact<'a> {
    number: u32,
    label: &'a str,
    first_name: &'static str,
    last_name: &'static str,
    company: (&'static str, &'static str),
    phone: u64,
    tag: &'static str,
    city: &'static str,
    plan: &'static str,
    seats: u64,
}

impl<'a> Contact<'a> {
    fn of(number: u32, seed: u64, label: &'a str) -> Self {
        let mut random = Random::new(seed.rotate_left(32) ^ u64::from(number));
        Self {
            number,
            label,
            first_name: pick(&mut random, FIRST_NAMES),
            last_name: pick(&mut random, LAST_NAMES),
            company: pick(&mut random, COMPANIES),
            phone: random.below(10_000_000),
            tag: pick(&mut random, TAGS),
            city: pick(&mut random, CITIES),
            plan: pick(&mut random, PLANS),
            seats: random.below(500),
        }
    }

    /// Its email, which no other contact has.
    pub fn email(&self) -> String {
        let plain = |name: &str| -> String {
            name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase()
        };
        let (first, last) = (plain(self.first_name), plain(self.last_name));
        let Self { number, label, company: (_, domain), .. } = self;
        format!("{first}.{last}.{number}{label}@{domain}.example")
    }

    fn phone(&self) -> String {
        format!("+1 555 {:03} {:04}", self.phone / 10_000, self.phone % 10_000)
    }
}

fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn emails(contacts: &Contacts) -> Vec<String> {
        (0..contacts.items()).map(|place| contacts.at(place).email()).collect()
    }

    #[test]
    fn a_seed_repeats_its_contacts_and_another_seed_does_not() {
        let first = emails(&Contacts::new(100, 1));
        assert_eq!(first, emails(&Contacts::new(100, 1)));
        assert_ne!(first, emails(&Contacts::new(100, 2)));
    }

    #[test]
    fn emails_are_unique_and_in_no_order() {
        let emails = emails(&Contacts::new(5_000, 3));
        let sorted: BTreeSet<&String> = emails.iter().collect();
        assert_eq!(sorted.len(), emails.len());
        assert!(!emails.is_sorted() && emails.iter().all(|email| email.is_ascii()));
    }

    #[test]
    fn fresh_contacts_share_none_with_another_seed() {
        let all: Vec<String> =
            (1..=3).flat_map(|seed| emails(&Contacts::fresh(2_000, seed))).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 6_000);
    }

    #[test]
    fn another_order_has_the_same_contacts() {
        let contacts = Contacts::new(1_000, 3);
        let again = contacts.reordered(4);
        assert_ne!(emails(&contacts), emails(&again));
        let set = |contacts| emails(contacts).into_iter().collect::<BTreeSet<String>>();
        assert_eq!(set(&contacts), set(&again));
    }
}
