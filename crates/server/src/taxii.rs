//! The TAXII 2.1 service: a request in, an answer out, without sockets.
//!
//! Order of the checks: who asks (401), whether there is such a place for them (404), whether they take our media type (406), what
//! they may do there (403), and whether the request can be understood (400, 413, 415, 422). What a reader may not see does not exist.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use buttress_wire::stix::marking::Statement;
use buttress_wire::stix::{Id, Instant, Object};
use buttress_wire::taxii::{
    ApiRoot, Collection as CollectionResource, Collections, Discovery, Failure, Filter, MEDIA_TYPE, Manifest, ManifestRecord, Query,
    Status, StatusDetail, VersionMatch, Versions, accepts, is_media_type,
};
use buttress_wire::vocabulary::DEFINITIONS_COLLECTION;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::audit::{Audit, AuditError, Entry};
use crate::identity::certificate::Peer;
use crate::identity::limit::Rates;
use crate::identity::{Gate, NoRandomness, Refused, keyed_digest, random};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::store::{Account, Collection, Item, Location, Page, Place, Reader, Readers, Store, StoreError, Writer};
use crate::view::View;

/// Largest body taken, bytes.
pub const MAX_BODY: usize = 100 * 1024 * 1024;
/// Objects of one request, at most.
const MAX_OBJECTS: usize = 200_000;
/// Objects of a page, at most and where no limit is given.
const PAGE: usize = 1000;
/// Bytes of the keyed digest in a cursor.
const DIGEST: usize = 16;
/// Path of the discovery, which is no root's name.
pub const DISCOVERY: &str = "taxii2";
/// Media type of the objects.
const STIX: &str = "application/stix+json;version=2.1";

/// What the service is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// Method of HTTP.
    pub method: &'a str,
    /// Path, beginning with `/`.
    pub path: &'a str,
    /// What follows `?`, or nothing.
    pub query: &'a str,
    /// Header `Accept`.
    pub accept: Option<&'a str>,
    /// Header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// Header `Authorization`.
    pub authorization: Option<&'a str>,
    /// Certificate of the connection, which the handshake has found genuine.
    pub certificate: Option<&'a Peer>,
    /// Address that it comes from.
    pub address: Option<IpAddr>,
    /// Body.
    pub body: &'a [u8],
    /// Microseconds since 1970.
    pub now: i64,
}

/// What the service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// Headers beside those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// Body in our media type, which may be empty.
    pub body: Vec<u8>,
}

/// A refusal with its status.
struct Refusal {
    status: u16,
    title: &'static str,
    advice: String,
    headers: Vec<(&'static str, String)>,
    /// What went wrong here, for the audit log.
    fault: Option<String>,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Refusal {
        let (title, advice) = refused.words();
        Refusal { headers: refused.headers(), ..refuse(refused.status(), title, advice) }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        // What the database says is for the operator, not for whoever asks.
        let advice = "try again later, and tell the operator of the node";
        Refusal { fault: Some(error.to_string()), ..refuse(500, "the node cannot reach what it keeps", advice) }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Refusal {
        refuse(500, "the node has no randomness", "tell the operator of the node")
    }
}

fn refuse(status: u16, title: &'static str, advice: impl Into<String>) -> Refusal {
    Refusal { status, title, advice: advice.into(), headers: Vec::new(), fault: None }
}

fn not_known(allow: &'static str) -> Refusal {
    let headers = vec![("Allow", allow.to_owned())];
    Refusal { headers, ..refuse(405, "method not allowed", format!("here are known: {allow}")) }
}

fn not_found() -> Refusal {
    refuse(404, "not found", "there is nothing here that this login may see")
}

/// A node as seen from the network.
pub struct Service {
    store: Mutex<Store>,
    readers: Readers,
    policy: Arc<Policy>,
    view: Mutex<Arc<View>>,
    gate: Gate,
    cursor_key: [u8; 32],
    /// Bytes that the next page may want.
    page_length: AtomicUsize,
    audit: Audit,
    ledger: Ledger,
    guest: Option<Account>,
}

/// What a service is made of.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// Where it is.
    pub location: Location,
    /// Where requests are noted.
    pub audit: Audit,
    /// How much may be asked for.
    pub rates: Rates,
    /// Who asks without login as long as the node has no accounts: nobody, or on a loopback address the operator.
    pub guest: Option<Account>,
}

impl Parts {
    /// With the audit log of a folder, the usual limits, and no guest.
    pub fn usual(store: Store, location: Location, folder: &std::path::Path) -> Result<Parts, StartError> {
        let audit = Audit::open(&folder.join(crate::node::AUDIT))?;
        Ok(Parts { store, location, audit, rates: Rates::default(), guest: None })
    }
}

/// What a request is about once it is known who asks.
struct Visit<'a> {
    request: Request<'a>,
    account: Arc<Account>,
    reader: &'a mut Reader,
    view: Arc<View>,
    service: &'a Service,
    noted: &'a mut Noted,
}

