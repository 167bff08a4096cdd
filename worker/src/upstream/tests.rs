//! Calls to services that listen on loopback.

mod addresses;
mod deliveries;
mod kinds;
mod redirects;
mod scripted;
