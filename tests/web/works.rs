//! The pages about doing: a bulk change taken back with decisions, a tenant rolled back, two hundred transfers watched and paused, the first
//! run, a wrong restore realigned. Each is looked at by axe, at 320 px, and kept as an image.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::browser::Browser;
use super::site::{self, Site};

/// A page that people can use: nothing wider than a small telephone, no serious finding of axe; kept as an image, wide and narrow.
#[track_caller]
pub fn is_fit(browser: &Browser, name: &str) {
    browser.is_accessible();
    browser.fits();
    browser.screenshot(name);
    browser.viewport(320, 640);
    browser.fits();
    browser.screenshot(&format!("{name}-320"));
    browser.viewport(1280, 900);
}

/// A site in which a bulk change went wrong and some of it was worked on since.
fn moved() -> Site {
    let mut site = site::without_agent();
    let lines = |state: &str, office: &str| {
        let line = |n: u32| {
            format!("{{\"op\":\"put\",\"key\":\"sak/{n:03}\",\"json\":{{\"tittel\":\"Sak {n}\",\"status\":\"{state}\",\"enhet\":\"{office}\"}}}}\n")
        };
        (1..=120).map(line).collect::<String>()
    };
    site.batch(&lines("ny", "Oslo"), "import", "import");
    site.batch(&lines("avsluttet", "Bergen"), "811", "flyttet ved en feil");
    for n in ["003", "004"] {
        site.put(&format!("sak/{n}"), "{\"tittel\":\"Sak\",\"status\":\"under arbeid\",\"enhet\":\"Bergen\"}", "I. Dahl", "tildelt");
    }
    site.run(&["refs", "add", "sak/003", "svarut", "9f2c", "--state", "levert", "--irrevocable"]).exits(0);
    site.start();
    site
}

pub fn json(site: &Site, key: &str) -> serde_json::Value {
    serde_json::from_str(&site.run(&["get", key]).exits(0).out).expect("JSON")
}

#[test]
fn a_bulk_change_is_taken_back_with_a_decision_for_each_conflict() {
    let site = moved();
    let Some(browser) = site.browser() else { return };
    browser.visit("/batches");
    is_fit(&browser, "batches");
    browser.find("a[href*='undo=2']").click();
    browser.reads("2 documents need your decision");
    browser.reads("1 stays delivered and cannot be recalled.");
    browser.reads("118");
    is_fit(&browser, "plan");
    // One is merged with what was before in the field that both touched, the other is left as it is.
    browser.find("input[type=radio][value=theirs]").click();
    assert_eq!(browser.find("input[type=radio][value=merge]:checked").attribute("value").as_deref(), Some("merge"), "a field means a merge");
    browser.click("Keep these decisions");
    browser.reads("decided");
    browser.reads("1 undecided document stays as it is.");
    // A wrong name changes nothing.
    browser.find("input[name=confirm]").fill("clinic");
    browser.click("Take these 119 changes back");
    browser.reads("That was not the name. Nothing was changed.");
    assert_eq!(json(&site, "sak/001")["enhet"], "Bergen");
    browser.find("input[name=reason]").fill("feil kontor");
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.click("Take these 119 changes back");
    browser.reads("119 documents were changed.");
    is_fit(&browser, "plan-done");
    assert_eq!(json(&site, "sak/001")["enhet"], "Oslo");
    assert_eq!((json(&site, "sak/003")["enhet"].clone(), json(&site, "sak/003")["status"].clone()), ("Oslo".into(), "ny".into()));
    assert_eq!((json(&site, "sak/004")["enhet"].clone(), json(&site, "sak/004")["status"].clone()), ("Bergen".into(), "under arbeid".into()));
    let lines = site.run(&["log", "--json=lines"]).exits(0).out;
    let newest: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!((newest["actor"].as_str(), newest["reason"].as_str()), (Some("806"), Some("feil kontor")), "{newest}");
    // And the way back from the way back.
    browser.click("Undo this");
    browser.reads("Take change 6 back");
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.find("section.confirm button.main").click();
    browser.reads("119 documents were changed.");
    assert_eq!(json(&site, "sak/001")["enhet"], "Bergen");
}

#[test]
fn a_plan_that_is_old_says_so_and_keeps_decisions_that_still_fit() {
    let site = moved();
    let Some(browser) = site.browser() else { return };
    browser.visit("/plan?undo=2");
    browser.click("Put back what nobody changed since");
    browser.reads("decided");
    site.put("sak/099", "{\"tittel\":\"Sak 99\",\"status\":\"venter\",\"enhet\":\"Bergen\"}", "I. Dahl", "");
    browser.visit(&browser.path());
    browser.reads("Something was recorded since this plan was made:");
    assert!(browser.all("section.confirm").is_empty(), "an old plan cannot be carried out");
    browser.click("Make the plan anew");
    browser.reads("3 documents need your decision");
    assert_eq!(browser.all("input[value=merge]:checked").len(), 2, "two were decided, the third is new");
    // A plan is of the session that made it.
    let path = browser.path();
    site.person().get(&path).is(404);
}

