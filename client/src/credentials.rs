//! The key that requests are sent with, and how another is had when it counts no more. It shows no
//! key to anybody but the server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives a key; it is told which one the server did not take, if any. What cannot be sent as a key is
/// none.
pub(crate) type Source = Box<dyn Fn(Option<&str>) -> Option<String> + Send + Sync>;

/// Far more than any key has.
const KEY_MAX_BYTES: usize = 1024;

/// The key of one client.
pub(crate) struct Credentials {
    source: Source,
    /// The key that is in use, once somebody needed it; an inner `None` is to send none.
    current: Mutex<Option<Option<Arc<str>>>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl Credentials {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, current: Mutex::new(None) }
    }

    /// The key to send.
    pub(crate) fn current(&self) -> Option<Arc<str>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert_with(|| self.ask(None)).clone()
    }

    /// Another key than the one that was not taken; `None` if there is no other. Of many who ask at
    /// once only the first troubles the source.
    pub(crate) fn instead_of(&self, refused: Option<&str>) -> Option<Arc<str>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(key)) = &*current
            && Some(&**key) != refused
        {
            return Some(key.clone());
        }
        let another = self.ask(refused).filter(|key| Some(&**key) != refused)?;
        *current = Some(Some(another.clone()));
        Some(another)
    }

    fn ask(&self, refused: Option<&str>) -> Option<Arc<str>> {
        let is_key = |key: &String| {
            (1..=KEY_MAX_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        (self.source)(refused).filter(is_key).map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn the_source_is_asked_once_for_each_key() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let source =
            move |_: Option<&str>| Some(format!("key-{}", count.fetch_add(1, Ordering::Relaxed)));
        let credentials = Credentials::new(Box::new(source));
        assert_eq!(credentials.current().as_deref(), Some("key-0"));
        assert_eq!(credentials.instead_of(Some("key-0")).as_deref(), Some("key-1"));
        assert_eq!(credentials.instead_of(Some("key-0")).as_deref(), Some("key-1"));
        assert_eq!(credentials.current().as_deref(), Some("key-1"));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_key_that_was_not_taken_is_no_other_key() {
        let credentials = Credentials::new(Box::new(|_| Some("the-same".to_owned())));
        assert_eq!(credentials.current().as_deref(), Some("the-same"));
        assert_eq!(credentials.instead_of(Some("the-same")), None);
        let line = Credentials::new(Box::new(|_| Some("two\r\nlines".to_owned())));
        assert_eq!(line.current(), None, "it would break the head that it stands in");
        let none = Credentials::new(Box::new(|_| None));
        assert_eq!((none.current(), none.instead_of(None)), (None, None));
    }
}
