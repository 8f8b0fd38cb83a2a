//! What can be set, by its one name: `log_format` in `runnel.toml`, `RUNNEL_LOG_FORMAT` in the environment,
//! `--log-format` on the command line.

/// What can be set.
pub(crate) struct Setting {
    /// Its name.
    pub(crate) name: &'static str,
    /// Under which heading it is shown.
    pub(crate) group: Group,
    /// How it is written in a file.
    pub(crate) kind: Kind,
    /// What stands for its value in help texts.
    pub(crate) placeholder: &'static str,
    /// What holds when nobody says otherwise, in words where it is no plain value; empty when nothing does.
    pub(crate) default: &'static str,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// Whether its value must not be shown. It may then also stand in a file that `RUNNEL_..._FILE` names.
    pub(crate) is_secret: bool,
    /// Whether it is an option of the command line; what only a secret consists of is not, because everybody on a
    /// machine can see the command lines of all processes.
    pub(crate) is_option: bool,
}

/// How a setting is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `"text"`.
    Text,
    /// `"./a/path"`; in the file it counts from the folder of the file.
    Path,
    /// `42`.
    Number,
    /// `true` or `false`.
    Switch,
    /// `["one", "two"]`; elsewhere separated by commas.
    List,
}

/// Headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Where things are kept. Every command that touches data knows these.
    Data,
    /// The server.
    Http,
    /// Executions.
    Executions,
    /// Logs.
    Logs,
    /// Large payloads in an object store.
    ObjectStore,
}

impl Group {
    /// All of them, as the book shows them.
    #[cfg(test)]
    pub(crate) const ALL: [Group; 5] =
        [Group::Data, Group::Http, Group::Executions, Group::Logs, Group::ObjectStore];

    /// The heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Group::Data => "Data",
            Group::Http => "HTTP",
            Group::Executions => "Executions",
            Group::Logs => "Logs",
            Group::ObjectStore => "Object store for large payloads",
        }
    }
}

impl Setting {
    /// `--log-format`.
    pub(crate) fn option(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// `RUNNEL_LOG_FORMAT`.
    pub(crate) fn variable(&self) -> String {
        format!("RUNNEL_{}", self.name.to_ascii_uppercase())
    }

    const fn new(group: Group, kind: Kind, name: &'static str, placeholder: &'static str) -> Self {
        Self { name, group, kind, placeholder, default: "", help: "", is_secret: false, is_option: true }
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    const fn not_an_option(mut self) -> Self {
        self.is_option = false;
        self
    }
}

use Group::{Data, Executions, Http, Logs, ObjectStore};
use Kind::{List, Number, Path, Switch, Text};

/// Everything that can be set.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting::new(Data, Path, "data", "FOLDER")
        .default("./data")
        .help("Folder of the SQLite database, of large payloads and of the key file"),
    Setting::new(Data, Text, "database_url", "URL")
        .default("SQLite in the data folder")
        .help("A PostgreSQL database: postgres://user:password@host:5432/name")
        .secret(),
    Setting::new(Data, Number, "database_connections", "NUMBER")
        .default("16")
        .help("Connections to PostgreSQL at most"),
    Setting::new(Data, Path, "key_file", "FILE")
        .default("`key` in the data folder")
        .help("The key that encrypts credentials; made on first start, readable by its owner only"),
    Setting::new(Http, Text, "listen", "ADDRESS")
        .default("127.0.0.1:8080")
        .help("Where the API and webhooks are served"),
    Setting::new(Http, Text, "metrics_listen", "ADDRESS")
        .default("127.0.0.1:9464")
        .help("Where metrics are served, or `off`"),
    Setting::new(Http, Text, "public_url", "URL")
        .default("http:// and the listen address")
        .help("The address under which others reach this instance"),
    Setting::new(Http, List, "trusted_proxies", "NETWORKS")
        .help("Proxies whose X-Forwarded-For is believed, such as 10.0.0.2 or 10.0.0.0/8"),
    Setting::new(Http, Number, "drain_seconds", "SECONDS")
        .default("30")
        .help("How long a stopping server finishes what it has begun"),
    Setting::new(Http, Number, "linger_seconds", "SECONDS")
        .default("1")
        .help("How long a stopping server still accepts connections, while /readyz says 503"),
    Setting::new(Http, Text, "setup_token", "TEXT")
        .default("a random one, printed at start")
        .help("The one-time token that lets somebody become the owner")
        .secret()
        .not_an_option(),
    Setting::new(Executions, Text, "role", "ROLE")
        .default("all")
        .help("What this process does: all, api (serves HTTP) or worker (runs executions)"),
    Setting::new(Executions, Number, "concurrency", "NUMBER")
        .default("64 per processor")
        .help("Executions that this process runs at the same time"),
    Setting::new(Executions, Number, "code_processes", "NUMBER")
        .default("one per processor")
        .help("Code steps that this process runs at the same time, each in a sandbox of its own"),
    Setting::new(Executions, List, "trusted_networks", "NETWORKS")
        .help("Private addresses that workflows may reach, such as 10.1.0.0/16 or ollama.internal"),
    Setting::new(Executions, Text, "timezone", "ZONE")
        .default("UTC")
        .help("Time zone of workflows that name none, such as Europe/Berlin"),
    Setting::new(Executions, Number, "retention_days", "DAYS")
        .default("0")
        .help("How long executions that have ended are kept; 0 is for ever"),
    Setting::new(Logs, Text, "log", "LEVEL")
        .default("info")
        .help("error, warn, info, debug or trace, also by module: info,engine=debug"),
    Setting::new(Logs, Text, "log_format", "FORMAT")
        .default("text")
        .help("text for people, json for programs"),
    Setting::new(ObjectStore, Text, "s3_bucket", "NAME")
        .default("files in the data folder")
        .help("Keeps large payloads in this bucket of S3 or something compatible"),
    Setting::new(ObjectStore, Text, "s3_region", "REGION").default("us-east-1").help("Region of the bucket"),
    Setting::new(ObjectStore, Text, "s3_endpoint", "URL")
        .default("that of AWS")
        .help("Address of a compatible service"),
    Setting::new(ObjectStore, Text, "s3_prefix", "PATH").help("Comes before the name of every object"),
    Setting::new(ObjectStore, Switch, "s3_allow_http", "true|false")
        .default("false")
        .help("Lets the endpoint be one without TLS"),
    Setting::new(ObjectStore, Text, "s3_access_key_id", "TEXT")
        .help("Half of the credentials for the bucket"),
    Setting::new(ObjectStore, Text, "s3_secret_access_key", "TEXT")
        .help("The other half")
        .secret()
        .not_an_option(),
];

/// The setting with this name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The name that somebody may have meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |other: &&str| strsim::damerau_levenshtein(name, other);
    let near = known.min_by_key(distance)?;
    // Farther than that it is a guess.
    (distance(&near) <= near.len().max(6) / 3).then_some(near)
}
