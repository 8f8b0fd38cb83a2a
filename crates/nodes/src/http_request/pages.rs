//! Answers that come in pages.

use std::time::Duration;

use sdk::net::{self, Response};
use sdk::prelude::*;

use super::draft::{Draft, DraftBody};
use super::{Caller, answer};
use crate::convert::{to_text, truthy};

/// How to ask for page after page. Expressions see `$response` (`{body, headers, statusCode}` of the page before),
/// `$pageCount` (pages so far) and `$request` here.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pagination {
    /// How the request for a page differs.
    next: Next,
    /// When there are no more pages.
    until: Until,
    /// Pages at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_pages: Option<Expr<usize>>,
    /// The pause between two pages.
    #[serde(default = "no_pause")]
    pause_ms: Expr<usize>,
}

fn no_pause() -> Expr<usize> {
    Expr::from(0)
}

/// How the request for a page differs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Next {
    /// An answer holds the address of the next page.
    Url {
        /// Where it stands; empty when there is none.
        url: Expr<Text>,
    },
    /// Some values change from page to page.
    Change {
        /// Which.
        values: Vec<Change>,
    },
}

/// A value that changes from page to page.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Where it is.
    place: Place,
    /// Its name.
    name: Expr<Text>,
    /// The value for a page, the first one included.
    value: Expr<Value>,
}

/// A place in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// The query.
    Query,
    /// The headers.
    Header,
    /// The body.
    Body,
}

/// When there are no more pages.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Until {
    /// A body is empty.
    Empty,
    /// A page has one of these statuses.
    Status {
        /// The statuses, with commas between them.
        codes: Expr<Text>,
    },
    /// Something is true.
    Expression {
        /// What.
        complete: Expr<Value>,
    },
}

/// The same page so often in a row means that nothing ever changes.
const MAX_IDENTICAL: usize = 5;
/// No service has so many pages; a step without end would fill the memory.
const MAX_PAGES: usize = 10_000;

impl Pagination {
    /// All pages.
    pub(super) async fn fetch(
        &self,
        caller: &Caller<'_>,
        mut draft: Draft,
    ) -> Result<Vec<Response>, NodeError> {
        let Caller { node, ctx, index, .. } = *caller;
        let most = self.max_pages.as_ref().map(|pages| pages.eval(ctx, index)).transpose()?;
        let most = most.filter(|most| *most > 0).unwrap_or(MAX_PAGES).min(MAX_PAGES);
        let pause = Duration::from_millis(self.pause_ms.eval(ctx, index)? as u64);
        let mut pages: Vec<Response> = Vec::new();
        let mut identical = 1;
        let mut last = json!({});
        loop {
            let variables = [
                ("$response", last.clone()),
                ("$pageCount", pages.len().into()),
                ("$request", draft.to_value()),
            ];
            if !self.next.apply(ctx, index, &variables, &mut draft)? {
                return Ok(pages);
            }
            let page = caller.send(&draft).await?;
            identical =
                if pages.last().is_some_and(|last| last.body == page.body) { identical + 1 } else { 1 };
            if identical == MAX_IDENTICAL {
                return Err(NodeError::permanent(format!(
                    "the last {MAX_IDENTICAL} pages were identical, so no more were read; check what changes from page to page, and when the pages end"
                )));
            }
            last = answer::to_value(&page);
            let failed = (!node.response.accepts(page.status)).then(|| answer::failure(&page));
            pages.push(page);
            let variables = [
                ("$response", last.clone()),
                ("$pageCount", pages.len().into()),
                ("$request", draft.to_value()),
            ];
            if pages.len() >= most || self.until.complete(ctx, index, &variables)? {
                return Ok(pages);
            }
            if let Some(failure) = failed {
                return Err(failure);
            }
            if !pause.is_zero() {
                ctx.pause(pause).await?;
            }
        }
    }
}

type Variables<'a> = [(&'a str, Value); 3];

impl Next {
    /// Changes `draft` into the request for the next page; false when there is none.
    fn apply(
        &self,
        ctx: &Context,
        index: usize,
        variables: &Variables<'_>,
        draft: &mut Draft,
    ) -> Result<bool, NodeError> {
        let first = variables[1].1 == Value::from(0);
        match self {
            // There is no answer yet that could hold an address.
            Next::Url { .. } if first => {}
            Next::Url { url } => {
                let next = url.eval_with(ctx, index, variables)?;
                if next.trim().is_empty() {
                    return Ok(false);
                }
                let url = draft.url.join(next.trim()).map(String::from);
                draft.url = net::parse_url(url.as_deref().unwrap_or(&next))?;
                draft.url_from_answer = true;
            }
            Next::Change { values } => {
                for change in values {
                    let name = change.name.eval_with(ctx, index, variables)?;
                    let value = change.value.eval_with(ctx, index, variables)?;
                    match (change.place, &mut draft.body) {
                        (Place::Query, _) => {
                            draft.query.insert(name, value);
                        }
                        (Place::Header, _) => {
                            draft.headers.insert(name.to_ascii_lowercase(), to_text(&value));
                        }
                        (Place::Body, DraftBody::Json(Value::Object(members)) | DraftBody::Form(members)) => {
                            members.insert(name, value);
                        }
                        (Place::Body, body @ DraftBody::None) => {
                            *body = DraftBody::Json(Value::Object([(name, value)].into_iter().collect()));
                        }
                        (Place::Body, _) => {
                            return Err(NodeError::permanent(format!(
                                "\"{name}\" cannot be set for each page: the body has no fields"
                            )));
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}

impl Until {
    fn complete(&self, ctx: &Context, index: usize, variables: &Variables<'_>) -> Result<bool, NodeError> {
        let response = &variables[0].1;
        Ok(match self {
            Until::Empty => match response.get("body") {
                Some(Value::Array(elements)) => elements.is_empty(),
                Some(body) => !truthy(body),
                None => true,
            },
            Until::Status { codes } => {
                let status = response.get("statusCode").map(to_text).unwrap_or_default();
                codes.eval_with(ctx, index, variables)?.split(',').any(|code| code.trim() == status)
            }
            Until::Expression { complete } => truthy(&complete.eval_with(ctx, index, variables)?),
        })
    }
}
