//! Date & Time: reads, changes and writes dates.

pub mod by_moment;
mod reading;
mod tokens;

use expr::luxon::{self, Duration, Locale, ReadOptions, Settings, Unit, Zone};
use sdk::prelude::*;

use crate::convert::to_number;
use crate::moment;

/// Reads, changes and writes dates. Dates are ISO 8601 text, dates of expressions, or numbers: seconds since 1970 below
/// eleven digits, milliseconds above. Text without an offset is in UTC.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DateTime {
    /// What to do.
    operation: Operation,
    /// The date; the first of two with `operation: difference`.
    date: Expr<Value>,
    /// The second date, with `operation: difference`.
    end_date: Expr<Value>,
    /// How much, with `operation: add` and `subtract`.
    amount: Expr<f64>,
    /// The unit of `amount`, of rounding, or the part to extract, such as `days`.
    unit: Expr<Text>,
    /// The units that a difference is given in.
    units: Expr<Vec<Text>>,
    /// Whether rounding goes up to the start of the next unit.
    round_up: Expr<bool>,
    /// How the date is written, in tokens such as `yyyy-MM-dd`.
    format: Expr<Text>,
    /// How the text of the date is to be read, in such tokens; empty for ISO 8601 and what else is common.
    from_format: Expr<Text>,
    /// Whether a formatted date is seen in the zone of the workflow.
    in_workflow_zone: Expr<bool>,
    /// The zone of the current date; empty for the zone of the workflow.
    zone: Expr<Text>,
    /// Whether the current date has a time; otherwise it is midnight.
    include_time: Expr<bool>,
    /// Whether a difference is written as ISO 8601 text, such as `P1D`, instead of an object.
    as_iso: Expr<bool>,
    /// The field that gets the result.
    output_field: Expr<Text>,
    /// Whether the fields and files of the input stay.
    include_input_fields: Expr<bool>,
}

/// What to do with a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The present moment.
    Now,
    /// Later by an amount.
    Add,
    /// Earlier by an amount.
    Subtract,
    /// Written by a format.
    Format,
    /// Rounded to the start of a unit.
    Round,
    /// How far two dates are apart.
    Difference,
    /// One part of it, as a number.
    Extract,
}

impl Default for DateTime {
    fn default() -> Self {
        Self {
            operation: Operation::Now,
            date: Expr::default(),
            end_date: Expr::default(),
            amount: 0.0.into(),
            unit: Text::from("days").into(),
            units: vec![Text::from("days")].into(),
            round_up: false.into(),
            format: Text::from("yyyy-MM-dd").into(),
            from_format: Text::new().into(),
            in_workflow_zone: false.into(),
            zone: Text::new().into(),
            include_time: true.into(),
            as_iso: false.into(),
            output_field: Text::from("date").into(),
            include_input_fields: true.into(),
        }
    }
}

impl Node for DateTime {
    const KIND: Kind = Kind::new("core.date_time", 2);
    const TITLE: &'static str = "Date & Time";
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [Example] = &[
        Example { title: "The present moment", parameters: "{}", items: "[{}]" },
        Example {
            title: "A week later",
            parameters: r#"{"operation": "add", "date": "2026-01-02", "amount": 1, "unit": "weeks"}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "The number of days between two dates",
            parameters: r#"{"operation": "difference", "date": "2026-01-01", "end_date": "2026-03-01"}"#,
            items: r#"[{"id": 1}]"#,
        },
        Example {
            title: "Another way to write it",
            parameters: r#"{"operation": "format", "date": "2026-01-02T03:04:05Z", "format": "dd.MM.yyyy"}"#,
            items: r#"[{"id": 1}]"#,
        },
    ];

    async fn run(&self, ctx: &Context, _: &Inputs) -> Result<Output, NodeError> {
        let items = ctx.map_items(|index, item| {
            let result = self.result(ctx, index)?;
            let mut output = match self.include_input_fields.eval(ctx, index)? {
                true => item.clone(),
                false => Item::default(),
            };
            match result {
                Some(value) => drop(output.json.insert(self.output_field.eval(ctx, index)?, value)),
                None => drop(output.json.remove(&self.output_field.eval(ctx, index)?)),
            }
            Ok(output)
        })?;
        Ok(Output::main(items))
    }
}

