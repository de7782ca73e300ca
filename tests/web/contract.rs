//! The OpenAPI document is true: every route is in it, and every route answers as it says, to the last field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::client::Client;
use super::site::{self, Site};

/// Fails unless `value` is what `schema` says. Stricter than JSON Schema: a field that is not described is a mistake, unless the schema says
/// that there may be more.
pub fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(all) = schema["allOf"].as_array() {
        // Together they describe one object.
        let mut one = json!({ "type": "object" });
        for part in all {
            let part = resolved(document, part);
            for word in ["properties", "additionalProperties", "required"] {
                match (&mut one[word], &part[word]) {
                    (_, Value::Null) => {}
                    (Value::Object(known), Value::Object(more)) => known.extend(more.clone()),
                    (Value::Array(known), Value::Array(more)) => known.extend(more.clone()),
                    (place, more) => *place = more.clone(),
                }
            }
        }
        return check(document, &one, value, at);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let failed: Vec<String> = any.iter().filter_map(|one| check(document, one, value, at).err()).collect();
        return if failed.len() < any.len() { Ok(()) } else { Err(failed.join(" and ")) };
    }
    let schema = resolved(document, schema);
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Err(format!("{at} is {value}, not {kinds:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Err(format!("{at} is {value}, not one of {}", schema["enum"]));
    }
    if schema["format"] == "date-time" && value.as_str().is_some_and(|text| !text.ends_with('Z') || text.len() < 20) {
        return Err(format!("{at} is {value}, not a time in UTC"));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}[{n}]"))?;
    }
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{at} has no {name}"));
        }
    }
    for (name, member) in members {
        match properties.get(name) {
            Some(property) => check(document, property, member, &format!("{at}.{name}"))?,
            None if schema["additionalProperties"] == true => {}
            None => return Err(format!("{at}.{name} is not described")),
        }
    }
    Ok(())
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.strip_prefix('#').expect("a place in the document")).unwrap_or_else(|| panic!("{name} is nowhere")),
        None => schema,
    }
}

/// What is asked of an operation so that it succeeds: path with query, headers, body.
type Sample = (String, Vec<(&'static str, &'static str)>, Vec<u8>);

