//! A file system for tests that forgets whatever was not synced.

fn main() {}
