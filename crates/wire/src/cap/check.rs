//! What is wrong or odd in an alert: the rules of section 3.2 that types cannot hold.

use super::value::{is_space, is_xml_char};
use super::{Alert, Area, Circle, Info, MAX_OF_A_KIND, MsgType, Named, Point, Polygon, Reference, Resource, Scope, Status};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The standard recommends otherwise, or receivers will be puzzled; the alert can be written.
    Warning,
    /// The standard forbids it; the alert is not written.
    Error,
}

/// One thing that is wrong or odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// The element, such as `alert/info[1]/area[2]/polygon[1]`; numbers count from 1.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// Everything that is wrong or odd in an alert, in the order of its elements.
pub fn check(alert: &Alert) -> Vec<Finding> {
    let mut list = List { findings: Vec::new() };
    list.key("alert/identifier", &alert.identifier);
    list.key("alert/sender", &alert.sender);
    list.optional("alert/source", alert.source.as_deref());
    distribution(&mut list, alert);
    list.repeats("alert/code", &alert.code, |list, path, code| list.needed(path, code));
    note(&mut list, alert);
    references(&mut list, alert);
    list.words("alert/incidents", &alert.incidents);
    if alert.info.is_empty() && matches!(alert.msg_type, MsgType::Alert | MsgType::Update) {
        list.warn("alert/info", "nothing is said of any event".into(), "add an info");
    }
    list.repeats("alert/info", &alert.info, |list, path, item| info(list, path, item, alert));
    list.findings
}

/// Scope with its rule and its addresses (section 3.2.1).
fn distribution(list: &mut List, alert: &Alert) {
    list.optional("alert/restriction", alert.restriction.as_deref());
    match (alert.scope, &alert.restriction) {
        (Scope::Restricted, None) => {
            list.error("alert/restriction", "the scope is Restricted and no rule is given".into(), "say who may have the alert");
        }
        (Scope::Public | Scope::Private, Some(_)) => {
            let what = format!("a rule of distribution, and the scope is {}", alert.scope);
            list.warn("alert/restriction", what, "leave it out, or make the scope Restricted");
        }
        _ => {}
    }
    if alert.scope == Scope::Private && alert.addresses.is_empty() {
        list.error("alert/addresses", "the scope is Private and nobody is addressed".into(), "say whom the alert is for");
    }
    list.words("alert/addresses", &alert.addresses);
}

/// The note that exercises and errors should have (section 3.2.1).
fn note(list: &mut List, alert: &Alert) {
    list.optional("alert/note", alert.note.as_deref());
    if alert.note.is_none() && alert.status == Status::Exercise {
        list.warn("alert/note", "an exercise without a note".into(), "name the exercise");
    }
    if alert.note.is_none() && alert.msg_type == MsgType::Error {
        list.warn("alert/note", "messages are rejected without a note".into(), "say why they are rejected");
    }
}

fn references(list: &mut List, alert: &Alert) {
    if alert.references.is_empty() && alert.msg_type != MsgType::Alert {
        let what = format!("the type is {} and no earlier message is named", alert.msg_type);
        list.warn("alert/references", what, "name it as sender,identifier,sent");
    }
    for (i, reference) in alert.references.iter().enumerate() {
        let path = format!("alert/references[{}]", i + 1);
        let Reference { sender, identifier, sent } = reference;
        list.key(&path, sender);
        list.key(&path, identifier);
        if *reference == alert.reference() {
            list.warn(&path, "the alert names itself".into(), "name an earlier message");
        } else if sent.timestamp() > alert.sent.timestamp() {
            list.warn(&path, format!("the message named was sent at {sent}, after this one"), "name an earlier message");
        }
    }
}

fn info(list: &mut List, path: &str, info: &Info, alert: &Alert) {
    let at = |name: &str| format!("{path}/{name}");
    if let Some(language) = &info.language
        && !is_language(language)
    {
        list.error(&at("language"), format!("\"{language}\" is not a language"), "write a code of RFC 3066 such as en-GB");
    }
    if info.category.is_empty() {
        list.error(&at("category"), "no category".into(), "add at least one");
    }
    list.repeats(&at("category"), &info.category, |_, _, _| {});
    list.needed(&at("event"), &info.event);
    list.repeats(&at("responseType"), &info.response_type, |_, _, _| {});
    list.optional(&at("audience"), info.audience.as_deref());
    list.repeats(&at("eventCode"), &info.event_code, named);
    times(list, path, info, alert);
    list.optional(&at("senderName"), info.sender_name.as_deref());
    list.optional(&at("headline"), info.headline.as_deref());
    list.optional(&at("description"), info.description.as_deref());
    list.optional(&at("instruction"), info.instruction.as_deref());
    if let Some(web) = &info.web {
        uri(list, &at("web"), web);
        if !has_scheme(web) {
            list.warn(&at("web"), "the address is not absolute".into(), "begin it with its scheme, such as https:");
        }
    }
    list.optional(&at("contact"), info.contact.as_deref());
    list.repeats(&at("parameter"), &info.parameter, named);
    list.repeats(&at("resource"), &info.resource, resource);
    list.repeats(&at("area"), &info.area, area);
}

