//! How complete an upload is thought to be, and on what that rests.
//!
//! `docs/uploads.md` has the table of verdicts with the requests that lead to each.

use std::fmt::Write as _;

use longshore_storage::UploadFacts;

/// What becomes of an upload that is shorter than its client announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnShort {
    /// CLOSE fails, and the upload stays parked for its owner.
    #[default]
    Refuse,
    /// It is published; its record says so.
    Warn,
}

/// The verdict on a finished upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every handle was closed; nobody had announced a size.
    Closed,
    /// As announced, every byte of it written.
    SizeMatches,
    /// Less was written than announced.
    Short,
    /// A handle died without CLOSE and nobody took up what it left; another handle published.
    Dropped,
    /// Something was added to the end of a file or of the upload.
    Appended,
    /// A file was changed in place, or the upload by a handle that meant to.
    Edited,
}

impl Verdict {
    /// On an upload that was published with `size` bytes. The first that fits, in the order of how much there is to
    /// worry about.
    pub(crate) fn on(facts: &UploadFacts, size: u64) -> Self {
        match facts.declared {
            Some(declared) if is_short(facts, declared, size) => Self::Short,
            _ if facts.dropped > facts.resumed => Self::Dropped,
            _ if facts.appended => Self::Appended,
            _ if facts.edited => Self::Edited,
            Some(declared) if declared == size => Self::SizeMatches,
            _ => Self::Closed,
        }
    }

    /// As it stands on the record.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::SizeMatches => "size-matches",
            Self::Short => "short",
            Self::Dropped => "dropped",
            Self::Appended => "appended",
            Self::Edited => "edited",
        }
    }
}

/// Also a file that has the announced size, because the client set it, but not all of its bytes.
fn is_short(facts: &UploadFacts, declared: u64, size: u64) -> bool {
    declared > size || (declared == size && facts.holes > 0)
}

/// The facts as a JSON object; what is nothing is left out.
pub(crate) fn evidence(facts: &UploadFacts, replaced: bool) -> String {
    let mut json = format!("{{\"received\":{}", facts.received);
    let mut add = |name: &str, value: Option<u64>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = write!(json, ",\"{name}\":{value}");
        }
    };
    let some = |count: u64| (count > 0).then_some(count);
    add("declared", facts.declared);
    add("carriedOver", some(facts.carried));
    add("holes", some(facts.holes));
    add("joined", some(facts.joined.into()));
    add("dropped", some(facts.dropped.into()));
    add("resumed", some(facts.resumed.into()));
    let flags = [
        ("appended", facts.appended),
        ("edited", facts.edited),
        ("renamed", facts.renamed),
        ("replaced", replaced),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is)| *is) {
        let _ = write!(json, ",\"{name}\":true");
    }
    json.push('}');
    json
}

/// Whether a name is one of those under which clients upload before they give the file its real one.
pub(crate) fn is_temporary(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// WinSCP: `.filepart`; rclone: `.partial`; the others are habits of scripts and gateways.
const SUFFIXES: &[&str] = &[
    ".filepart",
    ".part",
    ".partial",
    ".tmp",
    ".temp",
    ".upload",
    ".uploading",
    ".inprogress",
    ".writing",
];

/// lftp with `xfer:use-temp-file` calls its file `.in.NAME.`.
const PREFIXES: &[&str] = &[".in."];

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(change: impl FnOnce(&mut UploadFacts)) -> UploadFacts {
        let mut facts = UploadFacts::default();
        change(&mut facts);
        facts
    }

    #[test]
    fn the_gravest_reason_decides() {
        let all = |facts: &mut UploadFacts| {
            facts.declared = Some(11);
            facts.dropped = 1;
            facts.appended = true;
            facts.edited = true;
        };
        let verdict = |change: &dyn Fn(&mut UploadFacts)| {
            Verdict::on(
                &facts(|facts| {
                    all(facts);
                    change(facts);
                }),
                10,
            )
        };
        assert_eq!(verdict(&|_| {}), Verdict::Short);
        assert_eq!(verdict(&|f| f.declared = Some(10)), Verdict::Dropped);
        let resumed = |f: &mut UploadFacts| {
            f.declared = Some(10);
            f.resumed = 1;
        };
        assert_eq!(verdict(&resumed), Verdict::Appended);
        assert_eq!(
            verdict(&|f| {
                resumed(f);
                f.appended = false;
            }),
            Verdict::Edited
        );
        assert_eq!(
            verdict(&|f| {
                resumed(f);
                (f.appended, f.edited) = (false, false);
            }),
            Verdict::SizeMatches
        );
    }

    #[test]
    fn a_hole_in_a_file_of_the_announced_size_is_short() {
        let holed = |declared| {
            facts(|facts| {
                facts.declared = declared;
                facts.holes = 1;
            })
        };
        assert_eq!(Verdict::on(&holed(Some(10)), 10), Verdict::Short);
        assert_eq!(Verdict::on(&holed(None), 10), Verdict::Closed, "a sparse file");
        assert_eq!(Verdict::on(&holed(Some(9)), 10), Verdict::Closed, "it grew since");
    }

    #[test]
    fn evidence_names_what_there_is() {
        assert_eq!(evidence(&UploadFacts::default(), false), r#"{"received":0}"#);
        let all = UploadFacts {
            received: 1,
            declared: Some(2),
            carried: 3,
            holes: 4,
            joined: 5,
            dropped: 6,
            resumed: 7,
            appended: true,
            edited: true,
            renamed: true,
        };
        assert_eq!(
            evidence(&all, true),
            "{\"received\":1,\"declared\":2,\"carriedOver\":3,\"holes\":4,\"joined\":5,\"dropped\":6,\
             \"resumed\":7,\"appended\":true,\"edited\":true,\"renamed\":true,\"replaced\":true}"
        );
    }

    #[test]
    fn temporary_names_are_known_by_their_ends() {
        for name in [
            "/a/x.filepart",
            "x.PART",
            "/x.csv.tmp",
            "/d/.in.x.",
            "/x.3f2a.partial",
        ] {
            assert!(is_temporary(name.as_bytes()), "{name}");
        }
        for name in ["/a.tmp/x", "/tmp", "/x.parts", "/part", "", "/x.in.y"] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
    }
}
