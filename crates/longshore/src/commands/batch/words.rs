//! Splits a line of a batch file into words, by the quoting rules of OpenSSH's sftp(1).
//!
//! They are those of a shell with one addition: what is quoted of `*`, `?` and `[` keeps a backslash, so that a word can be used
//! as a pattern afterwards. Where it is no pattern, [`literal`] takes those backslashes away again.

/// Why a line cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordsError {
    /// A quote is open at the end of the line, or a backslash ends it.
    #[error("a quoted argument is not ended")]
    Unterminated,
    /// More words than [`WORDS`](crate::limits::BATCH_WORDS).
    #[error("too many arguments")]
    TooMany,
}

/// What a line is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Words {
    /// Its words, as patterns.
    pub(crate) words: Vec<Vec<u8>>,
    /// Where each word begins in the line.
    pub(crate) starts: Vec<usize>,
    /// The quote that is open at the end of the line.
    pub(crate) open: Option<u8>,
    /// Whether the line ends within the last word.
    pub(crate) inside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Unquoted,
    Quoted(u8),
}

/// Splits a whole line.
///
/// # Errors
/// A quote is not closed; too many words.
pub(crate) fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, WordsError> {
    let words = split_unfinished(line);
    if words.open.is_some() {
        return Err(WordsError::Unterminated);
    }
    if words.words.len() > crate::limits::BATCH_WORDS {
        return Err(WordsError::TooMany);
    }
    Ok(words.words)
}

/// Splits a line that is still being written: an open quote is no error, and is told.
pub(crate) fn split_unfinished(line: &[u8]) -> Words {
    let mut splitter = Splitter {
        state: State::Between,
        out: Words::default(),
        at: 0,
    };
    while splitter.at < line.len() {
        if !splitter.step(line) {
            break;
        }
    }
    splitter.out.inside = splitter.state != State::Between;
    if let State::Quoted(quote) = splitter.state {
        splitter.out.open = Some(quote);
    }
    splitter.out
}

struct Splitter {
    state: State,
    out: Words,
    at: usize,
}

impl Splitter {
    /// Takes one character, or a backslash and the one behind it. False at the end: a comment, or a backslash with nothing
    /// behind it.
    fn step(&mut self, line: &[u8]) -> bool {
        let byte = line[self.at];
        match (byte, self.state) {
            (b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, State::Between) => {}
            (b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, State::Unquoted) => self.state = State::Between,
            (b'"' | b'\'', State::Between | State::Unquoted) => {
                self.begin(State::Quoted(byte));
                self.state = State::Quoted(byte);
            }
            (b'"' | b'\'', State::Quoted(quote)) if quote == byte => self.state = State::Unquoted,
            (b'\\', _) => {
                let Some(&next) = line.get(self.at + 1) else {
                    // a backslash with nothing behind it
                    self.begin(State::Quoted(b'\\'));
                    self.state = State::Quoted(b'\\');
                    return false;
                };
                self.backslash(next);
                self.at += 1;
            }
            // a comment, also in the middle of a word
            (b'#', State::Between | State::Unquoted) => {
                self.state = State::Between;
                return false;
            }
            (b'*' | b'?' | b'[', State::Quoted(_)) => self.push(&[b'\\', byte]),
            _ => {
                self.begin(State::Unquoted);
                self.push(&[byte]);
            }
        }
        self.at += 1;
        true
    }

    fn backslash(&mut self, next: u8) {
        match self.state {
            State::Quoted(quote) if next == quote => self.push(&[next]),
            // within quotes a backslash is itself, and what follows is quoted
            State::Quoted(_) if matches!(next, b'*' | b'?' | b'[') => self.push(&[b'\\', b'\\', b'\\', next]),
            State::Quoted(_) => self.push(&[b'\\', next]),
            State::Between | State::Unquoted => {
                self.begin(State::Unquoted);
                if matches!(next, b'*' | b'?' | b'[' | b'\\') {
                    self.push(&[b'\\', next]);
                } else {
                    self.push(&[next]);
                }
            }
        }
    }

