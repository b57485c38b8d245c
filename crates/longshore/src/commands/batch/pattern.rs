//! Patterns of names: `*`, `?`, `[…]`, and a backslash that takes their meaning away. Bytes, as OpenSSH's sftp(1) compares them.

/// A pattern for one name, ready to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Byte(u8),
    One,
    Any,
    Set { not: bool, ranges: Vec<(u8, u8)> },
}

/// Whether a pattern has a wildcard.
pub(crate) fn is_pattern(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

/// What a pattern without wildcards says: every backslash takes itself away.
pub(crate) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => bytes.next().unwrap_or(b'\\'),
            byte => byte,
        });
    }
    out
}

impl Pattern {
    /// Reads a pattern. Whatever makes no sense stands for itself.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            at += 1;
            parts.push(match byte {
                b'*' if parts.last() == Some(&Part::Any) => continue,
                b'*' => Part::Any,
                b'?' => Part::One,
                b'[' => match set(&text[at..]) {
                    Some((part, len)) => {
                        at += len;
                        part
                    }
                    None => Part::Byte(b'['),
                },
                b'\\' => match text.get(at) {
                    Some(&next) => {
                        at += 1;
                        Part::Byte(next)
                    }
                    None => Part::Byte(b'\\'),
                },
                byte => Part::Byte(byte),
            });
        }
        Self { parts }
    }

    /// Whether a name matches. A dot at its beginning must be written.
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        if name.first() == Some(&b'.') && self.parts.first() != Some(&Part::Byte(b'.')) {
            return false;
        }
        // where to go on when what follows the last star does not match: one place is enough, for an earlier star could take no
        // more than the last one
        let (mut part, mut at) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(one) if one.takes(name[at]) => {
                    part += 1;
                    at += 1;
                }
                _ => {
                    let Some((back, taken)) = star else { return false };
                    (part, at) = (back + 1, taken + 1);
                    star = Some((back, taken + 1));
                }
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::Any)
    }
}

impl Part {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::One => true,
            Self::Any => false,
            Self::Set { not, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte)) != *not
            }
        }
    }
}

/// `…]` behind the bracket, and its length; `None`: it has no end.
fn set(text: &[u8]) -> Option<(Part, usize)> {
    let not = matches!(text.first(), Some(b'!' | b'^'));
    let mut at = usize::from(not);
    let first = at;
    let mut ranges = Vec::new();
    loop {
        let byte = *text.get(at)?;
        if byte == b']' && at > first {
            return Some((Part::Set { not, ranges }, at + 1));
        }
        if let Some((class, len)) = class(&text[at..]) {
            ranges.extend_from_slice(class);
            at += len;
            continue;
        }
        let (from, len) = member(&text[at..])?;
        at += len;
        if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|byte| *byte != b']') {
            let (to, len) = member(&text[at + 1..])?;
            at += 1 + len;
            ranges.push((from, to));
        } else {
            ranges.push((from, from));
        }
    }
}

fn member(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'\\', byte, ..] => Some((*byte, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// `[:alpha:]` and its like, within a set.
fn class(text: &[u8]) -> Option<(&'static [(u8, u8)], usize)> {
    let rest = text.strip_prefix(b"[:")?;
    let end = rest.windows(2).position(|pair| pair == b":]")?;
    let ranges: &[(u8, u8)] = match &rest[..end] {
        b"alpha" => &[(b'a', b'z'), (b'A', b'Z')],
        b"alnum" => &[(b'a', b'z'), (b'A', b'Z'), (b'0', b'9')],
        b"digit" => &[(b'0', b'9')],
        b"upper" => &[(b'A', b'Z')],
        b"lower" => &[(b'a', b'z')],
        b"xdigit" => &[(b'0', b'9'), (b'a', b'f'), (b'A', b'F')],
        b"space" => &[(b' ', b' '), (9, 13)],
        b"punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        _ => return None,
    };
    Some((ranges, end + 4))
}

/// The patterns that `{a,b}` stand for, as `ls` takes them; one pattern, itself, if there are none or too many.
pub(crate) fn braces(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_vec()];
    while let Some(text) = open.pop() {
        match first_brace(&text) {
            Some(alternatives) => open.extend(alternatives.into_iter().rev()),
            None => done.push(text),
        }
        if done.len() + open.len() > crate::limits::BATCH_WORDS {
            return vec![pattern.to_vec()];
        }
    }
    done
}

/// The alternatives of the first brace; `{}` is itself.
fn first_brace(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut depth = 0usize;
    let (mut begin, mut cuts) = (0, Vec::new());
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'{' if depth == 0 && text.get(at + 1) == Some(&b'}') => at += 1,
            b'{' => {
                if depth == 0 {
                    begin = at;
                }
                depth += 1;
            }
            b',' if depth == 1 => cuts.push(at),
            b'}' if depth == 1 => {
                cuts.push(at);
                let mut from = begin + 1;
                let mut all = Vec::new();
                for cut in cuts {
                    all.push([&text[..begin], &text[from..cut], &text[at + 1..]].concat());
                    from = cut + 1;
                }
                return Some(all);
            }
            b'}' if depth > 1 => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_sftp() {
        for (pattern, yes, no) in [
            ("*", &["a", "ab"][..], &[".a"][..]),
            ("*.csv", &["a.csv", "a.b.csv"], &["a.csv.x", "csv", ".csv"]),
            (".*", &[".a", "."], &["a"]),
            ("a?c", &["abc"], &["ac", "abbc"]),
            ("[ab]x", &["ax", "bx"], &["cx", "x"]),
            ("[!ab]x", &["cx"], &["ax"]),
            ("[a-c]", &["a", "b", "c"], &["d", "-"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[]x]", &["]", "x"], &["a"]),
            ("[[:digit:]z]", &["7", "z"], &["a"]),
            ("[x", &["[x"], &["x"]),
            (r"\*", &["*"], &["a"]),
            (r"a\[b", &["a[b"], &["ab"]),
            ("a*b*c", &["abc", "axxbyyc", "abbcc"], &["ab", "acb"]),
            (
                "*a*a*a*a*b",
                &[],
                &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
            ),
        ] {
            let compiled = Pattern::new(pattern.as_bytes());
            for name in yes {
                assert!(compiled.matches(name.as_bytes()), "{pattern} {name}");
            }
            for name in no {
                assert!(!compiled.matches(name.as_bytes()), "{pattern} {name}");
            }
        }
        assert!(Pattern::new(b"\xff*").matches(b"\xff\xfe"));
    }

    #[test]
    fn wildcards_count_only_without_a_backslash() {
        for (text, is) in [
            ("a*", true),
            (r"a\*", false),
            (r"a\\*", true),
            ("a", false),
            ("[", true),
            (r"a\", false),
        ] {
            assert_eq!(is_pattern(text.as_bytes()), is, "{text}");
        }
        assert_eq!(unescaped(br"a\*\\b\c"), br"a*\bc");
    }

    #[test]
    fn braces_are_alternatives() {
        let all = |text: &str| -> Vec<String> {
            let all = braces(text.as_bytes());
            all.into_iter()
                .map(|one| String::from_utf8(one).unwrap())
                .collect()
        };
        assert_eq!(all("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(all("{a,{b,c}}"), ["a", "b", "c"]);
        assert_eq!(all("{}a{b"), ["{}a{b"]);
        assert_eq!(all("{a,b}{c,d}"), ["ac", "ad", "bc", "bd"]);
        assert_eq!(all(&"{a,b}".repeat(40)).len(), 1, "no explosion");
    }
}
