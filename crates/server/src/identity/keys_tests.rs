//! Keys fetched over TLS from an issuer that runs in this process.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::super::tests::NOW;
use super::*;
use crate::tls::{Certificate, Tls};

const MINUTE: i64 = 60_000_000;

/// What an issuer says to the next who asks.
#[derive(Clone)]
enum Says {
    Keys(&'static str),
    Other,
    Huge,
    Away,
    Nothing,
}

struct Issuer {
    url: String,
    authority: String,
    says: Arc<Mutex<Says>>,
    asked: Arc<AtomicUsize>,
    folder: PathBuf,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn document(says: &Says, url: &str, path: &str) -> Option<String> {
    let key = |id: &str| json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let discovery = |issuer: &str| json!({"issuer": issuer, "jwks_uri": format!("{url}/keys")}).to_string();
    Some(match says {
        Says::Keys(_) | Says::Huge if path.starts_with("/.well-known/") => discovery(url),
        Says::Keys(id) => json!({ "keys": [key(id)] }).to_string(),
        Says::Other => discovery("https://other.example"),
        Says::Huge => " ".repeat(MAX_DOCUMENT as usize + 1),
        Says::Away => return None,
        Says::Nothing => {
            std::thread::sleep(2 * FETCH_TIME);
            return None;
        }
    })
}

fn issuer(name: &str) -> Issuer {
    let folder = std::env::temp_dir().join(format!("buttress-keys-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let certificate = Certificate::in_folder(&folder).unwrap();
    let authority = std::fs::read_to_string(&certificate.certificate).unwrap();
    let config = Arc::new(Tls { certificate, clients: None }.config().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (says, asked) = (Arc::new(Mutex::new(Says::Keys("one"))), Arc::new(AtomicUsize::new(0)));
    let (told, count, own) = (says.clone(), asked.clone(), url.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket.unwrap());
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("").to_owned();
            count.fetch_add(usize::from(path.starts_with("/.well-known/")), Ordering::SeqCst);
            let says = told.lock().unwrap().clone();
            let Some(body) = document(&says, &own, &path) else { continue };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    Issuer { url, authority, says, asked, folder }
}

impl Issuer {
    fn keyring(&self) -> Keyring {
        Keyring::new(&self.url, Source::Discovery { authority: Some(self.authority.clone()) }).unwrap()
    }

    fn will_say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[test]
fn keys_are_fetched_once_and_again_for_an_unknown_one_at_most_once_a_minute() {
    let issuer = issuer("rotation");
    let keyring = issuer.keyring();
    let key = |id, now| keyring.key(Some(id), Algorithm::EdDSA, now).map(|_| ());
    assert_eq!(key("one", NOW), Ok(()));
    issuer.will_say(Says::Keys("two"));
    assert_eq!(
        [key("one", NOW), key("two", NOW), key("three", NOW + MINUTE - 1)],
        [Ok(()), Err(Refused::WrongToken), Err(Refused::WrongToken)]
    );
    assert_eq!(issuer.asked(), 1);
    assert_eq!(key("two", NOW + MINUTE), Ok(()));
    assert_eq!(key("one", NOW + MINUTE), Err(Refused::WrongToken), "a key that was withdrawn");
    assert_eq!(issuer.asked(), 2);
    assert_eq!(keyring.key(Some("two"), Algorithm::ES256, NOW + MINUTE).map(|_| ()), Err(Refused::WrongToken));
}

#[test]
fn an_issuer_that_is_away_is_believed_for_a_day() {
    let issuer = issuer("away");
    let keyring = issuer.keyring();
    let key = |id, now| keyring.key(Some(id), Algorithm::EdDSA, now).map(|_| ());
    issuer.will_say(Says::Away);
    assert_eq!(key("one", NOW), Err(Refused::Later { seconds: 60 }));
    assert_eq!(key("one", NOW + MINUTE / 2), Err(Refused::Later { seconds: 30 }));
    issuer.will_say(Says::Keys("one"));
    assert_eq!(key("one", NOW + MINUTE), Ok(()));
    issuer.will_say(Says::Away);
    assert_eq!(key("one", NOW + MINUTE + SPOILT), Ok(()));
    assert_eq!(key("one", NOW + 2 * MINUTE + SPOILT), Err(Refused::Later { seconds: 60 }));
}

#[test]
fn documents_of_others_too_large_or_too_slow_are_refused() {
    let issuer = issuer("odd");
    let fetched = |authority: Option<&str>| fetch(&issuer.url, authority).map(|_| ()).unwrap_err();
    assert!(fetched(None).contains(&issuer.url), "its authority is not one of the public web");
    let own = Some(issuer.authority.as_str());
    issuer.will_say(Says::Other);
    assert!(fetched(own).contains("other.example"));
    issuer.will_say(Says::Huge);
    assert!(fetched(own).contains("/keys"));
    issuer.will_say(Says::Nothing);
    let begin = std::time::Instant::now();
    fetched(own);
    assert!(begin.elapsed() < 2 * FETCH_TIME);
    let plain = issuer.url.replace("https", "http");
    assert!(fetch(&plain, own).is_err());
}
