//! Splitting the words of a command. `-h` is `--host` here, methods are found in any case, and an option without a value
//! counts as not given: no parser of the usual kind does that.

use std::ffi::OsString;
use std::path::PathBuf;

/// The words, sorted.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) library: Option<String>,
    pub(super) method: Option<String>,
    /// Options of the method, in the order of the command; an empty value counts as not given.
    pub(super) options: Vec<(Name, String)>,
    pub(super) help: bool,
    pub(super) debug: bool,
    pub(super) test: bool,
    pub(super) strict_exit: bool,
    pub(super) out: Option<PathBuf>,
}

/// How an option was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Long(String),
    Short(char),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long(name) => write!(f, "--{name}"),
            Self::Short(letter) => write!(f, "-{letter}"),
        }
    }
}

impl Given {
    /// # Errors
    /// What is too much, or not text.
    pub(super) fn split(words: &[OsString]) -> Result<Self, String> {
        let mut given = Self::default();
        let mut words = words
            .iter()
            .map(|word| {
                word.to_str()
                    .ok_or_else(|| format!("'{}' is not UTF-8", word.to_string_lossy()))
            })
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .peekable();
        while let Some(word) = words.next() {
            let Some((name, value)) = option(word) else {
                given.positional(word)?;
                continue;
            };
            let value = match value {
                Some(value) => value.to_owned(),
                None if is_switch(&name) => String::new(),
                None => words
                    .next_if(|next| option(next).is_none())
                    .unwrap_or_default()
                    .to_owned(),
            };
            given.option(name, value)?;
        }
        Ok(given)
    }

    fn positional(&mut self, word: &str) -> Result<(), String> {
        let place = match (&self.library, &self.method) {
            (None, _) => &mut self.library,
            (Some(_), None) if self.options.is_empty() => &mut self.method,
            _ => {
                return Err(format!(
                    "unexpected word '{word}': values follow options, as in --path {word}"
                ));
            }
        };
        *place = Some(word.to_owned());
        Ok(())
    }

    fn option(&mut self, name: Name, value: String) -> Result<(), String> {
        match &name {
            Name::Long(long) => match long.as_str() {
                "help" => self.help = true,
                "debug" => self.debug = true,
                "test" => self.test = true,
                "strict-exit" => self.strict_exit = true,
                "out" => {
                    self.out = Some(PathBuf::from(&value)).filter(|_| !value.is_empty());
                }
                _ => self.options.push((name, value)),
            },
            Name::Short(_) => self.options.push((name, value)),
        }
        Ok(())
    }
}

fn is_switch(name: &Name) -> bool {
    matches!(name, Name::Long(name) if matches!(name.as_str(), "help" | "debug" | "test" | "strict-exit"))
}

/// A word that names an option, with its value if it is in the same word. A key's text starts with five dashes and a
/// number below zero with a dash and a digit: these are values.
fn option(word: &str) -> Option<(Name, Option<&str>)> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    if let Some(long) = name.strip_prefix("--") {
        let is_name = long.starts_with(|c: char| c.is_ascii_alphabetic())
            && long
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        return is_name.then(|| (Name::Long(long.to_owned()), value));
    }
    let mut letters = name.strip_prefix('-')?.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii_alphabetic() => Some((Name::Short(letter), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(words: &[&str]) -> Given {
        Given::split(&words.iter().map(OsString::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn values_follow_or_are_joined() {
        let given = split(&[
            "sftp",
            "ListObjects",
            "--conn",
            "c.json",
            "-p=in box",
            "--rcv",
            "true",
        ]);
        assert_eq!(
            (given.library.as_deref(), given.method.as_deref()),
            (Some("sftp"), Some("ListObjects"))
        );
        assert_eq!(
            given.options,
            [
                (Name::Long("conn".into()), "c.json".into()),
                (Name::Short('p'), "in box".into()),
                (Name::Long("rcv".into()), "true".into()),
            ]
        );
    }

    #[test]
    fn an_option_before_another_or_at_the_end_is_empty() {
        let given = split(&["sftp", "m", "--pass", "--user", "u", "--pub"]);
        let values: Vec<&str> = given.options.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["", "u", ""]);
    }

    #[test]
    fn values_may_start_with_dashes() {
        let given = split(&[
            "sftp",
            "m",
            "--key",
            "-----BEGIN KEY-----",
            "--port",
            "-1",
            "--comm=--version",
        ]);
        let values: Vec<&str> = given.options.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["-----BEGIN KEY-----", "-1", "--version"]);
    }

    #[test]
    fn switches_take_no_value_and_surplus_words_are_errors() {
        let given = split(&["sftp", "m", "--debug", "--path", "x", "--test", "--out", "f"]);
        assert!(given.debug && given.test);
        assert_eq!(given.out, Some(PathBuf::from("f")));
        assert_eq!(given.options.len(), 1);
        let words = ["sftp", "m", "--path", "x", "y"].map(OsString::from);
        assert!(Given::split(&words).unwrap_err().contains("'y'"));
    }
}
