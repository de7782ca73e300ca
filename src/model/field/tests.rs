//! Examples and laws of fields, differences and merges.

use proptest::prelude::*;

use super::diff::FieldChange::{Added, Changed, Removed};
use super::*;

/// A case of a case-handling program, as it writes it: 24 fields.
const CASE: &str = r#"{
  "sak": "2018-163",
  "tittel": "Henvisning fra fastlege – nevrologi",
  "status": "åpen",
  "saksbehandler": { "navn": "Kari Nordmann" },
  "prioritet": 2,
  "gebyr": 125.50,
  "saldo": 1.0,
  "lopenummer": 123456789012345678901234567890,
  "merknad": "",
  "lukket": null,
  "stikkord": ["nevrologi", "haster"],
  "vedlegg": [],
  "egenskaper": {},
  "klient": {
    "nr": 38754,
    "navn": "Ola Nordmann",
    "adresse": { "gate": "Storgata 1", "postnr": "0155" }
  },
  "linjer": [
    { "id": 1, "tekst": "Time", "antall": 1 },
    { "id": 2, "tekst": "Prøve", "antall": 3 }
  ]
}
"#;

fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(CASE.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}

fn shown(old: &str, new: &str) -> Vec<String> {
    let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    let diff = diff(old.as_bytes(), new.as_bytes(), false).expect("fields");
    diff.rows.iter().map(|row| format!("{} {} {}", row.path, side(&row.old), side(&row.new))).collect()
}

fn merged(base: &str, ours: &str, theirs: &str) -> (String, Vec<String>) {
    merged_for(base, ours, theirs, Side::Ours)
}

fn merged_for(base: &str, ours: &str, theirs: &str, prefer: Side) -> (String, Vec<String>) {
    let merge = merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), prefer).expect("fields");
    let paths = merge.conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
    (String::from_utf8(merge.merged).expect("utf-8"), paths)
}

/// Whether two documents have the same value.
fn alike(one: &str, other: &str) -> bool {
    let mut classes = Classes::default();
    let one = Tree::read(one.as_bytes(), &mut classes).expect("one");
    let other = Tree::read(other.as_bytes(), &mut classes).expect("other");
    one.root().class() == other.root().class()
}

