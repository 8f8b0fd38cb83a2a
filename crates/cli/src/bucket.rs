//! Large payloads in S3 or something compatible, reached through the guarded HTTP client.
//!
//! The library brings signatures, retries and XML; sockets stay in `sdk::net`, which may reach the endpoint that the
//! operator named and nothing else that is private.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body::Body as _;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpService,
};
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore};
use sdk::net::{self, Request, TrustedNetworks};
use sdk::node::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::config::Bucket;

/// Where machines in the cloud learn the credentials of their role.
const ROLE_ADDRESSES: [&str; 2] = ["169.254.169.254", "169.254.170.2"];
/// Bytes of one object.
const MAX_OBJECT_BYTES: usize = 1 << 30;

/// The bucket, as the store sees it.
pub(crate) fn open(bucket: &Bucket) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&bucket.region)
        .with_allow_http(bucket.allow_http)
        .with_http_connector(Connector { client: client(bucket)? });
    if let Some(endpoint) = &bucket.endpoint {
        builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
    }
    if let Some((id, secret)) = &bucket.credentials {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
    }
    let store = builder.build().context("the settings of the bucket do not fit together")?;
    let prefix = bucket.prefix.trim_matches('/');
    Ok(match prefix {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    })
}

/// A client that may reach the endpoint although it may be private.
fn client(bucket: &Bucket) -> anyhow::Result<net::Client> {
    let endpoint = bucket.endpoint.as_ref().and_then(|endpoint| endpoint.host_str());
    let endpoint = endpoint.map(|host| host.trim_matches(['[', ']']).to_owned());
    let roles = bucket.credentials.is_none().then_some(ROLE_ADDRESSES).into_iter().flatten();
    let trusted = endpoint.iter().map(String::as_str).chain(roles);
    Ok(net::Client::new(net::Config {
        trusted: TrustedNetworks::parse(trusted)?,
        max_redirects: 0,
        timeout: Duration::from_secs(120),
        max_response_bytes: MAX_OBJECT_BYTES,
        ..net::Config::default()
    }))
}

/// Gives the library our client.
struct Connector {
    client: net::Client,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the guarded HTTP client")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Connector { client: self.client.clone() }))
    }
}

impl HttpService for Connector {
    fn call<'a, 'async_trait>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'async_trait, Result<HttpResponse, HttpError>>
    where
        'a: 'async_trait,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let url = net::parse_url(&head.uri.to_string()).map_err(failed)?;
            let mut request = Request::new(head.method, url);
            request.headers = head.headers;
            // What is stored is compressed already, and its exact bytes count.
            request.header("accept-encoding", "identity").map_err(failed)?;
            let kind = request.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            let kind = kind.unwrap_or("application/octet-stream").to_owned();
            if !body.is_end_stream() {
                request.body = net::Body::bytes(kind, collect(body).await?);
            }
            let answer = self.client.send(request, &CancellationToken::new()).await.map_err(failed)?;
            let mut response = HttpResponse::new(answer.body.into());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

/// All of a body.
async fn collect(mut body: HttpRequestBody) -> Result<bytes::Bytes, HttpError> {
    if let Some(bytes) = body.as_bytes() {
        return Ok(bytes.clone());
    }
    let mut all = Vec::with_capacity(body.content_length());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Some(piece) = frame?.data_ref() {
            all.extend_from_slice(piece);
        }
    }
    Ok(all.into())
}

/// Tells the library whether trying again makes sense.
fn failed(error: net::Error) -> HttpError {
    let kind = match &error {
        net::Error::Unreachable { .. } => HttpErrorKind::Connect,
        net::Error::TimedOut { .. } => HttpErrorKind::Timeout,
        net::Error::Broken { .. } => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
