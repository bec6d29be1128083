//! TLS towards a partner: its own certificate or authority beside the public ones, and a certificate of ours where it asks for one.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter};

use super::{Access, ClientError};

/// Takes a server that shows exactly a certificate we were given, by whatever name it is reached, since only its owner has the key;
/// any other by the public authorities and those we were given.
#[derive(Debug)]
struct Trust {
    given: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end: &CertificateDer,
        between: &[CertificateDer],
        name: &ServerName,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.given.iter().any(|given| given == end) {
            return Ok(ServerCertVerified::assertion());
        }
        self.authorities.verify_server_cert(end, between, name, ocsp, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

fn setup(what: &str, why: &dyn fmt::Display) -> ClientError {
    ClientError::Setup(format!("{what}: {why}"))
}

fn certificates(what: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let list = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|e| setup(what, &e))?;
    if list.is_empty() { Err(setup(what, &"holds no certificate: give a PEM file with BEGIN CERTIFICATE in it")) } else { Ok(list) }
}

/// What a connection to a partner trusts and shows.
pub(super) fn config(access: &Access) -> Result<ClientConfig, ClientError> {
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::ring::default_provider());
    let given = access.trust.as_deref().map_or(Ok(Vec::new()), |pem| certificates("the certificate to trust", pem))?;
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(given.iter().cloned());
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    let authorities = authorities.map_err(|e| setup("the certificates to trust", &e))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| setup("TLS", &e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trust { given, authorities }));
    let Some((chain, key)) = &access.identity else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates("the certificate of this node", chain)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| setup("the key of this node", &e))?;
    builder.with_client_auth_cert(chain, key).map_err(|e| setup("certificate and key of this node", &e))
}

/// Puts TLS around a connection, where the address asks for it.
#[derive(Debug)]
pub(super) struct Wrap(pub(super) Arc<ClientConfig>);

impl<In: Transport> Connector<In> for Wrap {
    type Out = Either<In, Wrapped>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| ureq::Error::Tls("the host has no valid name"))?;
        let mut connection = ClientConnection::new(self.0.clone(), name)?;
        let inner: Box<dyn Transport> = Box::new(transport);
        let mut socket = TransportAdapter::new(inner, details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket).map_err(error)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Wrapped { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// What rustls said of the other end, which `io` only carries.
fn error(error: std::io::Error) -> ureq::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => ureq::Error::Rustls(inner.clone()),
        None => error.into(),
    }
}

/// A connection under TLS.
pub(super) struct Wrapped {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for Wrapped {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount]).map_err(error)
    }
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let n = self.stream.read(self.buffers.input_append_buf()).map_err(error)?;
        self.buffers.input_appended(n);
        Ok(n > 0)
    }
    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }
    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}