impl DateTime {
    fn result(&self, ctx: &Context, index: usize) -> Result<Option<Value>, NodeError> {
        let zone = || Some(Zone::from_jiff(&ctx.execution.zone));
        let date = |parameter: &Expr<Value>| read(&parameter.eval_value(ctx, index)?, zone(), "", ctx);
        let unit = || -> Result<Unit, NodeError> { parse_unit(&self.unit.eval(ctx, index)?) };
        let written = |date: luxon::DateTime| Ok(Some(date.to_text().into()));
        match self.operation {
            Operation::Now => {
                let name = self.zone.eval(ctx, index)?;
                let zone = if name.is_empty() { zone() } else { Zone::parse(&name) };
                let unknown = || format!("The timezone {name} is not valid. Please check the timezone.");
                let zone = zone.ok_or_else(|| NodeError::permanent(unknown()))?;
                let now = luxon::DateTime::from_millis(ctx.now_ms, zone, Locale::en());
                let include_time = self.include_time.eval(ctx, index)?;
                written(if include_time { now } else { now.start_of(Unit::Days, false) })
            }
            Operation::Add | Operation::Subtract => {
                let amount = Duration::new([(unit()?, self.amount.eval(ctx, index)?)]);
                let date = date(&self.date)?;
                written(if self.operation == Operation::Add {
                    date.plus(&amount)
                } else {
                    date.minus(&amount)
                })
            }
            Operation::Format => {
                let value = self.date.eval_value(ctx, index)?;
                if value.is_nullish() {
                    return Ok(value.to_data());
                }
                let zone = zone().filter(|_| self.in_workflow_zone.eval(ctx, index).unwrap_or(false));
                let date = read(&value, zone, &self.from_format.eval(ctx, index)?, ctx)?;
                Ok(Some(date.to_format(&self.format.eval(ctx, index)?).into()))
            }
            Operation::Round => {
                let (date, unit) = (date(&self.date)?, unit()?);
                let up = self.round_up.eval(ctx, index)?;
                let date = if up { date.plus(&Duration::new([(unit, 1.0)])) } else { date };
                written(date.start_of(unit, false))
            }
            Operation::Difference => {
                let units = self.units.eval(ctx, index)?;
                let units = units.iter().map(|unit| parse_unit(unit)).collect::<Result<Vec<_>, _>>()?;
                let difference = date(&self.end_date)?.diff(&date(&self.date)?, &units);
                if self.as_iso.eval(ctx, index)? {
                    return Ok(Some(difference.to_text().into()));
                }
                let parts: Object = difference.units().map(|(unit, amount)| (unit.name(), amount)).collect();
                Ok(Some(parts.into()))
            }
            Operation::Extract => {
                let date = date(&self.date)?;
                Ok(Some(Value::from(match unit()? {
                    Unit::Years => date.year(),
                    Unit::Quarters => date.quarter(),
                    Unit::Months => date.month(),
                    Unit::Weeks => date.week_number(),
                    Unit::Days => date.day(),
                    Unit::Hours => date.hour(),
                    Unit::Minutes => date.minute(),
                    Unit::Seconds => date.second(),
                    Unit::Milliseconds => date.millisecond(),
                })))
            }
        }
    }
}

fn parse_unit(name: &str) -> Result<Unit, NodeError> {
    Unit::parse(name).map_err(|error| NodeError::permanent(error.to_string()))
}

