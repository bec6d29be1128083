//! A client of TAXII 2.1 that survives servers: bounds on time and size, patience with the busy, pages without loss or endless loop.

mod address;
mod crawl;
mod send;
mod tls;
mod wait;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use buttress_wire::stix::Instant;
use buttress_wire::taxii::{ApiRoot, Collection, Collections, Discovery, Failure, MEDIA_TYPE};
use serde::de::DeserializeOwned;
use ureq::http;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};

pub use address::Remote;
pub(crate) use crawl::digest;
pub use crawl::{Ending, Listed, Part, Wanted};
pub use send::{Parcel, Removed, Verdict};

/// Redirections followed for one request, on the same server only.
const REDIRECTIONS: usize = 3;
/// Different warnings kept.
const WARNINGS: usize = 100;

/// Why a partner's server could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Something given: an address, a certificate.
    #[error("{0}")]
    Setup(String),
    /// The server's certificate is not trusted.
    #[error("{url}: {why}; if this is the partner, give its certificate with --trust")]
    Untrusted {
        /// What was asked for.
        url: String,
        /// What TLS said.
        why: String,
    },
    /// No answer, or one that broke off.
    #[error("{url}: {why}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong last.
        why: String,
    },
    /// The server asks for more patience than we have.
    #[error("{url}: the server is busy and asks to come back in {} s: try again then", .wait.as_secs())]
    Busy {
        /// What was asked for.
        url: String,
        /// How long it asks to wait.
        wait: Duration,
    },
    /// The server refused.
    #[error("{url}: the server answers {status}: {title}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Status of HTTP.
        status: u16,
        /// Title and description of its error.
        title: String,
    },
    /// An answer beyond what is read.
    #[error("{url}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Bytes read at most.
        limit: u64,
    },
    /// An answer that is no TAXII.
    #[error("{url}: the answer cannot be read: {why}")]
    Unreadable {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A redirection to another server.
    #[error("{url}: the server points to {to}, which is not followed: change the partner's address if that is right")]
    Elsewhere {
        /// What was asked for.
        url: String,
        /// Where it points to.
        to: String,
    },
}

impl ClientError {
    /// Whether asking again may help.
    fn is_passing(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } => true,
            ClientError::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// How a partner is logged in to and trusted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Name and password for basic authentication.
    pub login: Option<(String, String)>,
    /// Bearer token.
    pub token: Option<String>,
    /// Certificates (PEM) trusted beside the public authorities: that of the server itself, or of who issued it.
    pub trust: Option<String>,
    /// Certificate chain and key (PEM) that this node shows.
    pub identity: Option<(String, String)>,
}

impl fmt::Debug for Access {
    /// Says what is there, not what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Access");
        shown.field("user", &self.login.as_ref().map(|login| &login.0)).field("has_token", &self.token.is_some());
        shown.field("has_trust", &self.trust.is_some()).field("has_identity", &self.identity.is_some()).finish()
    }
}

/// Bounds on what one request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time for the head of an answer.
    pub head: Duration,
    /// Time for a body, in each direction.
    pub body: Duration,
    /// Largest body read, bytes after decompression.
    pub max_body: u64,
    /// Times that a request is tried.
    pub attempts: u32,
    /// Wait before the second attempt; it doubles with each.
    pub first_wait: Duration,
    /// Longest wait between two attempts; who asks for more is left for another time.
    pub longest_wait: Duration,
    /// Time in which a server must have dealt with what it was sent.
    pub status: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(15),
            head: Duration::from_mins(2),
            body: Duration::from_mins(5),
            max_body: 128 * 1024 * 1024,
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_mins(2),
            status: Duration::from_mins(5),
        }
    }
}

/// A partner's server.
pub struct Client {
    agent: ureq::Agent,
    remote: Remote,
    authorization: Option<String>,
    limits: Limits,
    warnings: Mutex<BTreeSet<String>>,
    /// Largest body that the server takes, once it was asked.
    max_content: OnceLock<usize>,
}

