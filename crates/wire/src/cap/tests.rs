//! Alerts by hand: every rule broken once, every form of text, and the schema's order seen from outside.

mod property;

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;

fn time(text: &str) -> Time {
    text.parse().expect("a time of the test")
}

/// An alert with every element of the standard, without findings.
fn full() -> Alert {
    let named = |name: &str| vec![Named::new(name, "1"), Named::new(name, "2 < 3 & 4")];
    let resource = Resource {
        size_bytes: Some(3),
        uri: Some("https://cable.example/map?a=1&b=2".into()),
        deref_uri: Some("YWJj".into()),
        digest: Some("a9993e364706816aba3e25717850c26c9cd0d89d".into()),
        ..Resource::new("map", "image/png")
    };
    let area = Area {
        polygon: vec!["0,0 0,1 1,1 0,0".parse().unwrap(), "-10.5,0 0,1 1,-179.25 5,5 -10.5,0".parse().unwrap()],
        circle: vec!["32.9525,-115.5527 0".parse().unwrap(), "1,2 3.5".parse().unwrap()],
        geocode: named("NUTS"),
        altitude_ft: Some(-12.25),
        ceiling_ft: Some(3000.0),
        ..Area::new("corridor")
    };
    let info = Info {
        language: Some("en-GB".into()),
        category: vec![Category::Infra, Category::CBRNE],
        response_type: ResponseType::ALL.to_vec(),
        audience: Some("operators".into()),
        event_code: named("code"),
        effective: Some(time("2026-01-15T05:00:00-00:00")),
        onset: Some(time("2026-01-15T06:00:00+02:00")),
        expires: Some(time("2026-01-16T05:00:00-03:30")),
        sender_name: Some("desk".into()),
        headline: Some("cut".into()),
        description: Some("first line\nsecond \"line\"\r\n\ttail ]]> é 🚢 ".into()),
        instruction: Some("stay".into()),
        web: Some("https://cable.example/".into()),
        contact: Some("duty".into()),
        parameter: named("p"),
        resource: vec![resource.clone(), Resource::new("second", "text/plain; charset=utf-8")],
        area: vec![area.clone(), Area::new("harbour")],
        ..Info::new(Category::Infra, "Cable cut", Urgency::Immediate, Severity::Severe, Certainty::Observed)
    };
    let mut second = info.clone();
    second.resource[1].uri = Some("second.txt".into());
    let mut alert = Alert {
        source: Some("supervision".into()),
        restriction: Some("members".into()),
        addresses: vec!["a@b.example".into(), "duty desk".into()],
        code: vec!["c1".into(), "c2".into()],
        note: Some("exercise 7".into()),
        references: vec![
            Reference { sender: "s".into(), identifier: "1".into(), sent: time("2026-01-14T00:00:00-00:00") },
            Reference { sender: "s".into(), identifier: "2".into(), sent: time("2026-01-14T00:00:00+01:00") },
        ],
        incidents: vec!["cut".into(), "cable cut 7".into()],
        info: vec![info, second],
        ..Alert::new("id-1", "desk@x", time("2026-01-15T05:00:00-00:00"), Status::Exercise, MsgType::Update, Scope::Restricted)
    };
    alert.info[0].resource[1].deref_uri = Some("YQ==".into());
    alert
}

fn written(alert: &Alert) -> String {
    write(alert).expect("an alert without errors")
}

const SMALL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">
<identifier>43b080713727</identifier>
<sender>hsas@dhs.gov</sender>
<sent>2003-04-02T14:39:01-05:00</sent>
<status>Actual</status>
<msgType>Alert</msgType>
<scope>Public</scope>
<info>
<category>Security</category>
<event>Advisory</event>
<urgency>Immediate</urgency>
<severity>Severe</severity>
<certainty>Likely</certainty>
<area>
<areaDesc>coast</areaDesc>
</area>
</info>
</alert>
";

fn small_with(from: &str, to: &str) -> Result<Alert, CapError> {
    let text = SMALL.replacen(from, to, 1);
    assert_ne!(text, SMALL, "the test changes nothing: {from}");
    read(text.as_bytes())
}

