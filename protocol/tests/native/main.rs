//! The native protocol from outside: what a deframer makes of good, of wrong and of random bytes,
//! however they are cut, and the bytes that every later version has to understand.

mod answers;
mod cases;
mod drive;
mod frames;
mod noise;
mod refusals;
mod vectors;
