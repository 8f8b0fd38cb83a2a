//! The client against real servers on this machine.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::node::BoxFuture;

/// A server that answers each connection with one of these raw texts by path, and remembers the requests.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(ip: &str, answers: Vec<(&'static str, Vec<u8>)>) -> Self {
        Self::listen(TcpListener::bind((ip, 0)).await.unwrap(), answers)
    }

    fn listen(listener: TcpListener, answers: Vec<(&'static str, Vec<u8>)>) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            let answers: HashMap<_, _> = answers.into_iter().collect();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(request);
                let Some(answer) = answers.get(path.as_str()) else { continue };
                let _ = stream.write_all(answer).await;
                if path == "/hang" {
                    std::future::pending::<()>().await;
                }
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).await.unwrap_or(0);
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(read > 0, "the request ends early");
            continue;
        };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if body.len() >= length || read == 0 {
            return text;
        }
    }
}

fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nconnection: close\r\ncontent-length: 0\r\nlocation: {to}\r\n\r\n")
        .into_bytes()
}

fn gzip(size: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..size >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn trusting(entries: &[&str]) -> Config {
    Config { trusted: TrustedNetworks::parse(entries.iter().copied()).unwrap(), ..Config::default() }
}

async fn get(client: &Client, url: &str) -> Result<Response, Error> {
    client.send(Request::parse("GET", url)?, &CancellationToken::new()).await
}

/// Names for addresses; a name with several answers gives one after the other.
#[derive(Default)]
struct Names {
    answers: HashMap<&'static str, Vec<&'static str>>,
    asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        let answers = self.answers.get(host).cloned().unwrap_or_default();
        let answer = answers.get(turn.min(answers.len().saturating_sub(1))).copied();
        Box::pin(async move { Ok(answer.into_iter().map(|address| address.parse().unwrap()).collect()) })
    }
}

#[tokio::test]
async fn a01_every_spelling_of_a_private_address_is_refused_and_nothing_is_opened() {
    let server = Server::start("127.0.0.1", vec![("/", ok("", b"secret"))]).await;
    let names = HashMap::from(["localhost", "localhost."].map(|name| (name, vec!["127.0.0.1"])));
    let client =
        Client::with_resolver(Config::default(), Arc::new(Names { answers: names, ..Names::default() }));
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "%6cocalhost",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "10.0.0.1",
        "192.168.0.1",
        "user:pass@127.0.0.1",
    ] {
        let error = get(&client, &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, Error::Blocked { .. }), "{host}: {error}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a01_the_refusal_names_address_and_remedy() {
    let error = get(&Client::default(), "http://127.0.0.1/").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "address 127.0.0.1 of \"127.0.0.1\" is loopback; add it to trusted_networks in the settings of this instance to allow it"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a01_a_name_of_a_private_address_is_refused_although_the_name_is_public() {
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"] {
        let names = Names { answers: HashMap::from([("inside.example", vec![address])]), ..Names::default() };
        let client = Client::with_resolver(Config::default(), Arc::new(names));
        let error = get(&client, "http://inside.example/").await.unwrap_err();
        assert!(matches!(error, Error::Blocked { .. }), "{address}: {error}");
    }
}

#[tokio::test]
async fn a02_a_redirect_to_a_private_address_is_refused() {
    let inside = Server::start("127.0.0.2", vec![("/", ok("", b"secret"))]).await;
    let server = Server::start("127.0.0.1", vec![("/", redirect(&inside.url("/")))]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let error = get(&client, &server.url("/")).await.unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    assert_eq!(inside.requests().len(), 0);
}

#[tokio::test]
async fn a02_a_name_that_changes_its_address_is_checked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let inside = Server::listen(
        TcpListener::bind(("127.0.0.2", port)).await.unwrap(),
        vec![("/b", ok("", b"secret"))],
    );
    let server = Server::listen(listener, vec![("/a", redirect("/b"))]);
    let names = Names {
        answers: HashMap::from([("rebind.example", vec!["127.0.0.1", "127.0.0.2"])]),
        ..Names::default()
    };
    let names = Arc::new(names);
    let client = Client::with_resolver(trusting(&["127.0.0.1"]), names.clone());
    let error = get(&client, &format!("http://rebind.example:{port}/a")).await.unwrap_err();
    assert!(matches!(error, Error::Blocked { .. }), "{error}");
    assert_eq!((server.requests().len(), inside.requests().len()), (1, 0));
    assert_eq!(names.asked.load(Ordering::Relaxed), 2, "each connection asks once and uses that answer");
}

