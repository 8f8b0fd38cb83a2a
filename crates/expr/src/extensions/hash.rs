//! Digests and base64.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{alphabet, engine::DecodePaddingMode};
use md5::Digest;

/// The digest of a text in hexadecimal, or its base64; `None` for an unknown algorithm.
pub(super) fn digest(algorithm: &str, text: &str) -> Option<String> {
    Some(match algorithm {
        "base64" => STANDARD.encode(text),
        "md5" => hex(&md5::Md5::digest(text)),
        "sha1" => hex(&sha1::Sha1::digest(text)),
        "sha224" => hex(&sha2::Sha224::digest(text)),
        "sha256" => hex(&sha2::Sha256::digest(text)),
        "sha384" => hex(&sha2::Sha384::digest(text)),
        "sha512" => hex(&sha2::Sha512::digest(text)),
        "sha3" => hex(&sha3::Sha3_512::digest(text)),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes base64 as Node.js does: both alphabets, anything else skipped, up to the padding.
pub(super) fn base64_decode(text: &str) -> String {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let mut digits: Vec<u8> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            byte => byte.is_ascii_alphanumeric().then_some(byte),
        })
        .collect();
    // A single digit at the end holds no whole byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let bytes = LENIENT.decode(digits).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_published_test_vectors() {
        let starts = |algorithm| digest(algorithm, "abc").map(|digest| digest[..12].to_owned());
        assert_eq!(starts("md5").as_deref(), Some("900150983cd2"));
        assert_eq!(starts("sha1").as_deref(), Some("a9993e364706"));
        assert_eq!(starts("sha224").as_deref(), Some("23097d223405"));
        assert_eq!(starts("sha256").as_deref(), Some("ba7816bf8f01"));
        assert_eq!(starts("sha384").as_deref(), Some("cb00753f45a3"));
        assert_eq!(starts("sha512").as_deref(), Some("ddaf35a19361"));
        assert_eq!(starts("sha3").as_deref(), Some("b751850b1a57"));
        assert_eq!(starts("crc32"), None);
    }

    #[test]
    fn base64_may_be_sloppy() {
        assert_eq!(base64_decode("aMOpbGxv"), "héllo");
        assert_eq!(base64_decode("aMOp\n bGxv=ignored"), "héllo");
        assert_eq!(base64_decode("YQ"), "a");
        assert_eq!(base64_decode("%%%"), "");
    }
}
