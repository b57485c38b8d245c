//! A server's words, made fit to be shown.

/// `text` without control characters and at most `max` bytes long; line breaks become spaces.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let line = text
        .trim()
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c });
    cut(line.filter(|c| is_harmless(*c)), max)
}

/// As [`one_line`], but line breaks and tabs stay.
pub(super) fn lines(text: &str, max: usize) -> String {
    let kept = |c: &char| matches!(c, '\n' | '\t') || is_harmless(*c);
    cut(text.chars().filter(kept), max)
}

/// Neither a terminal's control sequence nor a change of writing direction, which could show another text than is there.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(text: impl Iterator<Item = char>, max: usize) -> String {
    let mut kept = String::new();
    for c in text {
        if kept.len() + c.len_utf8() > max {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_what_a_terminal_would_obey() {
        assert_eq!(one_line("\x1b[2Jno\r\nway\u{202e}!\n", 100), "[2Jno  way!");
        assert_eq!(lines("a\r\n\tb\x07", 100), "a\n\tb");
        assert_eq!(one_line("äää", 5), "ää");
    }
}
