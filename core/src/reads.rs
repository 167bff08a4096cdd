//! Reads that wait for the journal's readers: tenants take turns, so that whoever asks a lot waits for
//! itself. Few are on their way at a time, because what is on its way cannot be overtaken. It asks
//! nobody and knows no channel.

use overtime_protocol::{Code, Problem, Read, ReplyTo, Scope};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Reads that may wait, of each way. More are refused.
const WAITING_MAX: usize = 4096;

/// Of those places one tenant may have this part, where several have keys.
const PART: usize = 4;

/// Reads that are on their way, of those that do not take long: enough for readers never to wait for the
/// core.
const SHORT_ON_THE_WAY: usize = 128;

/// The same of those that may take long, for which there is one reader.
const LONG_ON_THE_WAY: usize = 4;

/// Whoever is refused comes back after this.
const RETRY: Duration = Duration::from_secs(1);

/// Which readers a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Short,
    Long,
}

impl Way {
    fn of(read: &Read) -> Self {
        if read.query.is_long() { Self::Long } else { Self::Short }
    }
}

/// All reads that are not answered yet, but for those of followers.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    short: Turns,
    long: Turns,
    /// By whom they are for: the answer says no more of a read than that.
    on_the_way: HashMap<ReplyTo, Way>,
    /// Whether several tenants share the readers.
    are_several: bool,
}

/// The reads of one way.
#[derive(Debug, Default)]
struct Turns {
    /// Who has some, in order of turns.
    order: VecDeque<Option<Arc<str>>>,
    waiting: HashMap<Option<Arc<str>>, VecDeque<Read>>,
    count: usize,
    on_the_way: usize,
}

impl Reads {
    /// Says whether several tenants share the readers.
    pub(crate) fn set_shared(&mut self, are_several: bool) {
        self.are_several = are_several;
    }

    /// Takes a read in, which waits for its turn.
    ///
    /// # Errors
    /// With whom it was for, and why not.
    pub(crate) fn push(&mut self, read: Read) -> Result<(), (ReplyTo, Box<Problem>)> {
        let way = Way::of(&read);
        let are_several = self.are_several;
        let turns = self.turns(way);
        let whose = tenant_of(&read);
        let own = turns.waiting.get(&whose).map_or(0, VecDeque::len);
        let refusal = if turns.count >= WAITING_MAX {
            Problem::new(Code::Reads, "too many reads wait for the journal")
        } else if are_several && own >= WAITING_MAX / PART {
            Problem::new(Code::Concurrency, "too many reads of the tenant wait for the journal")
        } else {
            turns.push(whose, read);
            return Ok(());
        };
        Err((read.reply_to, refusal.after(RETRY).into()))
    }

    /// The next read to be sent that way, if one waits and not too many are on theirs.
    pub(crate) fn next(&mut self, way: Way) -> Option<Read> {
        let most = match way {
            Way::Short => SHORT_ON_THE_WAY,
            Way::Long => LONG_ON_THE_WAY,
        };
        let turns = self.turns(way);
        let read = (turns.on_the_way < most).then(|| turns.pop())??;
        turns.on_the_way += 1;
        // A place that nobody gives back would be lost for ever.
        self.answered(read.reply_to);
        self.on_the_way.insert(read.reply_to, way);
        Some(read)
    }

    /// There was no room for that read: it is its tenant's next again.
    pub(crate) fn put_back(&mut self, read: Read) {
        self.answered(read.reply_to);
        self.turns(Way::of(&read)).push_front(read);
    }

    /// Something was answered, perhaps a read.
    pub(crate) fn answered(&mut self, to: ReplyTo) {
        if let Some(way) = self.on_the_way.remove(&to) {
            self.turns(way).on_the_way -= 1;
        }
    }

    fn turns(&mut self, way: Way) -> &mut Turns {
        match way {
            Way::Short => &mut self.short,
            Way::Long => &mut self.long,
        }
    }
}

impl Turns {
    fn push(&mut self, whose: Option<Arc<str>>, read: Read) {
        self.count += 1;
        let own = self.waiting.entry(whose.clone()).or_default();
        own.push_back(read);
        if own.len() == 1 {
            self.order.push_back(whose);
        }
    }

    fn push_front(&mut self, read: Read) {
        self.count += 1;
        let whose = tenant_of(&read);
        let own = self.waiting.entry(whose.clone()).or_default();
        own.push_front(read);
        if own.len() == 1 {
            self.order.push_front(whose);
        }
    }

    /// The next of whose turn it is; its tenant's turn comes again behind those of the others.
    fn pop(&mut self) -> Option<Read> {
        let whose = self.order.pop_front()?;
        let own = self.waiting.get_mut(&whose).expect("who has a turn has a read");
        let read = own.pop_front();
        self.count -= usize::from(read.is_some());
        if own.is_empty() {
            self.waiting.remove(&whose);
        } else {
            self.order.push_back(whose);
        }
        read
    }
}

/// Whose read it is; nobody's while no keys are needed.
fn tenant_of(read: &Read) -> Option<Arc<str>> {
    match &read.scope {
        Scope::All => None,
        Scope::Own(tenant) => Some(tenant.clone()),
    }
}

#[cfg(test)]
mod tests;
