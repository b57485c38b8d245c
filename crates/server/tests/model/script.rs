//! What clients do: random steps, the same for the same seed.

use longshore_sftp::OpenFlags;

/// Sessions that work on one tree at once.
pub const SESSIONS: usize = 2;

/// Files that a session can have open.
pub const SLOTS: usize = 3;

/// One request (or a few that belong together) of one of the sessions.
#[derive(Debug, Clone)]
pub struct Step {
    pub session: usize,
    pub op: Op,
}

/// A path as it is sent.
#[derive(Clone, Copy)]
pub struct Path(pub &'static [u8]);

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Debug, Clone)]
pub enum Op {
    Open {
        slot: usize,
        path: Path,
        flags: OpenFlags,
        mode: Option<u32>,
    },
    Close {
        slot: usize,
    },
    Read {
        slot: usize,
        offset: u64,
        len: u32,
    },
    Write {
        slot: usize,
        offset: u64,
        len: usize,
        byte: u8,
    },
    FStat {
        slot: usize,
    },
    FSetStat {
        slot: usize,
        change: Change,
    },
    FSync {
        slot: usize,
    },
    FStatVfs {
        slot: usize,
    },
    CopyData {
        from: usize,
        from_offset: u64,
        len: u64,
        to: usize,
        to_offset: u64,
    },
    Stat {
        path: Path,
    },
    LStat {
        path: Path,
    },
    SetStat {
        path: Path,
        change: Change,
    },
    LSetStat {
        path: Path,
        change: Change,
    },
    /// OPENDIR, READDIR to the end, CLOSE.
    List {
        path: Path,
    },
    /// OPENDIR, then READ, WRITE, FSTAT and FSETSTAT on its handle, CLOSE.
    MisuseDirectory {
        path: Path,
    },
    Remove {
        path: Path,
    },
    MkDir {
        path: Path,
        mode: Option<u32>,
    },
    RmDir {
        path: Path,
    },
    RealPath {
        path: Path,
    },
    ExpandPath {
        path: Path,
    },
    Rename {
        old: Path,
        new: Path,
    },
    PosixRename {
        old: Path,
        new: Path,
    },
    HardLink {
        old: Path,
        new: Path,
    },
    SymLink {
        target: Path,
        link: Path,
    },
    ReadLink {
        path: Path,
    },
    StatVfs {
        path: Path,
    },
    HomeDirectory {
        own: bool,
    },
    Limits,
    /// CLOSE, READ and FSTAT of a handle that was never given out.
    StrangeHandle,
    UnknownExtension,
}

/// What a SETSTAT changes.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub size: Option<u64>,
    pub mode: Option<u32>,
    pub times: Option<(u32, u32)>,
    pub owner: Option<Owner>,
}

/// An owner to set.
#[derive(Debug, Clone, Copy)]
pub enum Owner {
    Own,
    Other,
}

/// SplitMix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn slot(&mut self) -> usize {
        usize::try_from(self.below(SLOTS as u64)).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn maybe<T>(&mut self, one_in: u64, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(one_in) == 0).then(|| value(self))
    }
}

/// `steps` steps.
pub fn script(random: &mut Random, steps: usize) -> Vec<Step> {
    (0..steps)
        .map(|_| Step {
            session: usize::try_from(random.below(SESSIONS as u64)).unwrap(),
            op: op(random),
        })
        .collect()
}

