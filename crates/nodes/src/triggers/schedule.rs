//! Schedule Trigger: starts at the times that its rules name.

mod n8n;
mod timetable;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use sdk::prelude::*;
use sdk::trigger::{Catchup, InvalidTrigger, Trigger};

pub use self::n8n::N8N;
pub use self::timetable::{InvalidRule, Timetable};

/// Starts an execution at the times that its rules name, in the workflow's time zone.
///
/// Where clocks are put forward, a time that does not exist is the first moment that does; where they are put back, a
/// time that exists twice counts once. Rules that count hours or less go on through both.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// When to start; any of the rules is enough.
    pub rules: Vec<Rule>,
    /// Whether the item says what time it is.
    pub tell_time: bool,
    /// What becomes of times that passed while the server was down.
    pub catchup: Catchup,
}

/// When to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "every", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// Every so many seconds.
    Seconds {
        /// How many.
        count: u32,
    },
    /// Every so many minutes.
    Minutes {
        /// How many.
        count: u32,
    },
    /// Every so many hours.
    Hours {
        /// How many.
        count: u32,
        /// At which minute.
        #[serde(default)]
        minute: u32,
    },
    /// Every so many days.
    Days {
        /// How many.
        count: u32,
        /// At which hour.
        #[serde(default)]
        hour: u32,
        /// At which minute.
        #[serde(default)]
        minute: u32,
    },
    /// Every so many weeks.
    Weeks {
        /// How many.
        count: u32,
        /// On which days, from 0 for Sunday; none means every day.
        days: Vec<u32>,
        /// At which hour.
        #[serde(default)]
        hour: u32,
        /// At which minute.
        #[serde(default)]
        minute: u32,
    },
    /// Every so many months; months without that day are left out.
    Months {
        /// How many.
        count: u32,
        /// On which day.
        day: u32,
        /// At which hour.
        #[serde(default)]
        hour: u32,
        /// At which minute.
        #[serde(default)]
        minute: u32,
    },
    /// When a cron expression matches: minute, hour, day, month, weekday; with seconds in front if there are six fields.
    Cron {
        /// The expression.
        expression: String,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            rules: vec![Rule::Days { count: 1, hour: 0, minute: 0 }],
            tell_time: true,
            catchup: Catchup::default(),
        }
    }
}

impl Node for Schedule {
    const KIND: Kind = Kind::new("core.schedule", 1);
    const TITLE: &'static str = "Schedule Trigger";
    const GROUP: Group = Group::Trigger;
    const INPUTS: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        Example {
            title: "Every weekday morning",
            parameters: r#"{"rules": [{"every": "cron", "expression": "0 9 * * 1-5"}]}"#,
            items: "[{}]",
        },
        Example {
            title: "Every other Monday, and every first of the month",
            parameters: r#"{"rules": [
                {"every": "weeks", "count": 2, "days": [1], "hour": 8},
                {"every": "months", "count": 1, "day": 1, "hour": 8}
            ]}"#,
            items: "[{}]",
        },
    ];

    fn trigger(&self) -> Result<Trigger, InvalidTrigger> {
        let timetable = Timetable::new(&self.rules).map_err(|error| InvalidTrigger(error.to_string()))?;
        Ok(Trigger::Schedule(sdk::trigger::Schedule {
            timetable: Arc::new(timetable),
            catchup: self.catchup,
        }))
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        let mut items = super::given(inputs);
        if self.tell_time && super::is_bare(inputs) {
            items[0].json = time_fields(ctx)?;
        }
        Ok(Output::main(items))
    }
}

/// The moment in the workflow's zone, part by part and for people to read.
fn time_fields(ctx: &Context) -> Result<Object, NodeError> {
    let now = Timestamp::from_millisecond(ctx.now_ms as i64);
    let now = now.map_err(|error| NodeError::permanent(format!("there is no such time: {error}")))?;
    let now = now.to_zoned(ctx.execution.zone.clone());
    let offset = match now.offset() {
        Offset::UTC => "+00:00".to_owned(),
        _ => now.strftime("%:z").to_string(),
    };
    let day = now.day();
    let ordinal = match (day % 10, day / 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    let time = now.strftime("%-I:%M:%S %P");
    let zone = now.time_zone().iana_name().unwrap_or("UTC");
    let fields = [
        ("timestamp", format!("{}.{:03}{offset}", now.strftime("%Y-%m-%dT%H:%M:%S"), now.millisecond())),
        ("Readable date", format!("{} {day}{ordinal} {}, {time}", now.strftime("%B"), now.year())),
        ("Readable time", time.to_string()),
        ("Day of week", now.strftime("%A").to_string()),
        ("Year", now.year().to_string()),
        ("Month", now.strftime("%B").to_string()),
        ("Day of month", format!("{day:02}")),
        ("Hour", format!("{:02}", now.hour())),
        ("Minute", format!("{:02}", now.minute())),
        ("Second", format!("{:02}", now.second())),
        ("Timezone", format!("{zone} (UTC{offset})")),
    ];
    Ok(fields.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use sdk::testing::{build, check, run};

    use super::*;

    #[test]
    fn the_item_says_what_time_it_is() {
        let emission = run(&build::<Schedule>(&json!({})), json!([{}])).expect("the step completes");
        let expected = json!({
            "timestamp": "2026-01-02T03:04:05.000+00:00",
            "Readable date": "January 2nd 2026, 3:04:05 am",
            "Readable time": "3:04:05 am",
            "Day of week": "Friday",
            "Year": "2026",
            "Month": "January",
            "Day of month": "02",
            "Hour": "03",
            "Minute": "04",
            "Second": "05",
            "Timezone": "UTC (UTC+00:00)",
        });
        assert_eq!(Value::from(emission.ports[0][0].json.clone()), expected);
    }

    #[test]
    fn what_the_start_gives_passes_on() {
        check::<Schedule>(json!({}), json!([{ "at": 1 }]), json!({ "main": [{ "at": 1 }] }));
        check::<Schedule>(json!({ "tell_time": false }), json!([{}]), json!({ "main": [{}] }));
    }
}
