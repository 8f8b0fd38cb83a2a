//! Wait: lets an execution rest until a time comes, a call or a filled-in form.

use std::sync::Arc;

use sdk::output::Resume;
use sdk::prelude::*;

use crate::moment;

/// Lets the execution rest until a time comes, a call or a filled-in form, then passes its items on. Resting takes no
/// memory and survives restarts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "until", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wait {
    /// Some time has passed.
    Interval {
        /// How long.
        amount: Expr<f64>,
        /// In what.
        #[serde(default)]
        unit: Expr<Unit>,
    },
    /// A moment has come; one that is over does not make anybody wait.
    Moment {
        /// The date and time; without an offset in the workflow's time zone.
        at: Expr<Value>,
    },
    /// The execution's resume address is called; the request becomes the item.
    Call {
        /// Methods that count.
        methods: Vec<String>,
        /// How the caller is checked and answered.
        #[serde(default)]
        options: Object,
        /// When the waiting ends anyway.
        #[serde(default)]
        limit: Option<Limit>,
    },
    /// A person fills in a form at the execution's form address; what they enter becomes the item.
    Form {
        /// The form and what its visitors see.
        #[serde(default)]
        options: Object,
        /// When the waiting ends anyway.
        #[serde(default)]
        limit: Option<Limit>,
    },
}

/// A unit of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    #[default]
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
}
sdk::parameter!(Unit);

/// When waiting for a call or a form ends anyway; the items pass on as they are.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "after", rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// After some time.
    Interval {
        /// How long.
        amount: Expr<f64>,
        /// In what.
        #[serde(default)]
        unit: Expr<Unit>,
    },
    /// At a moment.
    Moment {
        /// The date and time; without an offset in the workflow's time zone.
        at: Expr<Value>,
    },
}

impl Node for Wait {
    const KIND: Kind = Kind::new("core.wait", 1);
    const TITLE: &'static str = "Wait";
    const GROUP: Group = Group::Flow;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Three days",
            parameters: r#"{"until": "interval", "amount": 3, "unit": "days"}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "Until the item is due",
            parameters: r#"{"until": "moment", "at": "={{ $json.due }}"}"#,
            items: r#"[{"due": "2030-01-01"}]"#,
        },
        Example {
            title: "For an answer, a day at most",
            parameters: r#"{"until": "call", "methods": ["POST"],
                "limit": {"after": "interval", "amount": 1, "unit": "days"}}"#,
            items: r#"[{"id": 1}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let items = inputs.main().iter().enumerate().map(|(index, item)| item.clone().from_item(index));
        let emit = vec![Arc::new(items.collect())];
        let (until_ms, resume) = match self {
            Wait::Interval { amount, unit } => (Some(after(ctx, amount, unit)?), Resume::Never),
            Wait::Moment { at } => (Some(moment_of(ctx, at)?), Resume::Never),
            Wait::Call { methods, options, limit } => {
                let resume = Resume::Call { methods: methods.clone(), options: options.clone().into() };
                (limit_of(ctx, limit.as_ref())?, resume)
            }
            Wait::Form { options, limit } => {
                (limit_of(ctx, limit.as_ref())?, Resume::Form { options: options.clone().into() })
            }
        };
        if resume == Resume::Never && until_ms.is_some_and(|until| until <= ctx.now_ms) {
            return Ok(Emission { ports: emit, ..Emission::default() }.into());
        }
        Ok(Output::Wait(sdk::Wait { until_ms, resume, emit }))
    }
}

fn limit_of(ctx: &Context, limit: Option<&Limit>) -> Result<Option<f64>, NodeError> {
    match limit {
        None => Ok(None),
        Some(Limit::Interval { amount, unit }) => after(ctx, amount, unit).map(Some),
        Some(Limit::Moment { at }) => moment_of(ctx, at).map(Some),
    }
}

fn after(ctx: &Context, amount: &Expr<f64>, unit: &Expr<Unit>) -> Result<f64, NodeError> {
    let amount = amount.eval(ctx, 0)?;
    if !(amount >= 0.0 && amount.is_finite()) {
        return Err(NodeError::permanent("Invalid wait amount. Please enter a number that is 0 or greater."));
    }
    let seconds = match unit.eval(ctx, 0)? {
        Unit::Seconds => 1.0,
        Unit::Minutes => 60.0,
        Unit::Hours => 3600.0,
        Unit::Days => 86_400.0,
    };
    Ok(ctx.now_ms + amount * seconds * 1000.0)
}