#[test]
fn a_published_alert_is_read_with_its_facts() {
    // Identifier, sender, time and codes of example A.1 of the standard.
    let alert = read(SMALL.as_bytes()).unwrap();
    assert_eq!((alert.identifier.as_str(), alert.sender.as_str()), ("43b080713727", "hsas@dhs.gov"));
    assert_eq!(alert.sent.timestamp(), "2003-04-02T19:39:01Z".parse::<Timestamp>().unwrap());
    assert_eq!(alert.sent.offset_min(), -300);
    assert_eq!((alert.status, alert.msg_type, alert.scope), (Status::Actual, MsgType::Alert, Scope::Public));
    assert_eq!(alert.info[0].category, [Category::Security]);
    assert_eq!(alert.info[0].language_or_default(), "en-US");
    assert_eq!(alert.info[0].area, [Area::new("coast")]);
    assert_eq!(check(&alert), []);
}

#[test]
fn a_full_alert_is_written_and_read_the_same() {
    let alert = full();
    assert_eq!(check(&alert), []);
    assert_eq!(read(written(&alert).as_bytes()).unwrap(), alert);
}

/// Content models of the schema of CAP 1.2, as in a DTD: `?` at most one, `*` any number, `+` at least one.
const MODELS: &[(&str, &str)] = &[
    ("alert", "identifier sender sent status msgType source? scope restriction? addresses? code* note? references? incidents? info*"),
    (
        "info",
        "language? category+ event responseType* urgency severity certainty audience? eventCode* effective? onset? expires? \
         senderName? headline? description? instruction? web? contact? parameter* resource* area*",
    ),
    ("eventCode", "valueName value"),
    ("parameter", "valueName value"),
    ("geocode", "valueName value"),
    ("resource", "resourceDesc mimeType size? uri? derefUri? digest?"),
    ("area", "areaDesc polygon* circle* geocode* altitude? ceiling?"),
];

/// Whether children fit a model; a model without repeated names needs no way back.
fn fits(model: &str, children: &[String]) -> bool {
    let mut rest = children;
    for item in model.split_whitespace() {
        let name = item.trim_end_matches(['?', '*', '+']);
        let n = rest.iter().take_while(|child| *child == name).count();
        let allowed = match &item[name.len()..] {
            "" => n == 1,
            "?" => n <= 1,
            "+" => n >= 1,
            _ => true,
        };
        if !allowed {
            return false;
        }
        rest = &rest[n..];
    }
    rest.is_empty()
}

/// Names of parents and their children, read without the code under test.
fn families(text: &str) -> Vec<(String, Vec<String>)> {
    let mut reader = Reader::from_str(text);
    let (mut open, mut closed): (Vec<(String, Vec<String>)>, _) = (vec![], vec![]);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push((tag.name().as_ref().to_owned(), vec![])),
            Event::End(_) => {
                let family = open.pop().unwrap();
                if let Some(parent) = open.last_mut() {
                    parent.1.push(family.0.clone());
                }
                closed.push(family);
            }
            Event::Eof => return closed,
            _ => {}
        }
    }
}

fn assert_fits_the_schema(text: &str) {
    for (parent, children) in families(text) {
        let model = MODELS.iter().find(|(name, _)| *name == parent).map_or("", |(_, model)| model);
        assert!(fits(model, &children), "{parent}: {children:?}");
    }
}

#[test]
fn what_is_written_keeps_order_and_number_of_the_schema() {
    assert_fits_the_schema(&written(&full()));
    let names: Vec<String> = families(&written(&full())).into_iter().map(|(name, _)| name).collect();
    for (parent, model) in MODELS {
        for item in [*parent].into_iter().chain(model.split_whitespace()) {
            let name = item.trim_end_matches(['?', '*', '+']);
            assert!(names.iter().any(|written| written == name), "{name} is never written");
        }
    }
}

