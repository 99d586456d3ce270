//! Whose rows each role sees and changes: every table, partition and view that the catalogue knows × every role × every
//! operation × every tenant setting, each really tried. What ought to come of it stands in one small table, so that a
//! table without policies, or one that nobody thought about, fails here.
#![expect(clippy::disallowed_methods, reason = "the names in a statement come from the catalogue of our own schema")]

mod cells;
mod relations;
mod rights;

use std::collections::BTreeSet;

use platform::testing::{ROLES, TestDatabase, database};
use sqlx::PgConnection;
use sqlx::postgres::PgPool;

use cells::{Cell, Operation, Session, Setting, TENANTS};
use relations::{Kind, Relation};

/// Functions that run as the owner, and who may call them. Nobody else may, and nothing else runs as the owner.
const DEFINERS: [(&str, &[&str]); 16] = [
    ("read.analyze_generation(text,integer)", &["projector"]),
    ("read.count_organizations(integer)", &["reader"]),
    ("read.count_parked(text,integer)", &["reader"]),
    ("read.create_generation(text,integer,smallint,text)", &["projector"]),
    ("read.drop_scratch(text,integer)", &["projector"]),
    ("read.find_operations(uuid,text,boolean,integer)", &["reader"]),
    ("read.index_generation(text,integer)", &["projector"]),
    ("read.lag_of_generations()", &["reader"]),
    ("read.list_organizations(text,integer)", &["reader"]),
    ("read.list_parked(text,integer,uuid,uuid,integer)", &["reader"]),
    ("read.retire_generation(text,integer)", &["projector"]),
    ("read.search_findings(uuid,text,integer)", &["reader"]),
    ("read.switch_generation(text,integer)", &["projector"]),
    ("read.tenant_versions(uuid[])", &["reader"]),
    ("store.find_api_key(text)", &["reader", "writer"]),
    ("store.rotate_command_keys(interval)", &["writer"]),
];
/// A call of each, in this order, and the SQLSTATE that its callers get: none, or that there is nothing to do yet.
const CALLS: [(&str, &str, Option<&str>); 16] = [
    ("read.count_organizations(integer)", "SELECT read.count_organizations(10)", None),
    ("read.list_organizations(text,integer)", "SELECT read.list_organizations(NULL, 10)", None),
    (
        "read.create_generation(text,integer,smallint,text)",
        "SELECT read.create_generation('devices', 2, 1::smallint, 'filling')",
        None,
    ),
    ("read.index_generation(text,integer)", "SELECT read.index_generation('devices', 2)", None),
    ("read.analyze_generation(text,integer)", "SELECT read.analyze_generation('devices', 2)", None),
    // There is none, which is as well.
    ("read.drop_scratch(text,integer)", "SELECT read.drop_scratch('devices', 2)", None),
    ("read.lag_of_generations()", "SELECT read.lag_of_generations()", None),
    ("read.count_parked(text,integer)", "SELECT read.count_parked('devices', 10)", None),
    (
        "read.list_parked(text,integer,uuid,uuid,integer)",
        "SELECT read.list_parked('devices', NULL, NULL, NULL, 10)",
        None,
    ),
    (
        "read.find_operations(uuid,text,boolean,integer)",
        "SELECT read.find_operations(NULL, 'devices', false, 10)",
        None,
    ),
    ("read.switch_generation(text,integer)", "SELECT read.switch_generation('devices', 2)", Some("55000")),
    ("read.retire_generation(text,integer)", "SELECT read.retire_generation('devices', 2)", None),
    ("read.tenant_versions(uuid[])", "SELECT read.tenant_versions(ARRAY[gen_random_uuid()])", None),
    // It looks at who is set, and nobody is.
    ("read.search_findings(uuid,text,integer)", "SELECT read.search_findings(NULL, '''word''', 10)", Some("42501")),
    ("store.find_api_key(text)", "SELECT store.find_api_key('nobodyhasit1')", None),
    ("store.rotate_command_keys(interval)", "SELECT store.rotate_command_keys('1 day')", None),
];
/// What query-api may see of a stream: enough to ask whether a session or a key holds, and never the state.
const STREAM_COLUMNS_OF_READER: [&str; 7] = ["due_at", "kind", "lane", "open", "parent_id", "stream_id", "tenant_id"];