fn moment_of(ctx: &Context, at: &Expr<Value>) -> Result<f64, NodeError> {
    moment::parse(&at.eval(ctx, 0)?, &ctx.execution.zone).ok_or_else(|| {
        NodeError::permanent(
            "Cannot put execution to wait because `dateTime` parameter is not a valid date. Please pick a specific \
             date and time to wait until.",
        )
    })
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.wait", versions: &[1.0, 1.1], map: from_n8n }];

fn from_n8n(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let (amount, unit) = if node.version < 1.1 { (1, "hours") } else { (5, "seconds") };
    let native = Native::new(Wait::KIND, json!({}));
    Ok(match node.text_or("resume", "timeInterval") {
        "timeInterval" => native
            .set("until", "interval")
            .set("amount", node.get_or("amount", amount))
            .set("unit", node.get_or("unit", unit)),
        "specificTime" => native.set("until", "moment").set("at", node.get_or("dateTime", "")),
        "webhook" => {
            let names = ["incomingAuthentication", "responseMode", "responseCode", "responseData"];
            let names = names.into_iter().chain(["responseBinaryPropertyName", "options"]);
            native
                .set("until", "call")
                .set("methods", Value::array([node.get_or("httpMethod", "GET")]))
                .set("options", kept(node, names))
                .set("limit", limit_from_n8n(node))
        }
        "form" => {
            let names = ["incomingAuthentication", "formTitle", "formDescription", "formFields"];
            let names = names.into_iter().chain(["responseMode", "options"]);
            native.set("until", "form").set("options", kept(node, names)).set("limit", limit_from_n8n(node))
        }
        other => {
            return Err(Unmapped::UnsupportedParameters(format!(
                "the wait is resumed by \"{other}\", which is unknown; choose a time, a call or a form"
            )));
        }
    })
}

/// The parameters with these names, as they are: they speak to the caller or visitor, not to this step.
fn kept<'a>(node: &N8nNode<'_>, names: impl Iterator<Item = &'a str>) -> Value {
    let kept: Object = names.filter_map(|name| Some((name, node.get(name)?.clone()))).collect();
    kept.into()
}

fn limit_from_n8n(node: &N8nNode<'_>) -> Value {
    if !node.flag_or("limitWaitTime", false) {
        return Value::Null;
    }
    match node.text_or("limitType", "afterTimeInterval") {
        "atSpecifiedTime" => json!({ "after": "moment", "at": (node.get_or("maxDateAndTime", "")) }),
        _ => json!({
            "after": "interval",
            "amount": (node.get_or("resumeAmount", 1)),
            "unit": (node.get_or("resumeUnit", "hours")),
        }),
    }
}

#[cfg(test)]
mod tests {
    use sdk::testing::{NOW_MS, build, check, check_error, context};

    use super::*;

    fn wait(parameters: Value) -> sdk::Wait {
        let node: Wait = build(&parameters);
        let ctx = context(Inputs::single(Arc::new(vec![Item::default()])));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        match runtime.block_on(Node::run(&node, &ctx, &ctx.inputs)) {
            Ok(Output::Wait(wait)) => wait,
            other => panic!("the step waits, not {other:?}"),
        }
    }

    #[test]
    fn an_interval_counts_from_now() {
        let wait = wait(json!({ "until": "interval", "amount": 2, "unit": "minutes" }));
        assert_eq!(wait.until_ms, Some(NOW_MS + 120_000.0));
        assert_eq!(wait.emit[0].len(), 1);
    }

    #[test]
    fn a_moment_that_is_over_lets_items_pass_at_once() {
        check::<Wait>(
            json!({ "until": "moment", "at": "2020-01-01" }),
            json!([{ "a": 1 }]),
            json!({ "main": [{ "a": 1 }] }),
        );
    }

    #[test]
    fn a_call_ends_the_wait_before_its_limit() {
        let limit = json!({ "after": "interval", "amount": 1, "unit": "hours" });
        let wait = wait(json!({ "until": "call", "methods": ["POST"], "limit": limit }));
        assert_eq!(wait.until_ms, Some(NOW_MS + 3_600_000.0));
        assert!(matches!(wait.resume, Resume::Call { methods, .. } if methods == ["POST"]));
    }

    #[test]
    fn amounts_below_zero_and_dates_that_are_none_are_errors() {
        let error = check_error::<Wait>(json!({ "until": "interval", "amount": -1 }), json!([{}]));
        assert!(error.message.starts_with("Invalid wait amount"), "{error}");
        let error = check_error::<Wait>(json!({ "until": "moment", "at": "soon" }), json!([{}]));
        assert!(error.message.contains("not a valid date"), "{error}");
    }
}
