//! Who may log in, where files lie, which API keys count: types, store traits with their suite, and SQLite.
//!
//! This crate knows neither SSH nor HTTP. `server` and `api` meet here.

mod clock;
mod date;
mod error;
pub mod limits;
mod model;
mod page_token;
mod random;
mod sealer;
mod secrets;
mod sql;
mod sqlite;
mod store;
#[cfg(feature = "suite")]
pub mod suite;
mod uploads;
mod verifier;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{CatalogError, Result};
pub use model::*;
pub use secrets::Secrets;
pub use sqlite::{SqliteCatalog, SqliteOptions};
pub use store::{BucketStore, Catalog, KeyStore, UploadStore, UserStore};
pub use uploads::{RecordedUpload, UploadDigest, UploadKey, UploadPage, UploadRecord};
pub use verifier::Verifiers;
