//! HTTP Poll Trigger: asks an address for news once in a while.

use std::collections::HashSet;
use std::sync::Arc;

use sdk::net::{self, Request};
use sdk::prelude::*;
use sdk::trigger::{InvalidTrigger, Poll, Polled, Trigger};
use sha2::{Digest, Sha256};

use super::schedule::{Rule, Timetable};
use crate::convert::to_text;
use crate::http_request::auth::Auth;
use crate::path::Path;

/// Things that are remembered as seen at most; the oldest are forgotten first.
const MAX_SEEN: usize = 10_000;

/// Asks an address for a list at the times that its rules name, and starts with what was not in it before. The first
/// look only remembers what is there.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpPoll {
    /// The address.
    url: Expr<String>,
    /// Headers of the request.
    headers: Vec<Header>,
    /// The type of the credential that goes along, if one does.
    credential: Option<String>,
    /// Where in the answer the list is, with dots; blank when the answer is the list.
    items: String,
    /// The field that tells one thing of the list from another, with dots; without it two that are the same in every
    /// field are one.
    id: String,
    /// When to ask; any of the rules is enough.
    rules: Vec<Rule>,
    /// Whether the first look starts with what is there, too.
    start_with_existing: bool,
}

/// A header of the request.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Its name.
    name: String,
    /// Its value.
    value: Expr<String>,
}

/// How far it has looked.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    /// What was seen, oldest first.
    seen: Vec<String>,
    /// What the server calls the state of the list that it gave.
    etag: Option<String>,
    /// When the server says that the list changed.
    modified: Option<String>,
}

impl Default for HttpPoll {
    fn default() -> Self {
        Self {
            url: Expr::default(),
            headers: Vec::new(),
            credential: None,
            items: String::new(),
            id: String::new(),
            rules: vec![Rule::Minutes { count: 5 }],
            start_with_existing: false,
        }
    }
}

impl Node for HttpPoll {
    const KIND: Kind = Kind::new("core.http_poll", 1);
    const TITLE: &'static str = "HTTP Poll Trigger";
    const GROUP: Group = Group::Trigger;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[Example {
        title: "New releases, looked for once an hour",
        parameters: r#"{"url": "https://api.example.com/releases", "id": "id", "rules": [{"every": "hours", "count": 1}]}"#,
        items: r#"[{"id": 7, "name": "v1.2"}]"#,
    }];

    fn trigger(&self) -> Result<Trigger, InvalidTrigger> {
        let timetable = Timetable::new(&self.rules).map_err(|error| InvalidTrigger(error.to_string()))?;
        Ok(Trigger::Poll(Poll { timetable: Arc::new(timetable) }))
    }

    async fn poll(&self, ctx: &Context, cursor: Option<&Value>) -> Result<Polled, NodeError> {
        let before: Option<Cursor> = cursor.and_then(|cursor| cursor.parse().ok());
        let response = self.ask(ctx, before.as_ref()).await?;
        if response.status == net::StatusCode::NOT_MODIFIED
            && let (Some(_), Some(cursor)) = (&before, cursor)
        {
            return Ok(Polled { items: Vec::new(), cursor: cursor.clone() });
        }
        if !response.status.is_success() {
            let message = format!("the server answered {}", response.status.as_u16());
            return Err(NodeError::transient(message));
        }
        let list = self.list(&response)?;
        let is_first = before.is_none();
        let mut seen = before.unwrap_or_default().seen;
        let known: HashSet<String> = seen.iter().cloned().collect();
        let mut found = HashSet::new();
        let mut items = Vec::new();
        for thing in list {
            let id = self.identity(&thing);
            if known.contains(&id) || !found.insert(id.clone()) {
                continue;
            }
            seen.push(id);
            if !is_first || self.start_with_existing {
                items.push(Item::new(thing).from_item(items.len()));
            }
        }
        let surplus = seen.len().saturating_sub(MAX_SEEN);
        seen.drain(..surplus);
        let header = |name: &str| response.header(name).map(str::to_owned);
        let cursor = Cursor { seen, etag: header("etag"), modified: header("last-modified") };
        let cursor =
            Value::from_serialize(&cursor).map_err(|error| NodeError::permanent(error.to_string()))?;
        Ok(Polled { items, cursor })
    }

    async fn run(&self, _: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        Ok(Output::main(super::given(inputs)))
    }
}