#[test]
fn the_reader_refuses_each_required_element_that_is_absent() {
    let text = written(&full());
    let alert = read(text.as_bytes()).unwrap();
    for (parent, model) in MODELS {
        for name in model.split_whitespace().filter(|item| !item.ends_with(['?', '*'])) {
            let name = name.trim_end_matches('+');
            let family = text.find(&format!("<{parent}>")).or(text.find("<alert")).unwrap();
            let (head, tail) = text.split_at(family);
            let end = tail.find(&format!("</{parent}>")).unwrap();
            let kept: String = tail[..end].lines().filter(|line| !line.contains(&format!("<{name}>"))).map(|l| format!("{l}\n")).collect();
            let error = read(format!("{head}{kept}{}", &tail[end..]).as_bytes()).unwrap_err();
            assert!(matches!(&error, CapError::Missing { missing, .. } if missing == name), "{parent}/{name}: {error}");
        }
    }
    assert_eq!(alert, full());
}

#[test]
fn the_reader_refuses_every_swap_and_every_second_of_one() {
    let lines: Vec<&str> = SMALL.lines().collect();
    let is_leaf = |i: usize| lines[i].contains("</") && !lines[i].starts_with("</");
    for i in (2..lines.len() - 1).filter(|&i| is_leaf(i)) {
        if is_leaf(i + 1) {
            let mut swapped = lines.clone();
            swapped.swap(i, i + 1);
            let error = read(swapped.join("\n").as_bytes()).unwrap_err();
            assert!(matches!(error, CapError::Order { at: Position { column: 1, line }, .. } if line == i + 2), "{error}");
        }
        let mut doubled = lines.clone();
        doubled.insert(i, lines[i]);
        match read(doubled.join("\n").as_bytes()) {
            Ok(alert) => assert_eq!(alert.info[0].category.len(), 2, "{}", lines[i]),
            Err(error) => assert!(matches!(error, CapError::Repeated { .. }), "{error}"),
        }
    }
}

