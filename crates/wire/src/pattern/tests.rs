//! Patterns read by hand, verdicts of the OASIS validator, and properties.

use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::encoding::{base64_from_bytes, bytes_from_base64, bytes_from_hex, hex_from_bytes};
use super::verdicts::{AGREED, DIFFERENT};
use super::*;

fn read(text: &str) -> Observation {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).observation
}

fn refused(text: &str) -> PatternError {
    Pattern::parse(text).expect_err(text)
}

fn path(object_type: &str, property: &str) -> ObjectPath {
    ObjectPath { object_type: object_type.to_owned(), property: property.to_owned(), steps: Vec::new() }
}

fn affirmed(path: ObjectPath, relation: Relation) -> Comparison {
    Comparison::Test(Test { path, sense: Sense::Affirmed, relation })
}

/// `[a:<property> = 1]`.
fn one(property: &str) -> Observation {
    Observation::Single(affirmed(path("a", property), Relation::Equal(Literal::Integer(1))))
}

/// The relation of the only test of a pattern.
fn relation(text: &str) -> Relation {
    match read(text) {
        Observation::Single(Comparison::Test(test)) => test.relation,
        other => panic!("{text} is not one test: {other:?}"),
    }
}

#[test]
fn the_oasis_validator_and_we_agree() {
    for (is_pattern, text) in AGREED {
        let ours = Pattern::parse(text);
        assert_eq!(ours.is_ok(), is_pattern, "{text}: {ours:?}");
    }
    for (theirs, text, reason) in DIFFERENT {
        let ours = Pattern::parse(text);
        assert_ne!(ours.is_ok(), theirs, "{text} ({reason}): {ours:?}");
    }
}

#[test]
fn and_binds_tighter_than_or_and_or_tighter_than_followedby() {
    let text = "[a:p=1] FOLLOWEDBY [a:q=1] OR [a:r=1] AND [a:s=1] FOLLOWEDBY [a:t=1]";
    let both = Observation::And(vec![one("r"), one("s")]);
    assert_eq!(read(text), Observation::FollowedBy(vec![one("p"), Observation::Or(vec![one("q"), both]), one("t")]));
    let grouped = read("([a:p=1] OR [a:q=1]) AND [a:r=1]");
    assert_eq!(grouped, Observation::And(vec![Observation::Or(vec![one("p"), one("q")]), one("r")]));
}

#[test]
fn within_an_observation_and_binds_tighter_than_or() {
    let test = |property: &str| affirmed(path("a", property), Relation::Equal(Literal::Integer(1)));
    let both = Comparison::And(vec![test("q"), test("r")]);
    assert_eq!(read("[a:p=1 OR a:q=1 AND a:r=1]"), Observation::Single(Comparison::Or(vec![test("p"), both])));
    let any = Comparison::Or(vec![test("p"), test("q")]);
    assert_eq!(read("[(a:p=1 OR a:q=1) AND a:r=1]"), Observation::Single(Comparison::And(vec![any, test("r")])));
}

#[test]
fn a_qualifier_belongs_to_the_observation_before_it() {
    let text = "[a:p=1] AND [a:q=1] REPEATS 3 TIMES WITHIN 0.5 SECONDS";
    let qualifiers = vec![Qualifier::Repeats { n_times: 3 }, Qualifier::Within { window_s: 0.5 }];
    assert_eq!(read(text), Observation::And(vec![one("p"), Observation::Qualified(Box::new(one("q")), qualifiers)]));
    let text = "([a:p=1] AND [a:q=1]) START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T12:30:15.25Z'";
    let stop = date(2026, 2, 1).at(12, 30, 15, 250_000_000);
    let window = Qualifier::StartStop { start: date(2026, 1, 1).at(0, 0, 0, 0), stop };
    assert_eq!(read(text), Observation::Qualified(Box::new(Observation::And(vec![one("p"), one("q")])), vec![window]));
}

