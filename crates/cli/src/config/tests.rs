//! What the operator writes, and what follows.

use std::ffi::OsString;

use super::setting::{Group, Kind, SETTINGS, Setting};
use super::*;

/// What was given, in a folder of its own.
#[derive(Default)]
struct Given {
    file: Option<&'static str>,
    variables: Vec<(&'static str, &'static str)>,
    flags: Vec<(&'static str, &'static str)>,
}

impl Given {
    fn file(mut self, text: &'static str) -> Self {
        self.file = Some(text);
        self
    }

    fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    fn flag(mut self, name: &'static str, value: &'static str) -> Self {
        self.flags.push((name, value));
        self
    }

    fn load(self) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("runnel.toml");
        let mut flags = AllFlags::default();
        if let Some(text) = self.file {
            std::fs::write(&path, text).expect("a file can be written");
            flags.config = Some(path.display().to_string());
        }
        flags.values = self.flags.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let variables = self.variables.into_iter();
        let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let shown = |error: anyhow::Error| {
            let text = format!("{error:#}").replace(&folder.path().display().to_string(), "");
            anyhow::anyhow!("{text}")
        };
        let mut sources = Sources::read(&flags, variables).map_err(shown)?;
        let config = Config::from_sources(&mut sources).map_err(shown)?;
        assert_eq!(sources.left(), Vec::<&str>::new(), "every setting is used");
        Ok(config)
    }

    fn error(self) -> String {
        self.load().err().map(|error| format!("{error:#}")).unwrap_or_default()
    }
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let file = || Given::default().file("listen = \"127.0.0.1:1\"\ntimezone = \"Europe/Berlin\"");
    let port = |given: Given| given.load().expect("it is valid").http.listen.port();
    assert_eq!(port(Given::default()), 8080);
    assert_eq!(port(file()), 1);
    assert_eq!(port(file().variable("RUNNEL_LISTEN", "127.0.0.1:2")), 2);
    assert_eq!(port(file().variable("RUNNEL_LISTEN", "127.0.0.1:2").flag("listen", "127.0.0.1:3")), 3);
    assert_eq!(port(file().variable("RUNNEL_LISTEN", "")), 1, "an empty variable is none");
    let config = file().flag("listen", "[::1]:3").load().expect("it is valid");
    assert_eq!(config.executions.timezone.iana_name(), Some("Europe/Berlin"), "the rest of the file holds");
}

#[test]
fn names_nobody_knows_are_refused_with_the_nearest() {
    let error = |given: Given| given.error();
    assert_eq!(
        error(Given::default().file("\n\ndatabse_url = \"postgres://h/d\"")),
        "/runnel.toml, line 3: databse_url is no setting; did you mean database_url?"
    );
    assert_eq!(
        error(Given::default().variable("RUNNEL_DATABSE_URL", "postgres://h/d")),
        "RUNNEL_DATABSE_URL is no setting; did you mean RUNNEL_DATABASE_URL?"
    );
    assert_eq!(
        error(Given::default().file("colour = \"red\"")),
        "/runnel.toml, line 1: colour is no setting; docs/configuration.md lists all of them"
    );
    // What Kubernetes sets beside a service called runnel.
    let given = Given::default()
        .variable("RUNNEL_PORT", "tcp://10.0.0.1:80")
        .variable("RUNNEL_PORT_80_TCP_ADDR", "10.0.0.1")
        .variable("RUNNEL_SERVICE_HOST", "10.0.0.1");
    assert_eq!(error(given), "");
}

