//! The appender against a real Postgres: every verdict by itself, in company, under contention and bad luck.

use std::time::Duration;

use domain::decider::{Reservation, StreamIndex};
use domain::vocabulary::{StreamId, StreamKind, TenantId, partition_of};
use event_schemas::Actor;
use platform::testing::{TestDatabase, database};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::{
    Append, AppendError, Appended, Appender, Claim, CommandKey, Condition, NewEvent, StreamWrite, TallyChange,
};
use crate::metrics::AppendMetrics;

struct Store {
    database: TestDatabase,
    appender: Appender,
}

async fn store() -> Store {
    let database = database().await;
    let metrics = AppendMetrics::register(&prometheus::Registry::new());
    let (appender, _) = Appender::start(&database.url("writer").parse().unwrap(), 2, metrics);
    Store { database, appender }
}

impl Store {
    async fn superuser(&self) -> PgConnection {
        PgConnection::connect_with(&self.database.admin()).await.unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.superuser().await).await.unwrap()
    }
}

fn tenant() -> TenantId {
    TenantId::new(Uuid::now_v7())
}

/// Another tenant whose partition another appender owns.
fn tenant_beside(other: TenantId) -> TenantId {
    loop {
        let candidate = tenant();
        if partition_of(candidate) % 2 != partition_of(other) % 2 {
            return candidate;
        }
    }
}

/// Another tenant that the same appender serves from another partition.
fn tenant_along(other: TenantId) -> TenantId {
    loop {
        let candidate = tenant();
        let (a, b) = (partition_of(candidate), partition_of(other));
        if a != b && a % 2 == b % 2 {
            return candidate;
        }
    }
}

fn write(stream: Uuid, expected: i64, events: usize) -> StreamWrite {
    StreamWrite {
        stream: StreamId::new(stream),
        kind: StreamKind::Device,
        expected,
        fold_version: 1,
        state: b"{}".to_vec(),
        index: StreamIndex { parent: None, lane: None, open: true, due_at: None },
        events: (0..events)
            .map(|_| NewEvent {
                id: Uuid::now_v7(),
                type_name: "device.retired",
                schema_version: 1,
                body: b"{}".to_vec(),
                meta: b"{}".to_vec(),
            })
            .collect(),
    }
}

fn command(tenant: TenantId, streams: Vec<StreamWrite>) -> Append {
    Append {
        tenant,
        actor: Actor::Operator,
        correlation: Uuid::now_v7(),
        causation: None,
        streams,
        conditions: vec![],
        take: vec![],
        release: vec![],
        tallies: vec![],
        key: None,
    }
}

fn new_stream(tenant: TenantId) -> Append {
    command(tenant, vec![write(Uuid::now_v7(), 0, 1)])
}

fn claim(key: &str, owner: Uuid) -> Claim {
    Claim { reservation: Reservation::tenant(key), owner: StreamId::new(owner) }
}

fn seq(appended: &Result<Appended, AppendError>) -> i64 {
    match appended {
        Ok(Appended::New { position, .. } | Appended::Known { position, .. }) => position.seq,
        Err(error) => panic!("refused: {error}"),
    }
}

#[tokio::test]
async fn events_of_a_partition_are_numbered_without_a_gap_whoever_appends_them() {
    let (store, tenant) = (store().await, tenant());
    let other = Appender::start(
        &store.database.url("writer").parse().unwrap(),
        2,
        AppendMetrics::register(&prometheus::Registry::new()),
    )
    .0;
    let appends = (0..200).map(|n| {
        let appender = if n % 2 == 0 { store.appender.clone() } else { other.clone() };
        let events = n % 3 + 1;
        tokio::spawn(async move { appender.append(command(tenant, vec![write(Uuid::now_v7(), 0, events)])).await })
    });
    for append in appends.collect::<Vec<_>>() {
        seq(&append.await.unwrap());
    }
    let gaps = store
        .count("SELECT count(*) FROM (SELECT seq - row_number() OVER (ORDER BY seq) AS gap, recorded_at < lag(recorded_at) OVER (ORDER BY seq) AS back FROM store.events) g WHERE gap <> 0 OR back")
        .await;
    assert_eq!(gaps, 0);
    assert_eq!(store.count("SELECT count(*) FROM store.events").await, (0..200).map(|n| n % 3 + 1).sum::<i64>());
}

