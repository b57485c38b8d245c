//! File names for a word with `*`, `?` or `[…]`, in the last part of a path: what people give to `scp` and to `md5sum`.

use longshore_storage::RemotePath;

use super::words::Word;
use crate::context::Context;
use crate::error::OpError;
use crate::limits::{GLOB_BYTES, GLOB_MATCHES, GLOB_PATTERN, READDIR_PAGE_ENTRIES};

/// The paths that a word stands for: itself, if it has no wild characters or nothing matches, as in a shell.
pub(crate) async fn expand(context: &Context, word: &Word) -> Result<Vec<Vec<u8>>, OpError> {
    let word = &home_for_tilde(word);
    let bytes = word.bytes.clone();
    let Some(pattern) = Pattern::of(word) else {
        return Ok(vec![bytes]);
    };
    let parent = &word.bytes[..pattern.start];
    let Ok(directory) = context.parse(if parent.is_empty() { b"." } else { parent }) else {
        return Ok(vec![bytes]);
    };
    let mut names = matching(context, &directory, &pattern, parent.len()).await?;
    if names.is_empty() {
        return Ok(vec![bytes]);
    }
    names.sort_unstable();
    Ok(names.into_iter().map(|name| [parent, &name].concat()).collect())
}

/// `~` and `~/…` are the home, which is `/`. Other users have no home here.
fn home_for_tilde(word: &Word) -> Word {
    let at_home = |rest: &[u8]| Word {
        bytes: [b"/", rest].concat(),
        wild: word.wild.iter().map(|at| at - 1).collect(),
        tilde: false,
    };
    match &word.bytes[..] {
        [b'~'] if word.tilde => at_home(b""),
        [b'~', b'/', rest @ ..] if word.tilde => at_home(rest),
        _ => word.clone(),
    }
}

async fn matching(
    context: &Context,
    directory: &RemotePath,
    pattern: &Pattern<'_>,
    parent_len: usize,
) -> Result<Vec<Vec<u8>>, OpError> {
    /// Names tried between two turns of others: the worst pattern takes some milliseconds for each.
    const TRIED_AT_ONCE: usize = 8;
    let Ok(mut listing) = context.home.list(directory).await else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    let mut bytes = 0;
    loop {
        let page = listing.next_page(READDIR_PAGE_ENTRIES).await?;
        if page.is_empty() {
            return Ok(names);
        }
        for (tried, entry) in page.into_iter().enumerate() {
            if tried % TRIED_AT_ONCE == TRIED_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            if pattern.matches(&entry.name) {
                bytes += parent_len + entry.name.len();
                if names.len() == GLOB_MATCHES || bytes > GLOB_BYTES {
                    return Err(OpError::TooManyNames);
                }
                names.push(entry.name);
            }
        }
    }
}

/// A pattern for one name (Shell Command Language §2.13).
struct Pattern<'a> {
    bytes: &'a [u8],
    /// Where the last part of the path starts.
    start: usize,
    /// Ascending.
    wild: &'a [usize],
}

impl<'a> Pattern<'a> {
    /// `None` without wild characters, and with some in a directory's name, which is then taken as it stands; so is a
    /// pattern that is longer than any that a name needs.
    fn of(word: &'a Word) -> Option<Self> {
        let start = word
            .bytes
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |at| at + 1);
        let (first, _) = word.wild.split_first()?;
        let len = word.bytes.len() - start;
        (*first >= start && !word.tilde && len <= GLOB_PATTERN).then_some(Self {
            bytes: &word.bytes,
            start,
            wild: &word.wild,
        })
    }

    /// A dot in front is matched by a dot only.
    fn matches(&self, name: &[u8]) -> bool {
        if name.first() == Some(&b'.') && self.bytes.get(self.start) != Some(&b'.') {
            return false;
        }
        self.match_from(self.start, name)
    }

    /// Goes back to the last star only, so that no pattern takes more than pattern × name steps.
    fn match_from(&self, mut at: usize, name: &[u8]) -> bool {
        let mut place = 0;
        let mut star: Option<(usize, usize)> = None;
        loop {
            let is_wild = self.wild.binary_search(&at).is_ok();
            match self.bytes.get(at) {
                Some(b'*') if is_wild => {
                    star = Some((at + 1, place));
                    at += 1;
                    continue;
                }
                Some(byte) if place < name.len() => {
                    if let Some(next) = self.match_one(at, *byte, is_wild, name[place]) {
                        at = next;
                        place += 1;
                        continue;
                    }
                }
                None if place == name.len() => return true,
                _ => {}
            }
            match &mut star {
                Some((after, from)) if *from < name.len() => {
                    *from += 1;
                    (at, place) = (*after, *from);
                }
                _ => return false,
            }
        }
    }

    /// Where the pattern goes on if its part at `at` matches `found`.
    fn match_one(&self, at: usize, byte: u8, is_wild: bool, found: u8) -> Option<usize> {
        match byte {
            b'?' if is_wild => Some(at + 1),
            b'[' if is_wild => match self.class(at, found) {
                Some((true, next)) => Some(next),
                Some((false, _)) => None,
                None => (found == b'[').then_some(at + 1),
            },
            _ => (byte == found).then_some(at + 1),
        }
    }

    /// Whether the bracket expression at `at` has `found`, and where it ends; `None` if it does not end.
    fn class(&self, at: usize, found: u8) -> Option<(bool, usize)> {
        let inner = &self.bytes[at + 1..];
        let negated = matches!(inner.first(), Some(b'!' | b'^'));
        let first = usize::from(negated);
        let end = first + 1 + inner.get(first + 1..)?.iter().position(|byte| *byte == b']')?;
        let set = &inner[first..end];
        let mut has = false;
        let mut place = 0;
        while let Some(low) = set.get(place) {
            if set.get(place + 1) == Some(&b'-')
                && let Some(high) = set.get(place + 2)
            {
                has |= (*low..=*high).contains(&found);
                place += 3;
            } else {
                has |= *low == found;
                place += 1;
            }
        }
        Some((has != negated, at + 1 + end + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::words::split;

    fn matches(pattern: &str, name: &str) -> bool {
        let words = split(pattern.as_bytes()).unwrap();
        Pattern::of(&words[0]).expect("wild").matches(name.as_bytes())
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*", "a"),
            ("*.csv", "a.b.csv"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]]*", "]x"),
            ("*a*b*", "xxaxxbxx"),
            (".*", ".hidden"),
            ("[x", "[x"),
            (r"\**", "*a"),
            ("d/*.txt", "f.txt"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*", ".hidden"),
            ("?", "ab"),
            ("*.csv", "a.csvx"),
            ("[a-c]x", "dx"),
            (r"\**", "ba"),
            ("*a*b*", "xxbxxaxx"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(GLOB_PATTERN / 2 - 1) + "*b";
        assert!(!matches(&pattern, &"a".repeat(255)));
        let longer = split(("*".to_owned() + &pattern).as_bytes()).unwrap();
        assert!(Pattern::of(&longer[0]).is_none(), "a million stars would");
    }

    #[test]
    fn wild_characters_in_a_directory_are_taken_as_they_stand() {
        let words = split(b"a*/b plain").unwrap();
        assert!(words.iter().all(|word| Pattern::of(word).is_none()));
    }
}