#[tokio::test]
async fn every_cell_of_the_matrix_is_as_the_table_of_rights_says() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let relations = relations::seeded(&admin, &TENANTS).await;
    let mut wrong = vec![];
    let mut tried = 0;
    for role in ROLES {
        let mut session = Session::open(&database, role).await;
        for relation in &relations {
            for cell in cells(relation, role) {
                let expected = rights::expected(relation, &cell);
                let found = session.attempt(relation, &cell).await;
                tried += 1;
                if !expected.admits(&found) {
                    wrong.push(format!("{} {cell}: {found:?}, not {expected:?}", relation.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > relations.len() * ROLES.len() * 16, "each operation under each setting, for every role");
}

#[tokio::test]
async fn every_table_has_its_row_level_security_enabled_and_forced_and_every_view_asks_as_its_caller() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let relations = relations::of(&admin).await;
    let views = relations.iter().filter(|relation| relation.kind == Kind::View).count();
    assert!(views > 10 && relations.len() - views > 30, "the catalogue was read: {relations:?}");
    for relation in relations {
        assert!(relation.guarded, "{} lets the owner's rights through", relation.name);
        assert_eq!(relation.owner, "migrator", "{}", relation.name);
        assert!(rights::of(&relation).is_some(), "nobody said who may do what with {}", relation.name);
    }
}

#[tokio::test]
async fn nothing_lies_outside_of_the_two_schemas_and_no_table_grants_more_than_rows() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let elsewhere = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^(store|read(_g[0-9]+)?|information_schema|pg_.*)$' ORDER BY 1";
    assert_eq!(texts(&admin, elsewhere).await, ["_sqlx_migrations"], "only the record of what was migrated");
    let odd_kinds = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('m', 'f', 'S') AND n.nspname ~ '^(store|read(_g[0-9]+)?)$'";
    assert_eq!(texts(&admin, odd_kinds).await, [""; 0], "no policy reaches these");
    let odd_grants = "SELECT grantee || ' may ' || privilege_type || ' ' || table_schema || '.' || table_name
        FROM information_schema.role_table_grants
        WHERE (table_schema ~ '^(store|read(_g[0-9]+)?)$' OR table_name = '_sqlx_migrations') AND grantee <> 'migrator'
          AND (privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR grantee = 'PUBLIC'
               OR grantee NOT IN ('writer', 'relay', 'projector', 'reader') OR is_grantable = 'YES')
          AND NOT (table_name = '_sqlx_migrations' AND grantee = 'doctor' AND privilege_type = 'SELECT')";
    assert_eq!(texts(&admin, odd_grants).await, [""; 0]);
}

#[tokio::test]
async fn no_role_is_above_the_policies_or_a_member_of_another() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let mighty =
        "SELECT rolname::text FROM pg_roles WHERE rolname IN ('migrator', 'writer', 'relay', 'projector', 'reader', 'doctor')
        AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)";
    assert_eq!(texts(&admin, mighty).await, [""; 0]);
    let members =
        "SELECT m.rolname || ' is in ' || r.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
        JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname IN ('migrator', 'writer', 'relay', 'projector', 'reader')";
    assert_eq!(texts(&admin, members).await, [""; 0]);
    let statistics = "SELECT r.rolname::text FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid
        JOIN pg_roles m ON m.oid = a.member WHERE m.rolname = 'doctor'";
    assert_eq!(texts(&admin, statistics).await, ["pg_monitor"], "who looks at the server, and at no row of ours");
    let creators = "SELECT r.rolname || ' creates in ' || n.nspname FROM pg_roles r CROSS JOIN pg_namespace n
        WHERE r.rolname IN ('writer', 'relay', 'projector', 'reader') AND n.nspname ~ '^(store|read(_g[0-9]+)?|public)$'
          AND has_schema_privilege(r.oid, n.oid, 'CREATE')";
    assert_eq!(texts(&admin, creators).await, [""; 0]);
}

