//! What the kernel asks of the file system.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    FileAttr, FileType, Filesystem, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow,
};
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use crate::volume::{Birth, Changes, Volume};

/// Nobody else changes the volume: the kernel may remember everything.
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// FOPEN_KEEP_CACHE of fuse_kernel.h.
const KEEP_CACHE: u32 = 1 << 1;

/// The volume, and how slow its syncs are.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) volume: Volume,
    pub(crate) delay: Duration,
    /// How often it was turned on; requests of an earlier mount are refused.
    pub(crate) boots: u64,
}

/// Locks; the values are whole between statements, whatever panicked.
pub(crate) fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One mount of the disk.
#[derive(Debug)]
pub(crate) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    boot: u64,
    listings: HashMap<u64, Vec<(u64, FileType, OsString)>>,
    next_listing: u64,
}

type Result<T> = std::result::Result<T, Errno>;

impl Mounted {
    pub(crate) fn new(disk: Arc<Mutex<Disk>>) -> Self {
        let boot = lock(&disk).boots;
        Self {
            disk,
            boot,
            listings: HashMap::new(),
            next_listing: 1,
        }
    }

    /// Runs something that changes nothing.
    fn look<T>(&self, action: impl FnOnce(&Volume) -> Result<T>) -> Result<T> {
        let disk = lock(&self.disk);
        if disk.boots != self.boot {
            return Err(Errno::IO);
        }
        disk.volume.power.check()?;
        action(&disk.volume)
    }

    /// Runs a change, unless the power goes before it.
    fn change<T>(&self, action: impl FnOnce(&mut Volume) -> Result<T>) -> Result<T> {
        let mut disk = lock(&self.disk);
        if disk.boots != self.boot {
            return Err(Errno::IO);
        }
        disk.volume.power.burn()?;
        action(&mut disk.volume)
    }

    fn make(&self, dir: u64, name: &OsStr, birth: Birth, data: Vec<u8>) -> Result<FileAttr> {
        self.change(|volume| {
            let ino = volume.make(dir, name, birth, data)?;
            Ok(volume.inode(ino)?.attr(ino))
        })
    }

    fn sync(&self, ino: u64, data_only: bool, reply: ReplyEmpty) {
        let mut disk = lock(&self.disk);
        if disk.boots != self.boot {
            return reply.error(code(Errno::IO));
        }
        let begun = match disk.volume.begin_sync(ino, data_only) {
            Ok(begun) => begun,
            Err(errno) => return reply.error(code(errno)),
        };
        if disk.delay.is_zero() {
            return answer(disk.volume.end_sync(begun), reply);
        }
        let (delay, boot, disk) = (disk.delay, self.boot, Arc::clone(&self.disk));
        // Others go on meanwhile, as on a real disk.
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            let mut disk = lock(&disk);
            let result = if disk.boots == boot {
                disk.volume.end_sync(begun)
            } else {
                Err(Errno::IO)
            };
            answer(result, reply);
        });
    }

    fn list(&self, ino: u64) -> Result<Vec<(u64, FileType, OsString)>> {
        self.look(|volume| {
            let dir = volume.inode(ino)?;
            let own = [(ino, ".".into()), (dir.seen.0, "..".into())]
                .map(|(ino, name)| (ino, FileType::Directory, name));
            let names = dir.names.iter().map(|(name, &ino)| {
                let kind = volume
                    .inode(ino)
                    .map_or(FileType::RegularFile, |inode| inode.kind);
                (ino, kind, name.clone())
            });
            Ok(own.into_iter().chain(names).collect())
        })
    }
}

impl Filesystem for Mounted {
    fn lookup(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        entry(
            self.look(|volume| {
                let ino = volume.look_up(parent, name)?;
                Ok(volume.inode(ino)?.attr(ino))
            }),
            reply,
        );
    }

    fn getattr(&mut self, _: &Request<'_>, ino: u64, _: Option<u64>, reply: ReplyAttr) {
        attributes(self.look(|volume| Ok(volume.inode(ino)?.attr(ino))), reply);
    }

    fn setattr(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<u64>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<u32>,
        reply: ReplyAttr,
    ) {
        let changes = Changes {
            perm: mode.map(permissions),
            uid,
            gid,
            size,
            atime: atime.map(time),
            mtime: mtime.map(time),
        };
        let result = self.change(|volume| {
            volume.set_attributes(ino, &changes)?;
            Ok(volume.inode(ino)?.attr(ino))
        });
        attributes(result, reply);
    }

