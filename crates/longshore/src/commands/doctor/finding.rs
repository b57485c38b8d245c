//! What a probe found.

use longshore_client::{Error, ErrorKind};

/// How a server does in one respect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should.
    Works,
    /// It does not offer it.
    Absent,
    /// Allowed, but other than most servers do.
    Odd,
    /// It offers it, or has to, and it does not work.
    Broken,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Absent => "absent",
            Self::Odd => "odd",
            Self::Broken => "broken",
        }
    }
}

/// One respect.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) verdict: Verdict,
    pub(super) detail: String,
}

/// What a probe returns: a verdict with its detail, or the error that it met.
pub(super) type Probed = Result<(Verdict, String), Error>;

/// All is as it should be.
#[expect(clippy::unnecessary_wraps, reason = "it is what probes end with")]
pub(super) fn works() -> Probed {
    Ok((Verdict::Works, String::new()))
}

/// Other than most servers do.
#[expect(clippy::unnecessary_wraps, reason = "it is what probes end with")]
pub(super) fn odd(detail: impl Into<String>) -> Probed {
    Ok((Verdict::Odd, detail.into()))
}

/// It does not do what it says.
#[expect(clippy::unnecessary_wraps, reason = "it is what probes end with")]
pub(super) fn broken(detail: impl Into<String>) -> Probed {
    Ok((Verdict::Broken, detail.into()))
}

impl Finding {
    /// The finding of a probe. What the server says it cannot do is absent, any other refusal is a defect.
    pub(super) fn new(what: &'static str, probed: Probed) -> Self {
        let (verdict, detail) = probed.unwrap_or_else(|error| match error.kind() {
            ErrorKind::Unsupported => (Verdict::Absent, String::new()),
            _ => (Verdict::Broken, error.to_string()),
        });
        Self {
            what,
            verdict,
            detail,
        }
    }
}
