//! Webhook: starts when its address is called.

use std::sync::Arc;
use std::time::Duration;

use sdk::prelude::*;
use sdk::trigger::call::{self, CallSpec, Dedupe, Header, Origins, Respond, Signature, parse_addresses};
use sdk::trigger::{InvalidTrigger, PathPattern, Trigger};

/// Starts when its address is called. Its item holds the request: headers, path parameters, query and body.
///
/// Addresses are made when the workflow is published; this node says which calls count and how they are answered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Methods that count; several have an output port each.
    methods: Vec<Method>,
    /// What follows the address; parts that begin with a colon are path parameters.
    path: String,
    /// How callers prove who they are.
    authentication: Authentication,
    /// How the body is signed, for callers that prove it by a signature.
    signature: Signature,
    /// How calls are answered.
    respond: Respond,
    /// Headers of the answer.
    headers: Vec<Header>,
    /// Origins whose pages may call, separated by commas; `*` is every origin.
    allowed_origins: String,
    /// Addresses and networks that may call, separated by commas; blank is everybody.
    allowed_addresses: String,
    /// Whether calls by crawlers and link previews are refused.
    ignore_bots: bool,
    /// Whether the body is kept as it came, as a file.
    raw_body: bool,
    /// The name of files that come with a call, numbered when there are several in a form; that of their field without it.
    file_field: Option<String>,
    /// What makes two calls one: the second starts nothing and is told of the first.
    dedupe: Dedupe,
    /// For how long, in milliseconds.
    dedupe_window_ms: u64,
    /// Whether answers that this workflow does not word are worded as n8n words them.
    n8n_answers: bool,
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks for something.
    Get,
    /// Asks for the headers alone.
    Head,
    /// Sends something.
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

/// How callers prove who they are; the secret is a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// By user and password.
    Basic,
    /// By the value of a header.
    Header,
    /// By a signed token.
    Jwt,
    /// By a signature of the body.
    Signature,
}

fn one_day() -> u64 {
    24 * 60 * 60 * 1000
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            methods: vec![Method::Post],
            path: String::new(),
            authentication: Authentication::None,
            signature: Signature::default(),
            respond: Respond::Immediately { status: None, body: None, no_body: false },
            headers: Vec::new(),
            allowed_origins: "*".to_owned(),
            allowed_addresses: String::new(),
            ignore_bots: false,
            raw_body: false,
            file_field: None,
            dedupe: Dedupe::default(),
            dedupe_window_ms: one_day(),
            n8n_answers: false,
        }
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    fn as_http(self) -> sdk::net::Method {
        match self {
            Method::Get => sdk::net::Method::GET,
            Method::Head => sdk::net::Method::HEAD,
            Method::Post => sdk::net::Method::POST,
            Method::Put => sdk::net::Method::PUT,
            Method::Patch => sdk::net::Method::PATCH,
            Method::Delete => sdk::net::Method::DELETE,
        }
    }
}

