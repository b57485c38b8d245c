//! Runs a script on both servers and compares every answer, then the trees.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use bytes::Bytes;
use longshore_sftp::{Attrs, ExtendedRequest, Handle, OpenFlags, Reply, Request, StatusCode};

use crate::answer::{Answer, Facts};
use crate::differences::{Difference, Met};
use crate::script::{Change, Op, Owner, SESSIONS, SLOTS, Step};
use crate::world::{USER, World};

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    pub met: Met,
    /// OPENs that were compared, by flags.
    pub opens: Vec<u64>,
    pub requests: u64,
    /// The first answer that differs without being allowed to.
    pub failure: Option<String>,
}

/// An open file, the same on both sides.
struct Open {
    ours: Handle,
    theirs: Handle,
    read: bool,
    write: bool,
    /// Ours is an upload.
    staged: bool,
    /// Device and inode of the file in the other tree.
    file: (u64, u64),
    /// What this handle answers is not compared any more.
    adrift: Option<Difference>,
}

struct Run {
    world: World,
    slots: Vec<Option<Open>>,
    report: Report,
}

/// Requests of a sequence, without the CLOSEs at its end.
pub const REQUESTS: u64 = 40;

/// Runs the steps until there were enough requests; ends at the first failure.
pub async fn run(steps: &[Step]) -> Report {
    let mut run = Run {
        world: World::new().await,
        slots: std::iter::repeat_with(|| None).take(SESSIONS * SLOTS).collect(),
        report: Report {
            opens: vec![0; 64],
            ..Report::default()
        },
    };
    for (number, step) in steps.iter().enumerate() {
        if run.report.requests >= REQUESTS {
            break;
        }
        if let Err(difference) = run.step(step).await {
            run.report.failure = Some(format!("step {number} {step:?}: {difference}"));
            return run.report;
        }
    }
    if let Err(difference) = run.finish().await {
        run.report.failure = Some(format!("at the end: {difference}"));
    }
    run.report
}

type Judged = Result<(), String>;

impl Run {
    async fn step(&mut self, Step { session, op }: &Step) -> Judged {
        let session = *session;
        match op {
            Op::Open {
                slot,
                path,
                flags,
                mode,
            } => self.open(session, *slot, path.0, *flags, *mode).await,
            Op::Close { slot } => match self.slots[index(session, *slot)].take() {
                Some(open) => self.close(session, open).await,
                None => Ok(()),
            },
            Op::Read { slot, offset, len } => {
                let (offset, len) = (*offset, *len);
                self.on_handle(session, *slot, |handle| Request::Read { handle, offset, len })
                    .await
            }
            Op::Write {
                slot,
                offset,
                len,
                byte,
            } => {
                let (offset, data) = (*offset, Bytes::from(vec![*byte; *len]));
                self.on_handle(session, *slot, |handle| Request::Write {
                    handle,
                    offset,
                    data: data.clone(),
                })
                .await
            }
            Op::FStat { slot } => {
                self.on_handle(session, *slot, |handle| Request::FStat { handle })
                    .await
            }
            Op::FSetStat { slot, change } => {
                let attrs = attrs(*change);
                self.on_handle(session, *slot, |handle| Request::FSetStat {
                    handle,
                    attrs: attrs.clone(),
                })
                .await
            }
            Op::FSync { slot } => {
                self.on_handle(session, *slot, |handle| {
                    Request::Extended(ExtendedRequest::FSync { handle })
                })
                .await
            }
            Op::FStatVfs { slot } => {
                self.on_handle(session, *slot, |handle| {
                    Request::Extended(ExtendedRequest::FStatVfs { handle })
                })
                .await
            }
            Op::CopyData {
                from,
                from_offset,
                len,
                to,
                to_offset,
            } => {
                self.copy(session, *from, *from_offset, *len, *to, *to_offset)
                    .await
            }
            Op::List { path } => self.list(session, path.0).await,
            Op::MisuseDirectory { path } => self.misuse_directory(session, path.0).await,
            Op::StrangeHandle => {
                let handle = Handle::from(77_777_777);
                self.compare(
                    session,
                    Request::Close {
                        handle: handle.clone(),
                    },
                )
                .await?;
                let read = Request::Read {
                    handle: handle.clone(),
                    offset: 0,
                    len: 1,
                };
                self.compare(session, read).await?;
                self.compare(session, Request::FStat { handle }).await
            }
            other => match request_of(other) {
                Some(request) => self.on_path(session, request).await,
                None => Err("a step without a request".to_owned()),
            },
        }
    }

