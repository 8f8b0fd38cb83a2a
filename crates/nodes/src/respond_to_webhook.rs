//! Respond to Webhook: answers the call that started the execution.

use sdk::prelude::*;

use crate::convert::to_text;
use crate::path::Path;

/// Answers the call that started the execution, then passes its items on.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RespondToWebhook {
    /// What the answer holds.
    answer: Answer,
    /// The status; 307 for a redirect and 200 for everything else without it.
    #[serde(default)]
    status: Option<Expr<f64>>,
    /// Headers of the answer.
    #[serde(default)]
    headers: Vec<Header>,
    /// Whether the answer also leaves on a second output port.
    #[serde(default)]
    show_response: bool,
    /// Whether it is an error that nothing before this node could have been called.
    #[serde(default = "yes")]
    needs_webhook: bool,
    /// Whether the answer may be sent piece by piece.
    #[serde(default)]
    stream: bool,
}

/// What an answer holds.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "with", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// The data of the first item.
    FirstItem {
        /// The field that holds it, with dots; the data is the whole answer without it.
        #[serde(default)]
        key: Option<Expr<String>>,
    },
    /// The data of all items, as a list.
    AllItems {
        /// The field that holds it, with dots; the list is the whole answer without it.
        #[serde(default)]
        key: Option<Expr<String>>,
    },
    /// JSON.
    Json {
        /// A value, or JSON text of one.
        body: Expr<Value>,
    },
    /// Text.
    Text {
        /// The text.
        body: Expr<Value>,
    },
    /// A file of the first item.
    Binary {
        /// The name of the file; the first one without it.
        #[serde(default)]
        field: Option<Expr<String>>,
    },
    /// Another address.
    Redirect {
        /// The address.
        to: Expr<String>,
    },
    /// Nothing.
    Nothing,
}

/// A header of an answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name; sent in lower case.
    name: Expr<String>,
    /// Its value.
    value: Expr<String>,
}

/// An answer as the server gets it.
#[derive(Debug, Serialize)]
struct Response {
    status: u16,
    headers: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// The file that is the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<model::Binary>,
    stream: bool,
}

/// Node types that are called from outside.
const CALLED: &[&str] = &[
    "core.webhook",
    "core.wait",
    "n8n-nodes-base.webhook",
    "n8n-nodes-base.wait",
    "n8n-nodes-base.formTrigger",
    "@n8n/n8n-nodes-langchain.chatTrigger",
];

fn yes() -> bool {
    true
}

impl Node for RespondToWebhook {
    const KIND: Kind = Kind::new("core.respond_to_webhook", 1);
    const TITLE: &'static str = "Respond to Webhook";
    const GROUP: Group = Group::Flow;
    const OUTPUTS: &'static [&'static str] = &["main"];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Say thank you",
            parameters: r#"{"answer": {"with": "text", "body": "=Thank you, {{ $json.name }}"}, "needs_webhook": false}"#,
            items: r#"[{"name": "Ada"}]"#,
        },
        Example {
            title: "All items, with a status and a header",
            parameters: r#"{"answer": {"with": "all_items", "key": "data"}, "status": 201,
                "headers": [{"name": "X-Version", "value": "2"}], "needs_webhook": false}"#,
            items: r#"[{"id": 1}, {"id": 2}]"#,
        },
    ];

    fn ports(&self) -> Ports {
        let outputs: &[&str] = if self.show_response { &["main", "response"] } else { Self::OUTPUTS };
        Ports::new(Self::INPUTS, outputs)
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        if self.needs_webhook && !can_be_called(ctx) {
            let advice = "add a webhook before this node and let it answer by this node";
            return Err(NodeError::permanent("No Webhook node found in the workflow").describe(advice));
        }
        let response = match self.respond(ctx, inputs) {
            Ok(response) => response,
            Err(error) if ctx.continues_on_error() => {
                let mut failed = ctx.error_item(0, error)?;
                failed.lineage = Lineage::many((0..inputs.main().len()).map(Origin::item));
                return Ok(Output::main(vec![failed]));
            }
            Err(error) => return Err(error),
        };
        let response =
            Value::from_serialize(&response).map_err(|error| NodeError::permanent(error.to_string()))?;
        let items = inputs.main().iter().enumerate().map(|(index, item)| item.clone().from_item(index));
        let mut ports = vec![items.collect::<Vec<_>>().into()];
        if self.show_response {
            let shown = [("response", shown(&response))].into_iter().collect();
            ports.push(vec![Item::new(shown).from_item(0)].into());
        }
        Ok(Emission { ports, state: None, response: Some(response) }.into())
    }
}