#[tokio::test]
async fn a02_at_most_so_many_redirects_are_followed_as_the_instance_and_the_request_allow() {
    let chain = |last: usize| {
        let mut answers = vec![("/6", ok("", b"end"))];
        for (path, to) in [("/0", "/1"), ("/1", "/2"), ("/2", "/3"), ("/3", "/4"), ("/4", "/5"), ("/5", "/6")]
        {
            answers.push((path, redirect(to)));
        }
        answers.truncate(last + 1);
        answers
    };
    let server = Server::start("127.0.0.1", chain(6)).await;
    let client = Client::new(trusting(&["127.0.0.0/8"]));
    let error = get(&client, &server.url("/0")).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    let response = get(&client, &server.url("/1")).await.unwrap();
    assert_eq!((&*response.text(), response.url.path()), ("end", "/6"));

    let mut request = Request::parse("GET", &server.url("/3")).unwrap();
    request.redirects = Some(2);
    assert!(client.send(request.clone(), &CancellationToken::new()).await.is_err());
    request.redirects = Some(0);
    assert_eq!(client.send(request, &CancellationToken::new()).await.unwrap().status, StatusCode::FOUND);

    let generous = Client::new(Config { max_redirects: 10, ..trusting(&["127.0.0.0/8"]) });
    assert_eq!(get(&generous, &server.url("/0")).await.unwrap().text(), "end");
}

#[tokio::test]
async fn a10_secrets_stay_with_the_host_they_were_meant_for() {
    let other = Server::start("127.0.0.2", vec![("/", ok("", b"other"))]).await;
    let server = Server::start("127.0.0.1", vec![("/", redirect(&other.url("/")))]).await;
    let client = Client::new(trusting(&["127.0.0.0/8"]));
    let mut request = Request::parse("GET", &server.url("/")).unwrap();
    request.header("Authorization", "Bearer t").unwrap();
    request.header("Cookie", "a=b").unwrap();
    request.secret_header("X-Api-Key", "k").unwrap();
    request.header("X-Plain", "1").unwrap();
    client.send(request, &CancellationToken::new()).await.unwrap();
    let (first, second) = (&server.requests()[0], &other.requests()[0]);
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(first.contains(&format!("\r\n{name}: ")), "{first}");
        assert!(!second.contains(&format!("\r\n{name}: ")), "{second}");
    }
    assert!(second.contains("x-plain: 1"), "{second}");
}

