//! The two resolvers against each other, and against one that is broken on purpose.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::*;
use crate::local::store::LocalStore;
use crate::local::{LocalOptions, ResolverChoice};
use crate::suite::escape;
use crate::types::Durability;

/// What not to do: resolves on the host's tree, then compares the result with the home as strings. It leads to
/// neighbours of the home and no further, so this test is safe to run as root.
#[derive(Debug)]
struct StringPrefix;

impl Resolve for StringPrefix {
    fn open_dir(&self, root: BorrowedFd<'_>, raw: &[u8]) -> Result<OwnedFd, Errno> {
        let home =
            std::fs::read_link(format!("/proc/self/fd/{}", root.as_raw_fd())).map_err(|e| errno(&e))?;
        let mut path = home.clone().into_os_string().into_vec();
        path.push(b'/');
        path.extend_from_slice(raw);
        let path = Path::new(std::ffi::OsStr::from_bytes(&path))
            .canonicalize()
            .map_err(|e| errno(&e))?;
        if !path
            .as_os_str()
            .as_bytes()
            .starts_with(home.as_os_str().as_bytes())
        {
            return Err(Errno::NOENT);
        }
        open_host(&path)
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn open_host(path: &Path) -> Result<OwnedFd, Errno> {
    openat(
        CWD,
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

async fn attempts_with(resolver: Arc<dyn Resolve>) -> escape::Report {
    let dir = tempfile::tempdir().unwrap();
    let options = LocalOptions {
        durability: Durability::None,
        ..LocalOptions::default()
    };
    let store = LocalStore::with_resolver(open_host(dir.path()).unwrap(), options, resolver).unwrap();
    escape::attempts(store, "/alice").await
}

#[tokio::test]
async fn the_escape_test_finds_prefixes_compared_as_strings() {
    let report = attempts_with(Arc::new(StringPrefix)).await;
    assert!(
        !report.leaks.is_empty(),
        "{} attempts found nothing",
        report.attempts
    );
    let neighbour = report
        .leaks
        .iter()
        .all(|leak| leak.contains("mine") || leak.contains("planted"));
    assert!(neighbour, "only links can lead to `/alice2`: {:#?}", report.leaks);
}

#[tokio::test]
async fn the_escape_test_passes_with_the_real_resolvers() {
    for resolver in [Arc::new(OpenAt2) as Arc<dyn Resolve>, Arc::new(Walk)] {
        let report = attempts_with(Arc::clone(&resolver)).await;
        assert!(report.leaks.is_empty(), "{resolver:?}: {:#?}", report.leaks);
        assert!(report.attempts >= 50);
    }
}

/// A part of a path or a link target.
fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "..", "..", ".", "", "missing"])
}

fn raw_path() -> impl Strategy<Value = String> {
    (any::<bool>(), prop::collection::vec(part(), 1..6))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

#[derive(Debug, Clone)]
enum Entry {
    Dir,
    File,
    Link(String),
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        4 => Just(Entry::Dir),
        1 => Just(Entry::File),
        4 => raw_path().prop_filter("links need a target", |raw| !raw.is_empty()).prop_map(Entry::Link),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// On trees full of links both resolvers open the same directory or refuse for the same reason.
    #[test]
    fn both_resolvers_agree(
        tree in prop::collection::vec((names(), entry()), 0..12),
        paths in prop::collection::vec(raw_path(), 1..20),
    ) {
        let outside = tempfile::tempdir().unwrap();
        let home = outside.path().join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::create_dir(outside.path().join("a")).unwrap();
        for (name, entry) in &tree {
            // What does not fit (no parent, name taken) is left out.
            let path = home.join(name);
            let inside = path.parent().and_then(|dir| dir.canonicalize().ok()).is_some_and(|dir| dir.starts_with(&home));
            let _ = match entry {
                _ if !inside => Ok(()),
                Entry::Dir => std::fs::create_dir(&path),
                // Not through a link that an earlier entry made: it may lead out of the temporary directory.
                Entry::File => std::fs::File::create_new(&path).map(drop),
                Entry::Link(target) => std::os::unix::fs::symlink(target, &path),
            };
        }
        let root = open_host(&home).unwrap();
        for raw in &paths {
            let kernel = OpenAt2.open_dir(root.as_fd(), raw.as_bytes()).and_then(DirId::of);
            let walk = Walk.open_dir(root.as_fd(), raw.as_bytes()).and_then(DirId::of);
            prop_assert_eq!(kernel, walk, "{} in {:?}", raw, tree);
            // What REALPATH says, looked up again, is the same directory, and has no link left in it.
            if let Ok(id) = kernel {
                let real = canonical(root.as_fd(), raw.as_bytes()).unwrap();
                prop_assert_eq!(OpenAt2.open_dir(root.as_fd(), &real).and_then(DirId::of), Ok(id));
                prop_assert_eq!(canonical(root.as_fd(), &real).unwrap(), real);
                let fd = OpenAt2.open_dir(root.as_fd(), raw.as_bytes()).unwrap();
                prop_assert!(is_inside(root.as_fd(), fd.as_fd()).unwrap());
            }
        }
        let above = open_host(outside.path()).unwrap();
        prop_assert!(!is_inside(root.as_fd(), above.as_fd()).unwrap());
    }
}

#[test]
fn climbing_links_cost_the_walk_no_more_than_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    // Each link climbs and descends some thousand times and then names the next one.
    for index in 0..30 {
        let target = format!("{}l{}", "a/../".repeat(700), index + 1);
        std::os::unix::fs::symlink(target, dir.path().join(format!("l{index}"))).unwrap();
    }
    let root = open_host(dir.path()).unwrap();
    assert_eq!(Walk.open_dir(root.as_fd(), b"/l0").map(drop), Err(Errno::LOOP));
}

#[test]
fn an_unsuitable_kernel_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let fd = open_host(dir.path()).unwrap();
    assert!(choose(ResolverChoice::Auto, fd.as_fd()).is_some());
    assert!(choose(ResolverChoice::Fallback, fd.as_fd()).is_some());
    // Not a directory: the probe fails as it does where the call is missing.
    let file = std::fs::File::create(dir.path().join("f")).unwrap();
    assert!(choose(ResolverChoice::OpenAt2, file.as_fd()).is_none());
}