#[tokio::test]
async fn a_header_and_its_columns_say_the_same() {
    let store = store().await;
    seq(&store.appender.append(new_stream(tenant())).await);
    let row = sqlx::query("SELECT * FROM store.events").fetch_one(&mut store.superuser().await).await.unwrap();
    let header = event_schemas::Header::parse(row.get("header")).unwrap();
    assert_eq!(header.id, row.get::<Uuid, _>("event_id"));
    assert_eq!(header.stream.uuid(), row.get::<Uuid, _>("stream_id"));
    assert_eq!(header.stream_version, row.get::<i64, _>("stream_version"));
    assert_eq!(
        header.recorded_at.micros(),
        row.get::<chrono::DateTime<chrono::Utc>, _>("recorded_at").timestamp_micros()
    );
    header.check_body(row.get("body")).unwrap();
}

#[tokio::test]
async fn of_two_writers_at_one_version_one_is_told_the_other_came_first() {
    let (store, tenant, stream) = (store().await, tenant(), Uuid::now_v7());
    let both = tokio::join!(
        store.appender.append(command(tenant, vec![write(stream, 0, 1)])),
        store.appender.append(command(tenant, vec![write(stream, 0, 1)])),
    );
    assert_eq!(seq(&both.0), 1);
    assert_eq!(both.1, Err(AppendError::Conflict { stream: StreamId::new(stream), actual: 1 }));
}

#[tokio::test]
async fn another_tenants_stream_counts_as_not_there() {
    let (store, owner, stranger, stream) = (store().await, tenant(), tenant(), Uuid::now_v7());
    seq(&store.appender.append(command(owner, vec![write(stream, 0, 1)])).await);
    let refused = store.appender.append(command(stranger, vec![write(stream, 1, 1)])).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_condition_holds_only_while_its_stream_stands_still() {
    let (store, tenant, device) = (store().await, tenant(), Uuid::now_v7());
    seq(&store.appender.append(command(tenant, vec![write(device, 0, 1)])).await);
    let on_device_at = |version| Append {
        conditions: vec![Condition { stream: StreamId::new(device), version }],
        ..new_stream(tenant)
    };
    let (shared, shared_too) =
        tokio::join!(store.appender.append(on_device_at(1)), store.appender.append(on_device_at(1)));
    seq(&shared);
    seq(&shared_too);
    // Sent together, the write goes first, and the condition is judged after it.
    let (moved, stale) = tokio::join!(
        store.appender.append(command(tenant, vec![write(device, 1, 1)])),
        store.appender.append(on_device_at(1))
    );
    seq(&moved);
    assert_eq!(stale, Err(AppendError::Conflict { stream: StreamId::new(device), actual: 2 }));
}

#[tokio::test]
async fn an_address_has_one_owner_until_it_is_released() {
    let (store, tenant) = (store().await, tenant());
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let take = |owner| Append {
        take: vec![claim("address:default:10.0.0.1", owner)],
        ..command(tenant, vec![write(owner, 0, 1)])
    };
    let (won, lost) = tokio::join!(store.appender.append(take(first)), store.appender.append(take(second)));
    seq(&won);
    let reserved = AppendError::Reserved { key: "address:default:10.0.0.1".into(), owner: StreamId::new(first) };
    assert_eq!(lost, Err(reserved));
    let release =
        Append { release: vec![claim("address:default:10.0.0.1", first)], ..command(tenant, vec![write(first, 1, 1)]) };
    seq(&store.appender.append(release).await);
    seq(&store.appender.append(take(second)).await);
}

#[tokio::test]
async fn two_hundred_racing_for_a_ceiling_of_fifty_get_exactly_fifty() {
    let (store, tenant) = (store().await, tenant());
    let ceiling =
        Append { tallies: vec![TallyChange { name: "devices", delta: 0, ceiling: Some(50) }], ..new_stream(tenant) };
    seq(&store.appender.append(ceiling).await);
    let racing: Vec<_> = (0..200)
        .map(|_| {
            let appender = store.appender.clone();
            let one_more = TallyChange { name: "devices", delta: 1, ceiling: None };
            tokio::spawn(async move { appender.append(Append { tallies: vec![one_more], ..new_stream(tenant) }).await })
        })
        .collect();
    let mut accepted = 0;
    for race in racing {
        match race.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(error) => assert_eq!(error, AppendError::CeilingReached { tally: "devices".into() }),
        }
    }
    assert_eq!(accepted, 50);
    assert_eq!(store.count("SELECT value FROM store.tallies").await, 50);
}

