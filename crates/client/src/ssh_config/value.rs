//! Reads the arguments of one keyword into the words that are kept.

use super::keywords::{Keyword, Shape};
use super::lexer;

/// Reads what follows a keyword. Flags become `yes` or `no`, times seconds; everything else stays as written.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn read(keyword: &Keyword, rest: &str) -> Result<Vec<String>, String> {
    if rest.is_empty() {
        return Err(format!("no argument after {}", keyword.name));
    }
    match keyword.shape {
        Shape::Rest | Shape::Proxy => return Ok(vec![rest.trim_start_matches([' ', '\t', '=']).to_owned()]),
        Shape::Any => return Ok(vec![rest.to_owned()]),
        _ => {}
    }
    let words = lexer::arguments(rest).ok_or_else(|| format!("a quote of {} is not closed", keyword.name))?;
    match keyword.shape {
        Shape::Words | Shape::AppendMany => many(keyword, words),
        Shape::Rekey => rekey(keyword, &words),
        _ => one(keyword, words),
    }
}

fn many(keyword: &Keyword, words: Vec<String>) -> Result<Vec<String>, String> {
    if words.is_empty() || words.iter().any(String::is_empty) {
        return Err(format!("an argument of {} is empty", keyword.name));
    }
    let none = words[0].eq_ignore_ascii_case("none");
    if keyword.shape == Shape::Words && none && words.len() > 1 {
        return Err(format!("{} none takes no other argument", keyword.name));
    }
    Ok(words)
}

fn one(keyword: &Keyword, mut words: Vec<String>) -> Result<Vec<String>, String> {
    let name = keyword.name;
    if words.len() > 1 {
        return Err(format!("{name} has more than one argument"));
    }
    let Some(word) = words.pop().filter(|word| !word.is_empty()) else {
        return Err(format!("{name} has no argument"));
    };
    let bad = || format!("{word} is no value of {name}");
    let value = match keyword.shape {
        Shape::Flag => flag(&word).ok_or_else(bad)?.to_owned(),
        Shape::Choice(choices) => choices
            .iter()
            .find(|(spelling, _)| spelling.eq_ignore_ascii_case(&word))
            .map(|(_, meaning)| (*meaning).to_owned())
            .ok_or_else(bad)?,
        Shape::Number => word
            .parse::<u32>()
            .ok()
            .filter(|number| i32::try_from(*number).is_ok())
            .ok_or_else(bad)?
            .to_string(),
        Shape::Port => word
            .parse::<u16>()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(bad)?
            .to_string(),
        Shape::Time if word == "none" => word,
        Shape::Time => seconds(&word).ok_or_else(bad)?.to_string(),
        _ => word,
    };
    Ok(vec![value])
}

fn flag(word: &str) -> Option<&'static str> {
    let is = |text: &str| word.eq_ignore_ascii_case(text);
    match () {
        () if is("yes") || is("true") => Some("yes"),
        () if is("no") || is("false") => Some("no"),
        () => None,
    }
}

/// A length of time: `90`, `1m30s`, `2h`.
fn seconds(text: &str) -> Option<u32> {
    let (mut total, mut rest) = (0u64, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..end].parse().ok()?;
        let mut unit = rest[end..].chars();
        let factor = match unit.next() {
            None | Some('s' | 'S') => 1,
            Some('m' | 'M') => 60,
            Some('h' | 'H') => 60 * 60,
            Some('d' | 'D') => 24 * 60 * 60,
            Some('w' | 'W') => 7 * 24 * 60 * 60,
            Some(_) => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = unit.as_str();
    }
    (!text.is_empty() && i32::try_from(total).is_ok())
        .then_some(total)
        .and_then(|total| u32::try_from(total).ok())
}

/// `RekeyLimit`: bytes with a unit, then perhaps a time. 0 stands for `default` and `none`.
fn rekey(keyword: &Keyword, words: &[String]) -> Result<Vec<String>, String> {
    let bad = |word: &str| format!("{word} is no value of {}", keyword.name);
    let (bytes, time) = match words {
        [bytes] => (bytes, None),
        [bytes, time] => (bytes, Some(time)),
        _ => return Err(format!("{} takes a size and a time", keyword.name)),
    };
    let bytes = if bytes == "default" {
        0
    } else {
        scaled(bytes)
            .filter(|bytes| *bytes >= 16)
            .ok_or_else(|| bad(bytes))?
    };
    let mut value = vec![bytes.to_string()];
    // `none` leaves the time to a later line, as in OpenSSH
    if let Some(time) = time.filter(|time| *time != "none") {
        value.push(seconds(time).ok_or_else(|| bad(time))?.to_string());
    }
    Ok(value)
}

fn scaled(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh_config::keywords::find;

    fn value(name: &str, rest: &str) -> Result<String, String> {
        read(find(name).unwrap(), rest).map(|words| words.join("|"))
    }

    #[test]
    fn times_sizes_and_flags_are_read_as_openssh_reads_them() {
        assert_eq!(value("ConnectTimeout", "1m30s").unwrap(), "90");
        assert_eq!(value("ConnectTimeout", "none").unwrap(), "none");
        assert_eq!(value("RekeyLimit", "1G 1h").unwrap(), "1073741824|3600");
        assert_eq!(value("Compression", "YES").unwrap(), "yes");
        assert_eq!(value("StrictHostKeyChecking", "off").unwrap(), "no");
        assert_eq!(
            value("ProxyCommand", "nc -x \"a b\" %h").unwrap(),
            "nc -x \"a b\" %h"
        );
        for (name, rest) in [
            ("ConnectTimeout", "1y"),
            ("Port", "0"),
            ("Port", "65536"),
            ("Compression", "maybe"),
            ("User", "a b"),
            ("UserKnownHostsFile", "none b"),
            ("IdentityFile", "\"a"),
        ] {
            assert!(value(name, rest).is_err(), "{name} {rest}");
        }
    }
}
