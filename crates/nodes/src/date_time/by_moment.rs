//! The first form of Date & Time: formats in the tokens of Moment.js.

use expr::luxon::{self, Duration, Locale, Settings, Unit, Zone};
use jiff::tz::TimeZone;
use sdk::prelude::*;

use super::{parse_unit, read_text, reading, timestamp_of, tokens};
use crate::convert::to_text;
use crate::moment;

/// Writes dates by the tokens of Moment.js, or moves them by an amount. New workflows use version 2. Text without an
/// offset is in UTC.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateTimeByMoment {
    /// What to do.
    operation: Operation,
    /// The date; items without one are dropped when dates are formatted.
    date: Expr<Value>,
    /// How the date is written, in tokens such as `YYYY-MM-DD`.
    format: Expr<Text>,
    /// How the text of the date is to be read, in such tokens; empty for ISO 8601 and what else is common.
    from_format: Expr<Text>,
    /// The zone of text without an offset; empty for UTC, or the zone of the workflow when `to_zone` is set.
    from_zone: Expr<Text>,
    /// The zone that the date is written in; empty for UTC, or the zone of the workflow when `from_zone` is set.
    to_zone: Expr<Text>,
    /// How much to add or subtract.
    amount: Expr<f64>,
    /// The unit of `amount`, such as `days`.
    unit: Expr<Text>,
    /// The field that gets the result.
    output_field: Expr<Text>,
}

/// What to do with a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Writes it by a format.
    Format,
    /// Moves it to later.
    Add,
    /// Moves it to earlier.
    Subtract,
}

impl Default for DateTimeByMoment {
    fn default() -> Self {
        Self {
            operation: Operation::Format,
            date: Expr::default(),
            format: Text::from("MM/DD/YYYY").into(),
            from_format: Expr::default(),
            from_zone: Expr::default(),
            to_zone: Expr::default(),
            amount: 0.0.into(),
            unit: Text::from("days").into(),
            output_field: Text::from("data").into(),
        }
    }
}

impl Node for DateTimeByMoment {
    const KIND: Kind = Kind::new("core.date_time", 1);
    const TITLE: &'static str = "Date & Time";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Another way to write it",
            parameters: r#"{"date": "2026-01-02T03:04:05Z", "format": "DD.MM.YYYY"}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "A week later",
            parameters: r#"{"operation": "add", "date": "2026-01-02", "amount": 7}"#,
            items: r#"[{"id": 1}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut output = Vec::with_capacity(inputs.main().len());
        for (index, item) in inputs.main().iter().enumerate() {
            let result = match self.operation {
                Operation::Format => self.formatted(ctx, index),
                Operation::Add | Operation::Subtract => self.moved(ctx, index).map(Some),
            };
            match result {
                Ok(None) => {}
                Ok(Some(text)) => {
                    let mut item = item.clone().from_item(index);
                    item.json.insert(self.output_field.eval(ctx, index)?, text);
                    output.push(item);
                }
                Err(error) => output.push(ctx.error_item(index, error)?),
            }
        }
        Ok(Output::main(output))
    }
}

impl DateTimeByMoment {
    /// The formatted date; nothing when there is none.
    fn formatted(&self, ctx: &Context, index: usize) -> Result<Option<String>, NodeError> {
        let value = self.date.eval_value(ctx, index)?;
        let Some(value) = value.to_data() else { return Ok(None) };
        let zone = |parameter: &Expr<Text>| -> Result<Option<Zone>, NodeError> {
            let name = parameter.eval(ctx, index)?;
            let unknown = || NodeError::permanent(format!("there is no time zone called \"{name}\""));
            if name.is_empty() {
                return Ok(None);
            }
            let zone = TimeZone::get(&name).ok().map(|zone| Zone::Named(name.clone(), zone));
            zone.or_else(|| Zone::parse(&name)).map(Some).ok_or_else(unknown)
        };
        let (from_zone, to_zone) = (zone(&self.from_zone)?, zone(&self.to_zone)?);
        let zoned = from_zone.is_some() || to_zone.is_some();
        let default = || if zoned { Zone::from_jiff(&ctx.execution.zone) } else { Zone::UTC };
        let from_format = self.from_format.eval(ctx, index)?;
        let ms = match timestamp_of(&value) {
            Some(ms) => ms,
            None => {
                let from_zone = from_zone.unwrap_or_else(default);
                match read(&to_text(&value), &from_format, false, &from_zone, ctx) {
                    None if from_format.is_empty() => {
                        return Err(NodeError::permanent(
                            "The date input format could not be recognized. Please set the \"From Format\" field",
                        ));
                    }
                    ms => ms,
                }
            }
        };
        let date =
            ms.map(|ms| luxon::DateTime::from_millis(ms, to_zone.unwrap_or_else(default), Locale::en()));
        let format = self.format.eval(ctx, index)?;
        Ok(Some(date.map_or_else(|| "Invalid date".to_owned(), |date| tokens::write(&date, &format))))
    }