    fn readlink(&mut self, _: &Request<'_>, ino: u64, reply: ReplyData) {
        match self.look(|volume| Ok(Arc::clone(&volume.inode(ino)?.data))) {
            Ok(target) => reply.data(&target),
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn mknod(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let kind = match rustix::fs::FileType::from_raw_mode(mode) {
            rustix::fs::FileType::RegularFile => FileType::RegularFile,
            rustix::fs::FileType::Socket => FileType::Socket,
            rustix::fs::FileType::Fifo => FileType::NamedPipe,
            _ => return reply.error(code(Errno::PERM)),
        };
        let mut birth = birth(request, kind, mode & !umask);
        birth.rdev = rdev;
        entry(self.make(parent, name, birth, Vec::new()), reply);
    }

    fn mkdir(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let birth = birth(request, FileType::Directory, mode & !umask);
        entry(self.make(parent, name, birth, Vec::new()), reply);
    }

    fn symlink(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let birth = birth(request, FileType::Symlink, 0o777);
        let target = target.as_os_str().as_encoded_bytes().to_vec();
        entry(self.make(parent, name, birth, target), reply);
    }

    fn unlink(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|volume| volume.unlink(parent, name, false)), reply);
    }

    fn rmdir(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        answer(self.change(|volume| volume.unlink(parent, name, true)), reply);
    }

    fn rename(
        &mut self,
        _: &Request<'_>,
        parent: u64,
        name: &OsStr,
        newparent: u64,
        newname: &OsStr,
        flags: u32,
        reply: ReplyEmpty,
    ) {
        let flags = RenameFlags::from_bits_retain(flags);
        let result = self.change(|volume| volume.rename((parent, name), (newparent, newname), flags));
        answer(result, reply);
    }

    fn link(&mut self, _: &Request<'_>, ino: u64, newparent: u64, newname: &OsStr, reply: ReplyEntry) {
        let result = self.change(|volume| {
            volume.link(ino, newparent, newname)?;
            Ok(volume.inode(ino)?.attr(ino))
        });
        entry(result, reply);
    }

