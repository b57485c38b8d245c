//! Prints the OpenAPI document: `cargo run -q -p longshore-api --example openapi > docs/openapi.json`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(longshore_api::openapi().as_bytes())
}
