//! Where uploads come from: what their records tell beside the facts.

use std::time::SystemTime;

use longshore_catalog::{Timestamp, UploadDigest, UploadKey, UploadRecord, UserId};
use longshore_storage::{Published, RemotePath, UploadFacts};

use crate::verdict::{Verdict, evidence};

/// A session as the records of its uploads name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The user's name at that time.
    pub(crate) username: String,
    /// What the client said it is.
    pub(crate) client: String,
    /// Its address.
    pub(crate) peer: String,
    /// Number of the connection.
    pub(crate) session: u64,
}

impl Origin {
    /// As it is kept beside the upload until it is on record. NUL comes up in none of the fields.
    pub(crate) fn to_note(&self) -> Vec<u8> {
        let session = self.session.to_string();
        [&*self.username, &*self.client, &*self.peer, &*session]
            .join("\0")
            .into_bytes()
    }

    /// What [`Self::to_note`] wrote; empty where it was something else.
    pub(crate) fn from_note(note: &[u8]) -> Self {
        let text = String::from_utf8_lossy(note);
        let mut fields = text.split('\0').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Self {
            username: next(),
            client: next(),
            peer: next(),
            session: next().parse().unwrap_or(0),
        }
    }

    /// The record of a published upload.
    pub(crate) fn record(&self, published: &Published, digest: UploadDigest) -> UploadRecord {
        let facts = &published.facts;
        UploadRecord {
            id: UploadKey(published.id.0),
            user: UserId(published.owner.0),
            bucket: published.bucket.as_str().to_owned(),
            path: published.path.as_bytes().to_vec(),
            size: published.size,
            digest,
            verdict: Verdict::on(facts, published.size).word().to_owned(),
            evidence: evidence(facts, published.replaced),
            began: timestamp(published.began),
            finished: timestamp(published.at),
            username: self.username.clone(),
            client: self.client.clone(),
            peer: self.peer.clone(),
            session: self.session,
        }
    }

    /// The record of a file that was changed in place.
    pub(crate) fn record_change(&self, change: &Change<'_>) -> UploadRecord {
        let facts = UploadFacts {
            received: change.written,
            appended: change.appended,
            edited: !change.appended,
            ..UploadFacts::default()
        };
        let now = timestamp(SystemTime::now());
        UploadRecord {
            id: UploadKey(change.id),
            user: change.user,
            bucket: change.bucket.to_owned(),
            path: change.path.as_bytes().to_vec(),
            size: change.size,
            digest: UploadDigest::Absent,
            verdict: Verdict::on(&facts, change.size).word().to_owned(),
            evidence: evidence(&facts, false),
            began: timestamp(change.began),
            finished: now,
            username: self.username.clone(),
            client: self.client.clone(),
            peer: self.peer.clone(),
            session: self.session,
        }
    }
}

/// A change in place that was closed.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) id: [u8; 16],
    pub(crate) user: UserId,
    pub(crate) bucket: &'a str,
    /// In the bucket.
    pub(crate) path: &'a RemotePath,
    pub(crate) size: u64,
    pub(crate) written: u64,
    pub(crate) appended: bool,
    pub(crate) began: SystemTime,
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_written() {
        let origin = Origin {
            username: "WL9F11A9".to_owned(),
            client: "SSH-2.0-OpenSSH_9.9 é".to_owned(),
            peer: "[2001:db8::1]:22".to_owned(),
            session: 7,
        };
        assert_eq!(Origin::from_note(&origin.to_note()), origin);
        assert_eq!(Origin::from_note(b""), Origin::default());
        assert_eq!(Origin::from_note(b"a\0b").client, "b");
    }
}
