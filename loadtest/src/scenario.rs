//! What can be asked of a server, one file each.

pub mod archive;
pub mod bulk;
pub mod cancel;
pub mod capacity;
pub mod duplicate;
pub mod events;
pub mod fallover;
pub mod flood;
pub mod hot_key;
pub mod idle;
pub mod incident;
pub mod inversion;
pub mod keys;
pub mod mixed;
pub mod noisy;
pub mod refusal;
pub mod replay;
pub mod restart;
pub mod retries;
pub mod single;
pub mod slow;
pub mod stampede;
pub mod step;
pub mod steps;
pub mod versus;
pub mod waiting;
