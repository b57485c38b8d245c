//! Every function of the package with its names and parameters: one table for calls, the command line and its help.

/// Which of the two libraries. A connection opened by one works in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Library {
    /// `OPI_SFTP`, on the command line `sftp`.
    Sftp,
    /// `OPI_SSH`, on the command line `ssh`.
    Ssh,
}

impl Library {
    /// Both, in the order of the start page.
    pub const ALL: [Self; 2] = [Self::Sftp, Self::Ssh];

    /// The word of the command line; lower case, compared exactly.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Ssh => "ssh",
        }
    }

    /// The module's name.
    #[must_use]
    pub fn module(self) -> &'static str {
        match self {
            Self::Sftp => "OPI_SFTP",
            Self::Ssh => "OPI_SSH",
        }
    }

    /// The library that the command line calls so.
    #[must_use]
    pub fn from_command(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|library| library.command() == word)
    }

    /// Its functions, in the order of the help.
    pub fn functions(self) -> impl Iterator<Item = &'static Spec> {
        FUNCTIONS
            .iter()
            .filter(move |spec| spec.libraries.contains(&self))
    }

    /// The function with this English or Russian name, in any case.
    #[must_use]
    pub fn function(self, name: &str) -> Option<&'static Spec> {
        let wanted = name.to_lowercase();
        self.functions()
            .find(|spec| spec.names().any(|name| name.to_lowercase() == wanted))
    }
}

/// What can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table says what each does")]
pub enum Function {
    CreateConnection,
    GetConnectionConfiguration,
    CloseConnection,
    IsConnector,
    GetSettingsLoginPassword,
    GetSettingsPrivateKey,
    GetSettingsViaAgent,
    GetSettingsKI,
    GetProxySettings,
    GetLoggingSettings,
    GetLog,
    ExecuteCommand,
    UpdatePath,
    ListObjects,
    CreateNewDirectory,
    DeleteDirectory,
    GetCurrentDirectory,
    UploadFile,
    DeleteFile,
    SaveFile,
    GetFileData,
    GetFileInformation,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// Which function.
    pub function: Function,
    /// Where it is found.
    pub libraries: &'static [Library],
    /// Its heading in the help.
    pub group: &'static str,
    /// The exported English name.
    pub english: &'static str,
    /// The exported Russian name.
    pub russian: &'static str,
    /// Another English name that is accepted.
    pub alias: Option<&'static str>,
    /// What it does, in half a line.
    pub purpose: &'static str,
    /// Whether the command line has it.
    pub on_command_line: bool,
    /// Its parameters, in the order of the call.
    pub parameters: &'static [Parameter],
}

impl Spec {
    /// All names it answers to.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.english, self.russian].into_iter().chain(self.alias)
    }
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in the signature.
    pub name: &'static str,
    /// `--long`, without the dashes.
    pub long: &'static str,
    /// `-s`.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// Left out or empty means an error.
    pub required: bool,
    /// What it is when left out; shown in the help.
    pub default: Option<&'static str>,
    /// For the help.
    pub about: &'static str,
    /// Never printed.
    pub secret: bool,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number, with a dot for the fraction.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON array.
    Array,
    /// A JSON object, or a path or address of one.
    Object,
    /// A connection: a handle or a configuration.
    Connection,
    /// A file's path, an address, Base64, or text; in calls from programs also bytes.
    Data,
    /// Any value.
    Any,
}

const BOTH: &[Library] = &Library::ALL;
const SFTP: &[Library] = &[Library::Sftp];
const SSH: &[Library] = &[Library::Ssh];

const COMMON: &str = "Common methods";
const DIRECTORIES: &str = "Directory management";
const FILES: &str = "File management";

const fn required(
    name: &'static str,
    long: &'static str,
    short: char,
    kind: Kind,
    about: &'static str,
) -> Parameter {
    Parameter {
        name,
        long,
        short: Some(short),
        kind,
        required: true,
        default: None,
        about,
        secret: false,
    }
}

