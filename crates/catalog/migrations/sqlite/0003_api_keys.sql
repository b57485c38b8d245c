CREATE TABLE api_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT  NOT NULL REFERENCES accounts (id),
    prefix     TEXT    NOT NULL UNIQUE,
    verifier   TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_ms BIGINT  NOT NULL,
    revoked_ms BIGINT
);
