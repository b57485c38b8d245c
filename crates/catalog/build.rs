//! Embedded migrations are read at compile time: build again when a file is added.

#![allow(clippy::print_stdout)] // the way to talk to cargo

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
