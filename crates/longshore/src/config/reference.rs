//! The reference of all settings in Markdown.

use std::fmt::Write as _;

use super::setting::Setting;
use super::settings::SETTINGS;

/// One section per group of settings, generated from the table.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let mut group = None;
    for setting in SETTINGS {
        let section = setting.key.split_once('.').map(|(section, _)| section);
        if group != Some(section) {
            group = Some(section);
            let title = section.map_or_else(|| "Top level".to_owned(), |section| format!("`[{section}]`"));
            let _ = writeln!(text, "## {title}\n");
        }
        row(&mut text, setting);
    }
    text
}

fn row(text: &mut String, setting: &Setting) {
    let default = match setting.default {
        Some("") => "`[]`".to_owned(),
        Some(default) => format!("`{default}`"),
        None => setting.default_note.to_owned(),
    };
    let unit = if setting.unit.is_empty() {
        String::new()
    } else {
        format!(" ({})", setting.unit)
    };
    let flag = setting
        .flag
        .map_or_else(String::new, |flag| format!(" · flag `{flag}`"));
    let _ = writeln!(text, "### `{}`\n", setting.key);
    let _ = writeln!(text, "{}\n", setting.summary);
    let _ = writeln!(
        text,
        "- type: {}{unit}; {}",
        setting.kind.type_name(),
        setting.kind.expectation()
    );
    let _ = writeln!(text, "- default: {default}");
    let _ = writeln!(text, "- environment: `{}`{flag}", setting.env());
    let _ = writeln!(text, "- why: {}\n", setting.reason);
}
