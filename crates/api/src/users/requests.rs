//! What callers send about users, checked by the rules of `reference/stedi.md` §1.

use longshore_storage::BucketName;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::limits;
use crate::validation::{self, Failures, Members};

/// Body of CreateUser. Unknown members are ignored, `null` is the same as absent.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CreateUserRequest {
    /// Absolute path inside the bucket: all that the user can reach. Several users may share one, or nest.
    #[schema(
        pattern = r"^/(?!(.*/)?\.{1,2}(/|$))(?!.*[^/]{256})[A-Za-z0-9\-_:.+/]*$",
        max_length = 1024,
        example = "/partners/alice"
    )]
    pub(crate) home_directory: String,
    /// Words for people.
    #[schema(
        pattern = r"^[A-Za-z0-9\-_ /]+$",
        max_length = 256,
        example = "Trading partner Alice"
    )]
    pub(crate) description: String,
    /// Bucket that the home directory lies in; default: the account's SFTP bucket.
    #[schema(nullable = false, pattern = "^[a-z0-9][a-z0-9-]{2,60}[a-z0-9]$")]
    pub(crate) bucket_name: Option<String>,
    /// How the password is generated.
    #[schema(nullable = false)]
    pub(crate) password_options: Option<PasswordOptions>,
}

/// How a password is generated.
#[derive(Debug, PartialEq, Eq, ToSchema)]
pub(crate) struct PasswordOptions {
    /// Number of characters.
    #[schema(required = false, minimum = 16, maximum = 128, default = 16)]
    pub(crate) length: u32,
}

/// Body of UpdateUser. Unknown members are ignored, `null` is the same as absent.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct UpdateUserRequest {
    /// Words for people.
    #[schema(
        pattern = r"^[A-Za-z0-9\-_ /]+$",
        max_length = 256,
        example = "Trading partner Alice"
    )]
    pub(crate) description: String,
    /// New home directory; absent: unchanged.
    #[schema(
        nullable = false,
        pattern = r"^/(?!(.*/)?\.{1,2}(/|$))(?!.*[^/]{256})[A-Za-z0-9\-_:.+/]*$",
        max_length = 1024,
        example = "/partners/alice"
    )]
    pub(crate) home_directory: Option<String>,
    /// New bucket; absent: unchanged.
    #[schema(nullable = false, pattern = "^[a-z0-9][a-z0-9-]{2,60}[a-z0-9]$")]
    pub(crate) bucket_name: Option<String>,
}

/// Query of ListUsers.
#[derive(Debug)]
pub(crate) struct ListUsersRequest<'a> {
    /// Users on one page; `None` when it was not valid.
    pub(crate) page_size: Option<u32>,
    /// Where to go on; `None` for the first page.
    pub(crate) page_token: Option<&'a str>,
    /// What is known to be wrong before the token was tried.
    pub(crate) failures: Failures,
}

impl CreateUserRequest {
    /// Reads the body; everything wrong with it goes to `failures`, and then the result is `None`.
    pub(crate) fn read(body: &Map<String, Value>, failures: &mut Failures) -> Option<Self> {
        let members = Members::of_body(body);
        let home_directory = members.required_string("homeDirectory", failures);
        check_home_directory(home_directory, failures);
        let description = members.required_string("description", failures);
        check_description(description, failures);
        let bucket_name = read_bucket_name(&members, failures);
        let password_options = members
            .object("passwordOptions", failures)
            .map(|options| PasswordOptions::read(&options, failures));
        Some(Self {
            home_directory: home_directory?.to_owned(),
            description: description?.to_owned(),
            bucket_name,
            password_options,
        })
    }

    /// Length of the password to generate.
    pub(crate) fn password_length(&self) -> u32 {
        self.password_options
            .as_ref()
            .map_or(limits::DEFAULT_PASSWORD_LENGTH, |options| options.length)
    }
}

impl PasswordOptions {
    fn read(members: &Members<'_>, failures: &mut Failures) -> Self {
        let length = members.integer("length", &limits::PASSWORD_LENGTH, failures);
        let length = length.and_then(|length| u32::try_from(length).ok());
        Self {
            length: length.unwrap_or(limits::DEFAULT_PASSWORD_LENGTH),
        }
    }
}

