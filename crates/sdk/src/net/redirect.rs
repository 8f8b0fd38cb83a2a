//! Where a redirect leads, decided without sending anything.

use http::header::{self, HeaderMap};
use http::{Method, StatusCode};
use url::Url;

use super::{Body, Error};

/// One request of a chain of redirects.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

impl Hop {
    /// The request that an answer asks for; none when it is no redirect.
    pub(super) fn next(&self, status: StatusCode, answer: &HeaderMap) -> Result<Option<Hop>, Error> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = answer.get(header::LOCATION) else { return Ok(None) };
        let host = self.url.host_str().unwrap_or_default();
        let mut url = String::from_utf8(location.as_bytes().to_vec())
            .ok()
            .and_then(|location| self.url.join(&location).ok())
            .ok_or_else(|| Error::Redirect(format!("\"{host}\" redirects to something that is no URL")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Redirect(format!(
                "\"{host}\" redirects to scheme {}; only http and https are followed",
                url.scheme()
            )));
        }
        if self.url.scheme() == "https" && url.scheme() == "http" {
            return Err(Error::Redirect(format!(
                "\"{host}\" redirects from https to http, which anyone on the way can read; turn off redirects, or call the http address itself"
            )));
        }
        if url.fragment().is_none() {
            url.set_fragment(self.url.fragment());
        }
        let mut next = Hop { url, ..self.clone() };
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            next.method = Method::GET;
            next.body = Body::default();
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_LOCATION,
            ] {
                next.headers.remove(name);
            }
        }
        if !stays(&self.url, &next.url) {
            next.drop_secrets();
        }
        Ok(Some(next))
    }

    /// Drops what was meant for the first host only.
    fn drop_secrets(&mut self) {
        let secret: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, value)| {
                let by_name =
                    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::HOST];
                value.is_sensitive() || by_name.contains(name)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in secret {
            self.headers.remove(name);
        }
    }
}

/// Whether both addresses are the same server: same host, and same port unless http became https.
fn stays(from: &Url, to: &Url) -> bool {
    let upgrade =
        from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    from.host_str() == to.host_str()
        && (from.port_or_known_default() == to.port_or_known_default() || upgrade)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let mut headers = HeaderMap::new();
        for (name, value) in [("authorization", "Basic x"), ("cookie", "a=b"), ("x-plain", "1")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut key = HeaderValue::from_static("k");
        key.set_sensitive(true);
        headers.insert("x-api-key", key);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        Hop { method, url: url.parse().unwrap(), headers, body: Body::json(&model::json!({})) }
    }

    fn follow(hop: &Hop, status: u16, location: &str) -> Result<Option<Hop>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("location", location.parse().unwrap());
        hop.next(StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn header_names(hop: &Hop) -> Vec<&str> {
        let mut names: Vec<_> = hop.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a02_credentials_and_cookies_are_dropped_when_the_server_changes() {
        let from = "https://api.example.com/a";
        for to in ["https://evil.example/b", "https://example.com/b", "https://api.example.com:8443/b"] {
            let next = follow(&hop(Method::GET, from), 307, to).unwrap().unwrap();
            assert_eq!(header_names(&next), ["content-type", "x-plain"], "{to}");
        }
        let same = follow(&hop(Method::GET, from), 307, "/b").unwrap().unwrap();
        assert_eq!(same.headers.len(), 5);
        let upgraded =
            follow(&hop(Method::GET, "http://example.com/a"), 301, "https://example.com/a").unwrap().unwrap();
        assert!(upgraded.headers.contains_key("authorization"));
    }

    #[test]
    fn a02_https_never_becomes_http() {
        let error =
            follow(&hop(Method::GET, "https://example.com/"), 302, "http://example.com/").unwrap_err();
        assert!(error.to_string().contains("from https to http"), "{error}");
    }

    #[test]
    fn a01_a_redirect_to_another_scheme_is_refused() {
        for to in ["file:///etc/passwd", "gopher://x/", "javascript:0"] {
            assert!(follow(&hop(Method::GET, "http://example.com/"), 302, to).is_err(), "{to}");
        }
    }

    #[test]
    fn post_becomes_get_without_body_on_301_302_and_303_only() {
        for (status, method, expected) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (303, Method::PUT, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (302, Method::PUT, Method::PUT),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ] {
            let next = follow(&hop(method.clone(), "https://example.com/"), status, "/x").unwrap().unwrap();
            assert_eq!(next.method, expected, "{status} {method}");
            let keeps_body = next.method == method;
            assert_eq!(next.headers.contains_key("content-type"), keeps_body, "{status} {method}");
            assert_eq!(next.body.is_empty(), !keeps_body, "{status} {method}");
        }
    }

    #[test]
    fn other_answers_are_no_redirects() {
        let from = hop(Method::GET, "https://example.com/");
        assert!(follow(&from, 304, "/x").unwrap().is_none());
        assert!(follow(&from, 200, "/x").unwrap().is_none());
        assert!(from.next(StatusCode::FOUND, &HeaderMap::new()).unwrap().is_none());
    }
}
