//! Configuration: one table of settings, read from defaults, `longshore.toml`, the environment and flags, in
//! this order of rising precedence.

mod env;
mod file;
mod kind;
mod load;
mod reference;
mod setting;
pub mod settings;
mod suggest;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) use kind::parse_mode;
pub use kind::{Kind, Value};
pub use load::{ConfigErrors, Input, load};
pub use reference::reference;
pub use setting::Setting;

use crate::error::CliError;
use crate::exit_code::ExitCode;

const DATA_DIR_KEY: &str = "data_dir";

/// Where an effective value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Line of the key, from 1.
        line: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A setting with its effective value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which setting.
    pub setting: &'static Setting,
    /// Its value.
    pub value: Value,
    /// Where the value came from.
    pub origin: Origin,
}

/// Flags of a command, before they are checked.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Values for settings.
    pub values: Vec<(&'static Setting, OsString)>,
}

impl Flags {
    /// Notes a flag if it was given.
    pub fn set(&mut self, setting: &'static Setting, value: Option<impl Into<OsString>>) {
        if let Some(value) = value {
            self.values.push((setting, value.into()));
        }
    }
}

/// The effective configuration.
#[derive(Debug)]
pub struct Config {
    pub(crate) entries: Vec<Entry>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads everything for a command: flags, the real environment, the file they lead to.
    ///
    /// # Errors
    /// [`ExitCode::Config`], listing every fault with its place.
    pub fn from_process(flags: Flags) -> Result<Self, CliError> {
        let input = Input::from_process(flags)?;
        load(&input).map_err(|errors| {
            CliError::new(ExitCode::Config, errors.to_string()).hint(
                "`longshore config show` prints what is in effect; docs/configuration.md lists every key",
            )
        })
    }

    /// All settings in the order of the reference.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file that was read, if any.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Things that work but are probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Value and origin of a setting.
    #[must_use]
    pub fn entry(&self, setting: &'static Setting) -> &Entry {
        self.entries
            .iter()
            .find(|entry| entry.setting.key == setting.key)
            .expect("load() makes an entry for every row of the table")
    }

    /// A text, if set.
    #[must_use]
    pub fn text(&self, setting: &'static Setting) -> Option<&str> {
        match &self.entry(setting).value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, setting: &'static Setting) -> bool {
        self.text(setting) == Some("true")
    }

    /// A number, if set.
    #[must_use]
    pub fn integer(&self, setting: &'static Setting) -> Option<u64> {
        match self.entry(setting).value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// A path, if set.
    #[must_use]
    pub fn path(&self, setting: &'static Setting) -> Option<&Path> {
        match &self.entry(setting).value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// A list; empty if not set.
    #[must_use]
    pub fn list(&self, setting: &'static Setting) -> &[String] {
        match &self.entry(setting).value {
            Value::List(items) => items,
            _ => &[],
        }
    }
}
