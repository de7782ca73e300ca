//! The first minute: a person comes in, finds the pages, in the language that the browser asks for.

use std::io::{BufRead, BufReader};
use std::process::Child;

use super::browser::keys;
use super::client::Client;
use super::site::{self, Site};

#[test]
fn a_person_comes_in_with_the_address_that_annals_ui_prints() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    assert_eq!(browser.path(), "/");
    assert!(browser.title().ends_with("clinic-17"), "{}", browser.title());
    assert!(!browser.all("h1").is_empty());
    browser.press(keys::TAB);
    assert_eq!(browser.focused(), "Skip to content");
    browser.is_accessible();
    browser.screenshot("first");
}

#[test]
fn pages_are_in_the_language_that_the_browser_asks_for() {
    let site = site::site();
    for (language, tag) in [("nb", "nb"), ("sv", "sv"), ("it", "it"), ("de", "en")] {
        let Some(browser) = site.browser_in(language) else { return };
        assert_eq!(browser.find("html").attribute("lang").as_deref(), Some(tag), "{language}");
    }
}

#[test]
fn annals_ui_runs_an_agent_where_none_runs() {
    let site = site::without_agent();
    let mut ui = Running::start(&site, &["ui", "--no-open"]);
    let person = Client::person(&ui.address);
    person.get("/").is(200);
    assert_eq!(site.json(&["agent", "status"])["running"], true);
    // Somebody else comes in as well.
    site.person().get("/").is(200);
    site.run(&["agent", "stop"]).exits(0);
    assert_eq!(ui.child.wait().expect("ends").code(), Some(0));
}

#[test]
fn annals_ui_serves_pages_where_there_is_no_store_yet() {
    let site = site::empty();
    let ui = Running::start(&site, &["ui", "--no-open"]);
    let (base, _) = ui.address.split_once("/enter/").expect("an address");
    let entered = Client::stranger(base).get(&ui.address[base.len()..]).is(200);
    let cookie = entered.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
    let person = Client::stranger(base).with("cookie", cookie);
    let sent = person.get("/").is(303);
    let page = person.get(sent.header("location").expect("a place")).is(200);
    assert!(page.text().starts_with("<!DOCTYPE html>"), "{}", page.text());
    let refused = person.get("/api/v1/status").is(404);
    assert_eq!(refused.code(), "store.none");
    assert!(!site.store().exists(), "looking makes nothing");
}

#[test]
fn an_agent_whose_port_is_taken_says_where_the_pages_are_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = taken.local_addr().expect("its address");
    let site = site::empty();
    site.run(&["init"]).exits(0);
    site.configure(&format!("[web]\nlisten = \"{place}\"\n"));
    let mut agent = site.command(&["agent", "run"]).spawn().expect("starts");
    let said: Vec<String> = BufReader::new(agent.stderr.take().expect("a pipe")).lines().take(3).map(|line| line.expect("text")).collect();
    assert!(said[0].starts_with("agent runs on "), "{said:?}");
    assert!(said[1].ends_with(&format!(" this time, because another program listens at {place}")), "{said:?}");
    assert!(said[2].contains("listen = \"127.0.0.1:PORT\" in [web]"), "{said:?}");
    // Where it says, somebody answers.
    let base = said[1].split(' ').find(|word| word.starts_with("http://")).expect("an address");
    Client::stranger(base).get("/api/v1/status").is(401);
    site.run(&["agent", "stop"]).exits(0);
    assert_eq!(agent.wait().expect("ends").code(), Some(0));
}

/// `annals ui` in the foreground, and the address that it printed.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(site: &Site, words: &[&str]) -> Self {
        let mut child = site.command(words).spawn().expect("starts");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut address = String::new();
        said.read_line(&mut address).expect("a line");
        Running { child, address: address.trim().to_owned() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
