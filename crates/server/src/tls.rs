//! Certificates: what a node shows, and whose it takes from clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use crate::listen::ListenError;

/// Certificate and key of a node, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Chain of certificates, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> ListenError + '_ {
    move |e| ListenError::File { path: path.to_owned(), why: e.to_string() }
}

fn pem(path: &Path, e: &dyn std::fmt::Display) -> ListenError {
    ListenError::File { path: path.to_owned(), why: e.to_string() }
}

/// Certificates of a file, at least one.
fn chain_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, ListenError> {
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|e| pem(path, &e))?;
    if chain.is_empty() { Err(pem(path, &"no certificate in PEM stands in it")) } else { Ok(chain) }
}

impl Certificate {
    /// The certificate kept in a folder; a self-signed one is made where there is none.
    pub fn in_folder(folder: &Path) -> Result<Certificate, ListenError> {
        let this = Certificate { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
        if this.certificate.exists() && this.key.exists() {
            return Ok(this);
        }
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).map_err(|e| ListenError::Tls(e.to_string()))?;
        write_secret(&this.key, &made.signing_key.serialize_pem())?;
        std::fs::write(&this.certificate, made.cert.pem()).map_err(file(&this.certificate))?;
        Ok(this)
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ListenError> {
        let chain = chain_of(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| pem(&self.key, &e))?;
        Ok((chain, key))
    }
}

/// Whether a client may do without a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Without one, the other ways in are open.
    Optional,
    /// Without one, no connection comes about.
    Required,
}

/// Whose certificates are taken from clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// Certificates of the authorities, PEM.
    pub authority: PathBuf,
    /// Whether every client must have one.
    pub demand: Demand,
}

/// How a node speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// What the node shows.
    pub certificate: Certificate,
    /// What clients may show; nothing is asked of them where absent.
    pub clients: Option<Clients>,
}

impl Tls {
    /// What rustls needs to know.
    pub fn config(&self) -> Result<rustls::ServerConfig, ListenError> {
        let tls = |e: &dyn std::fmt::Display| ListenError::Tls(e.to_string());
        let (chain, key) = self.certificate.read()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| tls(&e))?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                for certificate in chain_of(&clients.authority)? {
                    roots.add(certificate).map_err(|e| pem(&clients.authority, &e))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match clients.demand {
                    Demand::Optional => verifier.allow_unauthenticated(),
                    Demand::Required => verifier,
                };
                builder.with_client_cert_verifier(verifier.build().map_err(|e| pem(&clients.authority, &e))?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|e| tls(&e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> Result<(), ListenError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut f| f.write_all(text.as_bytes())).map_err(file(path))
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
