//! Syncs, power cuts, and what is found afterwards.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rustix::io::Errno;

use crate::chance::Chance;
use crate::inode::{Inode, Meta, ROOT};
use crate::names::{Cause, Change};
use crate::pattern;
use crate::survive;
use crate::volume::Volume;

/// What is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// fsync(2) or fdatasync(2) of a file.
    Data,
    /// fsync(2) of a directory.
    Names,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Names => "names",
        }
    }
}

/// What a sync leaves out when it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Everything.
    All(Kind),
    /// Names that changed for this cause.
    Only(Cause),
}

/// Whether there is power, until when, and what was synced.
#[derive(Debug)]
pub(crate) struct Power {
    chance: Chance,
    off: bool,
    /// Operations until the power goes.
    fuse: Option<u64>,
    /// The power goes when a sync of this begins.
    pub(crate) trap: Option<(Kind, Vec<u8>)>,
    syncs: u64,
    /// Syncs that are only pretended, by pattern of paths.
    pub(crate) ignored: Vec<(Sabotage, Vec<u8>)>,
    /// How many there were, by what and where.
    pub(crate) counts: BTreeMap<(Kind, Vec<u8>), u64>,
}

impl Power {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed),
            off: false,
            fuse: None,
            trap: None,
            syncs: 0,
            ignored: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    pub(crate) const fn is_off(&self) -> bool {
        self.off
    }

    /// Lets the power go at the `operations`th change or sync from now.
    pub(crate) const fn cut_after(&mut self, operations: u64) {
        self.fuse = Some(operations);
    }

    /// Every operation passes here first; fails once the power is gone.
    pub(crate) fn check(&self) -> Result<(), Errno> {
        if self.off { Err(Errno::IO) } else { Ok(()) }
    }

    /// Every change and every sync passes here first, so that the power can go between any two of them.
    pub(crate) fn burn(&mut self) -> Result<(), Errno> {
        match &mut self.fuse {
            Some(0) => self.cut(),
            Some(left) => *left -= 1,
            None => {}
        }
        self.check()
    }

    pub(crate) fn cut(&mut self) {
        self.off = true;
        self.fuse = None;
        self.trap = None;
    }
}

/// A sync that began: what it covers.
#[derive(Debug)]
pub(crate) struct Begun {
    ino: u64,
    number: u64,
    what: Covers,
}

#[derive(Debug)]
enum Covers {
    /// It is pretended.
    Nothing,
    /// Data, and attributes unless it is fdatasync(2).
    File(Arc<Vec<u8>>, Option<Meta>),
    /// Names up to this step, but for those that changed for one of these causes.
    Dir(u64, Vec<Cause>, Meta),
}

impl Volume {
    /// Begins a sync. What is written from here on is not covered, however long it takes.
    pub(crate) fn begin_sync(&mut self, ino: u64, data_only: bool) -> Result<Begun, Errno> {
        self.power.burn()?;
        let path = self.path_of(ino);
        let inode = self.inode(ino)?;
        let kind = if inode.is_dir() { Kind::Names } else { Kind::Data };
        let trap = self.power.trap.as_ref();
        if trap.is_some_and(|(what, pattern)| *what == kind && pattern::matches(pattern, &path)) {
            self.power.cut();
            return Err(Errno::IO);
        }
        let inode = self.inode(ino)?;
        let left_out = |what| {
            let ignored = self.power.ignored.iter();
            let mut ignored = ignored.filter(|(sabotage, _)| *sabotage == what);
            ignored.any(|(_, pattern)| pattern::matches(pattern, &path))
        };
        let what = if left_out(Sabotage::All(kind)) {
            Covers::Nothing
        } else if kind == Kind::Names {
            use Cause::{Arrived, Left, Linked, Made, Removed};
            let causes = [Made, Linked, Removed, Arrived, Left];
            let but = causes
                .into_iter()
                .filter(|&cause| left_out(Sabotage::Only(cause)));
            Covers::Dir(self.log.last(), but.collect(), inode.meta.clone())
        } else {
            Covers::File(Arc::clone(&inode.data), (!data_only).then(|| inode.meta.clone()))
        };
        *self.power.counts.entry((kind, path)).or_default() += 1;
        self.power.syncs += 1;
        let number = self.power.syncs;
        Ok(Begun { ino, number, what })
    }

