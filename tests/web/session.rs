//! Sessions of programs: what M9 asks for (put, history, diff, undo), with curl and with a client; the same request twice; conditions; parts;
//! plans that are stale; the feed; events.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use serde_json::{Value, json};

use super::client::encode;
use super::site::{seeded, site};

fn rows(value: &Value) -> &Vec<Value> {
    value["rows"].as_array().expect("rows")
}

#[test]
fn a_session_with_curl_puts_shows_compares_and_takes_back() {
    let site = site();
    let (base, token) = (site.base(), site.token());
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl here");
        return;
    }
    let curl = |words: &[&str]| -> Value {
        let mut command = Command::new("curl");
        command.args(["-sS", "--noproxy", "*", "-H", &format!("Authorization: Bearer {token}")]).args(&words[..words.len() - 1]);
        let output = command.arg(format!("{base}/api/v1{}", words[words.len() - 1])).output().expect("curl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
    };
    let file = site.path("case.json");
    let file = file.to_str().expect("text");
    let put = |text: &str| {
        std::fs::write(site.path("case.json"), text).expect("written");
        curl(&["-T", file, "/document?key=sak/1&actor=806&reason=ny"])
    };
    assert_eq!(put("{\"status\": \"new\", \"n\": 1.10}")["version"], 1);
    let second = put("{\"status\": \"open\", \"n\": 1.10}");
    assert_eq!((&second["schema"], &second["version"]), (&json!("annals.put/1"), &json!(2)));
    let history = curl(&["/document/history?key=sak/1"]);
    assert_eq!(rows(&history).iter().map(|v| v["version"].as_u64().expect("n")).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((&rows(&history)[0]["actor"], &rows(&history)[0]["reason"]), (&json!("806"), &json!("ny")));
    let diff = curl(&["/document/diff?key=sak/1&old=v1&new=v2"]);
    assert_eq!(diff["fields"], json!([{ "path": "status", "change": "changed", "old": "new", "new": "open" }]));
    let plan = curl(&["-d", &json!({ "verb": "undo", "batch": second["batch"] }).to_string(), "/plans"]);
    assert_eq!((&plan["summary"]["put"], &plan["applied"]), (&json!(1), &json!(false)));
    let sent = site.path("plan.json");
    std::fs::write(&sent, json!({ "plan": plan["plan"] }).to_string()).expect("written");
    let applied = curl(&["-d", &format!("@{}", sent.display()), "/plans/apply?actor=806"]);
    assert_eq!((&applied["done"], &applied["applied"]), (&json!(1), &json!(true)));
    assert_eq!(site.run(&["get", "sak/1"]).exits(0).out, "{\"status\": \"new\", \"n\": 1.10}");
}

#[test]
fn the_same_request_twice_is_recorded_once() {
    let site = site();
    let program = site.program().with("idempotency-key", "import-7");
    let first = program.put("/api/v1/document?key=a", b"one").is(201).json();
    let again = program.put("/api/v1/document?key=a", b"one").is(200).json();
    assert_eq!((&again["seq"], &again["repeated"], &again["version"]), (&first["seq"], &json!(true), &json!(1)));
    assert_eq!(program.put("/api/v1/document?key=a", b"two").is(409).code(), "request.differs");
    let lines = b"{\"op\":\"put\",\"key\":\"b\",\"text\":\"x\"}\n{\"op\":\"remove\",\"key\":\"a\"}\n";
    let program = site.program().with("idempotency-key", "import-8");
    let batch = program.send("POST", "/api/v1/batches", &lines[..]).is(201).json();
    assert_eq!((&batch["changes"], &batch["repeated"]), (&json!(2), &json!(false)));
    assert_eq!(program.send("POST", "/api/v1/batches", &lines[..]).is(200).json()["seq"], batch["seq"]);
    assert_eq!(rows(&program.get("/api/v1/batches").json()).len(), 2);
}

#[test]
fn a_version_that_moved_is_not_overwritten() {
    let (site, program) = site().program_of();
    let only_new = program.with("if-none-match", "*");
    assert_eq!(only_new.put("/api/v1/document?key=a", b"one").is(201).header("etag"), Some("\"v1\""));
    assert_eq!(only_new.put("/api/v1/document?key=a", b"two").is(412).code(), "version.moved");
    let known = program.get("/api/v1/document?key=a").is(200);
    let mine = program.with("if-match", known.header("etag").expect("a tag"));
    mine.put("/api/v1/document?key=a", b"mine").is(201);
    assert_eq!(mine.put("/api/v1/document?key=a", b"lost update").is(412).code(), "version.moved");
    mine.delete("/api/v1/document?key=a").is(412);
    assert_eq!(program.with("if-match", "seven").put("/api/v1/document?key=a", b"").is(400).code(), "http.condition");
    program.with("if-none-match", "\"v2\"").get("/api/v1/document?key=a").is(304);
    assert_eq!(site.run(&["get", "a"]).out, "mine");
}

#[test]
fn parts_of_a_document_come_as_they_are_asked_for() {
    let (_site, program) = site().program_of();
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).take(5_000_000).collect();
    for (key, bytes) in [("large", &bytes[..]), ("small", &bytes[..300])] {
        let path = format!("/api/v1/document?key={key}");
        program.put(&path, bytes).is(201);
        let len = bytes.len();
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=100-".to_owned(), 100, len),
            (format!("bytes={}-{}", len / 2, len * 2), len / 2, len),
            ("bytes=-7".to_owned(), len - 7, len),
        ] {
            let part = program.with("range", &range).get(&path).is(206);
            assert_eq!(part.header("content-range"), Some(&*format!("bytes {from}-{}/{len}", to - 1)), "{range}");
            assert!(part.body == bytes[from..to], "{key} {range}");
        }
        let outside = program.with("range", &format!("bytes={len}-")).get(&path).is(416);
        assert_eq!(outside.header("content-range"), Some(&*format!("bytes */{len}")));
        for whole in ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"] {
            assert!(program.with("range", whole).get(&path).is(200).body == bytes, "{whole}");
        }
        let head = program.send("HEAD", &path, ureq::SendBody::none()).is(200);
        assert_eq!((head.header("content-length"), head.body.len()), (Some(&*len.to_string()), 0));
    }
}

