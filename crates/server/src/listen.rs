//! The socket: TLS 1.2 and 1.3 by rustls, one task a connection, bounds on everything that a client may hold.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Api};
use crate::clock;
use crate::identity::certificate::Peer;
use crate::intake::{self, BODY_TIME};
use crate::places::{Place, Places, Prompt};
use crate::taxii::{self, Service};
use crate::tls::Tls;

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
        let places = Places::new(CONNECTIONS);
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                accepted = listener.accept() => {
                    // A connection that failed to arrive is no reason to stop; where the system has no more, it gets time to have.
                    let Ok((stream, from)) = accepted else {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    };
                    let place = Arc::new(places.take().await);
                    let (acceptor, router) = (acceptor.clone(), Place::noting(&place, &router));
                    tokio::spawn(async move {
                        tokio::select! {
                            () = talk((stream, from.ip()), acceptor, router) => {}
                            () = place.is_lost() => {}
                        }
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
    // A client that breaks off concerns nobody else, nor does one that takes nothing of what it is sent.
    let _ = stream.set_nodelay(true);
    let stream = Prompt::new(stream, BODY_TIME);
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

/// A request without its body.
struct Asked {
    head: Parts,
    caller: Caller,
    /// Headers of one name are one list.
    accept: Option<String>,
}

impl Asked {
    fn new(head: Parts, caller: Caller) -> Asked {
        let accept: Vec<&str> = head.headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
        let accept = head.headers.contains_key(header::ACCEPT).then(|| accept.join(","));
        Asked { head, caller, accept }
    }

    fn with<'a>(&'a self, body: &'a [u8]) -> taxii::Request<'a> {
        let text = |name: HeaderName| self.head.headers.get(name).and_then(|v| v.to_str().ok());
        taxii::Request {
            // The body of an answer to HEAD is left out where it is sent.
            method: if self.head.method == Method::HEAD { "GET" } else { self.head.method.as_str() },
            path: self.head.uri.path(),
            query: self.head.uri.query().unwrap_or(""),
            accept: self.accept.as_deref(),
            content_type: text(header::CONTENT_TYPE),
            authorization: text(header::AUTHORIZATION),
            certificate: self.caller.certificate.as_deref(),
            address: Some(self.caller.address),
            body,
            now: clock::now(),
        }
    }
}

/// Does what may wait; an answer of 500 where it broke off.
async fn waiting(work: impl FnOnce() -> Option<taxii::Answer> + Send + 'static) -> Option<taxii::Answer> {
    let broken = |_| Some(taxii::Answer { status: 500, headers: Vec::new(), body: Vec::new() });
    tokio::task::spawn_blocking(work).await.unwrap_or_else(broken)
}

async fn taxii(State(service): State<Arc<Service>>, Extension(caller): Extension<Caller>, request: Request<Body>) -> Response<Body> {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let (head, body) = request.into_parts();
    if let Some(refused) = intake::refused_at_once(&head, &body) {
        intake::throw_away(body);
        return response(refused);
    }
    let asked = Arc::new(Asked::new(head, caller));
    place.iter().for_each(|place| place.is_waited_for());
    if intake::is_large(&body) {
        let (service, asked) = (service.clone(), asked.clone());
        let refused = waiting(move || service.refused_login(asked.with(b""))).await;
        if let Some(refused) = refused {
            intake::throw_away(body);
            return response(refused);
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
    let bytes: Bytes = body.bytes.clone();
    let answer = waiting(move || Some(service.answer(asked.with(&bytes)))).await;
    response(answer.unwrap_or(taxii::Answer { status: 500, headers: Vec::new(), body: Vec::new() }))
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
