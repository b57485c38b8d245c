//! The API over real sockets, on a real catalog and a real store. Tests named `row_…` answer to the rows of
//! `reference/stedi.md` §9; rows that need an SFTP login are tested with the published SDK.

mod access;
mod api_keys;
mod connections;
mod create_user;
mod faults;
mod invocations;
mod list_users;
mod logs;
mod one_user;
mod openapi;
mod routes;
mod support;
mod uploads;
