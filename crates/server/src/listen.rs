//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Api};
use crate::identity::certificate::Peer;
use crate::taxii::{self, MAX_BODY, Service};
use crate::tls::Tls;

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

/// Serves TAXII and the API until the process is told to end; `ready` is called with the address once the socket is open.
pub fn serve(
    (service, api): (Arc<Service>, Option<Api>),
    address: SocketAddr,
    tls: &Tls,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ListenError> {
    let api = api.map(Arc::new);
    let acceptor = TlsAcceptor::from(Arc::new(tls.config()?));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let refused = |e: std::io::Error| ListenError::Address { address, why: e.to_string() };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        ready(listener.local_addr()?);
        tokio::spawn(keep_ledger(service.clone()));
        let mut router = Router::new().fallback(taxii).with_state(service.clone());
        if let Some(api) = &api {
            router = router.merge(api::router(api.clone()));
        }
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
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
    });
    // What the last second gave; the audit log has it too.
    let _ = service.write_ledger();
    if let Some(api) = api {
        api.stop();
    }
    served
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

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) address: IpAddr,
    pub(crate) certificate: Option<Arc<Peer>>,
}

async fn talk((stream, address): (TcpStream, IpAddr), acceptor: TlsAcceptor, router: Router) {
    // A client that breaks off concerns nobody else.
    let _ = stream.set_nodelay(true);
    // Nor does one that takes nothing of what it is sent: an answer that waits for longer ends the connection.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNTAKEN_MS);
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
    // RFC 9112 section 3.2: a request that does not say whom it means, or says so twice, is none.
    if head.version == Version::HTTP_11 && head.headers.get_all(header::HOST).iter().count() != 1 {
        return response(taxii::Answer { status: 400, headers: Vec::new(), body: Vec::new() });
    }
    let body = match tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return response(taxii::body_too_large()),
        // Who breaks off reads no answer; who is too slow is told so.
        Ok(Err(_)) | Err(_) => return response(taxii::Answer { status: 408, headers: Vec::new(), body: Vec::new() }),
    };
    let answered = tokio::task::spawn_blocking(move || {
        let text = |name: HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok());
        // Headers of one name are one list.
        let accept: Vec<&str> = head.headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        let accept = accept.join(",");
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        service.answer(taxii::Request {
            // The body of an answer to HEAD is left out where it is sent.
            method: if head.method == Method::HEAD { "GET" } else { head.method.as_str() },
            path: head.uri.path(),
            query: head.uri.query().unwrap_or(""),
            accept: head.headers.contains_key(header::ACCEPT).then_some(accept.as_str()),
            content_type: text(header::CONTENT_TYPE),
            authorization: text(header::AUTHORIZATION),
            certificate: caller.certificate.as_deref(),
            address: Some(caller.address),
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
