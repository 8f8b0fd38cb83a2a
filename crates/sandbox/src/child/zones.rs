//! Time zones for `Intl` and luxon.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Reads what the process needs to know about zones before the walls take files away.
pub(super) fn load() {
    let _ = TimeZone::get("UTC");
    let _ = TimeZone::get("America/New_York");
}

/// Name, offset in minutes and abbreviation of a zone at a time.
pub(super) fn at(zone: &str, millisecond: f64) -> Result<serde_json::Value, String> {
    let found = match zone {
        "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" => TimeZone::UTC,
        _ => TimeZone::get(zone).map_err(|_| format!("Invalid time zone specified: {zone}"))?,
    };
    let time =
        Timestamp::from_millisecond(millisecond as i64).map_err(|_| "Invalid time value".to_owned())?;
    let info = found.to_offset_info(time);
    Ok(serde_json::json!({
        "name": found.iana_name().unwrap_or("UTC"),
        "offset": f64::from(info.offset().seconds()) / 60.0,
        "abbreviation": info.abbreviation(),
    }))
}
