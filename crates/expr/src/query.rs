//! `$jmespath`: queries over data.
//!
//! The `jmespath` crate follows the specification; the forks add hundreds of functions n8n does not know. It knows no
//! limits, so a query is judged before it runs: how deeply it nests, and how much it can make of the data.

use ecow::eco_format;
use jmespath::Variable;
use jmespath::ast::Ast;

use crate::error::Limit;
use crate::eval::{Cx, grown};
use crate::{Error, Value};

/// Brackets, operators and steps of a query; each may be a level of nesting.
const DEEPEST_QUERY: usize = 400;

/// `$jmespath(data, query)`
pub(crate) fn jmespath(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result<Value, Error> {
    let [data, query, ..] = args else {
        return Err(Error::extension("expected two arguments (Object, string) for this function"));
    };
    if !data.is_object() || !matches!(query, Value::String(_)) {
        return Err(Error::extension("expected two arguments (Object, string) for this function"));
    }
    let query = cx.to_text(query)?;
    let depth = query.bytes().filter(|byte| b"[({!&|.<>=".contains(byte)).count();
    if depth > DEEPEST_QUERY {
        return Err(Error::limit(Limit::Depth));
    }
    cx.allocate_copy(data)?;
    let data = data.to_data().unwrap_or_default();
    grown(depth as u32, || search(cx, &data, &query))
}

fn search(cx: &Cx<'_>, data: &model::Value, query: &str) -> Result<Value, Error> {
    let failed = |error: jmespath::JmespathError| Error::thrown(eco_format!("{error}")).named("ParserError");
    let expression = jmespath::compile(query).map_err(failed)?;
    // The library holds its own copy of the data and looks at each element a few times.
    let size = weight(data);
    let most = size as f64 * growth(expression.as_ast(), size as f64);
    cx.allocate(size)?;
    cx.charge((most / 64.0) as usize + size / 8)?;
    let data = Variable::try_from(serde_json::Value::from(data)).map_err(failed)?;
    let found = expression.search(data).map_err(failed)?;
    let found = serde_json::to_value(&found).map_err(|error| Error::thrown(eco_format!("{error}")))?;
    Ok(Value::from_data(&model::Value::from(found)))
}

/// How many times as large as the data a result can become at most.
fn growth(query: &Ast, size: f64) -> f64 {
    let of = |query: &Ast| growth(query, size);
    match query {
        Ast::Identity { .. } | Ast::Field { .. } | Ast::Index { .. } | Ast::Slice { .. } => 1.0,
        Ast::Literal { value, .. } => 1.0 + value.to_string().len() as f64 / size,
        Ast::Expref { ast: node, .. }
        | Ast::Flatten { node, .. }
        | Ast::Not { node, .. }
        | Ast::ObjectValues { node, .. } => of(node),
        Ast::Condition { predicate, then, .. } => of(predicate) + of(then),
        Ast::Comparison { lhs, rhs, .. } | Ast::And { lhs, rhs, .. } | Ast::Or { lhs, rhs, .. } => {
            of(lhs) + of(rhs)
        }
        Ast::Subexpr { lhs, rhs, .. } | Ast::Projection { lhs, rhs, .. } => of(lhs) * of(rhs),
        Ast::MultiList { elements, .. } => elements.iter().map(of).sum(),
        Ast::MultiHash { elements, .. } => elements.iter().map(|element| of(&element.value)).sum(),
        Ast::Function { name, args, .. } => match (name.as_str(), args.as_slice()) {
            // Every quote becomes an escaped one.
            ("to_string", [value]) => 2.0 * of(value),
            ("join", [Ast::Literal { value, .. }, list]) => value.to_string().len() as f64 * of(list),
            ("join", [glue, list]) => size * of(glue) * of(list),
            ("map", [each, list]) => of(each) * of(list),
            (_, args) => args.iter().map(of).sum(),
        },
    }
}

/// About how many bytes a copy of the data takes.
fn weight(data: &model::Value) -> usize {
    match data {
        model::Value::String(text) => 64 + text.len(),
        model::Value::Array(values) => 64 + values.iter().map(weight).sum::<usize>(),
        model::Value::Object(object) => {
            64 + object.iter().map(|(key, value)| 64 + key.len() + weight(value)).sum::<usize>()
        }
        _ => 64,
    }
}