/// An information that ends before it begins reaches nobody.
fn times(list: &mut List, path: &str, info: &Info, alert: &Alert) {
    let Some(expires) = info.expires else { return };
    let begins = [("sent", Some(alert.sent)), ("effective", info.effective), ("onset", info.onset)];
    for (name, begin) in begins {
        if let Some(begin) = begin
            && expires.timestamp() < begin.timestamp()
        {
            let what = format!("{expires} is before {name}, {begin}");
            list.warn(&format!("{path}/expires"), what, "set a later time");
        }
    }
}

fn named(list: &mut List, path: &str, named: &Named) {
    list.needed(&format!("{path}/valueName"), &named.name);
    list.optional(&format!("{path}/value"), Some(&named.value));
}

fn resource(list: &mut List, path: &str, resource: &Resource) {
    let at = |name: &str| format!("{path}/{name}");
    list.needed(&at("resourceDesc"), &resource.resource_desc);
    if !is_mime_type(&resource.mime_type) {
        list.error(&at("mimeType"), format!("\"{}\" is not a type of file", resource.mime_type), "write one such as image/png");
    }
    list.characters(&at("mimeType"), &resource.mime_type);
    if let Some(address) = &resource.uri {
        uri(list, &at("uri"), address);
    }
    if let Some(content) = &resource.deref_uri {
        if !is_base64(content) {
            list.error(&at("derefUri"), "the content is not base 64".into(), "encode the bytes of the file in base 64");
        }
        list.characters(&at("derefUri"), content);
    }
    if resource.uri.is_none() && resource.deref_uri.is_none() {
        list.warn(path, "the file is neither linked nor enclosed".into(), "add uri or derefUri");
    }
    if let Some(digest) = &resource.digest {
        list.characters(&at("digest"), digest);
        if digest.len() != 40 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            list.warn(&at("digest"), "not the 40 hexadecimal digits of SHA-1".into(), "take the SHA-1 of the file");
        }
    }
}

fn area(list: &mut List, path: &str, area: &Area) {
    let at = |name: &str| format!("{path}/{name}");
    list.needed(&at("areaDesc"), &area.area_desc);
    list.repeats(&at("polygon"), &area.polygon, polygon);
    list.repeats(&at("circle"), &area.circle, circle);
    list.repeats(&at("geocode"), &area.geocode, named);
    for (name, height_ft) in [("altitude", area.altitude_ft), ("ceiling", area.ceiling_ft)] {
        if height_ft.is_some_and(|height_ft| !height_ft.is_finite()) {
            list.error(&at(name), "not a number of feet".into(), "give feet above mean sea level");
        }
    }
    match (area.altitude_ft, area.ceiling_ft) {
        (None, Some(_)) => list.error(&at("ceiling"), "a ceiling without altitude".into(), "add the altitude, the lower end"),
        (Some(altitude_ft), Some(ceiling_ft)) if ceiling_ft < altitude_ft => {
            let what = format!("the ceiling, {ceiling_ft} ft, lies below the altitude, {altitude_ft} ft");
            list.error(&at("ceiling"), what, "give the lower end as altitude and the upper as ceiling");
        }
        _ => {}
    }
}

fn polygon(list: &mut List, path: &str, polygon: &Polygon) {
    let points = &polygon.points;
    if points.len() < 4 {
        list.error(path, format!("{} points", points.len()), "give at least four, the last equal to the first");
    }
    if points.first() != points.last() {
        list.error(path, "the ring is open".into(), "end with the first point");
    }
    for (i, point) in points.iter().enumerate() {
        if let Some(what) = off_the_earth(*point) {
            list.error(path, format!("point {}: {what}", i + 1), "write lat,lon in degrees of WGS 84, latitude first");
        }
    }
}

