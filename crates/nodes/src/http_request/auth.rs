//! What a credential adds to a request.

use base64::Engine as _;
use sdk::credential::Credential;
use sdk::net::Url;
use sdk::prelude::*;

use crate::convert::to_text;

/// What a credential adds to a request: it has no `Debug` on purpose.
#[derive(Default)]
pub(crate) struct Auth {
    pub(crate) headers: Object,
    pub(crate) query: Object,
    pub(crate) body: Object,
    /// The hosts that may see it; all when missing.
    hosts: Option<Vec<String>>,
}

/// How the credentials of many services travel.
enum Shape {
    /// `authorization: Bearer {field}`
    Bearer(&'static str),
    /// A header with the prefix and the field.
    Header(&'static str, &'static str, &'static str),
    /// A query parameter with the field.
    Query(&'static str, &'static str),
    /// `authorization: Basic`, from two fields.
    Basic(&'static str, &'static str),
}

/// Credentials of services that are a secret in one place.
const SERVICES: [(&str, Shape); 43] = [
    ("activeCampaignApi", Shape::Header("api-token", "", "apiKey")),
    ("airtableTokenApi", Shape::Bearer("accessToken")),
    ("anthropicApi", Shape::Header("x-api-key", "", "apiKey")),
    ("apifyApi", Shape::Bearer("apiKey")),
    ("asanaApi", Shape::Bearer("accessToken")),
    ("brevoApi", Shape::Header("api-key", "", "apiKey")),
    ("calendlyApi", Shape::Bearer("apiKey")),
    ("clickUpApi", Shape::Header("authorization", "", "accessToken")),
    ("cohereApi", Shape::Bearer("apiKey")),
    ("deepSeekApi", Shape::Bearer("apiKey")),
    ("discordBotApi", Shape::Header("authorization", "Bot ", "botToken")),
    ("githubApi", Shape::Header("authorization", "token ", "accessToken")),
    ("gitlabApi", Shape::Header("private-token", "", "accessToken")),
    ("googlePalmApi", Shape::Query("key", "apiKey")),
    ("groqApi", Shape::Bearer("apiKey")),
    ("hubspotAppToken", Shape::Bearer("appToken")),
    ("intercomApi", Shape::Bearer("apiKey")),
    ("jinaAiApi", Shape::Bearer("apiKey")),
    ("jiraSoftwareCloudApi", Shape::Basic("email", "apiToken")),
    ("linearApi", Shape::Header("authorization", "", "apiKey")),
    ("mailerLiteApi", Shape::Bearer("apiKey")),
    ("mistralCloudApi", Shape::Bearer("apiKey")),
    ("mondayComApi", Shape::Bearer("apiToken")),
    ("n8nApi", Shape::Header("x-n8n-api-key", "", "apiKey")),
    ("nocoDbApiToken", Shape::Header("xc-token", "", "apiToken")),
    ("openAiApi", Shape::Bearer("apiKey")),
    ("openRouterApi", Shape::Bearer("apiKey")),
    ("openWeatherMapApi", Shape::Query("appid", "accessToken")),
    ("pineconeApi", Shape::Header("api-key", "", "apiKey")),
    ("pipedriveApi", Shape::Query("api_token", "apiToken")),
    ("qdrantApi", Shape::Header("api-key", "", "apiKey")),
    ("sendGridApi", Shape::Bearer("apiKey")),
    ("shopifyAccessTokenApi", Shape::Header("x-shopify-access-token", "", "accessToken")),
    ("slackApi", Shape::Bearer("accessToken")),
    ("strapiTokenApi", Shape::Bearer("apiToken")),
    ("stripeApi", Shape::Bearer("secretKey")),
    ("todoistApi", Shape::Bearer("apiKey")),
    ("twilioApi", Shape::Basic("accountSid", "authToken")),
    ("typeformApi", Shape::Bearer("accessToken")),
    ("webflowApi", Shape::Bearer("accessToken")),
    ("wooCommerceApi", Shape::Basic("consumerKey", "consumerSecret")),
    ("wordpressApi", Shape::Basic("username", "password")),
    ("xAiApi", Shape::Bearer("apiKey")),
];

impl Auth {
    /// What the node's credential of type `kind` adds.
    pub(crate) async fn find(ctx: &Context, kind: &str) -> Result<Self, NodeError> {
        let credential = ctx.credential(kind).await?;
        let mut auth = Self { hosts: allowed_hosts(&credential), ..Self::default() };
        match kind {
            "httpBasicAuth" => auth.shape(&credential, &Shape::Basic("user", "password")),
            "httpBearerAuth" => auth.shape(&credential, &Shape::Bearer("token")),
            "httpHeaderAuth" => auth.header(credential.text("name"), credential.text("value")),
            "httpQueryAuth" => {
                auth.query.insert(credential.text("name"), credential.text("value"));
            }
            "httpCustomAuth" => auth.custom(&credential)?,
            "notionApi" => {
                auth.shape(&credential, &Shape::Bearer("apiKey"));
                auth.header("notion-version", "2022-02-22");
            }
            "supabaseApi" => {
                auth.shape(&credential, &Shape::Bearer("serviceRole"));
                auth.header("apikey", credential.text("serviceRole"));
            }
            _ => match (SERVICES.iter().find(|(name, _)| *name == kind), access_token(&credential)) {
                (Some((_, shape)), _) => auth.shape(&credential, shape),
                (None, Some(token)) => auth.header("authorization", &format!("Bearer {token}")),
                (None, None) => {
                    return Err(NodeError::permanent(format!(
                        "credential type {kind} is not supported here yet; use a header, bearer, basic or query credential"
                    )));
                }
            },
        }
        if kind == "anthropicApi" {
            auth.header("anthropic-version", "2023-06-01");
        }
        Ok(auth)
    }

    /// Fails when the credential must not be sent to `url`.
    pub(crate) fn check(&self, url: &Url) -> Result<(), NodeError> {
        let host = url.host_str().unwrap_or_default();
        let allowed = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
            None => pattern == host,
        };
        match &self.hosts {
            Some(hosts) if !hosts.iter().any(allowed) => Err(NodeError::permanent(format!(
                "the credential must not be sent to {host}; add it to the allowed hosts of the credential"
            ))),
            _ => Ok(()),
        }
    }

    fn header(&mut self, name: &str, value: &str) {
        self.headers.insert(name.to_ascii_lowercase(), value);
    }

    fn shape(&mut self, credential: &Credential, shape: &Shape) {
        match shape {
            Shape::Bearer(field) => {
                self.header("authorization", &format!("Bearer {}", credential.text(field)))
            }
            Shape::Header(name, prefix, field) => {
                self.header(name, &format!("{prefix}{}", credential.text(field)))
            }
            Shape::Query(name, field) => {
                self.query.insert(*name, credential.text(field));
            }
            Shape::Basic(user, password) => {
                let pair = format!("{}:{}", credential.text(user), credential.text(password));
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                self.header("authorization", &format!("Basic {encoded}"));
            }
        }
    }

    /// A credential that lists headers, query and body itself.
    fn custom(&mut self, credential: &Credential) -> Result<(), NodeError> {
        let parts = match credential.field("json") {
            Some(Value::String(text)) => Value::from_json(text).ok(),
            other => other.cloned(),
        };
        let Some(Value::Object(parts)) = parts else {
            return Err(NodeError::permanent("the custom credential holds no valid JSON object"));
        };
        let part = |name: &str| parts.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, value) in part("headers").iter() {
            self.header(name, &to_text(value));
        }
        self.query = part("qs");
        self.body = part("body");
        Ok(())
    }
}

/// A token that is already there; whoever keeps the credential refreshes it.
fn access_token(credential: &Credential) -> Option<&str> {
    credential.field("oauthTokenData")?.get("access_token")?.as_str()
}

fn allowed_hosts(credential: &Credential) -> Option<Vec<String>> {
    match credential.text("allowedHttpRequestDomains") {
        "none" => Some(Vec::new()),
        "domains" => {
            let hosts = credential.text("allowedDomains").split(',');
            Some(hosts.map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()).collect())
        }
        _ => None,
    }
}
