//! Settings as options of the command line.

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use super::setting::{Group, SETTINGS, Setting};

/// Options that were given: all settings, or only those of the data when `ALL` is false.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags<const ALL: bool> {
    /// The file of settings, when one was named.
    pub(crate) config: Option<String>,
    /// Names of settings with their values.
    pub(crate) values: Vec<(&'static str, String)>,
}

/// The options of `serve`.
pub(crate) type AllFlags = Flags<true>;

/// The options of commands that only look at the data.
pub(crate) type DataFlags = Flags<false>;

impl<const ALL: bool> Flags<ALL> {
    fn settings() -> impl Iterator<Item = &'static Setting> {
        let offered = |setting: &&Setting| ALL || setting.group == Group::Data;
        SETTINGS.iter().filter(|setting| setting.is_option).filter(offered)
    }
}

impl<const ALL: bool> FromArgMatches for Flags<ALL> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let values = Self::settings().filter_map(|setting| Some((setting.name, text(setting.name)?)));
        Ok(Self { config: text("config"), values: values.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<const ALL: bool> clap::Args for Flags<ALL> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help_heading(Group::Data.title())
            .help("File of settings [default: runnel.toml, when there is one]");
        Self::settings().fold(command.arg(config), |command, setting| command.arg(option(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn option(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {}]", default.replace('`', "")),
    };
    Arg::new(setting.name)
        .long(setting.name.replace('_', "-"))
        .value_name(setting.placeholder)
        .help_heading(setting.group.title())
        .help(format!("{}{default}", setting.help.replace('`', "")))
}
