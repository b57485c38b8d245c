//! The options that every client command takes: how the server is reached, trusted and logged in to.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use longshore_client::sftp::SftpOptions;
use longshore_client::ssh_config::{Query, Resolved, Sources, connect_options};
use longshore_client::target::Remote;
use longshore_client::transfer::SftpPool;
use longshore_client::trust::{AskAboutHostKey, TrustPolicy};
use longshore_client::{
    Answers, AuthMethod, ConnectOptions, Connection, ErrorKind, Interaction, NonInteractive, SftpStart,
};
use secrecy::SecretString;

use super::ask::Terminal;
use super::session::Session;
use super::{proxy, secret};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// How the server is reached, trusted and logged in to. What is not given here comes from `ssh_config`, as with `ssh`.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct ConnectArgs {
    /// Port of the server, unless the target names one
    #[arg(short = 'P', long, value_name = "PORT", help_heading = "Connection")]
    port: Option<u16>,
    /// Private key to log in with, before those of ssh_config; may be repeated
    #[arg(short = 'i', long, value_name = "FILE", help_heading = "Connection")]
    identity: Vec<PathBuf>,
    /// Go over these SSH servers: [user@]host[:port], commas between them
    #[arg(short = 'J', long, value_name = "HOSTS", help_heading = "Connection")]
    jump: Option<String>,
    /// Read this file instead of ~/.ssh/config and /etc/ssh/ssh_config; none: no file
    #[arg(short = 'F', long, value_name = "FILE", help_heading = "Connection")]
    ssh_config: Option<PathBuf>,
    /// A setting of ssh_config(5), before all files; may be repeated
    #[arg(
        short = 'o',
        long = "option",
        value_name = "KEY=VALUE",
        help_heading = "Connection"
    )]
    options: Vec<String>,
    /// Go through this proxy: socks5://, socks4a://, socks4://, http:// or https://[user@]host[:port]; repeated: one behind
    /// the other; none: not even that of LONGSHORE_PROXY
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    proxy: Vec<String>,
    /// File with the password for the user name in --proxy
    #[arg(long, value_name = "FILE", requires = "proxy", help_heading = "Connection")]
    proxy_password_file: Option<PathBuf>,
    /// Trust the host keys in this file, and in no other
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    known_hosts: Option<PathBuf>,
    /// Trust this host key alone; may be repeated
    #[arg(long, value_name = "SHA256:…", help_heading = "Connection")]
    fingerprint: Vec<String>,
    /// Remember the key of a server that is not known yet, without asking; a changed key is still refused
    #[arg(long, help_heading = "Connection")]
    accept_new_host_key: bool,
    /// Look at no host key at all: anybody in between can read and change everything
    #[arg(
        long,
        conflicts_with_all = ["fingerprint", "accept_new_host_key", "known_hosts"],
        help_heading = "Connection"
    )]
    accept_any_host_key_and_trust_whoever_answers: bool,
    /// File with the password in its first line
    #[arg(long, value_name = "FILE", group = "password", help_heading = "Connection")]
    password_file: Option<PathBuf>,
    /// Environment variable with the password
    #[arg(long, value_name = "NAME", group = "password", help_heading = "Connection")]
    password_env: Option<String>,
    /// The password is the first line of standard input
    #[arg(long, group = "password", help_heading = "Connection")]
    password_stdin: bool,
    /// File with the passphrase of the private keys of -i in its first line
    #[arg(long, value_name = "FILE", requires = "identity", help_heading = "Connection")]
    passphrase_file: Option<PathBuf>,
    /// SFTP subsystem, or command that serves SFTP (it has a slash) [default: sftp]
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    sftp_server: Option<String>,
    /// Say nothing but errors
    #[arg(short, long, help_heading = "Connection", conflicts_with = "verbose")]
    quiet: bool,
    /// Say how the connection came about; twice: log what the client does
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Connection")]
    verbose: u8,
}

impl ConnectArgs {
    /// How often `-v` was given.
    pub(crate) fn verbosity(&self) -> u8 {
        self.verbose
    }

