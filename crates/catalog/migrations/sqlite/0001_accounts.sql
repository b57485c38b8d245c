-- One account per installation for now; every other table points here all the same.
CREATE TABLE accounts (
    id           INTEGER PRIMARY KEY,
    uuid         TEXT    NOT NULL UNIQUE,
    -- Derived from the pepper: tells a lost or foreign pepper from the right one.
    pepper_check BLOB    NOT NULL,
    -- Kept beside the rows, because counting 100,000 rows for each new user is too slow.
    user_count   BIGINT  NOT NULL DEFAULT 0 CHECK (user_count >= 0),
    created_ms   BIGINT  NOT NULL
);

CREATE TABLE buckets (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT  NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL UNIQUE,
    created_ms BIGINT  NOT NULL
);