    /// OPEN, unless a documented difference would lead the trees apart.
    async fn open(
        &mut self,
        session: usize,
        slot: usize,
        path: &[u8],
        flags: OpenFlags,
        mode: Option<u32>,
    ) -> Judged {
        let place = index(session, slot);
        if let Some(open) = self.slots[place].take() {
            self.close(session, open).await?;
        }
        let wanted = Wanted::of(flags);
        let there = std::fs::metadata(self.world.their_path(path)).ok();
        let staged = match self.plan(path, &wanted, there.as_ref()) {
            Ok(staged) => staged,
            Err(difference) => {
                self.report.met.note(difference);
                return Ok(());
            }
        };
        let attrs = Attrs {
            permissions: mode,
            ..Attrs::default()
        };
        let request = Request::Open {
            path: Bytes::copy_from_slice(path),
            flags,
            attrs,
        };
        let (ours, theirs) = self.both(session, &request).await;
        self.report.opens[(flags.0 & 0x3f) as usize] += 1;
        match (ours, theirs) {
            (Reply::Handle(ours), Reply::Handle(theirs)) => {
                let now =
                    std::fs::metadata(self.world.their_path(path)).map_err(|error| error.to_string())?;
                self.slots[place] = Some(Open {
                    ours,
                    theirs,
                    read: wanted.read,
                    write: wanted.write,
                    staged,
                    file: identity(&now),
                    adrift: None,
                });
                Ok(())
            }
            (ours, Reply::Handle(handle)) if there.as_ref().is_some_and(std::fs::Metadata::is_dir) => {
                self.world.call_them(session, &Request::Close { handle }).await;
                self.expect_status(ours, StatusCode::FAILURE, Difference::DirectoriesAreNoFiles)
            }
            (ours, theirs)
                if is_status(&theirs, StatusCode::PERMISSION_DENIED)
                    && there.as_ref().is_some_and(std::fs::Metadata::is_dir) =>
            {
                self.expect_status(ours, StatusCode::FAILURE, Difference::DirectoriesAreNoFiles)
            }
            (Reply::Handle(handle), theirs)
                if is_status(&theirs, StatusCode::PERMISSION_DENIED)
                    && there.is_some_and(|there| self.has_upload(identity(&there))) =>
            {
                self.world.ours[session].call(&Request::Close { handle }).await;
                self.report.met.note(Difference::OwnUploadsOpen);
                Ok(())
            }
            (ours, theirs) => self.judge(ours, theirs, &request),
        }
    }

    fn has_upload(&self, file: (u64, u64)) -> bool {
        self.slots
            .iter()
            .flatten()
            .any(|open| open.staged && open.file == file)
    }

