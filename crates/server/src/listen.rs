//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Extension, State};
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::identity::certificate::Peer;
use crate::taxii::{self, MAX_BODY, Service};
use crate::tls::Tls;

/// Connections at a time; more wait to be taken.
const CONNECTIONS: usize = 512;
/// Time for a handshake, for the head of a request, and between two requests.
const PATIENCE: Duration = Duration::from_secs(15);
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

/// Serves until the process is told to end; `ready` is called with the address once the socket is open.
pub fn serve(service: Service, address: SocketAddr, tls: &Tls, ready: impl FnOnce(SocketAddr)) -> Result<(), ListenError> {
    let acceptor = TlsAcceptor::from(Arc::new(tls.config()?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let refused = |e: std::io::Error| ListenError::Address { address, why: e.to_string() };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        ready(listener.local_addr()?);
        let router = Router::new().fallback(taxii).with_state(Arc::new(service));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                accepted = listener.accept() => {
                    // A connection that failed to arrive is no reason to stop.
                    let Ok((stream, from)) = accepted else { continue };
                    let (acceptor, router) = (acceptor.clone(), router.clone());
                    tokio::spawn(async move {
                        talk((stream, from.ip()), acceptor, router).await;
                        drop(place);
                    });
                }
            }
        }
    })
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
struct Caller {
    address: IpAddr,
    certificate: Option<Arc<Peer>>,
}

async fn talk((stream, address): (TcpStream, IpAddr), acceptor: TlsAcceptor, router: Router) {
    // A client that breaks off concerns nobody else.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    // A certificate that the handshake took and we cannot read opens nothing.
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).and_then(|der| Peer::read(der)).map(Arc::new);
    let caller = Caller { address, certificate };
    let inner = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(caller.clone());
        hyper::service::Service::call(&inner, request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn taxii(State(service): State<Arc<Service>>, Extension(caller): Extension<Caller>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let head = Arc::new(Head { parts: head, caller });
    if body.is_end_stream() {
        return blocking(move || service.answer(head.request(&[]))).await;
    }
    // Only of somebody who may come in is a body taken into memory.
    let (asked, of) = (service.clone(), head.clone());
    let who = tokio::task::spawn_blocking(move || asked.who(&of.request(&[]))).await;
    let account = match who {
        Ok(Ok(account)) => account,
        Ok(Err(refused)) => return response(refused),
        Err(_) => return bare(500),
    };
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return response(taxii::body_too_large()),
        // Who breaks off reads no answer; who is too slow is told so.
        Ok(Err(_)) | Err(_) => return bare(408),
    };
    blocking(move || service.answer_to(account, head.request(&body))).await
}

/// A request without its body, and where it comes from.
struct Head {
    parts: axum::http::request::Parts,
    caller: Caller,
}

impl Head {
    fn request<'a>(&'a self, body: &'a [u8]) -> taxii::Request<'a> {
        let text = |name: HeaderName| self.parts.headers.get(name).and_then(|v| v.to_str().ok());
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        taxii::Request {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or(""),
            accept: text(header::ACCEPT),
            content_type: text(header::CONTENT_TYPE),
            authorization: text(header::AUTHORIZATION),
            certificate: self.caller.certificate.as_deref(),
            address: Some(self.caller.address),
            body,
            now: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        }
    }
}

/// Answers on a thread that may wait for the disk.
async fn blocking(answer: impl FnOnce() -> taxii::Answer + Send + 'static) -> Response<Body> {
    tokio::task::spawn_blocking(answer).await.map_or_else(|_| bare(500), response)
}

/// An answer that is a status only.
fn bare(status: u16) -> Response<Body> {
    response(taxii::Answer { status, headers: Vec::new(), body: Vec::new() })
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
