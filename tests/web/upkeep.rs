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

#[test]
fn a_subject_is_erased_by_a_program_that_says_it_twice() {
    let mut site = site::without_agent();
    site.configure("[erasable]\nprefixes = [\"person/\"]\n");
    site.put("person/1/notat", "en", "806", "");
    site.put("person/2/notat", "to", "806", "");
    site.start();
    let program = site.program();
    let planned = program.post("/api/v1/erase/plan", &json!({ "subject": "person/1" })).is(200).json();
    assert_eq!((&planned["schema"], &planned["contents"], &planned["applied"]), (&json!("annals.erase/1"), &json!(1), &json!(false)));
    let seq = planned["position"]["seq"].clone();
    let erase = |program: &Client, sent: Value| program.post("/api/v1/erase?actor=806&reason=krav", &sent);
    assert_eq!(erase(&program, json!({ "subject": "person/1", "confirm": "person/1" })).is(400).json()["error"]["at"]["field"], "seq");
    for confirm in [json!(null), json!(""), json!("person/2"), json!("yes")] {
        let refused = erase(&program, json!({ "subject": "person/1", "seq": seq, "confirm": confirm })).is(400);
        assert_eq!((refused.code(), &refused.json()["error"]["at"]["field"]), ("plan.unconfirmed".into(), &json!("confirm")), "{confirm}");
    }
    let stale = json!({ "subject": "person/1", "seq": 1, "confirm": "person/1" });
    assert_eq!(erase(&program, stale).is(409).code(), "plan.stale");
    assert_eq!(program.post("/api/v1/erase/plan", &json!({ "subject": "person/9" })).is(404).code(), "document.missing");
    assert_eq!(program.post("/api/v1/erase/plan", &json!({ "subject": "sak/1" })).is(409).code(), "erase.undeclared");
    assert_eq!(program.get("/api/v1/document?key=person/1/notat").is(200).text(), "en", "nothing went so far");
    let sure = program.with("idempotency-key", "sak 17-2");
    let sent = json!({ "subject": "person/1", "seq": seq, "confirm": "person/1" });
    let done = erase(&sure, sent.clone()).is(200).json();
    assert_eq!((&done["applied"], &done["outcome"]["contents"], &done["outcome"]["left_here"]), (&json!(true), &json!(1), &json!(null)), "{done}");
    // The answer was lost; it is asked for again.
    let again = erase(&sure, sent.clone()).is(200).json();
    let (first, second) = (&done["outcome"]["batch"], &again["outcome"]["batch"]);
    assert_eq!((&second["seq"], &second["repeated"], &again["outcome"]["contents"]), (&first["seq"], &json!(true), &json!(0)), "{again}");
    assert_eq!(erase(&program, sent).is(409).code(), "plan.stale", "without the id it is another request");
    let other = json!({ "subject": "person/2", "seq": first["seq"], "confirm": "person/2" });
    assert_eq!(erase(&sure, other).is(409).code(), "request.differs");
    let gone = program.get("/api/v1/document?key=person/1/notat&at=v1");
    assert_eq!(gone.is(404).code(), "content.erased");
    assert_eq!(program.get("/api/v1/document?key=person/2/notat").is(200).text(), "to");
    let graves = program.get("/api/v1/erase").is(200).json();
    assert_eq!((rows(&graves).len(), &rows(&graves)[0]["reason"], &rows(&graves)[0]["seq"]), (1, &json!("krav"), &first["seq"]), "{graves}");
    done_job(&program, "/api/v1/gc");
}

/// Asks for a job, and waits until it is done.
fn done_job(program: &Client, path: &str) {
    done(program, &program.post(path, &json!({})).is(202).json());
}

#[test]
fn a_tenant_is_dropped_and_brought_back_by_a_program() {
    let site = site::site();
    let program = site.program();
    let name = "kommune-b";
    program.post("/api/v1/tenants", &json!({ "name": name })).is(201);
    program.put(&format!("/api/v1/document?key=sak/1&tenant={name}"), b"hemmelig").is(201);
    let drop = |program: &Client, query: &str, sent: Value| program.post(&format!("/api/v1/tenants/{name}/drop{query}"), &sent);
    for confirm in [json!({}), json!({ "confirm": "kommune" })] {
        assert_eq!(drop(&program, "?reason=slutt", confirm).is(400).code(), "plan.unconfirmed");
    }
    assert_eq!(drop(&program, "", json!({ "confirm": name })).is(400).code(), "tenant.reason");
    let wrong = drop(&program, "?reason=slutt", json!({ "confirm": name, "keep": "soon" })).is(400).json();
    assert_eq!(wrong["error"]["at"]["field"], "keep");
    let sure = program.with("idempotency-key", "avtale 7");
    let dropped = drop(&sure, "?reason=slutt", json!({ "confirm": name, "keep": "30d" })).is(200).json();
    assert_eq!((&dropped["tenant"], &dropped["schema"]), (&json!(name), &json!("annals.tenant.drop/1")));
    assert_eq!(program.get(&format!("/api/v1/document?key=sak/1&tenant={name}")).is(404).code(), "tenant.dropped");
    let again = drop(&sure, "?reason=slutt", json!({ "confirm": name, "keep": "30d" })).is(200).json();
    assert_eq!((&again["seq"], &again["kept_until"], &again["repeated"]), (&dropped["seq"], &dropped["kept_until"], &json!(true)));
    let back = |program: &Client| program.post(&format!("/api/v1/tenants/{name}/undrop?reason=igjen"), &json!({}));
    assert_eq!(back(&sure).is(409).code(), "request.differs", "an id is of one request");
    let returned = back(&program).is(200).json();
    assert_eq!(&returned["tenant"], name);
    assert_eq!(program.get(&format!("/api/v1/document?key=sak/1&tenant={name}")).is(200).text(), "hemmelig");
    assert_eq!(back(&program).is(404).code(), "tenant.in_use");
    assert_eq!(program.post("/api/v1/tenants/main/drop?reason=x", &json!({ "confirm": "main" })).is(409).code(), "tenant.main");
    assert_eq!(program.post("/api/v1/tenants/nobody/drop?reason=x", &json!({ "confirm": "nobody" })).is(404).code(), "tenant.missing");
}