impl Node for Webhook {
    const KIND: Kind = Kind::new("core.webhook", 1);
    const TITLE: &'static str = "Webhook";
    const GROUP: Group = Group::Trigger;
    const STARTS_ON: StartsOn = StartsOn::Call;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Take orders, answer at once",
            parameters: r#"{"methods": ["POST"], "path": "orders"}"#,
            items: r#"[{"headers": {}, "params": {}, "query": {}, "body": {"id": 1}}]"#,
        },
        Example {
            title: "Answer with what the last node gives",
            parameters: r#"{"methods": ["GET"], "path": "orders/:id", "authentication": "header",
                "respond": {"when": "last_node"}}"#,
            items: r#"[{"headers": {}, "params": {"id": "7"}, "query": {}, "body": {}}]"#,
        },
        Example {
            title: "What GitHub reports, each thing once",
            parameters: r#"{"methods": ["POST"], "authentication": "signature", "signature": {"scheme": "github"}}"#,
            items: r#"[{"headers": {"x-github-event": "push"}, "params": {}, "query": {}, "body": {"ref": "refs/heads/main"}}]"#,
        },
    ];

    fn ports(&self) -> Ports {
        match self.methods.as_slice() {
            [_, _, ..] => {
                let names: Vec<&str> = self.methods.iter().map(|method| method.name()).collect();
                Ports::new(Self::INPUTS, &names)
            }
            _ => Ports::new(Self::INPUTS, Self::OUTPUTS),
        }
    }

    fn trigger(&self) -> Result<Trigger, InvalidTrigger> {
        if self.methods.is_empty() {
            return Err(InvalidTrigger("no method counts; choose at least one".into()));
        }
        Ok(Trigger::Call(Arc::new(CallSpec {
            methods: self.methods.iter().map(|method| method.as_http()).collect(),
            path: PathPattern::parse(&self.path),
            authentication: match self.authentication {
                Authentication::None => call::Authentication::None,
                Authentication::Basic => call::Authentication::Basic,
                Authentication::Header => call::Authentication::Header,
                Authentication::Jwt => call::Authentication::Jwt,
                Authentication::Signature => call::Authentication::Signature(self.signature.clone()),
            },
            origins: Origins::parse(&self.allowed_origins),
            addresses: parse_addresses(&self.allowed_addresses)?,
            ignore_bots: self.ignore_bots,
            raw_body: self.raw_body,
            file_field: self.file_field.clone().filter(|name| !name.is_empty()),
            dedupe: self.dedupe.clone(),
            dedupe_window: Duration::from_millis(self.dedupe_window_ms),
            respond: self.respond.clone(),
            headers: self.headers.clone(),
            n8n_answers: self.n8n_answers,
        })))
    }

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = super::given(inputs);
        // Whoever made the item says with its origin which of the methods was used.
        let origin = inputs.main().first().and_then(|item| item.lineage.origins().first());
        let port = origin.map_or(0, |origin| usize::from(origin.input));
        if port == 0 || port >= self.methods.len() {
            return Ok(Output::main(items));
        }
        let mut ports = vec![Vec::new(); port];
        ports.push(items);
        Ok(Output::ports(ports))
    }
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.webhook", versions: &[1.0, 1.1, 2.0, 2.1], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let headers = node.entries("options.responseHeaders.entries").into_iter().map(|header| {
        let field = |name: &str| header.get(name).cloned().unwrap_or_else(|| "".into());
        json!({ "name": (field("name")), "value": (field("value")) })
    });
    let native =
        Native::new(Webhook::KIND, json!({ "methods": (methods(node)?), "respond": (respond(node)?) }))
            .set("path", node.get_or("path", ""))
            .set("authentication", authentication(node)?)
            .set("headers", Value::array(headers))
            .set("allowed_origins", node.get_or("options.allowedOrigins", "*"))
            .set("allowed_addresses", node.get_or("options.ipWhitelist", ""))
            .set("ignore_bots", node.flag_or("options.ignoreBots", false))
            .set(
                "raw_body",
                node.flag_or("options.rawBody", false) || node.flag_or("options.binaryData", false),
            )
            .set("file_field", node.get_or("options.binaryPropertyName", Value::Null))
            .set("n8n_answers", true);
    Ok(native.changed("its address is new; callers must be told"))
}

fn methods(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    let several = node.flag_or("multipleMethods", false);
    match node.get("httpMethod") {
        Some(list @ Value::Array(_)) => Ok(list.clone()),
        Some(Value::String(computed)) if computed.starts_with('=') => Err(Unmapped::UnsupportedParameters(
            "the method of the webhook is an expression; choose one or more methods".into(),
        )),
        Some(one) => Ok(Value::array([one.clone()])),
        None if several => Ok(json!(["GET", "POST"])),
        None => Ok(json!(["GET"])),
    }
}

fn authentication(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    Ok(match node.text_or("authentication", "none") {
        "none" => "none".into(),
        "basicAuth" => "basic".into(),
        "headerAuth" => "header".into(),
        "jwtAuth" => "jwt".into(),
        other => {
            let message = format!("there is no authentication \"{other}\"; choose another one");
            return Err(Unmapped::UnsupportedParameters(message));
        }
    })
}

