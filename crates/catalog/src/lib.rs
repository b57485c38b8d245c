//! Who may log in, where files lie, which API keys count: types, store traits with their suite, and SQLite.
//!
//! This crate knows neither SSH nor HTTP. `server` and `api` meet here.

mod error;
mod model;
mod store;

pub use error::{CatalogError, Result};
pub use model::*;
pub use store::{BucketStore, Catalog, KeyStore, UserStore};
