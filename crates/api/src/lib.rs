//! The HTTP API: users as `reference/stedi.md` describes them, API keys, health and the OpenAPI document.
//!
//! [`ApiState`] joins the catalog and the store; [`router`] turns it into the routes that API keys open,
//! [`admin_router`] into the same routes for the machine's own socket, and [`serve`] answers connections.
//! Whatever goes wrong is answered in JSON with a stable code: see [`ApiError`].

mod api_keys;
mod auth;
mod body;
mod buckets;
mod connection;
mod context;
mod cors;
mod docs;
mod error;
mod health;
mod invocation;
mod limits;
mod load;
mod routes;
mod serve;
mod state;
mod text;
mod uploads;
mod users;
mod validation;
mod wire;

pub use docs::openapi;
pub use error::{ApiError, FieldFailure};
pub use routes::{admin_router, router};
pub use serve::{AdminListener, ServeOptions, serve, serve_with};
pub use state::{ApiSettings, ApiState};
