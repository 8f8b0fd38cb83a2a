//! What follows the address of a webhook.

use std::fmt;

use model::Object;
use percent_encoding::percent_decode_str;

/// A path with places for parameters, such as `orders/:id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    has_parameters: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Parameter(String),
}

impl PathPattern {
    /// Reads a path; slashes at its ends do not matter.
    pub fn parse(path: &str) -> Self {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments: Vec<_> = segments
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) if !name.is_empty() => Segment::Parameter(name.to_owned()),
                _ => Segment::Literal(segment.to_owned()),
            })
            .collect();
        let has_parameters = segments.iter().any(|segment| matches!(segment, Segment::Parameter(_)));
        Self { segments, has_parameters }
    }

    /// Whether it has no parameters.
    pub fn is_plain(&self) -> bool {
        !self.has_parameters
    }

    /// The parameters in `rest`, which is what follows the address, still encoded; `None` when it does not fit. A path
    /// without parameters may be left out, because the address alone says which webhook is meant.
    pub fn matches(&self, rest: &str) -> Option<Object> {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return (!self.has_parameters).then(Object::new);
        }
        let mut parameters = Object::new();
        let mut parts = rest.split('/');
        for segment in &self.segments {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Literal(literal) if decoded(part)? == *literal => {}
                Segment::Literal(_) => return None,
                Segment::Parameter(_) if part.is_empty() => return None,
                Segment::Parameter(name) => {
                    parameters.insert(name.as_str(), decoded(part)?);
                }
            }
        }
        parts.next().is_none().then_some(parameters)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            let slash = if index > 0 { "/" } else { "" };
            match segment {
                Segment::Literal(literal) => write!(f, "{slash}{literal}")?,
                Segment::Parameter(name) => write!(f, "{slash}:{name}")?,
            }
        }
        Ok(())
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use model::json;

    use super::*;

    fn parameters(pattern: &str, rest: &str) -> Option<String> {
        PathPattern::parse(pattern).matches(rest).map(|found| model::Value::from(found).to_json())
    }

    #[test]
    fn parts_with_a_colon_are_parameters() {
        let found = PathPattern::parse("/users/:user/orders/:order").matches("/users/a%20b/orders/7/");
        assert_eq!(found.map(model::Value::from), Some(json!({ "user": "a b", "order": "7" })));
        assert_eq!(PathPattern::parse("/users/:user/").to_string(), "users/:user");
        assert_eq!(parameters("users/:user", "users/"), None);
        assert_eq!(parameters("users/:user", "users/a/b"), None);
        assert_eq!(parameters("users/:user", "people/a"), None);
    }

    #[test]
    fn a_path_without_parameters_may_be_left_out() {
        assert_eq!(parameters("orders", ""), Some("{}".into()));
        assert_eq!(parameters("orders", "/orders"), Some("{}".into()));
        assert_eq!(parameters("orders", "/others"), None);
        assert_eq!(parameters("", "/anything"), None);
        assert_eq!(parameters("users/:user", ""), None);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_fit() {
        assert_eq!(parameters(":a", "%ff"), None);
    }
}
