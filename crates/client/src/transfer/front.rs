//! How far a file is without gaps, when its pieces arrive in any order.

use std::collections::BTreeMap;

/// The end of the gap-free beginning.
#[derive(Debug)]
pub(crate) struct Front {
    end: u64,
    /// Pieces behind a gap: start and end.
    ahead: BTreeMap<u64, u64>,
}

impl Front {
    pub(crate) fn new(start: u64) -> Self {
        Self {
            end: start,
            ahead: BTreeMap::new(),
        }
    }

    /// A piece has arrived. Pieces do not overlap.
    pub(crate) fn add(&mut self, offset: u64, len: u64) {
        self.ahead.insert(offset, offset + len);
        while let Some(end) = self.ahead.remove(&self.end) {
            self.end = end;
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_waits_for_gaps() {
        let mut front = Front::new(10);
        front.add(20, 10);
        assert_eq!(front.end(), 10);
        front.add(30, 5);
        front.add(10, 10);
        assert_eq!(front.end(), 35);
    }
}