    /// Whether our OPEN begins or joins an upload; the difference that forbids to go on otherwise.
    fn plan(
        &self,
        path: &[u8],
        wanted: &Wanted,
        there: Option<&std::fs::Metadata>,
    ) -> Result<bool, Difference> {
        let Some(there) = there else {
            return Ok(wanted.create);
        };
        if !there.is_file() {
            return Ok(false);
        }
        if wanted.truncate && !wanted.write {
            return if wanted.exclusive {
                Ok(false)
            } else {
                Err(Difference::TruncNeedsWrite)
            };
        }
        if wanted.exclusive || !wanted.write {
            return Ok(false);
        }
        let file = identity(there);
        let open = || self.slots.iter().flatten().filter(move |open| open.file == file);
        if !wanted.truncate && open().any(|open| open.staged) {
            return Ok(true);
        }
        if !wanted.truncate && (wanted.read || wanted.append) {
            return Ok(false);
        }
        let keeps = !wanted.truncate;
        if keeps && there.mode() & 0o400 == 0 {
            return Err(Difference::UploadsNeedMoreRights);
        }
        if there.nlink() > 1 || (keeps && there.mtime() < LONG_AGO) {
            return Err(Difference::PublishingMakesANewFile);
        }
        if open().next().is_some() {
            return Err(Difference::ReadersKeepTheirVersion);
        }
        let real = std::fs::canonicalize(self.world.their_path(path));
        let parent = real.ok().and_then(|real| real.parent().map(Path::to_path_buf));
        if parent.is_none_or(|parent| !may_change(&parent)) {
            return Err(Difference::UploadsNeedMoreRights);
        }
        Ok(true)
    }

    async fn close(&mut self, session: usize, open: Open) -> Judged {
        let ours = self.world.ours[session]
            .call(&Request::Close { handle: open.ours })
            .await;
        let theirs = self.world.theirs[session]
            .call(&Request::Close { handle: open.theirs })
            .await;
        match open.adrift {
            Some(difference) => {
                self.report.met.note(difference);
                Ok(())
            }
            None => same(Answer::of(ours, b""), Answer::of(theirs, b""), "CLOSE"),
        }
    }

    /// A request on a slot, if it is open.
    async fn on_handle(
        &mut self,
        session: usize,
        slot: usize,
        request: impl Fn(Handle) -> Request,
    ) -> Judged {
        let place = index(session, slot);
        let Some(open) = &self.slots[place] else {
            return Ok(());
        };
        let (read, write, adrift) = (open.read, open.write, open.adrift);
        let (ours, theirs) = (request(open.ours.clone()), request(open.theirs.clone()));
        if let Request::FSetStat { attrs, .. } = &ours
            && !write
            && (attrs.size.is_some() || !open.staged)
            && adrift.is_none()
        {
            // OpenSSH's server would change the file, or a part of what was asked for.
            let reply = self.world.ours[session].call(&ours).await;
            return self.expect_status(
                reply,
                StatusCode::PERMISSION_DENIED,
                Difference::HandlesThatDoNotFit,
            );
        }
        let reply = self.world.ours[session].call(&ours).await;
        let their_reply = self.world.theirs[session].call(&theirs).await;
        self.report.requests += 1;
        if let Some(difference) = adrift {
            self.report.met.note(difference);
            return Ok(());
        }
        let denied = match &ours {
            Request::Read { .. } => !read,
            Request::Write { .. } => !write,
            _ => false,
        };
        if denied
            && is_status(&reply, StatusCode::PERMISSION_DENIED)
            && !is_status(&their_reply, StatusCode::OK)
        {
            self.report.met.note(Difference::HandlesThatDoNotFit);
            return Ok(());
        }
        self.judge(reply, their_reply, &ours)
    }

    async fn copy(
        &mut self,
        session: usize,
        from: usize,
        read_offset: u64,
        read_len: u64,
        to: usize,
        write_offset: u64,
    ) -> Judged {
        let (Some(source), Some(target)) =
            (&self.slots[index(session, from)], &self.slots[index(session, to)])
        else {
            return Ok(());
        };
        // One file behind two handles: what is copied depends on the size of the pieces.
        if !self.world.copies
            || source.adrift.is_some()
            || target.adrift.is_some()
            || (source.file == target.file && from != to)
        {
            return Ok(());
        }
        if !source.read || !target.write {
            return Ok(());
        }
        let request = |read_from: &Handle, write_to: &Handle| {
            Request::Extended(ExtendedRequest::CopyData {
                read_from: read_from.clone(),
                read_offset,
                read_len,
                write_to: write_to.clone(),
                write_offset,
            })
        };
        let ours = request(&source.ours, &target.ours);
        let theirs = request(&source.theirs, &target.theirs);
        let reply = self.world.ours[session].call(&ours).await;
        let their_reply = self.world.theirs[session].call(&theirs).await;
        self.report.requests += 1;
        self.judge(reply, their_reply, &ours)
    }