fn samples(site: &Site, program: &Client) -> BTreeMap<&'static str, Sample> {
    let ask = |path: &str| (format!("/api/v1{path}"), Vec::new(), Vec::new());
    let send = |path: &str, body: Value| (format!("/api/v1{path}"), vec![("content-type", "application/json")], body.to_string().into_bytes());
    let key = "key=sak/2018-163";
    program.post("/api/v1/holds?reason=x", &json!({ "name": "old", "prefix": "klient/" })).is(201);
    program.get("/api/v1/feed/index?group=g&member=m").is(200);
    let line = program.post("/api/v1/realign/plan", &json!({})).is(200).json();
    let seq = program.get("/api/v1/status").json()["position"]["seq"].clone();
    let there = program.get("/api/v1/status?tenant=kommune-b").json()["position"]["seq"].clone();
    let bulk = program.get("/api/v1/batches?prefix=pris/").json()["rows"][1]["batch"].clone();
    let plan = program.post("/api/v1/plans", &json!({ "verb": "restore", "prefix": "klient/38754" })).is(200).json()["plan"].clone();
    let job = site.json(&["jobs", "ls", "--all"])["rows"][0]["job"].clone();
    BTreeMap::from([
        ("applyPlan", send("/plans/apply", json!({ "plan": plan, "on_conflict": "merge" }))),
        ("getDocument", ask(&format!("/document?{key}"))),
        ("putDocument", (format!("/api/v1/document?{key}x&actor=806&reason=ny"), vec![("idempotency-key", "p")], b"x".to_vec())),
        ("removeDocument", ask("/document?key=bilde/r%C3%B8ntgen.png")),
        ("aboutDocument", ask(&format!("/document/about?{key}"))),
        ("documentHistory", ask(&format!("/document/history?{key}"))),
        ("documentFields", ask(&format!("/document/fields?{key}"))),
        ("documentDiff", ask("/document/diff?key=notat/m%C3%B8te.txt")),
        ("listDocuments", ask("/documents?deleted=true")),
        ("findDocuments", ask("/find?name=sak/*&by=806")),
        ("listBatches", ask("/batches?prefix=pris/")),
        ("recordBatch", ("/api/v1/batches".into(), vec![("idempotency-key", "b")], b"{\"op\":\"put\",\"key\":\"z\",\"json\":1}".to_vec())),
        ("getBatch", ask(&format!("/batches/{bulk}"))),
        ("batchChanges", ask(&format!("/batches/{bulk}/changes?limit=3"))),
        ("makePlan", send("/plans", json!({ "verb": "undo", "batch": bulk }))),
        ("listMarks", ask("/marks")),
        ("addMark", send("/marks", json!({ "name": "x" }))),
        ("listHolds", ask("/holds")),
        ("reportPolicy", ask("/policy")),
        ("setHold", send("/holds?reason=revisjon", json!({ "name": "audit", "prefix": "sak/", "until": "2030-01-01" }))),
        ("liftHold", ask("/holds?hold=old&reason=avsluttet")),
        ("simulateForget", send("/forget/simulate?limit=2", json!({ "prefix": "pris/", "keep": { "last": 1 } }))),
        ("planForget", send("/forget/plan", json!({ "keep": { "within": "30d", "daily": 7 } }))),
        ("forget", send("/forget", json!({ "prefix": "notat/", "keep": { "last": 1 }, "seq": seq }))),
        ("listErased", ask("/erase")),
        ("planErase", send("/erase/plan", json!({ "subject": "person/2" }))),
        ("erase", send("/erase?tenant=kommune-b&reason=krav", json!({ "subject": "person/1", "seq": there, "confirm": "person/1" }))),
        ("listBrakes", ask("/brakes")),
        ("liftBrake", ask("/brakes?reason=importen")),
        ("dropTenant", send("/tenants/kommune-b/drop?reason=slutt", json!({ "confirm": "kommune-b", "keep": "30d" }))),
        ("undropTenant", ask("/tenants/arkiv/undrop")),
        ("compact", ask("/remotes/usb/compact")),
        ("gc", ask("/gc")),
        ("planRealign", send("/realign/plan", json!({ "keep": "both" }))),
        ("realign", send("/realign", json!({ "plan": line["plan"] }))),
        ("addRemote", send("/remotes", json!({ "name": "disk", "url": format!("dir:{}", site.path("disk").display()), "region": "se" }))),
        ("checkRemote", send("/remotes/usb/check", json!({ "write": true }))),
        ("removeRemote", ask("/remotes/disk")),
        ("leaveFeed", ask("/feed/index/member?group=g&member=m")),
        ("listReferences", ask("/references?of=sak/2018-163")),
        ("addReference", send("/references", json!({ "key": "sak/2018-163", "system": "s", "id": "1", "expires": "2030-01-01" }))),
        ("listConsumers", ask("/feed")),
        ("readFeed", ask("/feed/index?from=seq:1")),
        ("acknowledgeFeed", send("/feed/index/ack", json!({ "seq": 1 }))),
        ("forgetConsumer", ask("/feed/index")),
        ("news", ask("/news?after=0")),
        ("status", ask("/status")),
        ("listTenants", ask("/tenants")),
        ("addTenant", send("/tenants", json!({ "name": "kommune-c" }))),
        ("listRemotes", ask("/remotes")),
        ("ship", ask("/remotes/usb/ship")),
        ("drill", ask("/remotes/usb/drill")),
        ("verify", ask("/verify")),
        ("listJobs", ask("/jobs?all=true")),
        ("getJob", ask(&format!("/jobs/{job}"))),
        ("steerJob", ask(&format!("/jobs/{job}/retry"))),
        ("openapi", ask("/openapi.json")),
        ("metrics", ("/metrics".into(), Vec::new(), Vec::new())),
    ])
}

