//! What a bucket's journal says about uploads.

use std::time::SystemTime;

use super::codec::{Put, Take};
use crate::local::{DirId, Times};
use crate::path::{BucketName, RemotePath};
use crate::types::OwnerId;
use crate::upload_types::{Published, UploadFacts, UploadId};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// What is known to be kept of an unfinished upload; takes the place of what was said of it before.
    Kept(Box<Kept>),
    /// The upload is about to be renamed to its final name.
    Intent(Box<Intent>),
    /// It was not.
    Void(UploadId),
    /// The upload ended without being published.
    Gone(UploadId),
    /// Somebody else keeps a record of the published upload.
    Recorded(UploadId),
    /// The upload has its final name on stable storage.
    Named(UploadId),
}

/// What a restart finds of an unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: UploadId,
    pub(crate) owner: OwnerId,
    /// The owner's home in the bucket.
    pub(crate) home: RemotePath,
    /// What was opened, as a path in the home.
    pub(crate) opened: RemotePath,
    /// Where it is to be published in the bucket: before a rename both names, the later one last.
    pub(crate) paths: Vec<RemotePath>,
    /// The directory of the name; tells which of the names it is.
    pub(crate) dir: DirId,
    pub(crate) new_mode: u32,
    pub(crate) mode: Option<u32>,
    pub(crate) times: Option<Times>,
    /// The name was free when it began, and must be when it is published.
    pub(crate) exclusive: bool,
    pub(crate) began: SystemTime,
    pub(crate) parked: Option<SystemTime>,
    /// Acknowledged by `fsync@openssh.com` or CLOSE: all of `written` is kept, not only its front, and for good.
    pub(crate) synced: bool,
    /// Which run of the machine wrote this: bytes that were not synced are there as long as it lasts.
    pub(crate) boot: [u8; 16],
    /// `written` was on stable storage before this was said.
    pub(crate) safe: bool,
    /// All data has come in order so far: as long as the machine runs, the staged file has no gap.
    pub(crate) in_order: bool,
    pub(crate) written: Vec<(u64, u64)>,
    /// The rest comes from the published version up to here; the length is fixed or not.
    pub(crate) base: Option<(u64, Option<u64>)>,
    pub(crate) facts: UploadFacts,
}

/// What is about to be published, and the file node that gets the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) published: Published,
    pub(crate) file: DirId,
    /// Which run of the machine wrote this: a rename that was made in it is there as long as it lasts.
    pub(crate) boot: [u8; 16],
    /// [`Entry::Named`] followed.
    pub(crate) named: bool,
}

const KEPT: u8 = 1;
const INTENT: u8 = 2;
const VOID: u8 = 3;
const GONE: u8 = 4;
const RECORDED: u8 = 5;
const NAMED: u8 = 6;

impl Entry {
    /// As bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        match self {
            Self::Kept(kept) => {
                put.u8(KEPT);
                kept.put(&mut put);
            }
            Self::Intent(intent) => {
                put.u8(INTENT);
                intent.put(&mut put);
            }
            Self::Void(id) => put_id(&mut put, VOID, *id),
            Self::Gone(id) => put_id(&mut put, GONE, *id),
            Self::Recorded(id) => put_id(&mut put, RECORDED, *id),
            Self::Named(id) => put_id(&mut put, NAMED, *id),
        }
        put.0
    }

    /// From the bytes of one entry.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take(bytes);
        let entry = match take.u8()? {
            KEPT => Self::Kept(Box::new(Kept::take(&mut take)?)),
            INTENT => Self::Intent(Box::new(Intent::take(&mut take)?)),
            VOID => Self::Void(take.id()?),
            GONE => Self::Gone(take.id()?),
            RECORDED => Self::Recorded(take.id()?),
            NAMED => Self::Named(take.id()?),
            _ => return None,
        };
        take.0.is_empty().then_some(entry)
    }
}

fn put_id(put: &mut Put, kind: u8, id: UploadId) {
    put.u8(kind);
    put.id(id);
}

impl Kept {
    fn put(&self, put: &mut Put) {
        put.id(self.id);
        put.i64(self.owner.0);
        put.bytes(self.home.as_bytes());
        put.bytes(self.opened.as_bytes());
        put.u8(u8::try_from(self.paths.len()).unwrap_or(u8::MAX));
        for path in self.paths.iter().take(usize::from(u8::MAX)) {
            put.bytes(path.as_bytes());
        }
        put.u64(self.dir.device);
        put.u64(self.dir.inode);
        put.u32(self.new_mode);
        put.option(self.mode, Put::u32);
        put.option(self.times, |put, (accessed, modified)| {
            put.time(accessed);
            put.time(modified);
        });
        put.bool(self.exclusive);
        put.time(self.began);
        put.option(self.parked, Put::time);
        put.bool(self.synced);
        put.0.extend_from_slice(&self.boot);
        put.bool(self.safe);
        put.bool(self.in_order);
        put.u32(u32::try_from(self.written.len()).unwrap_or(u32::MAX));
        for (from, to) in &self.written {
            put.u64(*from);
            put.u64(*to);
        }
        put.option(self.base, |put, (end, fixed)| {
            put.u64(end);
            put.option(fixed, Put::u64);
        });
        put_facts(put, &self.facts);
    }

