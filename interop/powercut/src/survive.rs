//! What is left of a file that was written and not synced when the power goes.

use crate::chance::Chance;

/// The unit that a disk keeps or loses.
const PAGE: usize = 4096;

/// Content after a cut: the synced one, the last one, or pages of both, with zeros where neither was allocated
/// (ext4 can grow a file before its data arrives).
pub(crate) fn content(saved: &[u8], last: &[u8], chance: &mut Chance) -> Vec<u8> {
    if saved == last {
        return saved.to_vec();
    }
    match chance.below(4) {
        0 => saved.to_vec(),
        1 => last.to_vec(),
        _ => mixed(saved, last, chance),
    }
}

fn mixed(saved: &[u8], last: &[u8], chance: &mut Chance) -> Vec<u8> {
    let (short, long) = (saved.len().min(last.len()), saved.len().max(last.len()));
    let between = chance.below((long - short) as u64 + 1);
    let len = match chance.below(3) {
        0 => saved.len(),
        1 => last.len(),
        // No more than the difference of two lengths.
        _ => short + usize::try_from(between).unwrap_or(0),
    };
    let mut left = vec![0; len];
    for (number, page) in left.chunks_mut(PAGE).enumerate() {
        let at = number * PAGE;
        let source = if chance.percent(50) { last } else { saved };
        let have = source.get(at..).unwrap_or(&[]);
        let count = have.len().min(page.len());
        page[..count].copy_from_slice(&have[..count]);
    }
    left
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn synced_content_stays() {
        for seed in 0..50 {
            assert_eq!(content(b"same", b"same", &mut Chance::new(seed)), b"same");
        }
    }

    #[test]
    fn unsynced_content_is_there_gone_or_torn() {
        let (saved, last) = (vec![1; 3 * PAGE], vec![2; 5 * PAGE]);
        let mut seen = HashSet::new();
        for seed in 0..400 {
            let left = content(&saved, &last, &mut Chance::new(seed));
            assert!((saved.len()..=last.len()).contains(&left.len()));
            seen.insert(left);
        }
        assert!(seen.contains(&saved) && seen.contains(&last));
        assert!(seen.len() > 20, "mixtures too: {}", seen.len());
        assert!(
            seen.iter().any(|left| left.contains(&0)),
            "zeros where nothing arrived"
        );
    }
}
