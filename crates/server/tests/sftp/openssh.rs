//! OpenSSH's `sftp` and `ssh` as a partner uses them.

use crate::support::{Rig, errors, success};

#[tokio::test(flavor = "multi_thread")]
async fn the_sftp_client_does_its_daily_work() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let local = rig.dir.path().join("local");
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&local, &bytes).unwrap();
    let local = local.display();
    let batch = format!(
        "put {local} 'a file'\n\
         ls -l\n\
         get 'a file' {local}.back\n\
         mkdir dir\n\
         rename 'a file' dir/b\n\
         chmod 600 dir/b\n\
         symlink b dir/link\n\
         ln dir/b dir/hard\n\
         get dir/link {local}.link\n\
         ls -la dir\n\
         df dir\n\
         cd dir\n\
         pwd\n\
         rm link\n\
         rm hard\n\
         cd ..\n\
         put -p {local} dir/c\n\
         reget 'dir/c' {local}.c\n\
         rm dir/c\n"
    );
    let output = success(&rig.sftp(&user, &batch).await);
    assert!(output.contains(" 12000000 "), "{output}");
    assert!(output.contains("Remote working directory: /dir"), "{output}");
    for copy in [".back", ".link", ".c"] {
        assert!(
            std::fs::read(format!("{local}{copy}")).unwrap() == bytes,
            "{copy}"
        );
    }
    assert!(std::fs::read(user.home.join("dir/b")).unwrap() == bytes);
    let batch = "rm dir/b\nrmdir dir\nls\n";
    success(&rig.sftp(&user, batch).await);
    assert_eq!(std::fs::read_dir(&user.home).unwrap().count(), 0);
    assert_eq!(rig.staged(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_command_says_why() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let output = rig.sftp(&user, "rmdir missing\n").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("No such file"), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_shells_and_other_subsystems_are_refused_in_words() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    for arguments in [&["ls"][..], &[]] {
        let output = rig.ssh(&user, arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(errors(&output).contains("no shell"), "{}", errors(&output));
    }
    let mut netconf = rig.client("ssh", &user);
    netconf
        .arg("-s")
        .arg(format!("{}@127.0.0.1", user.name))
        .arg("netconf");
    let output = netconf.stdin(std::process::Stdio::null()).output().await.unwrap();
    assert!(
        errors(&output).contains("subsystem request failed"),
        "{}",
        errors(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_vanished_is_made_again() {
    let rig = Rig::start().await;
    let user = rig.user("deep/down").await;
    let local = rig.dir.path().join("local");
    std::fs::write(&local, b"x").unwrap();
    let put = format!("put {} x\n", local.display());
    success(&rig.sftp(&user, &put).await);
    std::fs::remove_dir_all(user.home.parent().unwrap()).unwrap();
    success(&rig.sftp(&user, &put).await);
    assert_eq!(std::fs::read(user.home.join("x")).unwrap(), b"x");
}