    /// A request that names paths.
    async fn on_path(&mut self, session: usize, request: Request) -> Judged {
        if let Some(difference) = self.leads_apart(&request) {
            self.report.met.note(difference);
            return Ok(());
        }
        let displaced = self.displaced(&request);
        let (ours, theirs) = self.both(session, &request).await;
        let done = is_status(&theirs, StatusCode::OK);
        self.judge(ours, theirs, &request)?;
        if let Some(file) = displaced.filter(|_| done) {
            for open in self.slots.iter_mut().flatten().filter(|open| open.file == file) {
                open.adrift = Some(Difference::RemovedUploadIsGone);
            }
        }
        Ok(())
    }

    /// Whether what follows could not be compared after this request.
    fn leads_apart(&self, request: &Request) -> Option<Difference> {
        let uploads = || self.slots.iter().flatten().filter(|open| open.staged);
        let file = |path: &[u8]| std::fs::symlink_metadata(self.world.their_path(path)).ok();
        match request {
            Request::Extended(ExtendedRequest::HardLink { old_path, .. }) => {
                let file = file(old_path).map(|file| identity(&file));
                uploads()
                    .any(|open| Some(open.file) == file)
                    .then_some(Difference::PublishingMakesANewFile)
            }
            Request::SetStat { path, attrs }
            | Request::Extended(ExtendedRequest::LSetStat { path, attrs }) => {
                let target = std::fs::metadata(self.world.their_path(path)).ok()?;
                let root = std::fs::metadata(&self.world.their_tree).ok()?;
                if attrs.permissions.is_some() && identity(&target) == identity(&root) {
                    return Some(Difference::HomeIsTheRoot);
                }
                if attrs.size.is_some() && target.mode() & 0o200 == 0 && self.has_upload(identity(&target)) {
                    return Some(Difference::OwnUploadsOpen);
                }
                let shuts = attrs.permissions.is_some() && target.is_dir() && uploads().next().is_some();
                shuts.then_some(Difference::UploadsNeedMoreRights)
            }
            Request::Rename { old_path, new_path } => {
                let (old, new) = (file(old_path)?, file(new_path)?);
                let dangling = std::fs::metadata(self.world.their_path(new_path)).is_err();
                (dangling && new.is_symlink() && !old.is_file()).then_some(Difference::RenameNeverReplaces)
            }
            _ => None,
        }
    }

    /// The file whose unfinished upload the request throws away.
    fn displaced(&self, request: &Request) -> Option<(u64, u64)> {
        let (path, source) = match request {
            Request::Remove { path } => (path, None),
            Request::Extended(ExtendedRequest::PosixRename { old_path, new_path }) => {
                (new_path, Some(old_path))
            }
            _ => return None,
        };
        let file = |path: &[u8]| {
            let found = std::fs::symlink_metadata(self.world.their_path(path)).ok()?;
            Some(identity(&found))
        };
        let displaced = file(path)?;
        // Onto itself nothing happens.
        if source.and_then(|source| file(source)) == Some(displaced) {
            return None;
        }
        let staged = self
            .slots
            .iter()
            .flatten()
            .any(|open| open.file == displaced && open.staged);
        staged.then_some(displaced)
    }

