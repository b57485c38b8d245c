//! `longshore sftp-server` as a process: how it ends.

mod support;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::BINARY;

fn start(directory: &Path) -> Child {
    let mut server = Command::new(BINARY);
    server.arg("sftp-server").current_dir(directory);
    server.stdin(Stdio::piped()).stdout(Stdio::piped());
    server.spawn().unwrap()
}

/// A server in `directory` with an upload of `f` under way.
fn uploading(directory: &Path) -> Child {
    let mut child = start(directory);
    // INIT 3; OPEN 1 "f" WRITE|CREAT|TRUNC; WRITE 2 to the first handle.
    say(&mut child, b"\x01\0\0\0\x03");
    assert_eq!(hear(&mut child)[0], 2);
    say(&mut child, b"\x03\0\0\0\x01\0\0\0\x01f\0\0\0\x1a\0\0\0\0");
    let handle = hear(&mut child);
    assert_eq!(handle[0], 102);
    let mut write = b"\x06\0\0\0\x02".to_vec();
    write.extend_from_slice(&handle[5..]);
    write.extend_from_slice(b"\0\0\0\0\0\0\0\0\0\0\0\x03new");
    say(&mut child, &write);
    assert_eq!(hear(&mut child)[..9], *b"\x65\0\0\0\x02\0\0\0\0");
    child
}

fn say(child: &mut Child, packet: &[u8]) {
    let stdin = child.stdin.as_mut().unwrap();
    let len = u32::try_from(packet.len()).unwrap().to_be_bytes();
    stdin.write_all(&[&len[..], packet].concat()).unwrap();
    stdin.flush().unwrap();
}

fn hear(child: &mut Child) -> Vec<u8> {
    let stdout = child.stdout.as_mut().unwrap();
    let mut len = [0; 4];
    stdout.read_exact(&mut len).unwrap();
    let mut packet = vec![0; u32::from_be_bytes(len) as usize];
    stdout.read_exact(&mut packet).unwrap();
    packet
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Starts a server in `directory` and greets it.
fn greeted(directory: &Path) -> Child {
    let mut child = start(directory);
    say(&mut child, b"\x01\0\0\0\x03");
    assert_eq!(hear(&mut child)[0], 2);
    child
}

/// LSTAT of `f`: its size.
fn size(child: &mut Child) -> Option<u64> {
    say(child, b"\x07\0\0\0\x09\0\0\0\x01f");
    let reply = hear(child);
    (reply[0] == 105).then(|| u64::from_be_bytes(reply[9..17].try_into().unwrap()))
}

/// OPEN of `f` for writing, as for resuming; WRITE at `offset`; CLOSE.
fn resume(child: &mut Child, offset: u8, data: &[u8]) {
    say(child, b"\x03\0\0\0\x01\0\0\0\x01f\0\0\0\x0a\0\0\0\0");
    let handle = hear(child)[5..].to_vec();
    let len = u8::try_from(data.len()).unwrap();
    say(
        child,
        &[
            b"\x06\0\0\0\x02",
            &handle[..],
            &[0, 0, 0, 0, 0, 0, 0, offset, 0, 0, 0, len],
            data,
        ]
        .concat(),
    );
    assert_eq!(hear(child)[..9], *b"\x65\0\0\0\x02\0\0\0\0");
    say(child, &[b"\x04\0\0\0\x03", &handle[..]].concat());
    assert_eq!(hear(child)[..9], *b"\x65\0\0\0\x03\0\0\0\0");
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_breaks_off_waits_for_the_next_session() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    for old in [false, true] {
        if old {
            std::fs::write(&file, b"the old one").unwrap();
        }
        // The client is gone, or the server is told to go.
        let mut child = uploading(directory.path());
        if old {
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            assert!(child.wait().unwrap().success());
        } else {
            end(child);
        }
        assert_eq!(file.exists(), old, "nobody else sees it");
        // A session that only looks leaves it for the one that goes on with it.
        child = greeted(directory.path());
        assert_eq!(size(&mut child), Some(3));
        end(child);
        child = greeted(directory.path());
        assert_eq!(size(&mut child), Some(3));
        resume(&mut child, 3, b"er");
        assert_eq!(std::fs::read(&file).unwrap(), b"newer");
        end(child);
        assert_eq!(names(directory.path()), ["f"]);
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn what_was_published_since_ends_what_broke_off() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f");
    end(uploading(directory.path()));
    assert_eq!(names(directory.path()).len(), 1);
    std::thread::sleep(std::time::Duration::from_millis(50));
    std::fs::write(&file, b"by another way").unwrap();
    let mut child = greeted(directory.path());
    assert_eq!(size(&mut child), Some(14));
    end(child);
    assert_eq!(names(directory.path()), ["f"]);
    // Nor does it come to lie over what is newer than its beginning.
    let child = uploading(directory.path());
    std::thread::sleep(std::time::Duration::from_millis(50));
    std::fs::write(&file, b"once more").unwrap();
    end(child);
    assert_eq!(names(directory.path()), ["f"]);
}
