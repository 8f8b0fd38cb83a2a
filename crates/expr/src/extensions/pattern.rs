//! What counts as an e-mail address, a domain, an address of the web and a tag.

use std::sync::LazyLock;

use regex::Regex;

macro_rules! host {
    () => {
        r"(?:(?:www\.)?(?:(?:[-A-Za-z0-9_]+\.)+(?:[a-zA-Z]{2,}|xn--[A-Za-z0-9_]+)|localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}))"
    };
}
macro_rules! rest {
    () => {
        r"(?::[0-9]+)?(?:/[^\s?]*)?(?:\?[^\s#]*)?(?:#\S*)?$"
    };
}

pub(super) static DOMAIN: LazyLock<Regex> = LazyLock::new(|| fixed(concat!("(?i)^", host!(), rest!())));
pub(super) static URL: LazyLock<Regex> =
    LazyLock::new(|| fixed(concat!(r"(?i)^(?:https?|ftp)://", host!(), r"\S*$")));
pub(super) static URL_WITHIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(concat!(r"(?i)(?:https?|ftp)://", host!(), r"\S*")));
pub(super) static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r#"(?:[^<>()\[\]\\.,;:\s@"]+(?:\.[^<>()\[\]\\.,;:\s@"]+)*|".+")@"#,
        r"(?:\[[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\]|(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,})"
    ))
});
pub(super) static TAG: LazyLock<Regex> = LazyLock::new(|| fixed("<[^>]*>?"));

static DOMAIN_OF_URL: LazyLock<Regex> =
    LazyLock::new(|| fixed(concat!(r"(?i)^(?:(?:https?|ftp)://|//)?(", host!(), ")", rest!())));

/// Whether a text is an e-mail address, possibly with something around it but no blanks.
pub(super) fn is_email(text: &str) -> bool {
    !text.contains(' ') && EMAIL.is_match(text)
}

/// The domain of an e-mail address, of an address of the web or of a domain itself.
pub(super) fn domain_of(text: &str) -> Option<&str> {
    if is_email(text) {
        return EMAIL.find(text)?.as_str().rsplit('@').next();
    }
    Some(DOMAIN_OF_URL.captures(text)?.get(1)?.as_str())
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_need_a_top_level_of_two_letters() {
        for domain in
            ["example.com", "localhost", "xn--80aswg.xn--p1ai", "1.2.3.4", "sub.example.museum", "a.bc:80"]
        {
            assert!(DOMAIN.is_match(domain), "{domain}");
        }
        for other in
            ["example", "example..com", "example com", "example.c", "http://example.com", "münchen.de"]
        {
            assert!(!DOMAIN.is_match(other), "{other}");
        }
    }

    #[test]
    fn the_domain_is_found_in_addresses_of_all_kinds() {
        assert_eq!(domain_of("first.last@example.co.uk"), Some("example.co.uk"));
        assert_eq!(domain_of("https://user:pw@x.com/"), Some("x.com"));
        assert_eq!(domain_of("https://sub.example.com:8080/p?q#h"), Some("sub.example.com"));
        assert_eq!(domain_of("tel:+1-555-123-4567"), None);
        assert_eq!(domain_of("text with example.com inside"), None);
    }
}
