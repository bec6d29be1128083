//! Certificates of clients (RFC 5280). Whether one is genuine and still good is for the handshake; here stands what it says.
//!
//! An account is bound to a certificate by text: `sha256:` and its fingerprint, or a name that a trusted authority has put into it:
//! `subject:` and the distinguished name as RFC 4514 writes it, `dns:`, `email:`, `uri:`.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use crate::hex::{bytes_of_hex, hex};

/// What a client's certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// Its texts to be bound by, the fingerprint first.
    pub names: Vec<String>,
    /// First moment at which it is good, microseconds since 1970.
    pub not_before: i64,
    /// Last moment at which it is good.
    pub not_after: i64,
}

/// The rest of a DER text (X.690), read element by element.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Tag and contents of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first().filter(|(tag, _)| *tag & 0x1f != 0x1f)?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let bytes = rest.get(..usize::from(first & 0x7f)).filter(|bytes| (1..=4).contains(&bytes.len()))?;
            rest = &rest[bytes.len()..];
            length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        }
        let contents = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((tag, contents))
    }

    /// Contents of the next element, which has this tag.
    fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `id-ce-subjectAltName`.
const ALTERNATIVE_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

/// A moment: `UTCTime`, or `GeneralizedTime` from 2050 on.
fn moment((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?.strip_suffix('Z')?;
    let full = match tag {
        0x17 if text.len() == 12 => format!("{}{text}", if &text[..2] < "50" { "20" } else { "19" }),
        0x18 if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full[from..to].parse::<i8>().ok();
    let year = full[..4].parse().ok()?;
    let at = jiff::civil::DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(at).ok()?.as_microsecond())
}

/// Name of an attribute: the short names of RFC 4514, else numbers with dots.
fn attribute(oid: &[u8]) -> Option<String> {
    let short = match oid {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        _ => "",
    };
    if !short.is_empty() {
        return Some(short.to_owned());
    }
    let (mut arcs, mut arc) = (Vec::new(), 0_u64);
    for byte in oid {
        arc = arc.checked_mul(128)? + u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    let (first, rest) = arcs.split_first()?;
    let (a, b) = if *first < 80 { (first / 40, first % 40) } else { (2, first - 80) };
    Some(rest.iter().fold(format!("{a}.{b}"), |text, arc| format!("{text}.{arc}")))
}

/// A value, with what would look like structure escaped; a type of string that is not plain text is written in hexadecimal.
fn value((tag, contents): (u8, &[u8])) -> String {
    let is_text = matches!(tag, 0x0c | 0x13 | 0x16);
    let Some(text) = std::str::from_utf8(contents).ok().filter(|_| is_text) else {
        return format!("#{tag:02x}{}", hex(contents));
    };
    let mut written = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (i, c) in text.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => written.extend(['\\', c]),
            '#' if i == 0 => written.push_str("\\#"),
            ' ' if i == 0 || i == last => written.push_str("\\ "),
            c if c.is_control() => c.to_string().bytes().for_each(|byte| written.push_str(&format!("\\{byte:02x}"))),
            c => written.push(c),
        }
    }
    written
}