    fn moved(&self, ctx: &Context, index: usize) -> Result<String, NodeError> {
        let value = self.date.eval(ctx, index)?;
        let from_format = self.from_format.eval(ctx, index)?;
        let ms = match &value {
            Value::Number(ms) if from_format.is_empty() => Some(*ms),
            value if from_format.is_empty() => moment::parse_js(&to_text(value)),
            value => read(&to_text(value), &from_format, true, &Zone::UTC, ctx),
        };
        let ms = ms.filter(|ms| ms.abs() <= 8.64e15).ok_or_else(|| {
            NodeError::permanent(match from_format.is_empty() {
                true => "Unrecognized date input. Please specify a format in the \"From Format\" field.",
                false => {
                    "Date input cannot be parsed. Please recheck the value and the \"From Format\" field."
                }
            })
        })?;
        let unit = parse_unit(&self.unit.eval(ctx, index)?)?;
        let amount = self.amount.eval(ctx, index)?;
        // Moment counts calendars in whole months and days.
        let (unit, amount) = match unit {
            Unit::Years => (Unit::Months, (amount * 12.0).round()),
            Unit::Quarters => (Unit::Months, (amount * 3.0).round()),
            Unit::Weeks => (Unit::Days, (amount * 7.0).round()),
            Unit::Months | Unit::Days => (unit, amount.round()),
            _ => (unit, amount),
        };
        let amount = Duration::new([(unit, amount)]);
        let date = luxon::DateTime::from_millis(ms, Zone::UTC, Locale::en());
        let date = if self.operation == Operation::Add { date.plus(&amount) } else { date.minus(&amount) };
        Ok(date.to_text().into())
    }
}

/// The moment that text stands for, read by a format where there is one.
fn read(text: &str, format: &str, strict: bool, zone: &Zone, ctx: &Context) -> Option<f64> {
    if format.is_empty() {
        return read_text(text, zone);
    }
    let settings = Settings { now: ctx.now_ms, zone: zone.clone(), locale: Locale::en() };
    reading::read(text, format, strict, &settings)
}

/// n8n's node, version 1.
pub(super) fn from_n8n(node: &N8nNode<'_>) -> Native {
    let native = Native::new(DateTimeByMoment::KIND, json!({}))
        .set("date", node.get_or("value", ""))
        .set("from_format", node.get_or("options.fromFormat", ""))
        .set("output_field", node.get_or("dataPropertyName", "data"));
    if node.text_or("action", "format") == "calculate" {
        let operation = if node.text_or("operation", "add") == "subtract" { "subtract" } else { "add" };
        return native
            .set("operation", operation)
            .set("amount", node.get_or("duration", 0))
            .set("unit", node.get_or("timeUnit", "days"));
    }
    let default = if node.flag_or("custom", false) { "" } else { "MM/DD/YYYY" };
    native
        .set("format", node.get_or("toFormat", default))
        .set("from_zone", node.get_or("options.fromTimezone", ""))
        .set("to_zone", node.get_or("options.toTimezone", ""))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    fn gives(parameters: Value, expected: &str) {
        check::<DateTimeByMoment>(
            parameters,
            json!([{ "id": 1 }]),
            json!({ "main": [{ "id": 1, "data": expected }] }),
        );
    }

    #[test]
    fn text_is_read_by_a_format_that_bears_single_digits() {
        gives(json!({ "date": "4/2/2020", "from_format": "DD/MM/YYYY" }), "02/04/2020");
        gives(json!({ "date": "32/02/2020", "from_format": "DD/MM/YYYY" }), "Invalid date");
    }

    #[test]
    fn zones_of_source_and_result_may_differ() {
        let parameters = json!({
            "date": "2024-01-01 12:00", "from_zone": "Europe/Berlin", "to_zone": "America/New_York",
            "format": "YYYY-MM-DD HH:mm Z"
        });
        gives(parameters, "2024-01-01 06:00 -05:00");
    }

    #[test]
    fn seconds_milliseconds_and_fractions_are_told_apart() {
        for date in [json!(1704067200), json!("1704067200000"), json!(1704067200.123)] {
            gives(json!({ "date": date, "format": "YYYY-MM-DD" }), "2024-01-01");
        }
    }

    #[test]
    fn amounts_are_added_in_utc() {
        gives(
            json!({ "operation": "subtract", "date": "2024-03-31", "amount": 1, "unit": "months" }),
            "2024-02-29T00:00:00.000Z",
        );
    }

    #[test]
    fn text_that_is_no_date_is_an_error() {
        let error = check_error::<DateTimeByMoment>(json!({ "date": "soon" }), json!([{}]));
        assert!(error.message.starts_with("The date input format could not be recognized"), "{error}");
    }
}
