//! Uploads on the command line: listed, shown, discarded, through a running server.

mod support;

use serde_json::Value;
use support::{Server, finish, wait_for};

#[test]
fn a_published_upload_is_listed_and_shown_with_its_digest() {
    let server = Server::start();
    let login = server.new_login("/alice");
    let file = server.place.write("data.csv", "four");
    let batch = format!(
        "put {} orders.csv.part\nrename orders.csv.part orders.csv\n",
        file.display()
    );
    finish(server.sftp(&login, &[], &batch)).ok();

    let list = |args: &[&str]| {
        server
            .admin(&[&["upload", "list", "--json"], args].concat())
            .ok()
            .json()
    };
    let all = list(&[]);
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    let upload = &all[0];
    assert_eq!(upload["username"], login.name.as_str());
    assert_eq!(
        (&upload["state"], &upload["verdict"]),
        (&"published".into(), &"renamed".into())
    );
    assert_eq!(upload["renamedTo"], "/alice/orders.csv");
    assert_eq!(list(&["--user", &login.name]), all);
    assert_eq!(list(&["--user", "NOBODY"]), Value::Array(Vec::new()));
    assert_eq!(list(&["--state", "published"]), all);
    assert_eq!(list(&["--state", "open"]), Value::Array(Vec::new()));
    assert_eq!(list(&["--limit", "0"]), Value::Array(Vec::new()));

    let id = upload["id"].as_str().unwrap();
    assert_eq!(
        &server.admin(&["upload", "show", id, "--json"]).ok().json(),
        upload
    );
    let text = server.admin(&["upload", "show", id]).ok().stdout;
    // sha256sum of "four".
    assert!(
        text.contains("04efaf080f5a3e74e1c29d1ca6a48569382cbbcd324e8d59d2b83ef21c039f00"),
        "{text}"
    );
    let table = server.admin(&["upload", "list"]).ok().stdout;
    assert!(
        table.contains("/alice/orders.csv") && table.contains("VERDICT"),
        "{table}"
    );
    // Published files are removed by SFTP.
    server.admin(&["upload", "discard", id]).fails(6);
}

#[test]
fn an_open_upload_is_discarded_by_its_id() {
    let server = Server::start();
    let login = server.new_login("/alice");
    let mut command = server.sftp(&login, &["-l", "8"], "put /proc/self/exe slow\n");
    let mut client = command.spawn().unwrap();
    let id = wait_for("the upload", || {
        let open = server
            .admin(&["upload", "list", "--state", "open", "--json"])
            .ok()
            .json();
        open[0]["id"].as_str().map(str::to_owned)
    });
    let shown = server.admin(&["upload", "show", &id, "--json"]).ok().json();
    assert_eq!(shown["unfinished"]["handles"], 1);
    let answer = server.admin(&["upload", "discard", &id, "--json"]).ok().json();
    assert_eq!(answer, serde_json::json!({"id": id, "discarded": true}));
    client.kill().unwrap();
    client.wait().unwrap();
    server.admin(&["upload", "show", &id]).fails(6);
    server.admin(&["upload", "discard", "no-id"]).fails(6);
}