#[test]
fn a_tenant_is_rolled_back_and_what_was_removed_returns() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.visit("/plan");
    is_fit(&browser, "plan-begin");
    browser.find("input[name=to]").fill("mark:før-prisendring");
    browser.find("form:has(input[name=to]) button").click();
    browser.reads("is brought back");
    browser.reads("get an earlier version");
    browser.find("section.confirm button.main").click();
    browser.reads("documents were changed.");
    assert_eq!(json(&site, "pris/07")["nok"], 10);
    assert_eq!(json(&site, "klient/38754")["name"], "Kari Nordmann");
    // The other tenant was not touched.
    assert_eq!(site.run(&["--tenant", "kommune-b", "get", "sak/1"]).exits(0).out, "{\"hemmelig\": true}");
    browser.visit("/activity?kind=rollback");
    browser.reads("Kari Nordmann");
    is_fit(&browser, "activity");
    browser.visit("/activity?who=import&kind=changed&prefix=pris/");
    browser.reads("priser 2019");
    assert!(!browser.text().contains("priser 2018"), "that one added");
}

#[test]
fn the_activity_is_given_out_as_a_file() {
    let site = site::seeded();
    let person = site.person();
    let csv = person.get("/activity/export?form=csv&prefix=sak/2018-163").is(200).text();
    assert!(csv.starts_with("seq,time,actor,reason,origin,change,key,version,field,old,new\r\n"), "{csv}");
    assert!(csv.contains(",I. Dahl,ferdig,") && csv.contains(",changed,sak/2018-163,3,status,open,closed\r\n"), "{csv}");
    let lines = person.get("/activity/export?form=ndjson&kind=removed").is(200).text();
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (line["change"].as_str(), line["key"].as_str(), line["reason"].as_str()),
        (Some("removed"), Some("klient/38754"), Some("entered twice"))
    );
    assert_eq!(lines.lines().count(), 1);
}

/// Remotes that are shipped to at once.
const REMOTES: usize = 200;

#[test]
fn two_hundred_transfers_are_watched_and_paused() {
    let mut site = site::without_agent();
    // Bytes that nothing makes smaller, so that a slow line has long to do.
    let noise: Vec<u8> = (0..400_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ (n.wrapping_mul(n) >> 7) as u8).collect();
    site.feed(&noise, &["put", "bilde/1.raw", "-", "--as", "806"]).exits(0);
    let mut lines = "[schedule]\nship = \"every 1h\"\nwindow = [\"00:00-24:00 1 KiB/s\"]\n".to_owned();
    for n in 1..=REMOTES {
        let dir = site.path(&format!("r{n}"));
        std::fs::create_dir(&dir).expect("a directory");
        lines.push_str(&format!("[[remote]]\nname = \"r{n}\"\ndirectory = \"{}\"\n", dir.display()));
    }
    site.configure(&lines);
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit("/transfers");
    browser.reads(&format!("{REMOTES} running"));
    assert_eq!(browser.all("tr[data-stamp]").len(), 16, "a page, not all");
    browser.until("no rate is shown", || browser.text().contains("/s").then_some(()));
    is_fit(&browser, "transfers");
    let person = site.person();
    let size: usize =
        ["/transfers", "/style.css", "/works.css", "/script.js", "/works.js"].map(|path| person.get(path).is(200).text().len()).iter().sum();
    assert!(size < 60_000, "{size} bytes");
    browser.click("Pause everything");
    browser.reads("200 paused");
    browser.reads("0 running");
    // What arrived stays. That no byte goes on after a pause is not timed here.
    let sent = || (1..=REMOTES).map(|n| bytes_below(&site.path(&format!("r{n}")))).sum::<u64>();
    let then = sent();
    // The first page counts as this one does.
    let counted = browser.find("#summary").text();
    assert!(counted.starts_with("0 running") && counted.contains("200 paused"), "{counted}");
    browser.visit("/");
    assert_eq!(browser.find("#now .facts").text(), counted);
    browser.visit("/transfers");
    browser.click("Let everything go on");
    browser.reads(&format!("{REMOTES} running"));
    assert_eq!(then, then.min(sent()), "nothing is taken back");
    browser.visit("/transfers?find=r17");
    browser.until("only those of that name", || (browser.all("tr[data-stamp]").len() == 11).then_some(()));
    browser.find("button[aria-label^='Cancel ship r17,']").click();
    browser.find("button[aria-label^='Pause ship r170,']").click();
    browser.reads("1 paused");
    let counted = browser.find("#summary").text();
    assert!(!counted.contains("waiting"), "what is paused does not wait: {counted}");
    browser.until("it is not cancelled", || browser.all("button[aria-label^='Cancel ship r17,']").is_empty().then_some(()));
}

