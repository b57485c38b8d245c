//! CLOSE of an upload: checked, published, put on record.

use std::sync::Arc;

use longshore_storage::{ErrorKind, Upload};

use crate::error::OpError;
use crate::records::Records;
use crate::sessions::Session;
use crate::verdict::{OnShort, Verdict};

/// Publishes `upload`, or says why not. `broken`: how a write through this handle failed, if one did.
///
/// An upload that lacks bytes of the size that its client announced stays parked; one that cannot be published
/// otherwise is thrown away, unless there is more in it than what came through this handle.
pub(crate) async fn close_upload(
    session: &Session,
    upload: &Arc<dyn Upload>,
    broken: Option<ErrorKind>,
) -> Result<Option<Verdict>, OpError> {
    if let Some((declared, size)) = short_by(session, upload).await? {
        upload.park().await?;
        return Err(OpError::ShortUpload { declared, size });
    }
    let published = match broken {
        Some(kind) => Err(OpError::BrokenUpload { kind }),
        None => publish(session, upload).await,
    };
    if published.is_err() {
        // Its answer is the failure, whatever becomes of the bytes.
        let _ = give_up(upload).await;
    }
    published
}

/// The client knows that it failed and has no handle to try again with; a full disk needs the room. But what others have
/// open, or somebody left parked before, is not this handle's to throw away: it stays as if the handle had died.
pub(crate) async fn give_up(upload: &Arc<dyn Upload>) -> Result<(), OpError> {
    let facts = upload.facts();
    if facts.joined > 0 || facts.resumed > 0 {
        return Ok(upload.park().await?);
    }
    Ok(upload.discard().await?)
}

/// `None` when other handles still have it open.
async fn publish(session: &Session, upload: &Arc<dyn Upload>) -> Result<Option<Verdict>, OpError> {
    let records = session.records();
    let note = records.map(Records::note).unwrap_or_default();
    let Some(published) = upload.close(&note).await?.published else {
        return Ok(None);
    };
    if let Some(records) = records {
        records.published(&published, upload).await;
    }
    Ok(Some(Verdict::on(&published.facts, published.size)))
}

/// The announced and the received size of an upload that is to be refused for it. Where several handles write one
/// upload, this one may not be the last: then the record tells.
async fn short_by(session: &Session, upload: &Arc<dyn Upload>) -> Result<Option<(u64, u64)>, OpError> {
    if session.on_short == OnShort::Warn {
        return Ok(None);
    }
    let facts = upload.facts();
    let Some(declared) = facts.declared.filter(|_| facts.joined == 0) else {
        return Ok(None);
    };
    let size = upload.stat().await?.size;
    Ok((declared > size).then_some((declared, size)))
}
