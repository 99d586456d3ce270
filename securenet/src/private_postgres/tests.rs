//! A real server, started and orphaned the way a crash would.

use std::path::PathBuf;

use sqlx::{Connection, PgConnection};

use super::*;

/// Where any user may go.
fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("securenet-private-postgres {}-{name}", std::process::id()));
    fs::remove_dir_all(&home).ok();
    fs::create_dir_all(&home).unwrap();
    home
}

fn start(home: &Path, password: &str) -> PrivatePostgres {
    PrivatePostgres::start(home, &Secret::new(password.to_owned()), Purpose::Deployment, |_| ()).unwrap()
}

async fn run(server: &PrivatePostgres, sql: &'static str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(&server.admin()).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
}

#[tokio::test]
async fn what_a_killed_run_left_behind_is_stopped_and_its_data_kept() {
    let home = home("left behind");
    let orphan = start(&home, "first");
    run(&orphan, "CREATE TABLE kept ()").await.unwrap();
    let next = start(&home, "first"); // nobody stopped the orphan
    run(&next, "SELECT FROM kept").await.unwrap();
    assert!(run(&orphan, "SELECT 1").await.is_err(), "two servers run on one directory");
    next.stop().unwrap();
    fs::remove_dir_all(&home).unwrap();
}

#[tokio::test]
async fn traces_of_another_process_keep_nobody_from_starting() {
    let home = home("traces");
    start(&home, "first").stop().unwrap();
    let pid_file = home.join("postgres/data/postmaster.pid");
    // Our own process is alive and no postmaster, as after a restart of the machine.
    fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    start(&home, "first").stop().unwrap();
    fs::remove_dir_all(&home).unwrap();
}

#[tokio::test]
async fn data_whose_password_is_gone_is_made_anew() {
    let home = home("anew");
    let first = start(&home, "first");
    run(&first, "CREATE TABLE lost ()").await.unwrap();
    first.stop().unwrap();
    let second = start(&home, "second");
    assert!(run(&second, "SELECT FROM lost").await.is_err());
    second.stop().unwrap();
    fs::remove_dir_all(&home).unwrap();
}

#[test]
fn a_place_that_somebody_else_made_is_not_used() {
    let home = home("not ours");
    std::os::unix::fs::symlink("/etc", home.join("postgres")).unwrap();
    let started = PrivatePostgres::start(&home, &Secret::new("x".to_owned()), Purpose::Deployment, |_| ());
    assert!(matches!(started, Err(PostgresError::NotOurs(_))));
    fs::remove_dir_all(&home).unwrap();
}