#[test]
fn every_constant_is_read() {
    let literals = "(7, -7, 1.5, -.5, 'it\\'s \\\\', true, false, b'YWI=', h'00fF', t'9999-12-31T23:59:59.000000001Z')";
    let expected = vec![
        Literal::Integer(7),
        Literal::Integer(-7),
        Literal::Float(1.5),
        Literal::Float(-0.5),
        Literal::Text(r"it's \".to_owned()),
        Literal::Boolean(true),
        Literal::Boolean(false),
        Literal::Binary(b"ab".to_vec()),
        Literal::Hex(vec![0x00, 0xff]),
        Literal::Timestamp(date(9999, 12, 31).at(23, 59, 59, 1)),
    ];
    assert_eq!(relation(&format!("[a:b IN {literals}]")), Relation::In(expected));
}

#[test]
fn every_operator_is_read() {
    let five = || Literal::Integer(5);
    let text = || "x".to_owned();
    for (operator, expected) in [
        ("= 5", Relation::Equal(five())),
        ("== 5", Relation::Equal(five())),
        ("!= 5", Relation::NotEqual(five())),
        ("<> 5", Relation::NotEqual(five())),
        ("< 5", Relation::Less(five())),
        ("<= 5", Relation::LessOrEqual(five())),
        ("> 5", Relation::Greater(five())),
        (">= 5", Relation::GreaterOrEqual(five())),
        ("IN (5)", Relation::In(vec![five()])),
        ("LIKE 'x'", Relation::Like(text())),
        ("MATCHES 'x'", Relation::Matches(text())),
        ("ISSUBSET 'x'", Relation::IsSubset(text())),
        ("ISSUPERSET 'x'", Relation::IsSuperset(text())),
    ] {
        for (not, sense) in [("", Sense::Affirmed), ("NOT ", Sense::Negated)] {
            let test = Test { path: path("a", "b"), sense, relation: expected.clone() };
            assert_eq!(read(&format!("[a:b {not}{operator}]")), Observation::Single(Comparison::Test(test)));
        }
    }
    let absent = Test { path: path("a", "b"), sense: Sense::Negated, relation: Relation::Exists };
    assert_eq!(read("[NOT EXISTS a:b]"), Observation::Single(Comparison::Test(absent)));
}

#[test]
fn a_path_leads_through_keys_and_lists() {
    let pattern = Pattern::parse("[x-grid-relay:'AND'.c.'SHA-256'[0][*].'it\\'s' = 1]").unwrap();
    let key = |key: &str| Step::Key(key.to_owned());
    let steps = vec![key("c"), key("SHA-256"), Step::Index(0), Step::Any, key("it's")];
    let expected = ObjectPath { steps, ..path("x-grid-relay", "AND") };
    assert_eq!(pattern.paths().into_iter().collect::<Vec<_>>(), [&expected]);
    assert_eq!(expected.to_string(), "x-grid-relay:'AND'.c.'SHA-256'[0][*].'it\\'s'");
}

#[test]
fn what_is_watched_is_listed_once_and_sorted() {
    let text = "([process:pid = 1 OR file:size = 1] AND [file:size = 2]) WITHIN 5 SECONDS FOLLOWEDBY [EXISTS file:name]";
    let pattern = Pattern::parse(text).unwrap();
    assert_eq!(pattern.object_types().into_iter().collect::<Vec<_>>(), ["file", "process"]);
    let paths: Vec<String> = pattern.paths().into_iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["file:name", "file:size", "process:pid"]);
}