    async fn list(&mut self, session: usize, path: &[u8]) -> Judged {
        let request = Request::OpenDir {
            path: Bytes::copy_from_slice(path),
        };
        let there = std::fs::metadata(self.world.their_path(path));
        if there.is_ok_and(|there| there.is_dir() && there.mode() & 0o500 == 0o400) {
            self.report.met.note(Difference::DirectoriesAreNoFiles);
            return Ok(());
        }
        let (ours, theirs) = self.both(session, &request).await;
        let (Reply::Handle(ours), Reply::Handle(theirs)) = (&ours, &theirs) else {
            return self.judge(ours, theirs, &request);
        };
        let is_root = std::fs::canonicalize(self.world.their_path(path)).ok()
            == std::fs::canonicalize(&self.world.their_tree).ok();
        let prefix = self.world.prefix().len();
        let ours = names(&mut self.world.ours[session], ours, 0, is_root).await;
        let theirs = names(&mut self.world.theirs[session], theirs, prefix, is_root).await;
        same(ours, theirs, "READDIR")
    }

    async fn misuse_directory(&mut self, session: usize, path: &[u8]) -> Judged {
        let request = Request::OpenDir {
            path: Bytes::copy_from_slice(path),
        };
        let (ours, theirs) = self.both(session, &request).await;
        let (Reply::Handle(ours), Reply::Handle(theirs)) = (&ours, &theirs) else {
            return self.judge(ours, theirs, &request);
        };
        let requests: [fn(Handle) -> Request; 4] = [
            |handle| Request::Read {
                handle,
                offset: 0,
                len: 10,
            },
            |handle| Request::Write {
                handle,
                offset: 0,
                data: Bytes::from_static(b"x"),
            },
            |handle| Request::FStat { handle },
            |handle| Request::Close { handle },
        ];
        for request in requests {
            let reply = self.world.ours[session].call(&request(ours.clone())).await;
            let their_reply = self.world.theirs[session].call(&request(theirs.clone())).await;
            self.report.requests += 1;
            if matches!(&reply, Reply::Attrs(attrs) if attrs.permissions.unwrap_or(0) & 0o170_000 == 0o040_000)
                && is_status(&their_reply, StatusCode::FAILURE)
            {
                self.report.met.note(Difference::HandlesThatDoNotFit);
                continue;
            }
            self.judge(reply, their_reply, &request(ours.clone()))?;
        }
        Ok(())
    }

    async fn compare(&mut self, session: usize, request: Request) -> Judged {
        let (ours, theirs) = self.both(session, &request).await;
        self.judge(ours, theirs, &request)
    }

    async fn both(&mut self, session: usize, request: &Request) -> (Reply, Reply) {
        self.report.requests += 1;
        self.world.both(session, request).await
    }

    /// The same, or different for a documented reason.
    fn judge(&mut self, ours: Reply, theirs: Reply, request: &Request) -> Judged {
        let prefix = self.world.prefix().to_vec();
        let (ours, theirs) = (Answer::of(ours, b""), Answer::of(theirs, &prefix));
        if ours == theirs {
            return Ok(());
        }
        let difference = match request {
            Request::RealPath { path } | Request::Extended(ExtendedRequest::ExpandPath { path })
                if matches!(ours, Answer::Path(_))
                    && (theirs == NO_SUCH_FILE || theirs == PERMISSION_DENIED)
                    && self.is_missing(path) =>
            {
                Difference::RealPathOfWhatIsMissing
            }
            Request::Extended(ExtendedRequest::HomeDirectory { .. }) => Difference::HomeIsTheRoot,
            Request::Read { .. } | Request::FStat { .. } | Request::Close { .. }
                if ours == FAILURE && theirs == NO_SUCH_FILE =>
            {
                Difference::HandlesThatDoNotFit
            }
            _ if names_the_root(request) && !ours.is_ok() => Difference::HomeIsTheRoot,
            _ => return same(ours, theirs, "the answer"),
        };
        self.report.met.note(difference);
        Ok(())
    }

    fn is_missing(&self, path: &[u8]) -> bool {
        std::fs::metadata(self.world.their_path(path)).is_err()
    }