#[test]
fn every_documented_route_answers_as_documented() {
    let site = site::seeded();
    let program = site.program();
    std::fs::create_dir(site.path("usb")).expect("a folder");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    site.configure("[erasable]\nprefixes = [\"person/\"]\n");
    site.put("person/2", "navn", "806", "");
    site.feed(b"navn", &["--tenant", "kommune-b", "put", "person/1", "-"]).exits(0);
    site.run(&["tenant", "add", "arkiv"]).exits(0);
    site.run(&["tenant", "drop", "arkiv", "--reason", "slutt"]).exits(0);
    let job = program.post("/api/v1/verify", &json!({})).is(202).json();
    while program.get(&format!("/api/v1/jobs/{}", job["job"])).is(200).json()["state"] != "done" {}
    let document = program.get("/api/v1/openapi.json").is(200).json();
    assert_eq!(document, site.run(&["api", "openapi"]).exits(0).json());
    let samples = samples(&site, &program);
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    // Readers of a consumer before those that acknowledge and forget it.
    let mut operations: Vec<(String, String, Map<String, Value>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            operations.push((path.clone(), method.to_uppercase(), operation.as_object().expect("an operation").clone()));
        }
    }
    // What is bound to where the log is comes before what records something.
    let bound = |operation: &Map<String, Value>| {
        ["erase", "forget", "realign", "applyPlan", "leaveFeed"].iter().position(|id| operation["operationId"] == *id)
    };
    operations.sort_by_key(|(_, method, operation)| (bound(operation).unwrap_or(9), method == "DELETE", method != "GET"));
    for (path, method, operation) in operations {
        let id = operation["operationId"].as_str().expect("an id").to_owned();
        assert!(seen.insert(id.clone()), "{id} stands twice");
        if id == "watch" {
            let (status, headers, _) = program.open("GET", &path, ureq::SendBody::none());
            assert_eq!((status, headers.iter().find(|(n, _)| n == "content-type").map(|(_, v)| &**v)), (200, Some("text/event-stream")));
            continue;
        }
        let (sample, headers, body) = samples.get(&*id).unwrap_or_else(|| panic!("no sample of {id}"));
        let caller = headers.iter().fold(program.clone(), |program, (name, value)| program.with(name, value));
        let answer = if method == "GET" || method == "DELETE" {
            caller.send(&method, sample, ureq::SendBody::none())
        } else {
            caller.send(&method, sample, &body[..])
        };
        let responses = operation["responses"].as_object().expect("responses");
        let Some(response) = responses.get(&answer.status.to_string()).filter(|_| answer.status < 300 || ["steerJob", "liftBrake"].contains(&&*id))
        else {
            problems.push(format!("{id}: {} {}", answer.status, answer.text()));
            continue;
        };
        let (media, content) = response["content"].as_object().and_then(|all| all.iter().next()).expect("a content");
        let given = answer.header("content-type").unwrap_or_default();
        if media != "*/*" && !given.starts_with(&**media) {
            problems.push(format!("{id}: {given} instead of {media}"));
        }
        if media == "application/json" && id != "openapi" {
            problems.extend(check(&document, &content["schema"], &answer.json(), &id).err());
        }
        // A parameter that nobody knows is refused, as an error of the shape that is documented.
        let glue = if sample.contains('?') { '&' } else { '?' };
        let refused = caller.send(&method, &format!("{sample}{glue}nonsense=1"), &body[..]).is(400);
        problems.extend(check(&document, &responses["400"]["content"]["application/json"]["schema"], &refused.json(), &id).err());
        for parameter in operation["parameters"].as_array().expect("parameters").iter().filter(|p| p["required"] == true && p["in"] == "query") {
            let without = sample.split_once('?').map_or(&**sample, |(path, _)| path);
            let refused = caller.send(&method, without, &body[..]).is(400);
            assert!(refused.code().ends_with(".none"), "{id} without {}: {}", parameter["name"], refused.text());
        }
    }
    // Batches of every kind are described, those of the rules and of the law as well.
    let changes = &document["paths"]["/api/v1/batches/{batch}/changes"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let mut ops = BTreeSet::new();
    for tenant in ["main", "kommune-b", "arkiv"] {
        if tenant == "kommune-b" {
            program.post("/api/v1/tenants/kommune-b/undrop", &json!({})).is(200);
        }
        let newest = program.get(&format!("/api/v1/status?tenant={tenant}")).is(200).json()["position"]["seq"].as_u64().expect("a number");
        for batch in 1..=newest {
            let answer = program.get(&format!("/api/v1/batches/{batch}/changes?tenant={tenant}")).is(200).json();
            problems.extend(check(&document, changes, &answer, &format!("change {batch} of {tenant}")).err());
            ops.extend(answer["rows"].as_array().expect("rows").iter().filter_map(|row| row["op"].as_str().map(str::to_owned)));
        }
    }
    for op in ["put", "remove", "refer", "mark", "hold", "lift", "erase", "drop", "undrop"] {
        assert!(ops.contains(op), "no {op} among {ops:?}");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(
        seen.len(),
        samples.len() + 1,
        "samples of operations that there are not: {:?}",
        samples.keys().filter(|id| !seen.contains(**id)).collect::<Vec<_>>()
    );
}

#[test]
fn a_brake_is_shown_and_lifted_as_documented() {
    let mut site = site::without_agent();
    site.mass_change("main");
    site.start();
    let program = site.program();
    let document = program.get("/api/v1/openapi.json").is(200).json();
    let told = |method: &str, answer: &Value| {
        check(&document, &document["paths"]["/api/v1/brakes"][method]["responses"]["200"]["content"]["application/json"]["schema"], answer, method)
    };
    // The agent notices it by itself, soon.
    let brakes = loop {
        let brakes = program.get("/api/v1/brakes").is(200).json();
        if brakes["rows"].as_array().is_some_and(|rows| !rows.is_empty()) {
            break brakes;
        }
    };
    assert_eq!((told("get", &brakes), &brakes["rows"][0]["changed"]), (Ok(()), &json!(120)));
    let erase = json!({ "subject": "person/1", "seq": 1, "confirm": "person/1" });
    assert_ne!(program.post("/api/v1/erase", &erase).status, 200);
    assert_eq!(program.delete("/api/v1/brakes").is(400).code(), "brake.reason");
    let sure = program.with("idempotency-key", "looked");
    let lifted = sure.delete("/api/v1/brakes?reason=importen&actor=806").is(200).json();
    assert_eq!((told("delete", &lifted), &lifted["brake"]["mark"]), (Ok(()), &brakes["rows"][0]["mark"]));
    let again = sure.delete("/api/v1/brakes?reason=importen&actor=806").is(200).json();
    assert_eq!((&again["batch"], &again["repeated"], &again["brake"]), (&lifted["batch"], &json!(true), &lifted["brake"]));
    assert_eq!(program.delete("/api/v1/brakes?reason=importen").is(404).code(), "brake.missing");
    assert_eq!(program.get("/api/v1/brakes").is(200).json()["rows"], json!([]));
}

#[test]
fn what_is_not_described_is_noticed() {
    let document = json!({ "components": { "schemas": { "A": { "type": "object", "required": ["x"], "properties": { "x": { "type": ["integer", "null"] } } } } } });
    let schema = json!({ "allOf": [{ "type": "object", "properties": { "schema": { "type": "string" } }, "required": ["schema"] }, { "$ref": "#/components/schemas/A" }] });
    assert_eq!(check(&document, &schema, &json!({ "schema": "a/1", "x": null }), "v"), Ok(()));
    for bad in
        [json!({ "x": 1 }), json!({ "schema": "a/1" }), json!({ "schema": "a/1", "x": "1" }), json!({ "schema": "a/1", "x": 1, "y": 2 }), json!([])]
    {
        assert!(check(&document, &schema, &bad, "v").is_err(), "{bad}");
    }
}
