//! One request for each attack on the agent's HTTP interface that we know of, with what must come of it.

use std::io::{Read, Write};

use serde_json::json;

use super::client::{Client, bare, connect, encode};
use super::site::{seeded, site};

/// What every answer says, whatever it answers.
pub fn armoured(answer: &super::client::Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("cross-origin-resource-policy", "same-origin")] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    assert!(answer.header("access-control-allow-origin").is_none(), "{answer:?}");
    assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store") || value.contains("max-age")), "{answer:?}");
}

#[test]
fn strangers_get_nothing() {
    let site = seeded();
    let stranger = Client::stranger(&site.base());
    for path in
        ["/", "/document?key=sak/2018-163", "/api/v1/document?key=sak/2018-163", "/api/v1/openapi.json", "/metrics", "/nowhere", "/api/v1/nowhere"]
    {
        let answer = stranger.get(path).is(401);
        armoured(&answer);
        assert!(!answer.text().contains("Klientmappe") && !answer.text().contains("annals_"), "{path}");
    }
    let documented = site.program().get("/api/v1/openapi.json").is(200).json();
    for (path, methods) in documented["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            stranger.send(&method.to_uppercase(), &path.replace(['{', '}'], ""), &b"{}"[..]).is(401);
        }
    }
    for token in ["", "x", &"a".repeat(43), &site.token()[1..]] {
        stranger.with("authorization", &format!("Bearer {token}")).get("/api/v1/status").is(401);
    }
    stranger.with("authorization", &format!("Basic {}", site.token())).get("/api/v1/status").is(401);
    // The token is for the header: an address is kept in histories and logs.
    stranger.get(&format!("/api/v1/status?token={}", site.token())).is(401);
    stranger.with("cookie", &format!("annals={0}; token={0}", site.token())).get("/api/v1/status").is(401);
}

#[test]
fn a_name_that_was_pointed_at_us_is_refused() {
    let site = site();
    let (base, token) = (site.base(), site.token());
    let host = base.strip_prefix("http://").expect("an address");
    let ask = |lines: &str| bare(&base, format!("{lines}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(ask(&format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\n")).starts_with("HTTP/1.1 200 "));
    for lines in [
        "GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
        format!("GET /api/v1/status HTTP/1.1\r\nHost: evil.example:{}\r\n", host.rsplit(':').next().expect("a port")),
        format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}.evil.example\r\n"),
        "GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n".to_owned(),
        "GET /api/v1/status HTTP/1.1\r\nHost:\r\n".to_owned(),
        "GET /api/v1/status HTTP/1.1\r\n".to_owned(),
        format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n"),
        format!("GET http://evil.example/api/v1/status HTTP/1.1\r\nHost: {host}\r\n"),
    ] {
        let answer = ask(&lines);
        assert!(answer.starts_with("HTTP/1.1 421 ") || answer.starts_with("HTTP/1.1 400 "), "{lines}: {answer}");
        assert!(!answer.contains("annals.status"), "{lines}");
    }
}

#[test]
fn other_sites_cannot_use_the_browser_of_somebody_who_is_in() {
    let site = seeded();
    let person = site.person();
    let foreign = |headers: &[(&str, &str)]| headers.iter().fold(person.clone(), |person, (name, value)| person.with(name, value));
    let host = site.base();
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        foreign(headers).form("/language", &[("language", "nb")]).is(403);
        foreign(headers).with("annals-form", &person.token).put("/api/v1/document?key=x", b"x").is(403);
    }
    // From our own pages it works: the checks above are what refused it.
    foreign(&[("origin", &host), ("sec-fetch-site", "same-origin")]).form("/language", &[("language", "nb")]).is(303);
    person.with("annals-form", &person.token).put("/api/v1/document?key=x", b"x").is(201);
    // A form without its token, with another person's, or with the token in the address.
    let other = site.person();
    let mut forged = person.clone();
    for token in ["", "x", &other.token] {
        token.clone_into(&mut forged.token);
        forged.form("/language", &[("language", "it")]).is(403);
        forged.form(&format!("/language?token={}", encode(&person.token)), &[("language", "it")]).is(403);
        person.with("annals-form", token).put("/api/v1/document?key=y", b"y").is(403);
    }
    person.put("/api/v1/document?key=y", b"y").is(403);
    person.delete("/api/v1/document?key=x").is(403);
    assert!(person.get("/").is(200).text().contains("<html lang=\"nb\""));
    site.program().get("/api/v1/document?key=y").is(404);
    // Nobody may frame us, and no answer is for other sites.
    armoured(&person.get("/"));
    let preflight = foreign(&[("origin", "https://evil.example"), ("access-control-request-method", "PUT")]);
    armoured(&preflight.send("OPTIONS", "/api/v1/document?key=x", ureq::SendBody::none()));
}