/// A distinguished name as RFC 4514 writes it: the last part first.
fn distinguished(name: &[u8]) -> Option<String> {
    let (mut name, mut parts) = (Der(name), Vec::new());
    while !name.0.is_empty() {
        let (mut set, mut part) = (Der(name.of(SET)?), Vec::new());
        while !set.0.is_empty() {
            let mut pair = Der(set.of(SEQUENCE)?);
            part.push(format!("{}={}", attribute(pair.of(OID)?)?, value(pair.next()?)));
        }
        parts.push(part.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// Alternative names of the kinds that are bound by.
fn alternatives(extension: &[u8], names: &mut Vec<String>) -> Option<()> {
    let mut list = Der(Der(extension).of(SEQUENCE)?);
    while !list.0.is_empty() {
        let (tag, contents) = list.next()?;
        let kind = match tag {
            0x81 => "email",
            0x82 => "dns",
            0x86 => "uri",
            _ => continue,
        };
        let text = std::str::from_utf8(contents).ok().filter(|text| text.is_ascii())?;
        let text = if kind == "dns" { text.to_ascii_lowercase() } else { text.to_owned() };
        names.push(format!("{kind}:{text}"));
    }
    Some(())
}

impl Peer {
    /// Reads a certificate of version 3; nothing where it is none.
    pub fn read(der: &[u8]) -> Option<Peer> {
        let fingerprint: [u8; 32] = Sha256::digest(der).into();
        let mut names = vec![format!("sha256:{}", hex(&fingerprint))];
        let mut tbs = Der(Der(Der(der).of(SEQUENCE)?).of(SEQUENCE)?);
        // Version 3, which is written 2, is the one that handshakes take.
        let version = Der(tbs.of(0xa0)?).of(INTEGER)?;
        tbs.of(INTEGER).filter(|_| version == [2])?;
        let (_algorithm, _issuer) = (tbs.of(SEQUENCE)?, tbs.of(SEQUENCE)?);
        let mut validity = Der(tbs.of(SEQUENCE)?);
        let (not_before, not_after) = (moment(validity.next()?)?, moment(validity.next()?)?);
        let subject = distinguished(tbs.of(SEQUENCE)?)?;
        if !subject.is_empty() {
            names.push(format!("subject:{subject}"));
        }
        let _key = tbs.of(SEQUENCE)?;
        while !tbs.0.is_empty() {
            let (tag, contents) = tbs.next()?;
            if tag != 0xa3 {
                continue;
            }
            let mut extensions = Der(Der(contents).of(SEQUENCE)?);
            while !extensions.0.is_empty() {
                let mut extension = Der(extensions.of(SEQUENCE)?);
                let oid = extension.of(OID)?;
                let (mut tag, mut contents) = extension.next()?;
                if tag != OCTETS {
                    // Whether it is critical stands in between.
                    (tag, contents) = extension.next()?;
                }
                if oid == ALTERNATIVE_NAME && tag == OCTETS {
                    alternatives(contents, &mut names)?;
                }
            }
        }
        Some(Peer { fingerprint, names, not_before, not_after })
    }

    /// Reads the first certificate of a PEM file.
    pub fn of_file(path: &Path) -> Result<Peer, String> {
        let wrong = |why: String| format!("{}: {why}: give such a certificate in PEM", path.display());
        let der = CertificateDer::from_pem_file(path).map_err(|e| wrong(e.to_string()))?;
        Peer::read(&der)
            .ok_or_else(|| wrong("it is no certificate of X.509 version 3 (openssl makes one where it is given extensions)".to_owned()))
    }

    /// Whether a moment lies within its life. A handshake says so for its own moment only, and connections live on.
    pub fn is_good_at(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Reads a text to be bound by, as `--subject` takes it. A distinguished name may leave `subject:` out.
pub fn bound_text(text: &str) -> Result<String, String> {
    let wrong = |why: &str| {
        Err(format!("`{text}` {why}: write subject:CN=NAME,O=ORGANISATION,C=XX (the last part first), dns:, email:, uri: or sha256:HEX"))
    };
    if text.chars().any(char::is_control) || text.len() > 1000 {
        return wrong("is no name in a certificate");
    }
    match text.split_once(':') {
        Some(("sha256", digits)) => {
            let digits = digits.replace(':', "").to_ascii_lowercase();
            if bytes_of_hex::<32>(&digits).is_some() { Ok(format!("sha256:{digits}")) } else { wrong("is no fingerprint") }
        }
        Some(("dns", name)) if !name.is_empty() => Ok(format!("dns:{}", name.to_ascii_lowercase())),
        Some(("email" | "uri", name)) if !name.is_empty() => Ok(text.to_owned()),
        Some(("subject", name)) if name.contains('=') => Ok(text.to_owned()),
        _ if text.contains('=') => Ok(format!("subject:{text}")),
        _ => wrong("is no name in a certificate"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn made(names: &[(DnType, &str)], alternatives: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        names.iter().for_each(|(kind, text)| params.distinguished_name.push(kind.clone(), *text));
        params.subject_alt_names = alternatives;
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 2), rcgen::date_time_ymd(2070, 3, 4));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_life_are_read() {
        let alternatives = vec![
            SanType::DnsName("Node.Example".try_into().unwrap()),
            SanType::Rfc822Name("soc@node.example".try_into().unwrap()),
            SanType::URI("spiffe://example/node".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ];
        let der =
            made(&[(DnType::CountryName, "FI"), (DnType::OrganizationName, "Grid, Ltd"), (DnType::CommonName, "helsinki")], alternatives);
        let peer = Peer::read(&der).unwrap();
        assert_eq!(peer.names[0], format!("sha256:{}", hex(&Sha256::digest(&der))));
        assert_eq!(peer.names[1], "subject:CN=helsinki,O=Grid\\, Ltd,C=FI");
        assert_eq!(peer.names[2..], ["dns:node.example", "email:soc@node.example", "uri:spiffe://example/node"]);
        assert_eq!((peer.not_before, peer.not_after), (1_577_923_200_000_000, 3_161_116_800_000_000));
        assert!(peer.is_good_at(1_800_000_000_000_000) && !peer.is_good_at(peer.not_after + 1) && !peer.is_good_at(0));
    }

    #[test]
    fn a_name_cannot_pretend_to_be_two() {
        let one = made(&[(DnType::CommonName, "helsinki,O=Grid")], vec![]);
        let two = made(&[(DnType::OrganizationName, "Grid"), (DnType::CommonName, "helsinki")], vec![]);
        assert_eq!(Peer::read(&one).unwrap().names[1], "subject:CN=helsinki\\,O=Grid");
        assert_eq!(Peer::read(&two).unwrap().names[1], "subject:CN=helsinki,O=Grid");
    }

    #[test]
    fn texts_to_be_bound_by_are_read() {
        let digits = "AB:".repeat(31) + "AB";
        assert_eq!(bound_text(&format!("sha256:{digits}")), Ok(format!("sha256:{}", "ab".repeat(32))));
        assert_eq!(bound_text("CN=a,O=b").unwrap(), "subject:CN=a,O=b");
        assert_eq!(bound_text("dns:A.Example").unwrap(), "dns:a.example");
        for odd in ["", "a", "sha256:12", "dns:", "ftp:x", "CN=\n"] {
            assert!(bound_text(odd).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn damaged_certificates_never_panic(at in 0_usize..600, byte: u8, cut in 0_usize..600) {
            let mut der = made(&[(DnType::CommonName, "a")], vec![SanType::DnsName("b".try_into().unwrap())]);
            let at = at % der.len();
            der[at] = byte;
            let _ = Peer::read(&der);
            let _ = Peer::read(&der[..cut.min(der.len())]);
        }
    }
}