impl UpdateUserRequest {
    /// As [`CreateUserRequest::read`].
    pub(crate) fn read(body: &Map<String, Value>, failures: &mut Failures) -> Option<Self> {
        let members = Members::of_body(body);
        let description = members.required_string("description", failures);
        check_description(description, failures);
        let home_directory = members.string("homeDirectory", failures);
        check_home_directory(home_directory, failures);
        let bucket_name = read_bucket_name(&members, failures);
        Some(Self {
            description: description?.to_owned(),
            home_directory: home_directory.map(str::to_owned),
            bucket_name,
        })
    }
}

impl<'a> ListUsersRequest<'a> {
    /// Reads the query; of a parameter that comes twice the first counts.
    pub(crate) fn from_query(query: &'a [(String, String)]) -> Self {
        let value = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let mut failures = Failures::default();
        let page_size = match value("pageSize") {
            None => Some(limits::DEFAULT_PAGE_SIZE),
            Some(text) => page_size(text),
        };
        if page_size.is_none() {
            failures.range("/pageSize", &limits::PAGE_SIZE);
        }
        Self {
            page_size,
            page_token: value("pageToken").filter(|token| !token.is_empty()),
            failures,
        }
    }
}

fn page_size(text: &str) -> Option<u32> {
    let number: i64 = text.parse().ok()?;
    limits::PAGE_SIZE
        .contains(&number)
        .then(|| u32::try_from(number).ok())?
}

fn check_home_directory(home: Option<&str>, failures: &mut Failures) {
    if let Some(home) = home {
        validation::check_home_directory("/homeDirectory", home, failures);
    }
}

fn check_description(description: Option<&str>, failures: &mut Failures) {
    if let Some(description) = description {
        validation::check_description("/description", description, limits::MAX_DESCRIPTION, failures);
    }
}

/// The bucket that a body asks for, if its name could be one: for the look whether it exists, which must not
/// depend on other members.
pub(crate) fn bucket_asked_for(body: &Map<String, Value>) -> Option<&str> {
    let name = body.get("bucketName")?.as_str()?;
    BucketName::parse(name).is_ok().then_some(name)
}

fn read_bucket_name(members: &Members<'_>, failures: &mut Failures) -> Option<String> {
    let name = members.string("bucketName", failures)?;
    if BucketName::parse(name).is_err() {
        failures.pattern("/bucketName", validation::BUCKET_NAME_PATTERN);
        return None;
    }
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(body: &Value) -> Result<CreateUserRequest, Vec<String>> {
        let mut failures = Failures::default();
        let request = CreateUserRequest::read(body.as_object().expect("an object"), &mut failures);
        match failures.into_result() {
            Ok(()) => Ok(request.expect("without failures there is a request")),
            Err(crate::ApiError::Validation(fields) | crate::ApiError::WrongTypes(fields)) => {
                Err(fields.into_iter().map(|field| field.path).collect())
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_full_body_is_read_and_unknown_members_are_ignored() {
        let request = create(&json!({
            "homeDirectory": "//alice/", "description": "Alice", "bucketName": "abc-sftp",
            "passwordOptions": {"length": 20, "charset": "x"}, "color": "red",
        }))
        .expect("a valid body");
        assert_eq!(request.home_directory, "//alice/");
        assert_eq!(request.bucket_name.as_deref(), Some("abc-sftp"));
        assert_eq!(request.password_length(), 20);
    }

    #[test]
    fn password_options_may_be_empty_or_null() {
        for options in [json!({}), json!(null), json!({"length": null})] {
            let body = json!({"homeDirectory": "/", "description": "a", "passwordOptions": options});
            assert_eq!(create(&body).expect("a valid body").password_length(), 16);
        }
    }

    #[test]
    fn every_fault_is_reported_in_the_order_of_the_members() {
        let body = json!({"homeDirectory": "alice", "bucketName": "X", "passwordOptions": {"length": 5}});
        assert_eq!(
            create(&body),
            Err(vec![
                "/homeDirectory".to_owned(),
                "/description".to_owned(),
                "/bucketName".to_owned(),
                "/passwordOptions/length".to_owned(),
            ])
        );
    }

    #[test]
    fn page_sizes_are_integers_from_1_to_50() {
        assert_eq!(page_size("1"), Some(1));
        assert_eq!(page_size("50"), Some(50));
        for bad in ["0", "51", "-1", "abc", "", "1.5", "99999999999999999999"] {
            assert_eq!(page_size(bad), None, "{bad}");
        }
    }
}
