//! The probes: each tries one thing in the scratch directory.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures::future::join_all;
use longshore_client::sftp::{Attrs, FileKind, HashAlgorithm, OpenOptions, Sftp};
use longshore_client::{Error, ErrorKind};

use super::finding::{Finding, Probed, Verdict, broken, odd, works};
use crate::client::walk::join;
use crate::limits::{DOCTOR_FILE, DOCTOR_REQUESTS};

/// Tries everything. What a probe needs it makes itself, so that one that fails costs the others nothing.
pub(super) async fn all(sftp: &Sftp, scratch: &[u8], user: &str) -> Vec<Finding> {
    let try_out = Tried { sftp, scratch, user };
    vec![
        Finding::new("write and read back", try_out.content().await),
        Finding::new("large packets", try_out.large_packets().await),
        Finding::new("deep pipelines", try_out.deep_pipelines().await),
        Finding::new("end of file", try_out.end_of_file().await),
        Finding::new("exclusive creation", try_out.exclusive().await),
        Finding::new("truncation", try_out.truncation().await),
        Finding::new("appending", try_out.appending().await),
        Finding::new("listing", try_out.listing().await),
        Finding::new("names", try_out.names().await),
        Finding::new("rename over a file", try_out.rename_over().await),
        Finding::new("rename of an open file", try_out.rename_open().await),
        Finding::new("posix-rename", try_out.posix_rename().await),
        Finding::new("times by setstat", try_out.times(false).await),
        Finding::new("times by fsetstat", try_out.times(true).await),
        Finding::new("permissions", try_out.permissions().await),
        Finding::new("symbolic links", try_out.symbolic_links().await),
        Finding::new("times of links", try_out.lsetstat().await),
        Finding::new("hard links", try_out.hard_links().await),
        Finding::new("errors that say why", try_out.errors().await),
        Finding::new("fsync", try_out.fsync().await),
        Finding::new("statvfs", try_out.statvfs().await),
        Finding::new("copy-data", try_out.copy_data().await),
        Finding::new("copy-file", try_out.copy_file().await),
        Finding::new("hashes", try_out.hashes().await),
        Finding::new("home directory", try_out.home().await),
    ]
}

struct Tried<'a> {
    sftp: &'a Sftp,
    scratch: &'a [u8],
    user: &'a str,
}

