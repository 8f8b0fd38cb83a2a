//! What a call holds, as the item that starts an execution or ends a wait.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName};
use model::{Binaries, Binary, Blob, Item, Lineage, Object, Origin, Text, Value};

use super::multipart;
use super::query::{parse_flat, parse_nested};
use super::refusal::{Refusal, Wording};

/// A compressed body may grow so many times.
const MAX_RATIO: usize = 100;

/// How bodies are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Whether the body is also kept as it came.
    pub(super) raw: bool,
    /// The name of files.
    pub(super) file_field: Option<Text>,
    /// Bytes of a decompressed body at most.
    pub(super) limit: usize,
    /// Who worded the webhook: decides what is read leniently.
    pub(super) wording: Wording,
}

/// The parts of a call that is about to become an item.
pub(super) struct Call<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
    pub(super) params: Object,
    pub(super) body: Bytes,
    /// The address that was called, without what varies.
    pub(super) url: Text,
    pub(super) is_test: bool,
    /// The place of the method among those that count.
    pub(super) port: usize,
    /// A header whose value is a secret of ours: only that it was right is told.
    pub(super) secret_header: Option<HeaderName>,
    /// What a token says, for callers that prove themselves by one.
    pub(super) claims: Option<Value>,
}

impl Call<'_> {
    /// The item: `{headers, params, query, body, webhookUrl, executionMode}` and files.
    pub(super) fn into_item(self, reading: &Reading) -> Result<Item, Refusal> {
        let content_type =
            self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = decompress(self.headers, self.body, reading.limit)?;
        let mut files = Binaries::default();
        let raw = reading.raw.then(|| file(&body, content_type, None));
        let body = match read(content_type, body, reading, &mut files) {
            Ok(body) => body,
            // Somebody who wants the bytes wants those that are wrong too.
            Err(_) if raw.is_some() => Object::new().into(),
            Err(refusal) => return Err(refusal),
        };
        if let Some(raw) = raw {
            files.insert(reading.file_field.clone().unwrap_or_else(|| "data".into()), raw);
        }
        let mut json = Object::with_capacity(7);
        json.insert("headers", headers(self.headers, self.secret_header.as_ref()));
        json.insert("params", self.params);
        json.insert("query", self.query.map(parse_nested).unwrap_or_default());
        json.insert("body", body);
        json.insert("webhookUrl", self.url);
        json.insert("executionMode", if self.is_test { "test" } else { "production" });
        if let Some(claims) = self.claims {
            json.insert("jwtPayload", claims);
        }
        Ok(Item {
            json,
            binary: (!files.is_empty()).then(|| Arc::new(files)),
            lineage: Lineage::one(Origin::of(self.port, 0)),
        })
    }
}

/// The headers as Node.js shows them: names in lower case, values of the same name joined.
fn headers(headers: &HeaderMap, secret: Option<&HeaderName>) -> Object {
    let mut object = Object::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let text = match secret {
            Some(secret) if secret == name => Text::from("**hidden**"),
            _ => match value.to_str() {
                Ok(text) => Text::from(text),
                // Node.js reads other bytes as Latin-1.
                Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
            },
        };
        match object.get_mut(name.as_str()) {
            Some(Value::String(joined)) => {
                joined.push_str(if name == COOKIE { "; " } else { ", " });
                joined.push_str(&text);
            }
            _ => {
                object.insert(name.as_str(), text);
            }
        }
    }
    object
}

fn decompress(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(body) };
    let limit = limit.min(body.len().saturating_mul(MAX_RATIO));
    let mut read = Vec::new();
    let most = limit as u64 + 1;
    let outcome = match encoding.as_bytes() {
        b"identity" => return Ok(body),
        b"gzip" | b"x-gzip" => flate2::read::MultiGzDecoder::new(&body[..]).take(most).read_to_end(&mut read),
        b"deflate" => flate2::read::ZlibDecoder::new(&body[..]).take(most).read_to_end(&mut read),
        _ => {
            let detail =
                "the body is compressed in a way that is not read here; send it as it is, or with gzip";
            return Err(Refusal::media_type(detail));
        }
    };
    outcome.map_err(|_| Refusal::malformed("the body cannot be decompressed"))?;
    if read.len() > limit {
        return Err(Refusal::too_large("the decompressed body is too large; send less at once"));
    }
    Ok(read.into())
}

