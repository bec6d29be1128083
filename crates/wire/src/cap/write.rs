//! Alert to text: the elements in the order of the schema, one to a line.

use std::fmt::{Display, Write};

use super::check::{Finding, Level, check};
use super::value::{Quoted, Spaced};
use super::{Alert, Area, Info, MAX_BYTES, NAMESPACE, Named, Resource};

/// The text of an alert, or every finding when one of them is an error or the text would be longer than [`MAX_BYTES`].
pub fn write(alert: &Alert) -> Result<String, Vec<Finding>> {
    let mut findings = check(alert);
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(findings);
    }
    let mut out = Out { text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), depth: 0 };
    write_alert(&mut out, alert);
    if out.text.len() > MAX_BYTES {
        findings.push(Finding {
            level: Level::Error,
            path: "alert".to_owned(),
            what: format!("the text has {} bytes", out.text.len()),
            advice: format!("keep it within {MAX_BYTES} bytes; give files by their uri, or send several messages"),
        });
        return Err(findings);
    }
    Ok(out.text)
}

fn write_alert(out: &mut Out, alert: &Alert) {
    out.line(format_args!("<alert xmlns=\"{NAMESPACE}\">"));
    out.depth += 1;
    out.leaf("identifier", &alert.identifier);
    out.leaf("sender", &alert.sender);
    out.leaf("sent", alert.sent);
    out.leaf("status", alert.status);
    out.leaf("msgType", alert.msg_type);
    out.leaves("source", &alert.source);
    out.leaf("scope", alert.scope);
    out.leaves("restriction", &alert.restriction);
    out.list("addresses", &alert.addresses, Quoted(&alert.addresses));
    out.leaves("code", &alert.code);
    out.leaves("note", &alert.note);
    out.list("references", &alert.references, Spaced(&alert.references));
    out.list("incidents", &alert.incidents, Quoted(&alert.incidents));
    for info in &alert.info {
        out.parent("info", |out| write_info(out, info));
    }
    out.depth -= 1;
    out.line("</alert>");
}

fn write_info(out: &mut Out, info: &Info) {
    out.leaves("language", &info.language);
    out.leaves("category", &info.category);
    out.leaf("event", &info.event);
    out.leaves("responseType", &info.response_type);
    out.leaf("urgency", info.urgency);
    out.leaf("severity", info.severity);
    out.leaf("certainty", info.certainty);
    out.leaves("audience", &info.audience);
    out.named("eventCode", &info.event_code);
    out.leaves("effective", &info.effective);
    out.leaves("onset", &info.onset);
    out.leaves("expires", &info.expires);
    out.leaves("senderName", &info.sender_name);
    out.leaves("headline", &info.headline);
    out.leaves("description", &info.description);
    out.leaves("instruction", &info.instruction);
    out.leaves("web", &info.web);
    out.leaves("contact", &info.contact);
    out.named("parameter", &info.parameter);
    for resource in &info.resource {
        out.parent("resource", |out| write_resource(out, resource));
    }
    for area in &info.area {
        out.parent("area", |out| write_area(out, area));
    }
}

fn write_resource(out: &mut Out, resource: &Resource) {
    out.leaf("resourceDesc", &resource.resource_desc);
    out.leaf("mimeType", &resource.mime_type);
    out.leaves("size", &resource.size_bytes);
    out.leaves("uri", &resource.uri);
    out.leaves("derefUri", &resource.deref_uri);
    out.leaves("digest", &resource.digest);
}

fn write_area(out: &mut Out, area: &Area) {
    out.leaf("areaDesc", &area.area_desc);
    out.leaves("polygon", &area.polygon);
    out.leaves("circle", &area.circle);
    out.named("geocode", &area.geocode);
    out.leaves("altitude", &area.altitude_ft);
    out.leaves("ceiling", &area.ceiling_ft);
}

/// Text that grows by whole lines.
struct Out {
    text: String,
    depth: usize,
}

impl Out {
    fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:width$}{line}", "", width = 2 * self.depth);
    }

    fn leaf(&mut self, name: &str, value: impl Display) {
        // This escapes the carriage return too, which would otherwise be read as a new line.
        let text = quick_xml::escape::partial_escape(value.to_string());
        self.line(format_args!("<{name}>{text}</{name}>"));
    }

    fn leaves<'v, T: Display + 'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v T>) {
        values.into_iter().for_each(|value| self.leaf(name, value));
    }

    fn list<T>(&mut self, name: &str, items: &[T], text: impl Display) {
        if !items.is_empty() {
            self.leaf(name, text);
        }
    }

    fn named(&mut self, name: &str, values: &[Named]) {
        for value in values {
            self.parent(name, |out| {
                out.leaf("valueName", &value.name);
                out.leaf("value", &value.value);
            });
        }
    }

    fn parent(&mut self, name: &str, children: impl FnOnce(&mut Self)) {
        self.line(format_args!("<{name}>"));
        self.depth += 1;
        children(self);
        self.depth -= 1;
        self.line(format_args!("</{name}>"));
    }
}