#[test]
fn a_code_lets_in_once_and_a_session_ends() {
    let site = site();
    let invitation = site.invitation();
    let (base, code) = (site.base(), invitation.rsplit('/').next().expect("a code").to_owned());
    let stranger = Client::stranger(&base);
    let path = format!("/enter/{code}");
    // Whoever only looks ahead does not use it up.
    assert!(stranger.send("HEAD", &path, ureq::SendBody::none()).header("set-cookie").is_none());
    assert!(stranger.with("sec-purpose", "prefetch;prerender").get(&path).header("set-cookie").is_none());
    stranger.send("POST", &path, &b""[..]).is(405);
    let entered = stranger.get(&path).is(200);
    let cookie = entered.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"), "{cookie}");
    assert!(!entered.text().contains(&code) && !cookie.contains(&code));
    assert_eq!(entered.header("referrer-policy"), Some("no-referrer"));
    let again = stranger.get(&path).is(401);
    assert!(again.header("set-cookie").is_none());
    let person = stranger.with("cookie", cookie.split(';').next().expect("a pair"));
    person.get("/").is(200);
    stranger.with("cookie", &format!("annals-{}={code}", base.rsplit(':').next().expect("a port"))).get("/").is(401);
    // A person's session is not a program's token.
    stranger.with("authorization", &format!("Bearer {code}")).get("/api/v1/status").is(401);
    let unused = site.invitation();
    assert_eq!(site.json(&["ui", "--sign-out"])["ended"], 1);
    person.get("/").is(401);
    stranger.get(&unused[base.len()..]).is(401);
}

#[test]
fn a_person_who_leaves_is_out() {
    let site = site();
    let person = site.person();
    person.form("/leave", &[]).is(200);
    person.get("/").is(401);
}

#[test]
fn guessing_is_slowed_and_locks_nobody_out() {
    let site = site();
    let guesser = Client::stranger(&site.base()).with("authorization", "Bearer guess");
    let statuses: Vec<u16> = (0..40).map(|_| guesser.get("/api/v1/status").status).collect();
    assert_eq!(statuses[0], 401);
    assert_eq!(statuses[39], 429, "{statuses:?}");
    assert!(guesser.get("/api/v1/status").header("retry-after").is_some());
    site.program().get("/api/v1/status").is(200);
    site.person().get("/").is(200);
}

#[test]
fn no_key_and_no_path_leaves_the_store() {
    let site = seeded();
    std::fs::write(site.path("outside.txt"), "outside").expect("written");
    let (program, person) = (site.program(), site.person());
    let key_file = site.store().join("annals.key").display().to_string();
    for key in ["../annals.key", "/etc/passwd", &key_file, "..", ".", "a/../../annals.key", "..\\annals.key", "%2e%2e/annals.key", "\u{202e}gnp.exe"]
    {
        let path = format!("/api/v1/document?key={}", encode(key));
        program.get(&path).is(404);
        // They are names like any other.
        program.put(&path, b"mine").is(201);
        let back = program.get(&path).is(200);
        assert_eq!(back.text(), "mine");
        let name = back.header("content-disposition").expect("a name");
        assert!(!name.contains("..") || !name.contains('/'), "{name}");
    }
    assert_eq!(program.put("/api/v1/document?key=a%00b", b"x").is(400).code(), "key.nul");
    let secret = std::fs::read_to_string(site.store().join("annals.key")).expect("a key");
    assert!(secret.len() > 40 && !secret.contains("mine"));
    for path in [
        "/style.css/../../annals.key",
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/web.token",
        "/annals.toml",
        "/catalog.db",
    ] {
        let answer = bare(
            &site.base(),
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                site.base().strip_prefix("http://").expect("a host"),
                site.token()
            )
            .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 404 ") || answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains(site.token().as_str()), "{path}: {answer}");
    }
    // A batch does not read files of the agent for whoever asks.
    let line = json!({ "op": "put", "key": "stolen", "file": key_file }).to_string();
    assert_eq!(program.send("POST", "/api/v1/batches", line.as_bytes()).is(400).code(), "batch.line");
    program.get("/api/v1/document?key=stolen").is(404);
    // Choosing a language leads back to pages of ours and nowhere else.
    for back in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"] {
        let to = person.form("/language", &[("language", "en"), ("back", back)]).is(303);
        let to = to.header("location").expect("a place");
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains("evil"), "{back}: {to}");
    }
}

