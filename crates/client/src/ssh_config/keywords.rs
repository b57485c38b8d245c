//! Every keyword of `ssh_config(5)`: how its arguments are read, and what becomes of it here.

/// How the arguments of a keyword are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One word.
    Word,
    /// yes or no.
    Flag,
    /// One of these words; capitals do not count. Pairs of spelling and meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// A whole number.
    Number,
    /// 1 to 65535.
    Port,
    /// Seconds, or a length of time such as `1m30s`; or `none`.
    Time,
    /// A list of algorithms, perhaps behind `+`, `-` or `^`.
    Algorithms,
    /// The rest of the line as it stands.
    Rest,
    /// As [`Shape::Rest`]; whichever of `ProxyCommand` and `ProxyJump` comes first wins.
    Proxy,
    /// One word a line, and every line adds to the list.
    Append,
    /// Many words a line, and every line adds to the list.
    AppendMany,
    /// Many words; the first line wins.
    Words,
    /// Bytes and time.
    Rekey,
    /// Anything: we only step over it.
    Any,
}

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It means here what it means there.
    Honoured,
    /// It has no bearing on moving files and running commands.
    Ignored,
    /// It bears on security and we cannot do it: any value but these is an error.
    Only(&'static [&'static str], &'static str),
    /// It is stepped over, and said so when set to anything but this value.
    Warned(&'static str, &'static str),
    /// Removed from OpenSSH: it warns and goes on, and so do we (without the warning).
    Gone,
}

/// A keyword of the table.
#[derive(Debug)]
pub(super) struct Keyword {
    /// As the manual writes it.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) becomes: Use,
}

/// Looks a keyword up; capitals do not count.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    let name = ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name))
        .map_or(name, |(_, name)| *name);
    KEYWORDS
        .iter()
        .find(|keyword| keyword.name.eq_ignore_ascii_case(name))
}

/// Older spellings.
const ALIASES: &[(&str, &str)] = &[
    ("ChallengeResponseAuthentication", "KbdInteractiveAuthentication"),
    ("SkeyAuthentication", "KbdInteractiveAuthentication"),
    ("TISAuthentication", "KbdInteractiveAuthentication"),
    ("DSAAuthentication", "PubkeyAuthentication"),
    ("HostbasedKeyTypes", "HostbasedAcceptedAlgorithms"),
    ("PubkeyAcceptedKeyTypes", "PubkeyAcceptedAlgorithms"),
    ("IdentityFile2", "IdentityFile"),
    ("KeepAlive", "TCPKeepAlive"),
    ("SmartcardDevice", "PKCS11Provider"),
];

const STRICT: &[(&str, &str)] = &[
    ("true", "yes"),
    ("false", "no"),
    ("yes", "yes"),
    ("no", "no"),
    ("ask", "ask"),
    ("off", "no"),
    ("accept-new", "accept-new"),
];
const FAMILY: &[(&str, &str)] = &[("inet", "inet"), ("inet6", "inet6"), ("any", "any")];
const CANONICALIZE: &[(&str, &str)] = &[
    ("true", "yes"),
    ("false", "no"),
    ("yes", "yes"),
    ("no", "no"),
    ("always", "always"),
];
const YES_NO_ASK: &[(&str, &str)] = &[
    ("true", "yes"),
    ("false", "no"),
    ("yes", "yes"),
    ("no", "no"),
    ("ask", "ask"),
];
const PUBKEY: &[(&str, &str)] = &[
    ("true", "yes"),
    ("false", "no"),
    ("yes", "yes"),
    ("no", "no"),
    ("unbound", "unbound"),
    ("host-bound", "host-bound"),
];

const fn honoured(name: &'static str, shape: Shape) -> Keyword {
    Keyword {
        name,
        shape,
        becomes: Use::Honoured,
    }
}

const fn ignored(name: &'static str) -> Keyword {
    Keyword {
        name,
        shape: Shape::Any,
        becomes: Use::Ignored,
    }
}