/// The date that a value stands for, seen in `zone`, or in UTC when there is none.
fn read(
    value: &expr::Value,
    zone: Option<Zone>,
    format: &str,
    ctx: &Context,
) -> Result<luxon::DateTime, NodeError> {
    if let expr::Value::DateTime(date) = value {
        return Ok((**date).clone());
    }
    let unreadable = || NodeError::permanent("Invalid date format");
    let seen = |ms: f64, zone: Option<Zone>| {
        let zone = zone.or_else(|| Zone::parse("Etc/UTC")).unwrap_or(Zone::UTC);
        luxon::DateTime::from_millis(ms, zone, Locale::en())
    };
    let number = Some(value.to_number()).filter(|number| !number.is_nan() && format.is_empty());
    if let Some(ms) = number.and_then(timestamp) {
        return Ok(seen(ms, zone));
    }
    if value.is_undefined() && zone.is_some() {
        return Ok(seen(ctx.now_ms, zone));
    }
    let text = value.to_js_string();
    // An offset to the east is kept, one to the west is not: so n8n has it.
    let own = text.split_once('+').and_then(|(_, offset)| offset.get(..2)?.parse::<f64>().ok());
    let own = own.and_then(|hours| Zone::parse(&format!("Etc/GMT-{hours}")));
    let zone = zone.or(own);
    if format.is_empty() {
        return read_text(&text, &Zone::UTC).map(|ms| seen(ms, zone)).ok_or_else(unreadable);
    }
    let settings =
        Settings { now: ctx.now_ms, zone: Zone::from_jiff(&ctx.execution.zone), locale: Locale::en() };
    let date = luxon::DateTime::from_format(&text, format, &ReadOptions::default(), &settings);
    let date = date.ok().filter(luxon::DateTime::is_valid).ok_or_else(unreadable)?;
    Ok(seen(date.to_millis(), zone))
}

/// The moment, in milliseconds, that a number stands for; `None` when it is too large for a date.
fn timestamp(number: f64) -> Option<f64> {
    let number = if number.fract() == 0.0 { number } else { number * 1000.0 };
    let ms = match to_text_length(number) {
        length if length < 12 => number * 1000.0,
        _ => number,
    };
    (ms.abs() <= 8.64e15 && number.fract() == 0.0).then_some(ms)
}

fn to_text_length(number: f64) -> usize {
    crate::convert::to_text(&Value::Number(number)).len()
}

/// The moment that text stands for: ISO 8601, the form of e-mail, or whatever else JavaScript reads as a date. Text
/// without an offset is in `zone`.
fn read_text(text: &str, zone: &Zone) -> Option<f64> {
    let settings = Settings { now: 0.0, zone: zone.clone(), locale: Locale::en() };
    let options = ReadOptions::default();
    let iso = text.trim().replacen(' ', "T", 1);
    let forms = [
        luxon::DateTime::from_iso(&iso, &options, &settings),
        luxon::DateTime::from_rfc2822(text, &options, &settings),
    ];
    let found = forms.into_iter().flatten().find(luxon::DateTime::is_valid);
    found.map(|date| date.to_millis()).or_else(|| moment::parse_js(text))
}

/// n8n's node.
pub const N8N: &[N8nMapping] =
    &[N8nMapping { kind: "n8n-nodes-base.dateTime", versions: &[1.0, 2.0], map: |node| Ok(from_n8n(node)) }];

fn from_n8n(node: &N8nNode<'_>) -> Native {
    if node.version < 2.0 {
        return by_moment::from_n8n(node);
    }
    let native = Native::new(DateTime::KIND, json!({}))
        .set("include_input_fields", node.get_or("options.includeInputFields", false));
    let output = |default: &str| node.get_or("outputFieldName", default);
    match node.text_or("operation", "getCurrentDate") {
        operation @ ("addToDate" | "subtractFromDate") => native
            .set("operation", if operation == "addToDate" { "add" } else { "subtract" })
            .set("date", node.get_or("magnitude", ""))
            .set("amount", node.get_or("duration", 0))
            .set("unit", node.get_or("timeUnit", "days"))
            .set("output_field", output("newDate")),
        "formatDate" => {
            let format = match node.text_or("format", "MM/dd/yyyy") {
                "custom" => node.get_or("customFormat", ""),
                format => format.into(),
            };
            native
                .set("operation", "format")
                .set("date", node.get_or("date", ""))
                .set("format", format)
                .set("from_format", node.get_or("options.fromFormat", ""))
                .set("in_workflow_zone", node.get_or("options.timezone", false))
                .set("output_field", output("formattedDate"))
        }
        "roundDate" => {
            let up = node.text_or("mode", "roundDown") == "roundUp";
            native
                .set("operation", "round")
                .set("date", node.get_or("date", ""))
                .set("round_up", up)
                .set("unit", node.get_or(if up { "to" } else { "toNearest" }, "month"))
                .set("output_field", output("roundedDate"))
        }
        "getTimeBetweenDates" => native
            .set("operation", "difference")
            .set("date", node.get_or("startDate", ""))
            .set("end_date", node.get_or("endDate", ""))
            .set("units", node.get("units").cloned().unwrap_or_else(|| json!(["day"])))
            .set("as_iso", node.get_or("options.isoString", false))
            .set("output_field", output("timeDifference")),
        "extractDate" => native
            .set("operation", "extract")
            .set("date", node.get_or("date", ""))
            .set("unit", node.get_or("part", "month"))
            .set("output_field", output("datePart")),
        _ => native
            .set("operation", "now")
            .set("include_time", node.get_or("includeTime", true))
            .set("zone", node.get_or("options.timezone", ""))
            .set("output_field", output("currentDate")),
    }
}

