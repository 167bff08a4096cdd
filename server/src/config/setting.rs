//! Settings as text: how a value is read from the environment. Files give theirs in TOML's types.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A single value that can be set from text.
pub trait Setting {
    /// Takes the value in `text`.
    ///
    /// # Errors
    /// One sentence for a person that says what is expected; the setting is unchanged then.
    fn set(&mut self, text: &str) -> Result<(), String>;
}

impl Setting for SocketAddr {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse().map_err(|_| {
            format!("`{text}` is not an address and port, such as 127.0.0.1:7070 or [::1]:7070")
        })?;
        Ok(())
    }
}

impl Setting for PathBuf {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.into();
        Ok(())
    }
}

impl Setting for bool {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = match text {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(format!("`{text}` is neither true nor false")),
        };
        Ok(())
    }
}

impl Setting for usize {
    fn set(&mut self, text: &str) -> Result<(), String> {
        *self = text.parse().map_err(|_| format!("`{text}` is not a whole number"))?;
        Ok(())
    }
}
