//! TLS against a real server with a certificate of our own: whom we talk to is proven or we do not talk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::private_postgres::Tools;
use crate::testing::PrivateCluster;

const ENCRYPTED_ONLY: &str = "-c fsync=off -c listen_addresses=127.0.0.1 -c ssl=on \
    -c ssl_cert_file=server.crt -c ssl_key_file=server.key -c ssl_min_protocol_version=TLSv1.2";
/// Nobody gets in from the network in the clear.
const HBA: &str = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
    let output = output.expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate authority, and a certificate for a name.
fn certificates(directory: &Path, name: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("names"), format!("subjectAltName=IP:{name}\n")).unwrap();
    openssl(directory, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca");
    openssl(directory, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=postgres");
    openssl(
        directory,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names",
    );
}

fn install(tools: &Tools, from: &Path) {
    for file in ["server.crt", "server.key"] {
        tools.write(&tools.data().join(file), &fs::read_to_string(from.join(file)).unwrap()).unwrap();
    }
    tools.write(&tools.data().join("pg_hba.conf"), HBA).unwrap();
}

struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[tokio::test]
async fn a_server_proves_its_name_or_is_refused() {
    let files = Files(std::env::temp_dir().join(format!("securenet-tls-{}", std::process::id())));
    let (ours, theirs) = (files.0.join("ours"), files.0.join("theirs"));
    certificates(&ours, "127.0.0.1");
    certificates(&theirs, "127.0.0.1");
    let server = PrivateCluster::prepared(ENCRYPTED_ONLY, |tools| install(tools, &ours));
    let url = |extra: &str| secret(format!("postgres://postgres@127.0.0.1:{}/postgres{extra}", server.port()));
    let with = |ca: &Path| Settings { ca: Some(ca.join("ca.crt")), connections: 1, ..Settings::default() };

    let proven = with(&ours).reader(&url("?sslmode=disable")).unwrap();
    let encrypted: bool = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(&proven)
        .await
        .unwrap();
    assert!(encrypted, "the setting is above what the URL says");

    let another = with(&theirs).reader(&url("")).unwrap();
    assert!(
        matches!(reachable(another.inner()).await, Err(sqlx::Error::Tls(_) | sqlx::Error::Io(_))),
        "a wrong signer"
    );

    let elsewhere = format!("postgres://postgres@localhost:{}/postgres", server.port());
    let misnamed = with(&ours).reader(&secret(elsewhere)).unwrap();
    assert!(reachable(misnamed.inner()).await.is_err(), "the right signer for another name");

    let direct = Settings { connections: 1, ..Settings::default() };
    let plain = direct.reader(&url("?sslmode=disable")).unwrap();
    let refused = reachable(plain.inner()).await.unwrap_err();
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("28000"), "{refused}");

    let by_url = format!("?sslmode=verify-full&sslrootcert={}", ours.join("ca.crt").display());
    reachable(direct.reader(&url(&by_url)).unwrap().inner()).await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_a_signer_is_named() {
    let files = Files(std::env::temp_dir().join(format!("securenet-no-tls-{}", std::process::id())));
    certificates(&files.0, "127.0.0.1");
    let server = PrivateCluster::start();
    let settings = Settings { ca: Some(files.0.join("ca.crt")), connections: 1, ..Settings::default() };
    let pool = settings.reader(&secret(format!("postgres://postgres@127.0.0.1:{}/postgres", server.port()))).unwrap();
    assert!(matches!(reachable(pool.inner()).await, Err(sqlx::Error::Tls(_))));
}