#[test]
fn times_are_to_the_second_with_an_offset_and_without_z() {
    for text in ["2026-01-15T05:00:00-00:00", "2024-02-29T23:59:59+14:00", "0001-01-02T00:00:00-11:30"] {
        assert_eq!(time(text).to_string(), text);
    }
    assert_eq!(time("2026-01-15T05:00:00+00:00").to_string(), "2026-01-15T05:00:00-00:00");
    let wrong = [
        "2026-01-15T05:00:00Z",
        "2026-01-15T05:00:00.0-00:00",
        "2026-01-15T05:00:00",
        "2026-01-15 05:00:00-00:00",
        "2026-02-30T05:00:00-00:00",
        "2026-01-15T24:00:00-00:00",
        "2026-01-15T05:00:60-00:00",
        "2026-01-15T05:00:00-14:01",
        "2026-01-15T05:00:00+01:60",
        "0000-01-15T05:00:00-00:00",
        "2026-01-15T05:00:00,00:00",
        "2026-01-15T05:00:0é-00:0",
        "",
    ];
    for text in wrong {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
    let moment: Timestamp = "2026-01-15T04:59:59.999Z".parse().unwrap();
    assert_eq!(Time::at(moment, 60).unwrap().to_string(), "2026-01-15T05:59:59+01:00");
    assert_eq!(Time::utc("1969-12-31T23:59:59.5Z".parse().unwrap()).unwrap().to_string(), "1969-12-31T23:59:59-00:00");
    assert!(Time::at(moment, 841).is_err() && Time::at(moment, i16::MIN).is_err());
    assert!(Time::utc(Timestamp::MIN).is_err());
    assert_eq!(Time::at(Timestamp::MAX, 840).unwrap().to_string(), "9999-12-31T12:00:00+14:00", "the last moment of jiff");
}

/// Findings of the full alert after a change, as level and path.
fn findings_after(change: impl FnOnce(&mut Alert)) -> Vec<(Level, String)> {
    let mut alert = full();
    change(&mut alert);
    let findings = check(&alert);
    let refused = findings.iter().any(|finding| finding.level == Level::Error);
    assert_eq!(write(&alert).is_err(), refused);
    assert!(findings.iter().all(|finding| !finding.what.is_empty() && !finding.advice.is_empty()));
    findings.into_iter().map(|finding| (finding.level, finding.path)).collect()
}

#[test]
fn every_rule_of_the_message_finds_its_breach() {
    type Change = fn(&mut Alert);
    let cases: &[(Level, &str, Change)] = &[
        (Level::Error, "alert/identifier", |a| a.identifier = "a b".into()),
        (Level::Error, "alert/identifier", |a| a.identifier = "a&b".into()),
        (Level::Error, "alert/identifier", |a| a.identifier = String::new()),
        (Level::Error, "alert/sender", |a| a.sender = "a,b".into()),
        (Level::Error, "alert/sender", |a| a.sender = "a<b".into()),
        (Level::Warning, "alert/source", |a| a.source = Some(String::new())),
        (Level::Error, "alert/restriction", |a| a.restriction = None),
        (Level::Warning, "alert/restriction", |a| a.scope = Scope::Public),
        (Level::Error, "alert/code[2]", |a| a.code[1] = " ".into()),
        (Level::Error, "alert/code", |a| a.code = vec!["c".into(); 1001]),
        (Level::Warning, "alert/note", |a| a.note = None),
        (Level::Error, "alert/note", |a| a.note = Some("bell \u{7}".into())),
        (Level::Warning, "alert/references", |a| a.references.clear()),
        (Level::Error, "alert/references[1]", |a| a.references[0].sender = "a b".into()),
        (Level::Warning, "alert/references[2]", |a| a.references[1].sent = time("2026-01-15T05:00:01-00:00")),
        (Level::Warning, "alert/references[3]", |a| a.references.push(a.reference())),
        (Level::Error, "alert/addresses[1]", |a| a.addresses[0] = "a\"b".into()),
        (Level::Error, "alert/incidents[2]", |a| a.incidents[1] = String::new()),
        (Level::Warning, "alert/info", |a| a.info.clear()),
    ];
    for (level, path, change) in cases {
        assert_eq!(findings_after(change), [(*level, (*path).to_owned())], "{path}");
    }
    let private = findings_after(|a| (a.scope, a.restriction, a.addresses) = (Scope::Private, None, vec![]));
    assert_eq!(private, [(Level::Error, "alert/addresses".to_owned())]);
    for msg_type in [MsgType::Update, MsgType::Cancel, MsgType::Ack, MsgType::Error] {
        let findings = findings_after(|a| (a.msg_type, a.references) = (msg_type, vec![]));
        assert_eq!(findings, [(Level::Warning, "alert/references".to_owned())]);
    }
}

#[test]
fn every_rule_of_what_is_said_finds_its_breach() {
    type Change = fn(&mut Info);
    let cases: &[(Level, &str, Change)] = &[
        (Level::Error, "language", |i| i.language = Some("en_GB".into())),
        (Level::Error, "language", |i| i.language = Some(String::new())),
        (Level::Error, "category", |i| i.category.clear()),
        (Level::Error, "event", |i| i.event = " ".into()),
        (Level::Error, "event", |i| i.event = "a\u{ffff}".into()),
        (Level::Error, "eventCode[2]/valueName", |i| i.event_code[1].name = String::new()),
        (Level::Warning, "expires", |i| (i.expires, i.onset, i.effective) = (Some(time("2026-01-15T04:59:59-00:00")), None, None)),
        (Level::Warning, "expires", |i| i.onset = Some(time("2027-01-15T05:00:00-00:00"))),
        (Level::Warning, "headline", |i| i.headline = Some(String::new())),
        (Level::Warning, "web", |i| i.web = Some("cable.example".into())),
        (Level::Error, "web", |i| i.web = Some("https://a b".into())),
        (Level::Warning, "parameter[1]/value", |i| i.parameter[0].value = String::new()),
        (Level::Error, "resource[1]/resourceDesc", |i| i.resource[0].resource_desc = String::new()),
        (Level::Error, "resource[1]/mimeType", |i| i.resource[0].mime_type = "png".into()),
        (Level::Error, "resource[1]/derefUri", |i| i.resource[0].deref_uri = Some("YWJ".into())),
        (Level::Warning, "resource[1]/digest", |i| i.resource[0].digest = Some("a9".into())),
        (Level::Warning, "resource[2]", |i| (i.resource[1].uri, i.resource[1].deref_uri) = (None, None)),
        (Level::Error, "area[2]/areaDesc", |i| i.area[1].area_desc = String::new()),
        (Level::Error, "area[1]/polygon[1]", |i| i.area[0].polygon[0] = "0,0 0,1 0,0".parse().unwrap()),
        (Level::Error, "area[1]/polygon[1]", |i| i.area[0].polygon[0] = "0,0 0,1 1,1 1,0".parse().unwrap()),
        (Level::Error, "area[1]/polygon[2]", |i| i.area[0].polygon[1].points[2].lat_deg = 90.1),
        (Level::Error, "area[1]/polygon[2]", |i| i.area[0].polygon[1].points[2].lon_deg = -180.1),
        (Level::Error, "area[1]/circle[1]", |i| i.area[0].circle[0].centre.lat_deg = f64::NAN),
        (Level::Error, "area[1]/circle[2]", |i| i.area[0].circle[1].radius_km = -0.1),
        (Level::Warning, "area[1]/circle[2]", |i| i.area[0].circle[1].radius_km = 20_100.0),
        (Level::Error, "area[1]/geocode[1]/valueName", |i| i.area[0].geocode[0].name = " ".into()),
        (Level::Error, "area[1]/ceiling", |i| i.area[0].altitude_ft = None),
        (Level::Error, "area[1]/ceiling", |i| i.area[0].ceiling_ft = Some(-13.0)),
        (Level::Error, "area[1]/altitude", |i| (i.area[0].altitude_ft, i.area[0].ceiling_ft) = (Some(f64::INFINITY), None)),
    ];
    for (level, path, change) in cases {
        assert_eq!(findings_after(|alert| change(&mut alert.info[0])), [(*level, format!("alert/info[1]/{path}"))], "{path}");
    }
}

#[test]
fn all_that_is_wrong_is_listed_at_once() {
    let paths: Vec<String> = findings_after(|alert| {
        alert.sender = "a b".into();
        alert.restriction = None;
        alert.info[0].category.clear();
        alert.info[1].area[0].altitude_ft = None;
    })
    .into_iter()
    .map(|(_, path)| path)
    .collect();
    assert_eq!(paths, ["alert/sender", "alert/restriction", "alert/info[1]/category", "alert/info[2]/area[1]/ceiling"]);
}

#[test]
fn an_alert_too_long_to_be_read_is_not_written() {
    let mut alert = full();
    let length = written(&alert).len();
    let note = alert.note.clone().unwrap_or_default();
    alert.note = Some(note.clone() + &"x".repeat(MAX_BYTES - length));
    assert_eq!(read(written(&alert).as_bytes()).unwrap(), alert);
    alert.note = Some(note + &"x".repeat(MAX_BYTES - length + 1));
    assert_eq!(write(&alert).unwrap_err()[0].path, "alert");
    assert!(matches!(read(&vec![b' '; MAX_BYTES + 1]), Err(CapError::Size { found: 262_145 })));
}

#[test]
fn text_comes_out_of_references_sections_and_comments() {
    let text = "<event>a &lt;&amp;&gt;&quot;&apos; &#233;&#x1F6A2;<![CDATA[<b> & ]]><!-- c -->z</event>";
    let alert = small_with("<event>Advisory</event>", text).unwrap();
    assert_eq!(alert.info[0].event, "a <&>\"' é🚢<b> & z");
    let alert = small_with("<event>Advisory</event>", "<event>a\r\nb&#13;</event>").unwrap();
    assert_eq!(alert.info[0].event, "a\nb\r", "line ends are one new line, unless written as a reference");
    assert!(written(&alert).contains("<event>a\nb&#13;</event>"), "a carriage return is kept");
}

#[test]
fn a_prefix_white_space_and_words_of_cap_1_0_are_read() {
    let prefixed =
        SMALL.replace("</", "</c:").replace('<', "<c:").replace("<c:/c:", "</c:").replace("<c:?", "<?").replace("xmlns=", "xmlns:c=");
    assert_eq!(read(prefixed.as_bytes()).unwrap(), read(SMALL.as_bytes()).unwrap());
    assert_eq!(small_with("<status>Actual", "<status>\n Actual\t").unwrap(), read(SMALL.as_bytes()).unwrap());
    assert_eq!(small_with(">Likely<", ">Very Likely<").unwrap(), read(SMALL.as_bytes()).unwrap());
    assert_eq!(read(format!("\u{feff}{SMALL}").as_bytes()).unwrap(), read(SMALL.as_bytes()).unwrap());
}

#[test]
fn a_signature_is_skipped_and_other_attributes_of_foreign_namespaces_too() {
    let signature =
        "</info><s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\"><s:identifier a=\"1\">x</s:identifier></s:Signature>";
    assert_eq!(small_with("</info>", signature).unwrap(), read(SMALL.as_bytes()).unwrap());
    let located = "xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:schemaLocation=\"a b\" xmlns=";
    assert_eq!(small_with("xmlns=", located).unwrap(), read(SMALL.as_bytes()).unwrap());
    let inside = "<event>Adv<b xmlns=\"urn:other\">is</b>ory</event>";
    let error = small_with("<event>Advisory</event>", inside).unwrap_err();
    assert_eq!(error, CapError::Unknown { at: Position { line: 11, column: 11 }, parent: "event".into(), found: "b".into() });
}

#[test]
fn lists_hold_quoted_words() {
    let lists = "<scope>Private</scope><addresses> one \"two words\"\n three </addresses><references>s,1,2026-01-14T00:00:00-00:00 \
                 s,2,2026-01-14T00:00:00-00:00</references><incidents>\"a b\" c</incidents>";
    let alert = small_with("<scope>Public</scope>", lists).unwrap();
    assert_eq!(alert.addresses, ["one", "two words", "three"]);
    assert_eq!(alert.incidents, ["a b", "c"]);
    assert_eq!(alert.references.iter().map(|reference| reference.identifier.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    for wrong in ["\"open", "a\"b", "\"a\"b"] {
        let list = format!("<scope>Private</scope><addresses>{wrong}</addresses>");
        assert!(matches!(small_with("<scope>Public</scope>", &list), Err(CapError::Value { .. })), "{wrong}");
    }
    for wrong in ["s,1", "s,1,2026-01-14T00:00:00Z", "s,1,2026-01-14T00:00:00-00:00,x"] {
        let list = format!("<scope>Public</scope><references>{wrong}</references>");
        assert!(matches!(small_with("<scope>Public</scope>", &list), Err(CapError::Value { .. })), "{wrong}");
    }
}

#[test]
fn values_that_are_none_are_refused_where_they_stand() {
    let wrong = [
        ("<status>Actual", "<status>actual", "status", 6),
        ("<scope>Public", "<scope>", "scope", 8),
        ("14:39:01-05:00", "14:39:01Z", "sent", 5),
        ("<category>Security", "<category>Power", "category", 10),
        ("</areaDesc>", "</areaDesc><polygon>1 2</polygon>", "polygon", 16),
        ("</areaDesc>", "</areaDesc><polygon>0,inf 0,1</polygon>", "polygon", 16),
        ("</areaDesc>", "</areaDesc><circle>0,0</circle>", "circle", 16),
        ("</areaDesc>", "</areaDesc><circle>0,0 1e3</circle>", "circle", 16),
        ("</areaDesc>", "</areaDesc><altitude>high</altitude>", "altitude", 16),
    ];
    for (from, to, name, line) in wrong {
        let error = small_with(from, to).unwrap_err();
        assert!(matches!(&error, CapError::Value { element, at, .. } if element == name && at.line == line), "{error}");
        assert!(error.to_string().contains("write "), "{error}");
    }
}

#[test]
fn what_is_not_cap_is_refused_with_its_place() {
    type Is = fn(&CapError) -> bool;
    let entity = "?>\n<!DOCTYPE alert [<!ENTITY a \"b\">]>";
    let deep = "</info><x:a xmlns:x=\"urn:x\"><x:b><x:c><x:d><x:e><x:f><x:g><x:h/></x:g></x:f></x:e></x:d></x:c></x:b></x:a>";
    let cases: &[(&str, &str, usize, Is)] = &[
        ("?>", entity, 2, |e| matches!(e, CapError::Dtd { .. })),
        ("Advisory", "&nbsp;", 11, |e| matches!(e, CapError::Entity { found, .. } if found == "nbsp")),
        ("Advisory", "&#0;", 11, |e| matches!(e, CapError::Xml { .. })),
        ("Advisory", "&#7;", 11, |e| matches!(e, CapError::Character { found: '\u{7}', .. })),
        ("Advisory", "\u{1}", 11, |e| matches!(e, CapError::Character { found: '\u{1}', .. })),
        ("Advisory", "a & b", 11, |e| matches!(e, CapError::Xml { .. })),
        ("</info>", deep, 18, |e| matches!(e, CapError::Depth { .. })),
        ("cap:1.2", "cap:1.1", 2, |e| matches!(e, CapError::Root { namespace, .. } if namespace.ends_with("1.1"))),
        ("<area>", "<area><zone/>", 15, |e| matches!(e, CapError::Unknown { parent, found, .. } if parent == "area" && found == "zone")),
        ("<area>", "<area><zone xmlns=\"\"/>", 15, |e| matches!(e, CapError::Unknown { .. })),
        ("<area>", "<area><q:zone/>", 15, |e| matches!(e, CapError::Xml { .. })),
        ("<area>", "<area>text", 15, |e| matches!(e, CapError::Stray { found, .. } if found == "text")),
        ("<status>", "<status id=\"1\">", 6, |e| matches!(e, CapError::Attribute { found, .. } if found == "id")),
        ("<status>", "<status a:b=\"&x;\">", 6, |e| matches!(e, CapError::Xml { .. })),
        ("</status>", "</stat>", 6, |e| matches!(e, CapError::Xml { .. })),
        ("</alert>", "", 2, |e| matches!(e, CapError::Xml { .. })),
        ("</alert>", "</alert><alert/>", 19, |e| matches!(e, CapError::Xml { .. })),
        ("</alert>", "</alert>tail", 19, |e| matches!(e, CapError::Xml { .. })),
        ("version=\"1.0\"", "version=\"1.1\"", 1, |e| matches!(e, CapError::Xml { .. })),
        ("encoding=\"UTF-8\"", "encoding=\"latin1\"", 1, |e| matches!(e, CapError::Xml { .. })),
    ];
    for (from, to, line, is) in cases {
        let error = small_with(from, to).unwrap_err();
        assert!(is(&error), "{to}: {error:?}");
        assert!(error.to_string().starts_with(&format!("line {line}, column ")), "{to}: {error}");
    }
    assert_eq!(read(b"<alert\xff"), Err(CapError::Encoding { byte: 6 }));
    assert!(matches!(read(b""), Err(CapError::Xml { .. })));
}

#[test]
fn a_thousand_of_a_kind_are_read_and_one_more_is_not() {
    let codes = |n: usize| format!("</scope>{}", "<code>c</code>".repeat(n));
    assert_eq!(small_with("</scope>", &codes(1000)).unwrap().code.len(), 1000);
    assert!(matches!(small_with("</scope>", &codes(1001)), Err(CapError::TooMany { .. })));
}

#[test]
fn every_word_of_the_standard_is_read_as_it_is_written() {
    assert_eq!((Status::ALL.len(), MsgType::ALL.len(), Scope::ALL.len()), (5, 5, 3));
    assert_eq!((Category::ALL.len(), ResponseType::ALL.len()), (12, 9));
    assert_eq!((Urgency::ALL.len(), Severity::ALL.len(), Certainty::ALL.len()), (5, 5, 5));
    assert!(Category::ALL.iter().all(|word| word.to_string().parse() == Ok(*word)));
    assert!(ResponseType::ALL.iter().all(|word| word.to_string().parse() == Ok(*word)));
    assert_eq!("Power".parse::<Scope>().unwrap_err().to_string(), "write one of Public, Restricted, Private");
}