    /// Whether `-q` was given.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A remark on standard error, unless `-q` was given.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            tell(text);
        }
    }

    /// Connects, logs in and starts SFTP.
    ///
    /// # Errors
    /// With the stage and the next step.
    pub(crate) async fn open(&self, server: &Remote) -> Result<Session> {
        let connection = self.connect(server).await?;
        let pool = SftpPool::open(Arc::new(connection.clone()), SftpOptions::default()).await?;
        Ok(Session { connection, pool })
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// With the stage and the next step.
    pub(crate) async fn connect(&self, server: &Remote) -> Result<Connection> {
        self.log();
        let resolved = self.resolve(server)?;
        if !self.quiet {
            for warning in resolved.config.warnings() {
                tell(&format!("warning: {warning}"));
            }
        }
        let asks = self.asks() && !resolved.config.batch_mode();
        let nobody: &dyn Interaction = &NonInteractive;
        let who = if asks { &Terminal } else { nobody };
        let connection = Connection::connect(&resolved.options, who)
            .await
            .map_err(|error| self.advise(error, asks))?;
        if self.verbose > 0 {
            super::report::connection(&connection);
        }
        Ok(connection)
    }

    /// What the options and `ssh_config` come to.
    ///
    /// # Errors
    /// [`ExitCode::Config`].
    pub(crate) fn resolve(&self, server: &Remote) -> Result<Resolved> {
        let query = self.query(server)?;
        let sources = match &self.ssh_config {
            None => Sources::standard(&query.home),
            Some(file) if file.as_os_str() == "none" => Sources::none(),
            Some(file) => Sources::file(file, &query.home),
        };
        let ask: Option<Arc<dyn AskAboutHostKey>> = self.asks().then(|| Arc::new(Terminal) as _);
        let mut resolved = connect_options(&query, &sources, ask.as_ref())?;
        self.trust(&mut resolved, ask.as_ref())?;
        self.log_in_with(&mut resolved)?;
        let password = self.proxy_password_file.as_deref();
        let password = password
            .map(|file| secret::of_file("proxy's password", file))
            .transpose()?;
        let proxies = proxy::chain(&self.proxy, password.as_ref())?;
        if !proxies.is_empty() {
            proxy::go_through(&mut resolved.options, proxies);
        }
        if let Some(name) = &self.sftp_server {
            resolved.options.sftp = if name.contains('/') {
                SftpStart::Command(name.clone().into_bytes())
            } else {
                SftpStart::Subsystem(name.clone())
            };
        }
        Ok(resolved)
    }

    /// The options in the words of `ssh_config`; the first of a keyword counts.
    fn query(&self, server: &Remote) -> Result<Query> {
        let mut query = Query::new(&server.host);
        if let Some(user) = &server.user {
            query = query.given("User", quoted(user));
        }
        if let Some(port) = server.port.or(self.port) {
            query = query.given("Port", port.to_string());
        }
        for file in &self.identity {
            query = query.given("IdentityFile", path(file)?);
        }
        if let Some(jump) = &self.jump {
            query = query.given("ProxyJump", jump);
        }
        if let Some(file) = &self.known_hosts {
            query = query
                .given("UserKnownHostsFile", path(file)?)
                .given("GlobalKnownHostsFile", "none");
        }
        if self.accept_new_host_key {
            query = query.given("StrictHostKeyChecking", "accept-new");
        }
        for option in &self.options {
            let (key, value) = option
                .split_once(['=', ' '])
                .ok_or_else(|| CliError::new(ExitCode::Usage, format!("-o {option} has no value")))
                .map_err(|error| error.hint("write -o Keyword=value, as with ssh"))?;
            query = query.given(key.trim(), value.trim().trim_start_matches('=').trim());
        }
        Ok(query)
    }

    fn trust(&self, resolved: &mut Resolved, ask: Option<&Arc<dyn AskAboutHostKey>>) -> Result<()> {
        if self.accept_any_host_key_and_trust_whoever_answers {
            tell(&format!(
                "warning: the host key of {} is not looked at: anybody in between can read and change everything",
                resolved.options.endpoint
            ));
            resolved.options.trust = Arc::new(TrustPolicy::accept_any_host_key_and_trust_whoever_answers());
        } else if !self.fingerprint.is_empty() {
            let mut policy = resolved.config.trust_policy(ask)?;
            for fingerprint in &self.fingerprint {
                policy = policy.pin(fingerprint)?;
            }
            resolved.options.trust = Arc::new(policy);
        }
        Ok(())
    }

    /// Adapts the ways to log in: keys that were named must be there, a password that was given is not asked for, and where
    /// nobody can be asked nothing is.
    fn log_in_with(&self, resolved: &mut Resolved) -> Result<()> {
        let passphrase = self.passphrase_file.as_deref();
        let passphrase = passphrase
            .map(|file| secret::of_file("passphrase", file))
            .transpose()?;
        for file in &self.identity {
            std::fs::metadata(file).map_err(|error| {
                let message = format!("cannot read the key {}", file.display());
                CliError::new(ExitCode::Config, message).because(error)
            })?;
        }
        for method in &mut resolved.options.auth {
            if let AuthMethod::KeyFile(key) = method
                && self.identity.contains(&key.path)
            {
                key.optional = false;
                key.passphrase.clone_from(&passphrase);
            }
        }
        if let Some(password) = self.password()? {
            give(&mut resolved.options, password, self.identity.is_empty());
        } else if self.asks() {
            ask_again(
                &mut resolved.options,
                resolved.config.number_of_password_prompts(),
            );
        } else {
            resolved.options.auth.retain(|method| !is_asked(method));
        }
        Ok(())
    }

    fn password(&self) -> Result<Option<SecretString>> {
        const WHAT: &str = "password";
        if let Some(file) = &self.password_file {
            return secret::of_file(WHAT, file).map(Some);
        }
        if let Some(name) = &self.password_env {
            return secret::of_variable(WHAT, name).map(Some);
        }
        if self.password_stdin {
            return secret::of_stdin(WHAT).map(Some);
        }
        Ok(None)
    }

    fn asks(&self) -> bool {
        Terminal::is_there()
    }

    /// Says what the command line offers where the library cannot know it.
    fn advise(&self, error: longshore_client::Error, asks: bool) -> CliError {
        let kind = error.kind();
        let has_password = self.password_file.is_some() || self.password_env.is_some() || self.password_stdin;
        let known = error.next_step().unwrap_or_default().to_owned();
        let failed = CliError::from(error);
        match kind {
            ErrorKind::AuthFailed if !asks && !has_password => failed.hint(format!(
                "{known}\nthere is no terminal to ask on: --password-file, --password-env or --password-stdin give a password, -i a key"
            )),
            _ => failed,
        }
    }

    /// With `-vv`: what the client's crates have to say. The transport library's own records hold whole requests, and are left
    /// out.
    fn log(&self) {
        if self.verbose < 2 {
            return;
        }
        let filter = tracing_subscriber::EnvFilter::new("off,longshore_client=debug,longshore_ssh=debug");
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        // a second connection of the process finds it installed
        let _ = builder.with_ansi(false).try_init();
    }
}

