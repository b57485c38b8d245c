//! Sets of byte ranges.

/// A set of bytes as sorted, disjoint, non-touching ranges `[from, to)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Number of separate ranges.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no byte is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first range.
    pub(crate) fn first(&self) -> Option<(u64, u64)> {
        self.0.first().copied()
    }

    /// The end of the range that begins with the first byte; 0 when there is none.
    pub(crate) fn front(&self) -> u64 {
        self.0
            .first()
            .filter(|range| range.0 == 0)
            .map_or(0, |range| range.1)
    }

    /// Number of bytes in it.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|range| range.1 - range.0).sum()
    }

    /// The ranges, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    /// Takes the last range out.
    pub(crate) fn drop_last(&mut self) {
        self.0.pop();
    }

    /// The first byte beyond all ranges.
    pub(crate) fn end(&self) -> u64 {
        self.0.last().map_or(0, |(_, to)| *to)
    }

    /// Adds `[from, to)`. Constant time where data arrives in order.
    pub(crate) fn insert(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        if let Some(last) = self.0.last_mut()
            && last.0 <= from
            && from <= last.1
        {
            last.1 = last.1.max(to);
            return;
        }
        // All ranges that overlap or touch become one.
        let first = self.0.partition_point(|range| range.1 < from);
        let beyond = self.0.partition_point(|range| range.0 <= to);
        let merged = self.0[first..beyond]
            .iter()
            .fold((from, to), |all, range| (all.0.min(range.0), all.1.max(range.1)));
        self.0.splice(first..beyond, [merged]);
    }

    /// Takes `[from, to)` out.
    pub(crate) fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let first = self.0.partition_point(|range| range.1 <= from);
        let beyond = self.0.partition_point(|range| range.0 < to);
        if first >= beyond {
            return;
        }
        let left = (self.0[first].0, from);
        let right = (to, self.0[beyond - 1].1);
        let kept = [left, right].into_iter().filter(|range| range.0 < range.1);
        self.0.splice(first..beyond, kept);
    }

    /// Takes everything from `size` on out.
    pub(crate) fn truncate(&mut self, size: u64) {
        self.remove(size, u64::MAX);
    }

    /// Cuts `[from, to)` into pieces `(from, to, inside)`, in order.
    pub(crate) fn pieces(&self, from: u64, to: u64) -> Vec<(u64, u64, bool)> {
        let mut pieces = Vec::new();
        let mut at = from;
        let first = self.0.partition_point(|range| range.1 <= from);
        for range in &self.0[first..] {
            if range.0 >= to {
                break;
            }
            if at < range.0 {
                pieces.push((at, range.0, false));
                at = range.0;
            }
            let end = range.1.min(to);
            pieces.push((at, end, true));
            at = end;
        }
        if at < to {
            pieces.push((at, to, false));
        }
        pieces
    }

    /// Makes one range of all, from the first byte to the last.
    pub(crate) fn cover(&mut self) {
        if let (Some(first), Some(last)) = (self.0.first().copied(), self.0.last().copied()) {
            self.0 = vec![(first.0, last.1)];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 64;

    fn bits(ranges: &Ranges) -> Vec<bool> {
        (0..SIZE)
            .map(|at| ranges.0.iter().any(|range| range.0 <= at && at < range.1))
            .collect()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64, u64),
        Remove(u64, u64),
        Truncate(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..SIZE, 0..SIZE).prop_map(|(a, b)| Step::Insert(a, b)),
            1 => (0..SIZE, 0..SIZE).prop_map(|(a, b)| Step::Remove(a, b)),
            1 => (0..SIZE).prop_map(Step::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn ranges_are_the_set_of_bits_that_they_stand_for(steps in prop::collection::vec(step(), 0..40)) {
            let mut ranges = Ranges::default();
            let mut model = vec![false; usize::try_from(SIZE).unwrap()];
            for step in steps {
                match step {
                    Step::Insert(from, to) => {
                        ranges.insert(from, to);
                        (from..to).for_each(|at| model[usize::try_from(at).unwrap()] = true);
                    }
                    Step::Remove(from, to) => {
                        ranges.remove(from, to);
                        (from..to).for_each(|at| model[usize::try_from(at).unwrap()] = false);
                    }
                    Step::Truncate(size) => {
                        ranges.truncate(size);
                        (size..SIZE).for_each(|at| model[usize::try_from(at).unwrap()] = false);
                    }
                }
                prop_assert_eq!(bits(&ranges), model.clone());
                prop_assert!(ranges.0.windows(2).all(|pair| pair[0].1 < pair[1].0), "sorted, apart: {:?}", ranges);
                let pieces = ranges.pieces(3, SIZE - 3);
                prop_assert!(pieces.windows(2).all(|pair| pair[0].1 == pair[1].0));
                for (from, to, inside) in pieces {
                    prop_assert!((from..to).all(|at| model[usize::try_from(at).unwrap()] == inside));
                }
            }
        }
    }

    #[test]
    fn data_in_order_stays_one_range() {
        let mut ranges = Ranges::default();
        for block in 0..1000 {
            ranges.insert(block * 10, block * 10 + 10);
        }
        assert_eq!(ranges, Ranges(vec![(0, 10_000)]));
    }
}