#[test]
fn what_is_too_long_is_refused_and_nothing_is_kept() {
    let site = site();
    let (base, token) = (site.base(), site.token());
    let host = base.strip_prefix("http://").expect("a host").to_owned();
    let head =
        |more: &str| format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n{more}\r\n");
    let long = bare(&base, head(&format!("X: {}\r\n", "a".repeat(40_000))).as_bytes());
    assert!(long.starts_with("HTTP/1.1 431 ") || long.is_empty(), "{long}");
    let many = bare(&base, head(&(0..500).map(|n| format!("X-{n}: a\r\n")).collect::<String>()).as_bytes());
    assert!(many.starts_with("HTTP/1.1 431 ") || many.is_empty(), "{many}");
    let address = bare(&base, format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(100_000)).as_bytes());
    assert!(["HTTP/1.1 414 ", "HTTP/1.1 431 "].iter().any(|s| address.starts_with(s)) || address.is_empty(), "{address}");
    let person = site.person();
    // Only the head: the answer comes before the rest is sent.
    let form = format!(
        "POST /language HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\nlanguage=nb&token={}&back=",
        person.cookie(),
        2 << 20,
        person.token
    );
    let answer = bare(&base, form.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(person.get("/").is(200).text().contains("<html lang=\"en\""), "nothing was changed");
    let program = site.program();
    // One byte too many: with more of them the connection may be closed before the answer is read.
    let body = |n: usize| format!("{{\"verb\":\"undo\",\"batch\":1,\"where\":[\"{}\"]}}", "a".repeat(n));
    let long = body((1 << 20) + 1 - body(0).len());
    assert_eq!(program.send("POST", "/api/v1/plans", long.as_bytes()).is(413).code(), "http.length");
    let nested = format!("{{\"verb\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(program.send("POST", "/api/v1/plans", nested.as_bytes()).is(400).code(), "http.json");
    program.put(&format!("/api/v1/document?key={}", "k".repeat(5_000)), b"x").is(400);
    program.get("/api/v1/status").is(200);
}

#[test]
fn two_readings_of_one_request_are_refused() {
    let site = site();
    let (base, token) = (site.base(), site.token());
    let host = base.strip_prefix("http://").expect("a host").to_owned();
    let put = |lines: &str| {
        bare(&base, format!("PUT /api/v1/document?key=smuggled HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{lines}").as_bytes())
    };
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 5, 6\r\n\r\nabcdef",
        "Content-Length: +5\r\n\r\nabcde",
        "Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "X: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
        "X: a\nContent-Length: \u{b}1\r\n\r\nx",
    ] {
        let answer = put(lines);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{lines:?}: {answer}");
    }
    // A length beside chunks: the chunks count, and what follows them is no second request of ours.
    let both = put(
        "Content-Length: 100\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert!(both.matches("HTTP/1.1").count() <= 1, "{both}");
    // A body that ends too early is no shorter document.
    let mut cut = connect(&base);
    let head = format!("PUT /api/v1/document?key=cut HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\r\nabc");
    cut.write_all(head.as_bytes()).expect("sent");
    cut.shutdown(std::net::Shutdown::Write).expect("shut");
    let mut rest = String::new();
    let _ = cut.read_to_string(&mut rest);
    let program = site.program();
    program.get("/api/v1/document?key=cut").is(404);
}

#[test]
fn who_sends_slowly_is_hung_up_on() {
    let site = site();
    let mut slow: Vec<_> = (0..20).map(|_| connect(&site.base())).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: 127").expect("sent");
    }
    // Others are served meanwhile.
    site.program().get("/api/v1/status").is(200);
    for stream in &mut slow {
        let mut rest = Vec::new();
        // It ends: with or without an answer.
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 2"));
    }
}