#[tokio::test]
async fn what_runs_as_the_owner_is_known_by_name_pins_its_search_path_and_has_its_callers() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let definers = "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
    assert_eq!(texts(&admin, definers).await, DEFINERS.map(|(name, _)| name));
    let unpinned = "SELECT p.oid::regprocedure::text FROM pg_proc p
        WHERE p.prosecdef AND p.pronamespace IN ('store'::regnamespace, 'read'::regnamespace)
          AND NOT coalesce('search_path=pg_catalog' = ANY (p.proconfig), false)";
    assert_eq!(texts(&admin, unpinned).await, [""; 0]);
    let public = "SELECT p.oid::regprocedure::text FROM pg_proc p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE p.prosecdef AND p.pronamespace IN ('store'::regnamespace, 'read'::regnamespace) AND a.grantee = 0";
    assert_eq!(texts(&admin, public).await, [""; 0]);
    for (name, callers) in DEFINERS {
        let may: BTreeSet<String> = callers_of(&admin, name).await;
        assert_eq!(may, callers.iter().map(ToString::to_string).collect(), "who may call {name}");
    }
}

#[tokio::test]
async fn a_function_of_the_owner_answers_its_callers_and_refuses_everybody_else() {
    let database = database().await;
    for role in ROLES.into_iter().filter(|role| *role != "migrator") {
        let mut connection = connect(&database, role).await;
        for (name, call, answered) in CALLS {
            let callers = DEFINERS.iter().find(|(definer, _)| *definer == name).map_or(&[][..], |(_, callers)| callers);
            let answer = sqlx::query(call).execute(&mut connection).await;
            let code = answer.err().and_then(|error| Some(error.as_database_error()?.code()?.into_owned()));
            let expected = if callers.contains(&role) { answered } else { Some("42501") };
            assert_eq!(code.as_deref(), expected, "{role} calls {name}");
        }
    }
}

#[tokio::test]
async fn query_api_sees_a_streams_place_and_never_its_state() {
    let database = database().await;
    let admin = database.admin_pool().await;
    let columns = "SELECT column_name::text FROM information_schema.column_privileges
        WHERE grantee = 'reader' AND table_schema = 'store' AND table_name = 'streams' ORDER BY 1";
    assert_eq!(texts(&admin, columns).await, STREAM_COLUMNS_OF_READER);
    let mut reader = connect(&database, "reader").await;
    for column in
        ["SELECT state FROM store.streams", "SELECT version FROM store.streams", "SELECT * FROM store.streams"]
    {
        assert!(sqlx::query(column).execute(&mut reader).await.is_err(), "{column}");
    }
}

fn cells(relation: &Relation, role: &'static str) -> Vec<Cell> {
    let mut cells = vec![];
    for operation in Operation::ALL {
        // An insert is tried with a row of each tenant; the others meet the rows of both at once.
        let rows_of = if operation == Operation::Insert && relation.has_tenant { &TENANTS[..] } else { &TENANTS[..1] };
        for setting in Setting::ALL {
            cells.extend(rows_of.iter().map(|tenant| Cell { role, operation, setting, tenant }));
        }
    }
    cells
}

async fn callers_of(admin: &PgPool, function: &str) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT rolname::text FROM pg_roles
         WHERE rolname IN ('writer', 'relay', 'projector', 'reader') AND has_function_privilege(oid, $1, 'EXECUTE')",
    )
    .bind(function)
    .fetch_all(admin)
    .await
    .unwrap();
    names.into_iter().collect()
}

async fn texts(admin: &PgPool, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(admin).await.unwrap()
}

async fn connect(database: &TestDatabase, role: &str) -> PgConnection {
    use sqlx::Connection;
    PgConnection::connect(&database.url(role)).await.unwrap()
}