    fn expect_status(&mut self, reply: Reply, code: StatusCode, difference: Difference) -> Judged {
        if is_status(&reply, code) {
            self.report.met.note(difference);
            Ok(())
        } else {
            Err(format!("{difference:?} should answer {code:?}, not {reply:?}"))
        }
    }

    /// Closes everything and compares what lies on the disks.
    async fn finish(&mut self) -> Judged {
        for place in 0..self.slots.len() {
            if let Some(open) = self.slots[place].take() {
                self.close(place / SLOTS, open).await?;
            }
        }
        let prefix = self.world.prefix().to_vec();
        let ours = crate::tree::tree(&self.world.our_tree, b"");
        let theirs = crate::tree::tree(&self.world.their_tree, &prefix);
        if ours == theirs {
            return Ok(());
        }
        let mut names: Vec<_> = ours.keys().chain(theirs.keys()).collect();
        names.sort();
        names.dedup();
        let differing: Vec<_> = names
            .iter()
            .filter(|name| ours.get(**name) != theirs.get(**name))
            .map(|name| {
                format!(
                    "{name}\n  ours:   {:?}\n  theirs: {:?}",
                    ours.get(*name),
                    theirs.get(*name)
                )
            })
            .collect();
        Err(format!("the trees differ\n{}", differing.join("\n")))
    }
}

/// The flags, as far as they matter here.
struct Wanted {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    truncate: bool,
    exclusive: bool,
}

impl Wanted {
    fn of(flags: OpenFlags) -> Self {
        let write = flags.contains(OpenFlags::WRITE);
        Self {
            read: flags.contains(OpenFlags::READ) || !write,
            write,
            append: flags.contains(OpenFlags::APPEND),
            create: flags.contains(OpenFlags::CREAT),
            truncate: flags.contains(OpenFlags::TRUNC),
            exclusive: flags.contains(OpenFlags::CREAT | OpenFlags::EXCL),
        }
    }
}

/// A whole directory, closed again.
async fn names(client: &mut crate::wire::Client, handle: &Handle, prefix: usize, is_root: bool) -> Answer {
    let mut all = Vec::new();
    loop {
        match client
            .call(&Request::ReadDir {
                handle: handle.clone(),
            })
            .await
        {
            Reply::Name(names) => all.extend(
                names
                    .iter()
                    // What lies above the root is not the same.
                    .filter(|entry| !(is_root && entry.filename == b"..".as_slice()))
                    .map(|entry| (entry.filename.to_vec(), Facts::of(&entry.attrs, prefix))),
            ),
            reply if is_status(&reply, StatusCode::EOF) => break,
            reply => return Answer::of(reply, b""),
        }
    }
    let closed = client
        .call(&Request::Close {
            handle: handle.clone(),
        })
        .await;
    assert!(
        is_status(&closed, StatusCode::OK),
        "CLOSE of a directory: {closed:?}"
    );
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Answer::Listing(all)
}

fn request_of(op: &Op) -> Option<Request> {
    let bytes = |path: &'static [u8]| Bytes::from_static(path);
    Some(match op {
        Op::Stat { path } => Request::Stat { path: bytes(path.0) },
        Op::LStat { path } => Request::LStat { path: bytes(path.0) },
        Op::SetStat { path, change } => Request::SetStat {
            path: bytes(path.0),
            attrs: attrs(*change),
        },
        Op::Remove { path } => Request::Remove { path: bytes(path.0) },
        Op::MkDir { path, mode } => Request::MkDir {
            path: bytes(path.0),
            attrs: Attrs {
                permissions: *mode,
                ..Attrs::default()
            },
        },
        Op::RmDir { path } => Request::RmDir { path: bytes(path.0) },
        Op::RealPath { path } => Request::RealPath { path: bytes(path.0) },
        Op::Rename { old, new } => Request::Rename {
            old_path: bytes(old.0),
            new_path: bytes(new.0),
        },
        Op::SymLink { target, link } => Request::SymLink {
            target_path: bytes(target.0),
            link_path: bytes(link.0),
        },
        Op::ReadLink { path } => Request::ReadLink { path: bytes(path.0) },
        other => Request::Extended(extended_of(other)?),
    })
}

