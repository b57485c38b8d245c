//! The queries: one text for SQLite and PostgreSQL.
//!
//! `$1` placeholders, `ON CONFLICT`, `RETURNING`, keyset pagination; times are BIGINT milliseconds. What
//! only one engine understands stays in that engine's module. Functions here run one statement each and
//! take part in whatever transaction their caller has open.

pub(crate) mod accounts;
pub(crate) mod buckets;
pub(crate) mod invocations;
pub(crate) mod keys;
pub(crate) mod uploads;
pub(crate) mod users;

use crate::sqlite::engine::{Connection, Database, Row, failed};
