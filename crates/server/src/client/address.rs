//! Where a partner's collection is: `https://host:port/root/collections/UUID/`.

use ureq::http::Uri;

use super::ClientError;

/// A collection of another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Scheme, host and port, without a path.
    origin: String,
    /// Path of the API root, with slashes at both ends.
    root: String,
    /// Identifier or alias of the collection.
    pub collection: String,
}

fn bad<T>(text: &str, advice: &str) -> Result<T, ClientError> {
    Err(ClientError::Setup(format!("`{text}` is no address of a collection: {advice}")))
}

/// Scheme, host and port of an address that may be talked to: under TLS, or on this machine.
fn origin(text: &str) -> Result<(String, Uri), ClientError> {
    let form = "write https://HOST:PORT/ROOT/collections/UUID/";
    let Ok(uri) = text.parse::<Uri>() else { return bad(text, form) };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return bad(text, form) };
    if authority.as_str().contains('@') {
        return bad("the address", "give the name with --user and the password on standard input, not in the address");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_local = host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match scheme {
        "https" => {}
        "http" if is_local => {}
        "http" => return bad(text, "write https: without TLS only the loopback address is talked to"),
        _ => return bad(text, form),
    }
    Ok((format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()), uri))
}

impl Remote {
    /// Reads the address of a collection, or that of an API root with the collection beside it.
    pub fn parse(text: &str, collection: Option<&str>) -> Result<Remote, ClientError> {
        let (origin, uri) = origin(text)?;
        if uri.query().is_some() {
            return bad(text, "leave out what follows the question mark");
        }
        let path = uri.path().trim_end_matches('/');
        let (root, id) = match (path.rsplit_once("/collections/"), collection) {
            (None, Some(id)) => (path, id),
            (Some((_, known)), Some(id)) if known != id => return bad(text, "it names another collection than --collection does"),
            (Some(both), _) => both,
            (None, None) => return bad(text, "write https://HOST:PORT/ROOT/collections/UUID/, or give --collection UUID beside the root"),
        };
        let is_segment = !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~".contains(&c));
        if !is_segment || root.is_empty() {
            return bad(text, "write https://HOST:PORT/ROOT/collections/UUID/");
        }
        Ok(Remote { origin, root: format!("{root}/"), collection: id.to_owned() })
    }

    /// Address of the API root.
    pub fn root(&self) -> String {
        format!("{}{}", self.origin, self.root)
    }

    /// Address of the server's discovery.
    pub fn discovery(&self) -> String {
        format!("{}/taxii2/", self.origin)
    }

    /// Address of something within the collection.
    pub fn within(&self, rest: &str) -> String {
        format!("{}collections/{}/{rest}", self.root(), self.collection)
    }

    /// Whether the host is this machine.
    pub(super) fn is_plain(&self) -> bool {
        self.origin.starts_with("http://")
    }

    /// Where a redirection leads, if that is on the same server.
    pub(super) fn redirected(&self, to: &str) -> Option<String> {
        if to.starts_with('/') && !to.starts_with("//") {
            return Some(format!("{}{to}", self.origin));
        }
        let (origin, _) = origin(to).ok()?;
        (origin == self.origin).then(|| to.to_owned())
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.within(""))
    }
}

/// A name or value of a query, with all but unreserved characters written as `%XX` (RFC 3986).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_root_and_collection() {
        let remote = Remote::parse("https://Node.example:8443/a/b/collections/c1/", None).unwrap();
        assert_eq!(remote.root(), "https://node.example:8443/a/b/");
        assert_eq!(remote.within("objects/"), "https://node.example:8443/a/b/collections/c1/objects/");
        assert_eq!(Remote::parse("https://node.example:8443/a/b", Some("c1")).unwrap(), remote);
        for plain in ["http://127.0.0.1:80/a/collections/c/", "http://[::1]/a/collections/c", "http://localhost/a/collections/c"] {
            assert!(Remote::parse(plain, None).is_ok(), "{plain}");
        }
    }

    #[test]
    fn other_addresses_are_refused_with_advice() {
        let bad = [
            "",
            "ftp://a/b/collections/c",
            "http://example.org/a/collections/c",
            "https://u:p@a/b/collections/c/",
            "https://a/b/",
            "https://a/collections/c/",
            "https://a/b/collections/c d",
            "https://a/b/collections/c/?x=1",
        ];
        bad.iter().for_each(|text| assert!(matches!(Remote::parse(text, None), Err(ClientError::Setup(_))), "{text}"));
        assert!(!Remote::parse("https://u:p@a/b/collections/c/", None).unwrap_err().to_string().contains("u:p"));
    }

    #[test]
    fn a_redirection_to_elsewhere_is_not_followed() {
        let remote = Remote::parse("https://a:1/b/collections/c/", None).unwrap();
        assert_eq!(remote.redirected("/x").as_deref(), Some("https://a:1/x"));
        assert_eq!(remote.redirected("https://A:1/x").as_deref(), Some("https://A:1/x"));
        for other in ["https://a:2/x", "http://a:1/x", "//b/x", "https://a:1@b/x", "x", ""] {
            assert_eq!(remote.redirected(other), None, "{other}");
        }
    }
}
