//! What a parser makes of some bytes, in the same words whoever it is.

/// Messages, and how the bytes end behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) messages: Vec<Message>,
    pub(crate) end: End,
}

/// A message of which the head is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Empty for one that we do not tell from others.
    pub(crate) method: String,
    /// The target's path.
    pub(crate) path: String,
    /// What stands behind its question mark.
    pub(crate) query: Option<String>,
    /// As much of it as was told.
    pub(crate) body: Vec<u8>,
    /// Whether the body is whole.
    pub(crate) is_whole: bool,
}

/// How the bytes end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Between two messages.
    Whole,
    /// Within one.
    More,
    /// What follows is not HTTP for this parser.
    Stopped,
    /// This is why.
    Refused(String),
}

impl Message {
    /// Whether both are the same as far as both can tell.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let methods = self.method.is_empty() || self.method == other.method;
        let targets = (&self.path, &self.query) == (&other.path, &other.query);
        let bodies = match (self.is_whole, other.is_whole) {
            (true, true) => self.body == other.body,
            // What is told of a body in part depends on when it is told.
            (false, false) => true,
            (true, false) => self.body.starts_with(&other.body),
            (false, true) => other.body.starts_with(&self.body),
        };
        methods && targets && bodies
    }
}
