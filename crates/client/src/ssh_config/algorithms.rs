//! Lists of algorithms: a list of one's own, or `+`, `-`, `^` applied to the default.

use super::pattern;

/// What a configuration says about a list of algorithms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlgorithmList {
    change: Change,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Replace,
    Append,
    Remove,
    Prepend,
}

impl AlgorithmList {
    /// Reads `a,b`, `+a`, `-a*` or `^a`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (change, names) = match text.split_at_checked(1) {
            Some(("+", names)) => (Change::Append, names),
            Some(("-", names)) => (Change::Remove, names),
            Some(("^", names)) => (Change::Prepend, names),
            _ => (Change::Replace, text),
        };
        Self {
            change,
            names: names.split(',').map(str::to_owned).collect(),
        }
    }

    /// The names in order of preference. Names may be patterns: they stand for what they match of `supported`; what is
    /// not supported is left out. An empty answer means that nothing of what was asked for is there: the caller refuses to connect.
    #[must_use]
    pub fn resolve(&self, default: &[&str], supported: &[&str]) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut add = |name: &str| {
            if !out.iter().any(|known| known == name) {
                out.push(name.to_owned());
            }
        };
        let named = || self.names.iter().flat_map(|pattern| matching(supported, pattern));
        let defaults = || default.iter().copied();
        match self.change {
            Change::Replace => named().for_each(&mut add),
            Change::Append => defaults().chain(named()).for_each(&mut add),
            Change::Prepend => named().chain(defaults()).for_each(&mut add),
            Change::Remove => defaults()
                .filter(|name| !self.names.iter().any(|pattern| is(name, pattern)))
                .for_each(&mut add),
        }
        out
    }
}

fn matching<'a>(supported: &'a [&'a str], pattern: &'a str) -> impl Iterator<Item = &'a str> {
    supported.iter().copied().filter(move |name| is(name, pattern))
}

fn is(name: &str, pattern: &str) -> bool {
    pattern::matches(name.as_bytes(), pattern.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_assembled_as_openssh_assembles_them() {
        let resolve =
            |text| AlgorithmList::parse(text).resolve(&["a1", "b", "a2"], &["a1", "a2", "a3", "b", "c"]);
        assert_eq!(resolve("c,b"), ["c", "b"]);
        assert_eq!(resolve("+c,b"), ["a1", "b", "a2", "c"]);
        assert_eq!(resolve("-a*"), ["b"]);
        assert_eq!(resolve("^c,a2"), ["c", "a2", "a1", "b"]);
        assert_eq!(resolve("a*"), ["a1", "a2", "a3"]);
        assert!(resolve("unknown").is_empty());
    }
}