impl RespondToWebhook {
    fn respond(&self, ctx: &Context, inputs: &Inputs) -> Result<Response, NodeError> {
        let mut response = Response {
            status: self.status(ctx)?,
            headers: Object::new(),
            body: None,
            file: None,
            stream: self.stream,
        };
        for header in &self.headers {
            response.headers.insert(header.name.eval(ctx, 0)?.to_lowercase(), header.value.eval(ctx, 0)?);
        }
        let items = inputs.main();
        match &self.answer {
            Answer::FirstItem { key } => {
                let data = items.first().map(|item| item.json.clone()).unwrap_or_default();
                response.body = Some(under(ctx, key.as_ref(), data.into())?);
            }
            Answer::AllItems { key } => {
                let data = Value::array(items.iter().map(|item| item.json.clone().into()));
                response.body = Some(under(ctx, key.as_ref(), data)?);
            }
            Answer::Json { body } => {
                response.body = Some(match body.eval(ctx, 0)? {
                    Value::String(text) => Value::from_json(&text).map_err(|_| {
                        NodeError::permanent("Invalid JSON in 'Response Body' field")
                            .describe("check the JSON text of the answer")
                    })?,
                    other => other,
                });
            }
            Answer::Text { body } => response.body = Some(body.eval(ctx, 0)?),
            Answer::Binary { field } => {
                let name = field.as_ref().map(|field| field.eval(ctx, 0)).transpose()?;
                response.file = Some(file(items, name.as_deref())?);
            }
            Answer::Redirect { to } => {
                response.headers.insert("location", to.eval(ctx, 0)?);
            }
            Answer::Nothing => {}
        }
        Ok(response)
    }

    fn status(&self, ctx: &Context) -> Result<u16, NodeError> {
        let Some(status) = &self.status else {
            return Ok(if matches!(self.answer, Answer::Redirect { .. }) { 307 } else { 200 });
        };
        let status = status.eval(ctx, 0)?;
        if status.fract() != 0.0 || !(100.0..=599.0).contains(&status) {
            return Err(NodeError::permanent(format!(
                "there is no status {status}; choose one from 100 to 599"
            )));
        }
        Ok(status as u16)
    }
}

/// Whether a node that is called from outside comes before this one.
fn can_be_called(ctx: &Context) -> bool {
    let graph = ctx.graph();
    let mut seen = vec![false; graph.nodes().len()];
    let mut open = vec![ctx.node.index];
    while let Some(node) = open.pop() {
        for parent in graph.parents(node) {
            if !std::mem::replace(&mut seen[parent.node], true) {
                let info = &graph.nodes()[parent.node];
                if !info.disabled && CALLED.contains(&info.kind.as_str()) {
                    return true;
                }
                open.push(parent.node);
            }
        }
    }
    false
}

/// The data, in the field that is asked for.
fn under(ctx: &Context, key: Option<&Expr<String>>, data: Value) -> Result<Value, NodeError> {
    match key.map(|key| key.eval(ctx, 0)).transpose()? {
        Some(key) if !key.is_empty() => {
            let mut body = Object::new();
            Path::parse(&key).set(&mut body, Some(data))?;
            Ok(body.into())
        }
        _ => Ok(data),
    }
}

fn file(items: &[Item], name: Option<&str>) -> Result<model::Binary, NodeError> {
    let files = items.first().and_then(|item| item.binary.as_ref());
    let found = match name {
        Some(name) => files.and_then(|files| files.get(name)),
        None => files.and_then(|files| files.values().next()),
    };
    found.cloned().ok_or_else(|| match name {
        Some(name) => {
            NodeError::permanent(format!("the first item has no file \"{name}\"; choose one that it has"))
        }
        None => NodeError::permanent("the first item has no file to answer with"),
    })
}

/// The answer as the second output port shows it.
fn shown(response: &Value) -> Value {
    let member = |name: &str| response.get(name).cloned().unwrap_or_default();
    json!({ "body": (member("body")), "headers": (member("headers")), "statusCode": (member("status")) })
}