#[test]
fn secrets_stand_in_no_list_no_log_and_no_readable_file() {
    let mut site = seeded();
    let (token, invitation) = (site.token(), site.invitation());
    let code = invitation.rsplit('/').next().expect("a code").to_owned();
    let person = site.person();
    person.get("/").is(200);
    site.program().get("/api/v1/status").is(200);
    // `annals ui` without --no-open prepares a page for the browser; only its owner reads it, and the code stands in no argument.
    site.run(&["ui"]).exits(0);
    for name in ["web.token", "web.open.html"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&site.store().join(name).metadata().expect(name).permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let page = std::fs::read_to_string(site.store().join("web.open.html")).expect("a page");
    let fresh = page.split("/enter/").nth(1).and_then(|rest| rest.split('"').next()).expect("a code").to_owned();
    let secrets = [&token, &code, &fresh];
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    for command in all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok()) {
        let command = String::from_utf8_lossy(&command);
        assert!(secrets.iter().all(|secret| !command.contains(secret.as_str())), "{command}");
    }
    let environment = std::fs::read(format!("/proc/{}/environ", site.agent_id())).expect("an environment");
    assert!(secrets.iter().all(|secret| !String::from_utf8_lossy(&environment).contains(secret.as_str())));
    // The token is said nowhere: only where it stands.
    let said = site.run(&["ui", "--token"]).exits(0);
    assert!(said.out.contains("web.token") && !said.out.contains(&token) && !said.err.contains(&token), "{said:?}");
    let key = std::fs::read_to_string(site.store().join("annals.key")).expect("a key");
    for path in ["/api/v1/status", "/api/v1/openapi.json", "/metrics", "/api/v1/jobs", "/"] {
        for answer in [site.program().get(path).text(), person.get(path).text()] {
            assert!(
                secrets.iter().all(|secret| !answer.contains(secret.as_str())) && !answer.contains(key.lines().last().expect("a line")),
                "{path}"
            );
        }
    }
    assert_eq!(site.stop(), Some(0));
    let said = site.said();
    assert!(secrets.iter().all(|secret| !said.contains(secret.as_str())), "{said}");
}

#[test]
fn script_in_a_name_stays_a_name() {
    let site = site();
    let program = site.program();
    let evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"`{{7*7}}</title>";
    let e = encode(evil);
    program.with("content-type", "text/html").put(&format!("/api/v1/document?key={e}&actor={e}&reason={e}"), evil.as_bytes()).is(201);
    program.put(&format!("/api/v1/document?key={e}&actor={e}&reason={e}"), json!({ evil: evil }).to_string().as_bytes()).is(201);
    program.post(&format!("/api/v1/marks?actor={e}"), &json!({ "name": evil })).is(201);
    program.post("/api/v1/references", &json!({ "key": evil, "system": evil, "id": evil, "state": evil })).is(201);
    // A tenant has a narrower name.
    program.post("/api/v1/tenants", &json!({ "name": evil })).is(400);
    // A document that is a page does nothing when a browser gets it.
    let page = program.get(&format!("/api/v1/document?key={e}&at=v1")).is(200);
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(page.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    let name = page.header("content-disposition").expect("a name");
    assert!(name.starts_with("attachment; ") && name.matches('"').count() == 2 && !name.contains('<'), "{name}");
    for media in ["text/html\r\nX-Evil: 1", "a\u{0}b"] {
        let line = json!({ "op": "put", "key": "media", "text": "x", "media": media }).to_string();
        if program.send("POST", "/api/v1/batches", line.as_bytes()).status == 201 {
            let answer = program.get("/api/v1/document?key=media").is(200);
            assert!(answer.header("x-evil").is_none(), "{answer:?}");
        }
    }
    let person = site.person();
    let all = person.get("/").is(200).text();
    let pages: Vec<String> = all
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|to| to.starts_with('/'))
        .map(|to| to.replace("&amp;", "&"))
        .collect();
    let mut seen = pages.clone();
    seen.push(format!("/document?key={e}"));
    for path in &seen {
        let answer = person.get(path);
        let text = answer.text();
        assert!(!text.contains("<script>document") && !text.contains("<img src=x"), "{path}");
    }
    let Some(browser) = site.browser() else { return };
    for path in &seen {
        browser.visit(path);
        assert!(!browser.title().contains("owned"), "{path}");
    }
}

