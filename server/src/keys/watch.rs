//! The watch on the file of keys: what is changed there is known to the core within a second. What
//! cannot be read changes nothing but is told: neither may damage open the server, nor shut it.

use super::store::{Stamp, Store};
use crate::config::Config;
use crate::lines::Lines;
use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use overtime_core::{Mail, Mailbox};
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{Clock, UnixMillis};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often it is looked whether the file has changed.
const INTERVAL: Duration = Duration::from_millis(500);

/// The keys as they were read last, if there are any.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    store: Store,
    keys: Option<Arc<KeyRing>>,
    stamp: Option<Stamp>,
}

impl Ring {
    /// The keys that a server starts with.
    ///
    /// # Errors
    /// If there is a file that cannot be read or is damaged: a server that took it for none would
    /// be open to everybody. If there is none, and the server is to be reached from elsewhere.
    pub(crate) fn at_start(config: &Config) -> Result<Self> {
        let ring = Self::read(Store::of(&config.data))?;
        config.check_exposure(ring.is_required())?;
        Ok(ring)
    }

    fn read(store: Store) -> Result<Self> {
        // Looked at first, so that a change in between is seen as one later.
        let stamp = store.stamp()?;
        let keys = store.read()?.map(|book| Arc::new(book.ring()));
        Ok(Self { store, keys, stamp })
    }

    /// Whether callers are asked for keys.
    pub(crate) fn is_required(&self) -> bool {
        self.keys.is_some()
    }

    /// The keys, if callers are asked for them.
    pub(crate) fn keys(&self) -> Option<Arc<KeyRing>> {
        self.keys.clone()
    }
}

/// Ends the watch when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    began_with_keys: bool,
    _end: Sender<()>,
}

impl Watch {
    /// Has the core told of every change from `ring` on.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn start(
        ring: Ring,
        clock: Clock,
        mailbox: Mailbox,
        lines: Lines,
    ) -> io::Result<Self> {
        let began_with_keys = ring.is_required();
        let (end, ended) = bounded(0);
        let mut look = Look { ring, former: None, at: clock.now().unix, trouble: None };
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            while !is_over(&ended) {
                let seen = look.again(clock.now().unix);
                seen.line.into_iter().for_each(|line| lines.say(line));
                if let Some(keys) = seen.keys {
                    mailbox.push(Mail::Keys(keys));
                }
            }
        })?;
        Ok(Self { began_with_keys, _end: end })
    }

    /// Whether callers were asked for keys from the start.
    pub(crate) fn began_with_keys(&self) -> bool {
        self.began_with_keys
    }
}

fn is_over(ended: &Receiver<()>) -> bool {
    ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout)
}

/// What the watch knows.
struct Look {
    ring: Ring,
    /// The keys before those. They are kept for a while so that it is not the core that tears them
    /// down.
    former: Option<Arc<KeyRing>>,
    /// When it was looked at last.
    at: UnixMillis,
    /// What was told last of a file that cannot be read.
    trouble: Option<String>,
}

/// What another look finds.
#[derive(Default)]
struct Seen {
    keys: Option<Arc<KeyRing>>,
    line: Option<String>,
}

impl Look {
    fn again(&mut self, now: UnixMillis) -> Seen {
        let before = std::mem::replace(&mut self.at, now);
        let found = self.ring.store.stamp().and_then(|stamp| {
            if stamp == self.ring.stamp {
                return Ok(None);
            }
            // Whatever it says, it is not read again until it changes again.
            self.ring.stamp = stamp;
            let book = self.ring.store.read()?;
            book.map(Some).ok_or_else(|| {
                let path = self.ring.store.path();
                anyhow::anyhow!("{} is gone: restart the server to do without keys", path.display())
            })
        });
        match found {
            Ok(Some(book)) => self.take(book.ring()),
            Ok(None) => Seen { keys: self.expired(before, now), line: None },
            Err(error) => self.keep(&error),
        }
    }

    fn take(&mut self, ring: KeyRing) -> Seen {
        self.trouble = None;
        let required = if self.ring.keys.is_none() { "; from now on one is needed" } else { "" };
        let line = Some(format!("keys that count: {}{required}", ring.len()));
        let keys = Arc::new(ring);
        self.former = self.ring.keys.replace(keys.clone());
        Seen { keys: Some(keys), line }
    }

    /// The same keys once more if one of them has expired: the core looks after those who are let
    /// in already.
    fn expired(&self, before: UnixMillis, now: UnixMillis) -> Option<Arc<KeyRing>> {
        let keys = self.ring.keys.as_ref()?;
        keys.next_expiry(before).filter(|&at| at <= now).map(|_| keys.clone())
    }

    /// The keys stay as they are. That is told once.
    fn keep(&mut self, error: &anyhow::Error) -> Seen {
        let trouble = format!("{error:#}");
        if self.trouble.as_ref() == Some(&trouble) {
            return Seen::default();
        }
        let kept = match &self.ring.keys {
            None => "callers are still asked for none",
            Some(_) => "those that were read last still count",
        };
        let line = Some(format!("keys: {trouble}; {kept}"));
        self.trouble = Some(trouble);
        Seen { keys: None, line }
    }
}

#[cfg(test)]
mod tests;
