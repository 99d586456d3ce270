//! The life of `up` itself: ports that are taken, a second start, Ctrl-C, and a kill at the worst moment.

use std::net::TcpListener;
use std::path::Path;

use acceptance::server::Server;

fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    Path::new(&format!("/proc/{pid}")).exists() && !status.lines().any(|line| line.starts_with("State:\tZ"))
}

#[tokio::test]
async fn one_deployment_lives_through_a_second_start_ctrl_c_a_taken_port_and_a_kill() {
    let mut server = Server::start_private().await;
    let key = server.credential("SECURENET_SCANNER_KEY").to_owned();

    let second = server.another_up(&[]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains("another `securenet up` runs on"), "{said}");

    let postgres = server.postgres_pid();
    assert!(server.stop().success());
    assert!(!is_running(postgres), "Ctrl-C stops its Postgres, too");

    let faults = [("SECURENET_SESSION_SECONDS", "soon"), ("SECURENET_APPENDERS", "many")];
    let faulty = server.another_up(&faults);
    let said = String::from_utf8_lossy(&faulty.stderr).into_owned();
    assert!(!faulty.status.success(), "{said}");
    assert!(faults.iter().all(|(name, _)| said.contains(name)), "all faults at once: {said}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    server.prefer_port(port);
    server.restart().await;
    assert!(!server.base().ends_with(&format!(":{port}")), "{}", server.base());
    assert!(server.printed().contains(server.base()), "the other port is told: {}", server.printed());

    let orphan = server.postgres_pid();
    server.kill_9();
    assert!(is_running(orphan), "the kill left it behind");
    server.restart().await;
    assert!(!is_running(orphan), "the next start took it over");
    assert_eq!(server.credential("SECURENET_SCANNER_KEY"), key, "what was printed once stays true");
    let me = server.client().with_bearer(&key).get("/v1/me").await;
    assert_eq!(me.status, 200, "{me:?}");
}
