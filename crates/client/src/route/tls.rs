//! TLS to a proxy.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::error;
use super::proxy::Proxy;
use crate::endpoint::BoxedStream;
use crate::error::{Error, ErrorKind, Result, Stage};

/// Which certificates of a proxy to trust: those of the machine's authorities, and of more.
#[derive(Clone, Default)]
pub struct ProxyTls {
    more: Vec<PathBuf>,
}

impl ProxyTls {
    /// Trusts the authorities in a PEM file as well.
    #[must_use]
    pub fn authority_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.more.push(file.into());
        self
    }

    pub(super) async fn wrap(&self, proxy: &Proxy, stream: BoxedStream) -> Result<BoxedStream> {
        let files = self.more.clone();
        let roots = tokio::task::spawn_blocking(move || roots(&files))
            .await
            .map_err(|error| {
                Error::new(ErrorKind::Io, Stage::Proxy, "reading authorities failed").caused_by(error)
            })??;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls_failed(proxy, &error.to_string(), error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(proxy.endpoint().host().to_owned());
        let name = name.map_err(|error| tls_failed(proxy, &error.to_string(), error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        match stream {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) if error.get_ref().is_some() => {
                let what = error.to_string();
                Err(tls_failed(proxy, &what, error))
            }
            Err(error) => Err(error::lost(proxy, error)),
        }
    }
}

fn roots(files: &[PathBuf]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // single certificates of the machine that cannot be read do not matter; none at all shows in the handshake
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    for file in files {
        let certificates = pem_certificates(file)?;
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|error| unusable(file, "holds an unusable certificate").caused_by(error))?;
        }
    }
    Ok(roots)
}

fn pem_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| unusable(file, "cannot be read").caused_by(error))?;
    let mut certificates = Vec::new();
    for block in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body = block
            .split("-----END CERTIFICATE-----")
            .next()
            .unwrap_or_default();
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64.decode(body);
        let der = der.map_err(|error| unusable(file, &format!("holds a broken certificate: {error}")))?;
        certificates.push(CertificateDer::from(der));
    }
    if certificates.is_empty() {
        return Err(unusable(file, "holds no certificate"));
    }
    Ok(certificates)
}

fn unusable(file: &Path, what: &str) -> Error {
    let message = format!("the authority file {} {what}", file.display());
    Error::new(ErrorKind::InvalidInput, Stage::Config, message)
}

fn tls_failed(
    proxy: &Proxy,
    what: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let message = format!("TLS with {proxy} failed: {what}");
    Error::new(ErrorKind::ProxyRefused, Stage::Proxy, message)
        .caused_by(cause)
        .hint("check the proxy's certificate; name the file of its authority if it is a private one")
}

impl fmt::Debug for ProxyTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyTls").field("more", &self.more).finish()
    }
}
