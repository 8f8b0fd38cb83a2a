//! n8n's Schedule Trigger and the older Cron and Interval.

use sdk::prelude::*;

use super::Schedule;
use crate::convert::to_number;

/// n8n's nodes.
pub const N8N: &[N8nMapping] = &[
    N8nMapping {
        kind: "n8n-nodes-base.scheduleTrigger",
        versions: &[1.0, 1.1, 1.2, 1.3],
        map: from_schedule,
    },
    N8nMapping { kind: "n8n-nodes-base.cron", versions: &[1.0], map: from_cron },
    N8nMapping { kind: "n8n-nodes-base.interval", versions: &[1.0], map: from_interval },
];

/// Counted from 1970 here, from the latest start there.
const COUNTED: &str =
    "which of several days, weeks or hours count does not depend on when the workflow was switched on";

fn from_schedule(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let mut intervals = node.entries("rule.interval");
    if node.get("rule").is_none() {
        intervals.push(json!({}));
    }
    let rules = intervals.iter().map(from_interval_rule).collect::<Result<Vec<_>, _>>()?;
    let strides = rules.iter().any(|rule| {
        let counts =
            ["hours", "days", "weeks"].iter().any(|unit| rule.get("every") == Some(&Value::from(*unit)));
        counts && rule.get("count") != Some(&Value::from(1))
    });
    let native =
        Native::new(Schedule::KIND, json!({})).set("rules", Value::array(rules)).set("tell_time", true);
    Ok(if strides { native.changed(COUNTED) } else { native })
}

fn from_interval_rule(interval: &Value) -> Result<Value, Unmapped> {
    let number = |name: &str, default: u32| number(interval, name, default);
    let (hour, minute) = (number("triggerAtHour", 0)?, number("triggerAtMinute", 0)?);
    Ok(match interval.get("field").and_then(Value::as_str).unwrap_or("days") {
        "seconds" => seconds(number("secondsInterval", 30)?),
        "minutes" => minutes(number("minutesInterval", 5)?),
        "hours" => json!({ "every": "hours", "count": (number("hoursInterval", 1)?), "minute": minute }),
        "days" => {
            json!({ "every": "days", "count": (number("daysInterval", 1)?), "hour": hour, "minute": minute })
        }
        "weeks" => {
            let days = interval.get("triggerAtDay").cloned().unwrap_or_else(|| json!([0]));
            let count = number("weeksInterval", 1)?;
            json!({ "every": "weeks", "count": count, "days": days, "hour": hour, "minute": minute })
        }
        "months" => {
            let (count, day) = (number("monthsInterval", 1)?, number("triggerAtDayOfMonth", 1)?);
            json!({ "every": "months", "count": count, "day": day, "hour": hour, "minute": minute })
        }
        "cronExpression" => cron(interval.get("expression"))?,
        other => return Err(unsupported(&format!("there is no interval of \"{other}\""))),
    })
}

fn from_cron(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let times = node.entries("triggerTimes.item");
    let rules = times.iter().map(from_cron_time).collect::<Result<Vec<_>, _>>()?;
    Ok(Native::new(Schedule::KIND, json!({})).set("rules", Value::array(rules)).set("tell_time", false))
}

fn from_cron_time(time: &Value) -> Result<Value, Unmapped> {
    let (hour, minute) = (number(time, "hour", 14)?, number(time, "minute", 0)?);
    Ok(match time.get("mode").and_then(Value::as_str).unwrap_or("everyDay") {
        "everyMinute" => minutes(1),
        "everyHour" => json!({ "every": "hours", "count": 1, "minute": minute }),
        "everyDay" => json!({ "every": "days", "count": 1, "hour": hour, "minute": minute }),
        "everyWeek" => {
            let days = [number(time, "weekday", 1)?];
            json!({ "every": "weeks", "count": 1, "days": days, "hour": hour, "minute": minute })
        }
        "everyMonth" => {
            let day = number(time, "dayOfMonth", 1)?;
            json!({ "every": "months", "count": 1, "day": day, "hour": hour, "minute": minute })
        }
        "everyX" => match (number(time, "value", 2)?, time.get("unit").and_then(Value::as_str)) {
            (count, Some("minutes")) => minutes(count),
            (count, _) => json!({ "every": "hours", "count": count }),
        },
        "custom" => cron(time.get("cronExpression"))?,
        other => return Err(unsupported(&format!("there is no mode \"{other}\""))),
    })
}