#[test]
fn plans_are_computed_shown_and_carried_out_unless_they_are_stale() {
    let site = seeded();
    let program = site.program();
    let bulk = rows(&program.get("/api/v1/batches?prefix=pris/").json())[1].clone();
    assert_eq!((&bulk["reason"], &bulk["touched"]), (&json!("priser 2019"), &json!(40)));
    let planned = program.post("/api/v1/plans", &json!({ "verb": "undo", "batch": bulk["batch"] })).is(200).json();
    assert_eq!(planned["summary"]["conflicts"], 1, "{}", planned["summary"]);
    program.put("/api/v1/document?key=andre", b"x").is(201);
    let stale = program.post("/api/v1/plans/apply", &json!({ "plan": planned["plan"] })).is(409);
    assert_eq!(stale.code(), "plan.stale");
    let planned = program.post("/api/v1/plans", &json!({ "verb": "undo", "batch": bulk["batch"] })).is(200).json();
    let applied = program.post("/api/v1/plans/apply?actor=806&reason=feil", &json!({ "plan": planned["plan"] })).is(200).json();
    assert_eq!((&applied["done"], &applied["skipped"]), (&json!(39), &json!(["pris/07"])));
    assert_eq!(applied["receipt"]["changes"], 39);
    let redo = program.post("/api/v1/plans", &json!({ "verb": "redo" })).is(200).json();
    assert_eq!(redo["summary"]["put"], 39);
    let rollback = program.post("/api/v1/plans", &json!({ "verb": "rollback", "prefix": "pris/", "to": "mark:før-prisendring" })).is(200).json();
    assert_eq!(rollback["schema"], "annals.rollback/1");
    assert_eq!(rollback["summary"]["put"], 1, "{}", rollback["summary"]);
    let back = program.post("/api/v1/plans", &json!({ "verb": "restore", "prefix": "klient/38754" })).is(200).json();
    let applied = program.post("/api/v1/plans/apply", &json!({ "plan": back["plan"], "on_conflict": "merge" })).is(200).json();
    assert_eq!(applied["done"], 1);
    assert!(program.get("/api/v1/document?key=klient/38754").is(200).text().contains("Kari"));
    let older = program.post("/api/v1/plans", &json!({ "verb": "restore", "prefix": "sak/2018-163", "at": "v1" })).is(200).json();
    assert_eq!(older["plan"]["items"][0]["version"], 1);
}

