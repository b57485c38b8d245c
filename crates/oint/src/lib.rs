//! The functions of `OPI_SFTP` and `OPI_SSH` of the Open Integration Package: settings JSON in, result JSON out,
//! over [`longshore_client`].