#[test]
fn a_long_cause_leaves_room_for_what_can_be_done() {
    let mut site = site::without_agent();
    let far = site.path(&["a-directory-whose-name-is-long"; 6].join("-")).join(["and_goes_on_without_a_blank"; 6].join("_"));
    site.configure(&format!("[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"usb\"\ndirectory = \"{}\"\n", far.display()));
    site.put("sak/1", "{}", "806", "");
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit("/transfers");
    browser.reads("is not there");
    for (width, scheme) in [(1280, "light"), (1200, "dark"), (1200, "light"), (800, "dark"), (800, "light"), (320, "dark"), (320, "light")] {
        browser.media("prefers-color-scheme", scheme);
        browser.viewport(width, 900);
        browser.visit("/transfers");
        browser.fits();
        let beside = "return [...document.querySelectorAll('#jobs button')].filter(e => e.getBoundingClientRect().right > innerWidth).length";
        assert_eq!((browser.all("#jobs button").len(), browser.script(beside, &[])), (3, 0.into()), "at {width}");
        browser.screenshot(&format!("transfers-long-{width}-{scheme}"));
        browser.is_accessible();
    }
}

fn bytes_below(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| e.metadata().map_or(0, |m| if m.is_dir() { bytes_below(&e.path()) } else { m.len() })).sum()
}