#[test]
fn a_document_never_runs_in_the_browser() {
    let site = site();
    let program = site.program();
    program.with("content-type", "text/html").put("/api/v1/document?key=page.html", b"<script>document.title='owned'</script>owned").is(201);
    program
        .with("content-type", "image/svg+xml")
        .put("/api/v1/document?key=x.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>document.title='owned'</script></svg>")
        .is(201);
    let Some(browser) = site.browser() else { return };
    for key in ["page.html", "x.svg"] {
        // It is a download: the page that was there stays.
        let there = browser.path();
        browser.script("location.href = arguments[0]", &[format!("/api/v1/document?key={key}").into()]);
        assert_eq!(browser.path(), there);
        assert!(!browser.title().contains("owned"), "{key}");
    }
}

#[test]
fn the_server_listens_to_this_machine_only() {
    let site = site();
    let port: u16 = site.base().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let listening = std::fs::read_to_string("/proc/net/tcp").expect("connections");
    let hex = format!(":{port:04X}");
    let ours: Vec<&str> =
        listening.lines().filter(|l| l.contains(" 0A ")).filter_map(|l| l.split_whitespace().nth(1)).filter(|at| at.ends_with(&hex)).collect();
    assert_eq!(ours, [format!("0100007F{hex}")]);
    let wide = super::site::without_agent();
    let toml = wide.store().join("annals.toml");
    let text = std::fs::read_to_string(&toml).expect("read").replace("127.0.0.1:0", "0.0.0.0:0");
    std::fs::write(&toml, text).expect("written");
    let refused = wide.run(&["agent", "run"]).exits(2);
    assert!(refused.err.contains("proxy = true"), "{}", refused.err);
}

#[test]
fn pages_can_be_switched_off() {
    let mut site = super::site::without_agent();
    let toml = site.store().join("annals.toml");
    let text = std::fs::read_to_string(&toml).expect("read").replace("[web]", "[web]\nenabled = false");
    std::fs::write(&toml, text).expect("written");
    site.start();
    let refused = site.run(&["ui", "--json", "--no-open"]).exits(5).json();
    assert_eq!(refused["error"]["code"], "web.off");
    site.run(&["status"]);
}

#[test]
fn a_reverse_proxy_passes_requests_on_under_its_own_name() {
    let mut site = super::site::without_agent();
    let toml = site.store().join("annals.toml");
    let text = std::fs::read_to_string(&toml).expect("read").replace("[web]", "[web]\nproxy = true\nhosts = [\"Annals.Example.org\"]");
    std::fs::write(&toml, text).expect("written");
    site.start();
    let said = site.json(&["ui", "--no-open"]);
    let outside = said["outside"].as_str().expect("an address");
    let path = outside.strip_prefix("https://annals.example.org").expect("the proxy's name");
    let ask = |path: &str, more: &str| bare(&site.base(), format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{more}\r\n").as_bytes());
    assert!(ask(path, "Host: other.example.org\r\n").starts_with("HTTP/1.1 421 "));
    let entered = ask(path, "Host: annals.example.org\r\nX-Forwarded-Proto: https\r\n");
    assert!(entered.starts_with("HTTP/1.1 200 "), "{entered}");
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    assert!(ask("/", &format!("Host: annals.example.org\r\nCookie: {pair}\r\n")).starts_with("HTTP/1.1 200 "));
}
