//! What the operator decides: flags over `RUNNEL_*` variables over `runnel.toml`.
//!
//! [`setting`] lists every setting with its one name; [`sources`] reads what was given and where; [`Config`] is what
//! follows. Every error names the option, the variable or the line, and how to mend it. Secrets are never shown.

mod flags;
pub(crate) mod key;
mod setting;
mod sources;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use jiff::tz::TimeZone;
use sdk::net::{TrustedNetworks, Url, parse_url};

pub(crate) use flags::{AllFlags, DataFlags, Flags};
use sources::Sources;

/// A secret. It has no `Debug`, `Display` or `Serialize` on purpose.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// The secret itself, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything.
    All,
    /// Serves HTTP and accepts work.
    Api,
    /// Runs executions.
    Worker,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What the operator decided.
pub(crate) struct Config {
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    pub(crate) data: DataConfig,
    pub(crate) http: HttpConfig,
    pub(crate) executions: ExecutionConfig,
    pub(crate) logs: LogConfig,
}

/// Where things are kept.
pub(crate) struct DataConfig {
    pub(crate) folder: PathBuf,
    /// SQLite in the folder when there is none.
    pub(crate) database_url: Option<Secret>,
    pub(crate) connections: usize,
    pub(crate) key_file: PathBuf,
    pub(crate) bucket: Option<Bucket>,
}

/// Where large payloads are kept instead of the folder.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) endpoint: Option<Url>,
    pub(crate) prefix: String,
    pub(crate) allow_http: bool,
    /// Those of the environment of AWS when there are none.
    pub(crate) credentials: Option<(String, Secret)>,
}

/// The server.
pub(crate) struct HttpConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    /// With a slash at its end. When nobody said, it follows from where the server listens in the end.
    pub(crate) public_url: Option<Url>,
    pub(crate) trusted_proxies: Vec<(IpAddr, u8)>,
    pub(crate) drain: Duration,
    pub(crate) linger: Duration,
    pub(crate) setup_token: Option<Secret>,
}

/// Executions.
pub(crate) struct ExecutionConfig {
    pub(crate) role: Role,
    pub(crate) concurrency: usize,
    pub(crate) code_processes: Option<usize>,
    pub(crate) trusted_networks: TrustedNetworks,
    pub(crate) timezone: TimeZone,
    /// For ever when there is none.
    pub(crate) retention: Option<Duration>,
}

/// Logs.
pub(crate) struct LogConfig {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

impl Config {
    /// Reads what this process was given.
    pub(crate) fn load<const ALL: bool>(flags: &Flags<ALL>) -> anyhow::Result<Self> {
        Self::from_sources(&mut Sources::read(flags, std::env::vars_os())?)
    }

    fn from_sources(sources: &mut Sources) -> anyhow::Result<Self> {
        Ok(Self {
            file: sources.file.clone(),
            data: DataConfig::from_sources(sources)?,
            http: HttpConfig::from_sources(sources)?,
            executions: ExecutionConfig::from_sources(sources)?,
            logs: LogConfig::from_sources(sources)?,
        })
    }
}

impl DataConfig {
    fn from_sources(sources: &mut Sources) -> anyhow::Result<Self> {
        let folder = sources.take("data", path)?.unwrap_or_else(|| "data".into());
        Ok(Self {
            database_url: sources.take("database_url", database_url)?,
            connections: sources.take("database_connections", |text| number(text, 2, 1_000))?.unwrap_or(16),
            key_file: sources.take("key_file", path)?.unwrap_or_else(|| folder.join("key")),
            bucket: Bucket::from_sources(sources)?,
            folder,
        })
    }
}

impl Bucket {
    fn from_sources(sources: &mut Sources) -> anyhow::Result<Option<Self>> {
        let others = ["s3_region", "s3_endpoint", "s3_prefix", "s3_access_key_id", "s3_secret_access_key"];
        let others = others.map(|name| sources.origin(name));
        let name = sources.take("s3_bucket", filled)?;
        let region = sources.take("s3_region", filled)?;
        let endpoint = sources.take("s3_endpoint", url)?;
        let prefix = sources.take("s3_prefix", filled)?;
        let allow_http = sources.take("s3_allow_http", switch)?;
        let id = sources.take("s3_access_key_id", filled)?;
        let secret = sources.take("s3_secret_access_key", secret)?;
        let Some(name) = name else {
            let other = others.iter().find(|origin| !matches!(origin, sources::Origin::Default(_)));
            return match other {
                Some(origin) => bail!("{origin}: there is no s3_bucket that it is for; set one"),
                None => Ok(None),
            };
        };
        let credentials = match (id, secret) {
            (Some(id), Some(secret)) => Some((id, secret)),
            (None, None) => None,
            _ => bail!("s3_access_key_id and s3_secret_access_key belong together; set both or none"),
        };
        Ok(Some(Self {
            name,
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint,
            prefix: prefix.unwrap_or_default(),
            allow_http: allow_http.unwrap_or(false),
            credentials,
        }))
    }
}

impl HttpConfig {
    fn from_sources(sources: &mut Sources) -> anyhow::Result<Self> {
        let listen = sources.take("listen", address)?;
        let metrics = sources.take("metrics_listen", |text| match text {
            "off" => Ok(None),
            text => address(text).map(Some).map_err(|problem| format!("{problem}, or off")),
        })?;
        Ok(Self {
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            metrics: metrics.unwrap_or(Some(SocketAddr::from(([127, 0, 0, 1], 9464)))),
            public_url: sources.take("public_url", public_url)?,
            trusted_proxies: sources.take("trusted_proxies", networks)?.unwrap_or_default(),
            drain: Duration::from_secs(
                sources.take("drain_seconds", |text| number(text, 0, 3_600))?.unwrap_or(30),
            ),
            linger: Duration::from_secs(
                sources.take("linger_seconds", |text| number(text, 0, 3_600))?.unwrap_or(1),
            ),
            setup_token: sources.take("setup_token", setup_token)?,
        })
    }
}

impl ExecutionConfig {
    fn from_sources(sources: &mut Sources) -> anyhow::Result<Self> {
        let role = sources.take("role", |text| match text {
            "all" => Ok(Role::All),
            "api" => Ok(Role::Api),
            "worker" => Ok(Role::Worker),
            other => Err(format!("there is no role \"{other}\"; use all, api or worker")),
        })?;
        let trusted = sources.take("trusted_networks", |text| {
            TrustedNetworks::parse(text.split(',')).map_err(|error| error.to_string())
        })?;
        let days: Option<u64> = sources.take("retention_days", |text| number(text, 0, 36_500))?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            role: role.unwrap_or(Role::All),
            concurrency: sources
                .take("concurrency", |text| number(text, 1, 100_000))?
                .unwrap_or(64 * processors),
            code_processes: sources.take("code_processes", |text| number(text, 1, 1_000))?,
            trusted_networks: trusted.unwrap_or_default(),
            timezone: sources.take("timezone", timezone)?.unwrap_or(TimeZone::UTC),
            retention: days.filter(|days| *days > 0).map(|days| Duration::from_secs(days * 86_400)),
        })
    }
}

