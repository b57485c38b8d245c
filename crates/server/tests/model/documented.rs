//! Each documented difference on its own: what we answer, and what OpenSSH's server answers.

use bytes::Bytes;
use longshore_sftp::{Attrs, ExtendedRequest, Handle, OpenFlags, Reply, Request};

use crate::answer::Answer;
use crate::differences::Difference;
use crate::world::{USER, World};

const OK: Answer = Answer::Status(0);
const NO_SUCH_FILE: Answer = Answer::Status(2);
const DENIED: Answer = Answer::Status(3);
const FAILURE: Answer = Answer::Status(4);

const READ: OpenFlags = OpenFlags::READ;
const WRITE: OpenFlags = OpenFlags::WRITE;
const NEW: OpenFlags = OpenFlags(OpenFlags::WRITE.0 | OpenFlags::CREAT.0 | OpenFlags::TRUNC.0);

/// Shows the difference; panics if it is none.
pub async fn show(difference: Difference) {
    let mut pair = Pair {
        world: World::new().await,
    };
    match difference {
        Difference::PublishingMakesANewFile => pair.publishing_makes_a_new_file().await,
        Difference::ReadersKeepTheirVersion => pair.readers_keep_their_version().await,
        Difference::RemovedUploadIsGone => pair.removed_upload_is_gone().await,
        Difference::UploadsNeedMoreRights => pair.uploads_need_more_rights().await,
        Difference::DirectoriesAreNoFiles => pair.directories_are_no_files().await,
        Difference::TruncNeedsWrite => pair.trunc_needs_write().await,
        Difference::HandlesThatDoNotFit => pair.handles_that_do_not_fit().await,
        Difference::RealPathOfWhatIsMissing => pair.real_path_of_what_is_missing().await,
        Difference::HomeIsTheRoot => pair.home_is_the_root().await,
        Difference::RenameNeverReplaces => pair.rename_never_replaces().await,
        Difference::OwnUploadsOpen => pair.own_uploads_open().await,
    }
}

/// The same handle on both sides.
struct Both {
    ours: Handle,
    theirs: Handle,
}

struct Pair {
    world: World,
}

impl Pair {
    async fn publishing_makes_a_new_file(&mut self) {
        self.agree(Request::Extended(ExtendedRequest::HardLink {
            old_path: path("/a"),
            new_path: path("/b"),
        }))
        .await;
        let file = self.open("/a", NEW).await;
        self.write(&file, b"new").await;
        self.close(&file).await;
        let (ours, theirs) = self.read_path("/b").await;
        assert_eq!(ours, Answer::Data(b"the first file\n".to_vec()));
        assert_eq!(theirs, Answer::Data(b"new".to_vec()));
    }

    async fn readers_keep_their_version(&mut self) {
        let reader = self.open("/a", READ).await;
        let writer = self.open("/a", NEW).await;
        self.write(&writer, b"new").await;
        self.close(&writer).await;
        let (ours, theirs) = self.read(&reader).await;
        assert_eq!(ours, Answer::Data(b"the first file\n".to_vec()));
        assert_eq!(theirs, Answer::Data(b"new".to_vec()));
    }

    async fn removed_upload_is_gone(&mut self) {
        let file = self.open("/new", NEW).await;
        self.agree(Request::Remove { path: path("/new") }).await;
        let write = |handle| Request::Write {
            handle,
            offset: 0,
            data: Bytes::from_static(b"x"),
        };
        assert_eq!(self.on(&file, write).await, (FAILURE, OK));
        assert_eq!(
            self.on(&file, |handle| Request::Close { handle }).await,
            (FAILURE, OK)
        );
    }

    async fn uploads_need_more_rights(&mut self) {
        self.chmod("/d", 0o555).await;
        let opened = self.ask(open("/d/a", NEW)).await;
        assert_eq!(opened, (DENIED, Answer::Handle));
        self.chmod("/a", 0o200).await;
        let opened = self.ask(open("/a", WRITE)).await;
        assert_eq!(opened, (DENIED, Answer::Handle));
    }

    async fn directories_are_no_files(&mut self) {
        assert_eq!(self.ask(open("/d", READ)).await, (FAILURE, Answer::Handle));
    }

    async fn trunc_needs_write(&mut self) {
        let file = self.open("/a", READ | OpenFlags::TRUNC).await;
        let (ours, theirs) = self.read(&file).await;
        assert_eq!(ours, Answer::Data(b"the first file\n".to_vec()));
        assert_eq!(theirs, Answer::Status(1));
    }