    /// Begins a word unless one is under way.
    fn begin(&mut self, state: State) {
        if self.state == State::Between {
            self.out.words.push(Vec::new());
            self.out.starts.push(self.at);
            self.state = state;
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(word) = self.out.words.last_mut() {
            word.extend_from_slice(bytes);
        }
    }
}

/// The word that a pattern without wildcards stands for.
pub(crate) fn literal(pattern: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(&next @ (b'?' | b'[' | b'*' | b'\\'))) => {
                out.push(next);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    out
}

/// A name as [`split`] takes it back, within the quote that is open.
pub(crate) fn quoted(name: &[u8], open: Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for &byte in name {
        let special = match open {
            Some(quote) => byte == quote,
            None => byte.is_ascii_whitespace() || b"\"'\\#*?[".contains(&byte),
        };
        if special {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words = split(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
        words
            .into_iter()
            .map(|word| String::from_utf8(word).unwrap())
            .collect()
    }

    #[test]
    fn lines_are_split_as_sftp_splits_them() {
        for (line, expected) in [
            ("get a b", &["get", "a", "b"][..]),
            ("  get\ta  ", &["get", "a"]),
            (r#"put "a b" 'c d'"#, &["put", "a b", "c d"]),
            (r#"put a" "b"#, &["put", "a b"]),
            (r"put a\ b", &["put", "a b"]),
            (r#"put "it's" 'say "x"'"#, &["put", "it's", "say \"x\""]),
            (r#"put "a\"b" 'a\'b'"#, &["put", "a\"b", "a'b"]),
            // what is quoted is no pattern, what is not may be one
            (r#"get "*.c" \*.c *.c"#, &["get", r"\*.c", r"\*.c", "*.c"]),
            (r#"get "a\*b" a\\b"#, &["get", r"a\\\*b", r"a\\b"]),
            (r#"get "a\nb" a\nb"#, &["get", r"a\nb", "anb"]),
            ("ls # all of it", &["ls"]),
            ("ls a#b", &["ls", "a"]),
            ("ls 'a#b' \"#\"", &["ls", "a#b", "#"]),
            (r#"put "" ''"#, &["put", "", ""]),
            ("", &[]),
            ("# nothing", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn open_quotes_are_errors_in_whole_lines_only() {
        for (line, open) in [
            ("get \"a b", b'"'),
            ("get 'a", b'\''),
            ("get a\\", b'\\'),
            ("get \\", b'\\'),
        ] {
            assert_eq!(split(line.as_bytes()), Err(WordsError::Unterminated), "{line}");
            assert_eq!(split_unfinished(line.as_bytes()).open, Some(open), "{line}");
        }
        assert_eq!(
            split(&b"a ".repeat(crate::limits::BATCH_WORDS + 1)),
            Err(WordsError::TooMany)
        );
        let words = split_unfinished(b"get \"a b\" 'c");
        assert_eq!(
            (words.words.len(), words.starts, words.inside),
            (3, vec![0, 4, 10], true)
        );
        assert!(!split_unfinished(b"get a ").inside);
    }

    #[test]
    fn names_survive_being_quoted_and_split() {
        for name in [
            &b"plain"[..],
            b"a b",
            b"it's",
            b"say \"x\"",
            b"*?[x]",
            b"#1",
            b"\xff\xfe",
            b"a\tb",
        ] {
            let line = [b"get ", quoted(name, None).as_slice()].concat();
            let words = split(&line).unwrap();
            assert_eq!(literal(&words[1]), name, "{}", name.escape_ascii());
            let line = [b"get \"", quoted(name, Some(b'"')).as_slice(), b"\""].concat();
            let words = split(&line).unwrap();
            assert_eq!(literal(&words[1]), name, "{}", name.escape_ascii());
        }
    }
}
