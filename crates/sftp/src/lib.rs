//! longshore-sftp
