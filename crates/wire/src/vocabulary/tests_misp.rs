use super::*;

#[test]
fn a_taxonomy_becomes_one_note_that_loses_nothing() {
    let tags = json!({"namespace": "sea", "description": "What happens at sea", "version": 3, "exclusive": true,
        "predicates": [{"value": "cause", "expanded": "Cause", "colour": "#ff0000"}],
        "values": [{"predicate": "cause", "entry": [{"value": "anchor", "expanded": "Anchor dragged", "numerical_value": 10}]}]});
    let imported = misp(&tags, "Authority of A", &amber()).unwrap();
    let note = &imported.drafts[1];
    assert_eq!(check(note), 1);
    let view = read::<Taxonomy>(&kept(&imported.drafts)[&note.id]).unwrap();
    assert_eq!(Value::Object(view.body.machinetag), tags);
    assert_eq!((view.base.content.as_str(), view.body.version), ("What happens at sea", 3));
}

#[test]
fn clusters_become_things_with_their_relations_and_bad_ones_are_named() {
    let (one, two) = ("0d2c1a52-3a43-4f2a-9b1e-6f0a4f3f2b11", "38c47d93-d984-4fd9-b87b-d69d0841628d");
    let galaxy = json!({"name": "Groups", "type": "threat-actor", "uuid": one, "version": 1, "values": [
        {"value": "Red Fox", "uuid": one, "description": "A group", "meta": {"synonyms": ["RF"], "refs": ["https://example.org/a", "x"]},
         "related": [{"dest-uuid": two, "type": "similar"}, {"dest-uuid": "elsewhere", "type": "uses"}]},
        {"value": "Blue Fox", "uuid": two}, {"value": "Nobody"}, {"value": "Twice", "uuid": two}]});
    let imported = misp(&galaxy, "Authority of A", &amber()).unwrap();
    let kinds: Vec<&str> = imported.drafts.iter().map(|d| d.id.kind()).collect();
    assert_eq!(kinds, ["identity", "intrusion-set", "intrusion-set", "relationship"]);
    assert_eq!(imported.drafts[1].get("aliases"), Some(&json!(["RF"])));
    assert_eq!(imported.drafts[1].get("external_references").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(imported.refused.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(), ["Nobody", "Twice"]);
    kept(&imported.drafts);
}

#[test]
fn what_is_neither_is_refused() {
    let bad = |value: Value| misp(&value, "A", &[]).unwrap_err().to_string();
    assert!(bad(json!([])).contains("machinetag") || bad(json!([])).contains("taxonomy"));
    assert!(bad(json!({"namespace": "x", "predicates": []})).contains("no predicates"));
    assert!(bad(json!({"type": "country", "values": []})).contains("`country`"));
    assert!(bad(json!({"type": "tool", "values": 1})).contains("cannot be read"));
}
