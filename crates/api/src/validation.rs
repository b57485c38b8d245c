//! Rules for members of a request, worded as the framework of the published service words them
//! (`reference/stedi.md` §3.4). All failures of a request are collected; the first one ends nothing.

use serde_json::{Map, Value};

use crate::error::{ApiError, FieldFailure};
use crate::limits;

/// What `homeDirectory` may look like: absolute, the published alphabet, no part `.` or `..`, no part that a
/// file system could not name (255 bytes).
pub(crate) const HOME_DIRECTORY_PATTERN: &str =
    r"^/(?!(.*/)?\.{1,2}(/|$))(?!.*[^/]{256})[A-Za-z0-9\-_:.+/]*$";
/// What `description` may look like.
pub(crate) const DESCRIPTION_PATTERN: &str = r"^[A-Za-z0-9\-_ /]+$";
/// What `bucketName` may look like.
pub(crate) const BUCKET_NAME_PATTERN: &str = "^[a-z0-9][a-z0-9-]{2,60}[a-z0-9]$";

/// Failures of one request.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    fields: Vec<FieldFailure>,
    wrong_types: bool,
}

impl Failures {
    /// Ends the collection.
    ///
    /// # Errors
    /// [`ApiError::WrongTypes`] when a member had the wrong JSON type, else [`ApiError::Validation`].
    pub(crate) fn into_result(self) -> Result<(), ApiError> {
        match (self.fields.is_empty(), self.wrong_types) {
            (true, _) => Ok(()),
            (false, true) => Err(ApiError::WrongTypes(self.fields)),
            (false, false) => Err(ApiError::Validation(self.fields)),
        }
    }

    /// `path` broke a constraint; `constraint` continues "failed to satisfy constraint: ".
    pub(crate) fn add(&mut self, path: &str, constraint: &str) {
        self.add_value(path, &format!("Value at '{path}'"), constraint);
    }

    /// The required member is absent or null.
    pub(crate) fn required(&mut self, path: &str) {
        self.add(path, "Member must not be null");
    }

    /// The text does not match `pattern`.
    pub(crate) fn pattern(&mut self, path: &str, pattern: &str) {
        self.add(
            path,
            &format!("Member must satisfy regular expression pattern: {pattern}"),
        );
    }

    /// The number, or what should be one, lies outside of `range`.
    pub(crate) fn range(&mut self, path: &str, range: &std::ops::RangeInclusive<i64>) {
        let (low, high) = (range.start(), range.end());
        self.add(
            path,
            &format!("Member must be between {low} and {high}, inclusive"),
        );
    }

    /// Checks the number of characters.
    pub(crate) fn check_max_length(&mut self, path: &str, text: &str, max: usize) {
        let len = text.chars().count();
        if len > max {
            let subject = format!("Value with length {len} at '{path}'");
            self.add_value(
                path,
                &subject,
                &format!("Member must have length less than or equal to {max}"),
            );
        }
    }

    fn wrong_type(&mut self, path: &str, expected: &str, found: &Value) {
        self.wrong_types = true;
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.add(path, &format!("Member must be {expected}, not {found}"));
    }

    fn add_value(&mut self, path: &str, subject: &str, constraint: &str) {
        self.fields.push(FieldFailure {
            path: path.to_owned(),
            message: format!("{subject} failed to satisfy constraint: {constraint}"),
        });
    }
}

/// The members of a JSON object at a path, read one by one. An absent member and `null` are the same.
pub(crate) struct Members<'a> {
    object: &'a Map<String, Value>,
    at: String,
}

impl<'a> Members<'a> {
    /// The members of the request body itself.
    pub(crate) fn of_body(object: &'a Map<String, Value>) -> Self {
        Self {
            object,
            at: String::new(),
        }
    }

    /// A string, if there is one; another type is a failure.
    pub(crate) fn string(&self, name: &str, failures: &mut Failures) -> Option<&'a str> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            other => {
                failures.wrong_type(&self.path(name), "a string", other);
                None
            }
        }
    }

    /// A string that must be there.
    pub(crate) fn required_string(&self, name: &str, failures: &mut Failures) -> Option<&'a str> {
        if self.value(name).is_none() {
            failures.required(&self.path(name));
        }
        self.string(name, failures)
    }

    /// An object inside, if there is one.
    pub(crate) fn object(&self, name: &str, failures: &mut Failures) -> Option<Members<'a>> {
        match self.value(name)? {
            Value::Object(object) => Some(Members {
                object,
                at: self.path(name),
            }),
            other => {
                failures.wrong_type(&self.path(name), "an object", other);
                None
            }
        }
    }

    /// An integer in `range`, if there is a value. Everything else, strings and fractions included, is told
    /// as out of range: the published service answers `{"length":"20"}` so (`reference/stedi.md` §9 row 5).
    pub(crate) fn integer(
        &self,
        name: &str,
        range: &std::ops::RangeInclusive<i64>,
        failures: &mut Failures,
    ) -> Option<i64> {
        let integer = whole_number(self.value(name)?).filter(|number| range.contains(number));
        if integer.is_none() {
            failures.range(&self.path(name), range);
        }
        integer
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Names are ours and need no escaping as JSON Pointer parts.
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }
}

