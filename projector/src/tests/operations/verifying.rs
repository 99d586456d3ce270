//! Verifications find what is wrong and nothing else, repairs mend that and touch nothing else.

use domain::vocabulary::{ProjectionName as Name, TenantId, partition_of};
use serde_json::json;

use super::Stage;
use crate::Config;
use crate::tests::running::Running;
use crate::tests::world::{Fact, id};

async fn verify(stage: &Stage, name: Name) {
    stage.decide(name, "verify-requested", json!({ "partitions": { "first": 0, "last": 63 } })).await;
}

#[tokio::test]
async fn every_projection_is_the_fold_of_the_log_while_the_log_goes_on() {
    let stage = Stage::new().await;
    for name in Name::ALL {
        verify(&stage, *name).await;
    }
    stage.world.some_history().await;
    stage.done().await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.operations WHERE state = 'failed'").await, 0);
    assert_eq!(stage.world.number("SELECT count(*) FROM read.generations WHERE state = 'scratch'").await, 0);
    assert_eq!(stage.world.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'read_g1000000'").await, 0);
    stage.stop().await;
}

#[tokio::test]
async fn a_wrong_a_missing_and_a_superfluous_row_are_found_and_just_those_are_mended() {
    let stage = Stage::new().await;
    stage.world.caught_up().await;
    let before = stage.world.rows("SELECT * FROM read.findings").await;
    let wrong = "UPDATE read_g1.findings SET severity = 1 WHERE finding_id = (SELECT finding_id FROM read_g1.findings WHERE tenant_id = '01900000-0000-7000-8000-000000000001' ORDER BY 1 LIMIT 1)";
    let missing = "DELETE FROM read_g1.findings WHERE finding_id = (SELECT finding_id FROM read_g1.findings WHERE tenant_id = '01900000-0000-7000-8000-000000000001' ORDER BY 1 DESC LIMIT 1)";
    let superfluous = "INSERT INTO read_g1.finding_cves (tenant_id, cve, finding_id) VALUES ('01900000-0000-7000-8000-000000000001', 'CVE-1999-0001', '01900000-0000-7000-8000-000000000009')";
    for damage in [wrong, missing, superfluous] {
        stage.world.execute(damage).await;
    }
    let untouched = stage.world.rows("SELECT xmin::text, finding_id FROM read_g1.findings WHERE severity > 1").await;
    verify(&stage, Name::Findings).await;
    let said = stage.failed().await;
    assert!(
        said.contains("findings has 3 rows instead of 4") && said.contains("finding_cves has 9 rows instead of 8"),
        "{said}"
    );
    assert!(!said.contains("CVE-1999"), "{said}");
    let partition = partition_of(TenantId::new(id(1)));
    stage.decide(Name::Findings, "repair-requested", json!({ "partition": partition })).await;
    let said = stage.done().await;
    assert!(said.contains("2 rows of findings") && said.contains("1 rows of finding_cves"), "{said}");
    assert_eq!(stage.world.rows("SELECT * FROM read.findings").await, before);
    for row in untouched {
        assert!(stage.world.rows("SELECT xmin::text, finding_id FROM read_g1.findings").await.contains(&row), "{row}");
    }
    assert_eq!(
        stage.world.number("SELECT repairs::bigint FROM read.generations WHERE projection = 'findings'").await,
        1
    );
    verify(&stage, Name::Findings).await;
    stage.done().await;
    stage.decide(Name::Findings, "repair-requested", json!({ "partition": partition })).await;
    assert!(stage.done().await.contains("needed no repair"));
    stage.stop().await;
}

#[tokio::test]
async fn a_parked_stream_is_no_divergence() {
    let stage = Stage::new().await;
    let tenant = id(1);
    stage.world.append_fact(Fact::registered(tenant, id(70), "router")).await;
    stage.world.append_fact(Fact::raised(tenant, id(71), Some(id(70)), "high")).await;
    stage.world.append_fact(Fact::broken(tenant, id(70), "device.status-reported")).await;
    stage.world.append_fact(Fact::json(tenant, id(71), "finding.confirmed", json!({}))).await;
    verify(&stage, Name::Summary).await;
    verify(&stage, Name::Devices).await;
    stage.done().await;
    assert_eq!(stage.world.number("SELECT count(*) FROM read.operations WHERE state = 'failed'").await, 0);
    stage.stop().await;
}

#[tokio::test]
async fn a_sample_is_verified_on_schedule_and_a_divergence_shows_in_the_metric() {
    let mut stage = Stage::new().await;
    stage.world.caught_up().await;
    stage.crash().await;
    stage.world.execute("TRUNCATE read_g1.audit_trail").await;
    stage.world.execute("UPDATE read.generations SET frozen = true WHERE projection <> 'audit_trail'").await;
    let config = Config { verify_interval: std::time::Duration::from_millis(50), ..Config::default() };
    let running = Running::with(&stage.world, config);
    while running.metrics.verify.diverged.with_label_values(&["audit_trail"]).get() == 0 {
        tokio::task::yield_now().await;
    }
    stage.world.until("SELECT bool_or(requested_by = 'schedule' AND state = 'failed') FROM read.operations").await;
    running.stop().await;
}
