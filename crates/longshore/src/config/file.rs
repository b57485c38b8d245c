//! `longshore.toml`: which one is read, and its values with their lines.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::kind::{Kind, Value};
use super::settings::{SETTINGS, by_key};
use super::suggest::nearest;
use super::{DATA_DIR_KEY, Entry, Origin};
use crate::limits::CONFIG_FILE_MAX;

/// Name of the file where it is searched for.
pub(super) const FILE_NAME: &str = "longshore.toml";

/// Reads a file that somebody named, or that was found (`found`: it then must be ours).
///
/// # Errors
/// One line that names the file and the reason.
pub(super) fn read(path: &Path, found: bool) -> Result<String, String> {
    let complain = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
    let file = File::open(path).map_err(|error| complain(&error))?;
    let metadata = file.metadata().map_err(|error| complain(&error))?;
    if metadata.is_dir() {
        return Err(complain(&"it is a directory"));
    }
    let me = rustix::process::geteuid().as_raw();
    if found && metadata.uid() != me && metadata.uid() != 0 {
        // Whoever owns the file decides what we do; in a shared folder that must not be just anybody.
        return Err(complain(&format!(
            "it lies in the way but belongs to uid {}; name it with --config if you mean it",
            metadata.uid()
        )));
    }
    let mut text = String::new();
    let length = file
        .take(CONFIG_FILE_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error: io::Error| complain(&error))?;
    if length as u64 > CONFIG_FILE_MAX {
        return Err(complain(&format!("it is longer than {CONFIG_FILE_MAX} bytes")));
    }
    Ok(text)
}

/// Values of a file; every fault is added to `errors` as `path:line: …`.
pub(super) fn parse(path: &Path, text: &str, in_data_dir: bool, errors: &mut Vec<String>) -> Vec<Entry> {
    let mut walk = Walk {
        path,
        text,
        in_data_dir,
        errors,
        entries: Vec::new(),
    };
    match DeTable::parse(text) {
        Ok(table) => walk.table("", table.get_ref()),
        Err(error) => walk.complain(error.span().unwrap_or(0..0), error.message().trim()),
    }
    walk.entries
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    in_data_dir: bool,
    errors: &'a mut Vec<String>,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = if prefix.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{prefix}.{}", name.get_ref())
            };
            match value.get_ref() {
                DeValue::Table(inner) if is_section(&key) => self.table(&key, inner),
                _ => self.leaf(&key, name.span(), value.get_ref()),
            }
        }
    }

    fn leaf(&mut self, key: &str, span: Range<usize>, value: &DeValue<'_>) {
        let Some(setting) = by_key(key) else {
            return self.unknown(key, span, matches!(value, DeValue::Table(_)));
        };
        if key == DATA_DIR_KEY && self.in_data_dir {
            return self.complain(
                span,
                "data_dir cannot be set by the file inside the data directory",
            );
        }
        match value_of(&setting.kind, value) {
            Ok(mut value) => {
                if let (Value::Path(path), Some(folder)) = (&mut value, self.path.parent()) {
                    *path = folder.join(&*path);
                }
                let origin = Origin::File {
                    path: self.path.to_owned(),
                    line: self.line(span.start),
                };
                self.entries.push(Entry {
                    setting,
                    value,
                    origin,
                });
            }
            Err(why) => {
                let given = if setting.is_secret() {
                    String::new()
                } else {
                    format!(" = {}", show(value))
                };
                self.complain(span, &format!("{key}{given}: must be {why}"));
            }
        }
    }

    fn unknown(&mut self, key: &str, span: Range<usize>, is_table: bool) {
        let what = if is_table { "section" } else { "key" };
        let suggestion = if is_table {
            nearest(key, sections()).map(|word| format!("[{word}]"))
        } else {
            nearest(key, SETTINGS.iter().map(|s| s.key)).map(str::to_owned)
        };
        let tail = suggestion.map_or_else(String::new, |word| format!("; did you mean {word}?"));
        self.complain(span, &format!("unknown {what} {key}{tail}"));
    }

    fn complain(&mut self, span: Range<usize>, what: &str) {
        let line = self.line(span.start);
        self.errors
            .push(format!("{}:{line}: {what}", self.path.display()));
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
    }
}

fn sections() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .filter_map(|setting| setting.key.split_once('.').map(|(section, _)| section))
}

fn is_section(key: &str) -> bool {
    sections().any(|section| section == key)
}

fn value_of(kind: &Kind, value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::String(text) => kind.check_text(text),
        DeValue::Boolean(on) => kind.check_switch(*on),
        DeValue::Integer(integer) => {
            let digits = integer.as_str();
            kind.check_integer(u64::from_str_radix(digits, integer.radix()).map_err(|_| kind.expectation())?)
        }
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect();
            kind.check_list(texts.ok_or_else(|| kind.expectation())?)
        }
        _ => Err(kind.expectation()),
    }
}

fn show(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(_) => "[…]".to_owned(),
        DeValue::Table(_) => "{…}".to_owned(),
    }
}

/// The file in this folder, if there is one (whatever it is).
pub(super) fn in_folder(folder: &Path) -> Option<PathBuf> {
    let path = folder.join(FILE_NAME);
    path.symlink_metadata().is_ok().then_some(path)
}