/// What is asked.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'static str,
    url: &'a str,
    body: Option<&'a [u8]>,
}

/// What came.
struct Reply {
    status: u16,
    /// Header `X-TAXII-Date-Added-Last`.
    last: Option<Instant>,
    body: Vec<u8>,
}

/// A head with what it says beside its status.
struct Raw {
    reply: Reply,
    location: Option<String>,
    retry_after: Option<Duration>,
}

impl Client {
    /// A client of a collection; nothing is sent yet.
    pub fn new(remote: Remote, access: &Access, limits: Limits) -> Result<Client, ClientError> {
        let authorization = match (&access.login, &access.token) {
            (Some(_), Some(_)) => {
                return Err(ClientError::Setup("a password and a token cannot both be used: give one of them".to_owned()));
            }
            (Some((name, password)), None) => {
                Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"))))
            }
            (None, Some(token)) => Some(format!("Bearer {token}")),
            (None, None) => None,
        };
        // What stays on this machine goes through no proxy.
        let proxy = if remote.is_plain() { None } else { ureq::Proxy::try_from_env() };
        let whole = limits.connect + limits.head + limits.body + limits.body;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .user_agent(concat!("buttress/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_send_request(Some(limits.head))
            .timeout_send_body(Some(limits.body))
            .timeout_recv_response(Some(limits.head))
            .timeout_recv_body(Some(limits.body))
            .timeout_global(Some(whole))
            .build();
        let wrap = tls::Wrap(Arc::new(tls::config(access)?));
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(wrap);
        let agent = ureq::Agent::with_parts(config, connector, DefaultResolver::default());
        Ok(Client { agent, remote, authorization, limits, warnings: Mutex::default(), max_content: OnceLock::new() })
    }

    /// The collection talked to.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// What was odd so far, each once.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn warn(&self, text: impl Into<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < WARNINGS {
            warnings.insert(text.into());
        }
    }

    /// What the server says of itself.
    pub fn discovery(&self) -> Result<Discovery, ClientError> {
        self.get(&self.remote.discovery())
    }

    /// The API root.
    pub fn root(&self) -> Result<ApiRoot, ClientError> {
        self.get(&self.remote.root())
    }

    /// The collections of the API root.
    pub fn collections(&self) -> Result<Collections, ClientError> {
        self.get(&format!("{}collections/", self.remote.root()))
    }

    /// What the collection is and may be used for.
    pub fn collection(&self) -> Result<Collection, ClientError> {
        self.get(&self.remote.within(""))
    }

    fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, ClientError> {
        self.ask(Ask { method: "GET", url, body: None }, &|reply| json(url, &reply.body))
    }

    /// Asks until there is an answer that `read` can use, patience ends, or asking again cannot help.
    fn ask<T>(&self, ask: Ask, read: &dyn Fn(&Reply) -> Result<T, ClientError>) -> Result<T, ClientError> {
        let mut n = 1;
        loop {
            let (error, wait) = match self.follow(ask) {
                Ok(Raw { reply, retry_after, .. }) => match checked(ask.url, &reply).and_then(|()| read(&reply)) {
                    Ok(value) => return Ok(value),
                    Err(error) => (error, retry_after.filter(|_| matches!(reply.status, 429 | 503))),
                },
                Err(error) => (error, None),
            };
            if let Some(wait) = wait.filter(|wait| *wait > self.limits.longest_wait) {
                return Err(ClientError::Busy { url: ask.url.to_owned(), wait });
            }
            if n >= self.limits.attempts || !error.is_passing() {
                return Err(error);
            }
            std::thread::sleep(wait.unwrap_or_else(|| wait::backoff(&self.limits, n)));
            n += 1;
        }
    }