impl LogConfig {
    fn from_sources(sources: &mut Sources) -> anyhow::Result<Self> {
        let format = sources.take("log_format", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("there is no format \"{other}\"; use text or json")),
        })?;
        Ok(Self {
            filter: sources.take("log", log_filter)?.unwrap_or_else(|| "info".to_owned()),
            format: format.unwrap_or(LogFormat::Text),
        })
    }
}

fn filled(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("the text is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn path(text: &str) -> Result<PathBuf, String> {
    filled(text).map(|text| Path::new(&text).to_owned())
}

fn secret(text: &str) -> Result<Secret, String> {
    filled(text).map(Secret)
}

fn setup_token(text: &str) -> Result<Secret, String> {
    // Whoever guesses it owns the instance.
    if text.len() < 16 { Err("at least 16 characters are needed".to_owned()) } else { secret(text) }
}

fn number<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("a whole number from {least} to {most} is needed"))
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false is needed".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.parse::<IpAddr>() {
        Ok(_) => format!("\"{text}\" lacks a port; write {text}:8080"),
        Err(_) => format!(
            "\"{text}\" is no address to listen on; write 127.0.0.1:8080, or 0.0.0.0:8080 for all networks"
        ),
    })
}

fn url(text: &str) -> Result<Url, String> {
    let url = parse_url(text).map_err(|_| format!("\"{text}\" is no address such as https://example.com"))?;
    if matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty()) {
        return Ok(url);
    }
    Err(format!("\"{text}\" is no address such as https://example.com"))
}

fn public_url(text: &str) -> Result<Url, String> {
    let mut url = url(text)?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(format!("\"{text}\" must be an address without user, query and fragment"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// The address may hold a password, so that no part of it is repeated.
fn database_url(text: &str) -> Result<Secret, String> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Secret(text.to_owned()));
    }
    Err("an address such as postgres://user:password@host:5432/name is needed; leave it out to use SQLite in the data folder".to_owned())
}

fn networks(text: &str) -> Result<Vec<(IpAddr, u8)>, String> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let wrong = || format!("\"{entry}\" is no network; write 10.0.0.2 or 10.0.0.0/8");
            let (address, length) = match entry.split_once('/') {
                Some((address, length)) => (address, Some(length)),
                None => (entry, None),
            };
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let length = length.map_or(Ok(most), |length| length.parse().map_err(|_| wrong()))?;
            if length > most { Err(wrong()) } else { Ok((address, length)) }
        })
        .collect()
}

fn timezone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text)
        .map_err(|_| format!("there is no time zone \"{text}\"; use one such as Europe/Berlin"))
}

fn log_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // The library takes a misspelt level for the name of a module, and then shows nothing.
    let is_known = |part: &str| LEVELS.contains(&part.rsplit('=').next().unwrap_or(part).trim());
    if text.split(',').all(is_known) && tracing_subscriber::EnvFilter::try_new(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(format!("\"{text}\" is no log level; use error, warn, info, debug or trace, or info,engine=debug"))
}

#[cfg(test)]
mod tests;
