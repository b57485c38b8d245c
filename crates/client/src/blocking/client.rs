//! A connection with SFTP on it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::file::File;
use super::runtime::Runtime;
use crate::auth::Interaction;
use crate::channel::SftpChannels;
use crate::connect::{ConnectOptions, Connection};
use crate::error::Result;
use crate::sftp::{Attrs, DirEntry, OpenOptions, Sftp, SftpOptions};
use crate::transfer::{Receipt, Report, SftpPool, TransferOptions, Transfers, TreeOptions};

/// A connection with SFTP on it. Clones are the same connection; it ends when it is closed or the last clone is dropped.
///
/// ```no_run
/// use longshore_client::blocking::Client;
/// # use longshore_client::{ConnectOptions, Interaction};
/// # fn example(options: &ConnectOptions, interaction: &dyn Interaction) -> Result<(), Box<dyn std::error::Error>> {
///
/// let client = Client::connect(options, interaction)?;
/// for entry in client.read_dir("outbox")? {
///     println!("{}", entry?.name.escape_ascii());
/// }
/// let text = std::io::read_to_string(client.open("outbox/report.csv")?)?;
/// client.write("inbox/answer.txt", text.to_uppercase())?;
/// client.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    // Dropped before the runtime that it lives on.
    pool: SftpPool,
    connection: Option<Connection>,
    runtime: Runtime,
}

/// The entries of a directory.
#[derive(Debug)]
pub struct ReadDir {
    listing: crate::sftp::ReadDir,
    runtime: Runtime,
    done: bool,
}

impl Client {
    /// Connects, logs in and starts SFTP.
    ///
    /// # Errors
    /// As [`Connection::connect`] and [`SftpPool::open`].
    pub fn connect(options: &ConnectOptions, interaction: &dyn Interaction) -> Result<Self> {
        let runtime = Runtime::new()?;
        let (connection, pool) = runtime.block_on(async {
            let connection = Connection::connect(options, interaction).await?;
            let channels: Arc<dyn SftpChannels> = Arc::new(connection.clone());
            let pool = SftpPool::open(channels, SftpOptions::default()).await?;
            Ok::<_, crate::Error>((connection, pool))
        })?;
        Ok(Self {
            pool,
            connection: Some(connection),
            runtime,
        })
    }

    /// SFTP over channels that come from elsewhere.
    ///
    /// # Errors
    /// As [`SftpPool::open`].
    pub fn over(channels: Arc<dyn SftpChannels>, options: SftpOptions) -> Result<Self> {
        let runtime = Runtime::new()?;
        let pool = runtime.block_on(SftpPool::open(channels, options))?;
        Ok(Self {
            pool,
            connection: None,
            runtime,
        })
    }

    /// The connection, for commands; `None` over channels from elsewhere.
    #[must_use]
    pub fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// The asynchronous session, to be used with [`Self::block_on`].
    #[must_use]
    pub fn sftp(&self) -> &Sftp {
        self.pool.sftp()
    }

    /// All sessions, for [`Transfers`] of one's own.
    #[must_use]
    pub fn pool(&self) -> &SftpPool {
        &self.pool
    }

    /// Waits for anything asynchronous that belongs to this connection.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the server says.
    pub fn open(&self, path: impl AsRef<[u8]>) -> Result<File> {
        self.open_with(path, &OpenOptions::new().read())
    }

    /// Makes or empties a file, for writing.
    ///
    /// # Errors
    /// What the server says.
    pub fn create(&self, path: impl AsRef<[u8]>) -> Result<File> {
        self.open_with(path, &OpenOptions::new().write().create().truncate())
    }