#[test]
fn what_is_malformed_is_told_with_the_field_where_it_is() {
    let (_site, program) = site().program_of();
    program.put("/api/v1/document?key=a", b"1").is(201);
    let bad: [(&str, Value, Option<&str>); 8] = [
        ("/api/v1/plans", json!({ "verb": "undo", "batch": "seven" }), Some("batch")),
        ("/api/v1/plans", json!({ "verb": "undo" }), Some("batch")),
        ("/api/v1/plans", json!({ "verb": "destroy" }), Some("verb")),
        ("/api/v1/plans", json!({ "verb": "restore", "prefix": "a", "where": ["x=1", 2] }), Some("where[1]")),
        ("/api/v1/plans", json!({ "verb": "rollback", "to": "someday" }), Some("to")),
        ("/api/v1/plans", json!({ "verb": "undo", "batch": 1, "force": true }), Some("force")),
        ("/api/v1/plans/apply", json!({ "plan": { "schema": "annals.plan/1" } }), Some("plan")),
        ("/api/v1/references", json!({ "key": "a", "system": "s", "id": 7 }), Some("id")),
    ];
    for (path, body, field) in bad {
        let error = program.post(path, &body).is(400).json();
        assert_eq!(error["error"]["at"]["field"].as_str(), field, "{body}: {error}");
        assert_eq!(error["error"]["exit"], 2, "{error}");
    }
    for text in ["", "{", "[]", "{\"verb\":\"undo\",\"batch\":1} x", "\u{0}"] {
        assert_eq!(program.send("POST", "/api/v1/plans", text.as_bytes()).is(400).code(), "http.json", "{text:?}");
    }
    let line = program.send("POST", "/api/v1/batches", &b"{\"op\":\"put\",\"key\":\"b\",\"text\":\"x\"}\n{\"op\":\"put\",\"key\":7}\n"[..]).is(400);
    assert!(line.json()["error"]["message"].as_str().expect("text").starts_with("line 2: "), "{}", line.text());
    for path in ["/api/v1/documents?limit=0", "/api/v1/documents?limit=1001", "/api/v1/documents?limt=5", "/api/v1/documents?deleted=maybe"] {
        assert_eq!(program.get(path).is(400).code(), "http.parameter", "{path}");
    }
    assert_eq!(program.get("/api/v1/documents?at=18/09/2018").is(400).json()["error"]["exit"], 2);
    assert_eq!(program.get("/api/v1/document?key=aa").is(404).json()["error"]["exit"], 5);
    assert_eq!(program.get("/api/v1/document").is(400).code(), "key.none");
    // Nothing of all this was recorded.
    assert_eq!(rows(&program.get("/api/v1/batches").json()).len(), 1);
}

