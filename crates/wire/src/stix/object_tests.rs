use super::*;
use proptest::prelude::*;

const ID: &str = "infrastructure--38c47d93-d984-4fd9-b87b-d69d0841628d";

fn with(rest: &str) -> String {
    format!(r#"{{"type":"infrastructure","spec_version":"2.1","id":"{ID}",{rest}"name":"a"}}"#)
}

#[test]
fn the_text_is_kept_and_the_version_is_modified_as_written() {
    let text = with(r#""created":"2026-01-01T00:00:00.5Z", "modified":"2026-01-02T00:00:00Z", "x":  1.50,"#);
    let object = Object::read(&text).unwrap();
    assert_eq!(&*object.text, text);
    assert_eq!(&*object.version, "2026-01-02T00:00:00Z");
    assert_eq!(object.version_at, Instant::parse("2026-01-02T00:00:00Z").unwrap());
}

#[test]
fn created_stands_in_for_modified_and_a_fixed_moment_for_both() {
    assert_eq!(&*Object::read(&with(r#""created":"2026-01-01T00:00:00.5Z","#)).unwrap().version, "2026-01-01T00:00:00.5Z");
    assert_eq!(Object::read(&with("")).unwrap().version_at, Instant(0));
}

#[test]
fn an_object_without_edition_is_of_2_0() {
    let text = format!(r#"{{"type":"infrastructure","id":"{ID}"}}"#);
    assert_eq!(&*Object::read(&text).unwrap().spec_version.0, "2.0");
}

#[test]
fn markings_and_references_are_found() {
    let marking = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
    let text = with(&format!(
        r#""object_marking_refs":["{marking}"],"granular_markings":[{{"lang":"fi","selectors":["name"]}},
           {{"marking_ref":"{marking}","selectors":["name","labels.[0]"]}}],"source_ref":"{ID}","object_refs":["{ID}"],"#
    ));
    let object = Object::read(&text).unwrap();
    assert_eq!(object.markings, [Id::parse(marking).unwrap()]);
    assert_eq!(object.granular[0].marking, None);
    assert_eq!(object.granular[1].selectors, ["name".into(), "labels.[0]".into()] as [Box<str>; 2]);
    let properties: Vec<&str> = object.references.iter().map(|r| &*r.property).collect();
    assert_eq!(properties, ["source_ref", "object_refs"]);
}

#[test]
fn a_name_twice_is_refused_at_any_depth() {
    for rest in [r#""name":"b","#, r#""x":{"a":1,"a":2},"#, r#""x":[{"a":1,"\u0061":2}],"#] {
        let Err(Refused::Json(why)) = Object::read(&with(rest)) else { panic!("{rest}") };
        assert!(why.contains("stands twice"), "{why}");
    }
    let many: String = (0..40).map(|i| format!("\"n{}\":1,", i % 39)).collect();
    assert!(Object::read(&with(&many)).is_err());
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| with(&format!("\"x\":{}{},", "[".repeat(n), "]".repeat(n)));
    assert!(Object::read(&nested(60)).is_ok());
    assert!(Object::read(&nested(100)).is_err());
    assert!(Object::read(&nested(200_000)).is_err());
}

#[test]
fn what_is_wrong_is_named() {
    let error = |text: &str| Object::read(text).unwrap_err().to_string();
    assert!(error("{}").contains("`id` is missing"));
    assert!(error(&format!(r#"{{"id":"{ID}"}}"#)).contains("`type` is missing"));
    assert!(error(&format!(r#"{{"id":"{ID}","type":"malware"}}"#)).contains("names another type"));
    assert!(error(&with(r#""modified":"yesterday","#)).contains("`yesterday`"));
    assert!(error(&with(r#""created":"2026-01-02T00:00:00Z","modified":"2026-01-01T00:00:00Z","#)).contains("before"));
    assert!(error(&with(r#""source_ref":"infrastructure--1","#)).contains("UUID"));
    assert!(error("[]").contains("a STIX object"));
    assert!(error(&format!("{} x", with(""))).contains("trailing"));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = Object::read(&text);
    }

    #[test]
    fn a_spoilt_object_never_panics(at in 0_usize..200, byte in 0_u8..128) {
        let mut bytes = with(r#""created":"2026-01-01T00:00:00.5Z","labels":["a"],"#).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = Object::read(&text);
        }
    }
}