/// n8n's node.
pub const N8N: &[N8nMapping] = &[N8nMapping {
    kind: "n8n-nodes-base.respondToWebhook",
    versions: &[1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
    map: from_n8n,
}];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let key = node.get_or("options.responseKey", Value::Null);
    let example = "{\n  \"myField\": \"value\"\n}";
    let answer = match node.text_or("respondWith", "firstIncomingItem") {
        "firstIncomingItem" => json!({ "with": "first_item", "key": key }),
        "allIncomingItems" => json!({ "with": "all_items", "key": key }),
        "json" => json!({ "with": "json", "body": (node.get_or("responseBody", example)) }),
        "text" => json!({ "with": "text", "body": (node.get_or("responseBody", "")) }),
        "noData" => json!({ "with": "nothing" }),
        "redirect" => json!({ "with": "redirect", "to": (node.get_or("redirectURL", "")) }),
        "binary" => {
            let named = node.text_or("responseDataSource", "automatically") == "set";
            let field = if named { node.get_or("inputFieldName", "data") } else { Value::Null };
            json!({ "with": "binary", "field": field })
        }
        other => {
            return Err(Unmapped::UnsupportedParameters(format!(
                "answers of kind \"{other}\" are not supported; make the answer in a code node and send it as text"
            )));
        }
    };
    let headers = node.entries("options.responseHeaders.entries").into_iter().map(|header| {
        let field = |name: &str| header.get(name).map(to_text).unwrap_or_default();
        json!({ "name": (field("name").as_str()), "value": (field("value").as_str()) })
    });
    let shows = node.version == 1.3 || (node.version >= 1.4 && node.flag_or("enableResponseOutput", false));
    Ok(Native::new(RespondToWebhook::KIND, json!({ "answer": answer }))
        .set("status", node.get_or("options.responseCode", Value::Null))
        .set("headers", Value::array(headers))
        .set("show_response", shows)
        .set("needs_webhook", node.version >= 1.1)
        .set("stream", node.version >= 1.5 && node.flag_or("options.enableStreaming", true)))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check_error, run};

    use super::*;

    fn respond(answer: Value) -> Value {
        let node: RespondToWebhook = build(&json!({ "answer": answer, "needs_webhook": false }));
        let emission = run(&node, json!([{ "a": 1 }, { "a": 2 }])).expect("the step completes");
        assert_eq!(emission.ports[0].len(), 2, "the items pass on");
        emission.response.expect("there is an answer")
    }

    #[test]
    fn items_are_answered_whole_or_under_a_key() {
        assert_eq!(respond(json!({ "with": "first_item" })).get("body"), Some(&json!({ "a": 1 })));
        let all = json!({ "d": { "e": [{ "a": 1 }, { "a": 2 }] } });
        assert_eq!(respond(json!({ "with": "all_items", "key": "d.e" })).get("body"), Some(&all));
    }

    #[test]
    fn json_text_becomes_json() {
        let answer = respond(json!({ "with": "json", "body": "{\"x\": [1]}" }));
        assert_eq!(answer.get("body"), Some(&json!({ "x": [1] })));
        let broken = json!({ "answer": { "with": "json", "body": "{x" }, "needs_webhook": false });
        let error = check_error::<RespondToWebhook>(broken, json!([{}]));
        assert_eq!(error.message, "Invalid JSON in 'Response Body' field");
    }

    #[test]
    fn a_redirect_has_its_own_status() {
        let answer = respond(json!({ "with": "redirect", "to": "https://example.com/" }));
        assert_eq!(answer.get("status"), Some(&307.into()));
        assert_eq!(answer.get("headers"), Some(&json!({ "location": "https://example.com/" })));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_is_an_error() {
        let error = check_error::<RespondToWebhook>(json!({ "answer": { "with": "nothing" } }), json!([{}]));
        assert_eq!(error.message, "No Webhook node found in the workflow");
    }

    #[test]
    fn the_answer_is_shown_on_a_second_port_when_asked() {
        let parameters = json!({ "answer": { "with": "text", "body": "hi" }, "needs_webhook": false, "show_response": true });
        let emission = run(&build::<RespondToWebhook>(&parameters), json!([{}])).expect("the step completes");
        let shown = json!({ "response": { "body": "hi", "headers": {}, "statusCode": 200 } });
        assert_eq!(Value::from(emission.ports[1][0].json.clone()), shown);
    }
}
