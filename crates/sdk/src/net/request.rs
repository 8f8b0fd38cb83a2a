//! What is sent.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Error;

/// A request. Mark the value of a header that comes from a credential with [`HeaderValue::set_sensitive`]: it stays
/// out of `Debug` and is dropped when a redirect leads to another host.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// Where; only `http` and `https`.
    pub url: Url,
    /// Headers. Those that frame a message (`content-length`, `connection` and the like) are ignored.
    pub headers: HeaderMap,
    /// What to send along.
    pub body: Body,
    /// How long the whole exchange may take; at most what the instance allows, which is also the default.
    pub timeout: Option<Duration>,
    /// How many redirects to follow; at most what the instance allows, which is also the default.
    pub redirects: Option<usize>,
    /// Accept any certificate. Fails unless the instance allows it.
    pub ignore_tls_errors: bool,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::default(),
            timeout: None,
            redirects: None,
            ignore_tls_errors: false,
        }
    }

    /// A request to the address `url`, which must be absolute.
    pub fn parse(method: &str, url: &str) -> Result<Self, Error> {
        let name = method.to_ascii_uppercase();
        let method = Method::from_bytes(name.as_bytes())
            .map_err(|_| Error::Invalid(format!("\"{method}\" is no HTTP method")))?;
        Ok(Self::new(method, parse_url(url)?))
    }

    /// Adds the body.
    pub fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Sets a header, in place of one of the same name.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        self.headers.insert(header_name(name)?, header_value(name, value)?);
        Ok(())
    }

    /// Sets a header that carries a secret.
    pub fn secret_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut secret = header_value(name, value)?;
        secret.set_sensitive(true);
        self.headers.insert(header_name(name)?, secret);
        Ok(())
    }
}

/// Reads an absolute address.
pub fn parse_url(url: &str) -> Result<Url, Error> {
    let parsed = Url::parse(url.trim()).map_err(|error| {
        let shown: String = url.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect();
        Error::Invalid(format!("\"{shown}\" is no valid URL: {error}; it starts with http:// or https://"))
    })?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        scheme => Err(Error::Invalid(format!("scheme {scheme} is not allowed; use http or https"))),
    }
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| Error::Invalid(format!("\"{}\" is no valid header name", name.escape_debug())))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Error> {
    // Line breaks end a header: whoever may write one could add headers and even a second request.
    HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| {
        Error::Invalid(format!("the value of header \"{name}\" has a character that headers must not have"))
    })
}

/// What a request carries.
#[derive(Clone, Default, PartialEq)]
pub struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: Option<String>,
}

impl Body {
    /// Bytes of some content type.
    pub fn bytes(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), content_type: Some(content_type.into()) }
    }

    /// A value as JSON.
    pub fn json(value: &model::Value) -> Self {
        Self::bytes("application/json", value.to_json())
    }

    /// Pairs as a form, in order.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self::bytes("application/x-www-form-urlencoded", text)
    }

    /// Fields and files, in order.
    pub fn multipart(parts: &[Part]) -> Self {
        let boundary = free_boundary(parts);
        let size: usize = parts.iter().map(|part| part.bytes.len() + 256).sum();
        let mut bytes = Vec::with_capacity(size + 64);
        for part in parts {
            bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            let name = quoted(&part.name);
            let file = part
                .file_name
                .as_ref()
                .map_or_else(String::new, |file| format!("; filename=\"{}\"", quoted(file)));
            bytes.extend_from_slice(
                format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n").as_bytes(),
            );
            if let Some(content_type) = &part.content_type {
                bytes.extend_from_slice(format!("Content-Type: {}\r\n", one_line(content_type)).as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&part.bytes);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Self::bytes(format!("multipart/form-data; boundary={boundary}"), bytes)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.content_type.is_none()
    }

    /// The content type to send. A multipart body brings its own, because only that names the boundary.
    pub(super) fn add_content_type(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        let Some(content_type) = &self.content_type else { return Ok(()) };
        if !headers.contains_key(CONTENT_TYPE) || content_type.starts_with("multipart/form-data") {
            headers.insert(CONTENT_TYPE, header_value("content-type", content_type)?);
        }
        Ok(())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.bytes.len(), self.content_type.as_deref().unwrap_or("unknown type"))
    }
}

/// A field or file of a multipart body.
#[derive(Clone)]
pub struct Part {
    /// The name of the field.
    pub name: String,
    /// The name of the file, for a file.
    pub file_name: Option<String>,
    /// Its content type, when it is not plain text.
    pub content_type: Option<String>,
    /// The value.
    pub bytes: Bytes,
}

/// A boundary that none of the parts contains, found without chance so that the same request gives the same bytes.
fn free_boundary(parts: &[Part]) -> String {
    let contains = |boundary: &str| {
        parts
            .iter()
            .any(|part| part.bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes()))
    };
    (0u64..)
        .map(|number| format!("----runnel-boundary-{number:016x}"))
        .find(|boundary| !contains(boundary))
        .expect("some number does not occur in the parts")
}

/// As browsers escape names within quotes.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_never_occurs_in_a_part() {
        let field = |name: &str, value: &str| Part {
            name: name.into(),
            file_name: None,
            content_type: None,
            bytes: value.to_owned().into(),
        };
        let body =
            Body::multipart(&[field("a\"\r\nx: y", "----runnel-boundary-0000000000000000"), field("b", "2")]);
        let text = String::from_utf8(body.bytes.to_vec()).unwrap();
        assert_eq!(
            body.content_type.unwrap(),
            "multipart/form-data; boundary=----runnel-boundary-0000000000000001"
        );
        assert_eq!(text.matches("------runnel-boundary-0000000000000001").count(), 3);
        assert!(text.contains("name=\"a%22%0D%0Ax: y\""), "{text}");
    }

    #[test]
    fn a19c_line_breaks_in_headers_are_refused() {
        let mut request = Request::parse("get", "https://example.com").unwrap();
        for (name, value) in
            [("x-a", "1\r\nx-b: 2"), ("x-a\r\nx-b", "1"), ("x a", "1"), ("x-a", "1\n"), ("x-a", "\0")]
        {
            let accepted = request.header(name, value).is_ok();
            assert_eq!(
                accepted,
                value == "1\n",
                "{name:?}: {value:?}; white space around a value is cut off"
            );
        }
    }

    #[test]
    fn a01_only_http_and_https_are_addresses() {
        for url in [
            "file:///etc/passwd",
            "ftp://example.com",
            "gopher://example.com",
            "data:text/plain,x",
            "/relative",
        ] {
            assert!(Request::parse("GET", url).is_err(), "{url}");
        }
        assert_eq!(
            Request::parse("get", " https://EXAMPLE.com ").unwrap().url.as_str(),
            "https://example.com/"
        );
    }

    #[test]
    fn secrets_stay_out_of_debug_text() {
        let mut request =
            Request::parse("POST", "https://example.com").unwrap().with_body(Body::json(&"s3cret".into()));
        request.secret_header("authorization", "Bearer s3cret").unwrap();
        assert!(!format!("{request:?}").contains("s3cret"), "{request:?}");
    }
}