    /// Asks once, following redirections on the same server.
    fn follow(&self, ask: Ask) -> Result<Raw, ClientError> {
        let mut url = ask.url.to_owned();
        for _ in 0..=REDIRECTIONS {
            let raw = self.once(Ask { url: &url, ..ask })?;
            let is_followed = match raw.reply.status {
                301..=303 => ask.method == "GET",
                307 | 308 => true,
                _ => return Ok(raw),
            };
            let to = raw.location.unwrap_or_default();
            match self.remote.redirected(&to) {
                Some(next) if is_followed => url = next,
                _ => return Err(ClientError::Elsewhere { url, to: to.chars().take(200).collect() }),
            }
        }
        Err(ClientError::Unreadable { url: ask.url.to_owned(), why: "redirections without end".to_owned() })
    }

    fn once(&self, ask: Ask) -> Result<Raw, ClientError> {
        let failed = |error: ureq::Error| failure(ask.url, self.limits.max_body, error);
        let mut request = http::Request::builder().method(ask.method).uri(ask.url).header("Accept", MEDIA_TYPE);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let built = |e: http::Error| ClientError::Setup(format!("{}: {e}", ask.url));
        let response = match ask.body {
            Some(body) => self.agent.run(request.header("Content-Type", MEDIA_TYPE).body(body).map_err(built)?),
            None => self.agent.run(request.body(()).map_err(built)?),
        };
        let mut response = response.map_err(failed)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
        let (location, content_type) = (header("Location"), header("Content-Type"));
        let retry_after = header("Retry-After").and_then(|text| wait::retry_after(&text, now));
        let last = header("X-TAXII-Date-Added-Last").and_then(|text| Instant::parse(&text));
        let status = response.status().as_u16();
        if (200..300).contains(&status) && ask.method == "GET" && !buttress_wire::taxii::is_media_type(content_type.as_deref()) {
            self.warn(format!(
                "the server says `{}` where TAXII 2.1 asks for {MEDIA_TYPE}; it is read all the same",
                content_type.unwrap_or_default()
            ));
        }
        let body = response.body_mut().with_config().limit(self.limits.max_body).read_to_vec().map_err(failed)?;
        Ok(Raw { reply: Reply { status, last, body }, location, retry_after })
    }
}

/// What a failure of the connection means.
fn failure(url: &str, limit: u64, error: ureq::Error) -> ClientError {
    let url = url.to_owned();
    match error {
        ureq::Error::Rustls(e) => match e {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                ClientError::Untrusted { url, why: e.to_string() }
            }
            _ => ClientError::Unreachable { url, why: e.to_string() },
        },
        ureq::Error::BodyExceedsLimit(_) => ClientError::TooLarge { url, limit },
        ureq::Error::BadUri(why) => ClientError::Setup(format!("{url}: {why}")),
        ureq::Error::LargeResponseHeader(..) => ClientError::Unreadable { url, why: error.to_string() },
        ureq::Error::Timeout(what) => ClientError::Unreachable { url, why: format!("no answer in time ({what})") },
        error => ClientError::Unreachable { url, why: error.to_string() },
    }
}

/// `Err` where the status of an answer says that it is none.
fn checked(url: &str, reply: &Reply) -> Result<(), ClientError> {
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    let title = match serde_json::from_slice::<Failure>(&reply.body) {
        Ok(Failure { title, description: Some(more), .. }) => format!("{title} ({more})"),
        Ok(failure) => failure.title,
        Err(_) => "without saying why".to_owned(),
    };
    let title = title.chars().filter(|c| !c.is_control()).take(400).collect();
    Err(ClientError::Refused { url: url.to_owned(), status: reply.status, title })
}

/// Reads an answer. One that ends too early was cut on its way, so asking again may help.
fn json<T: DeserializeOwned>(url: &str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|e| {
        let (url, why) = (url.to_owned(), e.to_string());
        if e.is_eof() {
            ClientError::Unreachable { url, why: format!("the answer broke off: {why}") }
        } else {
            ClientError::Unreadable { url, why }
        }
    })
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
