//! What can be asked of a server, one file each.

pub mod single;