/// A program that serves pages until it is dropped.
pub struct Serving(pub Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn first_run(site: &Site) -> (Serving, String) {
    first_run_with(site, &[])
}

/// The same in an environment.
pub fn first_run_with(site: &Site, environment: &[(&str, &str)]) -> (Serving, String) {
    let mut command = site.command(&["ui", "--no-open", "--as", "806"]);
    let mut child = command.envs(environment.iter().copied()).stderr(Stdio::null()).spawn().expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    (Serving(child), line.trim().to_owned())
}

#[test]
fn the_first_run_makes_a_site_and_wants_to_see_the_sheet() {
    let site = site::empty();
    let (_serving, address) = first_run(&site);
    let Some(browser) = Browser::open("en") else { return };
    browser.go(&address);
    let browser = browser.at(address.split("/enter/").next().expect("a base"));
    browser.reads("Nothing is kept here yet");
    is_fit(&browser, "first");
    browser.find("form[action='/first/create'] input[name=site]").fill("clinic-17");
    browser.find("input[name=zone]").fill("Europe/Oslo");
    browser.click("Begin this site");
    browser.reads("Print this sheet and keep it elsewhere");
    is_fit(&browser, "first-sheet");
    let sheet = browser.find("pre.secret").text();
    // Whoever goes elsewhere is asked again.
    browser.visit("/");
    browser.reads("Print this sheet and keep it elsewhere");
    browser.click("I have it on paper");
    browser.reads("Show that you have the sheet");
    is_fit(&browser, "first-confirm");
    let fields: Vec<String> = browser.all("main input[name^=g]").iter().filter_map(|e| e.attribute("name")).collect();
    assert_eq!(fields.len(), 3);
    let type_in = |wrong: bool| {
        for name in &fields {
            let (line, group) = name[1..].split_once('.').expect("a place");
            let row = sheet.lines().find_map(|row| row.trim().strip_prefix(&format!("line {line} "))).expect("a line").trim();
            let letters = row.split('-').nth(group.parse::<usize>().expect("a number") - 1).expect("a group");
            browser.find(&format!("input[name='{name}']")).fill(&if wrong { "0000".to_owned() } else { letters.to_lowercase() });
        }
        browser.click("This is what the sheet says");
    };
    type_in(true);
    browser.reads("At least one group is not as on the sheet.");
    type_in(false);
    browser.reads("The site is ready");
    is_fit(&browser, "first-ready");
    // A place for copies, by the page.
    std::fs::create_dir(site.path("usb")).expect("a directory");
    browser.visit("/settings");
    is_fit(&browser, "settings");
    browser.find("input[name=name]").fill("usb");
    browser.find("input[name=url]").fill(&format!("dir:{}", site.path("usb").display()));
    browser.click("Add this place");
    browser.reads("Saved. It is in force from now on.");
    browser.find("input[name=ship]").fill("every 2h");
    browser.click("Save these settings");
    // What the first saving said stands there until the second answers.
    let written = || std::fs::read_to_string(site.store().join("annals.toml")).expect("read");
    let text = browser.until("saved", || Some(written()).filter(|text| text.contains("ship = \"every 2h\"")));
    assert!(text.contains("zone = \"Europe/Oslo\"") && text.contains("# Remotes, schedules and rules"), "{text}");
    browser.visit("/settings");
    browser.find("input[name=ship]").fill("every now and then");
    browser.click("Save these settings");
    browser.reads("That did not work");
    assert_eq!(std::fs::read_to_string(site.store().join("annals.toml")).expect("read"), text, "nothing is written");
}

#[test]
fn a_wrong_restore_is_shown_and_realigned() {
    let mut site = site::without_agent();
    std::fs::create_dir(site.path("usb")).expect("a directory");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    site.put("sak/1", "{\"n\":1}", "806", "");
    site.run(&["ship"]).exits(0);
    copy(&site.store(), &site.path("older"));
    site.put("sak/1", "{\"n\":2}", "806", "");
    site.put("sak/2", "{\"n\":2}", "806", "");
    site.run(&["ship"]).exits(0);
    // Somebody puts the older copy back, and work goes on.
    std::fs::remove_dir_all(site.store()).expect("removed");
    copy(&site.path("older"), &site.store());
    site.put("sak/3", "{\"n\":3}", "811", "");
    site.run(&["ship"]).exits(14);
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit("/realign");
    browser.reads("main and usb have parted");
    browser.reads("Nothing is shipped until this is decided.");
    is_fit(&browser, "realign");
    browser.click("Look at both sides");
    browser.reads("Missing here");
    browser.reads("Only here");
    is_fit(&browser, "realign-plan");
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.click("Bring both together");
    browser.reads("main is in line at change");
    is_fit(&browser, "realign-done");
    assert_eq!(
        (json(&site, "sak/1")["n"].clone(), json(&site, "sak/2")["n"].clone(), json(&site, "sak/3")["n"].clone()),
        (2.into(), 2.into(), 3.into())
    );
    site.run(&["ship"]).exits(0);
    browser.visit("/realign");
    browser.reads("Everything is in line.");
}

pub fn copy(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").args([from, to]).status().expect("cp");
    assert!(done.success());
}

#[test]
fn copies_proof_recovery_and_references_are_shown_in_every_language() {
    let mut site = site::without_agent();
    std::fs::create_dir(site.path("usb")).expect("a directory");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display()), "--region", "no"]).exits(0);
    site.configure("[tenant.main]\nregions = [\"se\"]\ncopies_min = 2\n");
    site.put("sak/1", "{\"n\":1}", "806", "");
    site.run(&["refs", "add", "sak/1", "svarut", "<b>9f2c</b>", "--state", "levert", "--irrevocable"]).exits(0);
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit("/copies");
    browser.reads("may go to 0 places, needs 2");
    is_fit(&browser, "copies");
    browser.visit("/recover");
    browser.reads("Nothing could be brought back.");
    browser.click("Ask all copies now");
    browser.reads("answers");
    is_fit(&browser, "recover");
    browser.visit("/recover/card");
    assert!(!browser.text().contains("ANNALS RECOVERY SHEET"), "no secret without being asked");
    is_fit(&browser, "card");
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.click("Show the card with the sheet");
    browser.reads("ANNALS RECOVERY SHEET");
    browser.visit("/proof");
    is_fit(&browser, "proof");
    browser.click("Read back the next part now");
    browser.until("the patrol is not told", || {
        browser.visit("/proof");
        browser.text().contains("A part of this store read back").then_some(())
    });
    browser.visit("/references");
    browser.reads("<b>9f2c</b>");
    browser.find("textarea[name=list]").fill("id;state\n9f2d;sendt\n");
    browser.find("form[action='/references'][method=post] input[name=system]").fill("svarut");
    browser.click("Compare");
    browser.reads("only there");
    browser.reads("only here");
    is_fit(&browser, "references");
    for (language, title) in [("nb", "Kopier og steder"), ("sv", "Kopior och platser"), ("it", "Copie e luoghi")] {
        browser.visit("/copies");
        browser.find(&format!("button[name=language][value={language}]")).click();
        browser.reads(title);
        for path in
            ["/plan", "/batches?all=1", "/activity", "/transfers", "/realign", "/proof", "/references", "/recover", "/recover/card", "/settings"]
        {
            browser.visit(path);
            let raw = browser.script("return document.body.innerText.match(/\\b[a-z]+-[a-z]+(-[a-z]+)+\\b/g) || []", &[]);
            let raw: Vec<&str> = raw.as_array().expect("a list").iter().filter_map(|w| w.as_str()).filter(|w| w.len() > 12).collect();
            assert!(raw.is_empty(), "{language} {path}: messages without words? {raw:?}");
        }
        browser.screenshot(&format!("settings-{language}"));
    }
}
