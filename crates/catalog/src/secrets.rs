//! The pepper: one random key beside the database that every stored secret depends on.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use crate::error::{CatalogError, Result};
use crate::random;

/// The pepper of an installation, wiped from memory when dropped. Deliberately without `Debug`.
///
/// Passwords and API keys are stored as HMACs under it, and the keys for everything else are derived from
/// it. Whoever loses it has to issue all passwords anew, so it belongs into every backup.
pub struct Secrets {
    pepper: Zeroizing<[u8; PEPPER_LEN]>,
    path: PathBuf,
    on_disk: bool,
}

impl Secrets {
    /// Reads `<data_dir>/secrets/pepper`, or draws a new pepper if there is none.
    ///
    /// A new one reaches the disk only when a catalog is opened with it that was not made with another
    /// one: a lost pepper is never replaced behind the operator's back.
    ///
    /// # Errors
    /// `PepperUnusable` when the file is not a pepper or other accounts of the machine may read it or
    /// replace it; `File`.
    pub fn load_or_create(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("secrets").join("pepper");
        match read(&path)? {
            Some(pepper) => Ok(Self {
                pepper,
                path,
                on_disk: true,
            }),
            None => Ok(Self {
                pepper: random::bytes()?,
                path,
                on_disk: false,
            }),
        }
    }

    /// Where the pepper is, or will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the pepper was read from disk, not just drawn.
    pub(crate) fn on_disk(&self) -> bool {
        self.on_disk
    }

    /// Writes a new pepper: whole, readable by the owner alone, and on stable storage when this returns.
    /// An existing file is never overwritten.
    pub(crate) fn persist(&mut self) -> Result<()> {
        if self.on_disk {
            return Ok(());
        }
        let dir = self
            .path
            .parent()
            .expect("the path was joined from a folder and two names");
        let data_dir = dir
            .parent()
            .expect("the path was joined from a folder and two names");
        make_dir(dir)?;
        let draft = self.path.with_extension("new");
        write_draft(&draft, self.pepper.as_ref())?;
        // A link, unlike a rename, fails if the name was taken in the meantime.
        fs::hard_link(&draft, &self.path).map_err(failed("create", &self.path))?;
        fs::remove_file(&draft).map_err(failed("remove", &draft))?;
        sync_dir(dir)?;
        sync_dir(data_dir)?;
        self.on_disk = true;
        Ok(())
    }

    /// The pepper itself: only for the HMAC over passwords and API keys.
    pub(crate) fn pepper(&self) -> &[u8] {
        self.pepper.as_ref()
    }

    /// A key for one purpose (HKDF-SHA256, RFC 5869); keys of different labels tell nothing of each other.
    pub(crate) fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"longshore catalog")
            .extract(self.pepper.as_ref())
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut()))
            .map_err(|error| CatalogError::Unavailable(Box::new(error)))?;
        Ok(key)
    }
}

/// The pepper in a file, or `None` if there is no such file.
fn read(path: &Path) -> Result<Option<Zeroizing<[u8; PEPPER_LEN]>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    // Asked of the open file, so that the answer is about the bytes that are read.
    let mode = file.metadata().map_err(failed("read", path))?.mode();
    if mode & 0o077 != 0 {
        return Err(unusable(
            path,
            "other accounts may read it; check who has, then run chmod 600 on it",
        ));
    }
    check_dir(path.parent().unwrap_or(path))?;
    let mut pepper = Zeroizing::new([0; PEPPER_LEN]);
    let whole = match file.read_exact(pepper.as_mut()) {
        Ok(()) => file.read(&mut [0]).map_err(failed("read", path))? == 0,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(failed("read", path)(error)),
    };
    if !whole {
        return Err(unusable(
            path,
            "a pepper is exactly 32 bytes long; restore it from a backup",
        ));
    }
    Ok(Some(pepper))
}

fn make_dir(dir: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_dir(dir),
        Err(error) => Err(failed("create", dir)(error)),
    }
}

/// Whoever may write to the folder may put another pepper there.
fn check_dir(dir: &Path) -> Result<()> {
    let mode = fs::metadata(dir).map_err(failed("read", dir))?.mode();
    if mode & 0o022 != 0 {
        return Err(unusable(
            dir,
            "other accounts may write to it; check who has, then run chmod 700 on it",
        ));
    }
    Ok(())
}

