//! The server through real clients, on the real store and catalog.

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod bad_input;
mod check_file;
mod commands;
mod copies;
mod directories;
mod extensions;
mod large;
mod openssh;
mod ordering;
mod scp;
mod sessions;
mod uploads;
mod verdicts;
