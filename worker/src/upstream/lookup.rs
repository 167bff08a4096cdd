//! Names become addresses: on a thread of its own, because the system's resolver takes as long as it
//! likes. However many ask, one question is on its way at a time. Nothing is remembered.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Instant;

/// Looks up one name, again and again.
#[derive(Debug)]
pub(super) struct Lookup {
    name: String,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a question is on its way.
    asked: bool,
    /// How many were answered.
    answers: u64,
    last: Option<Answer>,
}

/// Addresses in the order in which they are to be tried, or what the resolver says instead.
type Answer = Result<Arc<[IpAddr]>, String>;

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LookupError {
    /// The resolver took too long.
    TimedOut,
    /// It knows none.
    Unknown(String),
}

impl Lookup {
    pub(super) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), shared: Arc::default() }
    }

    /// What the name stands for now.
    pub(super) fn addresses(&self, deadline: Instant) -> Result<Arc<[IpAddr]>, LookupError> {
        let mut state = self.shared.lock();
        let seen = state.answers;
        if !state.asked {
            self.ask().map_err(|error| LookupError::Unknown(error.to_string()))?;
            state.asked = true;
        }
        while state.answers == seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LookupError::TimedOut);
            }
            let waited = self.shared.told.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.last.clone().unwrap_or_else(|| Ok(Arc::default())).map_err(LookupError::Unknown)
    }

    fn ask(&self) -> io::Result<()> {
        let (name, shared) = (self.name.clone(), Arc::clone(&self.shared));
        let ask = move || shared.answer(resolve(&name));
        Builder::new().name("lookup".to_owned()).spawn(ask).map(drop)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, answer: Answer) {
        let mut state = self.lock();
        state.asked = false;
        state.answers += 1;
        state.last = Some(answer);
        drop(state);
        self.told.notify_all();
    }
}

fn resolve(name: &str) -> Answer {
    let found = (name, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    let addresses: Arc<[IpAddr]> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_name_is_looked_up_each_time() {
        let lookup = Lookup::of("localhost");
        let deadline = Instant::now() + Duration::from_secs(60);
        for answers in 1..=2 {
            let found = lookup.addresses(deadline).unwrap();
            assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
            assert_eq!(lookup.shared.lock().answers, answers);
        }
    }

    #[test]
    fn whoever_comes_meanwhile_hears_the_same_answer() {
        let lookup = Lookup::of("never.asked.invalid");
        lookup.shared.lock().asked = true;
        let address = IpAddr::from([192, 0, 2, 1]);
        let (asked, deadline) = (&lookup, Instant::now() + Duration::from_secs(60));
        std::thread::scope(|scope| {
            let ask = move || asked.addresses(deadline);
            let askers = [scope.spawn(ask), scope.spawn(ask)];
            while !askers.iter().all(|asker| asker.is_finished()) {
                lookup.shared.answer(Ok([address].into()));
                // The next one joins a question too, whenever it comes.
                lookup.shared.lock().asked = true;
                std::thread::yield_now();
            }
            for asker in askers {
                assert_eq!(asker.join().unwrap(), Ok([address].into()));
            }
        });
    }

    #[test]
    fn who_has_no_time_hears_that() {
        let lookup = Lookup::of("never.asked.invalid");
        lookup.shared.lock().asked = true;
        assert_eq!(lookup.addresses(Instant::now()), Err(LookupError::TimedOut));
    }
}
