//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Api};
use crate::taxii::{self, MAX_BODY, Service};

/// Connections at a time; more wait to be taken.
const CONNECTIONS: usize = 512;
/// Time for a handshake, for the head of a request, and between two requests.
const PATIENCE: Duration = Duration::from_secs(15);
/// Time for what was sent to be taken, milliseconds.
const UNTAKEN_MS: u32 = 60_000;
/// Time for a body to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);

/// Why a node does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A file of the node.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The address.
    #[error("cannot listen on {address}: {why}; choose another with --listen")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// The runtime.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
}

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

    fn config(&self) -> Result<rustls::ServerConfig, ListenError> {
        let pem = |path: &Path, e: &dyn std::fmt::Display| ListenError::File { path: path.to_owned(), why: e.to_string() };
        let chain = CertificateDer::pem_file_iter(&self.certificate).map_err(|e| pem(&self.certificate, &e))?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|e| pem(&self.certificate, &e))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| pem(&self.key, &e))?;
        let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| ListenError::Tls(e.to_string()))?;
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(|e| ListenError::Tls(e.to_string()))?;
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

/// Serves TAXII and the API until the process is told to end; `ready` is called with the address once the socket is open.
pub fn serve(
    (service, api): (Service, Api),
    address: SocketAddr,
    certificate: &Certificate,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ListenError> {
    let api = Arc::new(api);
    let acceptor = TlsAcceptor::from(Arc::new(certificate.config()?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let refused = |e: std::io::Error| ListenError::Address { address, why: e.to_string() };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        ready(listener.local_addr()?);
        let router = Router::new().fallback(taxii).with_state(Arc::new(service)).merge(api::router(api.clone()));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                accepted = listener.accept() => {
                    // A connection that failed to arrive is no reason to stop.
                    let Ok((stream, _)) = accepted else { continue };
                    let (acceptor, router) = (acceptor.clone(), router.clone());
                    tokio::spawn(async move {
                        talk(stream, acceptor, router).await;
                        drop(place);
                    });
                }
            }
        }
    });
    api.stop();
    served
}

async fn talk(stream: TcpStream, acceptor: TlsAcceptor, router: Router) {
    // A client that breaks off concerns nobody else.
    let _ = stream.set_nodelay(true);
    // Nor does one that takes nothing of what it is sent: an answer that waits for longer ends the connection.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNTAKEN_MS);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
    let _ = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

async fn taxii(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return response(taxii::body_too_large()),
        // Who breaks off reads no answer; who is too slow is told so.
        Ok(Err(_)) | Err(_) => return response(taxii::Answer { status: 408, headers: Vec::new(), body: Vec::new() }),
    };
    let answered = tokio::task::spawn_blocking(move || {
        let text = |name: HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok());
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        service.answer(taxii::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or(""),
            accept: text(header::ACCEPT),
            content_type: text(header::CONTENT_TYPE),
            authorization: text(header::AUTHORIZATION),
            body: &body,
            now: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        })
    });
    match answered.await {
        Ok(answer) => response(answer),
        Err(_) => response(taxii::Answer { status: 500, headers: Vec::new(), body: Vec::new() }),
    }
}

fn response(answer: taxii::Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
