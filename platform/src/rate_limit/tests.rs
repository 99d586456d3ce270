//! The limits against a real Redis, without one, and in front of an app.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ::redis::cmd;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, web};
use prometheus::Registry;
use proptest::prelude::*;
use uuid::Uuid;

use super::cell::judge;
use super::{Class, Limit, Metrics, RateLimits, Settings, network, shared};
use crate::auth::{Principal, Role};
use crate::private_redis::PrivateRedis;
use crate::redis::Redis;
use crate::request_id::{self, TrustedProxies};
use crate::testing::{TestRedis, redis, redis_directory};

fn settings(address: Limit, log_in: Limit) -> Settings {
    Settings { address: Some(address), log_in: Some(log_in), ..Settings::off() }
}

fn limits(settings: Settings, redis: Option<Redis>) -> RateLimits {
    RateLimits::new(settings, redis, Metrics::register(&Registry::new()).unwrap())
}

fn ip(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn user(tenant: Uuid) -> Principal {
    Principal::User { tenant, user: Uuid::now_v7(), session: Uuid::now_v7(), role: Role::Viewer }
}

#[tokio::test]
async fn two_processes_count_one_address_together() {
    let place = redis().await;
    let slow = settings(Limit::new(1, 10), Limit::new(1, 10));
    let (one, other) = (limits(slow, Some(place.client().await)), limits(slow, Some(place.client().await)));
    for left in (0..10).rev() {
        let process = if left % 2 == 0 { &one } else { &other };
        let verdict = process.stranger(ip(1), false).await;
        assert!(verdict.allowed);
        assert!(verdict.counts[0].2.remaining.abs_diff(left) <= 1, "a second may have passed");
    }
    let verdict = other.stranger(ip(1), false).await;
    assert!(!verdict.allowed && verdict.counts[0].2.retry <= Duration::from_secs(1));
    assert!(one.stranger(ip(2), false).await.allowed, "another address is another matter");
    assert_eq!(one.metrics.fallbacks.get() + other.metrics.fallbacks.get(), 0);
}

#[tokio::test]
async fn an_organization_is_limited_over_all_its_users_and_an_operator_never_is() {
    let place = redis().await;
    let both = Settings { user: Some(Limit::new(1, 3)), organization: Some(Limit::new(1, 5)), ..Settings::off() };
    for redis in [Some(place.client().await), None] {
        let limits = limits(both, redis);
        let tenant = Uuid::now_v7();
        let (ana, ben) = (user(tenant), user(tenant));
        for who in [ana, ana, ana, ben, ben] {
            assert!(limits.caller(&who).await.unwrap().allowed);
        }
        let refused = limits.caller(&ben).await.unwrap();
        assert!(!refused.allowed);
        let (own, organization) = (&refused.counts[0], &refused.counts[1]);
        assert_eq!((own.0, own.2.remaining, own.2.retry), (Class::User, 1, Duration::ZERO));
        assert_eq!((organization.0, organization.2.remaining), (Class::Organization, 0));
        assert!(limits.caller(&Principal::Operator).await.is_none());
        assert!(limits.caller(&user(Uuid::now_v7())).await.unwrap().allowed);
    }
}

#[tokio::test]
async fn with_redis_away_or_silent_each_process_counts_for_itself_and_nobody_waits_long() {
    let mut server = PrivateRedis::start(&redis_directory()).unwrap();
    let limits = limits(settings(Limit::new(1, 5), Limit::new(1, 5)), Some(TestRedis::at(server.url()).client().await));
    assert!(limits.stranger(ip(1), false).await.allowed);
    server.kill_9();
    let began = Instant::now();
    let mut allowed = 0;
    while limits.stranger(ip(1), false).await.allowed {
        allowed += 1;
    }
    assert!((5..=7).contains(&allowed), "{allowed} of a burst of five");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(limits.metrics.fallbacks.get() >= 5);
    let redis = limits.shared.as_ref().unwrap().redis();
    while redis.is_connected() {
        tokio::task::yield_now().await; // the keeper shares this thread
    }
    server.start_again().unwrap();
    redis.connected().await;
    let fallbacks = limits.metrics.fallbacks.get();
    assert!(limits.stranger(ip(1), false).await.allowed, "Redis knows of nothing any more");
    assert_eq!(limits.metrics.fallbacks.get(), fallbacks);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Redis's clock cannot be set, so the script reads the moments of the test in its place.
    #[test]
    fn the_script_judges_as_the_rule_does(
        rate in 1_u64..5_000, burst in 1_u64..50,
        steps in prop::collection::vec(0_u64..300_000, 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let redis = shared_client().await;
            let limit = Limit::new(rate, burst);
            let key = format!("{}judge", redis.prefix());
            let script = shared::JUDGE.replace(
                "local now = clock[1] * 1000000 + clock[2]", "local now = tonumber(ARGV[3])");
            let (mut state, mut now) = (None, 1_700_000_000_000_000_u64);
            for step in steps {
                now += step;
                let answer: Vec<u64> = redis.ask(cmd("EVAL").arg(&script).arg(1).arg(&key).arg(limit.cost_micros())
                    .arg(limit.depth_micros()).arg(now)).await.unwrap();
                // A key may expire in the meantime of the real clock only once its debts are paid by the test's.
                let (next, count) = judge(limit, state, now);
                prop_assert_eq!((u128::from(answer[0]), u128::from(answer[1])), (count.full.as_micros(), count.retry.as_micros()));
                state = Some(next);
                let _: () = redis.ask(cmd("PERSIST").arg(&key)).await.unwrap();
            }
            Ok(())
        })?;
    }
}

