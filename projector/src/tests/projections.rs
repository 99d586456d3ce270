//! Each projection: these events, those rows.

use event_schemas::{Actor, Meta};
use serde_json::{Value, json};

use super::world::{Fact, OBSERVED_MICROS, World, id};
use crate::projections::{
    api_keys::ApiKeys, audit_trail::AuditTrail, devices::Devices, finding_search::FindingSearch, findings::Findings,
    organizations::Organizations, scans::Scans, summary::Summary, users::Users,
};
use domain::vocabulary::{ApiKeyId, UserId};

const BATCH: usize = 100;

fn sealed() -> Value {
    json!({"$enc": 1, "k": id(99), "n": "AAAAAAAAAAAAAAAA", "c": "AAAAAAAAAAAAAAAAAAAAAAAAAAA"})
}

#[tokio::test]
async fn a_device_shows_its_latest_identifiers_and_status() {
    let world = World::new().await;
    let (tenant, device) = (id(1), id(2));
    world.append_fact(Fact::registered(tenant, device, "router").by(Actor::User(UserId::new(id(5))))).await;
    let changed = json!({"network": "lab", "addresses": ["10.1.1.1"], "host_name": "core.lab"});
    world.append_fact(Fact::json(tenant, device, "device.identifiers-changed", changed)).await;
    let up = json!({"status": "up", "seen_at": OBSERVED_MICROS});
    world.append_fact(Fact::json(tenant, device, "device.status-reported", up)).await;
    world.catch_up::<Devices>(BATCH).await;
    let row = world
        .rows("SELECT version, network, addresses, host_name, name, type, status, retired, registered_by, metadata_json FROM read.devices")
        .await;
    let expected = json!({"version": 3, "network": "lab", "addresses": ["10.1.1.1"], "host_name": "core.lab", "name": "core",
        "type": "router", "status": "up", "retired": false, "registered_by": format!("user:{}", id(5)), "metadata_json": "{\"rack\":\"4\"}"});
    assert_eq!(serde_json::from_str::<Value>(&row[0]).unwrap(), expected);
    world.append_fact(Fact::json(tenant, device, "device.retired", json!({}))).await;
    world.catch_up::<Devices>(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.devices WHERE retired AND version = 4").await, 1);
    assert_eq!(world.number("SELECT total FROM read.device_totals").await, 1);
}

#[tokio::test]
async fn a_finding_shows_its_three_parts_and_its_history_every_step() {
    let world = World::new().await;
    let (tenant, finding) = (id(1), id(3));
    world.append_fact(Fact::raised(tenant, finding, Some(id(2)), "high")).await;
    world.append_fact(Fact::json(tenant, finding, "finding.assigned", json!({"assignee": id(7)}))).await;
    world.catch_up::<Findings>(BATCH).await;
    let asked = json!({"by": id(7), "reason": "legacy", "until": OBSERVED_MICROS + 1});
    world.append_fact(Fact::json(tenant, finding, "finding.acceptance-requested", asked)).await;
    world.append_fact(Fact::json(tenant, finding, "finding.acceptance-approved", json!({"by": id(8)}))).await;
    world.catch_up::<Findings>(BATCH).await;
    let parts = "SELECT version, severity, detected, disposition, remediation, assignee, acceptance_reason, cves, port FROM read.findings";
    let row: Value = serde_json::from_str(&world.rows(parts).await[0]).unwrap();
    let expected = json!({"version": 4, "severity": 4, "detected": true, "disposition": "accepted", "remediation": null,
        "assignee": id(7), "acceptance_reason": "legacy", "cves": ["CVE-2024-0001", "CVE-2024-0002"], "port": 22});
    assert_eq!(row, expected);
    world.append_fact(Fact::json(tenant, finding, "finding.acceptance-lapsed", json!({}))).await;
    world.catch_up::<Findings>(BATCH).await;
    let lapsed = "SELECT count(*) FROM read.findings WHERE disposition = 'untriaged' AND remediation = 'open' AND acceptance_until IS NULL";
    assert_eq!(world.number(lapsed).await, 1);
    let history = world.rows("SELECT version, type, detail_json FROM read.finding_history WHERE version <= 2").await;
    assert!(history[1].contains("finding.raised") && !history[1].contains("evidence"), "{history:?}");
    assert!(history[0].contains(&id(7).to_string()));
    assert_eq!(world.number("SELECT count(*) FROM read.finding_history").await, 5);
    assert_eq!(world.number("SELECT count(*) FROM read.finding_cves").await, 2);
}

#[tokio::test]
async fn a_scan_remembers_the_key_that_sent_it() {
    let world = World::new().await;
    let counts = json!({"hosts_up": 3, "devices_registered": 2, "devices_updated": 1, "findings_raised": 9, "findings_known": 0, "refused": 0});
    let body = json!({"tool": "nmap", "lane": "nmap", "scope": {"devices": 3, "hosts": ["10.0.0.0/24", "a,b"]}, "sha256": "00",
        "bytes": 4096, "observed_at": OBSERVED_MICROS, "counts": counts});
    world.append_fact(Fact::json(id(1), id(4), "scan.recorded", body).by(Actor::ApiKey(ApiKeyId::new(id(6))))).await;
    world.catch_up::<Scans>(BATCH).await;
    let row: Value = serde_json::from_str(
        &world.rows("SELECT scope_hosts, findings_raised, sender, sent_by_key, bytes FROM read.scans").await[0],
    )
    .unwrap();
    let expected = json!({"scope_hosts": ["10.0.0.0/24", "a,b"], "findings_raised": 9, "bytes": 4096,
        "sender": format!("key:{}", id(6)), "sent_by_key": id(6)});
    assert_eq!(row, expected);
}

#[tokio::test]
async fn a_user_keeps_sealed_names_and_counts_log_ins() {
    let world = World::new().await;
    let (tenant, user) = (id(1), id(5));
    let invited = json!({"login": sealed(), "role": "analyst", "invitation": id(9), "expires_at": OBSERVED_MICROS});
    world.append_fact(Fact::json(tenant, user, "user.invited", invited)).await;
    world.append_fact(Fact::json(tenant, user, "user.accepted", json!({"credential": id(10)}))).await;
    for session in [id(11), id(12)] {
        let started = json!({"user": user, "expires_at": OBSERVED_MICROS});
        world.append_fact(Fact::json(tenant, session, "session.started", started)).await;
    }
    world.append_fact(Fact::json(tenant, user, "user.role-set", json!({"role": "auditor"}))).await;
    world.catch_up::<Users>(2).await;
    let row: Value = serde_json::from_str(
        &world.rows("SELECT version, role, status, login_sealed::jsonb ->> 'c' AS c, email_sealed, log_in_count FROM read.users").await[0],
    )
    .unwrap();
    let expected = json!({"version": 3, "role": "auditor", "status": "active", "c": sealed()["c"], "email_sealed": null, "log_in_count": 2});
    assert_eq!(row, expected);
    world.append_fact(Fact::json(tenant, user, "user.disabled", json!({}))).await;
    world.catch_up::<Users>(BATCH).await;
    assert_eq!(
        world.number("SELECT count(*) FROM read.users WHERE status = 'disabled' AND last_log_in_at IS NOT NULL").await,
        1
    );
}

#[tokio::test]
async fn keys_and_organizations_show_how_they_stand() {
    let world = World::new().await;
    let tenant = id(1);
    let founded = json!({"slug": "acme", "name": "Acme", "plan": "free", "device_limit": 100});
    world.append_fact(Fact::json(tenant, tenant, "organization.founded", founded)).await;
    world.append_fact(Fact::json(tenant, tenant, "organization.suspended", json!({"reason": "unpaid"}))).await;
    let issued = json!({"name": "nightly", "public_id": "abcdefghijkl", "purpose": "scanner"});
    world.append_fact(Fact::json(tenant, id(6), "api-key.issued", issued)).await;
    world.append_fact(Fact::json(tenant, id(6), "api-key.revoked", json!({}))).await;
    world.catch_up::<Organizations>(BATCH).await;
    world.catch_up::<ApiKeys>(BATCH).await;
    let reason = world.rows("SELECT slug, status, suspension_reason AS why FROM read.organizations").await;
    assert_eq!(reason, [r#"{"why": "unpaid", "slug": "acme", "status": "suspended"}"#]);
    let key = "SELECT count(*) FROM read.api_keys WHERE status = 'revoked' AND ended_at IS NOT NULL AND public_id = 'abcdefghijkl'";
    assert_eq!(world.number(key).await, 1);
    world.append_fact(Fact::json(tenant, tenant, "organization.resumed", json!({}))).await;
    world.catch_up::<Organizations>(BATCH).await;
    assert_eq!(
        world.number("SELECT count(*) FROM read.organizations WHERE status = 'active' AND version = 3").await,
        1
    );
}

#[tokio::test]
async fn the_summary_moves_its_numbers_with_every_change() {
    let world = World::new().await;
    let (tenant, device) = (id(1), id(2));
    world.append_fact(Fact::registered(tenant, device, "camera")).await;
    for (finding, severity) in [(id(20), "critical"), (id(21), "high"), (id(22), "low")] {
        world.append_fact(Fact::raised(tenant, finding, Some(device), severity)).await;
    }
    world.append_fact(Fact::raised(tenant, id(23), None, "high")).await;
    let resolved = json!({"at": OBSERVED_MICROS});
    world.append_fact(Fact::json(tenant, id(20), "finding.resolved", resolved)).await;
    world.catch_up::<Summary>(BATCH).await;
    world.append_fact(Fact::json(tenant, id(21), "finding.severity-changed", json!({"severity": "critical"}))).await;
    world.append_fact(Fact::json(tenant, id(22), "finding.marked-false-positive", json!({"reason": "lab"}))).await;
    world.catch_up::<Summary>(BATCH).await;
    let counts = world
        .rows("SELECT severity AS s, disposition AS d, open AS o, device_type AS t, n FROM read.finding_counts WHERE n <> 0")
        .await;
    let expected = [
        r#"{"d": "false-positive", "n": 1, "o": false, "s": 2, "t": "camera"}"#,
        r#"{"d": "untriaged", "n": 1, "o": false, "s": 5, "t": "camera"}"#,
        r#"{"d": "untriaged", "n": 1, "o": true, "s": 4, "t": ""}"#,
        r#"{"d": "untriaged", "n": 1, "o": true, "s": 5, "t": "camera"}"#,
    ];
    assert_eq!(counts, expected);
    let risk = world.rows("SELECT device_id, open_critical AS c, open_high AS h FROM read.device_risk").await;
    assert_eq!(risk, [format!(r#"{{"c": 1, "h": 0, "device_id": "{device}"}}"#)]);
    assert_eq!(world.rows("SELECT raised, closed FROM read.daily_counts").await, [r#"{"closed": 2, "raised": 4}"#]);
    assert_eq!(world.rows("SELECT device_type AS t, n FROM read.device_counts").await, [r#"{"n": 1, "t": "camera"}"#]);
}

#[tokio::test]
async fn the_audit_trail_tells_who_did_what_from_where_and_keeps_sealed_what_is_sealed() {
    let world = World::new().await;
    let tenant = id(1);
    let failed = json!({"account_hash": "00", "reason": "wrong-password"});
    let from_where = Meta { ip: Some(serde_json::from_value(sealed()).unwrap()), ..Meta::default() };
    let failed = Fact::json(tenant, id(30), "access.log-in-failed", failed).by(Actor::Anonymous);
    world.append_fact(Fact { meta: Some(from_where), ..failed }).await;
    let denied = json!({"operation": "POST /v1/findings", "role": "viewer"});
    world.append_fact(Fact::json(tenant, id(31), "access.denied", denied).by(Actor::User(UserId::new(id(5))))).await;
    let invited = json!({"login": sealed(), "role": "analyst", "invitation": id(9), "expires_at": OBSERVED_MICROS});
    world.append_fact(Fact::json(tenant, id(5), "user.invited", invited)).await;
    world.catch_up::<AuditTrail>(BATCH).await;
    let trail = world
        .rows("SELECT seq, actor, action, object_kind AS kind, detail_json::jsonb AS detail FROM read.audit_trail")
        .await;
    assert!(trail[0].contains("anonymous") && trail[0].contains("wrong-password"), "{trail:?}");
    assert!(trail[1].contains(&id(5).to_string()) && trail[1].contains("POST /v1/findings"), "{trail:?}");
    assert!(trail[2].contains("user.invited") && !trail[2].contains("$enc"), "{trail:?}");
    assert_eq!(
        world
            .number("SELECT count(*) FROM read.audit_trail WHERE ip_sealed LIKE '%$enc%' AND user_agent_sealed IS NULL")
            .await,
        1
    );
    assert_eq!(world.number("SELECT total FROM read.audit_trail_totals").await, 3);
}

#[tokio::test]
async fn a_finding_is_found_by_its_words_those_of_its_component_and_its_cves() {
    let world = World::new().await;
    let (tenant, other) = (id(1), id(2));
    for (tenant, finding) in [(tenant, id(11)), (other, id(12))] {
        world.append_fact(Fact::raised(tenant, finding, None, "high")).await;
        world.append_fact(Fact::json(tenant, finding, "finding.severity-changed", json!({"severity": "low"}))).await;
    }
    world.catch_up::<FindingSearch>(BATCH).await;
    assert_eq!(world.number("SELECT count(*) FROM read.finding_search").await, 2);
    let found = async |words: &str| {
        let mark = platform::words::tenant_mark(tenant);
        let asked = words.split(' ').map(|word| format!("'{mark}{word}'")).collect::<Vec<_>>().join(" <-> ");
        sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM read.finding_search WHERE tenant_id = $1 AND document @@ $2::tsquery",
        )
        .bind(tenant)
        .bind(asked)
        .fetch_one(&world.admin)
        .await
        .unwrap()
    };
    for words in ["open", "port 22", "cve-2024-0001", "cve-2024-0002", "cve-2024"] {
        assert_eq!(found(words).await, 1, "{words}");
    }
    for words in ["22 port", "cve-2024-0003", "open cve-2024-0001", "nmap"] {
        assert_eq!(found(words).await, 0, "{words}");
    }
}
