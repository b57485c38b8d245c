//! The server as a process: its start, what lives while it runs, and its end.

mod admin_socket;
mod banner;
mod clock;
mod expiry;
mod first_start;
mod listen;
mod lock;
mod logging;
mod notify;
mod parts;
mod process;
mod public_host;
mod run;
mod server_file;
mod signals;

pub use admin_socket::AdminSocketPath;
pub use listen::{InvalidListenAddress, ListenAddress};
pub(crate) use parts::local_options;
pub(crate) use public_host::public_host;
pub use run::run;
pub use server_file::ServerFile;
pub(crate) use signals::Signals;