#[test]
fn values_that_are_wrong_say_where_and_what_would_be_right() {
    let cases = [
        (
            Given::default().file("# where\nlisten = \"8080\""),
            "/runnel.toml, line 2: listen: \"8080\" is no address to listen on; write 127.0.0.1:8080, or 0.0.0.0:8080 for all networks",
        ),
        (
            Given::default().flag("listen", "10.0.0.1"),
            "--listen: \"10.0.0.1\" lacks a port; write 10.0.0.1:8080",
        ),
        (
            Given::default().file("concurrency = \"many\""),
            "/runnel.toml, line 1: concurrency: a number is needed instead of this string",
        ),
        (
            Given::default().file("trusted_networks = \"10.0.0.0/8\""),
            "/runnel.toml, line 1: trusted_networks: a list such as [\"...\"] is needed instead of this string",
        ),
        (
            Given::default().variable("RUNNEL_TRUSTED_NETWORKS", "10.0.0.0/99"),
            "RUNNEL_TRUSTED_NETWORKS: \"10.0.0.0/99\" is no network, address or host name; write 10.1.0.0/16, 192.168.1.7 or name.internal",
        ),
        (
            Given::default().flag("trusted_proxies", "10.0.0.0/33"),
            "--trusted-proxies: \"10.0.0.0/33\" is no network; write 10.0.0.2 or 10.0.0.0/8",
        ),
        (
            Given::default().flag("drain_seconds", "-1"),
            "--drain-seconds: a whole number from 0 to 3600 is needed",
        ),
        (
            Given::default().flag("timezone", "Mars/Olympus"),
            "--timezone: there is no time zone \"Mars/Olympus\"; use one such as Europe/Berlin",
        ),
        (
            Given::default().variable("RUNNEL_ROLE", "server"),
            "RUNNEL_ROLE: there is no role \"server\"; use all, api or worker",
        ),
        (
            Given::default().variable("RUNNEL_LOG", "inof"),
            "RUNNEL_LOG: \"inof\" is no log level; use error, warn, info, debug or trace, or info,engine=debug",
        ),
        (
            Given::default().flag("public_url", "ftp://example.com"),
            "--public-url: \"ftp://example.com\" is no address such as https://example.com",
        ),
        (
            Given::default().file("s3_region = \"eu-central-1\""),
            "/runnel.toml, line 1: s3_region: there is no s3_bucket that it is for; set one",
        ),
        (
            Given::default().flag("s3_bucket", "b").flag("s3_access_key_id", "a"),
            "s3_access_key_id and s3_secret_access_key belong together; set both or none",
        ),
        (
            Given::default().file("listen = "),
            "/runnel.toml, line 1: not TOML: string values must be quoted, expected literal string",
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(given.error(), expected);
    }
}

#[test]
fn secrets_are_not_repeated_and_may_stand_in_a_file() {
    let error = Given::default().variable("RUNNEL_DATABASE_URL", "mysql://me:hunter2@host/db").error();
    assert!(error.starts_with("RUNNEL_DATABASE_URL: an address such as postgres://"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = Given::default().variable("RUNNEL_SETUP_TOKEN", "hunter2").error();
    assert_eq!(error, "RUNNEL_SETUP_TOKEN: at least 16 characters are needed");

    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("token");
    std::fs::write(&path, "0123456789abcdef\n").expect("a file can be written");
    let path: &'static str = path.display().to_string().leak();
    let config = Given::default().variable("RUNNEL_SETUP_TOKEN_FILE", path).load().expect("it is valid");
    assert_eq!(config.http.setup_token.as_ref().map(Secret::expose), Some("0123456789abcdef"));
    let both = Given::default()
        .variable("RUNNEL_SETUP_TOKEN_FILE", path)
        .variable("RUNNEL_SETUP_TOKEN", "0123456789abcdef");
    assert_eq!(both.error(), "RUNNEL_SETUP_TOKEN_FILE and RUNNEL_SETUP_TOKEN are both set; keep one of them");
    let missing = Given::default().variable("RUNNEL_SETUP_TOKEN_FILE", "/nowhere");
    assert!(missing.error().starts_with("RUNNEL_SETUP_TOKEN_FILE: /nowhere cannot be read"));
}

#[test]
fn paths_of_the_file_count_from_its_folder() {
    let config = Given::default().file("data = \"state\"").load().expect("it is valid");
    let folder = config.file.as_deref().and_then(Path::parent).expect("the file lies in a folder");
    assert_eq!(config.data.folder, folder.join("state"));
    assert_eq!(config.data.key_file, folder.join("state/key"));
    let config = Given::default().file("data = \"state\"").flag("data", "here").load().expect("it is valid");
    assert_eq!(config.data.folder, Path::new("here"));
}

#[test]
fn public_addresses_end_with_a_slash() {
    let public = |text| {
        let config = Given::default().flag("public_url", text).load().expect("it is valid");
        config.http.public_url.map(String::from).unwrap_or_default()
    };
    assert_eq!(public("https://runnel.example.com"), "https://runnel.example.com/");
    assert_eq!(public("https://example.com/runnel"), "https://example.com/runnel/");
}

#[test]
fn the_book_lists_every_setting() {
    let book = include_str!("../../../../docs/configuration.md");
    let (start, end) = ("<!-- settings -->\n", "<!-- end of settings -->");
    let from = book.find(start).expect("the list has a start") + start.len();
    let to = book.find(end).expect("the list has an end");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let book = format!("{}{table}{}", &book[..from], &book[to..]);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        std::fs::write(path, book).expect("the book can be written");
        return;
    }
    assert_eq!(&book[from..to], table, "UPDATE_DOCS=1 cargo nextest run -p cli brings it up to date");
}

/// All settings as the book shows them.
fn table() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        text += &format!("\n### {}\n\n| Setting | Default | |\n|---|---|---|\n", group.title());
        for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
            text += &row(setting);
        }
    }
    text + "\n"
}

fn row(setting: &Setting) -> String {
    let is_plain = !setting.default.is_empty() && !setting.default.contains([' ', '`']);
    let default = if is_plain { format!("`{}`", setting.default) } else { setting.default.to_owned() };
    let form = match setting.kind {
        Kind::Text | Kind::Path => "",
        Kind::Number => " (number)",
        Kind::Switch => " (true or false)",
        Kind::List => " (list)",
    };
    let only = if setting.is_option { "" } else { "; not an option of the command line" };
    format!("| `{}`{form} | {default} | {}{only} |\n", setting.name, setting.help.replace('|', "\\|"))
}