#[tokio::test]
async fn fifty_with_one_command_key_have_one_effect_and_one_answer() {
    let (store, tenant) = (store().await, tenant());
    let keyed = |fingerprint: u8| Append {
        key: Some(CommandKey { key: [7; 32], fingerprint: [fingerprint; 32], answer: b"first".to_vec() }),
        ..new_stream(tenant)
    };
    let racing: Vec<_> = (0..50)
        .map(|_| {
            let (appender, append) = (store.appender.clone(), keyed(1));
            tokio::spawn(async move { appender.append(append).await })
        })
        .collect();
    let mut fresh = 0;
    for race in racing {
        match race.await.unwrap().unwrap() {
            Appended::New { .. } => fresh += 1,
            Appended::Known { answer, position } => {
                assert_eq!((answer.as_slice(), position.seq), (b"first".as_slice(), 1));
            }
        }
    }
    assert_eq!((fresh, store.count("SELECT count(*) FROM store.events").await), (1, 1));
    assert_eq!(store.appender.append(keyed(2)).await, Err(AppendError::KeyReused));
}

#[tokio::test]
async fn a_command_that_changes_nothing_keeps_its_answer_at_the_head() {
    let (store, tenant) = (store().await, tenant());
    seq(&store.appender.append(new_stream(tenant)).await);
    let nothing = |fingerprint: u8| Append {
        key: Some(CommandKey { key: [9; 32], fingerprint: [fingerprint; 32], answer: b"unchanged".to_vec() }),
        ..command(tenant, vec![])
    };
    assert_eq!(seq(&store.appender.append(nothing(1)).await), 1);
    let again = store.appender.append(nothing(1)).await.unwrap();
    assert!(matches!(again, Appended::Known { answer, .. } if answer == b"unchanged"));
    assert_eq!(store.appender.append(nothing(2)).await, Err(AppendError::KeyReused));
    assert_eq!(seq(&store.appender.append(new_stream(tenant)).await), 2);
}

#[tokio::test]
async fn data_that_no_column_takes_refuses_its_own_command_and_the_rest_commits() {
    let (store, tenant) = (store().await, tenant());
    let mut broken = new_stream(tenant);
    broken.take = vec![claim("a NUL \0 in text", broken.streams[0].stream.uuid())];
    let mut racing = Vec::new();
    for n in 0..40 {
        let (appender, append) = (store.appender.clone(), if n == 17 { broken.clone() } else { new_stream(tenant) });
        racing.push(tokio::spawn(async move { appender.append(append).await }));
    }
    let mut rejected = 0;
    for race in racing {
        match race.await.unwrap() {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, AppendError::Rejected { sqlstate: "22021".into() });
                rejected += 1;
            }
        }
    }
    assert_eq!(rejected, 1);
    assert_eq!(store.count("SELECT count(*) FROM store.events").await, 39);
}

/// Design section 10, E.
#[tokio::test]
async fn a_stalled_writer_holds_up_its_own_partition_only() {
    let (store, stalled) = (store().await, tenant());
    let (along, beside) = (tenant_along(stalled), tenant_beside(stalled));
    let mut holder = store.superuser().await;
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM store.partition_head WHERE partition = $1 FOR UPDATE")
        .bind(i16::from(partition_of(stalled)))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let appender = store.appender.clone();
        async move { appender.append(new_stream(stalled)).await }
    });
    for other in [along, beside, along, along] {
        let answered = tokio::time::timeout(Duration::from_secs(4), store.appender.append(new_stream(other))).await;
        seq(&answered.expect("another partition waits no longer than the stalled writer's time-out"));
    }
    assert!(!waiting.is_finished());
    transaction.rollback().await.unwrap();
    assert_eq!(seq(&waiting.await.unwrap()), 1);
}

