//! What a webhook says about itself: which calls count, who may make them and how they are answered.

use std::net::IpAddr;
use std::time::Duration;

use http::Method;
use ipnet::IpNet;
use model::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidTrigger, PathPattern};
use crate::expression::Expr;

/// Which calls count, who may make them and how they are answered. Only what must be evaluated for each call is an
/// expression; its item is the request.
#[derive(Clone, Debug)]
pub struct CallSpec {
    /// Methods that count; when there are several, each has the output port at its place.
    pub methods: Vec<Method>,
    /// What follows the address.
    pub path: PathPattern,
    /// How callers prove who they are.
    pub authentication: Authentication,
    /// Whose pages may call.
    pub origins: Origins,
    /// Who may call by address; empty is everybody.
    pub addresses: Vec<IpNet>,
    /// Whether crawlers and link previews are refused.
    pub ignore_bots: bool,
    /// Whether the body is kept as it came, as a file.
    pub raw_body: bool,
    /// The name of files that come with a call; that of their field without it.
    pub file_field: Option<String>,
    /// What makes two calls one.
    pub dedupe: Dedupe,
    /// For how long.
    pub dedupe_window: Duration,
    /// How calls are answered.
    pub respond: Respond,
    /// Headers of the answer.
    pub headers: Vec<Header>,
    /// Whether answers that the workflow does not word are worded as n8n words them.
    pub n8n_answers: bool,
}

/// How callers prove who they are; the secret is a credential of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None,
    /// By user and password: a credential of type `httpBasicAuth`.
    Basic,
    /// By the value of a header: `httpHeaderAuth`.
    Header,
    /// By a signed token: `jwtAuth`.
    Jwt,
    /// By a signature of the body: `webhookSignature`, with one secret or two while it is being changed.
    Signature(Signature),
}

impl Authentication {
    /// The type of the credential that holds the secret.
    pub fn credential(&self) -> Option<&'static str> {
        match self {
            Authentication::None => None,
            Authentication::Basic => Some("httpBasicAuth"),
            Authentication::Header => Some("httpHeaderAuth"),
            Authentication::Jwt => Some("jwtAuth"),
            Authentication::Signature(_) => Some("webhookSignature"),
        }
    }
}

/// How the body is signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum Signature {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    #[default]
    StandardWebhooks,
    /// GitHub: `x-hub-signature-256`.
    Github,
    /// Stripe: `stripe-signature`.
    Stripe,
    /// Slack: `x-slack-signature` and `x-slack-request-timestamp`.
    Slack,
    /// Shopify: `x-shopify-hmac-sha256`.
    Shopify,
    /// A header of any name holds the HMAC of the body, SHA-256.
    Custom {
        /// The header.
        header: String,
        /// What stands before the hash in it, such as `sha256=`.
        #[serde(default)]
        prefix: String,
        /// How the hash is written.
        #[serde(default)]
        encoding: Encoding,
        /// The header that holds the time of sending in Unix seconds: the signature is then that of time, dot and body,
        /// and is good for five minutes.
        #[serde(default)]
        timestamp_header: Option<String>,
    },
}

/// How a hash is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// In hexadecimal digits.
    #[default]
    Hex,
    /// In base64.
    Base64,
}

/// What makes two calls one: the second starts nothing and gets the id of the first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Dedupe {
    /// Nothing.
    Nothing,
    /// The header `idempotency-key`, or the event id of a service that sends one.
    #[default]
    EventId,
    /// A header.
    Header {
        /// Its name.
        name: String,
    },
    /// Whatever an expression gives, such as a field of the body; nothing when it gives nothing.
    Key {
        /// The expression.
        key: Expr<String>,
    },
}

/// How calls are answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub enum Respond {
    /// At once, before anything ran.
    Immediately {
        /// The status; 202 without it.
        #[serde(default)]
        status: Option<Expr<f64>>,
        /// The body; where to ask for the execution without it.
        #[serde(default)]
        body: Option<Expr<Value>>,
        /// Whether there is no body at all.
        #[serde(default)]
        no_body: bool,
    },
    /// When the last node is done, with what it gave.
    LastNode {
        /// The status.
        #[serde(default = "ok")]
        status: Expr<f64>,
        /// What of it.
        #[serde(default)]
        data: ResponseData,
        /// The field that is the answer, or the name of the file.
        #[serde(default)]
        field: Option<Expr<String>>,
        /// The content type of that field.
        #[serde(default)]
        content_type: Option<Expr<String>>,
    },
    /// By a Respond to Webhook node.
    Node,
    /// Piece by piece, by the nodes that can do so.
    Streaming,
}

/// What of the last node's items is the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseData {
    /// The data of the first item.
    #[default]
    FirstItem,
    /// The data of all items.
    AllItems,
    /// A file of the first item.
    FirstFile,
    /// Nothing.
    Nothing,
}

/// A header of the answer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    pub name: Expr<String>,
    /// Its value.
    pub value: Expr<String>,
}

impl Header {
    /// Whether an expression makes it.
    pub fn is_computed(&self) -> bool {
        self.name.literal().is_none() || self.value.literal().is_none()
    }
}

fn ok() -> Expr<f64> {
    Expr::from(200.0)
}

/// Whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Everybody's.
    Any,
    /// Those of these origins.
    These(Vec<String>),
}

impl Origins {
    /// Reads origins separated by commas; `*` is every origin, and so is nothing at all.
    pub fn parse(list: &str) -> Self {
        let origins: Vec<_> = entries(list).map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        match origins.is_empty() || origins.iter().any(|origin| origin == "*") {
            true => Origins::Any,
            false => Origins::These(origins),
        }
    }

    /// Whether pages of this origin may call.
    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Origins::Any => true,
            Origins::These(origins) => origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)),
        }
    }
}

/// Reads addresses and networks separated by commas, such as `10.0.0.0/8, 192.168.1.7`.
pub fn parse_addresses(list: &str) -> Result<Vec<IpNet>, InvalidTrigger> {
    let read = |entry: &str| match (entry.parse::<IpNet>(), entry.parse::<IpAddr>()) {
        (Ok(network), _) => Ok(network),
        (_, Ok(address)) => Ok(address.into()),
        _ => Err(InvalidTrigger(format!(
            "\"{entry}\" is no address or network; write 192.168.1.7 or 10.0.0.0/8"
        ))),
    };
    entries(list).map(read).collect()
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_whole() {
        let origins = Origins::parse("https://a.example, https://b.example/");
        assert!(origins.allow("https://a.example") && origins.allow("https://B.example"));
        assert!(!origins.allow("https://a.example.evil") && !origins.allow("null"));
        assert_eq!(Origins::parse(" "), Origins::Any);
        assert_eq!(Origins::parse("https://a.example, *"), Origins::Any);
    }

    #[test]
    fn addresses_are_networks_too() {
        let networks = parse_addresses("10.0.0.0/8, 192.168.1.7 ,fd00::/8").expect("the list is valid");
        let inside = |address: &str| {
            let address: IpAddr = address.parse().expect("an address");
            networks.iter().any(|network| network.contains(&address))
        };
        assert!(inside("10.1.2.3") && inside("192.168.1.7") && inside("fd00::1"));
        assert!(!inside("192.168.1.8") && !inside("11.0.0.1"));
        let error = parse_addresses("10.0.0.0/8, office").expect_err("a name is no address");
        assert!(error.to_string().contains("\"office\""), "{error}");
    }
}
