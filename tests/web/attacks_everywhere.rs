//! What must hold for every page, every form and every route, found in the source and in the OpenAPI document, so that a new one is not
//! forgotten.

use serde_json::json;

use super::attacks::armoured;
use super::client::{Client, bare};
use super::site::{self, seeded};

/// Paths of the pages, and of what forms do.
fn paths() -> (Vec<&'static str>, Vec<&'static str>) {
    let source = include_str!("../../src/face/web/mod.rs");
    let mut all = (Vec::new(), Vec::new());
    for (path, handler) in source.split(".route(\"").skip(1).filter_map(|rest| rest.split_once("\", ")) {
        let handler = handler.split(".route(").next().unwrap_or(handler);
        if handler.contains("page(") {
            all.0.push(path);
        }
        if handler.contains("deed(") {
            all.1.push(path);
        }
    }
    assert!(all.0.len() > 20 && all.1.len() > 20, "{all:?}");
    all
}

#[test]
fn every_form_wants_its_token_and_nothing_is_done_by_looking() {
    let site = seeded();
    let person = site.person();
    let before = site.json(&["log"])["rows"].as_array().map(Vec::len);
    let mut forged = person.clone();
    forged.token = site.person().token;
    let (pages, deeds) = paths();
    for path in &deeds {
        let fields = [("key", "sak/2018-163"), ("seq", "8"), ("one", "klient/38754"), ("confirm", "clinic-17"), ("do", "resume 1")];
        armoured(&forged.form(path, &fields).is(403));
        armoured(&person.with("content-type", "application/x-www-form-urlencoded").send("POST", path, &b"key=sak/2018-163&seq=8"[..]).is(403));
        // In the address it is no token: addresses stand in histories.
        person.send("POST", &format!("{path}?token={}", person.token), &b"seq=8"[..]).is(403);
        // As a file of several parts, or as text, which other sites may send: not read.
        for media in ["multipart/form-data; boundary=x", "text/plain"] {
            let body = format!("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n{}\r\n--x--\r\n", person.token);
            person.with("content-type", media).send("POST", path, body.as_bytes()).is(403);
        }
        if !pages.contains(path) {
            person.get(path).is(405);
        }
        Client::stranger(&site.base()).form(path, &fields).is(401);
    }
    assert_eq!(site.json(&["log"])["rows"].as_array().map(Vec::len), before, "nothing was done");
    // Other methods do nothing, and nobody can choose the method by a header.
    for path in pages.iter().chain(&deeds) {
        for method in ["PUT", "DELETE", "PATCH"] {
            person.with("annals-form", &person.token).send(method, path, &b""[..]).is(405);
        }
    }
    let overridden = person.with("x-http-method-override", "POST").get("/undo?seq=8");
    assert_eq!(overridden.status, 405);
}

#[test]
fn every_route_of_programs_wants_the_header_of_our_pages_from_a_browser() {
    let site = seeded();
    let (program, person) = (site.program(), site.person());
    let document = program.get("/api/v1/openapi.json").is(200).json();
    let before = program.get("/api/v1/status").is(200).json()["position"].clone();
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys().filter(|method| *method != "get") {
            let path = path.replace(['{', '}'], "");
            let answer = person.with("content-type", "application/json").send(&method.to_uppercase(), &path, &b"{}"[..]).is(403);
            assert_eq!(answer.code(), "http.form", "{method} {path}");
            armoured(&answer);
            tried += 1;
        }
    }
    assert!(tried > 15);
    assert_eq!(program.get("/api/v1/status").is(200).json()["position"], before);
}

#[test]
fn every_page_and_what_it_loads_is_armoured_and_has_no_script_of_its_own() {
    let site = seeded();
    let person = site.person();
    let (pages, _) = paths();
    for path in pages.iter().copied().chain(["/style.css", "/script.js", "/works.css", "/works.js", "/favicon.svg", "/nowhere"]) {
        let answer = person.get(path);
        armoured(&answer);
        let text = answer.text();
        if answer.header("content-type").is_some_and(|media| media.starts_with("text/html")) {
            for tag in text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default().to_lowercase()) {
                assert!(!tag.starts_with("script") || tag.contains("src=\"/"), "{path}: <{tag}>");
                assert!(!tag.contains(" style=") && !tag.contains("javascript:"), "{path}: <{tag}>");
                let handlers = [" onclick=", " onload=", " onerror=", " onsubmit=", " onfocus=", " onchange="];
                assert!(!handlers.iter().any(|handler| tag.contains(handler)), "{path}: <{tag}>");
            }
        }
    }
}