async fn shared_client() -> Redis {
    // A server for all cases; a client for each, since a connection belongs to its runtime.
    static URL: std::sync::OnceLock<(PrivateRedis, String)> = std::sync::OnceLock::new();
    let (_, url) = URL.get_or_init(|| {
        let server = PrivateRedis::start(&redis_directory()).unwrap();
        let url = server.url();
        (server, url)
    });
    TestRedis::at(url.clone()).client().await
}

#[test]
fn an_ipv6_address_counts_with_its_network_and_a_mapped_one_as_what_it_is() {
    let of = |text: &str| network(text.parse().unwrap()).to_string();
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(of("2001:db8:1:3::1"), "2001:db8:1:3::");
    assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
}

/// Sends one request from a peer with some headers and gives status and headers back.
async fn send(
    limits: &RateLimits,
    peer: IpAddr,
    method: &str,
    path: &str,
    forwarded: &str,
) -> (u16, Vec<(String, String)>) {
    let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let app = init_service(
        App::new()
            .app_data(web::Data::new(limits.clone()))
            .app_data(web::Data::new(proxies))
            .default_service(web::to(|| async { HttpResponse::NoContent().finish() }))
            .wrap(from_fn(super::middleware))
            .wrap(from_fn(request_id::middleware)),
    )
    .await;
    let request = TestRequest::default().method(method.parse().unwrap()).uri(path);
    let request = request.peer_addr(SocketAddr::from((peer, 4711))).insert_header(("x-forwarded-for", forwarded));
    let answer = call_service(&app, request.to_request()).await;
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status().as_u16(), headers.collect())
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[actix_web::test]
async fn an_answer_says_what_is_left_and_a_refusal_when_to_come_back() {
    let limits = limits(settings(Limit::new(1, 2), Limit::new(1, 60)), None);
    let (status, headers) = send(&limits, ip(1), "GET", "/v1/x", "").await;
    assert_eq!(status, 204);
    assert_eq!(header(&headers, "ratelimit-policy"), Some("\"address\";q=2;w=2"));
    assert_eq!(header(&headers, "ratelimit"), Some("\"address\";r=1;t=1"));
    let (_, headers) = send(&limits, ip(1), "POST", "/v1/sessions", "").await;
    assert_eq!(header(&headers, "ratelimit-policy"), Some("\"address\";q=2;w=2, \"log-in\";q=60;w=60"));
    assert_eq!(header(&headers, "ratelimit"), Some("\"address\";r=0;t=2, \"log-in\";r=59;t=1"));
    let (status, headers) = send(&limits, ip(1), "GET", "/v1/x", "").await;
    assert_eq!(status, 429);
    assert_eq!(header(&headers, "content-type"), Some("application/problem+json"));
    assert_eq!(header(&headers, "retry-after"), Some("1"));
    assert_eq!(header(&headers, "ratelimit"), Some("\"address\";r=0;t=2"));
    assert!(header(&headers, "x-request-id").is_some());
    assert_eq!(send(&limits, ip(1), "GET", "/health/ready", "").await.0, 204, "health is nobody's quota");
}

#[actix_web::test]
async fn what_a_client_says_about_its_address_counts_only_where_a_trusted_proxy_says_it() {
    let limits = limits(settings(Limit::new(1, 1), Limit::new(1, 1)), None);
    assert_eq!(send(&limits, ip(1), "GET", "/", "198.51.100.1").await.0, 204);
    assert_eq!(send(&limits, ip(1), "GET", "/", "198.51.100.2").await.0, 429, "a header of one's own is no address");
    let proxy = Ipv4Addr::new(10, 0, 0, 1).into();
    assert_eq!(send(&limits, proxy, "GET", "/", "198.51.100.1").await.0, 204);
    assert_eq!(
        send(&limits, proxy, "GET", "/", "203.0.113.9, 198.51.100.1").await.0,
        429,
        "left of it anything may stand"
    );
    assert_eq!(send(&limits, proxy, "GET", "/", "198.51.100.2").await.0, 204);
}
