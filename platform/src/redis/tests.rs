//! Against real servers: there, away, silent, failing over, sharded, and behind TLS with a password.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ::redis::cmd;
use prometheus::Registry;

use super::breaker::TIMEOUTS_MAX;
use super::{Away, Metrics, RESPONSE_MAX_MS, Redis, Script};
use crate::private_redis::{PrivateRedis, start_cluster, start_sentinels};
use crate::testing::{TestRedis, redis, redis_directory};

/// What a busy machine adds to a limit.
const GRACE: Duration = Duration::from_millis(250);

async fn set(redis: &Redis, key: &str, value: &str) -> Result<(), Away> {
    redis.ask(cmd("SET").arg(format!("{}{key}", redis.prefix())).arg(value)).await
}

async fn get(redis: &Redis, key: &str) -> Result<Option<String>, Away> {
    redis.ask(cmd("GET").arg(format!("{}{key}", redis.prefix()))).await
}

/// Whether these tests take minutes and more processes than usual (`./dev test --slow`).
fn slow() -> bool {
    std::env::var_os("SECURENET_TEST_SLOW").is_some_and(|set| set == "1")
}

#[tokio::test]
async fn what_was_set_is_read_and_a_script_is_learnt_anew_when_it_was_forgotten() {
    let redis = redis().await.client().await;
    set(&redis, "a", "1").await.unwrap();
    assert_eq!(get(&redis, "a").await.unwrap().as_deref(), Some("1"));
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    let key = format!("{}a", redis.prefix());
    assert_eq!(redis.run::<i64>(&script, &[&key], &["2"]).await.unwrap(), 3);
    let _: () = redis.ask(cmd("SCRIPT").arg("FLUSH")).await.unwrap();
    assert_eq!(redis.run::<i64>(&script, &[&key], &["2"]).await.unwrap(), 5);
    assert!(matches!(redis.ask::<i64>(cmd("LPUSH").arg(&key).arg("x")).await, Err(Away::Refused(_))));
    assert!(redis.is_connected(), "a refusal costs no connection");
}

#[tokio::test]
async fn a_redis_that_was_never_there_is_told_at_once_and_used_when_it_comes() {
    let mut server = PrivateRedis::start(&redis_directory()).unwrap();
    server.kill_9();
    let redis = TestRedis::at(server.url()).start();
    let began = Instant::now();
    assert!(matches!(get(&redis, "a").await, Err(Away::NotConnected)));
    assert!(began.elapsed() < GRACE);
    server.start_again().unwrap();
    redis.connected().await;
    set(&redis, "a", "1").await.unwrap();
}

#[tokio::test]
async fn a_killed_redis_fails_at_once_and_is_used_again_when_it_is_back() {
    let mut server = PrivateRedis::start(&redis_directory()).unwrap();
    let redis = TestRedis::at(server.url()).client().await;
    set(&redis, "a", "1").await.unwrap();
    server.kill_9();
    let began = Instant::now();
    while get(&redis, "a").await.is_ok() {}
    assert!(began.elapsed() < Duration::from_millis(RESPONSE_MAX_MS) + GRACE);
    server.start_again().unwrap();
    let mut links = redis.links.clone();
    links.wait_for(|link| link.as_ref().is_some_and(|link| link.number > 1)).await.unwrap();
    assert_eq!(get(&redis, "a").await.unwrap(), None, "it kept nothing");
}

#[tokio::test]
async fn a_silent_redis_costs_a_few_time_outs_and_then_nothing() {
    let server = PrivateRedis::start(&redis_directory()).unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let redis = Redis::start(TestRedis::at(server.url()).settings(), metrics.clone());
    redis.connected().await;
    server.pause();
    for _ in 0..TIMEOUTS_MAX {
        let began = Instant::now();
        assert!(matches!(get(&redis, "a").await, Err(Away::TimedOut)));
        assert!(began.elapsed() < Duration::from_millis(RESPONSE_MAX_MS) + GRACE);
    }
    redis.links.clone().wait_for(Option::is_none).await.unwrap();
    let began = Instant::now();
    for _ in 0..1_000 {
        assert!(matches!(get(&redis, "a").await, Err(Away::NotConnected)));
    }
    assert!(began.elapsed() < GRACE, "nothing waits while the breaker is open");
    assert_eq!(metrics.open.get(), 1);
    server.proceed();
    redis.connected().await;
    set(&redis, "a", "1").await.unwrap();
    assert!(metrics.degraded_seconds.get() > 4.0, "it was left alone for a while");
}

