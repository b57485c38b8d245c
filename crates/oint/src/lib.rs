//! The functions of `OPI_SFTP` and `OPI_SSH` of the Open Integration Package: settings JSON in, result JSON out,
//! over [`longshore_client`].
//!
//! [`call`] runs a function by name, [`cli::run`] a command line; [`Connector`] is the connection that many calls share.
//! All of them wait: they are for callers that know no asynchronous tasks.

mod builders;
mod call;
pub mod cli;
mod connector;
mod data;
mod entry;
mod error;
mod fetch;
mod log;
mod operations;
mod options;
mod runtime;
mod settings;
mod table;
mod value;

pub use call::{UnknownFunction, call, run};
pub use connector::{Connector, TYPE_NAME};
pub use error::{OintError, Result};
pub use options::TRUST_VARIABLE;
pub use table::{FUNCTIONS, Function, Kind, Library, Parameter, Spec};
pub use value::{Argument, Outcome};