#[test]
fn other_methods_and_other_paths_are_told_in_json() {
    let (_site, program) = site().program_of();
    let wrong = program.send("PATCH", "/api/v1/document?key=a", &b""[..]).is(405);
    assert_eq!((wrong.code(), wrong.header("allow")), ("http.method".into(), Some("GET, PUT, DELETE, HEAD, OPTIONS")));
    let options = program.send("OPTIONS", "/api/v1/documents", ureq::SendBody::none()).is(204);
    assert_eq!(options.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert!(options.header("access-control-allow-origin").is_none());
    assert_eq!(program.get("/api/v1/nowhere").is(404).code(), "http.path");
    assert_eq!(program.get("/api/v2/documents").is(404).code(), "http.path");
}

#[test]
fn lists_come_page_by_page_and_as_they_were() {
    let site = seeded();
    let program = site.program();
    let all = |path: &str, name: &str| -> Vec<String> {
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let page = program.get(&format!("{path}&limit=7{next}")).is(200).json();
            assert!(rows(&page).len() <= 7);
            found.extend(rows(&page).iter().map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned)));
            let Some(after) = page["next"].as_str() else { return found };
            next = format!("&after={}", encode(after));
        }
    };
    let keys = all("/api/v1/documents?prefix=pris/", "key");
    assert_eq!(keys, (1..=40).map(|n| format!("pris/{n:02}")).collect::<Vec<_>>());
    assert_eq!(all("/api/v1/find?name=pris/*", "key"), keys);
    let bulk = rows(&program.get("/api/v1/batches?prefix=pris/").json())[2]["batch"].clone();
    assert_eq!(all(&format!("/api/v1/batches/{bulk}/changes?tenant=main"), "key"), keys);
    for n in 0..20 {
        program.put("/api/v1/document?key=felt", format!("{{\"n\":{n}}}").as_bytes()).is(201);
    }
    let news = all("/api/v1/document/fields?key=felt", "new");
    assert_eq!(news, (0..20).rev().map(|n| n.to_string()).collect::<Vec<_>>());
    let deleted = program.get("/api/v1/documents?deleted=true").is(200).json();
    assert_eq!(rows(&deleted)[0]["key"], "klient/38754");
    let then = program.get(&format!("/api/v1/documents?prefix=pris/07&at={}", encode("mark:før-prisendring"))).is(200).json();
    assert_eq!(rows(&then)[0]["version"], 1);
    let found = program.get(&format!("/api/v1/find?name=pris/*&field={}&limit=100", encode("nok=9"))).is(200).json();
    assert_eq!(rows(&found).iter().map(|v| v["key"].as_str().expect("a key")).collect::<Vec<_>>(), ["pris/07"]);
    let mut numbers = Vec::new();
    let mut before = String::new();
    loop {
        let page = program.get(&format!("/api/v1/document/history?key=sak/2018-163&limit=2{before}")).is(200).json();
        numbers.extend(rows(&page).iter().map(|v| v["version"].as_u64().expect("n")));
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    assert_eq!(numbers, [3, 2, 1]);
    let other = program.get("/api/v1/document?key=sak/1&tenant=kommune-b").is(200);
    assert_eq!(other.text(), "{\"hemmelig\": true}");
    program.get("/api/v1/document?key=sak/1").is(404);
}

#[test]
fn the_answers_are_those_of_the_command_line() {
    let site = seeded();
    let program = site.program();
    for (words, path) in [
        (&["diff", "sak/2018-163"][..], "/api/v1/document/diff?key=sak/2018-163"),
        (&["diff", "notat/møte.txt"], "/api/v1/document/diff?key=notat/m%C3%B8te.txt"),
        (&["show", "sak/2018-163@v2"], "/api/v1/document/about?key=sak/2018-163&at=v2"),
    ] {
        assert_eq!(program.get(path).is(200).json(), site.json(words), "{path}");
    }
    for (words, path) in [
        (&["ls"][..], "/api/v1/documents?limit=1000"),
        (&["log", "sak/2018-163"], "/api/v1/document/history?key=sak/2018-163"),
        (&["fields", "sak/2018-163"], "/api/v1/document/fields?key=sak/2018-163"),
        (&["log"], "/api/v1/batches"),
        (&["mark"], "/api/v1/marks"),
        (&["refs", "ls"], "/api/v1/references"),
        (&["tenant", "ls"], "/api/v1/tenants"),
    ] {
        let (api, cli) = (program.get(path).is(200).json(), site.json(words));
        assert_eq!((&api["schema"], &api["rows"]), (&cli["schema"], &cli["rows"]), "{path}");
    }
}

#[test]
fn a_consumer_reads_acknowledges_and_goes_on() {
    let site = seeded();
    let program = site.program();
    let first = program.get("/api/v1/feed/index?limit=5").is(200).json();
    assert_eq!(rows(&first).len(), 5);
    let again = program.get("/api/v1/feed/index?limit=5").is(200).json();
    assert_eq!(again, first, "what is not acknowledged comes again");
    let onward = program.get(&format!("/api/v1/feed/index?limit=1&after={}", first["next"].as_str().expect("more"))).is(200).json();
    let last = &rows(&first)[4];
    program.post("/api/v1/feed/index/ack", &json!({ "seq": last["seq"], "index": last["index"] })).is(200);
    let next = program.get("/api/v1/feed/index?limit=1").is(200).json();
    assert_eq!(rows(&next), rows(&onward));
    program.post("/api/v1/feed/index/ack", &json!({ "seq": 100_000 })).is(404);
    assert_eq!(program.post("/api/v1/feed/nobody/ack", &json!({ "seq": 1, "index": 0 })).is(404).code(), "feed.missing");
    program.delete("/api/v1/feed/index").is(200);
    assert!(rows(&program.get("/api/v1/feed").is(200).json()).is_empty());
}

