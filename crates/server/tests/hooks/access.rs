//! Who may call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use model::ExecutionStatus;
use ring::hmac;
use serde_json::json;
use server::HookLimits;

use crate::site::Site;

fn hex_tag(secret: &str, text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a17b_an_unknown_address_and_one_that_is_switched_off_are_told_the_same() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "methods": ["GET"] }), &[]).await;
    assert_eq!(site.get(&hook.path).await.status, 202);
    app::workflows::pause_workflow(&site.app, &site.actor, hook.workflow).await.expect("it is paused");
    let off = loop {
        let answer = site.get(&hook.path).await;
        if answer.status != 202 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    for other in [
        "/hooks/00000000-0000-4000-8000-000000000000".to_owned(),
        "/hooks/../etc/passwd".to_owned(),
        "/hooks/".to_owned(),
        format!("{}/more", hook.path),
        hook.path.replace("/hooks/", "/hooks-test/"),
        hook.path[..hook.path.len() - 1].to_owned(),
    ] {
        let unknown = site.get(&other).await;
        assert_eq!((unknown.status, &unknown.body), (404, &off.body), "{other}");
        assert_eq!(unknown.header("content-type"), off.header("content-type"));
    }
}

#[tokio::test]
async fn s2_017_a_wrong_secret_is_refused_and_starts_nothing() {
    let site = Site::start().await;
    site.secret("httpBasicAuth", json!({ "user": "ada", "password": "hush" }));
    site.secret("httpHeaderAuth", json!({ "name": "X-Key", "value": "hush" }));
    site.secret("jwtAuth", json!({ "secret": "hush", "algorithm": "HS256" }));
    site.secret("webhookSignature", json!({ "secret": "hush" }));
    let basic = format!("Basic {}", STANDARD.encode("ada:hush"));
    let wrong_basic = format!("Basic {}", STANDARD.encode("ada:hush2"));
    let tag = format!("sha256={}", hex_tag("hush", "{}"));
    let wrong_tag = format!("sha256={}", hex_tag("hush2", "{}"));
    // {"alg":"HS256"}.{}
    let signed = "eyJhbGciOiJIUzI1NiJ9.e30";
    let sign = |secret: &str| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("Bearer {signed}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag))
    };
    let (jwt, wrong_jwt) = (sign("hush"), sign("hush2"));
    for (authentication, header, right, wrong) in [
        ("basic", "authorization", &basic, &wrong_basic),
        ("header", "x-key", &"hush".to_owned(), &"hush2".to_owned()),
        ("jwt", "authorization", &jwt, &wrong_jwt),
        ("signature", "x-hub-signature-256", &tag, &wrong_tag),
    ] {
        let hook = site
            .hook(json!({ "authentication": authentication, "signature": { "scheme": "github" } }), &[])
            .await;
        for given in [
            &[][..],
            &[(header, wrong.as_str())],
            &[(header, "")],
            &[(header, right.as_str()), (header, wrong.as_str())],
        ] {
            // Of two headers called authorization the first counts, as everywhere.
            if header == "authorization" && given.len() == 2 {
                continue;
            }
            let answer = site.call(Method::POST, &hook.path, given, "{}").await;
            assert_eq!(answer.status, 401, "{authentication} {given:?}: {answer:?}");
        }
        assert_eq!(site.executions(hook.workflow).await.len(), 0, "{authentication}");
        let answer = site.call(Method::POST, &hook.path, &[(header, right.as_str())], "{}").await;
        assert_eq!(answer.status, 202, "{authentication}: {answer:?}");
        site.until(hook.workflow, 1, ExecutionStatus::Completed).await;
    }
}

#[tokio::test]
async fn a17_a_webhook_without_its_secret_lets_nobody_in() {
    let site = Site::start().await;
    for authentication in ["basic", "header", "jwt", "signature"] {
        let hook = site.hook(json!({ "authentication": authentication }), &[]).await;
        let basic = format!("Basic {}", STANDARD.encode(":"));
        for headers in [&[][..], &[("authorization", basic.as_str())], &[("webhook-signature", "v1,")]] {
            let answer = site.call(Method::POST, &hook.path, headers, "{}").await;
            assert_eq!(answer.status, 500, "{authentication}: {answer:?}");
        }
        assert_eq!(site.executions(hook.workflow).await.len(), 0);
    }
}

