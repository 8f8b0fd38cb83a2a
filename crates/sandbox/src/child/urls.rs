//! `URL` and `URLSearchParams` by the WHATWG standard.

use serde_json::{Value, json};
use url::{Url, form_urlencoded, quirks};

/// Parses an address, against a base when there is one.
pub(super) fn parse(text: &str, base: Option<&str>) -> Option<Url> {
    match base {
        Some(base) => Url::parse(base).ok()?.join(text).ok(),
        None => Url::parse(text).ok(),
    }
}

/// What the properties of `URL` show.
pub(super) fn parts(url: &Url) -> Value {
    json!({
        "href": quirks::href(url),
        "origin": quirks::origin(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
    })
}

/// Sets a property of an address; a value it cannot have changes nothing, as in a browser.
pub(super) fn change(href: &str, property: &str, value: &str) -> Result<Url, String> {
    let mut url = Url::parse(href).map_err(|_| "Invalid URL".to_owned())?;
    match property {
        "href" => return Url::parse(value).map_err(|_| "Invalid URL".to_owned()),
        "protocol" => drop(quirks::set_protocol(&mut url, value)),
        "username" => drop(quirks::set_username(&mut url, value)),
        "password" => drop(quirks::set_password(&mut url, value)),
        "host" => drop(quirks::set_host(&mut url, value)),
        "hostname" => drop(quirks::set_hostname(&mut url, value)),
        "port" => drop(quirks::set_port(&mut url, value)),
        "pathname" => quirks::set_pathname(&mut url, value),
        "search" => quirks::set_search(&mut url, value),
        "hash" => quirks::set_hash(&mut url, value),
        _ => return Err(format!("a URL has no property {property}")),
    }
    Ok(url)
}

/// The pairs of a query text.
pub(super) fn parse_query(text: &str) -> Value {
    form_urlencoded::parse(text.as_bytes()).map(|(name, value)| json!([name, value])).collect()
}

/// The query text of pairs, given as JSON.
pub(super) fn write_query(pairs: &str) -> Result<String, String> {
    let pairs: Vec<(String, String)> = serde_json::from_str(pairs).map_err(|error| error.to_string())?;
    Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}