fn from_interval(node: &N8nNode<'_>) -> Result<Native, Unmapped> {
    let count = number(&node.parameters.clone().into(), "interval", 1)?;
    let rule = json!({ "every": (node.text_or("unit", "seconds")), "count": count });
    Ok(Native::new(Schedule::KIND, json!({})).set("rules", Value::array([rule])).set("tell_time", false))
}

/// Seconds that begin anew with every minute, as n8n counts them.
fn seconds(count: u32) -> Value {
    match count {
        1..=59 if 60 % count != 0 => {
            json!({ "every": "cron", "expression": (format!("*/{count} * * * * *")) })
        }
        _ => json!({ "every": "seconds", "count": count }),
    }
}

/// Minutes that begin anew with every hour, as n8n counts them.
fn minutes(count: u32) -> Value {
    match count {
        1..=59 if 60 % count != 0 => json!({ "every": "cron", "expression": (format!("*/{count} * * * *")) }),
        _ => json!({ "every": "minutes", "count": count }),
    }
}

fn cron(expression: Option<&Value>) -> Result<Value, Unmapped> {
    let expression = expression.and_then(Value::as_str).unwrap_or("* * * * * *").trim();
    // An expression for the expression may come from workflow variables, which a schedule does not see.
    match expression.strip_prefix('=').map(str::trim) {
        None => Ok(json!({ "every": "cron", "expression": expression })),
        Some(plain) if !plain.contains("{{") => Ok(json!({ "every": "cron", "expression": plain })),
        Some(_) => Err(unsupported("the cron expression is computed")),
    }
}

fn number(of: &Value, name: &str, default: u32) -> Result<u32, Unmapped> {
    let Some(value) = of.get(name) else { return Ok(default) };
    // A number that was written as an expression is still a number.
    let written = value.as_str().and_then(|text| text.strip_prefix("={{")?.strip_suffix("}}"));
    let number = written.map_or_else(|| to_number(value), |number| to_number(&number.trim().into()));
    match number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX) {
        true => Ok(number as u32),
        false => Err(unsupported(&format!("{name} is not a whole number"))),
    }
}

fn unsupported(problem: &str) -> Unmapped {
    Unmapped::UnsupportedParameters(format!("{problem}; set the schedule anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triggers::schedule::Rule;

    fn rules(mapping: usize, parameters: Value) -> Vec<Rule> {
        let parameters = parameters.as_object().expect("an object");
        let node = N8nNode { kind: N8N[mapping].kind, version: 1.0, parameters, webhook_id: None };
        let native = (N8N[mapping].map)(&node).expect("the node is mapped");
        native.parameters.get("rules").and_then(|rules| rules.parse().ok()).expect("the rules are valid")
    }

    #[test]
    fn a_schedule_without_rules_comes_daily_at_midnight() {
        let midnight = [Rule::Days { count: 1, hour: 0, minute: 0 }];
        assert_eq!(rules(0, json!({})), midnight);
        assert_eq!(rules(0, json!({ "rule": { "interval": [{}] } })), midnight);
    }

    #[test]
    fn minutes_that_do_not_divide_the_hour_begin_anew_with_it() {
        let every = |count: u32| json!({ "rule": { "interval": [{ "field": "minutes", "minutesInterval": count }] } });
        assert_eq!(rules(0, every(15)), [Rule::Minutes { count: 15 }]);
        assert_eq!(rules(0, every(7)), [Rule::Cron { expression: "*/7 * * * *".into() }]);
    }

    #[test]
    fn a_number_may_be_written_as_an_expression() {
        let daily = json!({ "rule": { "interval": [{ "triggerAtHour": "={{ 12 }}" }] } });
        assert_eq!(rules(0, daily), [Rule::Days { count: 1, hour: 12, minute: 0 }]);
    }

    #[test]
    fn the_old_nodes_become_rules_too() {
        let weekly = json!({ "triggerTimes": { "item": [{ "mode": "everyWeek", "weekday": "3" }] } });
        assert_eq!(rules(1, weekly), [Rule::Weeks { count: 1, days: vec![3], hour: 14, minute: 0 }]);
        assert_eq!(
            rules(2, json!({ "unit": "hours", "interval": 2 })),
            [Rule::Hours { count: 2, minute: 0 }]
        );
    }
}
