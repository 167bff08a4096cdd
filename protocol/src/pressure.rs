//! How close the process is to the end of its memory. It is measured by whoever may read the
//! system's files; nothing here reads one.

/// How much of the memory's budget is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemoryPressure {
    /// There is enough.
    #[default]
    Fine,
    /// Most is in use: what can be done without is given back.
    Alarm,
    /// Nearly all is in use: nothing new is taken in.
    Full,
}

impl MemoryPressure {
    /// The name as a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Alarm => "alarm",
            Self::Full => "full",
        }
    }
}