#[test]
fn and_needs_one_type_that_satisfies_every_operand() {
    // The verdicts are those of stix2 3.0.2 of PyPI, which checks the same rule.
    assert!(Pattern::parse("[(file:size = 1 OR process:pid = 2) AND process:pid = 2]").is_ok());
    assert!(Pattern::parse("[file:size = 1 OR process:pid = 2]").is_ok());
    let error = refused("[file:size = 1 AND (process:pid = 2 OR user-account:user_id = '1')]");
    let found = "`process` or `user-account`".to_owned();
    assert_eq!(error, PatternError::MixedTypes { position: 19, found, expected: "`file`".to_owned() });
    // The second AND leaves `process` alone, so that the third finds nothing.
    let error = refused("[(file:size = 1 OR process:pid = 2) AND process:pid = 2 AND file:size = 1]");
    assert_eq!(error.position(), 60);
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    for (text, position, found, expected) in [
        ("[a:b == ]", 8, "`]`", "a constant"),
        ("[a:b = 1] AND", 13, "the end of the pattern", "[ or ("),
        ("[é:b = 1]", 1, "`é`", "a word"),
        ("[a:é = 1]", 3, "`é`", "a word"),
        (r"[a:b = 'ö\d']", 10, r"`\d`", "backslash"),
        ("[a:b = 'x", 9, "the end of the pattern", "quote"),
        ("[a:b = h'abc']", 7, "`h'abc'`", "hexadecimal"),
        ("[a:b = b'']", 7, "`b''`", "Base64"),
        ("[a:b = t'2025-02-29T00:00:00Z']", 7, "`t'2025-02-29T00:00:00Z'`", "a day that exists"),
        ("[a:b > true]", 7, "`true`", "an order"),
        ("[a:some-key = 1]", 3, "`some-key`", "in quotes"),
        ("[a:b = 1] WITHIN -5 SECONDS", 17, "`-5`", "not negative"),
        ("[NOT a:b = 1]", 5, "`a`", "EXISTS"),
        ("", 0, "the end of the pattern", "["),
    ] {
        match refused(text) {
            PatternError::Unexpected { position: at, found: what, expected: instead } => {
                assert_eq!((at, what.as_str()), (position, found), "{text}");
                assert!(instead.contains(expected), "{text}: {instead}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let error = refused("[a:b = 1] WITHIN 5 SECONDS REPEATS 2 TIMES WITHIN 6 SECONDS");
    assert_eq!(error, PatternError::RepeatedQualifier { position: 43, found: "WITHIN" });
}

#[test]
fn text_and_depth_are_bounded() {
    let parentheses =
        |n: usize| format!("{}[{}a:b=1{}]{}", "(".repeat(n / 2), "(".repeat(n - n / 2), ")".repeat(n - n / 2), ")".repeat(n / 2));
    assert!(Pattern::parse(&parentheses(MAX_DEPTH)).is_ok());
    assert_eq!(refused(&parentheses(MAX_DEPTH + 1)), PatternError::TooDeep { position: MAX_DEPTH + 1 });
    let long = |n_bytes: usize| format!("[a:b='{}']", "x".repeat(n_bytes - 8));
    assert!(Pattern::parse(&long(MAX_TEXT_BYTES)).is_ok());
    assert_eq!(refused(&long(MAX_TEXT_BYTES + 1)), PatternError::TooLong { found: MAX_TEXT_BYTES + 1 });
}

#[test]
fn a_long_chain_is_no_deep_one() {
    for (first, more) in [("[a:b=1]", "AND[a:b=1]"), ("[a:b=1]", "FOLLOWEDBY[a:b=1]"), ("([a:b=1])", " WITHIN 1 SECONDS")] {
        let text = format!("{first}{}", more.repeat((MAX_TEXT_BYTES - first.len()) / more.len()));
        let pattern = Pattern::parse(&text).unwrap();
        assert!(pattern.to_string().len() > MAX_TEXT_BYTES / 2);
    }
}

#[test]
fn the_canonical_text_has_only_the_parentheses_needed() {
    for (text, canonical) in [
        ("( [ ( a:b==1 ) ] )", "[a:b = 1]"),
        ("[a:'b'<>+1.0]", "[a:b != 1.0]"),
        ("([a:b=1]AND[a:c=1])OR[a:d=1]", "[a:b = 1] AND [a:c = 1] OR [a:d = 1]"),
        ("[a:b=1]AND([a:c=1]OR[a:d=1])", "[a:b = 1] AND ([a:c = 1] OR [a:d = 1])"),
        ("([a:b=1])REPEATS 2 TIMES", "[a:b = 1] REPEATS 2 TIMES"),
        ("([a:b=1])WITHIN 5 SECONDS WITHIN 6.0 SECONDS", "([a:b = 1]) WITHIN 5 SECONDS WITHIN 6 SECONDS"),
        ("([a:b=1]WITHIN 5 SECONDS)WITHIN 6 SECONDS", "([a:b = 1] WITHIN 5 SECONDS) WITHIN 6 SECONDS"),
        ("[a:b NOT IN(h'0A',b'YR==',t'2026-01-01T00:00:00.500Z')]", "[a:b NOT IN (h'0a', b'YQ==', t'2026-01-01T00:00:00.5Z')]"),
        ("[a:b = 'line\n\\'\\\\']", "[a:b = 'line\n\\'\\\\']"),
        ("[a:b = 1] /* why */ // and so on", "[a:b = 1]"),
    ] {
        assert_eq!(Pattern::parse(text).unwrap().to_string(), canonical, "{text}");
    }
}

#[test]
fn base64_of_rfc_4648_section_10() {
    for (bytes, text) in
        [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
    {
        assert_eq!(base64_from_bytes(bytes.as_bytes()), text);
        assert_eq!(bytes_from_base64(text).unwrap(), bytes.as_bytes());
    }
    for text in ["", "Z", "Zg=", "Z===", "====", "Zm=v", "Zm9-", "Zmé="] {
        assert_eq!(bytes_from_base64(text), None, "{text}");
    }
}

fn any_time() -> impl Strategy<Value = DateTime> {
    ((0_i16..=9999, 1_i8..=12, 1_i8..=28), (0_i8..24, 0_i8..60, 0_i8..60), prop_oneof![Just(0), 0_i32..1_000_000_000])
        .prop_map(|((year, month, day), (hour, minute, second), ns)| date(year, month, day).at(hour, minute, second, ns))
}

fn any_literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Boolean),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(Literal::Binary),
        any_orderable(),
    ]
}

fn any_orderable() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<i64>().prop_map(Literal::Integer),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Literal::Float),
        (-9_i32..9).prop_map(|value| Literal::Float(f64::from(value))),
        any::<String>().prop_map(Literal::Text),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Literal::Hex),
        any_time().prop_map(Literal::Timestamp),
    ]
}