fn respond(node: &N8nNode<'_>) -> Result<Value, Unmapped> {
    let status = if node.version < 2.0 {
        node.get_or("responseCode", 200)
    } else {
        match node.get_or("options.responseCode.values.responseCode", 200) {
            Value::String(custom) if custom == "customCode" => {
                node.get_or("options.responseCode.values.customCode", 200)
            }
            code => code,
        }
    };
    Ok(match node.text_or("responseMode", "onReceived") {
        "onReceived" => json!({
            "when": "immediately",
            "status": status,
            "body": (node.get_or("options.responseData", Value::Null)),
            "no_body": (node.flag_or("options.noResponseBody", false)),
        }),
        "lastNode" => {
            let (data, field) = match node.text_or("responseData", "firstEntryJson") {
                "allEntries" => ("all_items", Value::Null),
                "firstEntryBinary" => ("first_file", node.get_or("responseBinaryPropertyName", "data")),
                "noData" => ("nothing", Value::Null),
                _ => ("first_item", node.get_or("options.responsePropertyName", Value::Null)),
            };
            let content_type = node.get_or("options.responseContentType", Value::Null);
            json!({ "when": "last_node", "status": status, "data": data, "field": field, "content_type": content_type })
        }
        "responseNode" => json!({ "when": "node" }),
        "streaming" => json!({ "when": "streaming" }),
        other => {
            let message = format!("the webhook answers \"{other}\", which is unknown; choose another way");
            return Err(Unmapped::UnsupportedParameters(message));
        }
    })
}

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check};

    use super::*;

    fn imported(version: f64, parameters: Value) -> Webhook {
        let parameters = parameters.as_object().expect("an object");
        let node = N8nNode { kind: "n8n-nodes-base.webhook", version, parameters, webhook_id: None };
        build(&from_n8n(&node).expect("the node is mapped").parameters.into())
    }

    #[test]
    fn the_request_passes_on() {
        let request = json!({ "headers": {}, "body": { "a": 1 } });
        check::<Webhook>(json!({}), json!([request]), json!({ "main": [request] }));
    }

    #[test]
    fn several_methods_have_a_port_each() {
        let webhook = imported(2.0, json!({ "multipleMethods": true, "httpMethod": ["POST", "GET"] }));
        assert_eq!(Node::ports(&webhook).outputs, ["POST", "GET"]);
        assert_eq!(Node::ports(&imported(2.0, json!({}))).outputs, ["main"]);
    }

    #[test]
    fn a_call_leaves_on_the_port_of_its_method() {
        let webhook: Webhook = build(&json!({ "methods": ["GET", "POST"] }));
        let mut ctx = sdk::testing::context(Inputs::default());
        let mut lengths = |port: usize| {
            let item = Item { lineage: Lineage::one(Origin::of(port, 0)), ..Item::default() };
            let inputs = Inputs::single(Arc::new(vec![item]));
            ctx = sdk::testing::context(inputs.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
            match runtime.block_on(Node::run(&webhook, &ctx, &inputs)) {
                Ok(Output::Items(emission)) => {
                    emission.ports.iter().map(|items| items.len()).collect::<Vec<_>>()
                }
                other => panic!("the step completes, not {other:?}"),
            }
        };
        assert_eq!(lengths(0), [1]);
        assert_eq!(lengths(1), [0, 1]);
        assert_eq!(lengths(7), [1]);
    }

    #[test]
    fn the_status_is_where_the_version_keeps_it() {
        let status = |webhook: Webhook| match webhook.respond {
            Respond::Immediately { status, .. } => status.and_then(|status| status.literal().copied()),
            Respond::LastNode { status, .. } => status.literal().copied(),
            _ => None,
        };
        assert_eq!(status(imported(1.1, json!({ "responseCode": 201 }))), Some(201.0));
        let custom = json!({ "options": { "responseCode": { "values": { "responseCode": "customCode", "customCode": 418 } } } });
        assert_eq!(status(imported(2.0, custom)), Some(418.0));
    }

    #[test]
    fn what_it_says_about_itself_is_read_once() {
        let webhook: Webhook = build(&json!({
            "methods": ["GET", "POST"], "path": "a/:b", "allowed_addresses": "10.0.0.0/8",
            "authentication": "signature",
            "signature": { "scheme": "custom", "header": "x-hash", "encoding": "base64" },
            "dedupe": { "by": "key", "key": "={{ $json.body.id }}" },
        }));
        let Ok(Trigger::Call(call)) = Node::trigger(&webhook) else { panic!("it is called") };
        assert_eq!(call.methods, ["GET", "POST"]);
        assert_eq!(call.authentication.credential(), Some("webhookSignature"));
        assert!(call.path.matches("a/1").is_some());
        assert_eq!(call.addresses.len(), 1);
    }

    #[test]
    fn addresses_that_are_none_cannot_be_published() {
        let webhook: Webhook = build(&json!({ "allowed_addresses": "the office" }));
        let error = Node::trigger(&webhook).expect_err("the list is not valid");
        assert!(error.to_string().contains("the office"), "{error}");
    }
}
