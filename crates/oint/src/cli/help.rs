//! What `oint`, `oint <library>` and `oint <library> <method>` print.

use std::io::{Result, Write};

use crate::table::{Kind, Library, Parameter, Spec};

/// The start page.
pub(super) fn start(out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "oint, the OpenIntegrations functions of Longshore {}",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(
        out,
        "\nUsage: oint <library> <method> --option value …\n\nLibraries:"
    )?;
    for library in Library::ALL {
        writeln!(out, "  {:<6} {}", library.command(), about(library))?;
    }
    out.write_all(GENERAL.as_bytes())
}

/// A library's methods by group.
pub(super) fn library(library: Library, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}: {}", library.command(), about(library))?;
    let mut group = "";
    for spec in library.functions().filter(|spec| spec.on_command_line) {
        if spec.group != group {
            group = spec.group;
            writeln!(out, "\n{group}:")?;
        }
        writeln!(out, "  {:<28} {}", spec.english, spec.purpose)?;
    }
    writeln!(
        out,
        "\nOptions of a method: oint {} <method> --help",
        library.command()
    )
}

/// A method's options.
pub(super) fn method(library: Library, spec: &Spec, out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "{} {}: {}\n\nOptions:",
        library.command(),
        spec.english,
        spec.purpose
    )?;
    for parameter in spec.parameters {
        let short = parameter
            .short
            .map(|letter| format!(", -{letter}"))
            .unwrap_or_default();
        let name = format!("--{}{short} <{}>", parameter.long, kind(parameter.kind));
        writeln!(out, "  {name:<28} {}{}", parameter.about, remark(parameter))?;
    }
    out.write_all(GENERAL.as_bytes())
}

fn remark(parameter: &Parameter) -> String {
    match (parameter.required, parameter.default) {
        (true, _) => " (required)".to_owned(),
        (false, Some(default)) => format!(" (default: {default})"),
        (false, None) => String::new(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Any => "string",
        Kind::Number => "number",
        Kind::Boolean => "true|false",
        Kind::Array => "JSON array",
        Kind::Object | Kind::Connection => "JSON or file",
        Kind::Data => "file, address, Base64 or text",
    }
}

fn about(library: Library) -> &'static str {
    match library {
        Library::Sftp => "files and directories of an SFTP server",
        Library::Ssh => "commands on an SSH server",
    }
}

const GENERAL: &str = "
General options:
  --help         this text
  --out <path>   write the result to a file; _utf8_, _hex_ and _base64_ print it
  --test         print what would be called, without calling it
  --debug        print the options that were understood (secrets masked), then call
  --strict-exit  end with code 3 when the result says \"result\": false

Exit codes: 0 the call ran, 1 no such library, 2 no such method, 99 anything else
";