#[tokio::test]
async fn a_stalled_deployment_partition_holds_up_only_those_who_claim_a_key_of_it() {
    let store = store().await;
    let founder = tenant_beside(TenantId::DEPLOYMENT);
    let along = tenant_along(founder);
    let mut holder = store.superuser().await;
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM store.partition_head WHERE partition = $1 FOR UPDATE")
        .bind(i16::from(partition_of(TenantId::DEPLOYMENT)))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let mut founding = new_stream(founder);
    let owner = founding.streams[0].stream;
    founding.take = vec![Claim { reservation: Reservation::deployment("slug:acme"), owner }];
    let waiting = tokio::spawn({
        let appender = store.appender.clone();
        async move { appender.append(founding).await }
    });
    let others = async {
        for _ in 0..20 {
            seq(&store.appender.append(new_stream(along)).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(3), others).await.expect("one time-out at most, and not one a try");
    assert!(!waiting.is_finished());
    transaction.rollback().await.unwrap();
    assert_eq!(seq(&waiting.await.unwrap()), 1);
}

#[tokio::test]
async fn a_connection_killed_during_the_call_never_makes_a_committed_command_look_refused() {
    let (store, tenant) = (store().await, tenant());
    seq(&store.appender.append(new_stream(tenant)).await);
    let killer = tokio::spawn({
        let superuser = store.database.admin();
        async move {
            let mut connection = PgConnection::connect_with(&superuser).await.unwrap();
            let mut killed = 0;
            while killed < 12 {
                killed += sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writer' AND datname = current_database() AND query LIKE '%store.append(%' AND state = 'active'")
                    .fetch_all(&mut connection)
                    .await
                    .unwrap()
                    .len();
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut acknowledged, mut unknown) = (1, 0);
    while !killer.is_finished() {
        let racing: Vec<_> = (0..32)
            .map(|_| {
                let appender = store.appender.clone();
                tokio::spawn(async move { appender.append(new_stream(tenant)).await })
            })
            .collect();
        for race in racing {
            match race.await.unwrap() {
                Ok(_) => acknowledged += 1,
                Err(error) => {
                    assert_eq!(error, AppendError::OutcomeUnknown);
                    unknown += 1;
                }
            }
        }
    }
    killer.await.unwrap();
    assert_eq!(unknown, 0, "Postgres was there all the time, so every outcome could be found out");
    assert_eq!(store.count("SELECT count(*) FROM store.events").await, acknowledged);
}

#[tokio::test]
async fn without_a_postgres_a_command_is_told_that_nothing_was_written() {
    let metrics = AppendMetrics::register(&prometheus::Registry::new());
    let nobody_listens = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = format!("postgres://writer@127.0.0.1:{nobody_listens}/none").parse().unwrap();
    let (appender, _) = Appender::start(&options, 1, metrics);
    assert_eq!(appender.append(new_stream(tenant())).await, Err(AppendError::Unavailable));
}

#[tokio::test]
async fn the_log_refuses_to_be_changed_even_by_its_owner() {
    let store = store().await;
    seq(&store.appender.append(new_stream(tenant())).await);
    let role = |role| store.database.url(role).parse().unwrap();
    for (role, options) in
        [("superuser", store.database.admin()), ("migrator", role("migrator")), ("writer", role("writer"))]
    {
        for sql in ["UPDATE store.events SET body = NULL", "DELETE FROM store.events", "TRUNCATE store.events"] {
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            let refused = sqlx::query(sql).execute(&mut connection).await.unwrap_err();
            let sqlstate = refused.as_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(sqlstate, "42501", "{role}: {sql}");
        }
    }
}
