//! What callers get to read about users.

use longshore_catalog::{CreatedUser, User, UserPage};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::state::ApiSettings;

/// A user just made, with the password that is never shown again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateUserResponse {
    /// Generated name, for logins and for the other operations.
    #[schema(example = "WL9F11A9")]
    username: String,
    /// Generated password.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// As it was sent.
    #[schema(example = "/partners/alice")]
    home_directory: String,
    /// Bucket that the home directory lies in.
    #[schema(example = "565460e4-4c6f-4a55-87f1-a9d27616f8aa-sftp")]
    bucket_name: String,
    /// As it was sent.
    description: String,
    /// Host name for SFTP clients.
    #[schema(example = "sftp.example.com")]
    endpoint: String,
    /// Port for SFTP clients.
    #[schema(example = 2022)]
    port: u16,
    /// Fingerprint of the server's host key, as OpenSSH shows it.
    #[schema(example = "SHA256:uNiVztksCsDhcc0u9e8BrrMIs4RaYtYhRtqAFtCkOcM")]
    host_key_fingerprint: String,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserResponse {
    /// Generated name, for logins and for the other operations.
    #[schema(example = "WL9F11A9")]
    username: String,
    /// As it was sent.
    #[schema(example = "/partners/alice")]
    home_directory: String,
    /// Bucket that the home directory lies in.
    #[schema(example = "565460e4-4c6f-4a55-87f1-a9d27616f8aa-sftp")]
    bucket_name: String,
    /// As it was sent.
    description: String,
    /// Host name for SFTP clients.
    #[schema(example = "sftp.example.com")]
    endpoint: String,
    /// Port for SFTP clients.
    #[schema(example = 2022)]
    port: u16,
    /// Fingerprint of the server's host key, as OpenSSH shows it.
    #[schema(example = "SHA256:uNiVztksCsDhcc0u9e8BrrMIs4RaYtYhRtqAFtCkOcM")]
    host_key_fingerprint: String,
    /// Day (UTC) of the last successful login over any protocol; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = Date, example = "2026-11-21")]
    last_connected_date: Option<String>,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListUsersResponse {
    /// The users; empty when there are none.
    items: Vec<UserResponse>,
    /// `pageToken` of the next page; absent on the last one, never empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_page_token: Option<String>,
}

impl CreateUserResponse {
    /// Puts what the catalog made together with how the server is reached.
    pub(crate) fn new(created: CreatedUser, settings: &ApiSettings) -> Self {
        let CreatedUser { user, password, .. } = created;
        Self {
            username: user.username,
            password,
            home_directory: user.home_directory,
            bucket_name: user.bucket,
            description: user.description,
            endpoint: settings.public_host.clone(),
            port: settings.sftp_port,
            host_key_fingerprint: settings.host_key_fingerprint.clone(),
        }
    }
}

impl UserResponse {
    /// Puts a user together with how the server is reached.
    pub(crate) fn new(user: User, settings: &ApiSettings) -> Self {
        Self {
            username: user.username,
            home_directory: user.home_directory,
            bucket_name: user.bucket,
            description: user.description,
            endpoint: settings.public_host.clone(),
            port: settings.sftp_port,
            host_key_fingerprint: settings.host_key_fingerprint.clone(),
            last_connected_date: user.last_connected.map(|day| day.to_string()),
        }
    }
}

impl ListUsersResponse {
    /// A page as the wire has it. An empty token would send hand-written loops round for ever.
    pub(crate) fn new(page: UserPage, settings: &ApiSettings) -> Self {
        let items = page
            .users
            .into_iter()
            .map(|user| UserResponse::new(user, settings));
        Self {
            items: items.collect(),
            next_page_token: page.next_page_token.filter(|token| !token.is_empty()),
        }
    }
}

/// The one place where a password leaves its wrapper: the answer that shows it once.
fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