fn extended_of(op: &Op) -> Option<ExtendedRequest> {
    let bytes = |path: &'static [u8]| Bytes::from_static(path);
    Some(match op {
        Op::LSetStat { path, change } => ExtendedRequest::LSetStat {
            path: bytes(path.0),
            attrs: attrs(*change),
        },
        Op::ExpandPath { path } => ExtendedRequest::ExpandPath { path: bytes(path.0) },
        Op::PosixRename { old, new } => ExtendedRequest::PosixRename {
            old_path: bytes(old.0),
            new_path: bytes(new.0),
        },
        Op::HardLink { old, new } => ExtendedRequest::HardLink {
            old_path: bytes(old.0),
            new_path: bytes(new.0),
        },
        Op::StatVfs { path } => ExtendedRequest::StatVfs { path: bytes(path.0) },
        Op::HomeDirectory { own } => ExtendedRequest::HomeDirectory {
            username: bytes(if *own { USER.as_bytes() } else { b"nobody-at-all" }),
        },
        Op::Limits => ExtendedRequest::Limits,
        Op::UnknownExtension => ExtendedRequest::Unknown {
            name: bytes(b"no-such@longshore.example"),
            data: Bytes::new(),
        },
        _ => return None,
    })
}

fn attrs(change: Change) -> Attrs {
    Attrs {
        size: change.size,
        permissions: change.mode,
        times: change.times,
        owner: change.owner.map(|owner| match owner {
            Owner::Own => own_owner(),
            Owner::Other => other_owner(),
        }),
        extended: Vec::new(),
    }
}

fn own_owner() -> (u32, u32) {
    let process = std::fs::metadata("/proc/self").unwrap();
    (process.uid(), process.gid())
}

fn other_owner() -> (u32, u32) {
    let (uid, gid) = own_owner();
    (uid.wrapping_sub(7), gid)
}

fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Whether a request that removes or moves names the root.
fn names_the_root(request: &Request) -> bool {
    let root = |path: &Bytes| matches!(path.as_ref(), b"/" | b".");
    match request {
        Request::Remove { path } | Request::RmDir { path } => root(path),
        Request::Rename { old_path, new_path }
        | Request::Extended(
            ExtendedRequest::PosixRename { old_path, new_path }
            | ExtendedRequest::HardLink { old_path, new_path },
        ) => root(old_path) || root(new_path),
        _ => false,
    }
}

/// Both servers run as the owner of everything: its bits decide.
fn may_change(dir: &Path) -> bool {
    std::fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o300 == 0o300)
}

fn is_status(reply: &Reply, code: StatusCode) -> bool {
    matches!(reply, Reply::Status(status) if status.code == code)
}

fn same(ours: Answer, theirs: Answer, what: &str) -> Judged {
    if ours == theirs {
        return Ok(());
    }
    Err(format!(
        "{what} differs\n  ours:   {}\n  theirs: {}",
        short(&ours),
        short(&theirs)
    ))
}

fn short(answer: &Answer) -> String {
    let mut text = format!("{answer:?}");
    if text.len() > 2000 {
        text.truncate(2000);
    }
    text
}

fn index(session: usize, slot: usize) -> usize {
    session * SLOTS + slot
}

/// As in `answer`: only clients set such times.
const LONG_AGO: i64 = 1_500_000_000;
const FAILURE: Answer = Answer::Status(StatusCode::FAILURE.0);
const PERMISSION_DENIED: Answer = Answer::Status(StatusCode::PERMISSION_DENIED.0);
const NO_SUCH_FILE: Answer = Answer::Status(StatusCode::NO_SUCH_FILE.0);
