//! Signed tokens (RFC 7519), checked with the one algorithm and key that the credential names.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::Value;
use ring::{hmac, signature};
use sdk::credential::Credential;

/// Bytes of a token at most.
const MAX_TOKEN: usize = 16 << 10;

/// Why a token counts for nothing; worded as libraries word it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("jwt malformed")]
    Malformed,
    #[error("invalid algorithm")]
    Algorithm,
    #[error("invalid signature")]
    Signature,
    #[error("jwt expired")]
    Expired,
    #[error("jwt not active")]
    NotActive,
}

/// The key of a credential with its algorithm. No `Debug` on purpose.
pub(super) struct Key {
    algorithm: String,
    kind: KeyKind,
}

enum KeyKind {
    Secret(hmac::Key),
    Public(&'static dyn signature::VerificationAlgorithm, Vec<u8>),
}

impl Key {
    /// Reads the key; `None` when the credential has none that fits its algorithm. A public key is never used as a
    /// shared secret, whatever a token says.
    pub(super) fn of(credential: &Credential) -> Option<Self> {
        let algorithm = match credential.text("algorithm") {
            "" => "HS256",
            named => named,
        };
        let shared = |algorithm| {
            let secret = credential.text("secret");
            (!secret.is_empty()).then(|| KeyKind::Secret(hmac::Key::new(algorithm, secret.as_bytes())))
        };
        let public = |algorithm: &'static dyn signature::VerificationAlgorithm| {
            Some(KeyKind::Public(algorithm, public_key(credential.text("publicKey"))?))
        };
        let kind = match algorithm {
            "HS256" => shared(hmac::HMAC_SHA256),
            "HS384" => shared(hmac::HMAC_SHA384),
            "HS512" => shared(hmac::HMAC_SHA512),
            "RS256" => public(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => public(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => public(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => public(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => public(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => public(&signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => public(&signature::ECDSA_P256_SHA256_FIXED),
            "ES384" => public(&signature::ECDSA_P384_SHA384_FIXED),
            _ => None,
        }?;
        Some(Self { algorithm: algorithm.to_owned(), kind })
    }

    /// The claims of a token that is valid at Unix time `now_s`.
    pub(super) fn verify(&self, token: &str, now_s: f64) -> Result<Value, Invalid> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(tag), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Invalid::Malformed);
        };
        if token.len() > MAX_TOKEN {
            return Err(Invalid::Malformed);
        }
        let header = object(header)?;
        if header.get("alg").and_then(Value::as_str) != Some(&self.algorithm) {
            return Err(Invalid::Algorithm);
        }
        // Extensions that a reader must understand: we understand none.
        if header.get("crit").is_some() {
            return Err(Invalid::Malformed);
        }
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Invalid::Malformed)?;
        let signed = &token.as_bytes()[..token.rfind('.').expect("there are two dots")];
        let fits = match &self.kind {
            KeyKind::Secret(key) => hmac::verify(key, signed, &tag).is_ok(),
            KeyKind::Public(algorithm, key) => {
                signature::UnparsedPublicKey::new(*algorithm, key).verify(signed, &tag).is_ok()
            }
        };
        if !fits {
            return Err(Invalid::Signature);
        }
        let claims = object(claims)?;
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(time)) => Ok(Some(*time)),
            Some(_) => Err(Invalid::Malformed),
        };
        if time("nbf")?.is_some_and(|from| now_s < from) {
            return Err(Invalid::NotActive);
        }
        if time("exp")?.is_some_and(|until| now_s >= until) {
            return Err(Invalid::Expired);
        }
        Ok(claims)
    }
}

fn object(part: &str) -> Result<Value, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Malformed)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Invalid::Malformed)?;
    Value::from_json(text).ok().filter(|value| value.as_object().is_some()).ok_or(Invalid::Malformed)
}

/// The key in a PEM text, in the form in which it is used: an RSA key, or a point of a curve.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    // Pasted keys often have their line breaks as two characters.
    let pem = pem.replace("\\n", "\n");
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let text: String = body.chars().filter(|character| !character.is_whitespace()).collect();
    let der = STANDARD.decode(text).ok()?;
    match label {
        "RSA PUBLIC KEY" => Some(der),
        // SEQUENCE { SEQUENCE { algorithm }, BIT STRING { key } }
        "PUBLIC KEY" => {
            let (0x30, outer, _) = tlv(&der)? else { return None };
            let (0x30, _, rest) = tlv(outer)? else { return None };
            let (0x03, bits, _) = tlv(rest)? else { return None };
            let (0, key) = bits.split_first()? else { return None };
            Some(key.to_vec())
        }
        _ => None,
    }
}

/// The first element of DER: its tag, its content, what follows.
fn tlv(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let count = usize::from(first & 0x7f);
            let length = rest.get(..count)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, &rest[count..])
        }
        _ => return None,
    };
    Some((tag, rest.get(..length)?, &rest[length..]))
}

