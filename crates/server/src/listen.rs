//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::intake::{self, BODY_TIME};
use crate::places::{Place, Places, Prompt};
use crate::taxii::{self, Service};

/// Connections at a time; beyond it the one that has been waited for longest gives way.
const CONNECTIONS: usize = 512;
/// Time for a handshake, for the head of a request, and between two requests.
const PATIENCE: Duration = Duration::from_secs(15);

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

/// Serves until the process is told to end; `ready` is called with the address once the socket is open.
pub fn serve(service: Service, address: SocketAddr, certificate: &Certificate, ready: impl FnOnce(SocketAddr)) -> Result<(), ListenError> {
    let acceptor = TlsAcceptor::from(Arc::new(certificate.config()?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let refused = |e: std::io::Error| ListenError::Address { address, why: e.to_string() };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        ready(listener.local_addr()?);
        let service = Arc::new(service);
        tokio::spawn(keep_ledger(service.clone()));
        let router = Router::new().fallback(taxii).with_state(service.clone());
        let places = Places::new(CONNECTIONS);
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {
                    // What the last second gave; the audit log has it too.
                    let _ = service.write_ledger();
                    return Ok(());
                }
                accepted = listener.accept() => {
                    // A connection that failed to arrive is no reason to stop; where the system has no more, it gets time to have.
                    let Ok((stream, _)) = accepted else {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    let place = Arc::new(places.take().await);
                    let (acceptor, router) = (acceptor.clone(), Place::noting(&place, &router));
                    tokio::spawn(async move {
                        tokio::select! {
                            () = talk(stream, acceptor, router) => {}
                            () = place.is_lost() => {}
                        }
                    });
                }
            }
        }
    })
}

/// Writes the ledger down each second.
async fn keep_ledger(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        let service = service.clone();
        // A store that fails shows in the next answer.
        let _ = tokio::task::spawn_blocking(move || service.write_ledger()).await;
    }
}

async fn talk(stream: TcpStream, acceptor: TlsAcceptor, router: Router) {
    // A client that breaks off concerns nobody else.
    let _ = stream.set_nodelay(true);
    let stream = Prompt::new(stream, BODY_TIME);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
    let _ = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

/// What the service is asked.
fn asked<'a>(head: &'a Parts, accept: &'a str, body: &'a [u8]) -> taxii::Request<'a> {
    let text = |name: HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok());
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    taxii::Request {
        // The body of an answer to HEAD is left out where it is sent.
        method: if head.method == Method::HEAD { "GET" } else { head.method.as_str() },
        path: head.uri.path(),
        query: head.uri.query().unwrap_or(""),
        accept: head.headers.contains_key(header::ACCEPT).then_some(accept),
        content_type: text(header::CONTENT_TYPE),
        authorization: text(header::AUTHORIZATION),
        body,
        now: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
    }
}

/// The discovery in place of what was asked for: whether there is a login is all that it tells.
fn knocking(request: taxii::Request) -> taxii::Request {
    taxii::Request { method: "GET", path: "/taxii2/", accept: None, body: b"", ..request }
}

async fn answer(service: Arc<Service>, head: Arc<Parts>, body: Bytes, what: fn(taxii::Request) -> taxii::Request) -> taxii::Answer {
    let answered = tokio::task::spawn_blocking(move || {
        // Headers of one name are one list.
        let accept: Vec<&str> = head.headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        let accept = accept.join(",");
        service.answer(what(asked(&head, &accept, &body)))
    });
    answered.await.unwrap_or_else(|_| taxii::Answer { status: 500, headers: Vec::new(), body: Vec::new() })
}

async fn taxii(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let (head, body) = request.into_parts();
    if let Some(refused) = intake::refused_at_once(&head, &body) {
        intake::throw_away(body);
        return response(refused);
    }
    let head = Arc::new(head);
    place.iter().for_each(|place| place.is_waited_for());
    if intake::is_large(&body) {
        let welcome = answer(service.clone(), head.clone(), Bytes::new(), knocking).await;
        if welcome.status != 200 {
            intake::throw_away(body);
            return response(welcome);
        }
    }
    let body = match intake::whole(body).await {
        Ok(body) => body,
        Err((rest, refused)) => {
            intake::throw_away(rest);
            return response(refused);
        }
    };
    place.iter().for_each(|place| place.is_answered());
    response(answer(service, head, body.bytes.clone(), |request| request).await)
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
