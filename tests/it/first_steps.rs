//! What somebody does in the first minute: read what `up` prints, paste its lines, look into the file of credentials.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use acceptance::callers::{Organization, sign_in};
use acceptance::server::{Server, sourced};
use serde_json::Value;

/// The lines `up` prints to be pasted.
fn printed_lines(server: &Server) -> Vec<String> {
    let printed = server.printed();
    printed.lines().map(str::trim).filter(|line| line.starts_with("curl ")).map(str::to_owned).collect()
}

/// Runs a line as a person would: in a shell of their own, from a directory that knows nothing.
fn paste(line: &str) -> Value {
    let shell = Command::new("bash").args(["-c", line]).current_dir("/").env_remove("http_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&shell.stdout);
    assert!(shell.status.success(), "{line}\n{said}\n{}", String::from_utf8_lossy(&shell.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line}\n{error}: {said}"))
}

#[tokio::test]
async fn the_three_printed_lines_work_as_they_are_printed() {
    let server = Server::shared().await;
    let lines = printed_lines(server);
    assert_eq!(lines.len(), 3, "{}", server.printed());

    let log_in = paste(&lines[0]);
    assert_eq!(log_in["token_type"], "Bearer", "{log_in}");
    assert!(log_in["access_token"].is_string() && log_in["expires_in"].as_u64().is_some_and(|seconds| seconds <= 600));
    let list = paste(&lines[1]);
    assert!(!list["items"].as_array().unwrap().is_empty(), "the seeded findings show: {list}");
    let raised = paste(&lines[2]);
    assert!(raised["id"].is_string() && raised["version"].is_i64(), "{raised}");
}

#[tokio::test]
async fn the_credentials_are_for_their_owner_alone_and_a_shell_reads_them() {
    let server = Server::shared().await;
    let file = server.credentials_file();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let variables = sourced(&file);
    let names = ["ADMIN_PASSWORD", "ANALYST_PASSWORD", "AUDITOR_PASSWORD", "OPERATOR_TOKEN", "ORGANIZATION"];
    for name in names.into_iter().chain(["SCANNER_KEY", "URL", "VIEWER_PASSWORD"]) {
        let name = format!("SECURENET_{name}");
        assert!(variables.get(&name).is_some_and(|value| !value.is_empty()), "no {name} in {variables:?}");
    }
}

#[tokio::test]
async fn every_seeded_log_in_and_key_opens_what_it_is_for() {
    let server = Server::shared().await;
    let organization = server.credential("SECURENET_ORGANIZATION");
    assert_eq!(organization, "demo");
    let people = [("admin", "administrator"), ("analyst", "analyst"), ("auditor", "auditor"), ("viewer", "viewer")];
    for (user, role) in people {
        let password = server.credential(&format!("SECURENET_{}_PASSWORD", user.to_uppercase()));
        let client = sign_in(&server.client(), organization, user, password).await;
        let me = client.get("/v1/me").await.expect(200).json();
        assert_eq!((&me["role"], &me["login"]), (&role.into(), &user.into()), "{me}");
    }
    let scanner = server.client().with_bearer(server.credential("SECURENET_SCANNER_KEY"));
    assert_eq!(scanner.get("/v1/me").await.expect(200).json()["kind"], "scanner");
    assert_eq!(server.operator().get("/v1/me").await.expect(200).json()["kind"], "operator");
}

#[tokio::test]
async fn the_seeded_findings_are_of_every_kind() {
    let server = Server::shared().await;
    let password = server.credential("SECURENET_VIEWER_PASSWORD");
    let viewer = sign_in(&server.client(), "demo", "viewer", password).await;
    let findings = viewer.get("/v1/findings?limit=500").await.expect(200).json();
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in findings["items"].as_array().unwrap() {
        for facet in ["severity", "disposition", "status"] {
            seen.entry(facet).or_default().push(finding[facet].as_str().unwrap());
        }
    }
    for severity in ["critical", "high", "medium", "low", "info"] {
        assert!(seen["severity"].contains(&severity), "no {severity} finding");
    }
    for disposition in ["untriaged", "confirmed", "false-positive", "accepted"] {
        assert!(seen["disposition"].contains(&disposition), "no {disposition} finding");
    }
    assert!(seen["status"].contains(&"resolved"));
    assert!(!viewer.get("/v1/devices").await.expect(200).json()["items"].as_array().unwrap().is_empty());
    assert_eq!(viewer.get("/v1/organization").await.expect(200).json()["plan"], "enterprise");
}

#[tokio::test]
async fn the_documents_page_needs_no_network_and_no_log_in() {
    let server = Server::shared().await;
    let page = server.client().get("/docs/").await.expect(200).text();
    for outside in ["src=\"http", "href=\"http", "//cdn", "//unpkg"] {
        assert!(!page.contains(outside), "the page fetches from elsewhere: {outside}");
    }
    assert_eq!(server.client().get("/health/live").await.expect(200).status, 200);
    let ready = server.client().get("/health/ready").await.expect(200).json();
    assert_eq!(ready["ready"], true);
    assert!(!ready["dependencies"].as_object().unwrap().is_empty(), "{ready}");
}

#[tokio::test]
async fn an_organization_cannot_be_founded_twice_under_one_slug() {
    let server = Server::shared().await;
    let organization = Organization::found(server).await;
    let again = serde_json::json!({
        "slug": organization.slug, "name": "Again", "plan": "free", "administrator": { "user": "eve" }
    });
    assert_eq!(server.operator().post("/v1/organizations", again).await.expect(409).code(), "slug-taken");
}