const fn optional(
    name: &'static str,
    long: &'static str,
    short: char,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Parameter {
    Parameter {
        name,
        long,
        short: Some(short),
        kind,
        required: false,
        default,
        about,
        secret: false,
    }
}

const fn secret(parameter: Parameter) -> Parameter {
    Parameter {
        secret: true,
        ..parameter
    }
}

const CONNECTION: Parameter = required(
    "Connection",
    "conn",
    'c',
    Kind::Connection,
    "connection configuration",
);
const PATH: Parameter = required("Path", "path", 'p', Kind::Text, "path on the server");
const HOST: Parameter = required("Host", "host", 'h', Kind::Text, "name or address of the server");
const PORT: Parameter = required("Port", "port", 'p', Kind::Number, "port of the server");
const LOGIN: Parameter = required("Login", "user", 'u', Kind::Text, "user name");
const SETTINGS: Parameter = required("SSHSettings", "set", 's', Kind::Object, "connection settings");

/// The table.
pub const FUNCTIONS: &[Spec] = &[
    Spec {
        function: Function::CreateConnection,
        libraries: BOTH,
        group: COMMON,
        english: "CreateConnection",
        russian: "ОткрытьСоединение",
        alias: Some("OpenConnection"),
        purpose: "opens a connection that many calls can use",
        on_command_line: false,
        parameters: &[
            SETTINGS,
            optional("Proxy", "proxy", 'p', Kind::Object, None, "proxy settings"),
            optional("Logging", "log", 'l', Kind::Object, None, "logging settings"),
        ],
    },
    Spec {
        function: Function::GetConnectionConfiguration,
        libraries: BOTH,
        group: COMMON,
        english: "GetConnectionConfiguration",
        russian: "ПолучитьКонфигурациюСоединения",
        alias: None,
        purpose: "builds the configuration with which a call connects by itself",
        on_command_line: true,
        parameters: &[
            SETTINGS,
            optional("Proxy", "proxy", 'p', Kind::Object, None, "proxy settings"),
        ],
    },
    Spec {
        function: Function::CloseConnection,
        libraries: BOTH,
        group: COMMON,
        english: "CloseConnection",
        russian: "ЗакрытьСоединение",
        alias: None,
        purpose: "closes an open connection",
        on_command_line: false,
        parameters: &[CONNECTION],
    },
    Spec {
        function: Function::IsConnector,
        libraries: BOTH,
        group: COMMON,
        english: "IsConnector",
        russian: "ЭтоКоннектор",
        alias: None,
        purpose: "says whether a value is an open connection",
        on_command_line: false,
        parameters: &[required("Value", "value", 'v', Kind::Any, "the value")],
    },
    Spec {
        function: Function::GetSettingsLoginPassword,
        libraries: BOTH,
        group: COMMON,
        english: "GetSettingsLoginPassword",
        russian: "ПолучитьНастройкиЛогинПароль",
        alias: None,
        purpose: "builds settings for a user name and password",
        on_command_line: true,
        parameters: &[
            HOST,
            PORT,
            LOGIN,
            secret(optional("Password", "pass", 's', Kind::Text, None, "password")),
        ],
    },
    Spec {
        function: Function::GetSettingsPrivateKey,
        libraries: BOTH,
        group: COMMON,
        english: "GetSettingsPrivateKey",
        russian: "ПолучитьНастройкиПриватныйКлюч",
        alias: None,
        purpose: "builds settings for a private key",
        on_command_line: true,
        parameters: &[
            HOST,
            PORT,
            LOGIN,
            secret(required(
                "Private",
                "key",
                'k',
                Kind::Data,
                "private key: path, address, Base64 or text",
            )),
            optional(
                "Public",
                "pub",
                'b',
                Kind::Data,
                None,
                "public key: path, address, Base64 or text",
            ),
            secret(optional(
                "Password",
                "pass",
                's',
                Kind::Text,
                None,
                "passphrase of the key",
            )),
        ],
    },
    Spec {
        function: Function::GetSettingsViaAgent,
        libraries: BOTH,
        group: COMMON,
        english: "GetSettingsViaAgent",
        russian: "ПолучитьНастройкиЧерезАгента",
        alias: None,
        purpose: "builds settings for the keys of an SSH agent",
        on_command_line: true,
        parameters: &[HOST, PORT, LOGIN],
    },
    Spec {
        function: Function::GetSettingsKI,
        libraries: BOTH,
        group: COMMON,
        english: "GetSettingsKI",
        russian: "ПолучитьНастройкиKI",
        alias: None,
        purpose: "builds settings for keyboard-interactive authentication",
        on_command_line: true,
        parameters: &[
            HOST,
            PORT,
            LOGIN,
            secret(required(
                "InputOrder",
                "prompts",
                'i',
                Kind::Array,
                "answers, in the order of the questions",
            )),
        ],
    },
    Spec {
        function: Function::GetProxySettings,
        libraries: BOTH,
        group: COMMON,
        english: "GetProxySettings",
        russian: "ПолучитьНастройкиПрокси",
        alias: None,
        purpose: "builds proxy settings",
        on_command_line: true,
        parameters: &[
            required("Address", "addr", 'a', Kind::Text, "name or address of the proxy"),
            required("Port", "port", 'p', Kind::Number, "port of the proxy"),
            optional(
                "View",
                "type",
                't',
                Kind::Text,
                Some("socks5"),
                "socks5, socks4 or http",
            ),
            optional("Login", "login", 'l', Kind::Text, None, "user name"),
            secret(optional("Password", "pass", 's', Kind::Text, None, "password")),
        ],
    },
    Spec {
        function: Function::GetLoggingSettings,
        libraries: SSH,
        group: COMMON,
        english: "GetLoggingSettings",
        russian: "ПолучитьНастройкиЛогирования",
        alias: None,
        purpose: "builds logging settings",
        on_command_line: false,
        parameters: &[
            optional(
                "WriteToMemory",
                "memory",
                'm',
                Kind::Boolean,
                Some("true"),
                "keep events in memory",
            ),
            optional(
                "MaxEvents",
                "count",
                'c',
                Kind::Number,
                Some("300"),
                "how many events are kept",
            ),
            optional(
                "FilePath",
                "path",
                'p',
                Kind::Text,
                None,
                "file that events are appended to",
            ),
        ],
    },
    Spec {
        function: Function::GetLog,
        libraries: SSH,
        group: COMMON,
        english: "GetLog",
        russian: "ПолучитьЛог",
        alias: None,
        purpose: "reads the events that are kept in memory",
        on_command_line: false,
        parameters: &[
            CONNECTION,
            optional(
                "AsString",
                "str",
                's',
                Kind::Boolean,
                Some("false"),
                "one text instead of an array",
            ),
            optional(
                "EventCount",
                "count",
                'n',
                Kind::Number,
                Some("100"),
                "how many of the latest; 0: all",
            ),
        ],
    },
    Spec {
        function: Function::ExecuteCommand,
        libraries: SSH,
        group: COMMON,
        english: "ExecuteCommand",
        russian: "ВыполнитьКоманду",
        alias: None,
        purpose: "runs a command on the server",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            required("Command", "comm", 'm', Kind::Text, "the command"),
        ],
    },
    Spec {
        function: Function::UpdatePath,
        libraries: SFTP,
        group: COMMON,
        english: "UpdatePath",
        russian: "ИзменитьПуть",
        alias: None,
        purpose: "renames or moves a file or directory",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            required("Path", "old", 'o', Kind::Text, "path now"),
            required("NewPath", "new", 'n', Kind::Text, "path from then on"),
            optional(
                "Overwrite",
                "rw",
                'r',
                Kind::Boolean,
                Some("false"),
                "replace what is there",
            ),
        ],
    },
    Spec {
        function: Function::ListObjects,
        libraries: SFTP,
        group: DIRECTORIES,
        english: "ListObjects",
        russian: "ПолучитьСписокОбъектов",
        alias: None,
        purpose: "lists a directory",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            optional(
                "Path",
                "path",
                'p',
                Kind::Text,
                None,
                "directory; empty: where the session starts",
            ),
            optional(
                "Recursively",
                "rcv",
                'r',
                Kind::Boolean,
                Some("false"),
                "with everything below",
            ),
        ],
    },
    Spec {
        function: Function::CreateNewDirectory,
        libraries: SFTP,
        group: DIRECTORIES,
        english: "CreateNewDirectory",
        russian: "СоздатьНовуюДиректорию",
        alias: None,
        purpose: "makes a directory",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            PATH,
            optional(
                "Permissions",
                "mode",
                'm',
                Kind::Text,
                Some("700"),
                "mode in octal digits",
            ),
        ],
    },
    Spec {
        function: Function::DeleteDirectory,
        libraries: SFTP,
        group: DIRECTORIES,
        english: "DeleteDirectory",
        russian: "УдалитьДиректорию",
        alias: None,
        purpose: "removes an empty directory",
        on_command_line: true,
        parameters: &[CONNECTION, PATH],
    },
    Spec {
        function: Function::GetCurrentDirectory,
        libraries: SFTP,
        group: DIRECTORIES,
        english: "GetCurrentDirectory",
        russian: "ПолучитьТекущийКаталог",
        alias: None,
        purpose: "says where relative paths start",
        on_command_line: true,
        parameters: &[CONNECTION],
    },
    Spec {
        function: Function::UploadFile,
        libraries: SFTP,
        group: FILES,
        english: "UploadFile",
        russian: "ЗагрузитьФайл",
        alias: None,
        purpose: "sends a file or data",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            required(
                "File",
                "file",
                'f',
                Kind::Data,
                "what is sent: path, address, Base64 or text",
            ),
            PATH,
        ],
    },
    Spec {
        function: Function::DeleteFile,
        libraries: SFTP,
        group: FILES,
        english: "DeleteFile",
        russian: "УдалитьФайл",
        alias: None,
        purpose: "removes a file",
        on_command_line: true,
        parameters: &[CONNECTION, PATH],
    },
    Spec {
        function: Function::SaveFile,
        libraries: SFTP,
        group: FILES,
        english: "SaveFile",
        russian: "СохранитьФайл",
        alias: None,
        purpose: "fetches a file to disk",
        on_command_line: true,
        parameters: &[
            CONNECTION,
            PATH,
            required("FileName", "file", 'f', Kind::Text, "path on this machine"),
        ],
    },
    Spec {
        function: Function::GetFileData,
        libraries: SFTP,
        group: FILES,
        english: "GetFileData",
        russian: "ПолучитьДанныеФайла",
        alias: None,
        purpose: "fetches a file into memory",
        on_command_line: false,
        parameters: &[CONNECTION, PATH],
    },
    Spec {
        function: Function::GetFileInformation,
        libraries: SFTP,
        group: FILES,
        english: "GetFileInformation",
        russian: "ПолучитьИнформациюОФайле",
        alias: None,
        purpose: "says what is known of a file or directory",
        on_command_line: true,
        parameters: &[CONNECTION, PATH],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_both_languages() {
        for (library, name, function) in [
            (Library::Sftp, "listobjects", Function::ListObjects),
            (Library::Sftp, "получитьсписокобъектов", Function::ListObjects),
            (Library::Sftp, "OPENCONNECTION", Function::CreateConnection),
            (Library::Ssh, "ВыполнитьКоманду", Function::ExecuteCommand),
        ] {
            assert_eq!(
                library.function(name).map(|spec| spec.function),
                Some(function),
                "{name}"
            );
        }
        assert!(Library::Ssh.function("ListObjects").is_none());
        assert!(Library::Sftp.function("ExecuteCommand").is_none());
        assert!(Library::from_command("SFTP").is_none());
    }

    #[test]
    fn no_two_options_of_a_function_share_a_name() {
        for spec in FUNCTIONS {
            let (mut long, mut short) = (HashSet::new(), HashSet::new());
            for parameter in spec.parameters {
                assert!(
                    long.insert(parameter.long),
                    "{}: --{}",
                    spec.english,
                    parameter.long
                );
                if let Some(letter) = parameter.short {
                    assert!(short.insert(letter), "{}: -{letter}", spec.english);
                }
            }
        }
    }

    #[test]
    fn no_two_functions_of_a_library_share_a_name() {
        for library in Library::ALL {
            let mut seen = HashSet::new();
            for name in library.functions().flat_map(Spec::names) {
                assert!(seen.insert(name.to_lowercase()), "{name}");
            }
        }
    }
}
