//! Webhook: starts when its address is called.

use sdk::prelude::*;

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
    /// The name of files that come with a call.
    file_field: String,
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
}

/// How calls are answered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub enum Respond {
    /// At once, before anything ran.
    Immediately {
        /// The status.
        #[serde(default = "ok")]
        status: Expr<f64>,
        /// The body; a short message without it.
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
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    name: Expr<String>,
    /// Its value.
    value: Expr<String>,
}

fn ok() -> Expr<f64> {
    Expr::from(200.0)
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            methods: vec![Method::Post],
            path: String::new(),
            authentication: Authentication::None,
            respond: Respond::Immediately { status: ok(), body: None, no_body: false },
            headers: Vec::new(),
            allowed_origins: "*".to_owned(),
            allowed_addresses: String::new(),
            ignore_bots: false,
            raw_body: false,
            file_field: "data".to_owned(),
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

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        Ok(Output::main(super::given(inputs)))
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
            .set("raw_body", node.flag_or("options.rawBody", false))
            .set("file_field", node.get_or("options.binaryPropertyName", "data"));
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
    fn the_status_is_where_the_version_keeps_it() {
        let status = |webhook: Webhook| match webhook.respond {
            Respond::Immediately { status, .. } | Respond::LastNode { status, .. } => {
                status.literal().copied()
            }
            _ => None,
        };
        assert_eq!(status(imported(1.1, json!({ "responseCode": 201 }))), Some(201.0));
        let custom = json!({ "options": { "responseCode": { "values": { "responseCode": "customCode", "customCode": 418 } } } });
        assert_eq!(status(imported(2.0, custom)), Some(418.0));
    }
}