/// Puts a password in the place of questions: first where it is the only thing that was named, behind the keys otherwise.
fn give(options: &mut ConnectOptions, password: SecretString, first: bool) {
    options.auth.retain(|method| !is_asked(method));
    let at = if first { 0 } else { options.auth.len() };
    options.auth.insert(at, AuthMethod::Password(password));
}

/// As many chances to type a password as `NumberOfPasswordPrompts` says.
fn ask_again(options: &mut ConnectOptions, prompts: u32) {
    let Some(at) = options
        .auth
        .iter()
        .position(|method| matches!(method, AuthMethod::AskPassword))
    else {
        return;
    };
    let most = u32::try_from(options.auth_attempts).unwrap_or(u32::MAX);
    for _ in 1..prompts.min(most) {
        options.auth.insert(at, AuthMethod::AskPassword);
    }
}

fn is_asked(method: &AuthMethod) -> bool {
    matches!(
        method,
        AuthMethod::AskPassword | AuthMethod::KeyboardInteractive(Answers::Ask)
    )
}

/// A line on standard error.
pub(super) fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{}", crate::output::visible(text));
}

/// One word as `ssh_config` reads it.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
}

/// A path as `ssh_config` reads it, none of its characters a token.
fn path(path: &std::path::Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        let message = format!("{} is not UTF-8", path.display());
        CliError::new(ExitCode::Usage, message).hint("give the file another name, or a link to it")
    })?;
    // a relative ~ or ${ would mean something else there
    let text = if text.starts_with('~') {
        format!("./{text}")
    } else {
        text.to_owned()
    };
    Ok(quoted(&text.replace('%', "%%")))
}