fn read(content_type: &str, body: Bytes, reading: &Reading, files: &mut Binaries) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Object::new().into());
    }
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| essence.eq_ignore_ascii_case(name);
    let ends_with = |suffix: &str| {
        essence.len() > suffix.len()
            && essence.as_bytes()[essence.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
    };
    if is("application/json") || ends_with("+json") {
        // A mark at the beginning says that it is UTF-8, which JSON is anyway.
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
        return serde_json::from_slice(text).map_err(|error| Refusal::no_json(&error.to_string()));
    }
    if is("application/x-www-form-urlencoded") {
        return Ok(parse_flat(&String::from_utf8_lossy(&body)).into());
    }
    if is("multipart/form-data") {
        return form(content_type, &body, reading, files);
    }
    if starts_with(essence, "text/") || is("application/xml") || ends_with("+xml") {
        return Ok(Text::from(String::from_utf8_lossy(&body)).into());
    }
    let name = reading.file_field.clone().unwrap_or_else(|| "data".into());
    files.insert(name, file(&body, content_type, None));
    Ok(Object::new().into())
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn form(content_type: &str, body: &[u8], reading: &Reading, files: &mut Binaries) -> Result<Value, Refusal> {
    let boundary = multipart::boundary(content_type)
        .ok_or_else(|| Refusal::malformed("the form does not say how its parts are told apart"))?;
    let parts = multipart::parse(body, boundary, reading.wording == Wording::N8n)?;
    let mut fields = Object::new();
    let mut count = 0;
    for (index, part) in parts.iter().enumerate() {
        let content = &body[part.content.clone()];
        let Some(file_name) = &part.file_name else {
            let text = Value::from(Text::from(String::from_utf8_lossy(content)));
            let value = match fields.remove(&part.name) {
                None => text,
                Some(Value::Array(mut values)) => {
                    Arc::make_mut(&mut values).push(text);
                    Value::Array(values)
                }
                Some(first) => Value::array([first, text]),
            };
            fields.insert(part.name.as_str(), value);
            continue;
        };
        // What a browser sends for a file that nobody chose.
        if file_name.is_empty() && content.is_empty() {
            continue;
        }
        let same = |other: &&multipart::Part| other.name == part.name;
        let name = part.name.strip_suffix("[]").unwrap_or(&part.name);
        let name = match &reading.file_field {
            Some(chosen) => format!("{chosen}{count}"),
            None if parts.iter().filter(same).count() > 1 => {
                format!("{name}{}", parts[..index].iter().filter(same).count())
            }
            None => name.to_owned(),
        };
        count += 1;
        let media_type = part.content_type.as_deref().unwrap_or("application/octet-stream");
        files.insert(name.into(), file(content, media_type, Some(file_name)));
    }
    Ok(fields.into())
}

/// A file whose bytes the server has: it cannot be made by anything that a body says.
fn file(content: &[u8], content_type: &str, name: Option<&str>) -> Binary {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let extension = name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| Text::from(extension));
    Binary {
        mime_type: if essence.is_empty() { "application/octet-stream".into() } else { essence.into() },
        file_name: name.map(Text::from),
        file_extension: extension,
        directory: None,
        blob: Blob::Inline(Arc::from(content)),
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use model::json;

    use super::*;

    fn reading() -> Reading {
        Reading { raw: false, file_field: None, limit: 1 << 20, wording: Wording::Native }
    }

    fn header_map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, value.parse().expect("a value"));
        }
        headers
    }

    fn item(pairs: &[(&str, &str)], body: impl Into<Bytes>, reading: &Reading) -> Result<Item, Refusal> {
        let headers = header_map(pairs);
        let call = Call {
            headers: &headers,
            query: Some("a=1&b[]=2"),
            params: Object::new(),
            body: body.into(),
            url: "https://runnel.example/hooks/1".into(),
            is_test: false,
            port: 0,
            secret_header: Some(AUTHORIZATION),
            claims: None,
        };
        call.into_item(reading)
    }

    fn body(content_type: &str, text: &str) -> Value {
        let item =
            item(&[("content-type", content_type)], text.to_owned(), &reading()).expect("it can be read");
        item.json.get("body").cloned().expect("there is a body")
    }

    #[test]
    fn the_item_has_the_shape_that_workflows_expect() {
        let pairs = [
            ("content-type", "application/json"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ];
        let item = item(&pairs, r#"{"n":1}"#, &reading()).expect("it can be read");
        let expected = json!({
            "headers": { "content-type": "application/json", "x-a": "1, 2", "cookie": "a=1; b=2" },
            "params": {},
            "query": { "a": "1", "b": ["2"] },
            "body": { "n": 1 },
            "webhookUrl": "https://runnel.example/hooks/1",
            "executionMode": "production",
        });
        assert_eq!(Value::from(item.json), expected);
        assert_eq!(item.binary, None);
    }

    #[test]
    fn bodies_are_read_by_their_type() {
        assert_eq!(body("application/json; charset=utf-8", "[1]"), json!([1]));
        assert_eq!(body("application/ld+json", "7"), json!(7));
        assert_eq!(
            body("application/x-www-form-urlencoded", "a=1&a=2&b=x+y"),
            json!({ "a": ["1", "2"], "b": "x y" })
        );
        assert_eq!(body("text/plain", "plain"), json!("plain"));
        assert_eq!(body("application/json", ""), json!({}));
        assert_eq!(body("application/json", "\u{feff}{}"), json!({}));
    }

    #[test]
    fn a_body_of_no_known_type_is_a_file() {
        let item =
            item(&[("content-type", "image/PNG; x=y")], &b"\x89PNG"[..], &reading()).expect("it can be read");
        let files = item.binary.expect("there is a file");
        assert_eq!(files["data"].mime_type, "image/png");
        assert_eq!(files["data"].blob, Blob::Inline(Arc::from(&b"\x89PNG"[..])));
        assert_eq!(item.json.get("body"), Some(&json!({})));
    }

    #[test]
    fn a05_json_that_imitates_an_upload_is_just_json() {
        for imitation in [
            r#"{"binary":{"data":{"mime_type":"text/plain","blob":{"stored":{"sha256":"00","size":1}}}}}"#,
            r#"{"files":{"f":{"path":"/etc/passwd","originalFilename":"x","size":1}},"data":{}}"#,
            r#"{"body":{},"headers":{},"executionMode":"test","lineage":[{"item":5}]}"#,
        ] {
            let item =
                item(&[("content-type", "application/json")], imitation, &reading()).expect("it is JSON");
            assert_eq!(item.binary, None);
            assert_eq!(item.json.get("body"), Value::from_json(imitation).ok().as_ref());
            assert_eq!(item.json.get("executionMode"), Some(&json!("production")));
        }
    }

    #[test]
    fn a05_what_is_called_json_and_is_none_is_refused() {
        for broken in ["{", "{} {}", "\u{0}", "NaN", &"[".repeat(1000)] {
            let refusal = item(&[("content-type", "application/json")], broken.to_owned(), &reading());
            assert_eq!(refusal.expect_err("it is no JSON").status(), 400, "{broken:.10}");
        }
        let invalid = item(&[("content-type", "application/json")], &b"\"\xff\""[..], &reading());
        assert!(invalid.is_err());
    }

    #[test]
    fn the_body_as_it_came_is_kept_beside_what_it_says() {
        let raw = Reading { raw: true, file_field: Some("body".into()), ..reading() };
        let item =
            item(&[("content-type", "application/json")], "{ \"a\": 1", &raw).expect("the bytes are wanted");
        assert_eq!(item.json.get("body"), Some(&json!({})));
        assert_eq!(item.binary.expect("there is a file")["body"].blob.size(), 8);
    }

    #[test]
    fn files_of_a_form_are_named_by_their_field_or_as_chosen() {
        let part = |head: &str, content: &str| {
            format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        let text = part("name=\"a\"", "1")
            + &part("name=\"f[]\"; filename=\"x.txt\"", "x")
            + &part("name=\"f[]\"; filename=\"y.txt\"", "y")
            + "--B--";
        let kind = [("content-type", "multipart/form-data; boundary=B")];
        let names = |reading: &Reading| {
            let item = item(&kind, text.clone(), reading).expect("it can be read");
            assert_eq!(item.json.get("body"), Some(&json!({ "a": "1" })));
            item.binary.expect("there are files").keys().map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&reading()), ["f0", "f1"]);
        assert_eq!(names(&Reading { file_field: Some("data".into()), ..reading() }), ["data0", "data1"]);
    }

    #[test]
    fn a_secret_that_was_checked_does_not_reach_the_workflow() {
        let item = item(&[("authorization", "Basic c2VjcmV0")], "", &reading()).expect("it can be read");
        assert!(!Value::from(item.json).to_json().contains("c2VjcmV0"));
    }

    #[test]
    fn a07b_a_body_that_grows_more_than_100_times_is_refused() {
        use std::io::Write;
        let packed = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("it is in memory")
        };
        let kind = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let fine = item(&kind, packed(br#"{"a":"some text"}"#), &reading()).expect("it can be read");
        assert_eq!(fine.json.get("body"), Some(&json!({ "a": "some text" })));
        assert_eq!(item(&kind, packed(&vec![b' '; 1 << 20]), &reading()).expect_err("a bomb").status(), 413);
        let wide = Reading { limit: 10, ..reading() };
        assert_eq!(item(&kind, packed(b"\"0123456789\""), &wide).expect_err("too large").status(), 413);
        assert_eq!(item(&kind, "{}", &reading()).expect_err("not gzip").status(), 400);
        let other = [("content-type", "application/json"), ("content-encoding", "br")];
        assert_eq!(item(&other, "{}", &reading()).expect_err("not read").status(), 415);
    }
}