fn write_draft(draft: &Path, pepper: &[u8]) -> Result<()> {
    // Left over from a crash: nothing was stored under it yet.
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", draft)(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)
        .map_err(failed("create", draft))?;
    file.write_all(pepper)
        .and_then(|()| file.sync_all())
        .map_err(failed("write", draft))
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(failed("sync", dir))
}

/// For `map_err`: what was tried on which path.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CatalogError {
    let path = path.to_owned();
    move |source| CatalogError::File { action, path, source }
}

fn unusable(path: &Path, problem: &'static str) -> CatalogError {
    CatalogError::PepperUnusable {
        path: path.to_owned(),
        problem,
    }
}

const PEPPER_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored(dir: &Path) -> Secrets {
        let mut secrets = Secrets::load_or_create(dir).expect("load");
        secrets.persist().expect("persist");
        secrets
    }

    #[test]
    fn a_pepper_is_private_and_read_again() {
        let dir = tempfile::tempdir().expect("tempdir");
        let secrets = stored(dir.path());
        let mode = |p: &Path| fs::metadata(p).expect("metadata").mode() & 0o777;
        assert_eq!(mode(secrets.path()), 0o600);
        assert_eq!(mode(&dir.path().join("secrets")), 0o700);
        assert_eq!(fs::read(secrets.path()).expect("read").len(), 32);
        assert_eq!(fs::read_dir(dir.path().join("secrets")).expect("list").count(), 1);
        let again = Secrets::load_or_create(dir.path()).expect("load");
        assert!(again.on_disk());
        assert_eq!(again.pepper(), secrets.pepper());
    }

    #[test]
    fn a_drawn_pepper_reaches_the_disk_only_when_persisted() {
        let dir = tempfile::tempdir().expect("tempdir");
        let one = Secrets::load_or_create(dir.path()).expect("load");
        let other = Secrets::load_or_create(dir.path()).expect("load");
        assert!(!one.on_disk() && !one.path().exists());
        assert_ne!(one.pepper(), other.pepper());
    }

    #[test]
    fn an_existing_pepper_is_never_overwritten() {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut late = Secrets::load_or_create(dir.path()).expect("load");
        let first = stored(dir.path());
        assert!(matches!(
            late.persist(),
            Err(CatalogError::File { action: "create", .. })
        ));
        assert_eq!(fs::read(first.path()).expect("read"), first.pepper());
    }

    #[test]
    fn a_draft_left_by_a_crash_does_not_stand_in_the_way() {
        let dir = tempfile::tempdir().expect("tempdir");
        fs::create_dir(dir.path().join("secrets")).expect("mkdir");
        fs::write(dir.path().join("secrets/pepper.new"), b"half").expect("write");
        assert_eq!(fs::read(stored(dir.path()).path()).expect("read").len(), 32);
    }

    #[test]
    fn a_pepper_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = stored(dir.path()).path().to_owned();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let refused = Secrets::load_or_create(dir.path());
            assert!(
                matches!(refused, Err(CatalogError::PepperUnusable { .. })),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        stored(dir.path());
        fs::set_permissions(dir.path().join("secrets"), fs::Permissions::from_mode(0o770)).expect("chmod");
        let refused = Secrets::load_or_create(dir.path());
        assert!(matches!(refused, Err(CatalogError::PepperUnusable { .. })));
    }

    #[test]
    fn a_file_of_another_length_is_no_pepper() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = stored(dir.path()).path().to_owned();
        for len in [0, 31, 33] {
            fs::write(&path, vec![7; len]).expect("write");
            let refused = Secrets::load_or_create(dir.path());
            assert!(
                matches!(refused, Err(CatalogError::PepperUnusable { .. })),
                "{len} bytes"
            );
        }
    }

    #[test]
    fn derived_keys_differ_by_label_and_by_pepper() {
        let dir = tempfile::tempdir().expect("tempdir");
        let (one, other) = (
            stored(dir.path()),
            Secrets::load_or_create(Path::new("/nowhere")).expect("draw"),
        );
        assert_eq!(one.derive("a").expect("derive"), one.derive("a").expect("derive"));
        assert_ne!(one.derive("a").expect("derive"), one.derive("b").expect("derive"));
        assert_ne!(
            one.derive("a").expect("derive"),
            other.derive("a").expect("derive")
        );
        assert_ne!(one.derive("a").expect("derive").as_slice(), one.pepper());
    }
}