    fn open(&mut self, _: &Request<'_>, ino: u64, _flags: i32, reply: ReplyOpen) {
        match self.look(|volume| volume.inode(ino).map(|_| ())) {
            Ok(()) => reply.opened(0, KEEP_CACHE),
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn create(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let birth = birth(request, FileType::RegularFile, mode & !umask);
        match self.make(parent, name, birth, Vec::new()) {
            Ok(attr) => reply.created(&FOREVER, &attr, 0, 0, KEEP_CACHE),
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        size: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyData,
    ) {
        let result = self.look(|volume| {
            let len = usize::try_from(size).unwrap_or(usize::MAX);
            volume.read(ino, position(offset)?, len).map(<[u8]>::to_vec)
        });
        match result {
            Ok(data) => reply.data(&data),
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn write(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        data: &[u8],
        _write_flags: u32,
        _flags: i32,
        _lock_owner: Option<u64>,
        reply: ReplyWrite,
    ) {
        match self.change(|volume| volume.write(ino, position(offset)?, data)) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn flush(&mut self, _: &Request<'_>, _ino: u64, _fh: u64, _lock_owner: u64, reply: ReplyEmpty) {
        // close(2) promises nothing about the disk.
        reply.ok();
    }

    fn fsync(&mut self, _: &Request<'_>, ino: u64, _fh: u64, datasync: bool, reply: ReplyEmpty) {
        self.sync(ino, datasync, reply);
    }

    fn fsyncdir(&mut self, _: &Request<'_>, ino: u64, _fh: u64, datasync: bool, reply: ReplyEmpty) {
        self.sync(ino, datasync, reply);
    }

    fn opendir(&mut self, _: &Request<'_>, ino: u64, _flags: i32, reply: ReplyOpen) {
        match self.list(ino) {
            Ok(listing) => {
                let fh = self.next_listing;
                self.next_listing += 1;
                self.listings.insert(fh, listing);
                reply.opened(fh, 0);
            }
            Err(errno) => reply.error(code(errno)),
        }
    }

    fn readdir(&mut self, _: &Request<'_>, ino: u64, fh: u64, offset: i64, mut reply: ReplyDirectory) {
        if offset == 0 {
            // rewinddir(3) shows what came meanwhile.
            match self.list(ino) {
                Ok(listing) => self.listings.insert(fh, listing),
                Err(errno) => return reply.error(code(errno)),
            };
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let listing = self.listings.get(&fh).map_or(&[][..], Vec::as_slice);
        for (number, (ino, kind, name)) in (1..).zip(listing).skip(from) {
            if reply.add(*ino, number, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&mut self, _: &Request<'_>, _ino: u64, fh: u64, _flags: i32, reply: ReplyEmpty) {
        self.listings.remove(&fh);
        reply.ok();
    }

    fn statfs(&mut self, _: &Request<'_>, _ino: u64, reply: ReplyStatfs) {
        let (blocks, files) = (1 << 24, 1 << 24);
        reply.statfs(blocks, blocks, blocks, files, files, 4096, 255, 4096);
    }

    fn setxattr(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let result = self.change(|volume| {
            let meta = &mut volume.inode_mut(ino)?.meta;
            let flags = rustix::fs::XattrFlags::from_bits_retain(flags.cast_unsigned());
            match meta.xattrs.contains_key(name) {
                true if flags.contains(rustix::fs::XattrFlags::CREATE) => return Err(Errno::EXIST),
                false if flags.contains(rustix::fs::XattrFlags::REPLACE) => return Err(Errno::NODATA),
                _ => {}
            }
            meta.xattrs.insert(name.to_owned(), value.to_vec());
            meta.ctime = SystemTime::now();
            Ok(())
        });
        answer(result, reply);
    }

    fn getxattr(&mut self, _: &Request<'_>, ino: u64, name: &OsStr, size: u32, reply: ReplyXattr) {
        let found = self.look(|volume| {
            volume
                .inode(ino)?
                .meta
                .xattrs
                .get(name)
                .cloned()
                .ok_or(Errno::NODATA)
        });
        extended(found, size, reply);
    }

    fn listxattr(&mut self, _: &Request<'_>, ino: u64, size: u32, reply: ReplyXattr) {
        let found = self.look(|volume| {
            let names = volume.inode(ino)?.meta.xattrs.keys();
            Ok(names
                .flat_map(|name| [name.as_encoded_bytes(), b"\0"].concat())
                .collect())
        });
        extended(found, size, reply);
    }

    fn removexattr(&mut self, _: &Request<'_>, ino: u64, name: &OsStr, reply: ReplyEmpty) {
        let result = self.change(|volume| {
            let meta = &mut volume.inode_mut(ino)?.meta;
            meta.ctime = SystemTime::now();
            meta.xattrs.remove(name).map(|_| ()).ok_or(Errno::NODATA)
        });
        answer(result, reply);
    }

    fn fallocate(
        &mut self,
        _: &Request<'_>,
        ino: u64,
        _fh: u64,
        offset: i64,
        length: i64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        use rustix::fs::FallocateFlags as Flags;
        let flags = Flags::from_bits_retain(mode.cast_unsigned());
        if flags.intersects(!(Flags::KEEP_SIZE | Flags::PUNCH_HOLE | Flags::ZERO_RANGE)) {
            return reply.error(code(Errno::OPNOTSUPP));
        }
        let zero = flags.intersects(Flags::PUNCH_HOLE | Flags::ZERO_RANGE);
        let result = self.change(|volume| {
            let from = position(offset)?;
            let end = from.checked_add(position(length)?).ok_or(Errno::FBIG)?;
            volume.allocate(ino, from, end, zero, flags.contains(Flags::KEEP_SIZE))
        });
        answer(result, reply);
    }
}

fn birth(request: &Request<'_>, kind: FileType, mode: u32) -> Birth {
    Birth {
        kind,
        perm: permissions(mode),
        uid: request.uid(),
        gid: request.gid(),
        rdev: 0,
    }
}

fn permissions(mode: u32) -> u16 {
    // Twelve bits are left.
    u16::try_from(mode & 0o7777).unwrap_or(0)
}

fn time(wanted: TimeOrNow) -> SystemTime {
    match wanted {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

fn position(offset: i64) -> Result<usize> {
    usize::try_from(offset).map_err(|_negative| Errno::INVAL)
}

const fn code(errno: Errno) -> i32 {
    errno.raw_os_error()
}

fn answer(result: Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(code(errno)),
    }
}

fn entry(result: Result<FileAttr>, reply: ReplyEntry) {
    match result {
        Ok(attr) => reply.entry(&FOREVER, &attr, 0),
        Err(errno) => reply.error(code(errno)),
    }
}

fn attributes(result: Result<FileAttr>, reply: ReplyAttr) {
    match result {
        Ok(attr) => reply.attr(&FOREVER, &attr),
        Err(errno) => reply.error(code(errno)),
    }
}

/// The value, or its size when none is given to put it into.
fn extended(found: Result<Vec<u8>>, size: u32, reply: ReplyXattr) {
    match found {
        Ok(value) => match u32::try_from(value.len()) {
            Ok(len) if size == 0 => reply.size(len),
            Ok(len) if len <= size => reply.data(&value),
            _ => reply.error(code(Errno::RANGE)),
        },
        Err(errno) => reply.error(code(errno)),
    }
}
