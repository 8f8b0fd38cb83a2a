//! Who may call.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName};
use model::Value;
use sdk::credential::Credential;
use sdk::trigger::call::{Authentication, CallSpec, Signature};

use super::jwt;
use super::refusal::Refusal;
use super::signature::{self, Secrets, Verified};

/// What callers are checked with. No `Debug` on purpose.
pub(super) enum Lock {
    /// Nothing: everybody who knows the address may call.
    Open,
    Basic {
        user: String,
        password: String,
    },
    Header {
        name: HeaderName,
        value: String,
    },
    Jwt(jwt::Key),
    Signature(Signature, Secrets),
    /// The secret is missing or no secret: nobody may call.
    Broken,
}

/// What a check found out.
#[derive(Default)]
pub(super) struct Proof {
    /// The header that holds a secret of ours.
    pub(super) secret_header: Option<HeaderName>,
    /// What a token says.
    pub(super) claims: Option<Value>,
}

impl Lock {
    /// The lock that a credential makes. One that is missing, of another type or empty lets nobody in.
    pub(super) fn new(authentication: &Authentication, credential: Option<&Credential>) -> Self {
        let Some(kind) = authentication.credential() else { return Lock::Open };
        let Some(credential) = credential.filter(|credential| credential.kind() == kind) else {
            return Lock::Broken;
        };
        match authentication {
            Authentication::None => Lock::Open,
            Authentication::Basic => {
                let (user, password) = (credential.text("user"), credential.text("password"));
                match user.is_empty() || password.is_empty() {
                    true => Lock::Broken,
                    false => Lock::Basic { user: user.to_owned(), password: password.to_owned() },
                }
            }
            Authentication::Header => match (credential.text("name").parse(), credential.text("value")) {
                (Ok(name), value) if !value.is_empty() => Lock::Header { name, value: value.to_owned() },
                _ => Lock::Broken,
            },
            Authentication::Jwt => jwt::Key::of(credential).map_or(Lock::Broken, Lock::Jwt),
            Authentication::Signature(signature) => match Secrets::of(credential, signature) {
                Some(secrets) => Lock::Signature(signature.clone(), secrets),
                None => Lock::Broken,
            },
        }
    }

    /// Checks what the head of a call can prove.
    pub(super) fn check_head(&self, headers: &HeaderMap, now_s: f64) -> Result<Proof, Refusal> {
        let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let scheme = |scheme: &str| {
            let (given, rest) = authorization?.split_once(' ')?;
            given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
        };
        let wrong = || {
            Refusal::unauthenticated(
                "the call proves nothing that this webhook accepts",
                403,
                "Authorization data is wrong!",
            )
        };
        match self {
            Lock::Open | Lock::Signature(..) => Ok(Proof::default()),
            Lock::Broken => Err(Refusal::without_secret()),
            Lock::Basic { user, password } => {
                let Some(given) = scheme("basic") else {
                    let detail = "this webhook wants a user and a password";
                    return Err(Refusal::unauthenticated(detail, 401, "Authorization is required!"));
                };
                let given = STANDARD.decode(given).unwrap_or_default();
                let expected = format!("{user}:{password}");
                match app::secrets::same(&given, expected.as_bytes()) {
                    true => Ok(Proof { secret_header: Some(AUTHORIZATION), claims: None }),
                    false => Err(wrong()),
                }
            }
            Lock::Header { name, value } => {
                let mut given = headers.get_all(name).iter();
                let fits =
                    given.next().is_some_and(|given| app::secrets::same(given.as_bytes(), value.as_bytes()));
                match fits && given.next().is_none() {
                    true => Ok(Proof { secret_header: Some(name.clone()), claims: None }),
                    false => Err(wrong()),
                }
            }
            Lock::Jwt(key) => {
                let Some(token) = scheme("bearer") else {
                    let detail = "this webhook wants a token: send \"Authorization: Bearer ...\"";
                    return Err(Refusal::unauthenticated(detail, 401, "No token provided"));
                };
                match key.verify(token, now_s) {
                    Ok(claims) => Ok(Proof { secret_header: None, claims: Some(claims) }),
                    Err(invalid) => {
                        let text = invalid.to_string();
                        Err(Refusal::unauthenticated("the token is not valid", 403, &text))
                    }
                }
            }
        }
    }

    /// Checks the signature of a body, where there has to be one.
    pub(super) fn check_body(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_s: i64,
    ) -> Result<Option<Verified>, Refusal> {
        let Lock::Signature(scheme, secrets) = self else { return Ok(None) };
        let verified = signature::verify(scheme, secrets, headers, body, now_s);
        let detail = "the signature of the call is missing, wrong or too old";
        verified
            .map(Some)
            .ok_or_else(|| Refusal::unauthenticated(detail, 403, "Authorization data is wrong!"))
    }
}

