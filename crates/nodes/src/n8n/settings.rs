//! Settings of a workflow.

use model::{Object, Order, Settings, Value};

/// Reads n8n's settings; `missing_order` stands where they name no execution order. What has no native form is kept.
pub(super) fn read(settings: Option<&Value>, missing_order: Order) -> Settings {
    let empty = Object::new();
    let settings = settings.and_then(Value::as_object).unwrap_or(&empty);
    let text = |name: &str| settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let order = match settings.get("executionOrder") {
        None | Some(Value::Null) => missing_order,
        Some(order) if order.as_str() == Some("v1") => Order::Sequential,
        Some(_) => Order::SequentialV0,
    };
    let timeout = settings.get("executionTimeout").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0);
    let mut read = Settings {
        order,
        timezone: text("timezone").filter(|zone| *zone != "DEFAULT").map(str::to_owned),
        timeout_ms: timeout.map(|seconds| (seconds * 1_000.0) as u64),
        error_workflow: text("errorWorkflow").filter(|id| *id != "DEFAULT").map(str::to_owned),
        ..Settings::default()
    };
    let written = write(&read);
    let kept: Object = settings
        .iter()
        .filter(|(name, value)| written.get(name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    read.origin = Some(kept).filter(|kept| !kept.is_empty());
    read
}

/// Writes n8n's settings.
pub(super) fn write(settings: &Settings) -> Object {
    let mut written = Object::new();
    if settings.order != Order::SequentialV0 {
        written.insert("executionOrder", "v1");
    }
    if let Some(timezone) = &settings.timezone {
        written.insert("timezone", timezone.clone());
    }
    if let Some(timeout) = settings.timeout_ms {
        written.insert("executionTimeout", timeout.div_ceil(1_000));
    }
    if let Some(workflow) = &settings.error_workflow {
        written.insert("errorWorkflow", workflow.clone());
    }
    for (name, value) in settings.origin.iter().flat_map(Object::iter) {
        if !written.contains_key(name) {
            written.insert(name.clone(), value.clone());
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    #[test]
    fn an_order_other_than_v1_is_the_old_one_and_a_missing_one_is_the_callers_choice() {
        let order = |settings: Value| read(Some(&settings), Order::Sequential).order;
        assert_eq!(order(json!({ "executionOrder": "v1" })), Order::Sequential);
        assert_eq!(order(json!({ "executionOrder": "parallel" })), Order::SequentialV0);
        assert_eq!(order(json!({})), Order::Sequential);
        assert_eq!(read(None, Order::SequentialV0).order, Order::SequentialV0);
    }

    #[test]
    fn unknown_settings_are_kept() {
        let settings = json!({
            "executionOrder": "v1", "timezone": "DEFAULT", "callerPolicy": "any", "executionTimeout": 90,
        });
        let read = read(Some(&settings), Order::Sequential);
        assert_eq!((read.timezone.as_deref(), read.timeout_ms), (None, Some(90_000)));
        assert_eq!(Value::Object(write(&read)), settings);
    }
}
