//! A raw client of HTTP/1.1 over TLS: any bytes out; status, headers and body back.

#![allow(dead_code, reason = "tests and benchmark each use a part of it")]

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use serde_json::Value;

/// Media type of TAXII 2.1.
pub const TAXII: &str = "application/taxii+json;version=2.1";
/// Time after which an answer is given up.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// Largest head of an answer taken, bytes.
const MAX_HEAD: usize = 64 * 1024;

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header by its name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client's side of TLS that trusts one certificate.
pub fn trusting(certificate: &Path, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions of TLS");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Value of the header of basic authentication.
pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

/// A socket that is read in large pieces, since rustls asks for small ones.
struct Socket(BufReader<TcpStream>);

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

/// One connection, kept alive.
pub struct Client {
    stream: rustls::StreamOwned<ClientConnection, Socket>,
    /// Bytes that came and were not asked for yet.
    kept: Vec<u8>,
}

impl Client {
    /// Connects and shakes hands.
    pub fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> io::Result<Client> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection = ClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
        let mut socket = Socket(BufReader::with_capacity(256 * 1024, socket));
        let mut connection = connection;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        Ok(Client { stream: rustls::StreamOwned::new(connection, socket), kept: Vec::new() })
    }

    /// The version of TLS that was agreed upon.
    pub fn tls_version(&self) -> Option<rustls::ProtocolVersion> {
        self.stream.conn.protocol_version()
    }

    /// Whether a ticket of an earlier connection let this one send data before the handshake.
    pub fn offers_early_data(&mut self) -> bool {
        self.stream.conn.is_early_data_accepted() || self.stream.conn.early_data().is_some()
    }

    /// Changes the time after which a read is given up.
    pub fn patience(&self, time: Duration) -> io::Result<()> {
        self.stream.sock.0.get_ref().set_read_timeout(Some(time))
    }

    /// Says that nothing more will be sent, without a word of TLS.
    pub fn half_close(&self) -> io::Result<()> {
        self.stream.sock.0.get_ref().shutdown(Shutdown::Write)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    fn more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.kept.extend_from_slice(&piece[..n]);
                Ok(())
            }
        }
    }

    /// Reads the head of an answer.
    fn head(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.kept.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            if self.kept.len() > MAX_HEAD {
                return Err(io::Error::other("the head of the answer is too long"));
            }
            self.more()?;
        };
        let head: Vec<u8> = self.kept.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no answer of HTTP: {head}")))?;
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Ok(Answer { status, headers: lines.filter_map(header).collect(), body: Vec::new() })
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.kept.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.kept.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let rest = self.kept.split_off(length.min(self.kept.len()));
        let mut body = std::mem::replace(&mut self.kept, rest);
        let from = body.len();
        body.resize(length, 0);
        self.stream.read_exact(&mut body[from..])?;
        Ok(body)
    }

    /// Reads an answer with its body.
    pub fn receive(&mut self) -> io::Result<Answer> {
        let mut answer = self.receive_head()?;
        if answer.status < 200 || matches!(answer.status, 204 | 304) {
            return Ok(answer);
        }
        if answer.header("Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
            loop {
                let line = self.line()?;
                let length = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16).map_err(io::Error::other)?;
                answer.body.extend(self.exactly(length)?);
                self.line()?;
                if length == 0 {
                    return Ok(answer);
                }
            }
        }
        answer.body = if let Some(length) = answer.header("Content-Length").and_then(|v| v.parse().ok()) {
            self.exactly(length)?
        } else {
            while self.more().is_ok() {}
            std::mem::take(&mut self.kept)
        };
        Ok(answer)
    }

    /// Reads an answer that has no body, such as one to HEAD.
    pub fn receive_head(&mut self) -> io::Result<Answer> {
        self.head()
    }

    /// Reads an answer and throws its body away; its status and length.
    pub fn drain(&mut self, room: &mut [u8]) -> io::Result<(u16, usize)> {
        let head = self.head()?;
        let length: usize = head.header("Content-Length").and_then(|v| v.parse().ok()).unwrap_or(0);
        let mut left = length - self.kept.len().min(length);
        self.kept.drain(..length.min(self.kept.len()));
        while left > 0 {
            let n = left.min(room.len());
            match self.stream.read(&mut room[..n])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => left -= n,
            }
        }
        Ok((head.status, length))
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: &Ask) -> io::Result<Answer> {
        self.send(&request.bytes())?;
        if request.method == "HEAD" { self.receive_head() } else { self.receive() }
    }
}

/// A well-formed request.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// Headers beside `Host` and `Content-Length`.
    pub headers: Vec<(&'a str, String)>,
    pub body: &'a [u8],
}

impl Ask<'_> {
    /// The request as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: localhost\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), self.body].concat()
    }
}
