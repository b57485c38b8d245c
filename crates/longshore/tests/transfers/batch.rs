//! `longshore batch` beside OpenSSH's `sftp -b`: the same lines, the same trees, the same exit status.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::remote::{Remote, content, names, open_up, tree};
use crate::support::finish;

/// What both sides have before each script.
fn fixtures(remote: &Remote, name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let (there, here) = (remote.make_dir(name), remote.place.path().join(name));
    fs::create_dir(&here).unwrap();
    let file = |path: &Path, content: &[u8]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    };
    for name in [
        "a.txt",
        "x.csv",
        "y.csv",
        "with space",
        "quo'te",
        "st*r",
        "star",
        "tree/one",
        "tree/sub/two",
        "full",
    ] {
        file(&here.join(name), name.as_bytes());
    }
    file(&here.join("long"), &content(800_000));
    file(&here.join("begun"), &content(700_000)[..400_000]);
    symlink("one", here.join("tree/link")).unwrap();
    for name in [
        "r.dat",
        "s.dat",
        "other",
        "two words",
        "re*d",
        "read",
        "dir/in",
        "dir/deep/er",
        "full",
    ] {
        file(&there.join(name), name.as_bytes());
        fs::set_permissions(there.join(name), fs::Permissions::from_mode(0o664)).unwrap();
    }
    file(&there.join("part"), &content(800_000)[..300_000]);
    file(&there.join("begun"), &content(700_000));
    symlink("in", there.join("dir/link")).unwrap();
    for path in ["", "dir"] {
        open_up(&there.join(path));
    }
    for narrow in [here.join("tree/sub"), there.join("dir/deep")] {
        fs::set_permissions(narrow, fs::Permissions::from_mode(0o750)).unwrap();
    }
    for file in ["part", "r.dat", "s.dat", "other", "read", "full"] {
        fs::set_permissions(there.join(file), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let owned = std::process::Command::new("chown")
        .args(["-hR", "1777:1777"])
        .arg(&there)
        .status();
    assert!(owned.unwrap().success());
    (there, here)
}

/// Runs the lines with both, each in folders of its own, and compares.
fn same(remote: &Remote, number: usize, lines: &str) {
    let batch = remote.place.write("batch", lines);
    let (theirs, ours) = (format!("t{number}"), format!("o{number}"));
    let (sides, statuses): (Vec<_>, Vec<_>) = [(&theirs, true), (&ours, false)]
        .map(|(name, openssh)| {
            let (there, here) = fixtures(remote, name);
            let mut command = if openssh {
                remote.sftp(&batch, name)
            } else {
                remote.command(&["batch", batch.to_str().unwrap(), &remote.at(name)])
            };
            command.current_dir(&here).env("SHELL", "/bin/sh");
            let outcome = finish(command);
            ((tree(&there), tree(&here)), outcome)
        })
        .into_iter()
        .unzip();
    let told = format!("{lines}\nsftp: {:?}\nours: {:?}", statuses[0], statuses[1]);
    assert_eq!(statuses[0].code, statuses[1].code, "{told}");
    assert!(matches!(statuses[0].code, Some(0 | 1)), "{told}");
    assert_eq!(
        sides[0].0.keys().collect::<Vec<_>>(),
        sides[1].0.keys().collect::<Vec<_>>(),
        "there: {told}"
    );
    assert_eq!(
        sides[0].1.keys().collect::<Vec<_>>(),
        sides[1].1.keys().collect::<Vec<_>>(),
        "here: {told}"
    );
    assert!(
        sides[0] == sides[1],
        "contents or permissions differ: {told}\n{}",
        difference(&sides[0], &sides[1])
    );
}

type Side = std::collections::BTreeMap<std::path::PathBuf, (u32, Vec<u8>)>;

fn difference(one: &(Side, Side), other: &(Side, Side)) -> String {
    let pairs = one.0.iter().chain(&one.1).zip(other.0.iter().chain(&other.1));
    pairs
        .filter(|(one, other)| one != other)
        .map(|((path, one), (_, other))| {
            format!(
                "{}: {:o} {} | {:o} {}\n",
                path.display(),
                one.0,
                one.1.len(),
                other.0,
                other.1.len()
            )
        })
        .collect()
}

async fn all_the_same(scripts: &[&str]) {
    let remote = Remote::start().await;
    for (number, lines) in scripts.iter().enumerate() {
        same(&remote, number, lines);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_does_what_sftp_does() {
    all_the_same(&[
        "put a.txt\nput a.txt named\nput \"with space\"\nput \"quo'te\"\nput with\\ space 'new name'\n",
        "put *.csv\nmkdir in\nput *.csv in\nput a.txt in/\nput x.csv in/z.csv\nmput *.csv dir\n",
        "put 'st*r'\nput st\\*r escaped\nput s*\n",
        "put -r tree\nput -R tree copy\nput -r tree dir\nget -r dir\nget -r dir back\nget -r dir/deep back\n",
        "put -p a.txt\nput -P a.txt in.txt\nget -p r.dat\nget -pf r.dat back\nput -f a.txt synced\n",
        "get r.dat\nget r.dat named\nget *.dat tree\nget \"two words\"\nget 're*d'\nget re\\*d plain\nget dir/in\nmget [rs].dat\n",
        "get ?.dat\nget -r d*\nget dir/../other up\n",
        "reput long part\nreget begun\n-reput full\nreget -p r.dat\nget -a begun again\n",
        "reput full\nput a.txt never\n",
        "reget full\nreget r.dat fresh\n", "reget r.dat \"with space\"\nput a.txt never\n",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_does_what_sftp_does() {
    all_the_same(&[
        "mkdir d\ncd d\nput a.txt\ncd ..\nrename d/a.txt e\nrm e\nrmdir d\npwd\nls -la\n",
        "rename other new\nrename r.dat s.dat\nrename -l new other\nrename \"two words\" three\n",
        "ln -s r.dat soft\nln r.dat hard\nsymlink missing dangling\nln -s /etc/hostname dir/abs\n",
        "chmod 600 r.dat\nchmod 640 *.dat\nchmod 700 dir\n",
        "copy r.dat c1\ncp dir/in c2\ncp s.dat other\n",
        "lmkdir made\nlcd made\nget r.dat\n!echo local > by-shell\nlcd ..\nlls -a\nlpwd\nlumask 077\nget r.dat private\n",
        "rm *.dat\nrm dir/in\nrm 're*d'\nls\n",
        "cd dir/deep\nput a.txt\ncd\nput a.txt home.txt\ncd .\ncd ./dir//deep/..\nput x.csv\nlcd tree\nput one\n",
        "@put a.txt\n# comment\n\n   \n - put x.csv\nput y.csv last.csv # why\nput a.txt b#c\nPUT a.txt upper\n",
        "version\nhelp\n?\nprogress\npwd\ndf\ndf -h\ndf -i dir\nls -1\nls -lh dir\nls -nrt\nls -Sf *.dat\nls {r,s}.dat\ndir\n",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_end_a_batch_where_they_end_sftp_s() {
    let last = "\nput a.txt never\n";
    let ends = [
        "put missing",
        "get missing",
        "get *.none",
        "rm missing",
        "rm *.none",
        "rmdir dir",
        "mkdir dir",
        "cd missing",
        "cd r.dat",
        "put tree",
        "get dir",
        "put *.csv other",
        "get *.dat nowhere",
        "put a.txt no/dir/a",
        "rename missing x",
        "rename -l r.dat s.dat",
        "ln r.dat other",
        "ln -s r.dat other",
        "cp missing x",
        "cp dir x",
        "chmod 600 missing",
        "chmod u+x r.dat",
        "chown 0 r.dat",
        "ls missing",
        "ls *.none",
        "lcd missing",
        "lmkdir tree",
        "bogus",
        "ls -Z",
        "put",
        "put \"open",
        "rename one",
        "get -x r.dat",
        "reget missing",
        "chmod 600 r.dat missing",
    ];
    let mut scripts: Vec<String> = ends.iter().map(|line| format!("{line}{last}")).collect();
    // what may fail does not end it, and what has failed before does not count
    scripts.push(ends.map(|line| format!("-{line}\n")).concat() + "put a.txt after\n");
    scripts.push(format!("!false\n-bogus\nput a.txt\nbye{last}"));
    scripts.push("put x.csv\nquit\nbogus\n".to_owned());
    scripts.push("-rm missing s.dat\n-rm *.dat\n".to_owned());
    scripts.push(String::new());
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    all_the_same(&scripts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_from_standard_input_and_are_repeated() {
    let remote = Remote::start().await;
    remote.make_dir("in");
    remote.place.write("a", "x");
    let input = remote
        .place
        .write("input", "put a\n@pwd\n-bogus\nls -1\nbogus\nput a never\n");
    let mut command = remote.command(&["batch", "-", &remote.at("in")]);
    command.stdin(fs::File::open(input).unwrap());
    let outcome = finish(command).fails(1);
    let cwd = remote.home("in");
    let expected = format!(
        "sftp> put a\nRemote working directory: {}\nsftp> -bogus\nsftp> ls -1\na\nsftp> bogus\n",
        cwd.display()
    );
    assert_eq!(outcome.stdout, expected);
    outcome.complains_of(&["no command 'bogus'", "line 5 ended the batch"]);
    assert_eq!(names(&cwd), ["a"]);
    remote.run(&["batch", "missing", &remote.at("in")]).fails(6);
    let none = remote.place.write("none", "");
    remote
        .run(&["batch", none.to_str().unwrap(), &remote.at("nowhere")])
        .fails(6);
}

/// The two differences from sftp(1), on purpose: what is continued is proved, and a name that is free is no failure.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_continued_is_the_beginning_of_the_file() {
    let remote = Remote::start().await;
    let data = content(900_000);
    fs::write(remote.place.path().join("long"), &data).unwrap();
    let mut wrong = data[..500_000].to_vec();
    wrong[300_000] ^= 1;
    remote.write("part", &wrong);
    fs::write(remote.place.path().join("down"), &wrong).unwrap();
    let batch = remote
        .place
        .write("batch", "reput long part\nreget part down\nreput long new\n");
    remote
        .run(&["batch", batch.to_str().unwrap(), &remote.at("")])
        .ok();
    for path in [
        remote.home("part"),
        remote.home("new"),
        remote.place.path().join("down"),
    ] {
        assert_eq!(fs::read(path).unwrap(), data);
    }
}