#[tokio::test]
async fn a17_a_signed_call_that_comes_again_is_the_same_call() {
    let site = Site::start().await;
    site.secret("webhookSignature", json!({ "secret": "hush", "previousSecret": "older" }));
    let now = jiff::Timestamp::now().as_second();
    let body = r#"{"id":"evt_1"}"#;
    let call = async |path: &str, secret: &str, time: i64, extra: &str| {
        let signature = format!("t={time},v1={}", hex_tag(secret, &format!("{time}.{body}")));
        site.call(
            Method::POST,
            path,
            &[
                ("stripe-signature", &signature),
                ("idempotency-key", extra),
                ("content-type", "application/json"),
            ],
            body,
        )
        .await
    };
    for dedupe in [json!({ "by": "event_id" }), json!({ "by": "nothing" })] {
        let hook = site.hook(json!({ "authentication": "signature", "signature": { "scheme": "stripe" }, "dedupe": dedupe }), &[]).await;
        let first = call(&hook.path, "hush", now, "a").await;
        assert_eq!(first.status, 202, "{first:?}");
        // A copy with another id in its head, one whose secret was changed, and what was signed too long ago.
        let copy = call(&hook.path, "hush", now, "b").await;
        assert_eq!((copy.status, &copy.json()["execution_id"]), (202, &first.json()["execution_id"]));
        assert_eq!(copy.json()["duplicate"], true);
        assert_eq!(call(&hook.path, "wrong", now, "c").await.status, 401);
        assert_eq!(call(&hook.path, "hush", now - 301, "d").await.status, 401);
        assert_eq!(site.executions(hook.workflow).await.len(), 1, "{dedupe}");
    }
    let hook =
        site.hook(json!({ "authentication": "signature", "signature": { "scheme": "stripe" } }), &[]).await;
    assert_eq!(
        call(&hook.path, "older", now, "").await.status,
        202,
        "two secrets count while one is changed"
    );
    let again = call(&hook.path, "hush", now - 1, "").await;
    assert_eq!(
        again.json()["duplicate"],
        true,
        "a service that repeats itself signs anew and reports the same event"
    );
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_others_may_not() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "allowed_origins": "https://a.example", "methods": ["PUT"] }), &[]).await;
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "x-a"),
        ];
        site.call(Method::OPTIONS, &hook.path, &headers, "").await
    };
    let allowed = ask("https://a.example").await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, "https://a.example"));
    assert_eq!(allowed.header("access-control-allow-methods"), "PUT");
    assert_eq!(allowed.header("access-control-allow-headers"), "x-a");
    for other in ["https://evil.example", "https://a.example.evil", "null"] {
        assert_eq!(ask(other).await.header("access-control-allow-origin"), "", "{other}");
        let answer = site.call(Method::PUT, &hook.path, &[("origin", other)], "").await;
        assert_eq!(answer.status, 403, "{other}");
    }
    let answer = site.call(Method::PUT, &hook.path, &[("origin", "https://a.example")], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (202, "https://a.example"));
    assert_eq!(site.call(Method::PUT, &hook.path, &[], "").await.status, 202, "programs have no origin");
    let open = site.hook(json!({ "methods": ["PUT"] }), &[]).await;
    let answer = site.call(Method::PUT, &open.path, &[("origin", "https://x.example")], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (202, "*"));
}

#[tokio::test]
async fn a29_only_listed_addresses_may_call_whatever_a_header_says() {
    let site = Site::start().await;
    let hook = site.hook(json!({ "allowed_addresses": "10.0.0.0/8, 203.0.113.7" }), &[]).await;
    for forged in ["10.1.2.3", "203.0.113.7", "127.0.0.1, 10.0.0.1"] {
        let headers = [("x-forwarded-for", forged), ("x-real-ip", forged), ("forwarded", "for=10.1.2.3")];
        assert_eq!(site.call(Method::POST, &hook.path, &headers, "").await.status, 403, "{forged}");
    }
    let hook = site.hook(json!({ "allowed_addresses": "127.0.0.0/8", "ignore_bots": true }), &[]).await;
    assert_eq!(site.call(Method::POST, &hook.path, &[], "").await.status, 202);
    assert_eq!(
        site.call(Method::POST, &hook.path, &[("user-agent", "Slackbot-LinkExpanding 1.0")], "").await.status,
        403
    );
}

#[tokio::test]
async fn a05_bodies_are_limited_alone_and_together() {
    let site =
        Site::with_limits(HookLimits { body: 100_000, bodies: 128 << 10, ..HookLimits::default() }).await;
    let hook = site.hook(json!({}), &[]).await;
    let json = [("content-type", "application/json")];
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert_eq!(site.call(Method::POST, &hook.path, &json, text(100_000)).await.status, 202);
    assert_eq!(site.call(Method::POST, &hook.path, &json, text(100_001)).await.status, 413);
    let tight = Site::with_limits(HookLimits { bodies: 64 << 10, ..HookLimits::default() }).await;
    let hook = tight.hook(json!({}), &[]).await;
    let answer = tight.call(Method::POST, &hook.path, &json, text(200_000)).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(tight.executions(hook.workflow).await.len(), 0, "nothing is half stored");
}
