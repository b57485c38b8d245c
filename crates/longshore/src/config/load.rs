//! Putting the sources together.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::env::{CONFIG_VARIABLE, Unknown, unknown};
use super::settings::{CLIENT_API_KEY, CLIENT_API_KEY_FILE, DATA_DIR, SETTINGS};
use super::{Config, Entry, Flags, Origin, Setting, Value, file};
use crate::data_dir::search;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Everything the configuration depends on, as values.
#[derive(Debug, Clone)]
pub struct Input {
    /// Flags of the command.
    pub flags: Flags,
    /// The environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The working directory.
    pub working_dir: PathBuf,
    /// Whether the process runs as root.
    pub is_root: bool,
}

impl Input {
    /// Takes the environment of this process.
    ///
    /// # Errors
    /// [`ExitCode::Failure`] when the working directory is gone.
    pub fn from_process(flags: Flags) -> Result<Self, CliError> {
        let working_dir = std::env::current_dir().map_err(|error| {
            CliError::new(ExitCode::Failure, "cannot find the working directory")
                .because(error)
                .hint("it may have been removed: change to another one")
        })?;
        Ok(Self {
            flags,
            variables: std::env::vars_os().collect(),
            working_dir,
            is_root: rustix::process::geteuid().is_root(),
        })
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_os_str())
    }
}

/// Every fault of the configuration, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\nerror: "))
    }
}

/// Reads all sources and checks every value.
///
/// # Errors
/// All faults at once, each naming its key, value and place.
pub fn load(input: &Input) -> Result<Config, ConfigErrors> {
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    let from_flags = flag_entries(&input.flags, &mut errors);
    let from_env = env_entries(input, &mut errors, &mut warnings);
    let (file, from_file) = file_entries(input, &from_flags, &from_env, &mut errors);

    let mut entries: Vec<Entry> = SETTINGS.iter().map(|setting| default_entry(setting)).collect();
    for entry in from_file.into_iter().chain(from_env).chain(from_flags) {
        if let Some(slot) = entries
            .iter_mut()
            .find(|slot| slot.setting.key == entry.setting.key)
        {
            *slot = entry;
        }
    }
    if let Some(slot) = entries.iter_mut().find(|slot| slot.setting.key == DATA_DIR.key)
        && slot.value == Value::Unset
    {
        slot.value = search(input).map_or(Value::Unset, Value::Path);
    }
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    let config = Config {
        entries,
        file,
        warnings,
    };
    Ok(warn_about_two_keys(config))
}

fn default_entry(setting: &'static Setting) -> Entry {
    let value = setting.default.map_or(Value::Unset, |text| {
        setting
            .kind
            .parse_os(OsStr::new(text))
            .expect("a test checks every default of the table")
    });
    Entry {
        setting,
        value,
        origin: Origin::Default,
    }
}

fn flag_entries(flags: &Flags, errors: &mut Vec<String>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (setting, text) in &flags.values {
        let flag = setting.flag.unwrap_or(setting.key);
        match setting.kind.parse_os(text) {
            Ok(value) => entries.push(Entry {
                setting,
                value,
                origin: Origin::Flag(flag),
            }),
            Err(why) => errors.push(format!("{flag} {}: must be {why}", text.display())),
        }
    }
    entries
}

fn env_entries(input: &Input, errors: &mut Vec<String>, warnings: &mut Vec<String>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for setting in SETTINGS {
        let name = setting.env();
        let Some(text) = input.variable(&name) else {
            continue;
        };
        match setting.kind.parse_os(text) {
            Ok(value) => entries.push(Entry {
                setting,
                value,
                origin: Origin::Env(name),
            }),
            Err(why) if setting.is_secret() => errors.push(format!("environment {name}: must be {why}")),
            Err(why) => errors.push(format!("environment {name}={}: must be {why}", text.display())),
        }
    }
    for (name, verdict) in unknown(&input.variables) {
        match verdict {
            Unknown::Typo(meant) => errors.push(format!(
                "unknown environment variable {name}; did you mean {meant}?"
            )),
            Unknown::Stray => warnings.push(format!(
                "environment variable {name} is not a setting and was ignored"
            )),
        }
    }
    entries
}

/// Reads the one file that counts: `--config`, `LONGSHORE_CONFIG`, `./longshore.toml`, or the one in the data
/// directory.
fn file_entries(
    input: &Input,
    from_flags: &[Entry],
    from_env: &[Entry],
    errors: &mut Vec<String>,
) -> (Option<PathBuf>, Vec<Entry>) {
    let named = input
        .flags
        .config
        .clone()
        .or_else(|| input.variable(CONFIG_VARIABLE).map(PathBuf::from));
    let data_dir = || {
        let given = from_flags
            .iter()
            .chain(from_env)
            .find(|entry| entry.setting.key == DATA_DIR.key);
        match given.map(|entry| &entry.value) {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => search(input),
        }
    };
    let (path, found, in_data_dir) = if let Some(path) = named {
        (path, false, false)
    } else if let Some(path) = file::in_folder(&input.working_dir) {
        (path, true, false)
    } else if let Some(path) = data_dir().and_then(|folder| file::in_folder(&input.working_dir.join(folder)))
    {
        (path, true, true)
    } else {
        return (None, Vec::new());
    };
    let path = absolute(&input.working_dir, &path);
    match file::read(&path, found) {
        Ok(text) => {
            let entries = file::parse(&path, &text, in_data_dir, errors);
            (Some(path), entries)
        }
        Err(why) => {
            errors.push(why);
            (Some(path), Vec::new())
        }
    }
}

fn absolute(working_dir: &Path, path: &Path) -> PathBuf {
    working_dir.join(path.strip_prefix("./").unwrap_or(path))
}

fn warn_about_two_keys(mut config: Config) -> Config {
    let key = config.entry(&CLIENT_API_KEY);
    let file = config.entry(&CLIENT_API_KEY_FILE);
    if key.value != Value::Unset && file.value != Value::Unset {
        let text = format!(
            "client.api_key ({}) is not used: client.api_key_file ({}) goes before it",
            key.origin, file.origin
        );
        config.warnings.push(text);
    }
    config
}