impl Tried<'_> {
    fn path(&self, name: &str) -> Vec<u8> {
        join(self.scratch, name.as_bytes())
    }

    /// A file with this content.
    async fn make(&self, name: &str, content: impl Into<Bytes>) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        let file = self.sftp.create(&path).await?;
        file.write_at(0, content).await?;
        file.close().await?;
        Ok(path)
    }

    /// What a file holds, as far as it is short.
    async fn content_of(&self, path: &[u8]) -> Result<Bytes, Error> {
        let file = self.sftp.open_read(path).await?;
        let content = file.read_full_at(0, 2 * DOCTOR_FILE).await?;
        file.close().await?;
        Ok(content)
    }

    async fn content(&self) -> Probed {
        let path = self.make("content", pattern()).await?;
        let (content, attrs) = (self.content_of(&path).await?, self.sftp.stat(&path).await?);
        if content != pattern() {
            return broken(format!("{} bytes came back, and not the same", content.len()));
        }
        match attrs.size {
            Some(size) if size == DOCTOR_FILE as u64 => works(),
            Some(size) => broken(format!("it tells a size of {size} instead of {DOCTOR_FILE}")),
            None => odd("it does not tell sizes"),
        }
    }

    async fn large_packets(&self) -> Probed {
        let limits = self.sftp.limits().await?;
        let path = self.path("packets");
        let options = OpenOptions::new().read().write().create().truncate();
        let file = self.sftp.open(&path, &options).await?;
        let data = pattern();
        let write_len = usize::try_from(limits.write_len)
            .unwrap_or(DOCTOR_FILE)
            .min(DOCTOR_FILE);
        file.write_at(0, data.slice(..write_len)).await?;
        let read_len = usize::try_from(limits.read_len)
            .unwrap_or(write_len)
            .min(write_len);
        let got = file.read_at(0, read_len).await?;
        file.close().await?;
        if got != data[..got.len()] {
            return broken("what came back is not what was written");
        }
        let detail = format!("WRITE of {write_len}, READ of {} bytes", got.len());
        if got.len() < read_len {
            return odd(format!("{detail} though {read_len} were asked for"));
        }
        Ok((Verdict::Works, detail))
    }

    async fn deep_pipelines(&self) -> Probed {
        let path = self.make("pipeline", pattern()).await?;
        let file = self.sftp.open_read(&path).await?;
        let data = pattern();
        let piece = DOCTOR_FILE / usize::try_from(DOCTOR_REQUESTS).unwrap_or(1);
        let reads = (0..DOCTOR_REQUESTS).map(|at| file.read_at(at * piece as u64, piece));
        let mut at = 0;
        for got in join_all(reads).await {
            let got = got?;
            if got.is_empty() || got != data[at..at + got.len()] {
                return broken(format!("of {DOCTOR_REQUESTS} READs at once one at {at} is wrong"));
            }
            at += piece;
        }
        file.close().await?;
        let stats = (0..DOCTOR_REQUESTS).map(|_| self.sftp.stat(&path));
        for attrs in join_all(stats).await {
            attrs?;
        }
        Ok((Verdict::Works, format!("{DOCTOR_REQUESTS} requests at once")))
    }

    async fn end_of_file(&self) -> Probed {
        let path = self.make("end", "12345").await?;
        let file = self.sftp.open_read(&path).await?;
        let (across, behind) = (file.read_at(3, 10).await?, file.read_at(5, 10).await?);
        file.close().await?;
        if across != b"45"[..] || !behind.is_empty() {
            return broken("a READ over the end gives other bytes than there are");
        }
        works()
    }

    async fn exclusive(&self) -> Probed {
        let path = self.make("exclusive", "first").await?;
        let options = OpenOptions::new().write().create_new();
        match self.sftp.open(&path, &options).await {
            Ok(file) => {
                file.close().await?;
                broken("SSH_FXF_EXCL opens a file that is there")
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => works(),
            Err(error) => odd(format!("refused as it should be, but by the words: {error}")),
        }
    }

    async fn truncation(&self) -> Probed {
        let path = self.make("truncated", "long content").await?;
        self.make("truncated", "new").await?;
        if self.content_of(&path).await? != b"new"[..] {
            return broken("SSH_FXF_TRUNC keeps old bytes");
        }
        let cut = Attrs {
            size: Some(1),
            ..Attrs::default()
        };
        match self.sftp.set_stat(&path, &cut).await {
            Ok(()) if self.content_of(&path).await? == b"n"[..] => works(),
            Ok(()) => broken("setstat says that it cut a file, and did not"),
            Err(error) => odd(format!("files are not cut by setstat: {error}")),
        }
    }

    async fn appending(&self) -> Probed {
        let path = self.make("appended", "one").await?;
        let file = self.sftp.open(&path, &OpenOptions::new().append()).await?;
        file.write_at(0, "two").await?;
        file.close().await?;
        let content = self.content_of(&path).await?;
        if content == b"onetwo"[..] {
            works()
        } else if content == b"two"[..] {
            odd("SSH_FXF_APPEND writes where the offset says")
        } else {
            broken("SSH_FXF_APPEND leaves something else behind")
        }
    }

    async fn listing(&self) -> Probed {
        let folder = self.path("folder");
        self.sftp.mkdir(&folder, None).await?;
        let entries = self.sftp.read_dir(self.scratch).await?.all().await?;
        let gone = self.sftp.rmdir(&folder).await;
        let Some(entry) = entries.iter().find(|entry| entry.name == b"folder"[..]) else {
            return broken("a directory that was made is not listed");
        };
        gone?;
        match entry.kind() {
            Some(FileKind::Directory) => works(),
            Some(_) => broken("a directory is listed as something else"),
            None => odd("listings do not tell what a name is"),
        }
    }

    async fn names(&self) -> Probed {
        let mut refused = Vec::new();
        for (what, name) in [
            ("blanks", b" a b ".to_vec()),
            ("UTF-8", "naïve-文件".as_bytes().to_vec()),
            ("bytes that are no UTF-8", b"caf\xe9".to_vec()),
            ("200 bytes", vec![b'n'; 200]),
            ("quotes and backslashes", b"a'b\"c\\d".to_vec()),
        ] {
            let path = join(self.scratch, &name);
            let made = async {
                self.sftp.create(&path).await?.close().await?;
                let entries = self.sftp.read_dir(self.scratch).await?.all().await?;
                let listed = entries.iter().any(|entry| entry.name == name[..]);
                self.sftp.remove(&path).await?;
                Ok::<_, Error>(listed)
            };
            if !matches!(made.await, Ok(true)) {
                refused.push(what);
            }
        }
        if refused.is_empty() {
            return works();
        }
        odd(format!("names do not come back with {}", refused.join(", ")))
    }

    async fn rename_over(&self) -> Probed {
        let (from, to) = (self.make("from", "new").await?, self.make("to", "old").await?);
        match self.sftp.rename(&from, &to).await {
            Ok(()) if self.content_of(&to).await? == b"new"[..] => {
                odd("the plain rename replaces files without a word")
            }
            Ok(()) => broken("it says that it renamed, and did not"),
            Err(_) if self.content_of(&to).await? == b"old"[..] => {
                Ok((Verdict::Works, "refused, as version 3 has it".to_owned()))
            }
            Err(_) => broken("a rename that is refused destroys the file that is in the way"),
        }
    }

    async fn rename_open(&self) -> Probed {
        let (path, to) = (self.path("open"), self.path("opened"));
        let file = self.sftp.create(&path).await?;
        file.write_at(0, "begun ").await?;
        let renamed = self.sftp.rename(&path, &to).await;
        file.write_at(6, "done").await?;
        file.close().await?;
        match renamed {
            Ok(()) if self.content_of(&to).await? == b"begun done"[..] => works(),
            Ok(()) => broken("bytes written after the rename are lost"),
            Err(error) => odd(format!("open files keep their names: {error}")),
        }
    }

    async fn posix_rename(&self) -> Probed {
        let (from, to) = (self.make("new", "new").await?, self.make("old", "old").await?);
        self.sftp.posix_rename(&from, &to).await?;
        if self.content_of(&to).await? == b"new"[..] && self.sftp.try_lstat(&from).await?.is_none() {
            return works();
        }
        broken("it says that it renamed, and did not")
    }

    async fn times(&self, by_handle: bool) -> Probed {
        const THEN: u32 = 1_000_000_001;
        let path = self.make("times", "x").await?;
        let attrs = Attrs {
            times: Some((THEN, THEN)),
            ..Attrs::default()
        };
        let set = if by_handle {
            let file = self.sftp.open(&path, &OpenOptions::new().write()).await?;
            let set = file.set_stat(&attrs).await;
            file.close().await?;
            set
        } else {
            self.sftp.set_stat(&path, &attrs).await
        };
        if let Err(error) = set {
            return odd(format!("refused: {error}"));
        }
        match self.sftp.stat(&path).await?.times {
            Some((_, THEN)) => works(),
            Some((_, near)) if near.abs_diff(THEN) <= 2 => odd("times are rounded"),
            Some((_, other)) => odd(format!("it says that it set the time, and shows {other}")),
            None => odd("it does not tell times"),
        }
    }

    async fn permissions(&self) -> Probed {
        let path = self.make("permissions", "x").await?;
        let attrs = Attrs {
            permissions: Some(0o640),
            ..Attrs::default()
        };
        if let Err(error) = self.sftp.set_stat(&path, &attrs).await {
            return odd(format!("refused: {error}"));
        }
        match self.sftp.stat(&path).await?.permissions.map(|mode| mode & 0o777) {
            Some(0o640) => works(),
            Some(other) => odd(format!("asked for 640, it shows {other:o}")),
            None => odd("it does not tell permissions"),
        }
    }

    async fn symbolic_links(&self) -> Probed {
        self.make("target", "x").await?;
        let link = self.path("link");
        if let Err(error) = self.sftp.symlink("target", &link).await {
            return match error.kind() {
                ErrorKind::Unsupported | ErrorKind::PermissionDenied => {
                    Ok((Verdict::Absent, error.to_string()))
                }
                _ => Err(error),
            };
        }
        let says = self.sftp.read_link(&link).await?;
        let (itself, through) = (self.sftp.lstat(&link).await?, self.sftp.stat(&link).await?);
        if itself.kind() != Some(FileKind::SymLink) || through.kind() != Some(FileKind::Regular) {
            return broken("stat and lstat do not tell the link from what it leads to");
        }
        let order = if self.sftp.symlinks_reversed() {
            "link path first, as the draft has it"
        } else {
            "target first, as OpenSSH has it"
        };
        if says != b"target"[..] {
            return odd(format!("{order}; the text of links is changed"));
        }
        Ok((Verdict::Works, order.to_owned()))
    }

    async fn lsetstat(&self) -> Probed {
        if !self.sftp.supports("lsetstat@openssh.com") {
            return Ok((Verdict::Absent, String::new()));
        }
        const THEN: u32 = 1_000_000_002;
        let link = self.path("dated");
        self.sftp.symlink("nowhere", &link).await?;
        let attrs = Attrs {
            times: Some((THEN, THEN)),
            ..Attrs::default()
        };
        self.sftp.lset_stat(&link, &attrs).await?;
        match self.sftp.lstat(&link).await?.times {
            Some((_, THEN)) => works(),
            _ => broken("it says that it set the time of a link, and did not"),
        }
    }

    async fn hard_links(&self) -> Probed {
        let path = self.make("named", "x").await?;
        let further = self.path("further");
        self.sftp.hard_link(&path, &further).await?;
        self.make("named", "changed").await?;
        let content = self.content_of(&further).await?;
        if content == b"changed"[..] {
            works()
        } else if content == b"x"[..] {
            odd("writing to one name leaves the other as it was")
        } else {
            broken("the further name leads to something else")
        }
    }

    async fn errors(&self) -> Probed {
        let mut vague = Vec::new();
        let folder = self.path("full");
        self.sftp.mkdir(&folder, None).await?;
        let inside = join(&folder, b"file");
        self.sftp.create(&inside).await?.close().await?;
        for (what, error, expected) in [
            (
                "what is not there",
                self.sftp.stat(self.path("nothing")).await.err(),
                ErrorKind::NotFound,
            ),
            (
                "mkdir over a directory",
                self.sftp.mkdir(&folder, None).await.err(),
                ErrorKind::AlreadyExists,
            ),
            (
                "rmdir of a full directory",
                self.sftp.rmdir(&folder).await.err(),
                ErrorKind::NotEmpty,
            ),
        ] {
            match error {
                None => return broken(format!("{what} is no error")),
                Some(error) if error.kind() != expected => vague.push(format!("{what} ({error})")),
                Some(_) => {}
            }
        }
        self.sftp.remove(&inside).await?;
        if vague.is_empty() {
            return works();
        }
        odd(format!("no reason told for {}", vague.join(", ")))
    }

    async fn fsync(&self) -> Probed {
        let file = self.sftp.create(self.path("synced")).await?;
        file.write_at(0, "x").await?;
        let synced = file.sync().await;
        file.close().await?;
        synced?;
        works()
    }

    async fn statvfs(&self) -> Probed {
        let space = self.sftp.statvfs(self.scratch).await?;
        if space.fragment_size == 0 {
            return broken("it tells blocks of no size");
        }
        let free = space.blocks_available.saturating_mul(space.fragment_size);
        Ok((Verdict::Works, format!("{free} bytes are free")))
    }

    async fn copy_data(&self) -> Probed {
        let source = self.make("copied", pattern()).await?;
        let source = self.sftp.open_read(&source).await?;
        let path = self.path("copy");
        let copy = self.sftp.create(&path).await?;
        let copied = source.copy_data(0, 0, &copy, 0).await;
        copy.close().await?;
        source.close().await?;
        copied?;
        self.same_as_pattern(&path).await
    }

    async fn copy_file(&self) -> Probed {
        let source = self.make("copied-file", pattern()).await?;
        let path = self.path("file-copy");
        self.sftp.copy_file(&source, &path, false).await?;
        self.same_as_pattern(&path).await
    }

    async fn same_as_pattern(&self, path: &[u8]) -> Probed {
        if self.content_of(path).await? == pattern() {
            works()
        } else {
            broken("the copy is not the same")
        }
    }

    async fn hashes(&self) -> Probed {
        if !self.sftp.can_hash() {
            return Ok((Verdict::Absent, String::new()));
        }
        let path = self.make("hashed", pattern()).await?;
        let answer = self.sftp.hash(&path, HashAlgorithm::Sha256, 0, 0, 0).await?;
        let expected = digest(&SHA256, &pattern());
        if answer.hashes.len() == 1 && answer.hashes[0] == expected.as_ref() {
            return Ok((Verdict::Works, "sha256".to_owned()));
        }
        broken("the SHA-256 that it computes is wrong")
    }

    async fn home(&self) -> Probed {
        let start = self.sftp.real_path(".").await?;
        if !start.starts_with(b"/") {
            return odd(format!(
                "the path where it starts is not absolute: {}",
                start.escape_ascii()
            ));
        }
        let detail = format!("it starts in {}", crate::client::shown(&start));
        if self.sftp.supports("home-directory") {
            // OpenSSH knows no user without a name
            self.sftp.home_directory(self.user).await?;
        }
        if self.sftp.supports("expand-path@openssh.com") && self.sftp.expand_path("~").await?.is_empty() {
            return broken("~ stands for nothing");
        }
        Ok((Verdict::Works, detail))
    }
}

/// Bytes in which every piece differs from its neighbours.
fn pattern() -> Bytes {
    let bytes = (0..DOCTOR_FILE).map(|at| {
        let [low, middle, high, ..] = at.to_le_bytes();
        low ^ middle.wrapping_mul(31) ^ high.wrapping_mul(17)
    });
    bytes.collect()
}
