//! The things the catalog keeps.

use secrecy::SecretString;

/// Row id of a user; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// Row id of an API key; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId(pub i64);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// A day in UTC, shown as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// Days since 1970-01-01.
    pub days: i32,
}

/// One SFTP login (`reference/stedi.md` §1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Generated: 8 characters of A–Z and 0–9; never reused, also not after deletion.
    pub username: String,
    /// Home directory as the caller wrote it.
    pub home_directory: String,
    /// Description as the caller wrote it.
    pub description: String,
    /// Bucket that the home lies in.
    pub bucket: String,
    /// Day of the last successful login over any protocol.
    pub last_connected: Option<Date>,
    /// When it was made.
    pub created: Timestamp,
}

/// A user to be made. All fields were validated by the caller.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Home directory as written.
    pub home_directory: String,
    /// Description as written.
    pub description: String,
    /// Bucket name; must exist.
    pub bucket: String,
    /// Length of the password to generate, 16 to 128 characters of `[A-Za-z0-9]`.
    pub password_length: u32,
}

/// Who repeats what: `(caller, id)` names one call, `fingerprint` tells whether it is the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The API key, or `None` for the admin socket.
    pub caller: Option<ApiKeyId>,
    /// `amz-sdk-invocation-id`, at most 128 bytes.
    pub id: String,
    /// SHA-256 over method, path and body.
    pub fingerprint: [u8; 32],
}

/// A user just made, or the same answer once more.
#[derive(Debug)]
pub struct CreatedUser {
    /// The user as it was made.
    pub user: User,
    /// The generated password: shown once.
    pub password: SecretString,
    /// The answer of an earlier call with the same invocation id.
    pub replayed: bool,
}

/// Changes to a user; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    /// New description.
    pub description: Option<String>,
    /// New home directory, for future logins.
    pub home_directory: Option<String>,
    /// New bucket, for future logins; must exist.
    pub bucket: Option<String>,
}

/// What a delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The user is gone now.
    Now,
    /// An earlier call with the same invocation id deleted it.
    Replayed,
}

/// A page of users in creation order.
#[derive(Debug, Clone)]
pub struct UserPage {
    /// At most `page_size` users.
    pub users: Vec<User>,
    /// Opaque; `None` when no more users follow.
    pub next_page_token: Option<String>,
}

/// An API key as it can be listed: never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Row id.
    pub id: ApiKeyId,
    /// Visible start of the key, `prefix` of `prefix.secret`; unique.
    pub prefix: String,
    /// What the operator called it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A key just made.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key's record.
    pub key: ApiKey,
    /// The whole key, `prefix.secret`: shown once.
    pub secret: SecretString,
}

/// A change of a user that open sessions must hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    /// Deleted: end its sessions.
    Deleted(UserId),
    /// Home or bucket changed: open sessions keep their root.
    Remapped(UserId),
}