    /// Ends a sync: what it covers is durable, unless the power went meanwhile.
    pub(crate) fn end_sync(&mut self, begun: Begun) -> Result<(), Errno> {
        self.power.check()?;
        match begun.what {
            Covers::Nothing => {}
            Covers::File(data, meta) => {
                let saved = &mut self.inode_mut(begun.ino)?.saved;
                if saved.sync < begun.number {
                    saved.sync = begun.number;
                    saved.data = data;
                    saved.meta = meta.unwrap_or_else(|| saved.meta.clone());
                }
            }
            Covers::Dir(up_to, but, meta) => {
                let changes = self.log.sync(begun.ino, up_to, &but);
                self.keep(changes);
                let saved = &mut self.inode_mut(begun.ino)?.saved;
                if saved.sync < begun.number {
                    saved.sync = begun.number;
                    saved.meta = meta;
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Some(dir) = self.inodes.get_mut(&change.dir) {
                match change.to {
                    Some(ino) => dir.saved.names.insert(change.name, ino),
                    None => dir.saved.names.remove(&change.name),
                };
            }
        }
    }

    /// Turns the power on again: the volume becomes what survived.
    pub(crate) fn boot(&mut self) {
        // Sometimes everything that was under way is lost, sometimes all of it arrived.
        let percent = [0, 0, 30, 70, 100][usize::try_from(self.power.chance.below(5)).unwrap_or(0)];
        let survivors = self.log.cut(&mut self.power.chance, percent);
        self.keep(survivors);
        // In the order of their numbers, so that a seed repeats the choices.
        let mut numbers: Vec<u64> = self.inodes.keys().copied().collect();
        numbers.sort_unstable();
        for ino in numbers {
            if let Some(inode) = self.inodes.get_mut(&ino) {
                recover(inode, &mut self.power.chance);
            }
        }
        self.drop_unreachable();
        self.power.off = false;
        self.power.fuse = None;
    }

    /// Removes what no name leads to, and counts names.
    fn drop_unreachable(&mut self) {
        let mut links: HashMap<u64, u32> = HashMap::new();
        let mut seen = HashSet::from([ROOT]);
        let mut rest = vec![ROOT];
        while let Some(dir) = rest.pop() {
            let names = self
                .inodes
                .get(&dir)
                .map(|inode| inode.names.clone())
                .unwrap_or_default();
            for (name, ino) in names {
                *links.entry(ino).or_default() += 1;
                let Some(inode) = self.inodes.get_mut(&ino) else {
                    continue;
                };
                inode.seen = (dir, name);
                if seen.insert(ino) && inode.is_dir() {
                    rest.push(ino);
                }
            }
        }
        self.inodes.retain(|ino, _| seen.contains(ino));
        let kinds: HashSet<u64> = self
            .inodes
            .iter()
            .filter(|(_, inode)| inode.is_dir())
            .map(|(&ino, _)| ino)
            .collect();
        for (ino, inode) in &mut self.inodes {
            let below = inode.names.values().filter(|child| kinds.contains(child)).count();
            inode.links = if inode.is_dir() {
                2 + u32::try_from(below).unwrap_or(u32::MAX - 2)
            } else {
                links.get(ino).copied().unwrap_or(0)
            };
        }
    }
}

/// One inode after a cut.
fn recover(inode: &mut Inode, chance: &mut Chance) {
    inode.data = Arc::new(survive::content(&inode.saved.data, &inode.data, chance));
    if inode.saved.meta == inode.meta || chance.percent(50) {
        inode.meta = inode.saved.meta.clone();
    }
    inode.names = inode.saved.names.clone();
    inode.saved.data = Arc::clone(&inode.data);
    inode.saved.meta = inode.meta.clone();
}

#[cfg(test)]
mod tests;