fn circle(list: &mut List, path: &str, circle: &Circle) {
    /// Half of the equator: a circle of this radius holds the whole Earth.
    const HALF_EQUATOR_KM: f64 = 20_038.0;
    if let Some(what) = off_the_earth(circle.centre) {
        list.error(path, what, "write lat,lon in degrees of WGS 84, latitude first");
    }
    if !circle.radius_km.is_finite() || circle.radius_km < 0.0 {
        list.error(path, format!("the radius is {} km", circle.radius_km), "give a radius of 0 km or more");
    } else if circle.radius_km > HALF_EQUATOR_KM {
        list.warn(path, format!("a radius of {} km is more than the Earth", circle.radius_km), "give the radius in kilometres");
    }
}

fn off_the_earth(point: Point) -> Option<String> {
    let on_earth = (-90.0..=90.0).contains(&point.lat_deg) && (-180.0..=180.0).contains(&point.lon_deg);
    (!on_earth).then(|| format!("latitude {} and longitude {} are not on the Earth", point.lat_deg, point.lon_deg))
}

fn uri(list: &mut List, path: &str, uri: &str) {
    list.needed(path, uri);
    if uri.contains(char::is_whitespace) {
        list.error(path, "the address holds white space".into(), "write %20 for a space");
    }
}

/// Letter, then letters, digits, `+`, `-`, `.`, then a colon (RFC 3986, section 3.1).
fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// One to eight letters, then parts of one to eight letters or digits after hyphens (RFC 3066, section 2.1).
fn is_language(code: &str) -> bool {
    code.split('-').enumerate().all(|(i, part)| {
        let fits = |byte: u8| byte.is_ascii_alphabetic() || (i > 0 && byte.is_ascii_digit());
        (1..=8).contains(&part.len()) && part.bytes().all(fits)
    })
}

/// Type and subtype with a slash between, then perhaps parameters (RFC 2045, section 5.1).
fn is_mime_type(text: &str) -> bool {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b));
    let essence = text.split(';').next().unwrap_or_default().trim_end_matches(is_space);
    essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Groups of four digits, the last filled up with `=`; white space does not count (RFC 2045, section 6.8).
fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let n_fill = digits.iter().rev().take_while(|&&digit| digit == b'=').count();
    let is_digit = |digit: &u8| digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/');
    !digits.is_empty() && digits.len().is_multiple_of(4) && n_fill <= 2 && digits[..digits.len() - n_fill].iter().all(is_digit)
}

/// Findings while they are gathered.
struct List {
    findings: Vec<Finding>,
}

impl List {
    fn error(&mut self, path: &str, what: String, advice: &str) {
        self.findings.push(Finding { level: Level::Error, path: path.to_owned(), what, advice: advice.to_owned() });
    }

    fn warn(&mut self, path: &str, what: String, advice: &str) {
        self.findings.push(Finding { level: Level::Warning, path: path.to_owned(), what, advice: advice.to_owned() });
    }

    /// An identifier or a sender (section 3.2.1).
    fn key(&mut self, path: &str, key: &str) {
        self.needed(path, key);
        if let Some(found) = key.chars().find(|&c| c.is_whitespace() || matches!(c, ',' | '<' | '&')) {
            self.error(path, format!("{found:?} in a name"), "use no space, comma, < or &");
        }
    }

    /// A text that must say something.
    fn needed(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.error(path, "no text".into(), "say something");
        }
        self.characters(path, text);
    }

    /// A text that may be absent, and should be when it is empty.
    fn optional(&mut self, path: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        if text.trim().is_empty() {
            self.warn(path, "an element without text".into(), "leave it out, or say something");
        }
        self.characters(path, text);
    }

    /// Characters that XML can carry.
    fn characters(&mut self, path: &str, text: &str) {
        if let Some(found) = text.chars().find(|&c| !is_xml_char(c)) {
            let what = format!("the character U+{:04X}, which XML 1.0 cannot carry", u32::from(found));
            self.error(path, what, "leave it out");
        }
    }

    /// Items of a list that is written with spaces between and quotes round items with spaces.
    fn words(&mut self, path: &str, items: &[String]) {
        for (i, item) in items.iter().enumerate() {
            let path = format!("{path}[{}]", i + 1);
            if item.contains('"') {
                self.error(&path, "a double quote in a list that is quoted itself".into(), "leave the quote out");
            }
            self.needed(&path, item);
        }
    }

    /// Each of the repeated elements, with its number, and how many there are.
    fn repeats<T>(&mut self, path: &str, items: &[T], mut each: impl FnMut(&mut Self, &str, &T)) {
        if items.len() > MAX_OF_A_KIND {
            self.error(path, format!("{} elements", items.len()), &format!("keep at most {MAX_OF_A_KIND}, send several messages"));
        }
        for (i, item) in items.iter().enumerate() {
            each(self, &format!("{path}[{}]", i + 1), item);
        }
    }
}
