//! Signatures of bodies, verified over the raw bytes before anybody reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use ring::hmac::{self, Key};
use sdk::credential::Credential;
use sdk::trigger::call::{Encoding, Signature};

/// How far the time of sending may be from now, in seconds.
pub(super) const WINDOW_S: i64 = 300;

/// The secrets of a webhook: one, or two while it is being changed. No `Debug` on purpose.
pub(super) struct Secrets(Vec<Key>);

/// A signature that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    /// What a copy of this call would have in common with it: its signed id, or the signature.
    pub(super) identity: String,
}

impl Secrets {
    /// Reads the secrets of a credential; `None` when it has none.
    pub(super) fn of(credential: &Credential, signature: &Signature) -> Option<Self> {
        let texts = [credential.text("secret"), credential.text("previousSecret")];
        let keys: Vec<_> = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
        if keys.is_empty() {
            return None;
        }
        let key = |text: &&str| {
            // The secret of Standard Webhooks is base64 with a prefix.
            let decoded = match signature {
                Signature::StandardWebhooks => {
                    STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()
                }
                _ => None,
            };
            Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(text.as_bytes()))
        };
        Some(Self(keys.iter().map(key).collect()))
    }

    /// Whether one of the tags was made with one of the secrets. All are tried, in constant time each.
    fn fit(&self, parts: &[&[u8]], tags: &[Vec<u8>]) -> bool {
        let mut fits = false;
        for key in &self.0 {
            let mut context = hmac::Context::with_key(key);
            parts.iter().for_each(|part| context.update(part));
            let tag = context.sign();
            for given in tags {
                fits |= app::secrets::same(tag.as_ref(), given);
            }
        }
        fits
    }
}

/// Verifies a call at Unix time `now_s`; `None` when the signature is missing, wrong or too old.
pub(super) fn verify(
    signature: &Signature,
    secrets: &Secrets,
    headers: &HeaderMap,
    body: &[u8],
    now_s: i64,
) -> Option<Verified> {
    let text = |name: &str| single(headers, name);
    let fresh = |time: &str| {
        let sent: i64 = time.parse().ok()?;
        (now_s.abs_diff(sent) <= WINDOW_S.unsigned_abs()).then_some(())
    };
    let verified = |fits: bool, identity: &str| fits.then(|| Verified { identity: identity.to_owned() });
    match signature {
        Signature::StandardWebhooks => {
            let (id, time, given) =
                (text("webhook-id")?, text("webhook-timestamp")?, text("webhook-signature")?);
            fresh(time)?;
            let tags = given
                .split_ascii_whitespace()
                .filter_map(|tag| STANDARD.decode(tag.strip_prefix("v1,")?).ok());
            let tags: Vec<_> = tags.take(8).collect();
            let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
            verified(secrets.fit(&parts, &tags), id)
        }
        Signature::Github => {
            let given = text("x-hub-signature-256")?;
            let tag = from_hex(given.strip_prefix("sha256=")?)?;
            verified(secrets.fit(&[body], &[tag]), given)
        }
        Signature::Stripe => {
            let given = text("stripe-signature")?;
            let mut time = None;
            let mut tags = Vec::new();
            for (name, value) in given.split(',').filter_map(|part| part.trim().split_once('=')) {
                match name {
                    "t" if time.replace(value).is_some() => return None,
                    "v1" if tags.len() < 8 => tags.push(from_hex(value)?),
                    _ => {}
                }
            }
            let time = time?;
            fresh(time)?;
            verified(secrets.fit(&[time.as_bytes(), b".", body], &tags), given)
        }
        Signature::Slack => {
            let (given, time) = (text("x-slack-signature")?, text("x-slack-request-timestamp")?);
            fresh(time)?;
            let tag = from_hex(given.strip_prefix("v0=")?)?;
            verified(secrets.fit(&[b"v0:", time.as_bytes(), b":", body], &[tag]), given)
        }
        Signature::Shopify => {
            let given = text("x-shopify-hmac-sha256")?;
            verified(secrets.fit(&[body], &[STANDARD.decode(given).ok()?]), given)
        }
        Signature::Custom { header, prefix, encoding, timestamp_header } => {
            let given = text(header)?;
            let hash = given.strip_prefix(prefix.as_str())?;
            let tag = match encoding {
                Encoding::Hex => from_hex(hash)?,
                Encoding::Base64 => STANDARD.decode(hash).ok()?,
            };
            let fits = match timestamp_header {
                None => secrets.fit(&[body], &[tag]),
                Some(name) => {
                    let time = text(name)?;
                    fresh(time)?;
                    secrets.fit(&[time.as_bytes(), b".", body], &[tag])
                }
            };
            verified(fits, given)
        }
    }
}