#[test]
fn headers_of_a_proxy_count_for_nothing_where_there_is_none() {
    let site = site::site();
    let (base, token) = (site.base(), site.token());
    let port = base.rsplit(':').next().expect("a port");
    for host in [&format!("0.0.0.0:{port}"), &format!("[::ffff:127.0.0.1]:{port}"), &format!("x@127.0.0.1:{port}"), &format!("127.0.0.1:{port}.")] {
        let answer = bare(&base, format!("GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 421 ") || answer.starts_with("HTTP/1.1 400 "), "{host}: {answer}");
    }
    let stranger = Client::stranger(&base)
        .with("x-forwarded-for", "127.0.0.1")
        .with("x-forwarded-host", "evil.example")
        .with("x-forwarded-proto", "https")
        .with("forwarded", "for=127.0.0.1;host=evil.example;proto=https")
        .with("x-real-ip", "127.0.0.1")
        .with("x-original-url", "/api/v1/status");
    stranger.get("/").is(401);
    let invitation = site.invitation();
    let entered = stranger.get(&invitation[base.len()..]).is(200);
    let cookie = entered.header("set-cookie").expect("a cookie");
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert!(!entered.text().contains("evil.example"));
    // An upgrade to something else is not made, and tracing tells nobody what a request carried.
    let head = |first: &str, more: &str| {
        let text = format!("{first}\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n{more}Connection: close\r\n\r\n");
        bare(&base, text.as_bytes())
    };
    let trace = head("TRACE /api/v1/status HTTP/1.1", "");
    assert!(trace.starts_with("HTTP/1.1 405 ") && !trace.contains(&token), "{trace}");
    let connect = head("CONNECT evil.example:443 HTTP/1.1", "");
    assert!(connect.starts_with("HTTP/1.1 4"), "{connect}");
    let switched = head("GET /api/v1/status HTTP/1.1", "Upgrade: h2c\r\n");
    assert!(switched.starts_with("HTTP/1.1 200 "), "{switched}");
    assert!(head("GET /api/v1/status HTTP/3.7", "").starts_with("HTTP/1.1 4") || head("GET / HTTP/3.7", "").is_empty());
}

#[test]
fn what_is_asked_for_is_kept_from_other_eyes_and_ids_lead_nowhere() {
    let mut site = site::without_agent();
    let lines = |n: u32| (1..=1_500).map(|k| format!("{{\"op\":\"put\",\"key\":\"k/{k}\",\"text\":\"{n}\"}}\n")).collect::<String>();
    site.batch(&lines(1), "806", "");
    let seq = site.batch(&lines(2), "806", "");
    site.start();
    let person = site.person();
    let id = person.get(&format!("/plan?undo={seq}")).is(303).header("location").and_then(|to| to.split("id=").nth(1)).expect("a plan").to_owned();
    let to = person.form("/plan/apply", &[("id", &id), ("confirm", "clinic-17")]).is(303).header("location").expect("a place").to_owned();
    assert!(to.starts_with("/work?job="), "{to}");
    for entry in std::fs::read_dir(site.store().join("orders")).expect("orders").map(|e| e.expect("an entry")) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().expect("a file").permissions());
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
    for job in ["../annals.key", "1/../../x", "-1", "99999999999999999999", "1%00", ""] {
        let answer = person.get(&format!("/work?job={}", super::client::encode(job)));
        assert!([400, 404].contains(&answer.status) && !answer.text().contains("secret="), "{job}: {}", answer.status);
    }
    // A plan of another session is nobody's, and a job of another kind is no order.
    site.person().form("/plan/apply", &[("id", &id), ("confirm", "clinic-17")]).is(404);
    let program = site.program();
    let verify = program.post("/api/v1/verify", &json!({})).is(202).json();
    let sent = person.get(&format!("/work?job={}", verify["job"])).is(303);
    assert!(sent.header("location").expect("a place").starts_with("/transfers?"), "{sent:?}");
}
