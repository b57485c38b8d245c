//! Attempts to reach out of a home: by path, by link (also links that the root user made), by rename and hard link.
//!
//! [`attempts`] does not assert: it reports what leaked, so that a test can show that a broken resolver is found out.

use std::sync::Arc;

use bytes::Bytes;

use super::{Bench, entries, fresh, get, over, p, put};
use crate::{EditMode, FileType, Home, RemotePath, SetStat, Store};

/// Content of the files outside, long enough that its size gives it away.
const SECRET_LEN: usize = 7919;

/// What came of the attempts.
#[derive(Debug, Default)]
pub struct Report {
    /// How many attempts were made.
    pub attempts: usize,
    /// What reached out of the home, in words.
    pub leaks: Vec<String>,
}

pub async fn nothing_resolves_outside_the_home(store: Arc<dyn Store>) {
    let report = attempts(store, "/alice").await;
    assert!(report.attempts >= 50, "{} attempts", report.attempts);
    assert!(report.leaks.is_empty(), "{:#?}", report.leaks);
}

pub async fn nothing_resolves_outside_a_deeper_home(store: Arc<dyn Store>) {
    let report = attempts(store, "/team/alice").await;
    assert!(report.attempts >= 50, "{} attempts", report.attempts);
    assert!(report.leaks.is_empty(), "{:#?}", report.leaks);
}

/// Tries to get out of `home_path`. Beside the home lie `<home>2` and `bob`, with secrets in them.
pub async fn attempts(store: Arc<dyn Store>, home_path: &str) -> Report {
    let bench = Bench::new(store).await;
    let alice = bench.home(home_path, 1).await;
    let root = bench.root().await;
    let (above, name) = home_path.rsplit_once('/').unwrap();
    let victims = [format!("{above}/{name}2"), format!("{above}/bob")];
    for victim in &victims {
        root.make_dir(&p(victim), None).await.unwrap();
        root.make_dir(&p(&format!("{victim}/dir")), None).await.unwrap();
        put(&root, &format!("{victim}/secret"), &[b'S'; SECRET_LEN]).await;
    }
    put(&alice, "/own", b"own").await;
    let before = snapshot(&root, &victims).await;
    let mut report = Report::default();
    let mut ways = ways_by_path(&victims);
    ways.extend(ways_by_link(&root, &alice, home_path, &victims).await);
    for way in ways {
        let secret = RemotePath::parse(&[way.as_bytes(), b"/secret"].concat()).unwrap();
        try_everything(&alice, &p(&way), &mut report).await;
        try_everything(&alice, &secret, &mut report).await;
        let after = snapshot(&root, &victims).await;
        if after != before {
            report.leaks.push(format!("{way}: changed what lies outside"));
            return report;
        }
    }
    look_at_the_host(&alice, &mut report).await;
    report
}

/// Links to the machine's own root. They are only looked through: with a broken store, run as root, anything more
/// would damage the machine that the test runs on.
async fn look_at_the_host(alice: &Arc<dyn Home>, report: &mut Report) {
    for (index, target) in ["/", "/..", "/proc/self/root", "/etc"].iter().enumerate() {
        let link = format!("/host{index}");
        alice.symlink(target.as_bytes(), &p(&link)).await.unwrap();
        for path in [format!("{link}/etc/passwd"), format!("{link}/passwd")] {
            report.attempts += 3;
            let path = p(&path);
            if alice.stat(&path, true).await.is_ok() || alice.open_read(&path).await.is_ok() {
                report
                    .leaks
                    .push(format!("{path:?} leads to the machine's own files"));
            }
            if alice.list(&path.parent().unwrap()).await.is_ok() && *target == "/etc" {
                report
                    .leaks
                    .push(format!("{path:?} lists the machine's own files"));
            }
        }
    }
}

fn ways_by_path(victims: &[String]) -> Vec<String> {
    let mut ways = Vec::new();
    for victim in victims {
        let name = victim.rsplit_once('/').unwrap().1;
        for up in [
            "..",
            "../..",
            "/..",
            "x/../..",
            "./.././.",
            "%2e%2e",
            "..\\",
            "....//..",
            "../../../../..",
        ] {
            ways.push(format!("{up}/{name}"));
            ways.push(format!("{up}{victim}"));
        }
        ways.push(victim.clone());
        ways.push(name.to_owned());
    }
    ways
}

/// Links made by the user, and others of the same text made by the root user inside the home.
async fn ways_by_link(
    root: &Arc<dyn Home>,
    alice: &Arc<dyn Home>,
    home_path: &str,
    victims: &[String],
) -> Vec<String> {
    let mut targets: Vec<Vec<u8>> = Vec::new();
    for victim in victims {
        let name = victim.rsplit_once('/').unwrap().1;
        for target in [
            victim.clone(),
            format!("../{name}"),
            format!("../../..{victim}"),
            format!("./../{name}/."),
            format!("/..{victim}"),
            format!("/../../../../files{victim}"),
            format!("../{name}/secret"),
            format!("{victim}/secret"),
            format!("../{name}/new"),
            format!("../{name}/dir/"),
        ] {
            targets.push(target.into_bytes());
        }
    }
    for target in [
        "..",
        "/..",
        "../..",
        "../../..",
        "/",
        "../../staging",
        "/proc/self/root",
        "/etc/passwd",
    ] {
        targets.push(target.as_bytes().to_vec());
    }
    let mut ways = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        alice.symlink(target, &p(&format!("/mine{index}"))).await.unwrap();
        let planted = p(&format!("{home_path}/planted{index}"));
        root.symlink(target, &planted).await.unwrap();
        // A link to a link, the second half in another directory.
        let dir = format!("/in{index}");
        alice.make_dir(&p(&dir), None).await.unwrap();
        alice
            .symlink(format!("../mine{index}").as_bytes(), &p(&format!("{dir}/twice")))
            .await
            .unwrap();
        ways.extend([
            format!("/mine{index}"),
            format!("/planted{index}"),
            format!("{dir}/twice"),
        ]);
        for victim in victims {
            let name = victim.rsplit_once('/').unwrap().1;
            ways.push(format!("/mine{index}/{name}"));
        }
    }
    ways
}

