//! What the commands that move files tell: lines for people, one JSON document, or a JSON object for each event.

mod json;
mod text;

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;
use longshore_client::ErrorKind;
use longshore_client::transfer::{Event, EventHandler, Report};
use serde_json::Value;

use super::failure::exit_code;
use super::progress::Bars;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::KEPT_WARNINGS;

/// How the commands that move files tell what they do.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct ReportArgs {
    /// Print one JSON document at the end: receipts, errors, counts
    #[arg(long, conflicts_with = "jsonl")]
    pub(crate) json: bool,
    /// Print a JSON object for each event, a line each, while it happens
    #[arg(long)]
    pub(crate) jsonl: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Document,
    Lines,
}

/// Takes the events of a command's transfers, and in the end what became of all of them.
pub(crate) struct Reporter {
    format: Format,
    quiet: bool,
    verbosity: u8,
    dry_run: bool,
    bars: Option<Bars>,
    /// A failure because of a directory is not told: the file goes into it instead.
    into_directory: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Elements of the document's list that have been printed.
    listed: u64,
    warnings: Vec<Value>,
    broken: Option<io::Error>,
}

impl Reporter {
    /// A reporter; bars are drawn if standard error is a terminal and nothing else goes there.
    pub(crate) fn new(args: ReportArgs, quiet: bool, verbosity: u8, dry_run: bool) -> Arc<Self> {
        let format = match args {
            ReportArgs { json: true, .. } => Format::Document,
            ReportArgs { jsonl: true, .. } => Format::Lines,
            _ => Format::Text,
        };
        let bars = (!quiet && format != Format::Lines && !dry_run)
            .then(Bars::on_terminal)
            .flatten();
        Arc::new(Self {
            format,
            quiet,
            verbosity,
            dry_run,
            bars,
            into_directory: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// What transfers take for a handler.
    pub(crate) fn handler(self: &Arc<Self>) -> EventHandler {
        let own = Arc::clone(self);
        Arc::new(move |event| own.take(event))
    }

    /// While `yes`, a file that is refused because a directory has its name is not told to have failed.
    pub(crate) fn goes_into_directories(&self, yes: bool) {
        self.into_directory.store(yes, Ordering::Relaxed);
    }

    fn take(&self, event: &Event) {
        if let Some(bars) = &self.bars {
            bars.take(event);
        }
        match self.format {
            Format::Lines => {
                let withheld = matches!(
                    event,
                    Event::Failed {
                        kind: ErrorKind::IsADirectory,
                        ..
                    }
                ) && self.into_directory.load(Ordering::Relaxed);
                if !withheld && let Some(object) = json::event(event) {
                    self.print(&format!("{object}\n"));
                }
            }
            Format::Document => self.document_event(event),
            Format::Text => self.text_event(event),
        }
    }

    fn document_event(&self, event: &Event) {
        match event {
            Event::Finished { receipt, .. } if !self.dry_run => self.element(&json::receipt(receipt)),
            Event::Step(step) if self.dry_run => {
                if let Some(step) = json::step(step) {
                    self.element(&step);
                }
            }
            Event::Warning { path, message } => {
                let mut state = self.state();
                if state.warnings.len() < KEPT_WARNINGS {
                    state.warnings.push(json::warning(path, message));
                }
            }
            _ => {}
        }
    }

    /// Prints an element of the document's list: all of them in memory would be much for a large tree.
    fn element(&self, value: &Value) {
        let first = {
            let mut state = self.state();
            state.listed += 1;
            state.listed == 1
        };
        let begin = if first { self.begin_list() } else { "," };
        self.print(&format!("{begin}\n    {value}"));
    }

    fn begin_list(&self) -> &'static str {
        if self.dry_run {
            "{\n  \"steps\": ["
        } else {
            "{\n  \"receipts\": ["
        }
    }

    fn text_event(&self, event: &Event) {
        match event {
            Event::Finished { receipt, .. } if self.verbosity > 0 => self.print(&text::receipt(receipt)),
            Event::Step(step) if self.dry_run || self.verbosity > 0 => {
                if let Some(line) = text::step(step, self.verbosity) {
                    self.print(&line);
                }
            }
            Event::Warning { path, message } if !self.quiet => self.complain(&text::warning(path, message)),
            _ => {}
        }
    }

    /// Tells what became of everything. `again`: the command that continues after an interruption.
    ///
    /// # Errors
    /// Whatever failed, with the exit code that says it.
    pub(crate) fn finish(&self, report: &Report, outcome: Result<()>, again: Option<&str>) -> Result<()> {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
        let outcome = outcome.and_then(|()| self.judged(report));
        let outcome = match outcome {
            Err(error) if error.code() == ExitCode::Interrupted => Err(stopped(again)),
            outcome => outcome,
        };
        match self.format {
            Format::Text => self.end_of_text(report, outcome.is_ok()),
            Format::Document => self.end_of_document(report, outcome.as_ref().err()),
            Format::Lines => {
                let end = json::end(report, outcome.as_ref().err());
                self.print(&format!("{end}\n"));
            }
        }
        if let Some(error) = self.state().broken.take() {
            return Err(CliError::new(ExitCode::Failure, "cannot write to standard output").because(error));
        }
        outcome
    }

    /// The error for files that failed, after saying which.
    fn judged(&self, report: &Report) -> Result<()> {
        if report.failed == 0 {
            return Ok(());
        }
        let mut codes: Vec<ExitCode> = report
            .errors
            .iter()
            .map(|error| exit_code(error.kind()))
            .collect();
        codes.dedup();
        let code = match codes[..] {
            [code] if report.files == 0 => code,
            _ => ExitCode::Incomplete,
        };
        if self.format == Format::Text {
            for error in &report.errors {
                self.complain(&text::failure(error));
            }
        }
        let all = report.failed + report.files;
        Err(CliError::new(
            code,
            format!("{} of {all} were not moved", report.failed),
        ))
    }

    fn end_of_text(&self, report: &Report, good: bool) {
        let seen = self.bars.is_some() || self.verbosity > 0;
        if self.dry_run {
            self.print(&text::plan(report));
        } else if seen && !self.quiet && (good || report.files > 0) {
            self.complain(&text::summary(report));
        }
    }

    fn end_of_document(&self, report: &Report, error: Option<&CliError>) {
        let (begin, warnings) = {
            let mut state = self.state();
            let begin = if state.listed == 0 {
                format!("{}]", self.begin_list())
            } else {
                "\n  ]".to_owned()
            };
            (begin, std::mem::take(&mut state.warnings))
        };
        let mut text = begin;
        for (name, value) in json::totals(report, warnings, error) {
            text.push_str(&format!(",\n  \"{name}\": {value}"));
        }
        text.push_str("\n}\n");
        self.print(&text);
    }

    /// Writes to standard output. A reader that went away is no error.
    fn print(&self, text: &str) {
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        let written = match &self.bars {
            Some(bars) => bars.aside(write),
            None => write(),
        };
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.state().broken.get_or_insert(error);
        }
    }

    /// Writes to standard error.
    fn complain(&self, text: &str) {
        let write = || {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        };
        match &self.bars {
            Some(bars) => bars.aside(write),
            None => write(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what became of some files to what became of others.
pub(crate) fn add(total: &mut Report, more: Report) {
    total.files += more.files;
    total.bytes += more.bytes;
    total.same += more.same;
    total.directories += more.directories;
    total.links += more.links;
    total.removed += more.removed;
    total.skipped += more.skipped;
    total.warnings += more.warnings;
    total.failed += more.failed;
    total.errors.extend(more.errors);
    total.errors.truncate(KEPT_WARNINGS);
    total.dry_run |= more.dry_run;
}

/// What an interrupted command says.
fn stopped(again: Option<&str>) -> CliError {
    let error = super::interrupt::interrupted();
    match again {
        Some(again) => error.hint(format!("this continues: {again}")),
        None => error.hint("a stream cannot be continued"),
    }
}
