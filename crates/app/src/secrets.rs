//! The key of the instance, and what is derived from it: one key per purpose, so that what was signed for one purpose
//! means nothing for another.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use store::secrets::Keyring;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The key of the instance. It has no `Debug`, `Display` or `Serialize` on purpose. Cheap to clone.
#[derive(Clone)]
pub struct RootKey(Arc<Keys>);

struct Keys {
    keyring: Keyring,
    /// One per purpose, in their order.
    derived: Vec<Zeroizing<[u8; 32]>>,
}

/// What a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Hashes of API keys.
    ApiKeys,
    /// Addresses that show the status of one execution without a login.
    StatusUrls,
    /// Addresses that answer a wait.
    ResumeUrls,
    /// The token that sets an instance up.
    Setup,
    /// What tells this key from others without giving it away.
    Fingerprint,
}

impl Purpose {
    const ALL: [Purpose; 5] =
        [Purpose::ApiKeys, Purpose::StatusUrls, Purpose::ResumeUrls, Purpose::Setup, Purpose::Fingerprint];

    fn label(self) -> &'static str {
        match self {
            Purpose::ApiKeys => "runnel/1/api-key-pepper",
            Purpose::StatusUrls => "runnel/1/status-url",
            Purpose::ResumeUrls => "runnel/1/resume-url",
            Purpose::Setup => "runnel/1/setup-token",
            Purpose::Fingerprint => "runnel/1/fingerprint",
        }
    }
}

impl RootKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self::of(Keyring::new(bytes))
    }

    /// The key of an instance with this keyring.
    pub fn of(keyring: Keyring) -> Self {
        let derived = Purpose::ALL.iter().map(|purpose| keyring.derive(purpose.label())).collect();
        Self(Arc::new(Keys { keyring, derived }))
    }

    /// What encrypts and decrypts stored secrets.
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The tag that only this instance can make of `parts` for this purpose.
    pub fn tag(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        hmac(self.0.derived[purpose as usize].as_slice(), parts)
    }

    /// What tells this key from others without giving it away.
    pub fn fingerprint(&self) -> String {
        let tag = self.tag(Purpose::Fingerprint, &[]);
        tag[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a tag is the right one; takes the same time whatever the tag.
    pub fn verify(&self, purpose: Purpose, parts: &[&[u8]], tag: &[u8]) -> bool {
        same(&self.tag(purpose, parts), tag)
    }
}

/// Whether two secrets are the same; takes the same time wherever they differ.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        // The length first, so that parts cannot be cut differently.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random letters and digits, each as likely as any other.
pub fn random_text(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // 248 is the largest multiple of 62 in a byte.
        let usable = random::<64>().into_iter().filter(|byte| *byte < 248);
        text.extend(usable.take(length - text.len()).map(|byte| char::from(DIGITS[usize::from(byte % 62)])));
    }
    text
}

/// Six letters and digits that tell a mistyped text from a wrong one (CRC-32, IEEE).
pub fn checksum(text: &str) -> String {
    let mut crc = !0u32;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_belongs_to_one_purpose_and_one_way_to_cut_the_parts() {
        let key = RootKey::new([7; 32]);
        let tag = key.tag(Purpose::StatusUrls, &[b"ab", b"c"]);
        assert!(key.verify(Purpose::StatusUrls, &[b"ab", b"c"], &tag));
        assert!(!key.verify(Purpose::ResumeUrls, &[b"ab", b"c"], &tag));
        assert!(!key.verify(Purpose::StatusUrls, &[b"a", b"bc"], &tag));
        assert!(!RootKey::new([8; 32]).verify(Purpose::StatusUrls, &[b"ab", b"c"], &tag));
    }

    #[test]
    fn every_purpose_has_a_key_of_its_own() {
        let key = RootKey::new([7; 32]);
        let tags: Vec<_> = Purpose::ALL.iter().map(|purpose| key.tag(*purpose, &[b"same"])).collect();
        assert!(tags.iter().enumerate().all(|(index, tag)| !tags[..index].contains(tag)));
        assert!(Purpose::ALL.iter().enumerate().all(|(index, purpose)| *purpose as usize == index));
    }

    #[test]
    fn random_text_is_as_long_as_asked_and_new_each_time() {
        let text = random_text(43);
        assert_eq!(text.len(), 43);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(text, random_text(43));
    }

    #[test]
    fn the_checksum_is_crc_32() {
        // 0xcbf43926 is the check value of CRC-32.
        let mut rest = 0xcbf4_3926_u32;
        let mut expected = Vec::new();
        for _ in 0..6 {
            expected.insert(0, char::from(DIGITS[(rest % 62) as usize]));
            rest /= 62;
        }
        assert_eq!(checksum("123456789"), expected.into_iter().collect::<String>());
    }
}
