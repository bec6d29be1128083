//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::places::{Place, Places, Prompt};
use crate::taxii::{self, MAX_BODY, Service};

/// Connections at a time; beyond it the one that has been waited for longest gives way.
const CONNECTIONS: usize = 512;
/// Time for a handshake, for the head of a request, and between two requests.
const PATIENCE: Duration = Duration::from_secs(15);
/// Time for a body to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);
/// Bodies up to this size are read from anybody; larger ones from who is logged in.
const SMALL_BODY: u64 = 64 * 1024;
/// Room for the larger bodies that are read at a time, KiB.
static ROOM: Semaphore = Semaphore::const_new(128 * 1024);

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
        let router = Router::new().fallback(taxii).with_state(Arc::new(service));
        let places = Places::new(CONNECTIONS);
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                accepted = listener.accept() => {
                    // A connection that failed to arrive is no reason to stop; where the system has no more, it gets time to have.
                    let Ok((stream, _)) = accepted else {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    let place = Arc::new(places.take().await);
                    let (acceptor, router) = (acceptor.clone(), noting(&router, &place));
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

/// The same answers, noting whose turn it is.
fn noting(router: &Router, place: &Arc<Place>) -> Router {
    let place = place.clone();
    router.clone().layer(axum::middleware::from_fn(move |mut request: Request<Body>, next: axum::middleware::Next| {
        let place = place.clone();
        request.extensions_mut().insert(place.clone());
        async move {
            place.is_answered();
            let response = next.run(request).await;
            place.is_waited_for();
            response
        }
    }))
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

/// Answers before the body has been read, which then is thrown away, so that who sends it comes to read the answer.
fn unread(body: Body, answer: taxii::Answer) -> Response<Body> {
    tokio::spawn(tokio::time::timeout(PATIENCE, async move {
        let mut body = Limited::new(body, MAX_BODY);
        while let Some(Ok(_)) = body.frame().await {}
    }));
    response(answer)
}

async fn taxii(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let (head, body) = request.into_parts();
    let head = Arc::new(head);
    // RFC 9112 section 3.2: a request that does not say whom it means, or says so twice, is none.
    if head.version == Version::HTTP_11 && head.headers.get_all(header::HOST).iter().count() != 1 {
        return unread(body, taxii::Answer { status: 400, headers: Vec::new(), body: Vec::new() });
    }
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return unread(body, taxii::body_encoded());
    }
    let length = body.size_hint().exact();
    if length.is_some_and(|n| n > MAX_BODY as u64) {
        return unread(body, taxii::body_too_large());
    }
    place.iter().for_each(|place| place.is_waited_for());
    let mut room = None;
    if length.is_none_or(|n| n > SMALL_BODY) {
        let welcome = answer(service.clone(), head.clone(), Bytes::new(), knocking).await;
        if welcome.status != 200 {
            return unread(body, welcome);
        }
        let kib = length.unwrap_or(MAX_BODY as u64).div_ceil(1024);
        room = tokio::time::timeout(BODY_TIME, ROOM.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX))).await.ok();
        if !matches!(room, Some(Ok(_))) {
            return unread(body, taxii::no_room());
        }
    }
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return response(taxii::body_too_large()),
        // Who breaks off reads no answer; who is too slow is told so.
        Ok(Err(_)) | Err(_) => return response(taxii::Answer { status: 408, headers: Vec::new(), body: Vec::new() }),
    };
    place.iter().for_each(|place| place.is_answered());
    let answered = answer(service, head, body, |request| request).await;
    drop(room);
    response(answered)
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