#[test]
fn a_case_with_24_fields_of_which_two_differ() {
    assert_eq!(fields(CASE.as_bytes()).expect("fields").len(), 24);
    let new = edited(&[("\"åpen\"", "\"lukket\""), ("\"gate\": \"Storgata 1\"", "\"gate\": \"Storgata 2\"")]);
    assert_eq!(shown(CASE, &new), [r#"status "åpen" "lukket""#, r#"klient.adresse.gate "Storgata 1" "Storgata 2""#]);
    let json = serde_json::to_value(diff(CASE.as_bytes(), new.as_bytes(), false).expect("fields")).expect("json");
    assert_eq!((json["fields"].as_array().map(Vec::len), json["unchanged"].as_u64()), (Some(2), Some(22)));
    let all = diff(CASE.as_bytes(), new.as_bytes(), true).expect("fields");
    assert_eq!((all.rows.len(), all.unchanged, all.layout_only), (24, 22, false));
    let json = serde_json::to_string(&all.rows.iter().find(|row| row.change == Changed)).expect("json");
    assert_eq!(json, r#"{"path":"status","change":"changed","old":"åpen","new":"lukket"}"#);
}

#[test]
fn empty_is_not_absent() {
    let forms = [r#"{"b":1}"#, r#"{"a":"","b":1}"#, r#"{"a":[],"b":1}"#, r#"{"a":{},"b":1}"#, r#"{"a":null,"b":1}"#, r#"{"a":false,"b":1}"#];
    for (i, one) in forms.iter().enumerate() {
        for (j, other) in forms.iter().enumerate() {
            assert_eq!(shown(one, other).len(), usize::from(i != j), "{one} {other}");
        }
    }
    assert_eq!(shown(r#"{"a":{"b":1}}"#, r#"{"a":{}}"#), [r#"a {"b":1} {}"#]);
    assert_eq!(shown(r#"{"a":{"b":1}}"#, r"{}"), ["a.b 1 -"]);
    assert_eq!(shown("{}", r#"{"a":{},"b":[1]}"#), ["a - {}", "b[0] - 1"]);
    assert_eq!(shown("{}", "[]"), ["$ {} []"]);
}

#[test]
fn numbers_are_what_is_written() {
    assert_eq!(shown(r#"{"a":1}"#, r#"{"a":1.0}"#), ["a 1 1.0"]);
    assert_eq!(
        shown(r#"{"a":1e400,"b":12345678901234567890123}"#, r#"{"a":1e400,"b":12345678901234567890124}"#),
        ["b 12345678901234567890123 12345678901234567890124"]
    );
}

#[test]
fn the_same_fields_in_another_layout() {
    let diff = diff(br#"{"a":"\u00e5","b":[1]}"#, "\u{feff}{ \"b\": [ 1 ],\r\n \"a\": \"å\" }".as_bytes(), false).expect("fields");
    assert_eq!((diff.rows.len(), diff.unchanged, diff.layout_only), (0, 2, true));
}

#[test]
fn arrays_match_by_value_and_by_identity() {
    assert_eq!(shown("[1,2,3]", "[0,1,2,3]"), ["[0] - 0"]);
    assert_eq!(shown("[1,2,3]", "[1,3]"), ["[1] 2 -"]);
    assert_eq!(shown(r#"[{"a":1,"b":2},{"a":3,"b":4}]"#, r#"[{"a":0,"b":0},{"a":1,"b":2},{"a":3,"b":5}]"#), ["[0].a - 0", "[0].b - 0", "[2].b 4 5"]);
    let new = edited(&[(
        "{ \"id\": 1, \"tekst\": \"Time\", \"antall\": 1 },\n",
        "{ \"id\": 9, \"tekst\": \"Ny\", \"antall\": 1 },\n    { \"id\": 1, \"tekst\": \"Time\", \"antall\": 7 },\n",
    )]);
    assert_eq!(shown(CASE, &new), ["linjer[0].id - 9", "linjer[0].tekst - \"Ny\"", "linjer[0].antall - 1", "linjer[1].antall 1 7"]);
    assert_eq!(shown(r#"[{"id":1},{"id":2}]"#, r#"[{"id":2},{"id":1}]"#).len(), 2, "a move is not hidden");
    assert_eq!(
        shown(r#"[{"id":1,"a":1},{"id":1,"a":2}]"#, r#"[{"id":1,"a":1},{"id":1,"a":3}]"#),
        ["[1].a 2 3"],
        "ids that repeat tell nothing apart"
    );
}

#[test]
fn what_is_not_fields_is_refused_with_the_reason() {
    let reason = |bytes: &[u8]| parse(bytes).expect_err("refused");
    assert_eq!(reason(b"{\n  \"a\": }"), NotFields::Syntax { line: 2, column: 8 });
    assert!(matches!(reason(b""), NotFields::Syntax { .. }));
    assert!(matches!(reason(b"{} {}"), NotFields::Syntax { .. }));
    assert_eq!(reason(b"\"\xff\""), NotFields::NotUtf8);
    assert_eq!(reason(b"{\"b\":1,\n\"a\":1,\n\"\\u0061\":2}"), NotFields::Twice { name: "a".into(), line: 3 });
    assert_eq!(reason(b"[1,\n\"\\ud800\"]"), NotFields::NotUnicode { line: 2 });
    let nested = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    assert_eq!(reason(&nested(limits::JSON_DEPTH_MAX + 1)), NotFields::Deep);
    assert_eq!(reason(&nested(1_000_000)), NotFields::Deep);
    assert!(matches!(reason(&vec![b'['; 1_000_000]), NotFields::Syntax { .. }));
    assert!(parse(&nested(limits::JSON_DEPTH_MAX)).is_ok());
    assert_eq!(reason(&vec![b' '; limits::JSON_FIELDS_BYTES_MAX + 1]), NotFields::Large(limits::JSON_FIELDS_BYTES_MAX + 1));
    assert_eq!(reason(format!("[{}0]", "0,".repeat(JSON_VALUES_MAX)).as_bytes()), NotFields::Many);
    let error = Error::from(NotFields::Deep);
    assert_eq!((error.kind().exit(), error.what_next().is_some()), (2, true));
}

#[test]
fn a_merge_leaves_untouched_text_alone() {
    let ours = edited(&[("\"åpen\"", "\"lukket\""), ("125.50", "125.5e0")]);
    let theirs = edited(&[("Storgata 1", "Storgata 2"), ("\"antall\": 3", "\"antall\": 4"), ("[\"nevrologi\", \"haster\"]", "[\"haster\"]")]);
    let want = edited(&[
        ("\"åpen\"", "\"lukket\""),
        ("125.50", "125.5e0"),
        ("Storgata 1", "Storgata 2"),
        ("\"antall\": 3", "\"antall\": 4"),
        ("[\"nevrologi\", \"haster\"]", "[\"haster\"]"),
    ]);
    assert_eq!(merged(CASE, &ours, &theirs), (want.clone(), vec![]));
    // The layout of theirs does not matter, only that of ours.
    let small = parse(theirs.as_bytes()).expect("json");
    assert_eq!(merged(CASE, &ours, small.json()), (want, vec![]));
}

#[test]
fn undo_of_a_bulk_change() {
    let after = edited(&[("\"prioritet\": 2", "\"prioritet\": 1"), ("\"status\": \"åpen\"", "\"status\": \"ny\"")]);
    let later = after.replace("\"merknad\": \"\"", "\"merknad\": \"ring\"");
    let undone = inverse(CASE.as_bytes(), after.as_bytes(), later.as_bytes(), Side::Ours).expect("fields");
    assert_eq!(
        (String::from_utf8(undone.merged).expect("utf-8"), undone.conflicts.len()),
        (edited(&[("\"merknad\": \"\"", "\"merknad\": \"ring\"")]), 0)
    );
    let same_field = after.replace("\"status\": \"ny\"", "\"status\": \"lukket\"");
    let undone = inverse(CASE.as_bytes(), after.as_bytes(), same_field.as_bytes(), Side::Theirs).expect("fields");
    assert_eq!(undone.merged, CASE.as_bytes());
    let [conflict] = undone.conflicts.as_slice() else { panic!("one conflict") };
    let text = |value: &Option<Value>| value.as_ref().map(|v| v.plain().into_owned());
    assert_eq!(serde_json::to_string(conflict).expect("json"), r#"{"path":"status","base":"ny","ours":"lukket","theirs":"åpen"}"#);
    let sides = [&conflict.base, &conflict.ours, &conflict.theirs].map(text);
    assert_eq!(sides.each_ref().map(Option::as_deref), [Some("ny"), Some("lukket"), Some("åpen")]);
    assert_eq!(inverse(CASE.as_bytes(), after.as_bytes(), after.as_bytes(), Side::Ours).expect("any bytes").merged, CASE.as_bytes());
}

#[test]
fn members_come_and_go_in_the_layout_of_ours() {
    for (base, ours, theirs, want) in [
        ("{\"a\":1}", "{\"a\":2}", "{\"a\": 1, \"b\": [1, 2]}", "{\"a\":2,\"b\":[1,2]}"),
        ("{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 2\n}\n", "{\"a\":1,\"b\":{\"c\":[]}}", "{\n\t\"a\": 2,\n\t\"b\": {\n\t\t\"c\": []\n\t}\n}\n"),
        ("{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}", "{\r\n  \"a\": 3,\r\n  \"b\": 2\r\n}", "{\"a\":1}", "{\r\n  \"a\": 3\r\n}"),
        ("{\"a\":1, \"b\":2, \"c\":3}", "{\"a\":1, \"b\":2, \"c\":4}", "{\"b\":2,\"c\":3}", "{\"b\":2, \"c\":4}"),
        ("{\"b\":2, \"c\":3}", "{\"b\":2, \"c\":4}", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1, \"b\":2, \"c\":4}"),
        ("{ \"a\": 1, \"b\": 2 }", "{ \"a\": 1, \"b\": 3 }", "{\"b\": 2}", "{ \"b\": 3 }"),
        ("{ \"a\": 1, \"x\": {\"b\": 2} }", "{ \"a\": 2, \"x\": {\"b\": 2} }", "{\"a\":1,\"x\":{}}", "{ \"a\": 2, \"x\": {} }"),
        ("{\"x\":{},\"a\":1}", "{\"x\":{},\"a\":2}", "{\"x\":{\"b\":2},\"a\":1}", "{\"x\":{\"b\":2},\"a\":2}"),
        ("[]", " [ ]\n", "[1]", " [1]\n"),
        ("{\"a\":1}", "{\"a\":1,\"o\":1}", "{\"a\":1,\"t\":1}", "{\"a\":1,\"t\":1,\"o\":1}"),
        ("{\"l\":[1,2,3],\"a\":1}", "{\"l\":[1,2,3],\"a\":2}", "{\"l\":[0,1,3],\"a\":1}", "{\"l\":[0,1,3],\"a\":2}"),
        ("{ \"a\": 1\n, \"b\": 2\n, \"c\": 3\n}", "{ \"a\": 7\n, \"b\": 2\n, \"c\": 3\n}", "{\"a\":1,\"c\":3}", "{ \"a\": 7\n, \"c\": 3\n}"),
        ("{ \"a\": 1\n, \"b\": 2\n}", "{ \"a\": 7\n, \"b\": 2\n}", "{\"a\":1}", "{ \"a\": 7\n}"),
    ] {
        assert_eq!(merged(base, ours, theirs), (want.to_owned(), vec![]), "{ours} {theirs}");
    }
}

#[test]
fn conflicts_are_as_small_as_they_can_be() {
    let conflicts = |base: &str, ours: &str, theirs: &str| merged(base, ours, theirs).1;
    assert_eq!(conflicts(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#), ["a"]);
    assert_eq!(conflicts(r#"{"a":1,"b":0}"#, r#"{"b":1}"#, r#"{"a":3,"b":0}"#), ["a"], "removed against changed");
    assert_eq!(conflicts(r#"{"a":{"b":1,"c":1}}"#, r#"{"a":{"b":2,"c":1}}"#, "{}"), ["a"], "changed within against removed");
    assert_eq!(conflicts(r#"{}"#, r#"{"a":{"x":1,"y":1}}"#, r#"{"a":{"x":2,"z":1}}"#), ["a.x"], "both added an object");
    assert_eq!(conflicts(r#"{"a":[1,2]}"#, r#"{"a":[1,2,3]}"#, r#"{"a":[0,1,2]}"#), ["a"], "elements that nothing tells apart");
    assert_eq!(conflicts(r#"{"a":1}"#, r#"{"a":{}}"#, r#"{"a":[]}"#), ["a"]);
    assert_eq!(conflicts(r#"{"a":1}"#, r#"{"a":2}"#, r#"{ "a" : 2 }"#), [""; 0], "the same change");
    assert_eq!(merged_for(r#"{"a":1,"b":0}"#, r#"{"b":1}"#, r#"{"a":3,"b":0}"#, Side::Theirs).0, r#"{"a":3,"b":1}"#);
    assert_eq!(merged_for(r#"{"a":1,"b":0}"#, r#"{"a":2,"b":0}"#, r#"{"b":1}"#, Side::Theirs).0, r#"{"b":1}"#);
}

#[test]
fn elements_with_an_identity_merge_one_by_one() {
    let base = r#"[{"id":1,"n":1},{"id":2,"n":1},{"id":3,"n":1}]"#;
    let ours = r#"[{"id":1,"n":5},{"id":2,"n":1},{"id":3,"n":1},{"id":4,"n":1}]"#;
    let theirs = r#"[{"id":3,"n":7},{"id":1,"n":1},{"id":9,"n":1}]"#;
    let want = r#"[{"id":3,"n":7},{"id":4,"n":1},{"id":1,"n":5},{"id":9,"n":1}]"#;
    assert_eq!(merged(base, ours, theirs), (want.to_owned(), vec![]), "theirs moved and removed, ours changed and added");
    let far = r#"[{"id":3,"n":1},{"id":2,"n":1},{"id":1,"n":1}]"#;
    let moved = r#"[{"id":2,"n":1},{"id":1,"n":1},{"id":3,"n":1}]"#;
    assert_eq!(merged(base, moved, far).1.len(), 1, "both moved");
    let (text, conflicts) = merged_for(base, ours, r#"[{"id":1,"n":6},{"id":2,"n":1},{"id":3,"n":1}]"#, Side::Theirs);
    assert_eq!((text.as_str(), conflicts.as_slice()), (ours.replace("\"n\":5", "\"n\":6").as_str(), &["[0].n".to_owned()][..]));
}

#[test]
fn history_of_one_field() {
    let path = |text: &str| Some(text.parse::<Path>().expect(text));
    let versions = [
        (1, Some(r#"{"a":1,"l":[{"id":1,"q":1}]}"#)),
        (2, Some(r#"{"a":2,"l":[{"id":1,"q":1}]}"#)),
        (3, Some("not json")),
        (4, Some(r#"{"a":2,"l":[{"id":0,"q":9},{"id":1,"q":2}]}"#)),
        (5, None),
        (6, Some("{}")),
    ];
    let (rows, passed_over) = field_history(versions, path("a"));
    let seen: Vec<_> = rows.iter().map(|h| (h.version, h.row.change)).collect();
    assert_eq!(seen, [(1, Added), (2, Changed), (5, Removed), (6, Added)]);
    assert_eq!(passed_over.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [3]);
    let (rows, _) = field_history(versions, path("l.q"));
    let seen: Vec<_> = rows.iter().map(|h| format!("{} {}", h.version, h.row.path)).collect();
    assert_eq!(seen, ["1 l[0].q", "4 l[0].q", "4 l[1].q", "5 l[0].q", "5 l[1].q", "6 $"]);
    let (rows, _) = field_history([("v", Some("{}"))], None);
    assert_eq!(serde_json::to_string(&rows).expect("json"), r#"[{"version":"v","path":"$","change":"added","old":null,"new":{}}]"#);
}

/// Any JSON value as text, in any of several layouts.
fn json() -> impl Strategy<Value = String> {
    (tree(), 0..4usize).prop_map(|(value, layout)| laid_out(&value, layout))
}

fn laid_out(value: &serde_json::Value, layout: usize) -> String {
    let pretty = || serde_json::to_string_pretty(value).unwrap_or_default();
    match layout {
        0 => value.to_string(),
        1 => pretty() + "\n",
        2 => pretty().replace('\n', "\r\n"),
        _ => pretty().replace('\n', " "),
    }
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-3..3i64).prop_map(Into::into),
        "[ab\"\\\\\u{1}å]{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-c.\"]{0,2}", inner.clone(), 0..5).prop_map(|map| map.into_iter().collect()),
            proptest::collection::btree_map(0..6u8, inner, 0..5)
                .prop_map(|map| { map.into_iter().rev().map(|(id, value)| serde_json::json!({"id": id, "v": value})).collect::<Vec<_>>().into() }),
        ]
    })
}

/// Bytes that are often nearly JSON.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let likely = proptest::sample::select(br#"[]{}",:\u0dtrue1e-. "#.to_vec());
    proptest::collection::vec(prop_oneof![4 => likely, 1 => any::<u8>()], 0..60)
}

/// Three objects that share members, so that merges go deep.
fn family() -> impl Strategy<Value = [String; 3]> {
    let object = || proptest::collection::btree_map("[a-d]", tree(), 0..5);
    (object(), object(), object(), [0..4usize, 0..4usize, 0..4usize]).prop_map(|(base, ours, theirs, layouts)| {
        let whole = |edits: &std::collections::BTreeMap<String, serde_json::Value>, layout| {
            let mut all = base.clone();
            for (name, value) in edits {
                match (value.is_null(), all.get_mut(name)) {
                    (true, _) => drop(all.remove(name)),
                    (_, Some(serde_json::Value::Array(old))) if old.len() > 1 => old.rotate_left(1),
                    (_, Some(serde_json::Value::Object(old))) => drop(old.insert("c".into(), value.clone())),
                    _ => drop(all.insert(name.clone(), value.clone())),
                }
            }
            laid_out(&all.into_iter().collect(), layout)
        };
        [laid_out(&base.clone().into_iter().collect(), layouts[0]), whole(&ours, layouts[1]), whole(&theirs, layouts[2])]
    })
}

proptest! {
    #[test]
    fn merge_laws([base, one, other] in family()) {
        prop_assert_eq!(merged(&base, &one, &base), (one.clone(), vec![]), "nothing new: ours, byte for byte");
        prop_assert_eq!(merged(&base, &one, &one), (one.clone(), vec![]));
        prop_assert_eq!(merged(&base, &base, &one), (one.clone(), vec![]));
        // The same with other bytes for what is unchanged, so that the text is really spliced.
        let spaced = format!(" {base}\n");
        let (text, conflicts) = merged(&base, &spaced, &one);
        prop_assert!(alike(&text, &one) && conflicts.is_empty(), "{}", text);
        // An untouched document is replaced whole, so that an undo gives back the very bytes.
        prop_assert_eq!(merged(&base, &one, &spaced), (if one == base { spaced.clone() } else { one.clone() }, vec![]));
        let (text, conflicts) = merged(&spaced, &one, &format!("\n{one} "));
        prop_assert_eq!((text, conflicts), (one.clone(), vec![]));
        // Whoever is preferred, the conflicts are the same, and without any it does not matter.
        let (ours, conflicts) = merged(&base, &one, &other);
        let (theirs, again) = merged_for(&base, &one, &other, Side::Theirs);
        prop_assert_eq!(&conflicts, &again);
        prop_assert!(parse(ours.as_bytes()).is_ok() && parse(theirs.as_bytes()).is_ok());
        prop_assert!(!conflicts.is_empty() || ours == theirs);
        // Ours takes from theirs as theirs takes from ours.
        prop_assert_eq!(conflicts.len(), merged(&base, &other, &one).1.len());
    }

    #[test]
    fn disjoint_edits_commute(
        base in proptest::collection::btree_map("[a-f]", tree(), 1..6),
        split in any::<u8>(),
        values in proptest::collection::vec(tree(), 6),
        layout in 0..4usize,
    ) {
        let edit = |ours: bool| {
            let mut all = base.clone();
            for (i, (name, value)) in "abcdef".chars().zip(&values).enumerate() {
                if (split >> i & 1 == 1) == ours && split >> (i % 3) & 8 == 0 {
                    if value.is_null() { all.remove(&name.to_string()); } else { all.insert(name.to_string(), value.clone()); }
                }
            }
            laid_out(&all.into_iter().collect(), layout)
        };
        let (one, other, base) = (edit(true), edit(false), laid_out(&base.clone().into_iter().collect(), 1));
        let (there, back) = (merged(&base, &one, &other), merged(&base, &other, &one));
        prop_assert!(there.1.is_empty() && back.1.is_empty());
        prop_assert!(alike(&there.0, &back.0), "{} {}", there.0, back.0);
    }

    #[test]
    fn a_diff_is_complete(old in json(), new in json()) {
        let found = diff(old.as_bytes(), new.as_bytes(), false).expect("fields");
        prop_assert_eq!(found.rows.is_empty(), alike(&old, &new));
        let all = diff(old.as_bytes(), new.as_bytes(), true).expect("fields");
        prop_assert_eq!(all.rows.len(), found.rows.len() + found.unchanged);
        let (text, conflicts) = merged(&old, &format!(" {old}"), &new);
        prop_assert!(alike(&text, &new) && conflicts.is_empty(), "applied: {}", text);
        let same = diff(old.as_bytes(), old.as_bytes(), true).expect("fields");
        prop_assert_eq!(same.rows.len(), fields(old.as_bytes()).expect("fields").len());
    }

    #[test]
    fn what_is_compact_is_the_same_value(text in json()) {
        let value = parse(text.as_bytes()).expect("json");
        prop_assert!(alike(value.json(), &text));
        prop_assert_eq!(value.json(), serde_json::from_str::<serde_json::Value>(&text).expect("json").to_string());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in bytes(), other in json()) {
        let known = serde_json::from_slice::<serde_json::Value>(&bytes);
        let read = parse(&bytes);
        prop_assert!(read.is_err() || known.is_ok() || bytes.contains(&b'e'), "numbers out of range are the only thing we read beyond serde_json");
        if let (Ok(value), Ok(known)) = (&read, known) {
            prop_assert_eq!(value.kind() == ValueKind::Object, known.is_object());
        }
        let _ = (fields(&bytes).is_ok(), diff(&bytes, other.as_bytes(), true).is_ok(), merge(&bytes, other.as_bytes(), b"{}", Side::Ours).is_ok());
    }
}
