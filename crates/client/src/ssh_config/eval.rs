//! Reads configuration line by line and keeps, for one host, the first value of each keyword.

use std::path::Path;
use std::process::{Command, Stdio};

use super::host::{HostConfig, Setting, is_plain};
use super::keywords::{self, Keyword, Shape, Use};
use super::sources::{self, Origin, Source, Sources};
use super::tokens::{self, Tokens};
use super::{Query, include, lexer, matching, value};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits;

/// The configuration of one host.
///
/// # Errors
/// [`Stage::Config`](crate::Stage) with file and line: what OpenSSH refuses too, and settings that bear on security
/// and cannot be honoured.
pub fn evaluate(query: &Query, sources: &Sources) -> Result<HostConfig> {
    let mut evaluator = Evaluator::new(query);
    for (keyword, rest) in &query.given {
        evaluator.given(keyword, rest)?;
    }
    for source in &sources.files {
        evaluator.file(source)?;
    }
    evaluator.take_host_name()?;
    if evaluator.wants_final {
        evaluator.is_final = true;
        evaluator.host = evaluator.host_name();
        for source in &sources.files {
            evaluator.file(source)?;
        }
    }
    evaluator.finish()
}

pub(super) struct Evaluator<'a> {
    pub(super) query: &'a Query,
    /// What `Host` patterns are compared with: in the final pass the real name.
    pub(super) host: String,
    pub(super) is_final: bool,
    pub(super) wants_final: bool,
    pub(super) config: HostConfig,
    files_read: usize,
    ignore_unknown: Vec<String>,
}

/// Whether lines count, and where includes start.
#[derive(Clone, Copy)]
struct Context<'a> {
    source: &'a Source,
    depth: usize,
    /// Included where nothing counts, whatever its own `Host` lines say.
    never: bool,
}

impl<'a> Evaluator<'a> {
    fn new(query: &'a Query) -> Self {
        Self {
            query,
            host: query.host.clone(),
            is_final: false,
            wants_final: false,
            config: HostConfig::new(query),
            files_read: 0,
            ignore_unknown: Vec::new(),
        }
    }

    fn given(&mut self, keyword: &str, rest: &str) -> Result<()> {
        self.setting(keyword, rest.trim(), true, &Origin::Given)
            .map_err(|problem| at(&Origin::Given, &problem))
    }

    fn file(&mut self, source: &Source) -> Result<()> {
        let context = Context {
            source,
            depth: 0,
            never: false,
        };
        if !self.read_file(&source.path, context)? && source.required {
            let message = format!("there is no {}", source.path.display());
            return Err(Error::new(ErrorKind::InvalidInput, Stage::Config, message));
        }
        Ok(())
    }

    /// Whether the file is there.
    fn read_file(&mut self, path: &Path, context: Context<'_>) -> Result<bool> {
        let Some(text) = sources::read(path, context.source.check_owner)? else {
            return Ok(false);
        };
        self.files_read += 1;
        if self.files_read > 2 * limits::CONFIG_FILES {
            let message = format!("more than {} files are included", limits::CONFIG_FILES);
            return Err(Error::new(ErrorKind::InvalidInput, Stage::Config, message));
        }
        let mut active = !context.never;
        for (at_line, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let origin = Origin::File {
                path: path.to_owned(),
                line: at_line + 1,
            };
            self.line(line, &mut active, context, &origin)?;
        }
        Ok(true)
    }

