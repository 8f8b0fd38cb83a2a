//! What comes back, read within limits.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use url::Url;

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// What the server calls that status.
    pub status_text: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, decompressed.
    pub body: Bytes,
    /// The address that answered, after redirects.
    pub url: Url,
}

impl Response {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The content type without its parameters, in lower case; empty when there is none.
    pub fn content_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as text; bytes that are no UTF-8 become replacement characters.
    pub fn text(&self) -> Cow<'_, str> {
        let bytes = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        String::from_utf8_lossy(bytes)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Output that a decompressor may give for each byte it got.
const MAX_RATIO: usize = 100;
/// Below this size the ratio does not count: short texts compress well.
const RATIO_FREE: usize = 1 << 20;

/// Collects a body piece by piece, decompressing it on the way, and refuses to grow past its limits.
pub(super) struct Collector {
    decoder: Decoder,
    limit: usize,
}

enum Decoder {
    Plain(Limited),
    /// `deflate` means zlib or raw deflate, which the first byte tells.
    UnknownDeflate(Limited),
    Gzip(MultiGzDecoder<Limited>),
    Zlib(ZlibDecoder<Limited>),
    Deflate(DeflateDecoder<Limited>),
    Brotli(Box<DecompressorWriter<Limited>>),
}

/// The bytes so far, and how many may follow.
#[derive(Default)]
struct Limited {
    bytes: Vec<u8>,
    allowed: usize,
}

impl Write for Limited {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.allowed {
            return Err(io::Error::other(OverLimit));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("over the limit")]
struct OverLimit;

/// Why a body could not be collected.
#[derive(Debug)]
pub(super) enum Refused {
    /// Larger than a limit; which.
    TooLarge(String),
    /// Not what its encoding says.
    Malformed(String),
}

impl Collector {
    /// Collects a body with these headers into at most `limit` bytes.
    pub(super) fn new(headers: &HeaderMap, limit: usize) -> Self {
        let out = Limited::default();
        let encoding =
            headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let decoder = match encoding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Decoder::Gzip(MultiGzDecoder::new(out)),
            "deflate" => Decoder::UnknownDeflate(out),
            "br" => Decoder::Brotli(Box::new(DecompressorWriter::new(out, 16 << 10))),
            _ => Decoder::Plain(out),
        };
        Self { decoder, limit }
    }

    /// Whether the body is decompressed on the way.
    pub(super) fn decodes(&self) -> bool {
        !matches!(self.decoder, Decoder::Plain(_))
    }

    /// Adds a piece; `received` bytes have come in all, this piece included.
    pub(super) fn push(&mut self, piece: &[u8], received: usize) -> Result<(), Refused> {
        if let Decoder::UnknownDeflate(out) = &mut self.decoder
            && let Some(first) = piece.first()
        {
            let out = std::mem::take(out);
            let zlib = first & 0x0f == 8;
            self.decoder = if zlib {
                Decoder::Zlib(ZlibDecoder::new(out))
            } else {
                Decoder::Deflate(DeflateDecoder::new(out))
            };
        }
        let ratio_limit = received.saturating_mul(MAX_RATIO).max(RATIO_FREE);
        let allowed = self.limit.min(ratio_limit);
        let result = match &mut self.decoder {
            Decoder::Plain(out) | Decoder::UnknownDeflate(out) => {
                out.allowed = self.limit;
                out.write_all(piece)
            }
            Decoder::Gzip(decoder) => {
                decoder.get_mut().allowed = allowed;
                decoder.write_all(piece)
            }
            Decoder::Zlib(decoder) => {
                decoder.get_mut().allowed = allowed;
                decoder.write_all(piece)
            }
            Decoder::Deflate(decoder) => {
                decoder.get_mut().allowed = allowed;
                decoder.write_all(piece)
            }
            Decoder::Brotli(decoder) => {
                decoder.get_mut().allowed = allowed;
                decoder.write_all(piece)
            }
        };
        result.map_err(|error| self.refused(error, allowed))
    }

    /// The whole body.
    pub(super) fn finish(self) -> Result<Bytes, Refused> {
        let malformed = |error: io::Error| match error.get_ref() {
            Some(inner) if inner.is::<OverLimit>() => Refused::TooLarge("is larger than allowed".to_owned()),
            _ => Refused::Malformed(format!("its body is not what its content-encoding says: {error}")),
        };
        let out = match self.decoder {
            Decoder::Plain(out) | Decoder::UnknownDeflate(out) => out,
            // An answer to HEAD names an encoding and has no body.
            Decoder::Gzip(decoder) => decoder.finish().map_err(malformed)?,
            Decoder::Zlib(decoder) => decoder.finish().map_err(malformed)?,
            Decoder::Deflate(decoder) => decoder.finish().map_err(malformed)?,
            Decoder::Brotli(mut decoder) => {
                decoder.close().map_err(malformed)?;
                decoder.into_inner().unwrap_or_else(|out| out)
            }
        };
        Ok(out.bytes.into())
    }

    fn refused(&self, error: io::Error, allowed: usize) -> Refused {
        match error.get_ref() {
            Some(inner) if inner.is::<OverLimit>() && allowed < self.limit => {
                Refused::TooLarge(format!("grows more than {MAX_RATIO} times when decompressed"))
            }
            Some(inner) if inner.is::<OverLimit>() => {
                Refused::TooLarge(format!("is larger than {} bytes; ask for less at once", self.limit))
            }
            _ => Refused::Malformed(format!("its body is not what its content-encoding says: {error}")),
        }
    }
}