fn op(random: &mut Random) -> Op {
    let slot = random.slot();
    match random.below(100) {
        0..=23 => Op::Open {
            slot,
            path: Path(random.pick(FILES)),
            flags: OpenFlags(u32::try_from(random.below(64)).unwrap()),
            mode: random.maybe(3, |random| random.pick(FILE_MODES)),
        },
        24..=33 => Op::Close { slot },
        34..=41 => Op::Read {
            slot,
            offset: random.pick(OFFSETS),
            len: random.pick(LENGTHS),
        },
        42..=51 => Op::Write {
            slot,
            offset: random.pick(OFFSETS),
            len: random.pick(LENGTHS) as usize,
            byte: b'A' + u8::try_from(random.below(26)).unwrap(),
        },
        52..=53 => Op::FStat { slot },
        54..=56 => Op::FSetStat {
            slot,
            change: change(random),
        },
        57 => Op::FSync { slot },
        58 => Op::FStatVfs { slot },
        59..=60 => Op::CopyData {
            from: slot,
            from_offset: random.pick(OFFSETS),
            len: random.pick(&[0, 1, 5, 1000]),
            to: random.slot(),
            to_offset: random.pick(OFFSETS),
        },
        61..=62 => Op::Stat {
            path: Path(random.pick(ANY)),
        },
        63..=64 => Op::LStat {
            path: Path(random.pick(ANY)),
        },
        65..=68 => Op::SetStat {
            path: Path(random.pick(ANY)),
            change: change(random),
        },
        69 => Op::LSetStat {
            path: Path(random.pick(ANY)),
            change: change(random),
        },
        70..=73 => Op::List {
            path: Path(random.pick(ANY)),
        },
        74 => Op::MisuseDirectory {
            path: Path(random.pick(ANY)),
        },
        75..=77 => Op::Remove {
            path: Path(random.pick(ANY)),
        },
        78..=79 => Op::MkDir {
            path: Path(random.pick(ANY)),
            mode: random.maybe(2, |random| random.pick(DIR_MODES)),
        },
        80..=81 => Op::RmDir {
            path: Path(random.pick(ANY)),
        },
        82..=83 => Op::RealPath {
            path: Path(random.pick(ANY)),
        },
        84 => Op::ExpandPath {
            path: Path(random.pick(ANY)),
        },
        85..=86 => Op::Rename {
            old: Path(random.pick(ANY)),
            new: Path(random.pick(ANY)),
        },
        87..=88 => Op::PosixRename {
            old: Path(random.pick(ANY)),
            new: Path(random.pick(ANY)),
        },
        89..=90 => Op::HardLink {
            old: Path(random.pick(ANY)),
            new: Path(random.pick(ANY)),
        },
        91..=92 => Op::SymLink {
            target: Path(random.pick(TARGETS)),
            link: Path(random.pick(ANY)),
        },
        93..=94 => Op::ReadLink {
            path: Path(random.pick(ANY)),
        },
        95 => Op::StatVfs {
            path: Path(random.pick(ANY)),
        },
        96 => Op::HomeDirectory {
            own: random.below(2) == 0,
        },
        97 => Op::Limits,
        98 => Op::StrangeHandle,
        _ => Op::UnknownExtension,
    }
}

fn change(random: &mut Random) -> Change {
    let mut change = Change {
        size: None,
        mode: None,
        times: None,
        owner: None,
    };
    // Clients set one thing, or what they know of a file at once.
    let which = random.below(9);
    if matches!(which, 0 | 1 | 7) {
        change.size = Some(random.pick(OFFSETS));
    }
    if matches!(which, 2 | 3 | 7 | 8) {
        change.mode = Some(random.pick(FILE_MODES));
    }
    if matches!(which, 4 | 5 | 7 | 8) {
        let time = 1_000_000_000 + u32::try_from(random.below(400_000_000)).unwrap();
        change.times = Some((time + 1, time));
    }
    if matches!(which, 6 | 8) {
        change.owner = Some(if random.below(4) == 0 {
            Owner::Other
        } else {
            Owner::Own
        });
    }
    change
}

/// Where files are opened. Some of them are directories and links at the beginning, and any can become one.
const FILES: &[&[u8]] = &[
    b"/a",
    b"/b",
    b"/c",
    b"/d/a",
    b"/d/b",
    b"/d/e/a",
    b"/to-a",
    b"/to-d/b",
    b"/to-nothing",
    b"d/c",
    b"/sp ace",
    b"/\xff\xfe",
    b"/d",
    b"/a/below",
    b"/missing/x",
];

/// Anything.
const ANY: &[&[u8]] = &[
    b"/a",
    b"/b",
    b"/c",
    b"/d",
    b"/d/a",
    b"/d/b",
    b"/d/e",
    b"/d/e/a",
    b"/f",
    b"/to-a",
    b"/to-d",
    b"/to-d/b",
    b"/to-nothing",
    b"/loop",
    b"d/c",
    b"d",
    b"/sp ace",
    b"/\xff\xfe",
    b"/",
    b".",
    b"/d/",
    b"/a/below",
    b"/missing/x",
    b"/d//a",
    b"/./a",
];

/// What links point to.
const TARGETS: &[&[u8]] = &[
    b"a",
    b"/a",
    b"d",
    b"/d",
    b"/missing",
    b"missing",
    b"e/a",
    b"/d/e",
    b"loop",
    b"/",
    b".",
];

const OFFSETS: &[u64] = &[0, 0, 0, 1, 3, 10, 100, 4096, 70_000];
const LENGTHS: &[u32] = &[0, 1, 3, 10, 100, 4097, 70_000];
const FILE_MODES: &[u32] = &[0o644, 0o644, 0o600, 0o755, 0o777, 0o444, 0o200, 0o000, 0o640];
const DIR_MODES: &[u32] = &[0o755, 0o755, 0o700, 0o777, 0o555, 0o300, 0o500, 0o000];
