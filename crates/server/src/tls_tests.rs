//! Handshakes with a real socket: who is let in by a certificate, and who is not let near.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};

use super::*;
use crate::identity::certificate::Peer;
use crate::identity::setup;
use crate::store::{Location, Store};
use crate::taxii::Service;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let folder = std::env::temp_dir().join(format!("buttress-tls-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    Folder(folder)
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// A client's certificate, good until the end of this year, and its key.
fn client(of: &Issuer<'static, KeyPair>, name: &str, last_year: i32) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2001, 1, 1), rcgen::date_time_ymd(last_year, 12, 31));
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, of).unwrap().der().clone();
    (certificate, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
}

/// Serves a node that binds `fi` to the name in its certificate; it ends with the tests.
fn serve(folder: &Path, authority: &str, demand: Demand) -> (SocketAddr, PathBuf) {
    let marking = buttress_wire::stix::Id::parse(&buttress_wire::stix::marking::Tlp::Amber.id()).unwrap();
    let location = Location::Sqlite(folder.join("node.db"));
    let mut store = Store::open(&location, marking).unwrap();
    store.set_account(&crate::identity::tests::account("fi", None)).unwrap();
    setup::bind_certificate(&mut store, "fi", "dns:fi.example", 0).unwrap();
    let file = folder.join("clients.pem");
    std::fs::write(&file, authority).unwrap();
    let certificate = Certificate::in_folder(folder).unwrap();
    let tls = Tls { certificate: certificate.clone(), clients: Some(Clients { authority: file, demand }) };
    let service = std::sync::Arc::new(Service::new(crate::taxii::Parts::usual(store, location, folder).unwrap()).unwrap());
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || crate::listen::serve((service, None), "127.0.0.1:0".parse().unwrap(), &tls, |at| ready.send(at).unwrap()));
    (is_ready.recv_timeout(Duration::from_secs(30)).unwrap(), certificate.certificate)
}

type Shown = Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>;

/// First line of the answer to a request, or why there is none.
fn ask(at: &(SocketAddr, PathBuf), shown: Shown, version: &'static SupportedProtocolVersion) -> Result<String, std::io::Error> {
    let mut roots = RootCertStore::empty();
    chain_of(&at.1).unwrap().into_iter().for_each(|certificate| roots.add(certificate).unwrap());
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let socket = TcpStream::connect(at.0)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(b"GET /taxii2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    assert_eq!(stream.conn.protocol_version(), Some(version.version));
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or("").to_owned())
}

const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn a_certificate_lets_in_whom_it_is_bound_to_and_others_may_log_in_otherwise() {
    let folder = folder("optional");
    let (ours, pem) = authority("ours");
    let (foreign, _) = authority("ours");
    let at = serve(&folder.0, &pem, Demand::Optional);
    for version in BOTH {
        let known = ask(&at, Some(client(&ours, "fi", 2090)), version).unwrap();
        assert!(known.starts_with("HTTP/1.1 200"), "{known} {version:?}");
        assert!(ask(&at, Some(client(&ours, "se", 2090)), version).unwrap().starts_with("HTTP/1.1 401"), "bound to nobody");
        assert!(ask(&at, None, version).unwrap().starts_with("HTTP/1.1 401"), "without a certificate one may log in otherwise");
        assert!(ask(&at, Some(client(&foreign, "fi", 2090)), version).is_err(), "another authority of the same name");
        assert!(ask(&at, Some(client(&ours, "fi", 2002)), version).is_err(), "a certificate that has ended");
    }
}

#[test]
fn a_certificate_can_be_demanded() {
    let folder = folder("required");
    let (ours, pem) = authority("ours");
    let at = serve(&folder.0, &pem, Demand::Required);
    for version in BOTH {
        assert!(ask(&at, None, version).is_err());
        assert!(ask(&at, Some(client(&ours, "fi", 2090)), version).unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_certificate_that_the_handshake_takes_can_be_read_here() {
    let (ours, _) = authority("ours");
    let peer = Peer::read(&client(&ours, "fi", 2090).0).unwrap();
    assert!(peer.names.contains(&"dns:fi.example".to_owned()) && peer.names.iter().any(|name| name.starts_with("subject:CN=fi")));
}

#[test]
fn a_file_without_certificates_is_refused_by_its_name() {
    let folder = folder("files");
    let certificate = Certificate::in_folder(&folder.0).unwrap();
    let (empty, missing) = (folder.0.join("empty.pem"), folder.0.join("missing.pem"));
    std::fs::write(&empty, "").unwrap();
    for path in [empty, missing, certificate.key.clone()] {
        let clients = Some(Clients { authority: path.clone(), demand: Demand::Optional });
        let why = Tls { certificate: certificate.clone(), clients }.config().unwrap_err().to_string();
        assert!(why.contains(path.to_str().unwrap()), "{why}");
    }
}
