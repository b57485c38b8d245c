//! All commands, one file each.

mod api_key;
mod batch;
mod cat;
mod chmod;
mod completion;
mod config;
mod cp;
mod destination;
mod df;
mod doctor;
mod explain;
mod get;
mod guard;
mod hash;
mod host_key;
mod ln;
mod ls;
mod mkdir;
mod mv;
pub(crate) mod oint;
mod put;
mod replace;
mod rm;
mod rmdir;
mod run;
mod selftest;
mod serve;
mod sftp_server;
mod shell;
mod stat;
mod sync;
mod touch;
mod tree;
mod trust;
mod upload;
mod user;
mod version;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::CommonArgs;
use crate::client::{Client, ClientArgs, Target};
use crate::config::Config;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server: SFTP for partners, the HTTP API for programs
    Serve(serve::ServeArgs),
    /// Create, list, show, update and delete SFTP users
    #[command(subcommand)]
    User(user::UserCommand),
    /// List, show and discard uploads
    #[command(subcommand)]
    Upload(upload::UploadCommand),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show the host key that partners see
    #[command(subcommand)]
    HostKey(host_key::HostKeyCommand),
    /// Prove that all that the server announces works on the store in use
    Selftest(selftest::SelftestArgs),
    /// Serve SFTP on standard input and output, in the place of OpenSSH's sftp-server
    SftpServer(sftp_server::SftpServerArgs),
    /// Keep the host keys of servers that are connected to
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// List files on a server
    Ls(ls::LsArgs),
    /// Show what a server knows of a file
    Stat(stat::StatArgs),
    /// Show a directory on a server as a tree
    Tree(tree::TreeArgs),
    /// Print files of a server
    Cat(cat::CatArgs),
    /// Rename and move files on a server; never over another one unless told so
    Mv(mv::MvArgs),
    /// Copy files on a server; never over another one unless told so
    Cp(cp::CpArgs),
    /// Remove files on a server
    Rm(rm::RmArgs),
    /// Make directories on a server
    Mkdir(mkdir::MkdirArgs),
    /// Remove empty directories on a server
    Rmdir(rmdir::RmdirArgs),
    /// Make links on a server: further names for a file, or with -s symbolic ones
    Ln(ln::LnArgs),
    /// Change permissions on a server
    Chmod(chmod::ChmodArgs),
    /// Set the times of files on a server; make those that are not there
    Touch(touch::TouchArgs),
    /// Show the space that is left on a server
    Df(df::DfArgs),
    /// Hash files of a server: there where it can, otherwise by reading them
    Hash(hash::HashArgs),
    /// Run a command on a server
    Run(run::RunArgs),
    /// Show how a server would be connected to, and which setting came from where
    Explain(explain::ExplainArgs),
    /// Find out what an SFTP server can do, and where it is odd
    Doctor(doctor::DoctorArgs),
    /// Upload files and trees
    Put(put::PutArgs),
    /// Download files and trees
    Get(get::GetArgs),
    /// Make a tree the same on the other side
    Sync(sync::SyncArgs),
    /// Work on a server by hand: the commands of OpenSSH's sftp, with history and completion
    Shell(shell::ShellArgs),
    /// Run a batch file of OpenSSH's sftp
    Batch(batch::BatchArgs),
    /// Call a function of the Open Integration Package: OPI_SFTP, OPI_SSH
    Oint(oint::OintArgs),
    /// Print a completion script for a shell
    Completion(completion::CompletionArgs),
    /// Print the version
    Version(version::VersionArgs),
}

impl Command {
    /// Runs it to its end.
    ///
    /// # Errors
    /// What failed, with its exit code.
    pub fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::Serve(args) => args.run(common),
            Self::User(command) => command.run(common),
            Self::Upload(command) => command.run(common),
            Self::ApiKey(command) => command.run(common),
            Self::Config(command) => command.run(common),
            Self::HostKey(command) => command.run(common),
            Self::Selftest(args) => args.run(common),
            Self::SftpServer(args) => args.run(),
            Self::Trust(command) => command.run(),
            Self::Ls(args) => args.run(),
            Self::Stat(args) => args.run(),
            Self::Tree(args) => args.run(),
            Self::Cat(args) => args.run(),
            Self::Mv(args) => args.run(),
            Self::Cp(args) => args.run(),
            Self::Rm(args) => args.run(),
            Self::Mkdir(args) => args.run(),
            Self::Rmdir(args) => args.run(),
            Self::Ln(args) => args.run(),
            Self::Chmod(args) => args.run(),
            Self::Touch(args) => args.run(),
            Self::Df(args) => args.run(),
            Self::Hash(args) => args.run(),
            Self::Run(args) => args.run(),
            Self::Explain(args) => args.run(),
            Self::Doctor(args) => args.run(),
            Self::Put(args) => args.run(),
            Self::Get(args) => args.run(),
            Self::Sync(args) => args.run(),
            Self::Shell(args) => args.run(),
            Self::Batch(args) => args.run(),
            Self::Oint(args) => args.run(),
            Self::Completion(args) => args.run(),
            Self::Version(args) => args.run(),
        }
    }
}

/// Runs `work` with a client of the server that flags and configuration lead to.
fn with_client<F, Fut>(common: &CommonArgs, server: &ClientArgs, work: F) -> Result<()>
where
    F: FnOnce(Client, Config) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut flags = common.flags();
    server.add_to(&mut flags);
    let config = Config::from_process(flags)?;
    let client = Client::new(Target::from_config(&config)?);
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))?
        .block_on(work(client, config))
}

/// A member of an answer as text; empty when it is not there.
fn member(object: &Value, name: &str) -> String {
    match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Percent-encodes one part of a path (RFC 3986 §2.3: all but the unreserved characters).
fn path_part(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::path_part;

    #[test]
    fn path_parts_cannot_leave_their_place() {
        assert_eq!(path_part("WL9F11A9"), "WL9F11A9");
        assert_eq!(path_part("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }
}