    async fn handles_that_do_not_fit(&mut self) {
        let file = self.open("/a", READ).await;
        let write = |handle| Request::Write {
            handle,
            offset: 0,
            data: Bytes::from_static(b"x"),
        };
        assert_eq!(self.on(&file, write).await, (DENIED, NO_SUCH_FILE));
        let strange = Request::Close {
            handle: Handle::from(12_345_678),
        };
        assert_eq!(self.ask(strange).await, (FAILURE, NO_SUCH_FILE));
        let directory = self.handle(Request::OpenDir { path: path("/d") }).await;
        let (ours, theirs) = self.on(&directory, |handle| Request::FStat { handle }).await;
        assert!(matches!(ours, Answer::Attrs(_)), "{ours:?}");
        assert_eq!(theirs, FAILURE);
    }

    async fn real_path_of_what_is_missing(&mut self) {
        let (ours, theirs) = self.ask(Request::RealPath { path: path("/x/y/z") }).await;
        assert_eq!(ours, Answer::Path(b"/x/y/z".to_vec()));
        assert_eq!(theirs, NO_SUCH_FILE);
    }

    async fn home_is_the_root(&mut self) {
        assert_eq!(
            self.ask(Request::RmDir { path: path("/") }).await,
            (DENIED, FAILURE)
        );
        let home = |username| {
            Request::Extended(ExtendedRequest::HomeDirectory {
                username: path(username),
            })
        };
        assert_eq!(self.ask(home(USER)).await.0, Answer::Path(b"/".to_vec()));
        let (ours, theirs) = self.ask(home("root")).await;
        assert_eq!(ours, FAILURE);
        assert!(matches!(theirs, Answer::Path(_)), "{theirs:?}");
    }

    async fn rename_never_replaces(&mut self) {
        let request = Request::Rename {
            old_path: path("/to-a"),
            new_path: path("/to-nothing"),
        };
        assert_eq!(self.ask(request).await, (FAILURE, OK));
    }

    async fn own_uploads_open(&mut self) {
        let attrs = Attrs {
            permissions: Some(0),
            ..Attrs::default()
        };
        let file = self
            .handle(Request::Open {
                path: path("/new"),
                flags: NEW,
                attrs,
            })
            .await;
        let again = self.ask(open("/new", READ)).await;
        assert_eq!(again, (Answer::Handle, DENIED));
        self.close(&file).await;
    }

    async fn ask(&mut self, request: Request) -> (Answer, Answer) {
        let (ours, theirs) = self.world.both(0, &request).await;
        let prefix = self.world.prefix();
        (Answer::of(ours, b""), Answer::of(theirs, prefix))
    }

    /// A request that both answer with OK.
    async fn agree(&mut self, request: Request) {
        assert_eq!(self.ask(request).await, (OK, OK));
    }

    async fn chmod(&mut self, name: &'static str, mode: u32) {
        let attrs = Attrs {
            permissions: Some(mode),
            ..Attrs::default()
        };
        self.agree(Request::SetStat {
            path: path(name),
            attrs,
        })
        .await;
    }

    async fn open(&mut self, name: &'static str, flags: OpenFlags) -> Both {
        self.handle(open(name, flags)).await
    }

    async fn handle(&mut self, request: Request) -> Both {
        match self.world.both(0, &request).await {
            (Reply::Handle(ours), Reply::Handle(theirs)) => Both { ours, theirs },
            other => panic!("{request:?}: {other:?}"),
        }
    }

    async fn on(&mut self, handle: &Both, request: impl Fn(Handle) -> Request) -> (Answer, Answer) {
        let ours = self.world.ours[0].call(&request(handle.ours.clone())).await;
        let theirs = self.world.theirs[0].call(&request(handle.theirs.clone())).await;
        (Answer::of(ours, b""), Answer::of(theirs, b""))
    }

    async fn write(&mut self, handle: &Both, data: &'static [u8]) {
        let write = |handle| Request::Write {
            handle,
            offset: 0,
            data: Bytes::from_static(data),
        };
        assert_eq!(self.on(handle, write).await, (OK, OK));
    }

    async fn read(&mut self, handle: &Both) -> (Answer, Answer) {
        self.on(handle, |handle| Request::Read {
            handle,
            offset: 0,
            len: 1000,
        })
        .await
    }

    async fn read_path(&mut self, name: &'static str) -> (Answer, Answer) {
        let file = self.open(name, READ).await;
        self.read(&file).await
    }

    async fn close(&mut self, handle: &Both) {
        assert_eq!(
            self.on(handle, |handle| Request::Close { handle }).await,
            (OK, OK)
        );
    }
}

fn open(name: &'static str, flags: OpenFlags) -> Request {
    Request::Open {
        path: path(name),
        flags,
        attrs: Attrs::default(),
    }
}

fn path(name: &'static str) -> Bytes {
    Bytes::from_static(name.as_bytes())
}