fn any_path() -> impl Strategy<Value = ObjectPath> {
    let key = || prop_oneof!["[a-z_]{1,5}", Just("AND".to_owned()), Just("true".to_owned()), any::<String>()];
    let step = prop_oneof![key().prop_map(Step::Key), (0..=i64::MAX as u64).prop_map(Step::Index), Just(Step::Any)];
    (key(), prop::collection::vec(step, 0..4)).prop_map(|(property, steps)| ObjectPath { steps, ..path("x-a", &property) })
}

fn any_test() -> impl Strategy<Value = Comparison> {
    let relation = prop_oneof![
        any_literal().prop_map(Relation::Equal),
        any_literal().prop_map(Relation::NotEqual),
        any_orderable().prop_map(Relation::Less),
        any_orderable().prop_map(Relation::LessOrEqual),
        any_orderable().prop_map(Relation::Greater),
        any_orderable().prop_map(Relation::GreaterOrEqual),
        prop::collection::vec(any_literal(), 0..4).prop_map(Relation::In),
        any::<String>().prop_map(Relation::Like),
        any::<String>().prop_map(Relation::Matches),
        any::<String>().prop_map(Relation::IsSubset),
        any::<String>().prop_map(Relation::IsSuperset),
        Just(Relation::Exists),
    ];
    let sense = prop_oneof![Just(Sense::Affirmed), Just(Sense::Negated)];
    (any_path(), sense, relation).prop_map(|(path, sense, relation)| Comparison::Test(Test { path, sense, relation }))
}

fn any_comparison() -> impl Strategy<Value = Comparison> {
    any_test().prop_recursive(3, 8, 3, |inner| {
        let members = prop::collection::vec(inner, 2..4);
        prop_oneof![members.clone().prop_map(Comparison::And), members.prop_map(Comparison::Or)]
    })
}

fn any_qualifier() -> impl Strategy<Value = Qualifier> {
    prop_oneof![
        (0..=i64::MAX as u64).prop_map(|n_times| Qualifier::Repeats { n_times }),
        (0.0..f64::MAX).prop_map(|window_s| Qualifier::Within { window_s }),
        (0_u32..9).prop_map(|window_s| Qualifier::Within { window_s: f64::from(window_s) }),
        (any_time(), any_time()).prop_map(|(start, stop)| Qualifier::StartStop { start, stop }),
    ]
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let observation = any_comparison().prop_map(Observation::Single).prop_recursive(3, 6, 3, |inner| {
        let members = prop::collection::vec(inner.clone(), 2..4);
        let qualifiers = prop::collection::vec(any_qualifier(), 1..4);
        prop_oneof![
            (inner, qualifiers).prop_map(|(inner, qualifiers)| Observation::Qualified(Box::new(inner), qualifiers)),
            members.clone().prop_map(Observation::And),
            members.clone().prop_map(Observation::Or),
            members.prop_map(Observation::FollowedBy),
        ]
    });
    observation.prop_map(|observation| Pattern { observation })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(pattern in any_pattern()) {
        let text = pattern.to_string();
        prop_assume!(text.len() <= MAX_TEXT_BYTES);
        prop_assert_eq!(Pattern::parse(&text), Ok(pattern), "{}", text);
    }

    #[test]
    fn canonical_text_stays_as_it_is(row in 0..AGREED.len()) {
        if let Ok(pattern) = Pattern::parse(AGREED[row].1) {
            let text = pattern.to_string();
            let again = Pattern::parse(&text);
            prop_assert_eq!(again.as_ref(), Ok(&pattern), "{}", &text);
            prop_assert_eq!(pattern.to_string(), text);
        }
    }

    #[test]
    fn a_mutated_pattern_never_panics(
        row in 0..AGREED.len(),
        at in any::<prop::sample::Index>(),
        insert in "[\\[\\]()'\\\\.:*a-zA-Z0-9 é+/=-]{0,3}",
        cut in 0_usize..4,
    ) {
        let mut chars: Vec<char> = AGREED[row].1.chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());
        chars.splice(start..end, insert.chars());
        let text: String = chars.into_iter().collect();
        if let Err(error) = Pattern::parse(&text) {
            prop_assert!(error.position() <= text.len(), "{}: {:?}", &text, &error);
            prop_assert!(text.is_char_boundary(error.position()));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = Pattern::parse(&text);
    }

    #[test]
    fn bytes_survive_both_encodings(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let hex = bytes_from_hex(&hex_from_bytes(&bytes));
        prop_assert_eq!(hex.as_ref(), Some(&bytes));
        let base64 = bytes_from_base64(&base64_from_bytes(&bytes));
        prop_assert_eq!(base64, if bytes.is_empty() { None } else { Some(bytes) });
    }
}
