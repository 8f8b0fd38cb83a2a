//! API keys: `rnl_`, twelve characters that find it, 43 that prove it, six that catch typing errors.

use jiff::Timestamp;
use model::Problem;
use model::ids::ApiKeyId;
use model::validate::Code;
use store::api_keys::{ApiKey, NewApiKey};

use crate::access::{Actor, Permission, Permissions, permissions_of_role};
use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::{Purpose, checksum, random_text, same};

const START: &str = "rnl_";
const ID: usize = 12;
const SECRET: usize = 43;

/// An API key as its owner sees it, once. It has no `Debug`, `Display` or `Serialize` on purpose.
pub struct Token(String);

impl Token {
    /// The text, for the one answer that tells it.
    pub fn expose(self) -> String {
        self.0
    }
}

/// What somebody wants a key for.
pub struct KeyRequest {
    /// What to call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Until when, if not for ever.
    pub expires_at: Option<Timestamp>,
}

/// Creates a key that may do no more than who creates it.
pub async fn create_key(app: &App, actor: &Actor, request: KeyRequest) -> Result<(ApiKey, Token)> {
    let workspace = actor.require(Permission::ManageKeys)?;
    let scopes = Permissions::parse(request.scopes.iter().map(String::as_str)).map_err(|word| {
        let known: Vec<_> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        let message = format!("there is no permission \"{word}\"");
        Error::invalid(
            Problem::error("scopes", Code::Range, message).fix(format!("use some of {}", known.join(", "))),
        )
    })?;
    if scopes == Permissions::NONE {
        let message = "a key without a permission is of no use";
        return Err(Error::invalid(Problem::error("scopes", Code::Range, message)));
    }
    if let Some(missing) = scopes.iter().find(|permission| !actor.may(*permission)) {
        return Err(Error::Forbidden(missing));
    }
    let name = request.name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        let message = "a name has 1 to 200 characters, none of them a control character";
        return Err(Error::invalid(Problem::error("name", Code::Range, message)));
    }
    if request.expires_at.is_some_and(|at| at <= Timestamp::now()) {
        let message = "this time has passed";
        return Err(Error::invalid(Problem::error("expires_at", Code::Range, message)));
    }
    let (token, new) = new_key(app, name, scopes, request.expires_at);
    let id = app.store.create_api_key(workspace, actor.user(), new).await?;
    let keys = app.store.api_keys(workspace).await?;
    let key = keys.into_iter().find(|key| key.id == id).ok_or(Error::NotFound("API key"))?;
    Ok((key, token))
}

/// Lists the keys of the workspace, without what proves them.
pub async fn list_keys(app: &App, actor: &Actor) -> Result<Vec<ApiKey>> {
    let workspace = actor.require(Permission::ManageKeys)?;
    Ok(app.store.api_keys(workspace).await?)
}

/// Deletes a key: it is refused from now on.
pub async fn delete_key(app: &App, actor: &Actor, id: ApiKeyId) -> Result<()> {
    let workspace = actor.require(Permission::ManageKeys)?;
    Ok(app.store.delete_api_key(workspace, id).await?)
}

/// Finds out who has a key. Takes the same work for keys that exist and those that do not.
pub async fn authenticate(app: &App, token: &str) -> Result<Actor> {
    let (prefix, secret) = read(token).ok_or(Error::Unauthenticated)?;
    let found = app.store.find_api_key(prefix).await?;
    let tag = app.key.tag(Purpose::ApiKeys, &[prefix.as_bytes(), secret.as_bytes()]);
    let kept = found.as_ref().map_or([0; 32].as_slice(), |found| found.hash.as_slice());
    let is_same = same(&tag, kept);
    let Some(found) = found.filter(|_| is_same) else { return Err(Error::Unauthenticated) };
    let key = found.key;
    let is_expired = key.expires_at.is_some_and(|at| at <= Timestamp::now());
    let Some(role) = found.role.filter(|_| key.is_active && found.user_is_active && !is_expired) else {
        return Err(Error::Unauthenticated);
    };
    // Worth a line when it fails, not a refusal.
    if let Err(error) = app.store.touch_api_key(&key).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the use of a key was not noted");
    }
    let permissions = scopes(&key).and(permissions_of_role(role));
    Ok(Actor::new(key.workspace, key.user, Some(key.id), permissions))
}

/// What a key may be used for. Words of a later version mean nothing here and allow nothing.
pub fn scopes(key: &ApiKey) -> Permissions {
    let words: Vec<String> = serde_json::from_str(&key.scopes).unwrap_or_default();
    words
        .iter()
        .filter_map(|word| Permissions::parse([word.as_str()]).ok())
        .flat_map(Permissions::iter)
        .collect()
}

/// A new key, and what is kept of it.
pub(crate) fn new_key(
    app: &App,
    name: &str,
    scopes: Permissions,
    expires_at: Option<Timestamp>,
) -> (Token, NewApiKey) {
    let (prefix, secret) = (random_text(ID), random_text(SECRET));
    let body = format!("{START}{prefix}_{secret}");
    let new = NewApiKey {
        name: name.to_owned(),
        hash: app.key.tag(Purpose::ApiKeys, &[prefix.as_bytes(), secret.as_bytes()]).to_vec(),
        prefix,
        scopes: serde_json::to_string(&scopes.words()).expect("words are JSON"),
        expires_at,
    };
    (Token(format!("{body}_{}", checksum(&body))), new)
}

/// The two halves of a key, unless it was mistyped.
fn read(token: &str) -> Option<(&str, &str)> {
    let (body, sum) = token.rsplit_once('_')?;
    let (prefix, secret) = body.strip_prefix(START)?.split_once('_')?;
    let fits = prefix.len() == ID && secret.len() == SECRET && token.bytes().all(is_digit);
    (fits && checksum(body) == sum).then_some((prefix, secret))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_is_none() {
        let body = format!("rnl_{}_{}", random_text(ID), random_text(SECRET));
        let token = format!("{body}_{}", checksum(&body));
        let (prefix, secret) = read(&token).expect("it is a key");
        assert_eq!((prefix.len(), secret.len()), (ID, SECRET));
        assert_eq!(read(&token.replace("rnl_", "rnk_")), None);
        assert_eq!(read(&token[1..]), None);
        assert_eq!(read(&token[..token.len() - 1]), None);
        assert_eq!(read(""), None);
        assert_eq!(read("rnl_\u{e9}_x_y"), None);
    }
}