#[cfg(test)]
mod tests {
    use model::{Object, json};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    const NOW: f64 = 1_700_000_000.0;

    fn key(fields: &[(&str, &str)]) -> Option<Key> {
        let fields: Object = fields.iter().copied().collect();
        Key::of(&Credential::new("jwtAuth", fields))
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_json())
    }

    fn token(header: Value, claims: Value, secret: &str) -> String {
        let signed = format!("{}.{}", part(&header), part(&claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    #[test]
    fn the_example_of_the_standard_is_verified() {
        // RFC 7515, appendix A.1.
        let secret = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .expect("base64");
        let key = Key {
            algorithm: "HS256".into(),
            kind: KeyKind::Secret(hmac::Key::new(hmac::HMAC_SHA256, &secret)),
        };
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(key.verify(token, 1_300_819_379.0).expect("it is valid").get("iss"), Some(&json!("joe")));
        assert_eq!(key.verify(token, 1_300_819_380.0), Err(Invalid::Expired));
    }

    #[test]
    fn a14_only_the_algorithm_of_the_credential_counts() {
        let key = key(&[("secret", "hush")]).expect("there is a key");
        let good = json!({ "alg": "HS256", "typ": "JWT" });
        assert!(key.verify(&token(good.clone(), json!({ "a": 1 }), "hush"), NOW).is_ok());
        for header in
            [json!({ "alg": "none" }), json!({ "alg": "hs256" }), json!({ "alg": "HS512" }), json!({})]
        {
            assert_eq!(key.verify(&token(header, json!({}), "hush"), NOW), Err(Invalid::Algorithm));
        }
        let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&json!({})));
        assert_eq!(key.verify(&unsigned, NOW), Err(Invalid::Algorithm));
        let extended = json!({ "alg": "HS256", "crit": ["b64"], "b64": false });
        assert_eq!(key.verify(&token(extended, json!({}), "hush"), NOW), Err(Invalid::Malformed));
        assert_eq!(key.verify(&token(good, json!({}), "other"), NOW), Err(Invalid::Signature));
        for malformed in ["", "a.b", "a.b.c.d", "..", "e30.e30.!"] {
            assert!(key.verify(malformed, NOW).is_err(), "{malformed}");
        }
    }

    #[test]
    fn a14_a_public_key_is_no_shared_secret() {
        let pair = pair();
        let pem = pem(&pair);
        let key = key(&[("algorithm", "ES256"), ("publicKey", &pem)]).expect("there is a key");
        let forged = token(json!({ "alg": "HS256" }), json!({ "admin": true }), &pem);
        assert_eq!(key.verify(&forged, NOW), Err(Invalid::Algorithm));
        let relabelled = token(json!({ "alg": "ES256" }), json!({ "admin": true }), &pem);
        assert_eq!(key.verify(&relabelled, NOW), Err(Invalid::Signature));
    }

    #[test]
    fn tokens_of_a_key_pair_are_verified_with_its_public_key() {
        let pair = pair();
        let key = key(&[("algorithm", "ES256"), ("publicKey", &pem(&pair))]).expect("there is a key");
        let signed = format!("{}.{}", part(&json!({ "alg": "ES256" })), part(&json!({ "sub": "ada" })));
        let tag = pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("it signs");
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(key.verify(&token, NOW), Ok(json!({ "sub": "ada" })));
    }

    #[test]
    fn a14_times_are_numbers_and_count() {
        let key = key(&[("secret", "hush"), ("algorithm", "HS256")]).expect("there is a key");
        let check = |claims: Value| key.verify(&token(json!({ "alg": "HS256" }), claims, "hush"), NOW).err();
        assert_eq!(check(json!({ "exp": (NOW + 1.0), "nbf": NOW })), None);
        assert_eq!(check(json!({ "exp": NOW })), Some(Invalid::Expired));
        assert_eq!(check(json!({ "nbf": (NOW + 1.0) })), Some(Invalid::NotActive));
        assert_eq!(check(json!({ "exp": "never" })), Some(Invalid::Malformed));
    }

    #[test]
    fn a_credential_without_a_usable_key_gives_none() {
        assert!(key(&[]).is_none());
        assert!(key(&[("secret", "hush"), ("algorithm", "none")]).is_none());
        assert!(key(&[("algorithm", "RS256"), ("secret", "hush")]).is_none());
        assert!(
            key(&[
                ("algorithm", "RS256"),
                ("publicKey", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
            ])
            .is_none()
        );
    }

    fn pair() -> EcdsaKeyPair {
        let random = SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a key")
    }

    fn pem(pair: &EcdsaKeyPair) -> String {
        // SubjectPublicKeyInfo of a point on P-256.
        let mut der = vec![
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        der.extend_from_slice(pair.public_key().as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }
}
