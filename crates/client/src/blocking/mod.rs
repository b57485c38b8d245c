//! The same for programs without a runtime, in the style of [`std::fs`].
//!
//! [`Client`] connects and owns a runtime of one thread; [`File`] is [`Read`](std::io::Read), [`Write`](std::io::Write) and
//! [`Seek`](std::io::Seek), and reads and writes at offsets through `&self`. Whatever else the asynchronous side offers is
//! reached by [`Client::block_on`].
//!
//! None of it may be called from a thread that runs asynchronous tasks.

mod client;
mod file;
mod runtime;

pub use client::{Client, ReadDir};
pub use file::File;