/// The header, when it is there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && !value.is_empty()).then_some(value)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use model::Object;

    use super::*;

    const NOW: i64 = 1_614_265_330;

    fn secrets(signature: &Signature, secret: &str, previous: &str) -> Secrets {
        let fields: Object = [("secret", secret), ("previousSecret", previous)].into_iter().collect();
        Secrets::of(&Credential::new("webhookSignature", fields), signature).expect("there is a secret")
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn sign(secret: &str, text: &str) -> Vec<u8> {
        hmac::sign(&Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref().to_vec()
    }

    /// The vector of the Standard Webhooks specification's libraries.
    fn standard() -> (Secrets, Vec<(&'static str, &'static str)>, &'static str) {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let headers = vec![
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        (secrets(&Signature::StandardWebhooks, secret, ""), headers, r#"{"test": 2432232314}"#)
    }

    #[test]
    fn a17_the_published_vector_of_standard_webhooks_is_verified() {
        let (secrets, given, body) = standard();
        let verified = verify(&Signature::StandardWebhooks, &secrets, &headers(&given), body.as_bytes(), NOW);
        assert_eq!(verified.expect("it is genuine").identity, "msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    #[test]
    fn a17_whatever_is_changed_the_signature_no_longer_fits() {
        let (secrets, given, body) = standard();
        let check = |given: &[(&str, &str)], body: &str, now: i64| {
            verify(&Signature::StandardWebhooks, &secrets, &headers(given), body.as_bytes(), now).is_some()
        };
        assert!(!check(&given, &body.replace('2', "3"), NOW), "another body");
        assert!(!check(&given, &format!("{body} "), NOW), "the same data in other bytes");
        for (index, other) in [
            (0, "msg_other"),
            (1, "1614265331"),
            (2, "v1,AAAA"),
            (2, "v1,"),
            (2, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ] {
            let mut changed = given.clone();
            changed[index].1 = other;
            assert!(!check(&changed, body, NOW), "{other}");
        }
        for missing in 0..3 {
            let mut fewer = given.clone();
            fewer.remove(missing);
            assert!(!check(&fewer, body, NOW), "without header {missing}");
        }
        assert!(!check(&given, body, NOW + WINDOW_S + 1), "too old");
        assert!(!check(&given, body, NOW - WINDOW_S - 1), "from the future");
        assert!(check(&given, body, NOW + WINDOW_S) && check(&given, body, NOW - WINDOW_S));
    }

    #[test]
    fn a17_the_documented_example_of_github_is_verified() {
        let secrets = secrets(&Signature::Github, "It's a Secret to Everybody", "");
        let check = |value: &str, body: &str| {
            let headers = headers(&[("x-hub-signature-256", value)]);
            verify(&Signature::Github, &secrets, &headers, body.as_bytes(), NOW).is_some()
        };
        let hash = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(check(&format!("sha256={hash}"), "Hello, World!"));
        assert!(!check(&format!("sha256={hash}"), "Hello, World?"));
        assert!(!check(hash, "Hello, World!"), "the prefix belongs to it");
        assert!(!check(&format!("sha1={hash}"), "Hello, World!"), "nothing weaker counts");
        assert!(!check(&format!("sha256={}", &hash[..32]), "Hello, World!"), "half a hash");
        assert!(!check("sha256=", "Hello, World!"), "no hash");
    }

    #[test]
    fn a17_the_documented_example_of_slack_is_verified() {
        let secrets = secrets(&Signature::Slack, "8f742231b10e8888abcd99yyyzzz85a5", "");
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let given = [
            ("x-slack-request-timestamp", "1531420618"),
            ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ];
        let check = |body: &str, now| {
            verify(&Signature::Slack, &secrets, &headers(&given), body.as_bytes(), now).is_some()
        };
        assert!(check(body, 1_531_420_618));
        assert!(!check(&body.replace("testteamnow", "otherteam"), 1_531_420_618));
        assert!(!check(body, 1_531_420_618 + 301));
        assert!(!check("", 1_531_420_618));
    }

    #[test]
    fn a17_stripe_signs_time_and_body() {
        let secrets = secrets(&Signature::Stripe, "whsec_test", "");
        let body = r#"{"id":"evt_1"}"#;
        let good = hex(&sign("whsec_test", &format!("{NOW}.{body}")));
        let check = |value: &str| {
            verify(
                &Signature::Stripe,
                &secrets,
                &headers(&[("stripe-signature", value)]),
                body.as_bytes(),
                NOW,
            )
            .is_some()
        };
        assert!(check(&format!("t={NOW},v1={good},v0=00")));
        assert!(
            check(&format!("t={NOW},v1={},v1={good}", "0".repeat(64))),
            "while Stripe changes its secret"
        );
        assert!(!check(&format!("t={},v1={good}", NOW + 1)));
        assert!(!check(&format!("t={NOW},v0={good}")), "the old scheme counts for nothing");
        assert!(!check(&format!("v1={good}")));
        assert!(!check(&format!("t={NOW},t={NOW},v1={good}")), "one time only");
    }

    #[test]
    fn a17_shopify_and_headers_of_any_name_sign_the_body() {
        let tag = sign("hush", "body");
        let shopify = secrets(&Signature::Shopify, "hush", "");
        let check = |value: &str, body: &[u8]| {
            verify(&Signature::Shopify, &shopify, &headers(&[("x-shopify-hmac-sha256", value)]), body, NOW)
                .is_some()
        };
        assert!(check(&STANDARD.encode(&tag), b"body"));
        assert!(
            !check(&STANDARD.encode(&tag), b"Body") && !check(&hex(&tag), b"body") && !check("", b"body")
        );

        let custom = Signature::Custom {
            header: "X-Hash".into(),
            prefix: "hash:".into(),
            encoding: Encoding::Hex,
            timestamp_header: Some("X-Time".into()),
        };
        let secrets = secrets(&custom, "hush", "");
        let tag = hex(&sign("hush", &format!("{NOW}.body")));
        let check = |time: &str, hash: &str| {
            verify(&custom, &secrets, &headers(&[("x-time", time), ("x-hash", hash)]), b"body", NOW).is_some()
        };
        assert!(check(&NOW.to_string(), &format!("hash:{tag}")));
        assert!(!check(&NOW.to_string(), &tag), "the prefix belongs to it");
        assert!(!check(&(NOW - 1).to_string(), &format!("hash:{tag}")), "another time");
        assert!(!check("soon", &format!("hash:{tag}")), "no time");
    }

    #[test]
    fn a17_two_secrets_count_while_one_is_changed_and_no_secret_is_no_way_in() {
        let tag = STANDARD.encode(sign("old", "body"));
        let given = headers(&[("x-shopify-hmac-sha256", &tag)]);
        let check = |secret: &str, previous: &str| {
            let secrets = secrets(&Signature::Shopify, secret, previous);
            verify(&Signature::Shopify, &secrets, &given, b"body", NOW).is_some()
        };
        assert!(check("new", "old") && check("old", ""));
        assert!(!check("new", "") && !check("new", "older"));
        let empty = Credential::new("webhookSignature", [("secret", "  ")].into_iter().collect());
        assert!(Secrets::of(&empty, &Signature::Shopify).is_none(), "an empty secret is none");
    }

    #[test]
    fn a17_a_header_that_comes_twice_counts_for_nothing() {
        let secrets = secrets(&Signature::Shopify, "hush", "");
        let tag = STANDARD.encode(sign("hush", "body"));
        let twice = headers(&[("x-shopify-hmac-sha256", &tag), ("x-shopify-hmac-sha256", &tag)]);
        let mut both = HeaderMap::new();
        for value in twice.values() {
            both.append("x-shopify-hmac-sha256", value.clone());
            both.append("x-shopify-hmac-sha256", value.clone());
        }
        assert_eq!(verify(&Signature::Shopify, &secrets, &both, b"body", NOW), None);
    }
}
