//! "Did you mean …": the nearest known word.

/// The known word closest to `given`, if one is close enough to be what was meant.
pub(super) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| {
            (
                strsim::damerau_levenshtein(&given.to_ascii_lowercase(), &word.to_ascii_lowercase()),
                word,
            )
        })
        .min_by_key(|&(distance, _)| distance)
        // A third of the letters may differ: `sftp.lisen` is near `sftp.listen`, `colour` is near nothing.
        .filter(|&(distance, word)| distance * 3 <= word.len())
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn close_words_are_suggested_and_far_ones_are_not() {
        let known = ["sftp.listen", "sftp.public_host", "users.max"];
        assert_eq!(nearest("sftp.lisen", known), Some("sftp.listen"));
        assert_eq!(nearest("sftp.public-host", known), Some("sftp.public_host"));
        assert_eq!(nearest("user.max", known), Some("users.max"));
        assert_eq!(nearest("colour", known), None);
    }
}