impl HttpPoll {
    async fn ask(&self, ctx: &Context, before: Option<&Cursor>) -> Result<net::Response, NodeError> {
        let auth = match &self.credential {
            Some(kind) => Auth::find(ctx, kind).await?,
            None => Auth::default(),
        };
        let mut request = Request::parse("GET", &self.url.eval(ctx, 0)?).map_err(invalid)?;
        auth.check(&request.url)?;
        for header in &self.headers {
            request.header(&header.name, &header.value.eval(ctx, 0)?).map_err(invalid)?;
        }
        for (name, value) in auth.headers.iter() {
            request.secret_header(name, &to_text(value)).map_err(invalid)?;
        }
        for (name, value) in auth.query.iter() {
            request.url.query_pairs_mut().append_pair(name, &to_text(value));
        }
        if let Some(before) = before {
            for (name, value) in [("if-none-match", &before.etag), ("if-modified-since", &before.modified)] {
                if let Some(value) = value {
                    request.header(name, value).map_err(invalid)?;
                }
            }
        }
        let sent = ctx.services.http.send(request, &ctx.cancel).await;
        sent.map_err(|error| NodeError::transient(error.to_string()))
    }

    /// The things that an answer lists.
    fn list(&self, response: &net::Response) -> Result<Vec<Object>, NodeError> {
        let answer = Value::from_json(&response.text())
            .map_err(|error| NodeError::permanent(format!("the answer is no JSON: {error}")))?;
        let list = match (&answer, self.items.as_str()) {
            (_, "") => Some(&answer),
            (Value::Object(object), path) => Path::parse(path).get(object),
            _ => None,
        };
        let wrap = |value: &Value| match value {
            Value::Object(object) => object.clone(),
            other => [("value", other.clone())].into_iter().collect(),
        };
        match list {
            Some(Value::Array(values)) => Ok(values.iter().map(wrap).collect()),
            Some(one @ Value::Object(_)) => Ok(vec![wrap(one)]),
            Some(Value::Null) => Ok(Vec::new()),
            _ => Err(NodeError::permanent(format!(
                "the answer has no list at \"{}\"; say where it is",
                self.items
            ))),
        }
    }

    /// What tells a thing from others: its id when it is short, else a hash.
    fn identity(&self, thing: &Object) -> String {
        let id = (!self.id.is_empty()).then(|| Path::parse(&self.id).get(thing).cloned()).flatten();
        let text = match id {
            Some(Value::String(text)) => format!("s{text}"),
            Some(other) if !other.is_null() => other.to_json(),
            _ => Value::Object(thing.clone()).to_json(),
        };
        if text.len() <= 64 {
            return text;
        }
        let digest = Sha256::digest(&text);
        digest[..16].iter().fold(String::from("#"), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

fn invalid(error: net::Error) -> NodeError {
    NodeError::permanent(error.to_string())
}

#[cfg(test)]
mod tests {
    use sdk::net::{Client, Mocks};
    use sdk::{Services, testing};

    use super::*;

    /// Looks once; the server answers with this body.
    fn look(parameters: Value, cursor: Option<&Value>, body: Value) -> Result<Polled, NodeError> {
        let node: HttpPoll = testing::build(&parameters);
        let mut ctx = testing::context(Inputs::default());
        let mocks: Mocks = json!([{ "base": "https://a.example", "path": "/list", "statusCode": 200, "responseBody": body }])
            .parse()
            .expect("the mocks are valid");
        ctx.services = Services { http: Client::with_mocks(mocks), ..Services::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Node::poll(&node, &ctx, cursor))
    }

    fn ids(polled: &Polled) -> Vec<Value> {
        polled.items.iter().filter_map(|item| item.json.get("id").cloned()).collect()
    }

    #[test]
    fn what_was_there_before_starts_nothing_and_what_is_new_starts_once() {
        let parameters = json!({ "url": "https://a.example/list", "items": "data.list", "id": "id" });
        let list = |ids: &[i32]| {
            let list = Value::array(ids.iter().map(|id| json!({ "id": (*id) })));
            json!({ "data": { "list": list } })
        };
        let first = look(parameters.clone(), None, list(&[1, 2])).expect("it looks");
        assert_eq!(ids(&first), [0; 0].map(Value::from));
        let second = look(parameters.clone(), Some(&first.cursor), list(&[3, 2, 1, 3])).expect("it looks");
        assert_eq!(ids(&second), [3].map(Value::from));
        // What left the list and comes back is known.
        let third = look(parameters.clone(), Some(&second.cursor), list(&[4])).expect("it looks");
        let fourth = look(parameters, Some(&third.cursor), list(&[1, 4])).expect("it looks");
        assert_eq!((ids(&third).len(), ids(&fourth).len()), (1, 0));
    }

    #[test]
    fn the_first_look_starts_too_when_that_is_wanted() {
        let parameters = json!({ "url": "https://a.example/list", "start_with_existing": true });
        let polled =
            look(parameters, None, json!([{ "id": 1 }, { "id": 2 }, { "id": 1 }])).expect("it looks");
        assert_eq!(ids(&polled), [1, 2].map(Value::from));
    }

    #[test]
    fn an_answer_without_the_list_is_an_error_and_the_cursor_stays() {
        let parameters = json!({ "url": "https://a.example/list", "items": "nothing.here" });
        let error = look(parameters, None, json!({ "data": [] })).expect_err("there is no list");
        assert!(error.message.contains("\"nothing.here\""), "{error}");
    }
}