#[test]
fn what_is_large_is_carried_out_by_the_agent() {
    let site = site::site();
    let program = site.program();
    let lines = |state: u32| (0..1_001).map(|n| format!("{{\"op\":\"put\",\"key\":\"pris/{n}\",\"json\":{state}}}\n")).collect::<String>();
    site.batch(&lines(1), "import", "");
    let bulk = site.batch(&lines(2), "import", "");
    // Somebody changed one of them since: the plan leaves it alone unless it says otherwise.
    site.put("pris/7", "3", "806", "");
    let plan = program.post("/api/v1/plans", &json!({ "verb": "undo", "batch": bulk })).is(200).json()["plan"].clone();
    let sure = program.with("idempotency-key", "angre");
    let apply = |on: &str| sure.post("/api/v1/plans/apply?actor=806&reason=feil", &json!({ "plan": plan, "on_conflict": on })).is(202);
    let ended = |answer: &super::client::Answer| {
        let place = answer.header("location").expect("a place").to_owned();
        assert_eq!(place, format!("/api/v1/jobs/{}", answer.json()["job"]));
        done(&program, &answer.json());
        program.get(&place).is(200).json()
    };
    let job = ended(&apply("override"));
    let outcome = &job["outcome"];
    assert_eq!((&outcome["kind"], &outcome["done"], &outcome["skipped"]), (&json!("plan"), &json!(1_001), &json!(0)), "{job}");
    assert_eq!(program.get("/api/v1/document?key=pris/7").is(200).text(), "1");
    let batch = program.get(&format!("/api/v1/batches/{}", outcome["batch"])).is(200).json();
    assert_eq!((&batch["actor"], &batch["reason"], &batch["request"]), (&json!("806"), &json!("feil"), &json!("angre")));
    // Sent again because the answer was lost, it is the same batch; as another request it is refused at once.
    assert_eq!(ended(&apply("override"))["outcome"]["batch"], outcome["batch"]);
    assert_eq!(program.post("/api/v1/plans/apply", &json!({ "plan": plan })).is(409).code(), "plan.stale");
}

#[test]
fn a_large_realignment_is_carried_out_by_the_agent() {
    let site = parted_by(1_001);
    let program = site.program();
    let plan = program.post("/api/v1/realign/plan", &json!({})).is(200).json()["plan"].clone();
    let job = program.post("/api/v1/realign?actor=806", &json!({ "plan": plan })).is(202).json();
    done(&program, &job);
    let ended = program.get(&format!("/api/v1/jobs/{}", job["job"])).is(200).json();
    assert_eq!((&ended["outcome"]["kind"], &ended["outcome"]["tenants"][0]["tenant"]), (&json!("realign"), &json!("main")), "{ended}");
    assert_eq!(program.get("/api/v1/document?key=sak/2").is(200).text(), "{\"n\":2}");
    assert_eq!(program.get("/api/v1/document?key=sak/3").is(200).text(), "{\"n\":3}");
}

/// A site whose older copy was put back after it had shipped more, and in which work goes on.
fn parted() -> Site {
    parted_by(1)
}

/// The same, of which so many documents were recorded that are not in the copy.
fn parted_by(documents: usize) -> Site {
    let mut site = site::without_agent();
    std::fs::create_dir(site.path("usb")).expect("a directory");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    site.put("sak/1", "{\"n\":1}", "806", "");
    site.run(&["ship"]).exits(0);
    copy(&site.store(), &site.path("older"));
    let others = (1..documents).map(|n| format!("{{\"op\":\"put\",\"key\":\"sak/2/{n}\",\"json\":{n}}}\n")).collect::<String>();
    site.batch(&format!("{{\"op\":\"put\",\"key\":\"sak/2\",\"base64\":\"eyJuIjoyfQ==\"}}\n{others}"), "806", "");
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
