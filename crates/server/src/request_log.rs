//! What a request does, in the words of OpenSSH's `sftp-server`, for those who read its log with tools made for that one.

use std::fmt;

use longshore_sftp::{Attrs, ExtendedRequest, OpenFlags, Request, RequestId};

use crate::terms::request_name;

/// Notes a request before it runs.
pub(crate) fn log_request(id: RequestId, request: &Request) {
    if let Some(name) = request_name(request) {
        tracing::trace!("request {}: {name}", id.0);
    }
    match request {
        Request::Open { path, flags, attrs } => {
            let mode = attrs.permissions.unwrap_or(0o666);
            tracing::info!(
                "open \"{}\" flags {} mode 0{mode:o}",
                path.escape_ascii(),
                Flags(*flags)
            );
        }
        Request::OpenDir { path } => tracing::info!("opendir \"{}\"", path.escape_ascii()),
        Request::Remove { path } => tracing::info!("remove name \"{}\"", path.escape_ascii()),
        Request::MkDir { path, attrs } => {
            let mode = attrs.permissions.unwrap_or(0o777) & 0o7777;
            tracing::info!("mkdir name \"{}\" mode 0{mode:o}", path.escape_ascii());
        }
        Request::RmDir { path } => tracing::info!("rmdir name \"{}\"", path.escape_ascii()),
        Request::Rename { old_path, new_path } => log_pair("rename", old_path, new_path),
        Request::SymLink {
            target_path,
            link_path,
        } => log_pair("symlink", target_path, link_path),
        Request::SetStat { path, attrs } => log_changes(path, attrs),
        Request::Extended(ExtendedRequest::LSetStat { path, attrs }) => log_changes(path, attrs),
        Request::Extended(ExtendedRequest::PosixRename { old_path, new_path }) => {
            log_pair("posix-rename", old_path, new_path);
        }
        Request::Extended(ExtendedRequest::HardLink { old_path, new_path }) => {
            log_pair("hardlink", old_path, new_path);
        }
        _ => {}
    }
}

/// Notes a request that the terms refuse.
pub(crate) fn log_refusal(request: &Request) {
    tracing::info!("Refusing {} request", request_name(request).unwrap_or("unknown"));
}

fn log_pair(what: &str, old: &[u8], new: &[u8]) {
    tracing::info!(
        "{what} old \"{}\" new \"{}\"",
        old.escape_ascii(),
        new.escape_ascii()
    );
}

fn log_changes(path: &[u8], attrs: &Attrs) {
    let path = path.escape_ascii();
    if let Some(size) = attrs.size {
        tracing::info!("set \"{path}\" size {size}");
    }
    if let Some(mode) = attrs.permissions {
        tracing::info!("set \"{path}\" mode 0{:o}", mode & 0o7777);
    }
    if let Some((_, modified)) = attrs.times {
        tracing::info!("set \"{path}\" modtime {modified}");
    }
    if let Some((uid, gid)) = attrs.owner {
        tracing::info!("set \"{path}\" owner {uid} group {gid}");
    }
}

/// Flags as OpenSSH writes them: `WRITE,CREATE,TRUNCATE`.
struct Flags(OpenFlags);

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (OpenFlags::READ, "READ"),
            (OpenFlags::WRITE, "WRITE"),
            (OpenFlags::APPEND, "APPEND"),
            (OpenFlags::CREAT, "CREATE"),
            (OpenFlags::TRUNC, "TRUNCATE"),
            (OpenFlags::EXCL, "EXCL"),
        ];
        let set = names.into_iter().filter(|(flag, _)| self.0.contains(*flag));
        for (place, (_, name)) in set.enumerate() {
            f.write_str(if place > 0 { "," } else { "" })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_as_openssh_does() {
        let flags = OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC;
        assert_eq!(Flags(flags).to_string(), "WRITE,CREATE,TRUNCATE");
        assert_eq!(Flags(OpenFlags(0)).to_string(), "");
    }
}
