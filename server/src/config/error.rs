//! What can be wrong with a configuration, said so that a person can mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no TOML, or names a key that is not known, or gives a value that is not one.
    Malformed {
        /// Which.
        path: PathBuf,
        /// Line, column and what is expected there.
        error: Box<toml::de::Error>,
    },
    /// A value in the environment is none.
    Environment {
        /// Its name.
        name: String,
        /// What is expected.
        problem: String,
    },
    /// Each value is one, but together they make no sense: a sentence for each contradiction.
    OutOfBounds(Vec<String>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            Self::Malformed { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Environment { name, problem } => write!(f, "{name}: {problem}"),
            Self::OutOfBounds(problems) => f.write_str(&problems.join("\n")),
        }
    }
}

impl std::error::Error for ConfigError {}
