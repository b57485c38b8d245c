//! The server through real clients, on the real store and catalog.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod bad_input;
mod directories;
mod extensions;
mod openssh;
mod ordering;
mod sessions;
mod uploads;
