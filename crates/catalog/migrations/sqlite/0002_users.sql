-- Every name that was ever given out. Rows are never deleted: a name is never given out again.
CREATE TABLE used_usernames (
    username TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE users (
    -- AUTOINCREMENT: the id of a deleted user never comes back, and ids rise in creation order.
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id         BIGINT  NOT NULL REFERENCES accounts (id),
    username           TEXT    NOT NULL UNIQUE REFERENCES used_usernames (username),
    verifier           TEXT    NOT NULL,
    home_directory     TEXT    NOT NULL,
    description        TEXT    NOT NULL,
    bucket_id          BIGINT  NOT NULL REFERENCES buckets (id),
    -- Days since 1970-01-01 in UTC.
    last_connected_day BIGINT,
    created_ms         BIGINT  NOT NULL
);

CREATE INDEX users_in_creation_order ON users (account_id, id);
