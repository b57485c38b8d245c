//! A command line, split into words by the quoting rules of a POSIX shell (Shell Command Language §2.2), and nothing else
//! of it: what would make a shell do something (run two commands, insert a variable, redirect) is refused, never ignored.

/// A word after quote removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) bytes: Vec<u8>,
    /// Places of `*`, `?` and `[` that stood there without quotes: a shell would look for file names.
    pub(crate) wild: Vec<usize>,
    /// It starts with a tilde without quotes.
    pub(crate) tilde: bool,
}

/// Why a command line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordError {
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("there is no shell here, {:?} would need one", char::from(*.0))]
    Shell(u8),
    #[error("a command line cannot hold a NUL byte")]
    Nul,
    #[error("too many words")]
    TooMany,
}

/// Splits `line`.
///
/// # Errors
/// [`WordError`]
pub(crate) fn split(line: &[u8]) -> Result<Vec<Word>, WordError> {
    let mut splitter = Splitter {
        rest: line,
        words: Vec::new(),
        word: None,
    };
    splitter.run()?;
    Ok(splitter.words)
}

struct Splitter<'a> {
    rest: &'a [u8],
    words: Vec<Word>,
    /// The word being read, from its first byte or quote on.
    word: Option<Word>,
}

impl Splitter<'_> {
    fn run(&mut self) -> Result<(), WordError> {
        while let Some(byte) = self.next() {
            match byte {
                b' ' | b'\t' => self.end_word()?,
                // A line break ends a command. Behind the only one it means nothing.
                b'\n' if self.rest.trim_ascii().is_empty() => self.end_word()?,
                b'\'' => self.single_quoted()?,
                b'"' => self.double_quoted()?,
                b'\\' => match self.next() {
                    Some(b'\n') => {}
                    Some(byte) => self.push(byte)?,
                    None => self.push(b'\\')?,
                },
                b'*' | b'?' | b'[' => {
                    let word = self.word();
                    word.wild.push(word.bytes.len());
                    self.push(byte)?;
                }
                b'~' if self.word.is_none() => {
                    self.word().tilde = true;
                    self.push(byte)?;
                }
                b'#' if self.word.is_some() => self.push(byte)?,
                b'|' | b'&' | b';' | b'<' | b'>' | b'(' | b')' | b'$' | b'`' | b'\n' | b'#' => {
                    return Err(WordError::Shell(byte));
                }
                _ => self.push(byte)?,
            }
        }
        self.end_word()
    }

    fn single_quoted(&mut self) -> Result<(), WordError> {
        self.word();
        loop {
            match self.next().ok_or(WordError::OpenQuote)? {
                b'\'' => return Ok(()),
                byte => self.push(byte)?,
            }
        }
    }

    /// A backslash quotes four characters here, and hides a line break; before all others it stands for itself.
    fn double_quoted(&mut self) -> Result<(), WordError> {
        self.word();
        loop {
            match self.next().ok_or(WordError::OpenQuote)? {
                b'"' => return Ok(()),
                byte @ (b'$' | b'`') => return Err(WordError::Shell(byte)),
                b'\\' => match self.next().ok_or(WordError::OpenQuote)? {
                    b'\n' => {}
                    byte @ (b'$' | b'`' | b'"' | b'\\') => self.push(byte)?,
                    byte => {
                        self.push(b'\\')?;
                        self.push(byte)?;
                    }
                },
                byte => self.push(byte)?,
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_with(|| Word {
            bytes: Vec::new(),
            wild: Vec::new(),
            tilde: false,
        })
    }

    fn push(&mut self, byte: u8) -> Result<(), WordError> {
        if byte == 0 {
            return Err(WordError::Nul);
        }
        self.word().bytes.push(byte);
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), WordError> {
        let Some(word) = self.word.take() else {
            return Ok(());
        };
        if self.words.len() == crate::limits::COMMAND_WORDS {
            return Err(WordError::TooMany);
        }
        self.words.push(word);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Result<Vec<String>, WordError> {
        let text = |word: Word| String::from_utf8(word.bytes).unwrap();
        split(line.as_bytes()).map(|words| words.into_iter().map(text).collect())
    }

    #[test]
    fn quotes_are_those_of_a_shell() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  a  b\t c ", &["a", "b", "c"]),
            ("md5sum\n", &["md5sum"]),
            ("'a b'c \"d e\"", &["a bc", "d e"]),
            ("'' \"\"", &["", ""]),
            (r"a\ b \\ \' \$x", &["a b", r"\", "'", "$x"]),
            (r#""\a \" \\ \$""#, &[r#"\a " \ $"#]),
            (r"'\'", &[r"\"]),
            ("a'\n'b", &["a\nb"]),
            ("a\\\nb", &["ab"]),
            ("a#b", &["a#b"]),
            ("'$x;|&`<>()*'", &["$x;|&`<>()*"]),
            ("tail\\", &["tail\\"]),
        ];
        for (line, expected) in table {
            assert_eq!(words(line).unwrap(), *expected, "{line:?}");
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for byte in *b"|&;<>()$`#\n" {
            let line = [b"md5sum ", &[byte][..], b" x"].concat();
            assert_eq!(split(&line), Err(WordError::Shell(byte)), "{}", char::from(byte));
        }
        assert_eq!(split(b"a \"$x\""), Err(WordError::Shell(b'$')));
        assert_eq!(split(b"a \"`x`\""), Err(WordError::Shell(b'`')));
        assert_eq!(split(b"'a"), Err(WordError::OpenQuote));
        assert_eq!(split(b"\"a\\"), Err(WordError::OpenQuote));
        assert_eq!(split(b"a\0b"), Err(WordError::Nul));
    }

    #[test]
    fn only_characters_without_quotes_are_wild() {
        let words = split(br"*a'*'\?[b] ~/x '~'/y \~z").unwrap();
        assert_eq!(words[0].bytes, b"*a*?[b]");
        assert_eq!(words[0].wild, [0, 4]);
        let tildes: Vec<_> = words.iter().map(|word| word.tilde).collect();
        assert_eq!(tildes, [false, true, false, false]);
    }

    #[test]
    fn there_are_only_so_many_words() {
        let line = "x ".repeat(crate::limits::COMMAND_WORDS);
        assert!(split(line.as_bytes()).is_ok());
        assert_eq!(split(format!("{line}x").as_bytes()), Err(WordError::TooMany));
    }

    proptest! {
        /// As rclone quotes a name, and as Python's shlex does.
        #[test]
        fn a_quoted_name_comes_back(name in proptest::collection::vec(1_u8.., 1..50)) {
            let mut backslashes = Vec::new();
            for byte in &name {
                if *byte == b'\n' {
                    backslashes.extend_from_slice(b"'\n'");
                } else {
                    backslashes.extend_from_slice(&[b'\\', *byte]);
                }
            }
            let mut quotes = vec![b'\''];
            for byte in &name {
                if *byte == b'\'' {
                    quotes.extend_from_slice(b"'\"'\"'");
                } else {
                    quotes.push(*byte);
                }
            }
            quotes.push(b'\'');
            for line in [backslashes, quotes] {
                let words = split(&line).unwrap();
                prop_assert_eq!(words.len(), 1);
                prop_assert_eq!(&words[0].bytes, &name);
                prop_assert!(words[0].wild.is_empty() && !words[0].tilde);
            }
        }

        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = split(&line);
        }
    }
}
