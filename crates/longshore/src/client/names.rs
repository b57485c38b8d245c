//! Names from servers: any bytes but a slash and NUL, also such as would move a terminal's cursor.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A name for people: what controls a terminal or turns the direction of writing round is escaped, and so is what is no UTF-8.
#[must_use]
pub(crate) fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || is_invisible(c) {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Puts a name into an object: as text, and where that is not the whole truth also its bytes, as `<member>_hex`.
pub(crate) fn name_json(object: &mut Map<String, Value>, member: &str, name: &[u8]) {
    object.insert(
        member.to_owned(),
        String::from_utf8_lossy(name).into_owned().into(),
    );
    if std::str::from_utf8(name).is_err() {
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        object.insert(format!("{member}_hex"), hex.into());
    }
}

/// Characters that change how others are shown without being seen: directions of writing (the trick of `gpj.exe`), separators,
/// tags.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(shown("é ok".as_bytes()), "é ok");
        assert_eq!(shown(b"a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(
            shown("a\u{9b}31m\u{202e}gpj".as_bytes()),
            "a\\u{9b}31m\\u{202e}gpj"
        );
        assert_eq!(shown(b"a\xff\x9b"), "a\\xff\\x9b");
    }

    #[test]
    fn json_keeps_the_bytes() {
        let mut object = Map::new();
        name_json(&mut object, "name", b"plain");
        assert_eq!(Value::from(object), serde_json::json!({"name": "plain"}));
        let mut object = Map::new();
        name_json(&mut object, "name", b"a\xff");
        assert_eq!(
            Value::from(object),
            serde_json::json!({"name": "a\u{fffd}", "name_hex": "61ff"})
        );
    }
}