    /// Opens a file.
    ///
    /// # Errors
    /// What the server says.
    pub fn open_with(&self, path: impl AsRef<[u8]>, options: &OpenOptions) -> Result<File> {
        let file = self.block_on(self.sftp().open(path, options))?;
        Ok(File::new(file, self.runtime.clone()))
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// What the server says.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let (receipt, content) = self.block_on(async {
            let (writer, mut reader) = tokio::io::duplex(PIPE_LEN);
            let mut content = Vec::new();
            let transfers = self.transfers(TransferOptions::default());
            let (receipt, read) = futures::join!(
                transfers.download_into(path, writer),
                tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut content),
            );
            (receipt.map(|_| read), content)
        });
        receipt?.map_err(|error| crate::transfer::local_error("read", Path::new("-"), error))?;
        Ok(content)
    }

    /// Gives a file this content, in one step: nobody sees half of it.
    ///
    /// # Errors
    /// What the server says.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Result<Receipt> {
        let content = std::io::Cursor::new(content.into());
        self.block_on(
            self.transfers(TransferOptions::default())
                .upload_from(content, path),
        )
    }

    /// Lists a directory, without `.` and `..`.
    ///
    /// # Errors
    /// What the server says.
    pub fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<ReadDir> {
        let listing = self.block_on(self.sftp().read_dir(path))?;
        Ok(ReadDir {
            listing,
            runtime: self.runtime.clone(),
            done: false,
        })
    }

    /// Attributes of what the path leads to, links followed.
    ///
    /// # Errors
    /// What the server says.
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Attrs> {
        self.block_on(self.sftp().stat(path))
    }

    /// Attributes of the path itself.
    ///
    /// # Errors
    /// What the server says.
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Attrs> {
        self.block_on(self.sftp().lstat(path))
    }

    /// Whether there is something.
    ///
    /// # Errors
    /// The server does not say.
    pub fn exists(&self, path: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.block_on(self.sftp().try_stat(path))?.is_some())
    }

    /// Changes attributes. Those that are `None` stay.
    ///
    /// # Errors
    /// What the server says.
    pub fn set_metadata(&self, path: impl AsRef<[u8]>, attrs: &Attrs) -> Result<()> {
        self.block_on(self.sftp().set_stat(path, attrs))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// What the server says.
    pub fn create_dir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().mkdir(path, None))
    }

    /// Makes a directory, and those above it that are missing.
    ///
    /// # Errors
    /// What the server says.
    pub fn create_dir_all(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().create_dir_all(path))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// What the server says.
    pub fn remove_dir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().rmdir(path))
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// What the server says.
    pub fn remove_file(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().remove(path))
    }

    /// Gives a file another name, which must be free.
    ///
    /// # Errors
    /// What the server says.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().rename(from, to))
    }

    /// Makes a link at `link` that says `target`.
    ///
    /// # Errors
    /// What the server says.
    pub fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<()> {
        self.block_on(self.sftp().symlink(target, link))
    }

    /// What a link says.
    ///
    /// # Errors
    /// What the server says.
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        self.block_on(self.sftp().read_link(path))
    }

    /// The absolute path, as the server sees it.
    ///
    /// # Errors
    /// What the server says.
    pub fn canonicalize(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        self.block_on(self.sftp().real_path(path))
    }

    /// Uploads a local file.
    ///
    /// # Errors
    /// As [`Transfers::upload`].
    pub fn upload(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        options: TransferOptions,
    ) -> Result<Receipt> {
        self.block_on(self.transfers(options).upload(local.as_ref(), remote))
    }

    /// Downloads a file.
    ///
    /// # Errors
    /// As [`Transfers::download`].
    pub fn download(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        options: TransferOptions,
    ) -> Result<Receipt> {
        self.block_on(self.transfers(options).download(remote, local.as_ref()))
    }

    /// Uploads a tree.
    ///
    /// # Errors
    /// As [`Transfers::upload_tree`].
    pub fn upload_tree(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<[u8]>,
        options: TransferOptions,
        tree: &TreeOptions,
    ) -> Result<Report> {
        self.block_on(self.transfers(options).upload_tree(local.as_ref(), remote, tree))
    }

    /// Downloads a tree.
    ///
    /// # Errors
    /// As [`Transfers::download_tree`].
    pub fn download_tree(
        &self,
        remote: impl AsRef<[u8]>,
        local: impl AsRef<Path>,
        options: TransferOptions,
        tree: &TreeOptions,
    ) -> Result<Report> {
        self.block_on(
            self.transfers(options)
                .download_tree(remote, local.as_ref(), tree),
        )
    }

    /// Ends the sessions and the connection. Other clones fail from then on.
    ///
    /// # Errors
    /// They had ended before.
    pub fn close(self) -> Result<()> {
        let Self {
            pool,
            connection,
            runtime,
        } = self;
        runtime.block_on(async {
            let closed = pool.close().await;
            if let Some(connection) = connection {
                connection.close().await;
            }
            closed
        })
    }

    fn transfers(&self, options: TransferOptions) -> Transfers {
        Transfers::new(self.pool.clone(), options)
    }
}

impl Iterator for ReadDir {
    type Item = Result<DirEntry>;

    /// Ends after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.runtime.block_on(self.listing.next()).transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Bytes between a download and the memory that it goes to.
const PIPE_LEN: usize = 1 << 20;
