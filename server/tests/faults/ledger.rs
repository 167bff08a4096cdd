//! What was sent and what was answered: the truth that a server is held against after a fault. It
//! never asks a server anything.

use crate::client::Answer;
use std::collections::HashMap;

/// How many contacts the upserts go to, so that each is written often.
const CONTACTS: usize = 40;

/// How many contacts one bulk body has.
pub(crate) const BULK_ITEMS: usize = 50;

/// A payload that has a file of its own.
const SPOOLED_BYTES: usize = 600_000;

/// A payload that fills the log.
const FAT_BYTES: usize = 60_000;

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A contact is written, and the caller waits.
    Upsert,
    /// A payload comes back as the result, later; so many bytes.
    Echo(usize),
    /// Many contacts are written.
    Bulk,
}

/// One piece of work with a key of its own.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) number: usize,
    pub(crate) work: Work,
}

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No answer has come, or one that does not know.
    Unknown,
    /// The server has said that it did not take it.
    Refused,
    /// The server has it, under this id.
    Accepted(String),
    /// It is done, under this id and with this result.
    Done(String, String),
}

/// What orders there are, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Of everything some.
    Usual,
    /// So much to write that the log goes round.
    Heavy,
}

/// All orders, by number.
#[derive(Default)]
pub(crate) struct Ledger {
    works: Vec<Work>,
    pub(crate) fates: Vec<Fate>,
}

impl Mix {
    fn work(self, number: usize) -> Work {
        match (self, number % 32) {
            (Self::Heavy, part) if part % 2 == 0 => Work::Echo(SPOOLED_BYTES),
            (Self::Usual, 0) => Work::Echo(SPOOLED_BYTES),
            (Self::Usual, 7) => Work::Bulk,
            (Self::Usual, 11 | 19 | 27) => Work::Echo(FAT_BYTES),
            (Self::Usual, part) if part % 4 == 3 => Work::Echo(100),
            _ => Work::Upsert,
        }
    }
}

impl Order {
    /// The request line; `wait` is how long it waits.
    pub(crate) fn line(&self, wait: &str) -> String {
        let path = match self.work {
            Work::Upsert => "tasks/contacts.upsert",
            Work::Echo(_) => "tasks/echo",
            Work::Bulk => "bulk/contacts.upsert",
        };
        format!("POST /v1/{path}?wait={wait}")
    }

    pub(crate) fn key(&self) -> String {
        format!("Idempotency-Key: order-{}", self.number)
    }

    pub(crate) fn content_type(&self) -> &'static str {
        match self.work {
            Work::Bulk => "Content-Type: application/x-ndjson",
            Work::Upsert | Work::Echo(_) => "Content-Type: application/json",
        }
    }

    pub(crate) fn body(&self) -> String {
        let contact = |email: &str| format!("{{\"email\":\"{email}\"}}");
        match self.work {
            Work::Upsert => contact(&self.contacts()[0]),
            Work::Bulk => {
                let items: Vec<_> = self.contacts().iter().map(|email| contact(email)).collect();
                items.join("\n")
            }
            Work::Echo(len) => format!("{} {}", self.number, "a".repeat(len)),
        }
    }

    /// The contacts that it writes, each once.
    pub(crate) fn contacts(&self) -> Vec<String> {
        match self.work {
            Work::Upsert => vec![format!("of-many-{}@example.com", self.number % CONTACTS)],
            Work::Bulk => {
                let email = |item| format!("bulk-{}-{item}@example.com", self.number);
                (0..BULK_ITEMS).map(email).collect()
            }
            Work::Echo(_) => Vec::new(),
        }
    }
}

impl Ledger {
    /// Writes down that an order is about to be sent.
    pub(crate) fn open(&mut self, mix: Mix) -> Order {
        let number = self.works.len();
        let work = mix.work(number);
        self.works.push(work);
        self.fates.push(Fate::Unknown);
        Order { number, work }
    }

    /// The orders from `first` on.
    pub(crate) fn orders(&self, first: usize) -> Vec<Order> {
        let orders = self.works.iter().enumerate().skip(first);
        orders.map(|(number, &work)| Order { number, work }).collect()
    }

    /// Writes down what was answered. What was said once is never taken back.
    pub(crate) fn note(&mut self, order: &Order, answer: &Answer) {
        let fate = match answer.status {
            200 => Fate::Done(answer.task(), answer.body.clone()),
            202 => Fate::Accepted(answer.task()),
            _ => match answer.member("submitted").as_str() {
                "no" => Fate::Refused,
                // It is durable, though its end is not.
                "yes" => Fate::Accepted(answer.task()),
                "unknown" => Fate::Unknown,
                _ => panic!("{order:?} was answered {answer:?}"),
            },
        };
        let known = &mut self.fates[order.number];
        if let (Fate::Accepted(id) | Fate::Done(id, _), Fate::Accepted(new) | Fate::Done(new, _)) =
            (&*known, &fate)
        {
            assert_eq!(id, new, "{order:?} was accepted twice");
        }
        if let (Fate::Done(_, result), Fate::Done(_, new)) = (&*known, &fate) {
            assert_eq!(result, new, "{order:?} was done twice");
        }
        *known = fate;
    }

    /// How many tasks the server may know of at most: all but those that it has refused.
    pub(crate) fn tasks_max(&self) -> usize {
        self.fates.iter().filter(|fate| **fate != Fate::Refused).count()
    }

    /// How often each contact was written once everything is done.
    pub(crate) fn versions(&self) -> HashMap<String, u64> {
        let mut versions = HashMap::new();
        for email in self.orders(0).iter().flat_map(Order::contacts) {
            *versions.entry(email).or_default() += 1;
        }
        versions
    }
}
