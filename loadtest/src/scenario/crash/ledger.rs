//! What the callers know: for each contact which version was acknowledged last, and whether one
//! more upsert may have happened. Every upsert writes a value of its own, and a contact has at
//! most one upsert in progress, so what a server may hold is known exactly.

/// One upsert beyond the acknowledged ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// Sent and not answered: it happened once or not at all.
    Unknown { value: u64 },
    /// Answered 202: it will have happened once.
    Accepted { value: u64 },
}

/// What is known of one contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// The last acknowledged version; 0 if there is none.
    version: u64,
    /// The value of that version.
    value: u64,
    open: Option<Open>,
}

/// What a comparison shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Right,
    /// Something acknowledged is not there.
    Missing,
    /// Something happened more than once.
    Doubled,
    /// The version is right and the value is not.
    Wrong,
}

impl Account {
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_none()
    }

    pub(super) fn leave_open(&mut self, open: Open) {
        self.open = Some(open);
    }

    /// An upsert of `value` was answered with `version`.
    pub(super) fn acknowledge(&mut self, value: u64, version: u64) -> Finding {
        let finding = compare(version, self.version + 1);
        (self.version, self.value) = (version, value);
        finding
    }

    /// Compares with what the server holds, and takes that over.
    pub(super) fn settle(&mut self, version: u64, value: u64) -> Finding {
        let happened = match self.open.take() {
            None => None,
            Some(Open::Unknown { .. }) if version <= self.version => None,
            Some(Open::Unknown { value } | Open::Accepted { value }) => Some(value),
        };
        let expected = self.version + u64::from(happened.is_some());
        let finding = match compare(version, expected) {
            Finding::Right if value != happened.unwrap_or(self.value) => Finding::Wrong,
            other => other,
        };
        (self.version, self.value) = (version, value);
        finding
    }
}

fn compare(version: u64, expected: u64) -> Finding {
    match version.cmp(&expected) {
        std::cmp::Ordering::Less => Finding::Missing,
        std::cmp::Ordering::Equal => Finding::Right,
        std::cmp::Ordering::Greater => Finding::Doubled,
    }
}

/// How many of each finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Findings {
    pub(super) missing: u64,
    pub(super) doubled: u64,
    pub(super) wrong: u64,
    /// Accepted tasks that did not succeed.
    pub(super) unfinished: u64,
}

impl Findings {
    pub(super) fn note(&mut self, finding: Finding) {
        match finding {
            Finding::Right => {}
            Finding::Missing => self.missing += 1,
            Finding::Doubled => self.doubled += 1,
            Finding::Wrong => self.wrong += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
        self.unfinished += other.unfinished;
    }

    pub(super) fn violations(&self) -> u64 {
        self.missing + self.doubled + self.wrong + self.unfinished
    }
}

/// How many of each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Counts {
    pub(super) acknowledged: u64,
    pub(super) accepted: u64,
    pub(super) unknown: u64,
    pub(super) refused: u64,
}

/// All accounts and all accepted tasks.
#[derive(Debug)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
    /// How many accounts are changed over and over; the ones behind them are written once.
    lasting: usize,
    tasks: Vec<String>,
    /// The first account written once and the first task that were not yet compared.
    recent: (usize, usize),
    counts: Counts,
    /// What the answers themselves have shown since the last comparison.
    pub(super) findings: Findings,
    last_value: u64,
}

impl Ledger {
    pub(super) fn new(lasting: usize) -> Self {
        Self {
            accounts: vec![Account::default(); lasting],
            lasting,
            tasks: Vec::new(),
            recent: (lasting, 0),
            counts: Counts::default(),
            findings: Findings::default(),
            last_value: 0,
        }
    }

    pub(super) fn email(account: usize) -> String {
        format!("crash-{account:08}@load.test")
    }

    pub(super) fn lasting(&self) -> usize {
        self.lasting
    }

    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }

    pub(super) fn account(&mut self, account: usize) -> &mut Account {
        &mut self.accounts[account]
    }

    pub(super) fn tasks(&self) -> &[String] {
        &self.tasks
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// A value that no upsert has written.
    pub(super) fn new_value(&mut self) -> u64 {
        self.last_value += 1;
        self.last_value
    }

    /// An account that will be written once.
    pub(super) fn new_account(&mut self) -> usize {
        self.accounts.push(Account::default());
        self.accounts.len() - 1
    }

    pub(super) fn acknowledged(&mut self, account: usize, value: u64, version: u64) {
        self.counts.acknowledged += 1;
        let finding = self.accounts[account].acknowledge(value, version);
        self.findings.note(finding);
    }

    /// A task was answered 202.
    pub(super) fn accepted(&mut self, task: String) {
        self.counts.accepted += 1;
        self.tasks.push(task);
    }

    /// An answer was lost, or said that it is not known.
    pub(super) fn unknown(&mut self, upsert: Option<(usize, u64)>) {
        self.counts.unknown += 1;
        if let Some((account, value)) = upsert {
            self.accounts[account].leave_open(Open::Unknown { value });
        }
    }

    /// A request was refused and did not happen.
    pub(super) fn refused(&mut self) {
        self.counts.refused += 1;
    }

    /// The first account written once and the first task since the last call.
    pub(super) fn take_recent(&mut self) -> (usize, usize) {
        std::mem::replace(&mut self.recent, (self.accounts.len(), self.tasks.len()))
    }
}

#[cfg(test)]
mod tests;
