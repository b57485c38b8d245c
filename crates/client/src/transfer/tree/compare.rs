//! Whether a file of the target is as it should be.

use super::super::events::Reason;
use super::options::Compare;

/// What is compared of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) size: Option<u64>,
    pub(super) modified: Option<u32>,
}

/// Why the file has to be moved; `None`: it is the same. `target` is `None` when there is nothing.
pub(super) fn difference(compare: Compare, source: Facts, target: Option<Facts>) -> Option<Reason> {
    if compare == Compare::Nothing {
        return Some(Reason::Unconditional);
    }
    let Some(target) = target else {
        return Some(Reason::New);
    };
    if source.size.is_none() || source.size != target.size {
        return Some(Reason::Size);
    }
    match compare {
        Compare::SizeAndTime { window } => match (source.modified, target.modified) {
            (Some(one), Some(other)) if one.abs_diff(other) <= window => None,
            _ => Some(Reason::Time),
        },
        Compare::Size | Compare::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let facts = |size, modified| Facts {
            size: Some(size),
            modified: Some(modified),
        };
        let by_time = Compare::SizeAndTime { window: 1 };
        assert_eq!(
            difference(Compare::Nothing, facts(1, 1), Some(facts(1, 1))),
            Some(Reason::Unconditional)
        );
        assert_eq!(difference(by_time, facts(1, 1), None), Some(Reason::New));
        assert_eq!(
            difference(by_time, facts(1, 1), Some(facts(2, 1))),
            Some(Reason::Size)
        );
        assert_eq!(
            difference(by_time, facts(1, 1), Some(facts(1, 3))),
            Some(Reason::Time)
        );
        assert_eq!(difference(by_time, facts(1, 1), Some(facts(1, 2))), None);
        assert_eq!(difference(Compare::Size, facts(1, 1), Some(facts(1, 9))), None);
        let unknown = Facts {
            size: None,
            modified: None,
        };
        assert_eq!(
            difference(Compare::Size, unknown, Some(unknown)),
            Some(Reason::Size)
        );
    }
}
