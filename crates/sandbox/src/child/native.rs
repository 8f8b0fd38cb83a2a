//! What JavaScript helpers leave to Rust: bytes and text, hashes and ciphers, time zones, URLs.
//!
//! Bytes travel as base64 text, which the engine converts natively on its side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rquickjs::{Ctx, Exception, IntoJs as _, Null, Value};

use super::{crypto, urls, zones};

/// An argument, owned.
pub(super) enum Argument {
    Text(String),
    Number(f64),
    Other,
}

/// The arguments of a call.
pub(super) struct Arguments(Vec<Argument>);

impl Arguments {
    /// Argument `index` as text.
    pub(super) fn text(&self, index: usize) -> Result<&str, String> {
        match self.0.get(index) {
            Some(Argument::Text(text)) => Ok(text),
            _ => Err(format!("argument {} must be text", index + 1)),
        }
    }

    /// Argument `index` as bytes.
    pub(super) fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        STANDARD.decode(self.text(index)?).map_err(|error| error.to_string())
    }

    /// Argument `index` as a number.
    pub(super) fn number(&self, index: usize) -> Result<f64, String> {
        match self.0.get(index) {
            Some(Argument::Number(number)) => Ok(*number),
            _ => Err(format!("argument {} must be a number", index + 1)),
        }
    }
}

/// A result.
pub(super) enum Output {
    Text(String),
    Bytes(Vec<u8>),
    /// Becomes a value of its own.
    Json(serde_json::Value),
    Nothing,
}

/// Calls the function `name`; what it refuses becomes an `Error`.
pub(super) fn call<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    arguments: &[Value<'js>],
) -> rquickjs::Result<Value<'js>> {
    let arguments = arguments
        .iter()
        .map(|value| {
            Ok(match (value.as_string(), value.as_number()) {
                (Some(text), _) => Argument::Text(text.to_string()?),
                (None, Some(number)) => Argument::Number(number),
                (None, None) => Argument::Other,
            })
        })
        .collect::<rquickjs::Result<_>>()?;
    match run(name, &Arguments(arguments)) {
        Ok(Output::Text(text)) => text.into_js(ctx),
        Ok(Output::Bytes(bytes)) => STANDARD.encode(bytes).into_js(ctx),
        Ok(Output::Json(json)) => ctx.json_parse(json.to_string()),
        Ok(Output::Nothing) => Null.into_js(ctx),
        Err(message) => Err(Exception::throw_message(ctx, &message)),
    }
}

fn run(name: &str, arguments: &Arguments) -> Result<Output, String> {
    match name {
        "utf8" => Ok(Output::Bytes(arguments.text(0)?.as_bytes().to_vec())),
        "text" => Ok(Output::Text(String::from_utf8_lossy(&arguments.bytes(0)?).into_owned())),
        "strict text" => String::from_utf8(arguments.bytes(0)?)
            .map(Output::Text)
            .map_err(|_| "the encoded data was not valid utf-8".into()),
        "hash" => crypto::hash(arguments.text(0)?, &arguments.bytes(1)?).map(Output::Bytes),
        "hmac" => {
            crypto::hmac(arguments.text(0)?, &arguments.bytes(1)?, &arguments.bytes(2)?).map(Output::Bytes)
        }
        "pbkdf2" => crypto::pbkdf2(arguments).map(Output::Bytes),
        "random" => crypto::random(arguments.number(0)? as usize).map(Output::Bytes),
        "uuid" => crypto::uuid().map(Output::Text),
        "encrypt" => crypto::cipher(crypto::Direction::Encrypt, arguments).map(Output::Bytes),
        "decrypt" => crypto::cipher(crypto::Direction::Decrypt, arguments).map(Output::Bytes),
        "zone" => zones::at(arguments.text(0)?, arguments.number(1)?).map(Output::Json),
        "parse url" => Ok(urls::parse(arguments.text(0)?, arguments.text(1).ok())
            .map_or(Output::Nothing, |url| Output::Json(urls::parts(&url)))),
        "change url" => urls::change(arguments.text(0)?, arguments.text(1)?, arguments.text(2)?)
            .map(|url| Output::Json(urls::parts(&url))),
        "parse query" => Ok(Output::Json(urls::parse_query(arguments.text(0)?))),
        "write query" => urls::write_query(arguments.text(0)?).map(Output::Text),
        _ => Err(format!("there is no native function {name}")),
    }
}
