//! The two ways in which OpenSSH cuts a line into words.

/// What separates words.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Takes the first word: up to white space, one `=` or a quote. `None` at the end or when a quote is not closed.
/// Keywords and the criteria of `Match` are read with this one.
pub(super) fn next_word(rest: &mut &str) -> Option<String> {
    let text = *rest;
    let Some(end) = text.find([' ', '\t', '\r', '\n', '=', '"']) else {
        *rest = "";
        return (!text.is_empty()).then(|| text.to_owned());
    };
    let (word, tail) = text.split_at(end);
    if let Some(quoted) = tail.strip_prefix('"') {
        let (inner, after) = quoted.split_once('"')?;
        *rest = after.trim_start_matches(SPACE);
        return Some(format!("{word}{inner}"));
    }
    let equals = tail.starts_with('=');
    let mut tail = tail[1..].trim_start_matches(SPACE);
    // only one `=` counts
    if !equals && let Some(after) = tail.strip_prefix('=') {
        tail = after.trim_start_matches(SPACE);
    }
    *rest = tail;
    Some(word.to_owned())
}

/// Cuts arguments: single and double quotes, `\` before a quote, a backslash or (outside quotes) a space, and a comment
/// where a word begins with `#`. `None` when a quote is not closed.
pub(super) fn arguments(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        if chars.peek().is_none_or(|c| *c == '#') {
            return Some(words);
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = chars.next() {
            match (c, quote) {
                ('\\', _) => {
                    let escapes =
                        |next: &char| matches!(next, '\'' | '"' | '\\') || (quote.is_none() && *next == ' ');
                    word.push(chars.next_if(escapes).unwrap_or('\\'));
                }
                (' ' | '\t', None) => break,
                ('"' | '\'', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                (c, _) => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_ends_at_white_space_or_one_equals_sign() {
        for (line, word, rest) in [
            ("Port 22", "Port", "22"),
            ("Port=22", "Port", "22"),
            ("Port = 22", "Port", "22"),
            ("Port  ==22", "Port", "=22"),
            ("\"Port\" 22", "Port", "22"),
            ("Port", "Port", ""),
        ] {
            let mut left = line;
            assert_eq!(next_word(&mut left).as_deref(), Some(word), "{line}");
            assert_eq!(left, rest, "{line}");
        }
        assert_eq!(next_word(&mut "\"open"), None);
    }

    #[test]
    fn arguments_follow_the_quotes() {
        let words = |line| arguments(line).map(|words| words.join("|"));
        assert_eq!(words("a  b\tc").as_deref(), Some("a|b|c"));
        assert_eq!(words("\"a b\" 'c d'").as_deref(), Some("a b|c d"));
        assert_eq!(words("a\\ b \"c\\\"d\" e\\f").as_deref(), Some("a b|c\"d|e\\f"));
        assert_eq!(words("a # b").as_deref(), Some("a"));
        assert_eq!(words("a#b").as_deref(), Some("a#b"));
        assert_eq!(words("\"a b"), None);
    }
}
