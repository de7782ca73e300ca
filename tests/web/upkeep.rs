//! Programs that look after a site: what may be forgotten, holds, places offsite, histories that parted, and groups of consumers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::{Client, encode};
use super::site::{self, Site};
use super::works::copy;

fn rows(value: &Value) -> &Vec<Value> {
    value["rows"].as_array().expect("rows")
}

/// Waits until the agent has done a job.
fn done(program: &Client, job: &Value) {
    while program.get(&format!("/api/v1/jobs/{}", job["job"])).is(200).json()["state"] != "done" {}
}

#[test]
fn what_no_rule_keeps_is_shown_planned_and_forgotten() {
    let site = site::site();
    let program = site.program();
    let usb = site.path("usb").display().to_string();
    let added = program.post("/api/v1/remotes", &json!({ "name": "usb", "url": format!("dir:{usb}"), "region": "no" })).is(201).json();
    assert_eq!((&added["name"], &added["url"], &added["region"]), (&json!("usb"), &json!(format!("dir:{usb}")), &json!("no")));
    assert_eq!(program.post("/api/v1/remotes", &json!({ "name": "usb", "url": "dir:/elsewhere" })).is(400).json()["error"]["exit"], 2);
    assert_eq!(program.post("/api/v1/remotes", &json!({ "name": "b", "url": "dir:beside" })).is(400).json()["error"]["at"]["field"], "url");
    assert_eq!(program.post("/api/v1/remotes", &json!({ "name": "b", "url": "gopher:x" })).is(400).json()["error"]["exit"], 2);
    let answers = program.post("/api/v1/remotes/usb/check", &json!({ "write": true })).is(200).json();
    assert_eq!((&answers["reachable"], &answers["written"]), (&json!(true), &json!(true)));
    for n in 1..=3 {
        program.put("/api/v1/document?key=sak/1", format!("state {n} of the case").as_bytes()).is(201);
    }
    done(&program, &program.post("/api/v1/remotes/usb/ship", &json!({})).is(202).json());
    // Nothing is said, everything stays.
    assert_eq!(program.post("/api/v1/forget/plan", &json!({})).is(200).json()["contents"], 0);
    let wanted = |more: Value| {
        let mut body = json!({ "prefix": "sak/", "keep": { "last": 1 } });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        body
    };
    program.post("/api/v1/holds?actor=806&reason=tilsyn", &json!({ "name": "tilsyn/2027", "prefix": "sak/" })).is(201);
    assert_eq!(program.post("/api/v1/forget/plan", &wanted(json!({}))).is(200).json()["kept"]["hold"]["versions"], 2);
    let lifted = program.delete(&format!("/api/v1/holds?hold={}&actor=806&reason=ferdig", encode("tilsyn/2027"))).is(200).json();
    assert_eq!((&lifted["hold"], &lifted["schema"]), (&json!("tilsyn/2027"), &json!("annals.hold.lift/1")));
    assert_eq!(program.delete("/api/v1/holds?hold=tilsyn/2027").is(404).code(), "hold.missing");
    let mut judged = Vec::new();
    let mut after = String::new();
    loop {
        let page = program.post(&format!("/api/v1/forget/simulate?limit=2{after}"), &wanted(json!({}))).is(200).json();
        judged.extend(rows(&page).iter().map(|row| (row["version"].as_u64().expect("n"), row["goes"].as_bool().expect("yes or no"))));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(judged, [(1, true), (2, true), (3, false)]);
    let plan = program.post("/api/v1/forget/plan", &wanted(json!({}))).is(200).json();
    assert_eq!((&plan["versions"], &plan["applied"], &plan["rules"]["words"]), (&json!(2), &json!(false), &json!("last 1")));
    let seq = plan["position"]["seq"].as_u64().expect("n");
    assert_eq!(program.post("/api/v1/forget", &wanted(json!({}))).is(400).json()["error"]["at"]["field"], "seq");
    assert_eq!(program.post("/api/v1/forget", &wanted(json!({ "seq": seq - 1 }))).is(409).code(), "plan.stale");
    assert_eq!(program.get("/api/v1/document?key=sak/1&at=v1").is(200).text(), "state 1 of the case");
    let forgot = program.post("/api/v1/forget?actor=806&reason=regel", &wanted(json!({ "seq": seq }))).is(200).json();
    assert_eq!((&forgot["applied"], &forgot["outcome"]["contents"]), (&json!(true), &json!(2)), "{forgot}");
    assert_eq!(program.get("/api/v1/document?key=sak/1&at=v1").is(404).code(), "content.forgotten");
    assert_eq!(program.get("/api/v1/document?key=sak/1").is(200).text(), "state 3 of the case");
    for bad in [json!({ "keep": { "within": "soon" } }), json!({ "keep": { "daily": 4_000_000 } }), json!({ "keep": { "hourly": 1 } })] {
        let error = program.post("/api/v1/forget/plan", &bad).is(400).json();
        assert!(error["error"]["at"]["field"].as_str().is_some_and(|field| field.starts_with("keep.")), "{bad}: {error}");
    }
    assert_eq!(program.post("/api/v1/forget/plan", &json!({ "prefix": "nowhere/" })).is(404).code(), "document.missing");
    // The place is used no longer; what lies there stays.
    program.delete("/api/v1/remotes/usb").is(200);
    assert_eq!(program.delete("/api/v1/remotes/usb").is(404).code(), "remote.unknown");
    assert!(!std::fs::read_to_string(site.store().join("annals.toml")).expect("read").contains("usb"));
    assert!(std::fs::read_dir(&usb).expect("there").count() > 0);
}

/// A site whose older copy was put back after it had shipped more, and in which work goes on.
fn parted() -> Site {
    let mut site = site::without_agent();
    std::fs::create_dir(site.path("usb")).expect("a directory");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    site.put("sak/1", "{\"n\":1}", "806", "");
    site.run(&["ship"]).exits(0);
    copy(&site.store(), &site.path("older"));
    site.put("sak/2", "{\"n\":2}", "806", "");
    site.run(&["ship"]).exits(0);
    std::fs::remove_dir_all(site.store()).expect("removed");
    copy(&site.path("older"), &site.store());
    site.put("sak/3", "{\"n\":3}", "811", "");
    site.run(&["ship"]).exits(14);
    site.start();
    site
}

#[test]
fn histories_that_parted_are_brought_into_line_by_a_program() {
    let site = parted();
    let program = site.program();
    let planned = program.post("/api/v1/realign/plan", &json!({})).is(200).json();
    let (tenant, plan) = (&planned["tenants"][0], &planned["plan"]);
    assert_eq!((&tenant["verdict"], &tenant["missing"]["batches"], &tenant["only_here"]["batches"]), (&json!("forked"), &json!(1), &json!(1)));
    assert_eq!((&planned["applied"], planned["done"].as_array().map(Vec::len)), (&json!(false), Some(0)));
    program.get("/api/v1/document?key=sak/2").is(404);
    assert_eq!(program.post("/api/v1/realign/plan", &json!({ "keep": "mine" })).is(400).json()["error"]["at"]["field"], "keep");
    assert_eq!(program.post("/api/v1/realign", &json!({ "plan": { "schema": "annals.plan/1" } })).is(400).json()["error"]["at"]["field"], "plan");
    let done = program.post("/api/v1/realign?actor=806", &json!({ "plan": plan })).is(200).json();
    assert_eq!((&done["applied"], &done["done"][0]["fetched"], &done["done"][0]["again"]), (&json!(true), &json!(1), &json!(1)), "{done}");
    assert_eq!(program.get("/api/v1/document?key=sak/2").is(200).text(), "{\"n\":2}");
    assert_eq!(program.get("/api/v1/document?key=sak/3").is(200).text(), "{\"n\":3}");
    assert_eq!(program.post("/api/v1/realign", &json!({ "plan": plan })).is(409).code(), "plan.stale");
    let line = program.post("/api/v1/realign/plan", &json!({})).is(200).json();
    assert_eq!(line["tenants"], json!([]), "in line");
}

#[test]
fn a_group_shares_the_feed_out_and_takes_over() {
    let (site, program) = site::site().program_of();
    let lines: String = (0..40).map(|n| format!("{{\"op\":\"put\",\"key\":\"k{n:02}\",\"text\":\"x\"}}\n")).collect();
    site.batch(&lines, "806", "");
    let read = |member: &str| program.get(&format!("/api/v1/feed/mail?group=g&member={member}&partitions=4&limit=1000")).is(200).json();
    let keys = |page: &Value| rows(page).iter().map(|row| row["key"].as_str().expect("a key").to_owned()).collect::<BTreeSet<_>>();
    let all = read("a");
    assert_eq!((rows(&all).len(), keys(&all).len()), (40, 40), "alone, everything");
    // A second one: the first gives up half when it next reads.
    read("b");
    let (a, b) = (read("a"), read("b"));
    let (a, b) = (keys(&a), keys(&read("b")).union(&keys(&b)).cloned().collect::<BTreeSet<_>>());
    assert!(!a.is_empty() && !b.is_empty() && a.is_disjoint(&b) && a.len() + b.len() == 40, "{a:?} {b:?}");
    // What is done is not told again; what is another's cannot be acknowledged.
    let mine = read("a");
    let ack = |member: &str, event: &Value| {
        let path = format!("/api/v1/feed/mail/ack?group=g&member={member}&partitions=4");
        program.post(&path, &json!({ "seq": event["seq"], "index": event["index"] }))
    };
    let first = &rows(&mine)[0];
    assert_eq!(ack("b", first).is(409).code(), "feed.lease_lost");
    ack("a", first).is(200);
    assert!(!keys(&read("a")).contains(first["key"].as_str().expect("a key")));
    assert_eq!(ack("a", first).is(409).code(), "feed.lease_lost");
    // Who leaves leaves everything to the others, but for what was done.
    program.delete("/api/v1/feed/mail/member?group=g&member=a&partitions=4").is(200);
    let rest = read("b");
    assert_eq!(keys(&rest).len(), 39, "{rest}");
    // Nonsense is told as that.
    for (path, field) in [
        ("/api/v1/feed/mail?group=g", "member"),
        ("/api/v1/feed/mail?member=a", "group"),
        ("/api/v1/feed/mail?group=g&member=b&partitions=4&after=1.0", "after"),
        ("/api/v1/feed/mail?group=g&member=b&partitions=4&lease=soon", "lease"),
    ] {
        assert_eq!(program.get(path).is(400).json()["error"]["at"]["field"], field, "{path}");
    }
    program.get("/api/v1/feed/mail?group=g&member=b&partitions=5").is(409);
    program.delete("/api/v1/feed/mail/member?group=h&member=a").is(404);
}
