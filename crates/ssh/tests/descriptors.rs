//! Running out of file descriptors: the only test in its process, since the limit is the process's.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Commands, State};
use longshore_ssh::{HostKeys, Server, ServerConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};

fn set_soft_limit(current: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(current),
            maximum,
        },
    )
    .unwrap();
}

fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_the_server_waits_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = ServerConfig::new(HostKeys::load_or_generate(dir.path()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The system completes them before anybody accepts.
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    let before = getrlimit(Resource::Nofile).current.unwrap();
    let used = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let server = Server::new(listener, config, Arc::new(Commands(Arc::new(State::default()))));
    let handle = server.handle();
    set_soft_limit(used + 4);
    let running = tokio::spawn(server.run());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let accepted = handle.connections();
    assert!((1..10).contains(&accepted), "{accepted} were accepted");
    set_soft_limit(before);
    let ticks = processor_ticks();
    set_soft_limit(used + 4);
    tokio::time::sleep(Duration::from_secs(2)).await;
    set_soft_limit(before);
    let spent = processor_ticks() - ticks;
    assert!(spent < 20, "{spent} hundredths of a second were spent on waiting");
    assert!(!running.is_finished());
    for _ in 0..300 {
        if handle.connections() == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(handle.connections(), 10);
    drop(clients);
    handle.stop_accepting();
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .unwrap()
        .unwrap();
}