/// Checks where a call comes from.
pub(super) fn check_origin(spec: &CallSpec, client: IpAddr, headers: &HeaderMap) -> Result<(), Refusal> {
    let client = client.to_canonical();
    if !spec.addresses.is_empty() && !spec.addresses.iter().any(|network| network.contains(&client)) {
        let detail = "calls from this address are not allowed";
        return Err(Refusal::forbidden(detail, "IP is not allowed to access the webhook!"));
    }
    if spec.ignore_bots && is_bot(headers) {
        return Err(Refusal::forbidden(
            "calls of programs that look at links are not allowed",
            "Authorization data is wrong!",
        ));
    }
    Ok(())
}

/// What the user agents of crawlers and link previews contain.
const BOTS: [&str; 26] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp",
    "embedly",
    "quora link",
    "outbrain",
    "vkshare",
    "w3c_validator",
    "lighthouse",
    "headlesschrome",
    "phantomjs",
    "pingdom",
    "uptime",
    "monitor",
    "scrap",
    "archiver",
    "validator",
    "fetcher",
    "google-read-aloud",
    "mediapartners",
    "bitlypreview",
];

fn is_bot(headers: &HeaderMap) -> bool {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    BOTS.iter().any(|bot| agent.contains(bot))
}

#[cfg(test)]
mod tests {
    use model::Object;

    use super::*;

    fn lock(authentication: Authentication, fields: &[(&str, &str)]) -> Lock {
        let kind = authentication.credential().expect("it needs one");
        let fields: Object = fields.iter().copied().collect();
        Lock::new(&authentication, Some(&Credential::new(kind, fields)))
    }

    fn check(lock: &Lock, pairs: &[(&str, &str)]) -> Result<Proof, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
        }
        lock.check_head(&headers, 0.0)
    }

    #[test]
    fn a_user_and_a_password_are_compared_whole() {
        let lock = lock(Authentication::Basic, &[("user", "ada"), ("password", "a:b")]);
        let with = |pair: &str| {
            check(&lock, &[("authorization", &format!("Basic {}", STANDARD.encode(pair)))]).is_ok()
        };
        assert!(with("ada:a:b"));
        assert!(!with("ada:a") && !with("ada:a:bc") && !with(":") && !with("Ada:a:b") && !with(""));
        assert!(check(&lock, &[("authorization", "Bearer YWRhOmE6Yg==")]).is_err());
        assert!(check(&lock, &[]).is_err());
    }

    #[test]
    fn a_header_holds_the_value_once() {
        let lock = lock(Authentication::Header, &[("name", "X-Key"), ("value", "hush")]);
        assert!(check(&lock, &[("x-key", "hush")]).is_ok());
        for wrong in [
            &[("x-key", "hus")][..],
            &[("x-key", "Hush")],
            &[("x-key", "")],
            &[],
            &[("x-key", "no"), ("x-key", "hush")],
            &[("x-key", "hush"), ("x-key", "hush")],
        ] {
            assert!(check(&lock, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a17_a_missing_secret_lets_nobody_in() {
        let none: [&[(&str, &str)]; 2] = [&[], &[("x-key", "")]];
        let broken = [
            Lock::new(&Authentication::Basic, None),
            lock(Authentication::Basic, &[("user", "ada")]),
            lock(Authentication::Header, &[("name", "x-key"), ("value", "")]),
            lock(Authentication::Header, &[("name", "not a name"), ("value", "hush")]),
            lock(Authentication::Jwt, &[("secret", "")]),
            lock(Authentication::Signature(Signature::Github), &[("secret", "")]),
            Lock::new(&Authentication::Basic, Some(&Credential::new("httpHeaderAuth", Object::new()))),
        ];
        for lock in broken {
            for headers in none {
                assert_eq!(check(&lock, headers).err().map(|refusal| refusal.status().as_u16()), Some(500));
            }
        }
    }

    #[test]
    fn crawlers_are_known_by_what_they_call_themselves() {
        let bot =
            |agent: &str| is_bot(&HeaderMap::from_iter([(USER_AGENT, agent.parse().expect("a value"))]));
        assert!(bot("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"));
        assert!(
            bot("Mozilla/5.0 (compatible; Googlebot/2.1)")
                && bot("facebookexternalhit/1.1")
                && bot("WhatsApp/2.23")
        );
        assert!(
            !bot("curl/8.0")
                && !bot("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0")
                && !is_bot(&HeaderMap::new())
        );
    }
}
