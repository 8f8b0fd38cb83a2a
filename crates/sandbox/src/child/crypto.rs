//! Hashes, keyed hashes, key derivation, AES and random bytes for `require('crypto')`.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce};
use cbc::cipher::block_padding::{NoPadding, Pkcs7};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use super::native::Arguments;

/// More rounds than this take longer than any limit.
const MOST_ROUNDS: f64 = 5_000_000.0;

macro_rules! with_digest {
    ($name:expr, $digest:ident => $result:expr) => {
        match canonical($name).as_str() {
            "md5" => {
                type $digest = Md5;
                Ok($result)
            }
            "sha1" => {
                type $digest = Sha1;
                Ok($result)
            }
            "sha224" => {
                type $digest = Sha224;
                Ok($result)
            }
            "sha256" => {
                type $digest = Sha256;
                Ok($result)
            }
            "sha384" => {
                type $digest = Sha384;
                Ok($result)
            }
            "sha512" => {
                type $digest = Sha512;
                Ok($result)
            }
            _ => Err(format!("Digest method not supported: {}", $name)),
        }
    };
}

/// `RSA-SHA256`, `SHA-256` and `sha256` are the same.
fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("rsa-").unwrap_or(&name).replace("sha-", "sha")
}

/// The hash of data.
pub(super) fn hash(name: &str, data: &[u8]) -> Result<Vec<u8>, String> {
    with_digest!(name, D => D::digest(data).to_vec())
}

/// The keyed hash of data.
pub(super) fn hmac(name: &str, key: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    with_digest!(name, D => {
        let mut mac = Hmac::<D>::new_from_slice(key).expect("a key may have any length");
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    })
}

/// Arguments: digest, password, salt, rounds, length.
pub(super) fn pbkdf2(arguments: &Arguments) -> Result<Vec<u8>, String> {
    let (name, password, salt) = (arguments.text(0)?, arguments.bytes(1)?, arguments.bytes(2)?);
    let (rounds, length) = (arguments.number(3)?, arguments.number(4)?);
    if !(1.0..=MOST_ROUNDS).contains(&rounds) || !(0.0..=65_536.0).contains(&length) {
        return Err(format!("pbkdf2 takes 1 to {MOST_ROUNDS} rounds and at most 65536 bytes"));
    }
    let mut key = vec![0; length as usize];
    with_digest!(name, D => pbkdf2::pbkdf2_hmac::<D>(&password, &salt, rounds as u32, &mut key)).map(|()| key)
}

/// Random bytes from the system.
pub(super) fn random(length: usize) -> Result<Vec<u8>, String> {
    if length > 1 << 24 {
        return Err("at most 16 MiB of random bytes at once".into());
    }
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A random UUID.
pub(super) fn uuid() -> Result<String, String> {
    let bytes: [u8; 16] = random(16)?.try_into().expect("sixteen bytes");
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// Which way a cipher works.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// Arguments: cipher, key, initialisation vector, additional data, data (with its tag at the end in GCM), padding.
pub(super) fn cipher(direction: Direction, arguments: &Arguments) -> Result<Vec<u8>, String> {
    let name = arguments.text(0)?.to_ascii_lowercase();
    let (key, iv) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let (additional, data) = (arguments.bytes(3)?, arguments.bytes(4)?);
    let is_padded = arguments.number(5)? != 0.0;
    macro_rules! cbc {
        ($cipher:ty) => {
            match direction {
                Direction::Encrypt => {
                    let cipher =
                        cbc::Encryptor::<$cipher>::new_from_slices(&key, &iv).map_err(wrong_length)?;
                    if is_padded {
                        Ok(cipher.encrypt_padded_vec::<Pkcs7>(&data))
                    } else if data.len() % 16 == 0 {
                        Ok(cipher.encrypt_padded_vec::<NoPadding>(&data))
                    } else {
                        Err("wrong final block length".into())
                    }
                }
                Direction::Decrypt => {
                    let cipher =
                        cbc::Decryptor::<$cipher>::new_from_slices(&key, &iv).map_err(wrong_length)?;
                    let plain = if is_padded {
                        cipher.decrypt_padded_vec::<Pkcs7>(&data)
                    } else {
                        cipher.decrypt_padded_vec::<NoPadding>(&data)
                    };
                    plain.map_err(|_| "bad decrypt".into())
                }
            }
        };
    }
    macro_rules! gcm {
        ($cipher:ty) => {{
            let cipher = <$cipher>::new_from_slice(&key).map_err(wrong_length)?;
            let nonce =
                Nonce::try_from(iv.as_slice()).map_err(|_| "GCM takes 12 bytes of initialisation vector")?;
            let payload = Payload { msg: &data, aad: &additional };
            match direction {
                Direction::Encrypt => cipher.encrypt(&nonce, payload).map_err(|error| error.to_string()),
                Direction::Decrypt => cipher
                    .decrypt(&nonce, payload)
                    .map_err(|_| "Unsupported state or unable to authenticate data".into()),
            }
        }};
    }
    match name.as_str() {
        "aes-128-cbc" => cbc!(Aes128),
        "aes-192-cbc" => cbc!(Aes192),
        "aes-256-cbc" => cbc!(Aes256),
        "aes-128-gcm" => gcm!(Aes128Gcm),
        "aes-256-gcm" => gcm!(Aes256Gcm),
        _ => Err(format!("Unknown cipher: {name}")),
    }
}

fn wrong_length(_: impl std::fmt::Debug) -> String {
    "Invalid key length".into()
}
