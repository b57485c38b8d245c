//! The façade for programs without a runtime, on OpenSSH's `sftp-server`.

mod common;

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use common::{Servers, noise};
use longshore_client::ErrorKind;
use longshore_client::blocking::Client;
use longshore_client::sftp::{OpenOptions, SftpOptions};
use longshore_client::transfer::TransferOptions;
use tempfile::TempDir;

fn client() -> (Client, TempDir) {
    let there = TempDir::new().expect("directory");
    let servers = Arc::new(Servers::new(there.path(), Duration::ZERO, 4));
    (
        Client::over(servers, SftpOptions::default()).expect("client"),
        there,
    )
}

#[test]
fn files_read_write_and_seek_as_local_ones_do() {
    let (client, there) = client();
    let bytes = noise(3_000_000, 1);
    let mut file = client.create("f").expect("create");
    // pieces of odd lengths, some longer than what is gathered
    let mut rest = &bytes[..];
    for len in [1, 7, 1000, 1_500_000, 99, usize::MAX] {
        let (piece, later) = rest.split_at(len.min(rest.len()));
        file.write_all(piece).expect("write");
        rest = later;
    }
    file.close().expect("close");
    assert!(std::fs::read(there.path().join("f")).expect("file") == bytes);

    let mut file = client
        .open_with("f", &OpenOptions::new().read().write())
        .expect("open");
    let mut read = Vec::new();
    file.read_to_end(&mut read).expect("read");
    assert!(read == bytes);
    assert_eq!(file.seek(SeekFrom::End(-5)).expect("seek"), 2_999_995);
    file.write_all(b"hello").expect("write");
    assert_eq!(file.seek(SeekFrom::Current(-3)).expect("seek"), 2_999_997);
    let mut end = String::new();
    file.read_to_string(&mut end).expect("read");
    assert_eq!(end, "llo");
    file.rewind().expect("seek");
    let mut start = [0; 10];
    file.read_exact(&mut start).expect("read");
    assert_eq!(start, bytes[..10]);
    assert_eq!(file.seek(SeekFrom::Current(90)).expect("seek"), 100);
    file.read_exact(&mut start).expect("read");
    assert_eq!(start, bytes[100..110]);

    file.write_at(b"there", 50).expect("write");
    let mut there = [0; 5];
    assert_eq!(file.read_at(&mut there, 50).expect("read"), 5);
    assert_eq!(&there, b"there");
    file.set_len(60).expect("cut");
    assert_eq!(file.metadata().expect("stat").size, Some(60));
    assert!(file.seek(SeekFrom::Current(-1000)).is_err());
    file.close().expect("close");
}

#[test]
fn a_dropped_file_is_written_to_its_end() {
    let (client, there) = client();
    let mut file = client.create("f").expect("create");
    file.write_all(b"gathered").expect("write");
    drop(file);
    client.canonicalize(".").expect("answered after the write");
    assert_eq!(std::fs::read(there.path().join("f")).expect("file"), b"gathered");
}

#[test]
fn directories_names_and_whole_files() {
    let (client, there) = client();
    client.create_dir_all("a/b/c").expect("mkdir");
    client.create_dir_all("a/b/c").expect("again");
    client.create_dir("a/d").expect("mkdir");
    client.write("a/f", b"content".to_vec()).expect("write");
    assert_eq!(client.read("a/f").expect("read"), b"content");
    client.rename("a/f", "a/g").expect("rename");
    client.symlink("g", "a/l").expect("symlink");
    assert_eq!(client.read_link("a/l").expect("readlink"), "g");
    assert!(client.exists("a/g").expect("stat") && !client.exists("a/f").expect("stat"));
    let mut names: Vec<_> = client
        .read_dir("a")
        .expect("listing")
        .map(|entry| entry.expect("entry").name)
        .collect();
    names.sort();
    assert_eq!(names, ["b", "d", "g", "l"]);
    assert_eq!(
        client.open("none").expect_err("not there").kind(),
        ErrorKind::NotFound
    );
    let local = there.path().join("copy");
    client
        .download("a/g", &local, TransferOptions::default())
        .expect("download");
    client
        .upload(&local, "a/h", TransferOptions::default())
        .expect("upload");
    for name in ["a/g", "a/h", "a/l"] {
        client.remove_file(name).expect("remove");
    }
    client.remove_dir("a/d").expect("rmdir");
    client.close().expect("close");
}
