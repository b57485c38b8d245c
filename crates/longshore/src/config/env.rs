//! The environment as a source of settings.

use std::ffi::{OsStr, OsString};

use super::settings::SETTINGS;
use super::suggest::nearest;

/// `LONGSHORE_CONFIG` names the file and is no setting of its own.
pub(super) const CONFIG_VARIABLE: &str = "LONGSHORE_CONFIG";

const PREFIX: &str = "LONGSHORE_";

/// What is to be said of a `LONGSHORE_…` variable that no setting has.
pub(super) enum Unknown {
    /// Surely a slip of the pen for the named one.
    Typo(String),
    /// Ours by its name, but like nothing we know.
    Stray,
}

/// Sorts the variables that start with our prefix and belong to no setting.
pub(super) fn unknown(variables: &[(OsString, OsString)]) -> Vec<(String, Unknown)> {
    let known: Vec<String> = SETTINGS
        .iter()
        .map(|s| s.env())
        .chain([CONFIG_VARIABLE.to_owned()])
        .collect();
    let mut found: Vec<(String, Unknown)> = variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, value)| {
            name.starts_with(PREFIX) && !known.iter().any(|k| k == name) && !is_service_link(name, value)
        })
        .map(|(name, _)| {
            let verdict = nearest(&name[PREFIX.len()..], known.iter().map(|k| &k[PREFIX.len()..]))
                .map_or(Unknown::Stray, |word| Unknown::Typo(format!("{PREFIX}{word}")));
            (name.to_owned(), verdict)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Kubernetes puts `LONGSHORE_SERVICE_HOST`, `LONGSHORE_PORT=tcp://…` and more into every container when a
/// service of that name exists. Nobody wrote them by hand.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || value
            .to_str()
            .is_some_and(|value| value.starts_with("tcp://") || value.starts_with("udp://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let variables: Vec<_> = pairs
            .iter()
            .map(|(n, v)| (OsString::from(n), OsString::from(v)))
            .collect();
        unknown(&variables)
            .into_iter()
            .map(|(name, verdict)| match verdict {
                Unknown::Typo(meant) => (name, Some(meant)),
                Unknown::Stray => (name, None),
            })
            .collect()
    }

    #[test]
    fn typos_get_a_suggestion_and_strays_are_named() {
        assert_eq!(
            names(&[
                ("LONGSHORE_SFTP_LISEN", "x"),
                ("LONGSHORE_BIN", "x"),
                ("HOME", "/"),
                ("LONGSHORE_LOG", "info")
            ]),
            [
                ("LONGSHORE_BIN".to_owned(), None),
                (
                    "LONGSHORE_SFTP_LISEN".to_owned(),
                    Some("LONGSHORE_SFTP_LISTEN".to_owned())
                ),
            ]
        );
    }

    #[test]
    fn service_links_of_kubernetes_are_left_alone() {
        assert!(
            names(&[
                ("LONGSHORE_SERVICE_HOST", "10.0.0.1"),
                ("LONGSHORE_SERVICE_PORT_SFTP", "2022"),
                ("LONGSHORE_PORT", "tcp://10.0.0.1:2022"),
                ("LONGSHORE_PORT_2022_TCP_ADDR", "10.0.0.1"),
            ])
            .is_empty()
        );
    }
}