    fn take(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            id: take.id()?,
            owner: OwnerId(take.i64()?),
            home: take.path()?,
            opened: take.path()?,
            paths: (0..take.u8()?).map(|_| take.path()).collect::<Option<_>>()?,
            dir: take_node(take)?,
            new_mode: take.u32()?,
            mode: take.option(Take::u32)?,
            times: take.option(|take| Some((take.time()?, take.time()?)))?,
            exclusive: take.bool()?,
            began: take.time()?,
            parked: take.option(Take::time)?,
            synced: take.bool()?,
            boot: take.raw(16)?.try_into().ok()?,
            safe: take.bool()?,
            in_order: take.bool()?,
            written: (0..take.u32()?)
                .map(|_| Some((take.u64()?, take.u64()?)))
                .collect::<Option<_>>()?,
            base: take.option(|take| Some((take.u64()?, take.option(Take::u64)?)))?,
            facts: take_facts(take)?,
        })
    }
}

impl Intent {
    fn put(&self, put: &mut Put) {
        let published = &self.published;
        put.id(published.id);
        put.i64(published.owner.0);
        put.bytes(published.bucket.as_str().as_bytes());
        put.bytes(published.path.as_bytes());
        put.u64(published.size);
        put.time(published.modified);
        put.time(published.began);
        put.time(published.at);
        put.bool(published.replaced);
        put_facts(put, &published.facts);
        put.bytes(&published.note);
        put.u64(self.file.device);
        put.u64(self.file.inode);
        put.0.extend_from_slice(&self.boot);
        put.bool(self.named);
    }

    fn take(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            published: Published {
                id: take.id()?,
                owner: OwnerId(take.i64()?),
                bucket: BucketName::parse(std::str::from_utf8(take.bytes()?).ok()?).ok()?,
                path: take.path()?,
                size: take.u64()?,
                modified: take.time()?,
                began: take.time()?,
                at: take.time()?,
                replaced: take.bool()?,
                facts: take_facts(take)?,
                note: take.bytes()?.to_vec(),
            },
            file: take_node(take)?,
            boot: take.raw(16)?.try_into().ok()?,
            named: take.bool()?,
        })
    }
}

fn take_node(take: &mut Take<'_>) -> Option<DirId> {
    Some(DirId {
        device: take.u64()?,
        inode: take.u64()?,
    })
}

fn put_facts(put: &mut Put, facts: &UploadFacts) {
    put.u64(facts.received);
    put.option(facts.declared, Put::u64);
    put.u64(facts.carried);
    put.u64(facts.holes);
    put.u32(facts.joined);
    put.u32(facts.dropped);
    put.u32(facts.resumed);
    put.bool(facts.appended);
    put.bool(facts.edited);
    put.bool(facts.renamed);
}

fn take_facts(take: &mut Take<'_>) -> Option<UploadFacts> {
    Some(UploadFacts {
        received: take.u64()?,
        declared: take.option(Take::u64)?,
        carried: take.u64()?,
        holes: take.u64()?,
        joined: take.u32()?,
        dropped: take.u32()?,
        resumed: take.u32()?,
        appended: take.bool()?,
        edited: take.bool()?,
        renamed: take.bool()?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    fn facts() -> UploadFacts {
        UploadFacts {
            received: 1,
            declared: Some(2),
            carried: 3,
            holes: 4,
            joined: 5,
            dropped: 6,
            resumed: 7,
            appended: true,
            edited: false,
            renamed: true,
        }
    }

    pub(crate) fn kept(id: u8) -> Kept {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        Kept {
            id: UploadId([id; 16]),
            owner: OwnerId(-3),
            home: RemotePath::parse(b"/alice").unwrap(),
            opened: RemotePath::parse(b"/in/\xff").unwrap(),
            paths: vec![RemotePath::parse(b"/alice/in/\xff").unwrap(), RemotePath::root()],
            dir: DirId {
                device: 8,
                inode: u64::MAX,
            },
            new_mode: 0o640,
            mode: Some(0o600),
            times: Some((time, SystemTime::UNIX_EPOCH - Duration::from_millis(1250))),
            exclusive: true,
            began: time,
            parked: Some(time),
            synced: true,
            boot: [9; 16],
            safe: true,
            in_order: false,
            written: vec![(0, 10), (20, u64::MAX)],
            base: Some((7, Some(8))),
            facts: facts(),
        }
    }

    pub(crate) fn intent(id: u8) -> Intent {
        Intent {
            published: Published {
                id: UploadId([id; 16]),
                owner: OwnerId(4),
                bucket: BucketName::parse("bucket-1").unwrap(),
                path: RemotePath::parse(b"/alice/f").unwrap(),
                size: 99,
                modified: SystemTime::UNIX_EPOCH,
                began: SystemTime::UNIX_EPOCH,
                at: SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(id)),
                replaced: true,
                facts: facts(),
                note: b"note".to_vec(),
            },
            file: DirId { device: 1, inode: 2 },
            boot: [8; 16],
            named: false,
        }
    }

    #[test]
    fn every_entry_survives_the_round_trip_and_no_part_of_one_is_an_entry() {
        let id = UploadId([7; 16]);
        let entries = [
            Entry::Kept(Box::new(kept(1))),
            Entry::Intent(Box::new(intent(2))),
            Entry::Void(id),
            Entry::Gone(id),
            Entry::Recorded(id),
            Entry::Named(id),
        ];
        for entry in entries {
            let bytes = entry.encode();
            assert_eq!(Entry::decode(&bytes), Some(entry));
            for len in 0..bytes.len() {
                assert_eq!(Entry::decode(&bytes[..len]), None, "{len} bytes");
            }
            assert_eq!(Entry::decode(&[bytes.as_slice(), b"x"].concat()), None);
        }
    }
}