/// The next event of a stream: its name, id and data.
fn event(stream: &mut impl BufRead) -> (String, String, Value) {
    let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).expect("a line") > 0, "the stream ended");
        match line.trim_end().split_once(": ") {
            Some(("event", text)) => text.clone_into(&mut name),
            Some(("id", text)) => text.clone_into(&mut id),
            Some(("data", text)) => text.clone_into(&mut data),
            _ if line.trim_end().is_empty() && !name.is_empty() => return (name, id, serde_json::from_str(&data).expect("JSON")),
            _ => {}
        }
    }
}

#[test]
fn events_are_told_and_go_on_after_a_lost_connection() {
    let mut site = site();
    let program = site.program();
    let stream = |headers: &[(&str, &str)]| {
        let program = headers.iter().fold(site.program(), |program, (name, value)| program.with(name, value));
        let (status, headers, body) = program.open("GET", "/api/v1/events", ureq::SendBody::none());
        assert_eq!(status, 200, "{headers:?}");
        BufReader::new(body)
    };
    let mut first = stream(&[]);
    let seq = program.put("/api/v1/document?key=a&actor=806", b"1").is(201).json()["seq"].clone();
    let (name, id, batch) = event(&mut first);
    assert_eq!((&*name, &*id, &batch["actor"]), ("batch", &*seq.to_string(), &json!("806")));
    drop(first);
    program.put("/api/v1/document?key=a", b"2").is(201);
    let next = program.put("/api/v1/document?key=a", b"3").is(201).json()["seq"].clone();
    let mut second = stream(&[("last-event-id", &id)]);
    assert_eq!(event(&mut second).1, (seq.as_u64().expect("n") + 1).to_string());
    assert_eq!(event(&mut second).1, next.to_string());
    let job = program.post("/api/v1/verify", &json!({})).is(202).json();
    let (mut states, mut told) = (Vec::new(), false);
    while !told {
        let (name, _, value) = event(&mut second);
        if name == "job" && value["job"] == job["job"] {
            told = value["state"] == "done";
            states.push(value["state"].clone());
        }
    }
    let news = program.get(&format!("/api/v1/news?after={seq}")).is(200).json();
    assert_eq!((news["batches"].as_array().expect("batches").len(), &news["next"]), (2, &json!(next.to_string())));
    assert!(news["jobs"].as_array().expect("jobs").iter().any(|j| j["job"] == job["job"]), "{news}");
    // The agent ends although somebody listens, and the stream with it.
    assert_eq!(site.stop(), Some(0));
    let mut rest = Vec::new();
    let _ = second.read_to_end(&mut rest);
}

#[test]
fn jobs_are_asked_for_and_steered() {
    let site = site();
    let program = site.program();
    std::fs::create_dir(site.path("usb")).expect("a folder");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    program.put("/api/v1/document?key=a", b"1").is(201);
    let job = program.post("/api/v1/remotes/usb/ship", &json!({})).is(202).json();
    assert_eq!((&job["kind"], &job["subject"]), (&json!("ship"), &json!("usb")));
    let path = format!("/api/v1/jobs/{}", job["job"]);
    while program.get(&path).is(200).json()["state"] != "done" {}
    let status = program.get("/api/v1/status").is(200).json();
    assert_eq!((&status["safe"], &status["remotes"][0]["health"]["health"]), (&json!(true), &json!("good")), "{status}");
    assert_eq!(rows(&program.get("/api/v1/remotes").is(200).json())[0]["held_seq"], 1);
    program.post(&format!("{path}/pause"), &json!({})).is(409);
    assert_eq!(program.post(&format!("{path}/explode"), &json!({})).is(404).code(), "http.path");
    assert_eq!(program.post("/api/v1/remotes/ubs/ship", &json!({})).is(404).code(), "remote.unknown");
    assert_eq!(rows(&program.get("/api/v1/jobs?all=true").is(200).json()).iter().filter(|j| j["kind"] == "ship").count(), 1);
    let metrics = program.get("/metrics").is(200);
    assert!(metrics.text().contains("\nannals_agent_up 1\n"), "{}", metrics.text());
    assert!(metrics.header("content-type").is_some_and(|media| media.starts_with("text/plain; version=0.0.4")));
}