/// What the audit log is told of a request.
#[derive(Default)]
struct Noted {
    account: String,
    n_objects: usize,
    span: Option<(i64, i64)>,
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No key for cursors.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The audit log of its folder.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Service {
    /// A service.
    pub fn new(mut parts: Parts) -> Result<Service, StartError> {
        let view = parts.store.view()?;
        let (policy, generation) = (view.policy.clone(), view.directory.generation);
        let gate = Gate::new(&parts.rates)?;
        gate.refresh(generation, || parts.store.access())?;
        let view = Mutex::new(Arc::new(view));
        let cursor_key = parts.store.key("cursor", random()?)?;
        let (store, ledger) = (Mutex::new(parts.store), Ledger::default());
        let readers = Readers::new(parts.location);
        Ok(Service {
            store,
            readers,
            policy,
            view,
            gate,
            cursor_key,
            page_length: AtomicUsize::new(0),
            audit: parts.audit,
            ledger,
            guest: parts.guest,
        })
    }

    /// Answers a request. Never panics, and says of hidden things nothing. What cannot be noted in the audit log is not answered.
    pub fn answer(&self, request: Request) -> Answer {
        let mut noted = Noted::default();
        let answer = self.readers.read(|reader| self.visit(request, reader, &mut noted)?.answer());
        let fault = answer.as_ref().err().and_then(|refusal| refusal.fault.clone());
        let mut answer = answer.unwrap_or_else(|refusal| refused(&refusal));
        let mark = if request.query.is_empty() { "" } else { "?" };
        let entry = Entry {
            n: 0,
            at: String::new(),
            account: noted.account,
            asked: format!("{} {}{mark}{}", request.method, request.path, request.query),
            status: answer.status,
            n_objects: noted.n_objects,
            span: noted.span,
            fault,
        };
        if self.audit.note(request.now, entry).is_err() {
            answer = refused(&refuse(500, "the node cannot write its audit log", "tell the operator of the node"));
        }
        answer.headers.push(("Content-Type", MEDIA_TYPE.to_owned()));
        answer
    }

    /// Writes down what accounts have been given since the last call, and which tokens were used.
    pub fn write_ledger(&self) -> Result<(), StoreError> {
        let mut store = self.store();
        self.gate.note_uses(&mut store)?;
        self.ledger.write(&mut store)
    }

    fn visit<'a>(&'a self, request: Request<'a>, reader: &'a mut Reader, noted: &'a mut Noted) -> Result<Visit<'a>, Refusal> {
        let view = self.view(reader)?;
        let account = self.who(&view, &request)?;
        self.gate.may_send(&account, request.body.len(), request.now)?;
        noted.account.clone_from(&account.name);
        Ok(Visit { request, account, reader, view, service: self, noted })
    }

    /// The account behind a request.
    fn who(&self, view: &View, request: &Request) -> Result<Arc<Account>, Refused> {
        match (self.gate.who(request.authorization, request.certificate, request.address, request.now), &self.guest) {
            (Err(Refused::NoLogin), Some(guest)) if view.directory.accounts.is_empty() => Ok(Arc::new(everywhere(guest, view))),
            (who, _) => who,
        }
    }

    /// The account behind a request to another part of the node, which asks by its headers, certificate and address only.
    pub fn login(&self, request: &Request) -> Result<Result<Arc<Account>, Refused>, StoreError> {
        self.readers.read(|reader| Ok(self.who(&*self.view(reader)?, request)))
    }

    /// The answer to a request whose login is refused, before its body is read; `None` where it is taken.
    pub fn refused_login(&self, request: Request) -> Option<Answer> {
        let is_taken = matches!(self.login(&request), Ok(Ok(_)));
        if is_taken { None } else { Some(self.answer(request)) }
    }

    /// Whether an account may start jobs. The guest may.
    pub fn may_start_jobs(&self, account: &Account) -> Result<bool, StoreError> {
        let is_guest = self.guest.as_ref().is_some_and(|guest| guest.name == account.name && account.password.is_empty());
        Ok(is_guest || self.store().may_start_jobs(&account.name)?)
    }

    /// The view on the set-up that a reader sees.
    fn view(&self, reader: &mut Reader) -> Result<Arc<View>, StoreError> {
        let known = || self.view.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = reader.generation()?;
        let current = known().clone();
        if current.directory.generation == generation {
            return Ok(current);
        }
        let view = Arc::new(View::new(reader.directory()?, self.policy.clone()));
        self.gate.refresh(generation, || reader.access())?;
        // A reader that began before a change must not put its older view in the place of a newer one.
        if known().directory.generation < generation {
            *known() = view.clone();
        }
        Ok(view)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guest with a right to every collection.
fn everywhere(guest: &Account, view: &View) -> Account {
    let places = view.directory.collections.iter().map(|c| Place { root: c.root.clone(), id: c.id.clone() });
    let places: std::collections::BTreeSet<Place> = places.collect();
    Account { reads: places.clone(), writes: places, ..guest.clone() }
}

fn refused(refusal: &Refusal) -> Answer {
    let body = Failure {
        title: refusal.title.to_owned(),
        description: Some(refusal.advice.clone()),
        http_status: Some(refusal.status.to_string()),
    };
    Answer { headers: refusal.headers.clone(), ..json(refusal.status, &body) }
}

fn json(status: u16, value: &impl Serialize) -> Answer {
    // The types of wire hold nothing that JSON cannot say.
    Answer { status, headers: Vec::new(), body: serde_json::to_vec(value).unwrap_or_default() }
}

fn moments(page: &Page) -> Vec<(&'static str, String)> {
    let header = |name, at: Option<i64>| at.map(|at| (name, Instant(at).to_string()));
    [header("X-TAXII-Date-Added-First", page.first), header("X-TAXII-Date-Added-Last", page.last)].into_iter().flatten().collect()
}

/// What a path leads to within a collection.
#[derive(Clone, Copy)]
enum Part<'a> {
    Itself,
    Manifest,
    Objects,
    Object(&'a str),
    Versions(&'a str),
}

impl Visit<'_> {
    fn answer(mut self) -> Result<Answer, Refusal> {
        let path = self.request.path;
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').split('/').collect();
        match segments[..] {
            [DISCOVERY] => self.get(|visit| Ok(visit.discovery())),
            [root] => self.in_root(root)?.get(|visit| visit.root(root)),
            [root, "collections"] => self.in_root(root)?.get(|visit| Ok(visit.collections(root))),
            [root, "status", id] => self.in_root(root)?.get(|visit| visit.status(root, id)),
            [root, "collections", id] => self.in_collection(root, id, Part::Itself),
            [root, "collections", id, "manifest"] => self.in_collection(root, id, Part::Manifest),
            [root, "collections", id, "objects"] => self.in_collection(root, id, Part::Objects),
            [root, "collections", id, "objects", object] => self.in_collection(root, id, Part::Object(object)),
            [root, "collections", id, "objects", object, "versions"] => self.in_collection(root, id, Part::Versions(object)),
            _ => Err(not_found()),
        }
    }

    fn get(&mut self, answer: impl FnOnce(&mut Self) -> Result<Answer, Refusal>) -> Result<Answer, Refusal> {
        self.must_accept()?;
        if self.request.method != "GET" {
            return Err(not_known("GET, HEAD"));
        }
        answer(self)
    }

    fn must_accept(&self) -> Result<(), Refusal> {
        let is_accepted = accepts(self.request.accept);
        if is_accepted { Ok(()) } else { Err(refuse(406, "not acceptable", format!("send the header Accept: {MEDIA_TYPE}"))) }
    }

    /// What the account may do in a collection. What our extensions mean may be read by everybody who knows the root.
    fn may(&self, root: &str, id: &str) -> (bool, bool) {
        let place = Place { root: root.to_owned(), id: id.to_owned() };
        (self.account.reads.contains(&place) || id == DEFINITIONS_COLLECTION, self.account.writes.contains(&place))
    }

    /// Roots in which the account may do anything.
    fn roots(&self) -> impl Iterator<Item = &(String, String)> {
        let account = &self.account;
        let is_known = |name: &str| account.reads.iter().chain(&account.writes).any(|place| place.root == name);
        self.view.directory.roots.iter().filter(move |(name, _)| is_known(name))
    }

    fn in_root(&mut self, name: &str) -> Result<&mut Self, Refusal> {
        let is_known = self.roots().any(|root| root.0 == name);
        if is_known { Ok(self) } else { Err(not_found()) }
    }

    fn discovery(&self) -> Answer {
        let api_roots: Vec<String> = self.roots().map(|(name, _)| format!("/{name}/")).collect();
        let default = api_roots.first().cloned();
        let title = "Buttress".to_owned();
        let description = Some("Critical infrastructure: shared under markings".to_owned());
        json(200, &Discovery { title, description, contact: None, default, api_roots })
    }

    fn root(&mut self, name: &str) -> Result<Answer, Refusal> {
        let title = self.roots().find(|root| root.0 == name).map(|root| root.1.clone()).ok_or_else(not_found)?;
        let versions = vec![MEDIA_TYPE.to_owned()];
        Ok(json(200, &ApiRoot { title, description: None, versions, max_content_length: MAX_BODY as u64 }))
    }

    fn resource(&self, collection: &Collection) -> CollectionResource {
        let (can_read, can_write) = self.may(&collection.root, &collection.id);
        CollectionResource {
            id: collection.id.clone(),
            title: collection.title.clone(),
            description: None,
            alias: None,
            can_read,
            can_write,
            media_types: vec![STIX.to_owned()],
        }
    }

    fn collections(&self, root: &str) -> Answer {
        let list = self
            .view
            .directory
            .collections
            .iter()
            .filter(|c| c.root == root)
            .map(|c| self.resource(c))
            .filter(|c| c.can_read || c.can_write)
            .collect();
        json(200, &Collections { collections: list })
    }

    fn status(&mut self, root: &str, id: &str) -> Result<Answer, Refusal> {
        let text = self.reader.status(id, (root, &self.account.name))?.ok_or_else(not_found)?;
        Ok(Answer { status: 200, headers: Vec::new(), body: text.into_bytes() })
    }

    fn in_collection(&mut self, root: &str, id: &str, part: Part) -> Result<Answer, Refusal> {
        let (can_read, can_write) = self.in_root(root)?.may(root, id);
        let found = self.view.directory.collections.iter().find(|c| c.root == root && c.id == id);
        let collection = found.filter(|_| can_read || can_write).cloned().ok_or_else(not_found)?;
        self.must_accept()?;
        let barred = |what: &'static str| refuse(403, "not allowed", format!("this login may not {what} this collection"));
        match (self.request.method, part) {
            ("GET", Part::Itself) => Ok(json(200, &self.resource(&collection))),
            ("GET", _) if !can_read => Err(barred("read")),
            ("GET", Part::Manifest) => self.manifest(&collection),
            ("GET", Part::Objects) => self.objects(&collection, None),
            ("GET", Part::Object(object)) => self.objects(&collection, Some(object)),
            ("GET", Part::Versions(object)) => self.versions(&collection, object),
            ("POST", Part::Objects) if !can_write => Err(barred("add to")),
            ("POST", Part::Objects) => self.add(&collection),
            ("DELETE", Part::Object(_)) if !(can_read && can_write) => Err(barred("delete from")),
            ("DELETE", Part::Object(object)) => self.delete(&collection, object),
            (_, Part::Objects) => Err(not_known("GET, HEAD, POST")),
            (_, Part::Object(_)) => Err(not_known("GET, HEAD, DELETE")),
            _ => Err(not_known("GET, HEAD")),
        }
    }

    /// The query of this request, with an object of the path.
    fn query(&self, object: Option<&str>) -> Result<Query, Refusal> {
        let mut query = Query::parse(self.request.query).map_err(|e| refuse(400, "the query cannot be understood", e.to_string()))?;
        if let Some(object) = object {
            query.filter.ids = vec![Id::parse(object).ok_or_else(not_found)?];
        }
        Ok(query)
    }

    /// What a cursor is good for: this reader, this collection, these filters.
    fn cursor_digest(&self, collection: &Collection, query: &Query, at: i64) -> [u8; 32] {
        let asked = format!("{:?} {:?} {}", query.added_after, query.filter, self.request.path.trim_end_matches('/'));
        let place = format!("{}/{}", collection.root, collection.id);
        let parts = [self.account.name.as_bytes(), place.as_bytes(), asked.as_bytes(), &at.to_be_bytes()];
        keyed_digest(&self.service.cursor_key, &parts)
    }

    fn cursor(&self, collection: &Collection, query: &Query, at: i64) -> String {
        let digest = self.cursor_digest(collection, query, at);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([&at.to_be_bytes()[..], &digest[..DIGEST]].concat())
    }

    /// Where a page begins.
    fn after(&self, collection: &Collection, query: &Query) -> Result<i64, Refusal> {
        let Some(next) = &query.next else { return Ok(query.added_after.map_or(0, |at| at.0)) };
        let foreign = || refuse(400, "`next` is not of this server", "send it as the page before gave it, with the same filters");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(next).map_err(|_| foreign())?;
        let (at, digest) = bytes.split_first_chunk::<8>().ok_or_else(foreign)?;
        let at = i64::from_be_bytes(*at);
        if digest == &self.cursor_digest(collection, query, at)[..DIGEST] { Ok(at) } else { Err(foreign()) }
    }

    /// Hands over a page; where the next one begins.
    fn page(&mut self, collection: &Collection, query: &Query, take: &mut dyn FnMut(Item)) -> Result<(Page, Option<String>), Refusal> {
        let after = self.after(collection, query)?;
        let limit = query.limit.map_or(PAGE, |limit| limit.min(PAGE));
        let sight = self.view.sight(&self.account);
        let page = self.reader.page((collection.number, &sight.classes), &query.filter, (after, limit), take)?;
        self.noted.span = page.first.zip(page.last);
        let next = page.last.filter(|_| page.more).map(|at| self.cursor(collection, query, at));
        Ok((page, next))
    }

    /// Objects of a collection (section 5.4), or the versions of one of them (section 5.6).
    fn objects(&mut self, collection: &Collection, object: Option<&str>) -> Result<Answer, Refusal> {
        let query = self.query(object)?;
        // A page is as long as the one before, more often than not.
        let mut body = Vec::with_capacity(self.service.page_length.load(Ordering::Relaxed));
        body.extend_from_slice(b"{\"objects\":[");
        let begin = body.len();
        let mut given = Vec::new();
        let (page, next) = self.page(collection, &query, &mut |item| {
            if body.len() > begin {
                body.push(b',');
            }
            given.push(item.added);
            body.extend_from_slice(item.text.as_bytes());
        })?;
        if page.first.is_none() {
            if object.is_some() && !self.is_there(collection, &query)? {
                return Err(not_found());
            }
            return Ok(Answer { status: 200, headers: Vec::new(), body: b"{\"more\":false}".to_vec() });
        }
        self.noted.n_objects = given.len();
        self.service.ledger.note(&self.account.name, collection.number, &given);
        body.extend_from_slice(format!("],\"more\":{}", page.more).as_bytes());
        if let Some(next) = next {
            body.extend_from_slice(format!(",\"next\":\"{next}\"").as_bytes());
        }
        body.push(b'}');
        self.service.page_length.store(body.len() + body.len() / 8, Ordering::Relaxed);
        Ok(Answer { status: 200, headers: moments(&page), body })
    }

    /// Whether the reader may see any version of the object asked for.
    fn is_there(&mut self, collection: &Collection, query: &Query) -> Result<bool, Refusal> {
        let versions = vec![VersionMatch::Last];
        let any =
            Query { filter: Filter { ids: query.filter.ids.clone(), versions, ..Filter::default() }, limit: Some(1), ..Query::default() };
        Ok(self.page(collection, &any, &mut |_| {})?.0.first.is_some())
    }

    fn manifest(&mut self, collection: &Collection) -> Result<Answer, Refusal> {
        let query = self.query(None)?;
        let mut objects = Vec::new();
        let (page, next) = self.page(collection, &query, &mut |item| {
            objects.push(ManifestRecord {
                id: item.id.to_owned(),
                date_added: Instant(item.added).to_string(),
                version: item.version.to_owned(),
                media_type: Some(format!("application/stix+json;version={}", item.spec_version)),
            });
        })?;
        Ok(Answer { headers: moments(&page), ..json(200, &Manifest { more: page.more, next, objects }) })
    }

    fn versions(&mut self, collection: &Collection, object: &str) -> Result<Answer, Refusal> {
        let mut query = self.query(Some(object))?;
        query.filter.versions = vec![VersionMatch::All];
        let mut versions = Vec::new();
        let (page, next) = self.page(collection, &query, &mut |item| versions.push(item.version.to_owned()))?;
        if versions.is_empty() && !self.is_there(collection, &query)? {
            return Err(not_found());
        }
        Ok(Answer { headers: moments(&page), ..json(200, &Versions { more: page.more, next, versions }) })
    }

    fn add(&mut self, collection: &Collection) -> Result<Answer, Refusal> {
        if !is_media_type(self.request.content_type) {
            return Err(refuse(415, "media type not supported", format!("send the header Content-Type: {MEDIA_TYPE}")));
        }
        if self.request.body.len() > MAX_BODY {
            return Err(too_large());
        }
        let text = std::str::from_utf8(self.request.body).map_err(|e| refuse(400, "the body is no UTF-8", e.to_string()))?;
        serde_json::from_str::<&RawValue>(text).map_err(|e| refuse(400, "the body is no JSON", e.to_string()))?;
        let wrong = |why: String| refuse(422, "the body is no envelope", format!("send {{\"objects\": [...]}}: {why}"));
        // A list would be read as the values of an envelope.
        if !text.trim_start().starts_with('{') {
            return Err(wrong("it is no object".to_owned()));
        }
        let envelope: Sent = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if envelope.objects.is_empty() {
            return Err(wrong("there are no objects in it".to_owned()));
        }
        let status = self.keep(collection, &envelope.objects)?;
        Ok(json(202, &status))
    }

    fn keep(&mut self, collection: &Collection, texts: &[&RawValue]) -> Result<Status, Refusal> {
        let (mut objects, mut failures) = (Vec::new(), Vec::new());
        for text in texts {
            match Object::read(text.get()) {
                Ok(object) => objects.push(object),
                Err(refused) => failures.push(StatusDetail { message: Some(refused.to_string()), ..named(text) }),
            }
        }
        let detail = |object: &Object| StatusDetail { id: object.id.to_string(), version: object.version.to_string(), message: None };
        let status = Status {
            id: uuid::Builder::from_random_bytes(random()?).into_uuid().to_string(),
            status: "complete".to_owned(),
            request_timestamp: Some(Instant(self.request.now).to_string()),
            total_count: texts.len(),
            success_count: objects.len(),
            successes: objects.iter().map(detail).collect(),
            failure_count: failures.len(),
            failures,
            pending_count: 0,
            pendings: Vec::new(),
        };
        let text = serde_json::to_string(&status).unwrap_or_default();
        let receipt = (&*status.id, &*text);
        let clears = |name: &str, marking: &Id, statement: &Statement| self.view.clears(name, marking, statement);
        let writer = Writer { name: &self.account.name, clears: &clears };
        self.noted.n_objects = objects.len();
        self.reader.finish()?;
        self.service.store().accept(collection, &writer, &objects, receipt, self.request.now)?;
        Ok(status)
    }

    /// Deletes versions of an object, all of them where none is named (section 5.7).
    fn delete(&mut self, collection: &Collection, object: &str) -> Result<Answer, Refusal> {
        let mut query = self.query(Some(object))?;
        if query.filter.versions.is_empty() {
            query.filter.versions = vec![VersionMatch::All];
        }
        let (sight, limit) = (self.view.sight(&self.account), PAGE);
        let (mut meant, mut after) = (Vec::new(), 0);
        loop {
            let place = (collection.number, &sight.classes[..]);
            let page = self.reader.page(place, &query.filter, (after, limit), &mut |item| {
                meant.extend(Instant::parse(item.version).map(|at| (item.spec_version.to_owned(), at.0)));
            })?;
            after = page.last.unwrap_or(after);
            if !page.more {
                break;
            }
        }
        let is_meant = |spec: &str, at: i64| meant.iter().any(|(s, a)| s == spec && *a == at);
        let clears = |name: &str, marking: &Id, statement: &Statement| self.view.clears(name, marking, statement);
        let writer = Writer { name: &self.account.name, clears: &clears };
        let place = (collection, &sight.classes[..]);
        self.reader.finish()?;
        let n = self.service.store().delete(place, &writer, &query.filter.ids[0], &is_meant, self.request.now)?;
        if n == 0 { Err(not_found()) } else { Ok(Answer { status: 200, headers: Vec::new(), body: Vec::new() }) }
    }
}

/// The refusal of a body beyond [`MAX_BODY`].
fn too_large() -> Refusal {
    refuse(413, "the body is too large", format!("send at most {MAX_BODY} bytes"))
}

fn unread(refusal: &Refusal) -> Answer {
    let mut answer = refused(refusal);
    answer.headers.push(("Content-Type", MEDIA_TYPE.to_owned()));
    answer
}

/// The answer to a body beyond [`MAX_BODY`] that was not read.
pub fn body_too_large() -> Answer {
    unread(&too_large())
}

/// The answer to a body in an encoding, which is not decoded.
pub fn body_encoded() -> Answer {
    let mut answer = unread(&refuse(415, "content encoding not supported", "send the body as it is, without Content-Encoding"));
    answer.headers.push(("Accept-Encoding", "identity".to_owned()));
    answer
}

/// The answer to a body that does not fit beside those being read.
pub fn no_room() -> Answer {
    let mut answer = unread(&refuse(503, "too many large bodies at once", "send it again in a minute"));
    answer.headers.push(("Retry-After", "60".to_owned()));
    answer
}

/// An envelope as sent.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(default, borrow, deserialize_with = "few")]
    objects: Vec<&'a RawValue>,
}

/// Reads a list of at most [`MAX_OBJECTS`], so that a body of nothing but commas does not fill the memory.
fn few<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'a RawValue>, D::Error> {
    struct Few;
    impl<'de> serde::de::Visitor<'de> for Few {
        type Value = Vec<&'de RawValue>;
        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            write!(f, "a list of objects")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(text) = seq.next_element()? {
                if list.len() == MAX_OBJECTS {
                    return Err(serde::de::Error::custom(format!("more than {MAX_OBJECTS} objects; send them in several requests")));
                }
                list.push(text);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Few)
}

/// What can be told of an object that was refused, each property as it stands.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    modified: Option<&'a RawValue>,
    #[serde(borrow)]
    created: Option<&'a RawValue>,
}

fn named(text: &RawValue) -> StatusDetail {
    let named: Named = serde_json::from_str(text.get()).unwrap_or_default();
    let word = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let version = word(named.modified).or_else(|| word(named.created)).unwrap_or_default();
    StatusDetail { id: word(named.id).unwrap_or_default(), version, message: None }
}

#[cfg(test)]
#[path = "taxii_tests.rs"]
mod tests;
