//! OpenSSH's patterns: `*` and `?`, lists separated by commas, `!` in front of those that must not match.

/// Whether `text` matches one pattern, in time linear in `text` for each `*`.
pub(crate) fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut with) = (0, 0);
    // where the last star was, and how much of the text it has taken
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(with) {
            Some(b'*') => {
                star = Some((with, at));
                with += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[at] => {
                at += 1;
                with += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = taken + 1;
                with = star_at + 1;
            }
        }
    }
    pattern[with..].iter().all(|byte| *byte == b'*')
}

/// Whether a list says yes: one pattern matches and no negated one does.
pub(crate) fn list_matches(text: &[u8], list: &[u8]) -> bool {
    let mut found = false;
    for pattern in list.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(negated) if matches(text, negated) => return false,
            Some(_) => {}
            None => found |= matches(text, pattern),
        }
    }
    found
}

/// As [`list_matches`] for host names: capitals do not count.
pub(crate) fn host_list_matches(host: &[u8], list: &[u8]) -> bool {
    list_matches(&host.to_ascii_lowercase(), &list.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (text, pattern, expected) in [
            ("host.example", "*.example", true),
            ("host.example", "host.???????", true),
            ("host.example", "host.??????", false),
            ("", "*", true),
            ("", "?", false),
            ("abcabc", "*abc", true),
            ("abcabd", "*abc", false),
            ("aXbXc", "a*b*c", true),
        ] {
            assert_eq!(
                matches(text.as_bytes(), pattern.as_bytes()),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn a_negated_pattern_overrules_the_others_wherever_it_stands() {
        assert!(!list_matches(b"a.x", b"*.x,!a.*"));
        assert!(!list_matches(b"a.x", b"!a.*,*.x"));
        assert!(list_matches(b"b.x", b"!a.*,*.x"));
        assert!(!list_matches(b"b.y", b"!a.*"));
    }
}
