//! Both ways to set a server up, against a real one that asks for passwords and logs every statement.

use std::path::{Path, PathBuf};
use std::process::Command;

use platform::testing::PrivateCluster;

use super::*;

const TALKATIVE: &str = "-c fsync=off -c listen_addresses=127.0.0.1 -c log_statement=all \
    -c log_min_duration_statement=0 -c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=all";
const HBA: &str =
    "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

fn server() -> PrivateCluster {
    PrivateCluster::prepared(TALKATIVE, |tools| {
        tools.write(&tools.data().join("pg_hba.conf"), HBA).unwrap();
    })
}

fn password(role: &str, round: u32) -> String {
    format!("a-password-of-{role}-{round}")
}

async fn enters(server: &PrivateCluster, role: &str, password: &str) -> bool {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port()).database("securenet");
    PgConnection::connect_with(&options.username(role).password(password)).await.is_ok()
}

async fn everybody_enters_with(server: &PrivateCluster, round: u32) {
    for role in LOG_INS.into_iter().filter(|role| *role != "replication") {
        assert!(enters(server, role, &password(role, round)).await, "{role}");
        assert!(!enters(server, role, &password(role, round + 1)).await, "{role} with another's password");
    }
    let refused = enters(server, "replication", &password("replication", round)).await;
    assert!(!refused, "the role of standbys enters no database");
}

async fn nothing_kept_a_password(server: &PrivateCluster) {
    let log = std::fs::read_to_string(server.directory().join("log")).unwrap();
    assert!(log.contains("CREATE DATABASE") || log.contains("ALTER DATABASE"), "the log keeps statements");
    assert!(!log.contains("a-password-of"), "and no password");
    let mut inside = PgConnection::connect_with(&server.admin().database("securenet")).await.unwrap();
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM monitoring.pg_stat_statements WHERE query LIKE '%a-password%'")
            .fetch_one(&mut inside)
            .await
            .unwrap();
    // The question itself holds the pattern, and its constant is a parameter.
    assert_eq!(kept, 0);
}

fn by_subcommand(server: &PrivateCluster, round: u32) -> Settings {
    let secret = |role| Secret::new(password(role, round));
    Settings {
        admin: server.admin(),
        database: "securenet".to_owned(),
        passwords: LOG_INS.into_iter().map(|role| (role, secret(role))).collect(),
    }
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn by_script(server: &PrivateCluster, round: u32) -> std::process::Output {
    let folder = Folder(std::env::temp_dir().join(format!("securenet-setup-{}-{round}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    for role in LOG_INS {
        std::fs::write(folder.0.join(format!("postgres-{role}")), password(role, round) + "\n").unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose/postgres/setup.sh");
    Command::new("bash")
        .arg(script)
        .env("SECRETS", &folder.0)
        .envs([("PGHOST", "127.0.0.1"), ("PGUSER", "postgres"), ("PGPORT", &server.port().to_string())])
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_server_is_set_up_by_the_subcommand_and_its_passwords_changed_by_the_script_and_back() {
    let server = server();
    set_up(by_subcommand(&server, 1)).await.unwrap();
    everybody_enters_with(&server, 1).await;
    let output = by_script(&server, 2);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    everybody_enters_with(&server, 2).await;
    nothing_kept_a_password(&server).await;
    let kept = Settings { passwords: vec![], ..by_subcommand(&server, 3) };
    set_up(kept).await.unwrap();
    everybody_enters_with(&server, 2).await;
}

#[tokio::test]
async fn a_server_is_set_up_by_the_script_alone_and_the_migrations_apply() {
    let server = server();
    let output = by_script(&server, 1);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    everybody_enters_with(&server, 1).await;
    let migrator = server.admin().username("migrator").password(&password("migrator", 1)).database("securenet");
    crate::database::migrate(&migrator).await.unwrap();
    nothing_kept_a_password(&server).await;
}

#[tokio::test]
async fn a_setup_does_not_end_well_while_a_role_has_no_password() {
    let server = server();
    let mut settings = by_subcommand(&server, 1);
    settings.passwords.retain(|(role, _)| *role != "relay");
    let failure = set_up(settings).await.unwrap_err();
    assert!(failure.to_string().contains("relay"), "{failure}");
    assert!(!failure.to_string().contains("reader"), "{failure}");
}

#[test]
fn short_passwords_and_odd_names_are_faults() {
    let pairs = [
        ("SECURENET_ADMIN_URL", "postgres://postgres@127.0.0.1/postgres"),
        ("SECURENET_DATABASE", "a; DROP DATABASE b"),
        ("SECURENET_READER_PASSWORD", "short"),
    ];
    let env = Env::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let faults = Settings::from_env(&env).err().unwrap().to_string();
    assert!(faults.contains("SECURENET_DATABASE") && faults.contains("SECURENET_READER_PASSWORD"), "{faults}");
    assert!(!faults.contains("short\n") && !faults.contains(": short"), "{faults}");
}
