//! The cheapest HTTP/1.1 client that is still one: a kept connection, a request that is already bytes, an answer with its
//! length or in chunks. It shares the processor with the program it measures, so it does nothing else.
#![expect(
    clippy::disallowed_types,
    reason = "measures the program from outside: no user's work goes through here"
)]

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers longer than this are refused.
const LONGEST: usize = 256 << 20;

/// A kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read; after an exchange the answer it ended with.
    buffer: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: Body<'a>,
    /// Whether the connection can be used again.
    pub(crate) keeps: bool,
}

/// The body of an answer.
pub(crate) enum Body<'a> {
    /// As it came.
    Whole(&'a [u8]),
    /// Put together from chunks.
    Joined(Vec<u8>),
}

impl Body<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Whole(bytes) => bytes,
            Body::Joined(bytes) => bytes,
        }
    }
}

impl Answer<'_> {
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text, for messages.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.body.bytes()).into_owned()
    }
}

/// How the head of an answer says where its body ends.
enum Length {
    Known(usize),
    Chunked,
    UntilClose,
}

struct Head {
    status: u16,
    size: usize,
    length: Length,
    keeps: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 << 10) })
    }

    /// Sends a request. An error here or in [`answer`](Self::answer) leaves open whether the other side acted on it.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        self.stream.write_all(request).await
    }

    /// Waits for the answer to what was sent.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer<'_>> {
        let head = loop {
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
            self.read_more().await?;
        };
        let Head { status, size, length, keeps } = head;
        match length {
            Length::Known(length) => {
                while self.buffer.len() < size + length {
                    self.read_more().await?;
                }
                Ok(Answer { status, body: Body::Whole(&self.buffer[size..size + length]), keeps })
            }
            Length::Chunked => loop {
                if let Some(body) = join_chunks(&self.buffer[size..])? {
                    return Ok(Answer { status, body: Body::Joined(body), keeps });
                }
                self.read_more().await?;
            },
            Length::UntilClose => loop {
                match self.read_more().await {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Ok(Answer { status, body: Body::Whole(&self.buffer[size..]), keeps: false });
                    }
                    Err(error) => return Err(error),
                }
            },
        }
    }

    /// Sends and waits.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.send(request).await?;
        self.answer().await
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.buffer.len() > LONGEST {
            return Err(io::Error::other("the answer is longer than 256 MiB"));
        }
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let size = match response.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(size) => size,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let is_empty = status == 204 || status == 304;
    let mut length = if is_empty { Length::Known(0) } else { Length::UntilClose };
    let mut keeps = true;
    for header in response.headers.iter() {
        let value = || std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value().parse().map_err(io::Error::other)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            keeps = !value().eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(Head { status, size, length, keeps }))
}

/// The body that chunks make, once the last has come.
fn join_chunks(mut rest: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(io::Error::other("a chunk has no size")),
        };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let end = start.saturating_add(size).saturating_add(2);
        if rest.len() < end {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&rest[start..start + size]);
        rest = &rest[end..];
    }
}

/// A request as bytes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if let Some(body) = body {
        let length = body.len();
        bytes.extend_from_slice(
            format!("content-type: application/json\r\ncontent-length: {length}\r\n").as_bytes(),
        );
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

#[test]
fn chunks_are_joined_once_all_have_come() {
    let whole = b"5\r\nhello\r\n6;note=1\r\n world\r\n0\r\n\r\n";
    assert_eq!(join_chunks(whole).unwrap().unwrap(), b"hello world");
    assert!((0..whole.len()).all(|size| join_chunks(&whole[..size]).unwrap().is_none()));
    assert!(join_chunks(b"x\r\n").is_err());
}

#[test]
fn a_head_says_where_the_body_ends() {
    let head = |text: &str| parse_head(text.as_bytes()).unwrap();
    let known = head("HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc").unwrap();
    assert!(matches!((known.status, known.length, known.keeps), (202, Length::Known(3), false)));
    let chunked = head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    assert!(matches!((chunked.length, chunked.keeps), (Length::Chunked, true)));
    assert!(matches!(head("HTTP/1.1 204 No Content\r\n\r\n").unwrap().length, Length::Known(0)));
    assert!(head("HTTP/1.1 200 OK\r\n").is_none());
}