#[tokio::test]
async fn a07a_a_body_over_the_limit_is_refused_while_it_comes_in() {
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &vec![b'x'; 1 << 20]].concat();
    let answers = vec![("/large", ok("", &[b'x'; 2000])), ("/hang", endless)];
    let server = Server::start("127.0.0.1", answers).await;
    let client = Client::new(Config { max_response_bytes: 1000, ..trusting(&["127.0.0.1"]) });
    for path in ["/large", "/hang"] {
        let error = get(&client, &server.url(path)).await.unwrap_err();
        assert!(error.to_string().contains("larger than 1000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn a07a_a_body_that_grows_more_than_100_times_is_refused() {
    let answers = vec![("/bomb", ok("content-encoding: gzip\r\n", &gzip(50 << 20)))];
    let server = Server::start("127.0.0.1", answers).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let error = get(&client, &server.url("/bomb")).await.unwrap_err();
    assert!(error.to_string().contains("grows more than 100 times"), "{error}");
}

#[tokio::test]
async fn a07a_headers_are_limited_in_number_and_size() {
    let many: String = (0..200).map(|index| format!("x-{index}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(80 << 10));
    let server = Server::start("127.0.0.1", vec![("/many", ok(&many, b"")), ("/long", ok(&long, b""))]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    for path in ["/many", "/long"] {
        let error = get(&client, &server.url(path)).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{path}: {error}");
    }
}

#[tokio::test]
async fn a07a_slow_headers_and_slow_bodies_end_in_time() {
    let started = ok("", b"").into_iter().take(20).collect();
    let server = Server::start("127.0.0.1", vec![("/hang", started)]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let mut request = Request::parse("GET", &server.url("/hang")).unwrap();
    request.timeout = Some(Duration::from_millis(50));
    let error = client.send(request, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "\"127.0.0.1\" did not answer within 50 ms");
    assert!(error.is_transient());

    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let server = Server::start("127.0.0.1", vec![("/hang", half)]).await;
    let client = Client::new(Config { idle_timeout: Duration::from_millis(50), ..trusting(&["127.0.0.1"]) });
    let error = get(&client, &server.url("/hang")).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn cancelling_ends_a_request_at_once() {
    let server = Server::start("127.0.0.1", vec![("/hang", Vec::new())]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let cancel = CancellationToken::new();
    let request = Request::parse("GET", &server.url("/hang")).unwrap();
    let (result, ()) = tokio::join!(client.send(request, &cancel), async { cancel.cancel() });
    assert_eq!(result.unwrap_err(), Error::Cancelled);
}

#[tokio::test]
async fn bodies_are_decompressed_whatever_their_encoding() {
    let text = b"hello hello hello".as_slice();
    let encode = |kind: &str| {
        let level = flate2::Compression::fast();
        match kind {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "zlib" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            _ => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
        }
    };
    // A brotli stream with one uncompressed block of 17 bytes.
    let brotli = [&[0x0b, 0x08, 0x80], text, &[0x03]].concat();
    let server = Server::start(
        "127.0.0.1",
        vec![
            ("/gzip", ok("Content-Encoding: gzip\r\n", &encode("gzip"))),
            ("/zlib", ok("content-encoding: deflate\r\n", &encode("zlib"))),
            ("/raw", ok("content-encoding: deflate\r\n", &encode("raw"))),
            ("/br", ok("content-encoding: br\r\n", &brotli)),
            ("/empty", ok("content-encoding: gzip\r\n", b"")),
            ("/wrong", ok("content-encoding: gzip\r\n", b"no gzip at all")),
        ],
    )
    .await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    for path in ["/gzip", "/zlib", "/raw", "/br"] {
        let response =
            get(&client, &server.url(path)).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(&response.body[..], text, "{path}");
        assert!(response.header("content-encoding").is_none());
    }
    assert!(get(&client, &server.url("/empty")).await.unwrap().body.is_empty());
    assert!(get(&client, &server.url("/wrong")).await.unwrap_err().to_string().contains("content-encoding"));
}

#[tokio::test]
async fn a_request_carries_its_body_and_our_own_framing() {
    let server = Server::start("127.0.0.1", vec![("/form", ok("", b""))]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let body = Body::form([("a", "1 2"), ("b", "ü")]);
    let mut request = Request::parse("POST", &server.url("/form")).unwrap().with_body(body);
    request.header("Content-Length", "3").unwrap();
    request.header("Transfer-Encoding", "chunked").unwrap();
    client.send(request, &CancellationToken::new()).await.unwrap();
    let sent = &server.requests()[0];
    assert!(sent.ends_with("\r\n\r\na=1+2&b=%C3%BC"), "{sent}");
    assert!(sent.contains("content-length: 14\r\n") && !sent.contains("chunked"), "{sent}");
    assert!(sent.contains("user-agent: runnel/"), "{sent}");
}

#[tokio::test]
async fn credentials_in_an_address_become_a_header() {
    let server = Server::start("127.0.0.1", vec![("/", ok("", b""))]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    let url = format!("http://us%40er:pa%3Ass@{}/", server.address);
    let response = get(&client, &url).await.unwrap();
    assert!(server.requests()[0].contains("authorization: Basic dXNAZXI6cGE6c3M="));
    assert_eq!(response.url.as_str(), server.url("/"));
}

#[tokio::test]
async fn a_refused_connection_is_worth_another_try_and_an_unknown_name_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::with_resolver(trusting(&["127.0.0.1"]), Arc::new(Names::default()));
    let error = get(&client, &format!("http://{free}/")).await.unwrap_err();
    assert_eq!(error.code(), Some("ECONNREFUSED"));
    assert!(error.is_transient());
    let error = get(&client, "http://nowhere.example/").await.unwrap_err();
    assert_eq!(error.code(), Some("ENOTFOUND"));
}

/// A server with a certificate that nobody vouches for.
async fn start_self_signed() -> SocketAddr {
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_request(&mut stream).await;
            stream.write_all(&ok("", b"hello")).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn certificates_are_checked_and_only_the_instance_can_allow_otherwise() {
    let url = format!("https://{}/", start_self_signed().await);
    let careless = |config: Config| {
        let mut request = Request::parse("GET", &url).unwrap();
        request.ignore_tls_errors = true;
        async move { Client::new(config).send(request, &CancellationToken::new()).await }
    };
    let strict = Client::new(trusting(&["127.0.0.1"]));
    let error = get(&strict, &url).await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }) && !error.is_transient(), "{error:?}");
    let error = careless(trusting(&["127.0.0.1"])).await.unwrap_err();
    assert!(error.to_string().contains("allow_insecure_tls"), "{error}");

    let lax = Config { allow_insecure_tls: true, ..trusting(&["127.0.0.1"]) };
    assert!(get(&Client::new(lax.clone()), &url).await.is_err(), "each request must ask for it");
    assert_eq!(careless(lax).await.unwrap().text(), "hello");
}

#[tokio::test]
async fn a_connection_that_ends_early_is_broken_and_worth_another_try() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let server =
        Server::start("127.0.0.1", vec![("/", half), ("/junk", b"SSH-2.0-OpenSSH\r\n".to_vec())]).await;
    let client = Client::new(trusting(&["127.0.0.1"]));
    for path in ["/", "/junk", "/closed"] {
        let error = get(&client, &server.url(path)).await.unwrap_err();
        assert!(matches!(error, Error::Broken { .. }) && error.is_transient(), "{path}: {error:?}");
    }
}