const fn gone(name: &'static str) -> Keyword {
    Keyword {
        name,
        shape: Shape::Any,
        becomes: Use::Gone,
    }
}

const fn only(
    name: &'static str,
    shape: Shape,
    values: &'static [&'static str],
    why: &'static str,
) -> Keyword {
    Keyword {
        name,
        shape,
        becomes: Use::Only(values, why),
    }
}

const fn warned(name: &'static str, shape: Shape, quiet: &'static str, why: &'static str) -> Keyword {
    Keyword {
        name,
        shape,
        becomes: Use::Warned(quiet, why),
    }
}

/// `Host`, `Match` and `Include` are no settings and stand apart.
pub(super) const KEYWORDS: &[Keyword] = &[
    honoured("HostName", Shape::Word),
    honoured("Port", Shape::Port),
    honoured("User", Shape::Word),
    honoured("AddressFamily", Shape::Choice(FAMILY)),
    honoured("BindAddress", Shape::Word),
    honoured("BindInterface", Shape::Word),
    honoured("ConnectTimeout", Shape::Time),
    honoured("TCPKeepAlive", Shape::Flag),
    honoured("ServerAliveInterval", Shape::Time),
    honoured("ServerAliveCountMax", Shape::Number),
    honoured("ProxyCommand", Shape::Proxy),
    honoured("ProxyJump", Shape::Proxy),
    honoured("Ciphers", Shape::Algorithms),
    honoured("MACs", Shape::Algorithms),
    honoured("KexAlgorithms", Shape::Algorithms),
    honoured("HostKeyAlgorithms", Shape::Algorithms),
    honoured("CASignatureAlgorithms", Shape::Algorithms),
    honoured("RequiredRSASize", Shape::Number),
    honoured("HostKeyAlias", Shape::Word),
    honoured("StrictHostKeyChecking", Shape::Choice(STRICT)),
    honoured("UserKnownHostsFile", Shape::Words),
    honoured("GlobalKnownHostsFile", Shape::Words),
    honoured("HashKnownHosts", Shape::Flag),
    honoured("RevokedHostKeys", Shape::Word),
    honoured("BatchMode", Shape::Flag),
    honoured("PreferredAuthentications", Shape::Word),
    honoured("PubkeyAuthentication", Shape::Choice(PUBKEY)),
    honoured("PasswordAuthentication", Shape::Flag),
    honoured("KbdInteractiveAuthentication", Shape::Flag),
    honoured("NumberOfPasswordPrompts", Shape::Number),
    honoured("IdentityFile", Shape::Append),
    honoured("CertificateFile", Shape::Append),
    honoured("IdentitiesOnly", Shape::Flag),
    honoured("IdentityAgent", Shape::Word),
    honoured("SendEnv", Shape::AppendMany),
    honoured("SetEnv", Shape::Words),
    honoured("IgnoreUnknown", Shape::Word),
    // to honour these would need what is not there; to step over them would connect elsewhere or trust more
    only(
        "CanonicalizeHostname",
        Shape::Choice(CANONICALIZE),
        &["no"],
        "host names are not made canonical here; write HostName instead",
    ),
    only(
        "CanonicalizePermittedCNAMEs",
        Shape::Words,
        &["none"],
        "host names are not made canonical here; write HostName instead",
    ),
    only(
        "KnownHostsCommand",
        Shape::Rest,
        &["none"],
        "host keys come from files here; use UserKnownHostsFile",
    ),
    only(
        "ProxyUseFdpass",
        Shape::Flag,
        &["no"],
        "a ProxyCommand that passes a descriptor is not understood here",
    ),
    only(
        "CheckHostIP",
        Shape::Flag,
        &["no"],
        "addresses are not checked beside names here",
    ),
    only(
        "RefuseConnection",
        Shape::Rest,
        &[],
        "the configuration refuses this connection",
    ),
    // stepping over these is the safe side
    warned(
        "VerifyHostKeyDNS",
        Shape::Choice(YES_NO_ASK),
        "no",
        "fingerprints in DNS are not looked up",
    ),
    warned(
        "NoHostAuthenticationForLocalhost",
        Shape::Flag,
        "no",
        "the host key is checked for localhost too",
    ),
    warned(
        "PubkeyAcceptedAlgorithms",
        Shape::Algorithms,
        "",
        "keys sign with SHA-2 as the server asks for it",
    ),
    warned("Compression", Shape::Flag, "no", "data is not compressed"),
    warned(
        "RekeyLimit",
        Shape::Rekey,
        "0",
        "keys are renewed at the usual intervals",
    ),
    warned(
        "ConnectionAttempts",
        Shape::Number,
        "1",
        "the caller decides whether to try again",
    ),
    warned(
        "PKCS11Provider",
        Shape::Word,
        "none",
        "keys on tokens are reached through an agent only",
    ),
    warned("LocalCommand", Shape::Rest, "none", "no local command is run"),
    ignored("AddKeysToAgent"),
    ignored("CanonicalDomains"),
    ignored("CanonicalizeFallbackLocal"),
    ignored("CanonicalizeMaxDots"),
    ignored("ChannelTimeout"),
    ignored("ClearAllForwardings"),
    ignored("ControlMaster"),
    ignored("ControlPath"),
    ignored("ControlPersist"),
    ignored("DynamicForward"),
    ignored("EnableEscapeCommandline"),
    ignored("EnableSSHKeysign"),
    ignored("EscapeChar"),
    ignored("ExitOnForwardFailure"),
    ignored("FingerprintHash"),
    ignored("ForkAfterAuthentication"),
    ignored("ForwardAgent"),
    ignored("ForwardX11"),
    ignored("ForwardX11Timeout"),
    ignored("ForwardX11Trusted"),
    ignored("GatewayPorts"),
    ignored("GSSAPIAuthentication"),
    ignored("GSSAPIClientIdentity"),
    ignored("GSSAPIDelegateCredentials"),
    ignored("GSSAPIKexAlgorithms"),
    ignored("GSSAPIKeyExchange"),
    ignored("GSSAPIRenewalForcesRekey"),
    ignored("GSSAPIServerIdentity"),
    ignored("GSSAPITrustDns"),
    ignored("HostbasedAcceptedAlgorithms"),
    ignored("HostbasedAuthentication"),
    ignored("IPQoS"),
    ignored("KbdInteractiveDevices"),
    ignored("LocalForward"),
    ignored("LogLevel"),
    ignored("LogVerbose"),
    ignored("ObscureKeystrokeTiming"),
    ignored("PermitLocalCommand"),
    ignored("PermitRemoteOpen"),
    ignored("RemoteCommand"),
    ignored("RemoteForward"),
    ignored("RequestTTY"),
    ignored("SecurityKeyProvider"),
    ignored("SessionType"),
    ignored("StdinNull"),
    ignored("StreamLocalBindMask"),
    ignored("StreamLocalBindUnlink"),
    ignored("SyslogFacility"),
    ignored("Tag"),
    ignored("Tunnel"),
    ignored("TunnelDevice"),
    ignored("UpdateHostKeys"),
    ignored("VersionAddendum"),
    ignored("VisualHostKey"),
    ignored("WarnWeakCrypto"),
    ignored("XAuthLocation"),
    gone("AFSTokenPassing"),
    gone("Cipher"),
    gone("CompressionLevel"),
    gone("FallBackToRsh"),
    gone("GlobalKnownHostsFile2"),
    gone("KerberosAuthentication"),
    gone("KerberosTGTPassing"),
    gone("Protocol"),
    gone("RhostsAuthentication"),
    gone("RhostsRSAAuthentication"),
    gone("RSAAuthentication"),
    gone("UsePrivilegedPort"),
    gone("UserKnownHostsFile2"),
    gone("UseRoaming"),
    gone("UseRsh"),
];
