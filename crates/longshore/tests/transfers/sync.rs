//! `sync` in both directions.

use std::fs;

use crate::remote::{Remote, names, tree};

#[tokio::test(flavor = "multi_thread")]
async fn trees_are_made_the_same_in_both_directions() {
    let remote = Remote::start().await;
    let place = &remote.place;
    for name in ["src/a", "src/sub/b", "src/sub/c"] {
        place.write(name, name);
    }
    let target = remote.at("copy");
    let first = remote.run(&["sync", "--json", "src", &target]).ok().json();
    assert_eq!((&first["files"], &first["same"]), (&3.into(), &0.into()));
    let again = remote.run(&["sync", "--json", "src", &target]).ok().json();
    assert_eq!((&again["files"], &again["same"]), (&0.into(), &3.into()));
    place.write("src/sub/b", "changed");
    let changed = remote.run(&["sync", "--json", "src", &target]).ok().json();
    assert_eq!(
        (&changed["files"], &changed["receipts"][0]["size"]),
        (&1.into(), &7.into())
    );
    remote.run(&["sync", &target, "back"]).ok();
    assert_eq!(
        tree(&place.path().join("src"))
            .into_iter()
            .map(|(path, (_, content))| (path, content))
            .collect::<Vec<_>>(),
        tree(&place.path().join("back"))
            .into_iter()
            .map(|(path, (_, content))| (path, content))
            .collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_is_asked_for_and_guarded() {
    let remote = Remote::start().await;
    let place = &remote.place;
    place.write("src/keep", "x");
    remote.make_dir("copy");
    for name in ["copy/one", "copy/two"] {
        remote.write(name, "old");
    }
    let target = remote.at("copy");
    let plan = remote.run(&["sync", "-n", "--delete", "src", &target]).ok();
    for line in [
        "copy    keep (1 B, new)",
        "remove  one",
        "remove  two",
        "nothing was changed",
    ] {
        assert!(plan.stdout.contains(line), "{line}: {}", plan.stdout);
    }
    let steps = remote
        .run(&["sync", "-n", "--json", "--delete", "src", &target])
        .ok()
        .json();
    assert_eq!(
        (steps["steps"].as_array().unwrap().len(), &steps["dry_run"]),
        (3, &true.into())
    );
    remote
        .run(&["sync", "--delete", "--max-delete", "1", "src", &target])
        .fails(18);
    assert_eq!(names(&remote.home("copy")), ["keep", "one", "two"]);
    remote
        .run(&["sync", "--delete", "--exclude", "two", "src", &target])
        .ok();
    fs::create_dir(place.path().join("empty")).unwrap();
    remote.run(&["sync", "--delete", "empty", &target]).fails(18);
    assert!(names(&remote.home("copy")).contains(&"keep".to_owned()));
    remote.run(&["sync", "--delete", "src", &target]).ok();
    assert_eq!(names(&remote.home("copy")), ["keep"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_choose_what_takes_part() {
    let remote = Remote::start().await;
    for name in ["src/a.csv", "src/b.txt", "src/tmp/c.csv", "src/d.csv"] {
        remote.place.write(name, "x");
    }
    let target = remote.at("copy");
    remote
        .run(&[
            "sync",
            "--include",
            "*.csv",
            "--exclude",
            "tmp",
            "--exclude",
            "/d.csv",
            "src",
            &target,
        ])
        .ok();
    assert_eq!(names(&remote.home("copy")), ["a.csv"]);
    remote.run(&["sync", "--include", "[", "src", &target]).fails(3);
    remote
        .run(&["sync", "src", "copy"])
        .fails(2)
        .complains_of(&["neither side"]);
    remote
        .run(&["sync", &target, &target])
        .fails(2)
        .complains_of(&["both sides"]);
    remote.run(&["sync", "src/b.txt", &target]).fails(16);
    remote.run(&["sync", &remote.at("none"), "down"]).fails(6);
    assert!(
        !remote.place.path().join("down").exists(),
        "a source that is not there touches nothing"
    );
}
