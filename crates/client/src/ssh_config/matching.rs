//! `Host` patterns and the criteria of `Match`.

use super::lexer;
use super::pattern::{host_list_matches, list_matches, matches};

/// What `Match` compares.
pub(super) struct Facts<'a> {
    /// The name that is connected to, as far as it is known by now.
    pub(super) host: &'a str,
    /// The name that was asked for.
    pub(super) original_host: &'a str,
    /// The user on the server.
    pub(super) user: &'a str,
    /// The user here.
    pub(super) local_user: &'a str,
    /// Whether this is the pass that `final` and `canonical` wait for.
    pub(super) is_final: bool,
}

/// What came of the criteria.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matched {
    pub(super) yes: bool,
    /// `final` was among them.
    pub(super) wants_final: bool,
    pub(super) warning: Option<String>,
}

/// Whether one of the patterns matches and no negated one does.
pub(super) fn host(host: &str, patterns: &[String]) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(host.as_bytes(), negated.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(host.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// Reads the criteria; all must hold. `run` decides `exec`: `None` when commands may not be run.
///
/// # Errors
/// A sentence, when the line cannot be understood.
pub(super) fn criteria(
    mut rest: &str,
    facts: &Facts<'_>,
    run: impl Fn(&str) -> Result<Option<bool>, String>,
) -> Result<Matched, String> {
    let mut matched = Matched {
        yes: true,
        ..Matched::default()
    };
    let mut count = 0;
    while let Some(word) =
        lexer::next_word(&mut rest).filter(|word| !word.is_empty() && !word.starts_with('#'))
    {
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name.to_ascii_lowercase()),
            None => (false, word.to_ascii_lowercase()),
        };
        if name == "all" {
            let more = lexer::next_word(&mut rest).filter(|word| !word.is_empty() && !word.starts_with('#'));
            if count > 1 || more.is_some() {
                return Err("Match all stands alone".to_owned());
            }
            matched.yes &= !negated;
            return Ok(matched);
        }
        count += 1;
        let holds = match name.as_str() {
            "final" | "canonical" => {
                matched.wants_final |= name == "final";
                facts.is_final
            }
            _ => {
                let argument =
                    lexer::next_word(&mut rest).filter(|word| !word.is_empty() && !word.starts_with('#'));
                let argument = argument.ok_or_else(|| format!("Match {name} has no argument"))?;
                let (host, original) = (facts.host.as_bytes(), facts.original_host.as_bytes());
                match name.as_str() {
                    "host" => host_list_matches(host, argument.as_bytes()),
                    "originalhost" => host_list_matches(original, argument.as_bytes()),
                    "user" => list_matches(facts.user.as_bytes(), argument.as_bytes()),
                    "localuser" => list_matches(facts.local_user.as_bytes(), argument.as_bytes()),
                    // what has already failed runs nothing
                    "exec" if !matched.yes => true,
                    "exec" => {
                        if let Some(success) = run(&argument)? {
                            success
                        } else {
                            matched.warning = Some(
                                "Match exec is not run unless asked for: the block does not count".to_owned(),
                            );
                            // neither it nor its negation may switch a block on
                            negated
                        }
                    }
                    "tagged" | "localnetwork" | "version" | "sessiontype" | "command" => {
                        matched.warning = Some(format!(
                            "Match {name} is not understood here: the block does not count"
                        ));
                        negated
                    }
                    _ => return Err(format!("Match {name} is unknown")),
                }
            }
        };
        matched.yes &= holds != negated;
    }
    if count == 0 {
        return Err("Match has no criteria".to_owned());
    }
    Ok(matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'static> = Facts {
        host: "real.example",
        original_host: "alias",
        user: "bob",
        local_user: "me",
        is_final: false,
    };

    fn check(line: &str) -> Result<Matched, String> {
        criteria(line, &FACTS, |command| Ok(Some(command == "true")))
    }

    #[test]
    fn all_criteria_must_hold() {
        for (line, expected) in [
            ("all", true),
            ("host *.EXAMPLE", true),
            ("host alias", false),
            ("originalhost alias user bob,alice", true),
            ("user bob localuser other", false),
            ("!user alice", true),
            ("user=bob", true),
            ("canonical all", false),
            ("!final", true),
            ("exec true", true),
            ("exec \"false\"", false),
            ("!exec false # comment", true),
            ("host \"real.example\"", true),
        ] {
            assert_eq!(check(line).unwrap().yes, expected, "{line}");
        }
        assert!(check("final").unwrap().wants_final);
        for bad in ["", "user", "all user bob", "colour red"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_command_that_may_not_run_switches_nothing_on() {
        for line in ["exec true", "!exec true"] {
            let matched = criteria(line, &FACTS, |_| Ok(None)).unwrap();
            assert!(!matched.yes, "{line}");
            assert!(matched.warning.is_some());
        }
    }
}