/// Whether a value of an old node is a number, and the moment it stands for.
pub(crate) fn timestamp_of(value: &Value) -> Option<Option<f64>> {
    let number = to_number(value);
    (!number.is_nan()).then(|| timestamp(number))
}

#[cfg(test)]
mod tests {
    use sdk::testing::{check, check_error};

    use super::*;

    fn gives(mut parameters: Value, expected: Value) {
        if let Value::Object(parameters) = &mut parameters {
            parameters.insert("output_field", "x");
        }
        check::<DateTime>(parameters, json!([{ "id": 1 }]), json!({ "main": [{ "id": 1, "x": expected }] }));
    }

    #[test]
    fn dates_are_moved_by_calendar_units() {
        gives(
            json!({ "operation": "add", "date": "2024-01-31", "amount": 1, "unit": "months" }),
            "2024-02-29T00:00:00.000Z".into(),
        );
        gives(
            json!({ "operation": "subtract", "date": "2024-03-01T10:00:00+02:00", "amount": 1, "unit": "days" }),
            "2024-02-29T08:00:00.000Z".into(),
        );
    }

    #[test]
    fn short_numbers_are_seconds() {
        for date in [json!(1704067200), json!("1704067200000"), json!(1704067200.0)] {
            gives(
                json!({ "operation": "format", "date": date, "format": "yyyy/MM/dd" }),
                "2024/01/01".into(),
            );
        }
    }

    #[test]
    fn dates_are_rounded_either_way() {
        gives(
            json!({ "operation": "round", "date": "2024-02-15", "unit": "month" }),
            "2024-02-01T00:00:00.000Z".into(),
        );
        gives(
            json!({ "operation": "round", "date": "2024-02-15", "unit": "month", "round_up": true }),
            "2024-03-01T00:00:00.000Z".into(),
        );
    }

    #[test]
    fn differences_come_in_units() {
        gives(
            json!({
                "operation": "difference", "date": "2024-01-01", "end_date": "2024-02-02T12:00",
                "units": ["month", "day", "hour"]
            }),
            json!({ "months": 1, "days": 1, "hours": 12 }),
        );
    }

    #[test]
    fn parts_are_numbers() {
        gives(json!({ "operation": "extract", "date": "2024-12-31", "unit": "week" }), 1.into());
        gives(json!({ "operation": "extract", "date": "2024-12-31", "unit": "day" }), 31.into());
    }

    #[test]
    fn a_format_says_how_to_read_text() {
        gives(
            json!({ "operation": "format", "date": "31122024", "from_format": "ddMMyyyy", "format": "yyyy-MM-dd" }),
            "2024-12-31".into(),
        );
    }

    #[test]
    fn text_that_is_no_date_is_an_error() {
        let error = check_error::<DateTime>(json!({ "operation": "format", "date": "soon" }), json!([{}]));
        assert_eq!(error.message, "Invalid date format");
    }

    #[test]
    fn now_is_the_time_of_the_step() {
        gives(json!({ "zone": "Europe/Berlin" }), "2026-01-02T04:04:05.000+01:00".into());
        gives(json!({ "include_time": false }), "2026-01-02T00:00:00.000Z".into());
    }
}