/// JSON knows one kind of number: `20` and `20.0` are the same value.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the value is whole and within ±1e15"
)]
fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && float.abs() < 1e15).then_some(float as i64)
    })
}

/// Checks `homeDirectory`.
pub(crate) fn check_home_directory(path: &str, home: &str, failures: &mut Failures) {
    if !is_home_directory(home) {
        failures.pattern(path, HOME_DIRECTORY_PATTERN);
    }
    failures.check_max_length(path, home, limits::MAX_HOME_DIRECTORY);
}

/// Checks `description`, or the name of a key, which follows the same rule.
pub(crate) fn check_description(path: &str, text: &str, max: usize, failures: &mut Failures) {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_ /".contains(&b);
    if text.is_empty() || !text.bytes().all(allowed) {
        failures.pattern(path, DESCRIPTION_PATTERN);
    }
    failures.check_max_length(path, text, max);
}

/// [`HOME_DIRECTORY_PATTERN`] by hand.
fn is_home_directory(home: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_:.+/".contains(&b);
    home.starts_with('/')
        && home.bytes().all(allowed)
        && home
            .split('/')
            .all(|part| part != "." && part != ".." && part.len() <= 255)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(failures: Failures) -> Vec<FieldFailure> {
        match failures.into_result() {
            Err(ApiError::Validation(fields) | ApiError::WrongTypes(fields)) => fields,
            _ => Vec::new(),
        }
    }

    #[test]
    fn home_directories_are_absolute_in_the_alphabet_and_without_dot_parts() {
        let long_part = format!("/{}", "a".repeat(255));
        for good in [
            "/",
            "/alice",
            "/alice/",
            "//alice",
            "/a.b/..c/d..",
            "/...",
            "/a:b+c-d_e",
            &long_part,
        ] {
            assert!(is_home_directory(good), "{good}");
        }
        let too_long_part = format!("/x/{}", "a".repeat(256));
        let bad = [
            "", "alice", "/a b", "/a/../b", "/..", "/.", "/a/.", "/./a", "/a\\b", "/é", "/a\n", "/a\0",
        ];
        for bad in bad.into_iter().chain([too_long_part.as_str()]) {
            assert!(!is_home_directory(bad), "{bad}");
        }
    }

    #[test]
    fn absent_and_null_members_are_the_same() {
        let body = json!({"a": null});
        let members = Members::of_body(body.as_object().expect("an object"));
        let mut failures = Failures::default();
        assert_eq!(members.required_string("a", &mut failures), None);
        assert_eq!(members.required_string("b", &mut failures), None);
        assert_eq!(members.string("a", &mut failures), None);
        let messages: Vec<String> = fields(failures).into_iter().map(|field| field.message).collect();
        assert_eq!(
            messages,
            [
                "Value at '/a' failed to satisfy constraint: Member must not be null",
                "Value at '/b' failed to satisfy constraint: Member must not be null",
            ]
        );
    }

    #[test]
    fn integers_are_whole_numbers_in_range() {
        let body = json!({"ok": 20, "whole": 20.0, "half": 16.5, "text": "20", "low": 15, "huge": 1e300});
        let members = Members::of_body(body.as_object().expect("an object"));
        let mut failures = Failures::default();
        assert_eq!(members.integer("ok", &(16..=128), &mut failures), Some(20));
        assert_eq!(members.integer("whole", &(16..=128), &mut failures), Some(20));
        for bad in ["half", "text", "low", "huge"] {
            assert_eq!(members.integer(bad, &(16..=128), &mut failures), None);
        }
        let paths: Vec<String> = fields(failures).into_iter().map(|field| field.path).collect();
        assert_eq!(paths, ["/half", "/text", "/low", "/huge"]);
    }

    #[test]
    fn a_wrong_type_anywhere_makes_the_whole_request_unreadable() {
        let body = json!({"home": 5});
        let members = Members::of_body(body.as_object().expect("an object"));
        let mut failures = Failures::default();
        failures.required("/description");
        assert_eq!(members.string("home", &mut failures), None);
        let Err(ApiError::WrongTypes(fields)) = failures.into_result() else {
            panic!("a number was taken for a string");
        };
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn one_member_may_fail_twice() {
        let mut failures = Failures::default();
        check_description("/description", &"&".repeat(300), 256, &mut failures);
        let error = failures.into_result().expect_err("both rules are broken");
        assert_eq!(
            error.to_string(),
            "2 validation errors at 1 path detected. First failure: Value at '/description' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: ^[A-Za-z0-9\\-_ /]+$"
        );
    }
}
