//! Migrations.

use sqlx::Row;
use sqlx::migrate::Migrator;

use super::Installation;
use crate::error::CatalogError;
use crate::sqlite::engine::{self, Connection, MIGRATIONS};

/// All that SQLite knows of the schema.
async fn schema(conn: &mut Connection) -> Vec<(String, String, Option<String>)> {
    sqlx::query("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .fetch_all(conn)
        .await
        .expect("schema")
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

async fn blank(here: &Installation) -> Connection {
    engine::create_file(&here.database()).expect("create");
    engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect")
}

#[tokio::test]
async fn step_by_step_and_at_once_give_the_same_schema() {
    let (fresh, old) = (Installation::new(), Installation::new());
    let (mut at_once, mut stepwise) = (blank(&fresh).await, blank(&old).await);
    engine::migrate(&mut at_once, &fresh.database())
        .await
        .expect("migrate");
    let all: Vec<_> = MIGRATIONS.iter().cloned().collect();
    assert!(all.len() > 1);
    for known in 1..=all.len() {
        // As the program of that day would have done it.
        let program = Migrator::with_migrations(all[..known].to_vec());
        program
            .run_direct(None, &mut stepwise, false)
            .await
            .expect("migrate");
    }
    let expected = schema(&mut at_once).await;
    assert!(
        expected
            .iter()
            .any(|(kind, name, _)| kind == "table" && name == "users")
    );
    assert_eq!(schema(&mut stepwise).await, expected);
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let numbers: Vec<i64> = MIGRATIONS.iter().map(|m| m.version).collect();
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let here = Installation::new();
    here.open().await.close().await;
    let mut conn = engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect");
    for version in [998, 999] {
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES ($1, 'of the future', TRUE, x'00', 0)",
        )
        .bind(version)
        .execute(&mut conn)
        .await
        .expect("insert");
    }
    let known = MIGRATIONS.iter().count();
    match here.try_open().await.map(|_| ()) {
        Err(CatalogError::SchemaTooNew {
            path,
            found,
            known: k,
        }) => {
            assert_eq!(
                (path, found, usize::try_from(k).expect("small")),
                (here.database(), 999, known)
            );
        }
        other => panic!("expected SchemaTooNew, got {other:?}"),
    }
}

#[tokio::test]
async fn a_step_that_reads_differently_is_reported() {
    let here = Installation::new();
    here.open().await.close().await;
    let mut conn = engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect");
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1")
        .execute(&mut conn)
        .await
        .expect("update");
    let refused = here.try_open().await.map(|_| ());
    assert!(
        matches!(
            refused,
            Err(CatalogError::Corrupt {
                what: "database schema",
                ..
            })
        ),
        "{refused:?}"
    );
}
