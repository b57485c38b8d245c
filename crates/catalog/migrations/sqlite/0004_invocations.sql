-- Answers that may be asked for once more. Rows live as long as the replay window and are deleted then.
CREATE TABLE invocations (
    -- Row id of the API key; 0 for the admin socket, since NULL would not count as equal in the key.
    caller          BIGINT NOT NULL,
    id              TEXT   NOT NULL,
    operation       TEXT   NOT NULL CHECK (operation IN ('create_user', 'delete_user')),
    fingerprint     BLOB   NOT NULL,
    created_ms      BIGINT NOT NULL,
    -- The user as it was made; all NULL for a delete. No reference: the user may be gone by now.
    user_id         BIGINT,
    username        TEXT,
    home_directory  TEXT,
    description     TEXT,
    bucket          TEXT,
    sealed_password BLOB,
    PRIMARY KEY (caller, id)
);

CREATE INDEX invocations_by_age ON invocations (created_ms);
