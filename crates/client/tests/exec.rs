//! Commands on OpenSSH's server.

mod sshd;

use std::time::Duration;

use bytes::Bytes;
use longshore_client::{Connection, ErrorKind, ExecOptions, Exit, NonInteractive, SftpChannels as _, Stage};
use sshd::Sshd;

async fn connect(server: &Sshd) -> Connection {
    Connection::connect(&server.key_options(), &NonInteractive)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_outputs_and_the_end_of_a_command_are_told() {
    let server = Sshd::start("").await;
    let connection = connect(&server).await;
    let output = connection
        .exec(
            b"printf 'out\\377'; printf 'err\\376' >&2; exit 7".to_vec(),
            ExecOptions::default(),
        )
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"out\xff"[..], &b"err\xfe"[..])
    );
    assert_eq!(output.exit, Some(Exit::Status(7)));
    assert!(!output.success() && !output.truncated);
    let output = connection
        .exec("kill -TERM $$", ExecOptions::default())
        .await
        .unwrap();
    assert!(
        matches!(&output.exit, Some(Exit::Signal { name, .. }) if name == "TERM"),
        "{:?}",
        output.exit
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_on_both_outputs_do_not_hang_and_input_is_read() {
    let server = Sshd::start("").await;
    let connection = connect(&server).await;
    let _sftp = connection.open_sftp().await.unwrap();
    let size = 24 << 20;
    let flood = format!("head -c {size} /dev/zero >&2; head -c {size} /dev/zero");
    let output = connection.exec(flood, ExecOptions::default()).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (size, size));
    let input: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let options = ExecOptions::default().stdin(input.clone());
    let output = connection.exec("cat; cat >&2", options).await.unwrap();
    assert!(output.success());
    assert_eq!(output.stdout, input);
    // Nobody reads the input: it is given up when the command ends.
    let output = connection
        .exec("exit 3", ExecOptions::default().stdin(vec![0; 8 << 20]))
        .await
        .unwrap();
    assert_eq!(output.exit, Some(Exit::Status(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_output_have_limits() {
    let server = Sshd::start("").await;
    let connection = connect(&server).await;
    let options = ExecOptions::default().timeout(Duration::from_secs(1));
    let error = connection.exec("sleep 600", options).await.unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Exec, ErrorKind::TimedOut),
        "{error}"
    );
    let endless = "yes";
    let options = ExecOptions::default().max_output(1 << 20, false);
    let error = connection.exec(endless, options).await.unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Exec, ErrorKind::Guarded),
        "{error}"
    );
    let options = ExecOptions::default().max_output(10, true);
    let output = connection.exec("yes | head -n 1000", options).await.unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.truncated),
        (&b"y\ny\ny\ny\ny\n"[..], true)
    );
    // The connection has taken no harm.
    let output = connection
        .exec("echo fine", ExecOptions::default())
        .await
        .unwrap();
    assert_eq!(output.stdout, b"fine\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_talked_to_while_it_runs() {
    let server = Sshd::start("").await;
    let connection = connect(&server).await;
    let mut process = connection
        .spawn("while read line; do echo \"got $line\"; done")
        .await
        .unwrap();
    let mut stdin = process.take_stdin().unwrap();
    for word in ["one", "two"] {
        stdin.write(Bytes::from(format!("{word}\n"))).await.unwrap();
        let heard = process.stdout.read().await.unwrap().unwrap();
        assert_eq!(heard, format!("got {word}\n"));
    }
    stdin.finish().await.unwrap();
    assert_eq!(process.stdout.read().await.unwrap(), None);
    assert_eq!(process.wait().await.unwrap(), Some(Exit::Status(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_nobody_takes_waits_without_loss() {
    let server = Sshd::start("").await;
    let connection = connect(&server).await;
    let size = 64 << 20;
    let mut process = connection
        .spawn(format!("head -c {size} /dev/zero"))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut read = 0;
    while let Some(chunk) = process.stdout.read().await.unwrap() {
        read += chunk.len();
    }
    assert_eq!(read, size);
    assert_eq!(process.wait().await.unwrap(), Some(Exit::Status(0)));
}