    fn line(&mut self, line: &[u8], active: &mut bool, context: Context<'_>, origin: &Origin) -> Result<()> {
        let line = line.trim_ascii_start();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(());
        }
        // comments may be in any encoding, settings may not
        let line = str::from_utf8(line).map_err(|_| at(origin, "the line is not UTF-8"))?;
        let mut rest = line.trim_end_matches([' ', '\t', '\r', '\n', '\x0c']);
        let keyword = lexer::next_word(&mut rest).ok_or_else(|| at(origin, "a quote is not closed"))?;
        match keyword.to_ascii_lowercase().as_str() {
            "host" => {
                let patterns = lexer::arguments(rest).filter(|words| !words.is_empty());
                let patterns = patterns.ok_or_else(|| at(origin, "Host has no pattern"))?;
                *active = !context.never && matching::host(&self.host, &patterns);
            }
            "match" => {
                let matched = self.matches(rest).map_err(|problem| at(origin, &problem))?;
                if let Some(warning) = matched.warning {
                    self.config.warn(origin, &warning);
                }
                *active = !context.never && matched.yes;
            }
            "include" => self.include(rest, *active, context, origin)?,
            _ => self
                .setting(&keyword, rest, *active, origin)
                .map_err(|problem| at(origin, &problem))?,
        }
        Ok(())
    }

    fn include(&mut self, rest: &str, active: bool, context: Context<'_>, origin: &Origin) -> Result<()> {
        let names = lexer::arguments(rest).filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| at(origin, "Include has no file"))?;
        if context.depth == limits::CONFIG_INCLUDE_DEPTH {
            return Err(at(origin, "files include each other too deeply"));
        }
        for name in names {
            let name = if active {
                let expanded = self.tokens().dollar(&name);
                expanded.map_err(|problem| at(origin, &problem))?
            } else {
                name
            };
            let pattern = self.tokens().tilde(&name);
            let pattern = pattern.map_err(|problem| at(origin, &problem))?;
            let pattern = context.source.include_from.join(pattern);
            for path in include::glob(&pattern) {
                let inner = Context {
                    source: context.source,
                    depth: context.depth + 1,
                    never: !active,
                };
                self.read_file(&path, inner)?;
            }
        }
        Ok(())
    }

    fn setting(&mut self, name: &str, rest: &str, active: bool, origin: &Origin) -> Result<(), String> {
        let Some(keyword) = keywords::find(name) else {
            let unknown = name.to_ascii_lowercase();
            let ignored = self.ignore_unknown.iter();
            if ignored
                .clone()
                .any(|list| super::pattern::list_matches(unknown.as_bytes(), list.as_bytes()))
            {
                return Ok(());
            }
            return Err(format!(
                "{name} is no keyword of ssh_config (IgnoreUnknown lets it pass)"
            ));
        };
        if keyword.becomes == Use::Gone {
            return Ok(());
        }
        let words = value::read(keyword, rest)?;
        if active {
            self.keep(keyword, words, origin)?;
        }
        Ok(())
    }

    fn keep(&mut self, keyword: &'static Keyword, words: Vec<String>, origin: &Origin) -> Result<(), String> {
        if keyword.name == "IgnoreUnknown" && self.ignore_unknown.is_empty() {
            self.ignore_unknown.push(words[0].to_ascii_lowercase());
        }
        let setting = Setting {
            keyword: keyword.name,
            words,
            origin: origin.clone(),
        };
        match keyword.shape {
            Shape::Append => {
                let taken = self.config.all(keyword.name);
                if taken.clone().any(|known| known.words == setting.words) {
                    return Ok(());
                }
                if taken.count() >= limits::CONFIG_IDENTITIES {
                    return Err(format!(
                        "more than {} lines of {}",
                        limits::CONFIG_IDENTITIES,
                        keyword.name
                    ));
                }
                self.config.settings.push(setting);
            }
            // size and time are two values on one line: each is won by itself
            Shape::Rekey if self.config.has(keyword.name) => {
                let first = self.config.first_mut(keyword.name).map(|first| &mut first.words);
                if let (Some(first), Some(time)) = (first, setting.words.get(1))
                    && first.len() == 1
                {
                    first.push(time.clone());
                }
                self.overrule(setting);
            }
            Shape::AppendMany => self.config.settings.push(setting),
            Shape::Proxy if self.has_proxy(keyword) => self.overrule(setting),
            _ if self.config.has(keyword.name) => self.overrule(setting),
            _ => self.config.settings.push(setting),
        }
        Ok(())
    }

    /// Whether `ProxyCommand` or `ProxyJump` comes too late. `ProxyJump none` leaves room for a command, as in OpenSSH.
    fn has_proxy(&self, keyword: &Keyword) -> bool {
        let jump = self.config.first("ProxyJump");
        let jump_counts =
            keyword.name == "ProxyJump" || jump.is_some_and(|jump| !jump.eq_ignore_ascii_case("none"));
        self.config.has("ProxyCommand") || (jump.is_some() && jump_counts)
    }

    fn overrule(&mut self, setting: Setting) {
        // the final pass meets every line again
        if !self.is_final || !self.config.settings.contains(&setting) {
            self.config.overruled.push(setting);
        }
    }

    /// Reads `Match`'s criteria; `final` asks for the second pass wherever it stands.
    fn matches(&mut self, rest: &str) -> Result<matching::Matched, String> {
        let tokens = self.tokens();
        let facts = matching::Facts {
            host: &self.match_host()?,
            original_host: &self.query.host,
            user: self.config.first("User").unwrap_or(&self.query.local_user),
            local_user: &self.query.local_user,
            is_final: self.is_final,
        };
        let may_run = self.query.allow_exec;
        let run = |command: &str| -> Result<Option<bool>, String> {
            if !may_run {
                return Ok(None);
            }
            if let Some(name) = [&tokens.host, &tokens.user]
                .into_iter()
                .find(|name| !is_plain(name))
            {
                return Err(format!("{} is no name to hand to a command", name.escape_debug()));
            }
            run(&tokens.percent(command, tokens::ALL)?).map(Some)
        };
        let matched = matching::criteria(rest, &facts, run)?;
        self.wants_final |= matched.wants_final;
        Ok(matched)
    }

    fn match_host(&self) -> Result<String, String> {
        let Some(name) = self.config.first("HostName") else {
            return Ok(self.host.clone());
        };
        let tokens = Tokens {
            host: self.host.clone(),
            ..Tokens::default()
        };
        tokens.percent(name, tokens::HOST_NAME)
    }

    fn tokens(&self) -> Tokens {
        self.config.tokens_for(self.query)
    }

    /// The name that is connected to: `HostName` with its token, in small letters.
    fn host_name(&self) -> String {
        self.config.host.clone()
    }

    fn take_host_name(&mut self) -> Result<()> {
        let name = self.match_host().map_err(|problem| {
            let origin = self.config.origin("HostName");
            at(&origin, &problem)
        })?;
        self.config.host = if name.parse::<std::net::IpAddr>().is_ok() {
            name
        } else {
            name.to_ascii_lowercase()
        };
        if self.wants_final {
            self.fix_host_name();
        }
        Ok(())
    }

    /// For the final pass the name is settled: already expanded, and no line read again changes it.
    fn fix_host_name(&mut self) {
        let words = vec![self.config.host.replace('%', "%%")];
        if let Some(setting) = self.config.first_mut("HostName") {
            setting.words = words;
        } else {
            self.config.settings.push(Setting {
                keyword: "HostName",
                words,
                origin: Origin::Default,
            });
        }
    }

    fn finish(mut self) -> Result<HostConfig> {
        self.config.refuse_what_cannot_be_honoured()?;
        self.config.tokens = self.tokens();
        Ok(self.config)
    }
}

/// `Match exec`: whether the command ends well.
fn run(command: &str) -> Result<bool, String> {
    let status = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status
        .map(|status| status.success())
        .map_err(|error| format!("cannot run the command of Match: {error}"))
}

/// An error with the place it stands at.
pub(super) fn at(origin: &Origin, problem: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        Stage::Config,
        format!("{origin}: {problem}"),
    )
}