#[tokio::test]
async fn a_password_and_a_certificate_of_ones_own_authority_are_enough_to_log_in() {
    let directory = redis_directory();
    std::fs::create_dir_all(&directory).unwrap();
    make_certificate(&directory);
    let plain = PrivateRedis::start_with(
        &directory,
        &[
            "--requirepass",
            "sesame",
            "--tls-port",
            "0",
            "--tls-cert-file",
            "server.crt",
            "--tls-key-file",
            "server.key",
            "--tls-ca-cert-file",
            "ca.crt",
            "--tls-auth-clients",
            "no",
        ],
    )
    .unwrap();
    let tls_port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let admin = Metrics::register(&Registry::new()).unwrap();
    let login = [("SECURENET_REDIS_PASSWORD", "sesame")];
    let redis = Redis::start(TestRedis::at(plain.url()).settings_with(&login), admin);
    redis.connected().await;
    let _: () = redis.ask(cmd("CONFIG").arg("SET").arg("tls-port").arg(tls_port)).await.unwrap();
    let ca = directory.join("ca.crt");
    let login = [("SECURENET_REDIS_PASSWORD", "sesame"), ("SECURENET_REDIS_CA_FILE", ca.to_str().unwrap())];
    let place = TestRedis::at(format!("rediss://127.0.0.1:{tls_port}"));
    let redis = Redis::start(place.settings_with(&login), Metrics::register(&Registry::new()).unwrap());
    redis.connected().await;
    set(&redis, "a", "1").await.unwrap();
    let stranger = Redis::start(place.settings(), Metrics::register(&Registry::new()).unwrap());
    assert!(tokio::time::timeout(GRACE, stranger.connected()).await.is_err(), "the system knows no such authority");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_by_sentinels_is_followed() {
    if !slow() {
        return;
    }
    let directory = redis_directory();
    let mut master = PrivateRedis::start(&directory.join("first")).unwrap();
    let replicates = format!("127.0.0.1 {}", master.port());
    let replica = PrivateRedis::start_with(&directory.join("second"), &["--replicaof", &replicates]).unwrap();
    let sentinels = start_sentinels(&directory, &master, 3).unwrap();
    let urls: Vec<String> = sentinels.iter().map(PrivateRedis::url).collect();
    let place = TestRedis::at(urls.join(","));
    let settings = place.settings_with(&[("SECURENET_REDIS_MODE", "sentinel")]);
    let redis = Redis::start(settings, Metrics::register(&Registry::new()).unwrap());
    redis.connected().await;
    set(&redis, "a", "1").await.unwrap();
    wait_until(&redis, |text| text.contains("state=online"), "replication").await;
    wait_for_sentinels(&sentinels).await;
    master.kill_9();
    let began = Instant::now();
    while set(&redis, "a", "2").await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "no new master");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("failed over in {:?}", began.elapsed());
    let direct = TestRedis { url: replica.url(), prefix: place.prefix.clone() }.client().await;
    assert_eq!(get(&direct, "a").await.unwrap().as_deref(), Some("2"), "the replica leads now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_takes_keys_and_scripts_wherever_they_belong_and_lives_without_one_master() {
    if !slow() {
        return;
    }
    let directory = redis_directory();
    let mut nodes = start_cluster(&directory, 3).unwrap();
    let urls: Vec<String> = nodes.iter().map(PrivateRedis::url).collect();
    let settings = TestRedis::at(urls.join(",")).settings_with(&[("SECURENET_REDIS_MODE", "cluster")]);
    let redis = Redis::start(settings, Metrics::register(&Registry::new()).unwrap());
    redis.connected().await;
    let script = Script::new("redis.call('SET', KEYS[1], ARGV[1]); return redis.call('INCR', KEYS[2])");
    for tenant in 0..50 {
        let key = |name: &str| format!("{}{name}:{{{tenant}}}", redis.prefix());
        assert_eq!(redis.run::<i64>(&script, &[key("a"), key("b")], &["x"]).await.unwrap(), 1);
    }
    nodes[1].kill_9();
    let mut slowest = Duration::ZERO;
    for tenant in 0..50 {
        let began = Instant::now();
        let _ = get(&redis, &format!("a:{{{tenant}}}")).await;
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_millis(RESPONSE_MAX_MS) + GRACE, "{slowest:?}");
    nodes[1].start_again().unwrap();
    let began = Instant::now();
    loop {
        let mut all = true;
        for tenant in 0..50 {
            all &= set(&redis, &format!("c:{{{tenant}}}"), "x").await.is_ok();
        }
        if all {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the cluster does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn wait_until(redis: &Redis, holds: impl Fn(&str) -> bool, section: &str) {
    let began = Instant::now();
    while !holds(&redis.ask::<String>(cmd("INFO").arg(section)).await.unwrap()) {
        assert!(began.elapsed() < Duration::from_secs(20), "{section}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A failover needs Sentinels that know of each other and of the replica.
async fn wait_for_sentinels(sentinels: &[PrivateRedis]) {
    for sentinel in sentinels {
        let redis = TestRedis::at(sentinel.url()).client().await;
        wait_until(&redis, |text| text.contains("slaves=1,sentinels=3"), "sentinel").await;
    }
}

fn make_certificate(directory: &Path) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.crt &&
        openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr &&
        printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > ext &&
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt";
    let made = Command::new("sh").args(["-c", script]).current_dir(directory).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