/// Every operation on `path`. Most fail, and some succeed inside the home (a link `..` is the root); what matters is
/// what they saw and what they left outside.
async fn try_everything(alice: &Arc<dyn Home>, path: &RemotePath, report: &mut Report) {
    look(alice, path, report).await;
    change(alice, path, report).await;
}

async fn look(alice: &Arc<dyn Home>, path: &RemotePath, report: &mut Report) {
    report.attempts += 5;
    for follow in [true, false] {
        if let Ok(stat) = alice.stat(path, follow).await
            && stat.size == SECRET_LEN as u64
            && stat.file_type == FileType::File
        {
            report.leaks.push(format!("stat {path:?} saw the secret"));
        }
    }
    if let Ok(file) = alice.open_read(path).await {
        let data = file
            .read_at(0, 2 * SECRET_LEN, Vec::new())
            .await
            .unwrap_or_default();
        if data.contains(&b'S') {
            report.leaks.push(format!("open {path:?} read the secret"));
        }
    }
    if let Ok(mut listing) = alice.list(path).await {
        let page = listing.next_page(1000).await.unwrap_or_default();
        if page.iter().any(|entry| entry.name == b"secret") {
            report.leaks.push(format!("list {path:?} saw the directory"));
        }
    }
    // A resolved path is taken at its word: looked up again it must not lead out either.
    if let Ok(real) = alice.real_path(path).await
        && alice
            .stat(&real, true)
            .await
            .is_ok_and(|stat| stat.size == SECRET_LEN as u64)
    {
        report.leaks.push(format!("realpath {path:?} leads out"));
    }
}

async fn change(alice: &Arc<dyn Home>, path: &RemotePath, report: &mut Report) {
    report.attempts += 13;
    let below = |name: &str| RemotePath::parse(&[path.as_bytes(), b"/", name.as_bytes()].concat()).unwrap();
    for options in [fresh(), over()] {
        for target in [path.clone(), below("made")] {
            if let Ok(upload) = alice.begin_upload(&target, options.clone()).await {
                let _ = upload.write_at(0, Bytes::from_static(b"escaped")).await;
                let _ = upload.publish().await;
                let _ = alice.remove_file(&target).await;
            }
        }
    }
    if let Ok(edit) = alice.edit(path, EditMode::ReadWrite).await {
        if edit
            .read_at(0, 100, Vec::new())
            .await
            .is_ok_and(|data| data.contains(&b'S'))
        {
            report.leaks.push(format!("edit {path:?} read the secret"));
        }
        let _ = edit.write_at(0, Bytes::from_static(b"escaped")).await;
    }
    let attributes = SetStat {
        size: None,
        mode: Some(0o711),
        ..SetStat::default()
    };
    let _ = alice.set_stat(path, &attributes, true).await;
    let _ = alice.make_dir(&below("made"), None).await;
    let _ = alice.remove_dir(&below("made")).await;
    let _ = alice.remove_dir(&below("dir")).await;
    let _ = alice.symlink(b"x", &below("made")).await;
    let _ = alice.remove_file(&below("made")).await;
    // Secrets fetched by rename or hard link, and own files pushed out.
    for replace in [false, true] {
        if alice.rename(&below("secret"), &p("/loot"), replace).await.is_ok() {
            check_loot(alice, path, "rename", report).await;
        }
        let _ = alice.rename(&p("/own"), &below("own"), replace).await;
        let _ = alice.rename(&below("own"), &p("/own"), true).await;
    }
    if alice.hard_link(&below("secret"), &p("/loot")).await.is_ok() {
        check_loot(alice, path, "hard link", report).await;
    }
    if alice.hard_link(path, &p("/loot")).await.is_ok() {
        check_loot(alice, path, "hard link", report).await;
    }
    if alice.hard_link(&p("/own"), &below("made")).await.is_ok() {
        let _ = alice.remove_file(&below("made")).await;
    }
}

async fn check_loot(alice: &Arc<dyn Home>, path: &RemotePath, how: &str, report: &mut Report) {
    if get(alice, "/loot").await.is_ok_and(|data| data.contains(&b'S')) {
        report.leaks.push(format!("{how} of {path:?} fetched the secret"));
    }
    let _ = alice.remove_file(&p("/loot")).await;
}

/// Everything outside: names, sizes, modes, times, content.
async fn snapshot(root: &Arc<dyn Home>, victims: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for victim in victims {
        for dir in [victim.clone(), format!("{victim}/dir")] {
            let Ok(found) = entries(root, &dir).await else {
                lines.push(format!("{dir} is gone"));
                continue;
            };
            for entry in found {
                let stat = entry.stat;
                let name = entry.name.escape_ascii().to_string();
                lines.push(format!(
                    "{dir}/{name} {:?} {:o} {:?}",
                    stat.file_type, stat.mode, stat.modified
                ));
            }
        }
        let data = get(root, &format!("{victim}/secret")).await.unwrap_or_default();
        lines.push(format!(
            "{} of {}",
            data.iter().filter(|b| **b == b'S').count(),
            data.len()
        ));
        let own = root
            .stat(&p(victim), true)
            .await
            .map(|stat| (stat.mode, stat.modified));
        lines.push(format!("{:?}", own.ok()));
    }
    lines
}
