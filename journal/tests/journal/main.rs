//! The journal from outside, one binary: the process's one opener is minted once.

mod life;
mod support;
