-- One row for each upload that was published. Rows are only added; a digest that was still being made is filled in once,
-- and rows that are too old are deleted.
CREATE TABLE uploads (
    -- In the order of recording, newest last; never reused.
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  BIGINT  NOT NULL REFERENCES accounts (id),
    -- The store's own name for the upload: the same upload is never on record twice.
    id          BLOB    NOT NULL UNIQUE,
    -- No reference: records outlive their user.
    user_id     BIGINT  NOT NULL,
    username    TEXT    NOT NULL,
    bucket      TEXT    NOT NULL,
    path        BLOB    NOT NULL,
    size        BIGINT  NOT NULL,
    sha256      BLOB,
    digest      TEXT    NOT NULL CHECK (digest IN ('known', 'pending', 'absent')),
    verdict     TEXT    NOT NULL,
    -- JSON.
    evidence    TEXT    NOT NULL,
    began_ms    BIGINT  NOT NULL,
    finished_ms BIGINT  NOT NULL,
    client      TEXT    NOT NULL,
    peer        TEXT    NOT NULL,
    session     BIGINT  NOT NULL
);

CREATE INDEX uploads_by_age ON uploads (finished_ms);
CREATE INDEX uploads_by_name ON uploads (bucket, path, seq);

-- What happened to the file of an upload afterwards: only added, deleted with its upload.
CREATE TABLE upload_events (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    upload_id BLOB    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    kind      TEXT    NOT NULL CHECK (kind IN ('renamed')),
    -- The new name.
    path      BLOB    NOT NULL,
    at_ms     BIGINT  NOT NULL
);

CREATE INDEX upload_events_by_upload ON upload_events (upload_id, seq);
