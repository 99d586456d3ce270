use super::*;
use crate::testing::{TestCluster, TestDatabase, database};

const TENANT: Uuid = Uuid::from_u128(0xA);
const PERSON: Uuid = Uuid::from_u128(0xB);

fn root(byte: u8) -> DataKey {
    DataKey::from_bytes(&[byte; 32]).unwrap()
}

async fn writer(database: &TestDatabase) -> Keyring {
    Keyring::new(database.pool("writer").await, root(1))
}

async fn reader(database: &TestDatabase) -> Keyring {
    Keyring::new(database.pool("reader").await, root(1))
}

fn place(tenant: Uuid) -> Place<'static> {
    Place { tenant, event_id: Uuid::from_u128(0xE), path: "/body/login" }
}

fn seal(key: &NamedKey) -> Field {
    sealed::seal(&key.key, key.id, place(TENANT), "ada").unwrap()
}

fn clear() -> Opened {
    Opened::Clear("ada".to_owned())
}

#[tokio::test]
async fn what_the_writer_sealed_the_reader_opens() {
    let database = database().await;
    let writer = writer(&database).await;
    let person = seal(&writer.subject_key(TENANT, PERSON).await.unwrap());
    let month = seal(&writer.tenant_key(TENANT, "2026-11").await.unwrap());

    let reader = reader(&database).await;
    assert_eq!(reader.open(&person, place(TENANT)).await.unwrap(), clear());
    assert_eq!(reader.open(&month, place(TENANT)).await.unwrap(), clear());
    let loaded = reader.load(TENANT, &[person.key_id(), month.key_id()]).await.unwrap();
    assert!(loaded.values().all(Option::is_some) && loaded.len() == 2);
}

#[tokio::test]
async fn two_processes_that_make_a_key_at_once_end_up_with_the_same() {
    let database = database().await;
    let processes = futures_util::future::join_all((0..8).map(|_| writer(&database))).await;
    let keys =
        futures_util::future::join_all(processes.iter().map(|process| process.subject_key(TENANT, PERSON))).await;
    let first = keys[0].as_ref().unwrap();
    assert!(keys.iter().all(|key| key.as_ref().unwrap().id == first.id && key.as_ref().unwrap().key == first.key));
}

#[tokio::test]
async fn a_destroyed_key_opens_nothing_and_seals_nothing() {
    let database = database().await;
    let writer = writer(&database).await;
    let key = writer.subject_key(TENANT, PERSON).await.unwrap();
    let field = seal(&key);
    sqlx::query("UPDATE store.subject_keys SET wrapped = NULL").execute(&database.admin_pool().await).await.unwrap();

    assert_eq!(reader(&database).await.open(&field, place(TENANT)).await.unwrap(), Opened::Erased);
    writer.forget(TENANT, PERSON, key.id).await;
    assert!(matches!(writer.subject_key(TENANT, PERSON).await, Err(KeyringError::Destroyed(id)) if id == key.id));
}

#[tokio::test]
async fn another_tenants_key_is_unknown() {
    let database = database().await;
    let field = seal(&writer(&database).await.subject_key(TENANT, PERSON).await.unwrap());
    let elsewhere = place(Uuid::from_u128(0xC));
    for keyring in [reader(&database).await, writer(&database).await] {
        assert!(matches!(keyring.open(&field, elsewhere).await, Err(KeyringError::Unknown(_))));
    }
}

#[tokio::test]
async fn a_reader_finds_keys_and_makes_none() {
    let database = database().await;
    let made = reader(&database).await.subject_key(TENANT, PERSON).await;
    assert!(matches!(made, Err(KeyringError::Unavailable(_))));
    let rows: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM store.tenant_keys) + (SELECT count(*) FROM store.subject_keys)",
    )
    .fetch_one(&database.admin_pool().await)
    .await
    .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn another_root_key_or_a_moved_row_does_not_unwrap() {
    let database = database().await;
    writer(&database).await.subject_key(TENANT, PERSON).await.unwrap();
    let stranger = Keyring::new(database.pool("writer").await, root(2));
    assert!(matches!(stranger.subject_key(TENANT, PERSON).await, Err(KeyringError::CannotUnwrap(_))));

    let moved = Uuid::from_u128(0xD);
    sqlx::query("UPDATE store.subject_keys SET subject_id = $1")
        .bind(moved)
        .execute(&database.admin_pool().await)
        .await
        .unwrap();
    assert!(matches!(writer(&database).await.subject_key(TENANT, moved).await, Err(KeyringError::CannotUnwrap(_))));
}

#[tokio::test]
async fn a_field_that_was_moved_is_tampered_with_and_not_erased() {
    let database = database().await;
    let writer = writer(&database).await;
    let field = seal(&writer.subject_key(TENANT, PERSON).await.unwrap());
    let moved = Place { path: "/body/email", ..place(TENANT) };
    assert!(matches!(writer.open(&field, moved).await, Err(KeyringError::Tampered)));
}

#[tokio::test]
async fn keys_that_cannot_be_asked_for_are_no_erasure() {
    let cluster = TestCluster::private().await;
    let database = cluster.database().await;
    let field = seal(&writer(&database).await.subject_key(TENANT, PERSON).await.unwrap());
    let reader = Keyring::new(
        crate::postgres::Settings { connections: 1, ..Default::default() }
            .reader(&Secret::new(database.url("reader")))
            .unwrap(),
        root(1),
    );
    cluster.server().unwrap().crash();
    assert!(matches!(reader.open(&field, place(TENANT)).await, Err(KeyringError::Unavailable(_))));
}

#[test]
fn a_root_key_is_thirty_two_bytes_in_base64() {
    let of = |text: &str| root_key(&Secret::new(text.to_owned()));
    assert!(of(&STANDARD.encode([7; 32])).is_ok());
    for text in ["", "x", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33])] {
        assert_eq!(of(text), Err(NotARootKey));
    }
}
