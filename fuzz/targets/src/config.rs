//! The configuration file: any text is read or refused without a panic, and what was read is
//! written as a file that is read as the same.

use crate::allocations::at_most;
use overtime_server::config::Config;

/// The bytes are a file.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let room = MEMORY_BASE_BYTES + 1024 * data.len();
    let Ok(config) = at_most(room, || toml::from_str::<Config>(text)) else { return };
    drop(config.check());
    let written = config.to_toml();
    let again = toml::from_str::<Config>(&written);
    assert_eq!(again.as_ref(), Ok(&config), "as written:\n{written}");
}

const MEMORY_BASE_BYTES: usize = 1024 * 1024;
