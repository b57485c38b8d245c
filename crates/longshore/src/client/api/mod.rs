//! The client of the API that the `user`, `upload` and `api-key` commands use: over HTTP with a key, or over the admin
//! socket without one.

mod answer;
mod key;
mod target;
mod transport;
mod url;

pub use answer::Answer;
pub use key::ApiKey;
pub use target::{ClientArgs, Target};
pub use transport::Client;
pub use url::{InvalidUrl, Url};
