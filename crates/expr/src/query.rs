//! `$jmespath`: queries over data.
//!
//! The `jmespath` crate follows the specification; the forks add hundreds of functions n8n does not know.

use ecow::eco_format;
use jmespath::Variable;

use crate::eval::Cx;
use crate::{Error, Value};

/// `$jmespath(data, query)`
pub(crate) fn jmespath(cx: &Cx<'_>, _: &Value, args: &[Value]) -> Result<Value, Error> {
    let [data, query, ..] = args else {
        return Err(Error::extension("expected two arguments (Object, string) for this function"));
    };
    if !data.is_object() || !matches!(query, Value::String(_)) {
        return Err(Error::extension("expected two arguments (Object, string) for this function"));
    }
    let query = cx.to_text(query)?;
    let data = data.to_data().unwrap_or_default();
    // The library holds its own copy of the data and looks at each element a few times.
    cx.allocate(weight(&data))?;
    cx.charge(weight(&data) / 8)?;
    let failed = |error: jmespath::JmespathError| Error::thrown(eco_format!("{error}")).named("ParserError");
    let expression = jmespath::compile(&query).map_err(failed)?;
    let data = Variable::try_from(serde_json::Value::from(&data)).map_err(failed)?;
    let found = expression.search(data).map_err(failed)?;
    let found = serde_json::to_value(&found).map_err(|error| Error::thrown(eco_format!("{error}")))?;
    Ok(Value::from_data(&model::Value::from(found)))
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
