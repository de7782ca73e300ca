//! refs.

use crate::support::{Site, site};

fn ledger() -> Site {
    let site = site();
    site.put("letter/1", "one");
    site.put("letter/2", "two");
    site.run("refs add letter/1 svarut 9f2c --state delivered --irrevocable").exits(0);
    site.run("refs add letter/2 svarut 77aa --state sent --expires 2099-01-01").exits(0);
    site
}

#[test]
fn references_are_added_listed_and_found() {
    let site = ledger();
    let value = site.run("refs add letter/2 archive 5 --json").exits(0).object("annals.refs.add/1");
    assert_eq!((&value["key"], &value["system"], &value["seq"]), (&"letter/2".into(), &"archive".into(), &5.into()));
    let rows = site.run("refs ls --json=lines").exits(0).rows();
    let names: Vec<_> = rows.iter().map(|r| format!("{} {} {}", r["system"], r["id"], r["irrevocable"])).collect();
    assert_eq!(names, ["\"archive\" \"5\" false", "\"svarut\" \"77aa\" false", "\"svarut\" \"9f2c\" true"]);
    assert_eq!(site.run("refs ls letter/2 --json=lines").exits(0).rows().len(), 2);
    assert!(
        rows[1]["expires"].as_str().expect("a time").starts_with("2099-01-01")
            || rows[1]["expires"].as_str().expect("a time").starts_with("2099-01-02")
    );
    let found = site.run("refs find svarut 9f2c --json=lines").exits(0).rows();
    assert_eq!((found.len(), &found[0]["key"], &found[0]["state"]), (1, &"letter/1".into(), &"delivered".into()));
    assert!(site.run("refs ls letter/1").exits(0).out.contains("irrevocable"));
    // A new state takes the place of the old one.
    site.run("refs add letter/2 svarut 77aa --state delivered").exits(0);
    assert_eq!(site.run("refs find svarut 77aa --json=lines").rows()[0]["state"], "delivered");
}

#[test]
fn refusals_name_what_is_wrong() {
    let site = ledger();
    assert_eq!(site.run("refs add letter/2 svarut 9f2c --json").exits(14).error_code(), "reference.taken");
    site.run("refs add letter/2 svarut 9f2c --shared").exits(0);
    assert_eq!(site.run("refs find svarut 9f2c --json=lines").rows().len(), 2);
    assert_eq!(site.run("refs find svarut none --json").exits(5).error_code(), "reference.missing");
    let done = site.run("refs add letter/3 svarut 1 --json").exits(5);
    assert!(done.error_code() == "document.missing" && done.out.contains("letter/1"));
    assert_eq!(site.run("refs add letter/1 svarut 1 --expires v3 --json").exits(2).error_code(), "refs.expires");
}

#[test]
fn a_list_from_outside_is_compared() {
    let site = ledger();
    site.write("same.csv", "system,id,state\nsvarut,9f2c,delivered\nsvarut,77aa,sent\n");
    let value = site.run("refs check --against same.csv --json").exits(0).object("annals.refs.check/1");
    assert_eq!((&value["same"], &value["differences"]), (&2.into(), &serde_json::json!([])));
    site.write("other.csv", "id;state\n77aa;delivered\nffff;sent\n");
    let done = site.run("refs check --against other.csv").exits(4);
    for line in ["missing here: svarut ffff", "missing there: svarut 9f2c (delivered, irrevocable), document letter/1", "state differs: svarut 77aa"]
    {
        assert!(done.out.contains(line), "{}", done.out);
    }
    let value = site.run("refs check --against other.csv --json").exits(4).object("annals.refs.check/1");
    assert_eq!((&value["missing_here"], &value["missing_there"], &value["state_differs"]), (&1.into(), &1.into(), &1.into()));
    let differs = &value["differences"][0];
    assert_eq!(
        (&differs["difference"], &differs["here"], &differs["there"], &differs["line"]),
        (&"state_differs".into(), &"sent".into(), &"delivered".into(), &2.into())
    );
}

#[test]
fn a_malformed_line_is_named_by_its_number() {
    let site = ledger();
    site.write("bad.csv", "system,id,state\nsvarut,9f2c,delivered\nsvarut,77aa\n");
    let done = site.run("refs check --against bad.csv --json").exits(2);
    assert_eq!(done.error_code(), "refs.line");
    assert!(done.err.contains("line 3"), "{}", done.err);
    site.run("refs check --against none.csv").exits(2);
    // Two systems here and none in the list: which one is meant?
    site.run("refs add letter/1 archive 5").exits(0);
    site.write("ids.csv", "id\n9f2c\n77aa\n");
    assert!(site.run("refs check --against ids.csv").exits(2).err.contains("--system"));
    site.run("refs check --against ids.csv --system svarut").exits(0);
}
