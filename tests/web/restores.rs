//! What was put back wrongly, and what is built anew: the page shows both sides of a database and brings them together; the first run takes a
//! site from a copy elsewhere; a plan for thousands of documents goes on while nobody looks.

use std::path::Path;

use rusqlite::Connection;

use super::browser::Browser;
use super::client::Client;
use super::contract::check;
use super::site::{self, Site};
use super::works::{copy, first_run, first_run_with, is_fit, json};

/// What `annals.toml` says of the database of a stock: movements are only added, and quantities are their sums.
const RULES: &str = r#"
[capture.table.movement]
policy = "append"
[capture.table.stock_line]
policy = "derived"
recompute = ["UPDATE stock_line SET quantity = (SELECT coalesce(sum(change), 0) FROM movement WHERE line = stock_line.id)"]
[[capture.invariant]]
name = "ledger"
sql = "SELECT count(*) FROM stock_line WHERE quantity <> (SELECT coalesce(sum(change), 0) FROM movement WHERE line = stock_line.id)"
expect = "0"
"#;

const LEDGER: &str = "PRAGMA journal_mode = WAL; CREATE TABLE stock_line (id TEXT PRIMARY KEY, quantity INT); \
    CREATE TABLE movement (id INTEGER PRIMARY KEY, line TEXT, change INT, note TEXT); CREATE TABLE price (item TEXT PRIMARY KEY, nok INT); \
    INSERT INTO stock_line VALUES ('a', 0); INSERT INTO price VALUES ('a', 10)";

fn open(path: &Path) -> Connection {
    Connection::open(path).expect("a database")
}

fn moved(change: i64) -> String {
    format!(
        "BEGIN; INSERT INTO movement (line, change, note) VALUES ('a', {change}, '<b>'); \
         UPDATE stock_line SET quantity = quantity + {change} WHERE id = 'a'; COMMIT"
    )
}

fn number(app: &Connection, text: &str) -> i64 {
    app.query_row(text, [], |row| row.get(0)).expect(text)
}

#[test]
fn a_wrong_restore_of_a_database_is_shown_and_realigned() {
    let mut site = site::without_agent();
    let file = site.path("stock.db");
    let app = open(&file);
    app.execute_batch(LEDGER).expect("made");
    site.configure(&format!("[[capture]]\nname = \"stock\"\nsqlite = \"{}\"\n{RULES}", file.display()));
    let capture = |site: &Site, exit| drop(site.run(&["capture", "sqlite", "stock.db", "--once", "--json"]).exits(exit));
    capture(&site, 0);
    for text in [moved(15), moved(-2)] {
        app.execute_batch(&text).expect("moved");
        capture(&site, 0);
    }
    app.execute_batch(&format!("VACUUM INTO '{}'", site.path("older.db").display())).expect("copied");
    for text in [moved(-3), "UPDATE price SET nok = 12".to_owned()] {
        app.execute_batch(&text).expect("changed");
        capture(&site, 0);
    }
    drop(app);
    // The older copy is put back, and somebody goes on with it.
    for name in ["stock.db", "stock.db-wal", "stock.db-shm"] {
        let _ = std::fs::remove_file(site.path(name));
    }
    std::fs::copy(site.path("older.db"), &file).expect("put back");
    let app = open(&file);
    app.execute_batch("UPDATE price SET nok = 11").expect("changed");
    capture(&site, 14);
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit("/realign");
    browser.reads("The database stock is older than its history, and was written to since");
    browser.reads("Nothing is shipped until this is decided.");
    assert!(browser.text().contains(&file.display().to_string()));
    is_fit(&browser, "realign-database");
    browser.click("Look at both sides");
    browser.reads("1 row needs your decision");
    for text in ["Missing here", "Changed on both sides", "What must hold", "ledger", "Who decides", "movement"] {
        browser.reads(text);
    }
    is_fit(&browser, "realign-database-plan");
    assert_eq!((number(&app, "SELECT nok FROM price"), number(&app, "SELECT quantity FROM stock_line")), (11, 13), "looking changes nothing");
    // A wrong name changes nothing either.
    browser.find("input[name=confirm]").fill("clinic");
    browser.click("Bring both together");
    browser.reads("That was not the name. Nothing was changed.");
    assert_eq!(number(&app, "SELECT count(*) FROM movement"), 2);
    browser.find("fieldset.decision input[value=ours]").click();
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.click("Bring both together");
    browser.reads("stock is in line at change");
    is_fit(&browser, "realign-database-done");
    let count = "SELECT count(*) FROM movement";
    assert_eq!((number(&app, "SELECT quantity FROM stock_line"), number(&app, count), number(&app, "SELECT nok FROM price")), (10, 3, 11));
    assert_eq!((&json(&site, "stock/stock_line/a")["quantity"], &json(&site, "stock/price/a")["nok"]), (&10.into(), &11.into()));
    // How it was found stays to be read.
    browser.click("See the database as it was found");
    browser.reads("stock_line");
    browser.visit("/realign");
    browser.reads("Everything is in line.");
    site.run(&["seal"]).exits(0);
}

#[test]
fn a_program_puts_rows_back_into_a_database_over_http() {
    let mut site = site::without_agent();
    let file = site.path("stock.db");
    let app = open(&file);
    app.execute_batch(LEDGER).expect("made");
    site.configure(&format!("[[capture]]\nname = \"stock\"\nsqlite = \"{}\"\n", file.display()));
    site.run(&["capture", "sqlite", "stock.db", "--once"]).exits(0);
    app.execute_batch("INSERT INTO price VALUES ('b', 20), ('c', 30)").expect("more");
    site.run(&["capture", "sqlite", "stock.db", "--once"]).exits(0);
    app.execute_batch("UPDATE price SET nok = 0").expect("the mistake");
    site.run(&["capture", "sqlite", "stock.db", "--once"]).exits(0);
    let mistake = newest(&site);
    site.start();
    let program = site.program();
    let document = program.get("/api/v1/openapi.json").is(200).json();
    let fits = |method: &str, path: &str, status: &str, answer: &serde_json::Value| {
        let schema = &document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"];
        assert_eq!(check(&document, schema, answer, path), Ok(()));
    };
    let planned = program.post("/api/v1/plans", &serde_json::json!({ "verb": "undo", "batch": mistake })).is(200).json();
    fits("post", "/api/v1/plans", "200", &planned);
    assert_eq!((&planned["summary"]["put"], number(&app, "SELECT sum(nok) FROM price")), (&3.into(), 0), "a plan changes nothing");
    // Rows are work of the agent, however few: the answer is the job, and where it is.
    let sure = program.with("idempotency-key", "put-back");
    let wanted = serde_json::json!({ "plan": planned["plan"] });
    let ordered = sure.post("/api/v1/plans/apply?actor=806&reason=feil", &wanted).is(202);
    fits("post", "/api/v1/plans/apply", "202", &ordered.json());
    let place = ordered.header("location").expect("where the job is").to_owned();
    assert_eq!(place, format!("/api/v1/jobs/{}", ordered.json()["job"]));
    let end_of = |place: &str| loop {
        let job = program.get(place).is(200).json();
        fits("get", "/api/v1/jobs/{job}", "200", &job);
        if ["done", "failed", "dead"].iter().any(|end| job["state"] == *end) {
            break job;
        }
    };
    let done = end_of(&place);
    assert_eq!((&done["state"], &done["outcome"]["kind"], &done["outcome"]["done"]), (&"done".into(), &"plan".into(), &3.into()), "{done}");
    assert_eq!((&done["outcome"]["skipped"], &done["outcome"]["pending"]), (&0.into(), &serde_json::json!([])), "{done}");
    // The rows of the database are as before, and the history says who did it and why.
    assert_eq!(number(&app, "SELECT sum(nok) FROM price"), 60);
    let batch = program.get(&format!("/api/v1/batches/{}", done["outcome"]["batch"])).is(200).json();
    assert_eq!((&batch["actor"], &batch["reason"], &batch["cause"]["undo"]), (&"806".into(), &"feil".into(), &mistake.into()), "{batch}");
    // The same request once more, after a lost answer, does nothing again; a plan that is old is refused at once.
    app.execute_batch("UPDATE price SET nok = 70 WHERE item = 'a'").expect("work");
    let again = sure.post("/api/v1/plans/apply?actor=806&reason=feil", &wanted).is(202);
    let again = end_of(again.header("location").expect("where the job is"));
    assert_eq!((&again["state"], &again["outcome"]["batch"]), (&"done".into(), &done["outcome"]["batch"]), "{again}");
    program.post("/api/v1/plans/apply", &wanted).is(409);
    assert_eq!(number(&app, "SELECT nok FROM price WHERE item = 'a'"), 70);
}

/// A site that shipped to a directory, and its recovery sheet.
fn shipped(documents: usize) -> (Site, String) {
    let site = site::without_agent();
    std::fs::create_dir(site.path("usb")).expect("a directory");
    site.run(&["remote", "add", "usb", &format!("dir:{}", site.path("usb").display())]).exits(0);
    let lines: String = (1..=documents).map(|n| format!("{{\"op\":\"put\",\"key\":\"sak/{n:04}\",\"json\":{{\"n\":{n}}}}}\n")).collect();
    site.batch(&lines, "806", "import");
    site.put("sak/0001", "{\"n\":\"changed\"}", "I. Dahl", "rettet");
    site.run(&["rm", "sak/0002"]).exits(0);
    site.run(&["ship"]).exits(0);
    let sheet = site.run(&["key", "show", "--sheet"]).exits(0).out;
    (site, sheet)
}

#[test]
fn the_first_run_builds_a_site_anew_from_a_copy_elsewhere() {
    let (lost, sheet) = shipped(300);
    let then = lost.json(&["status"])["position"].clone();
    // Everything but the copy and the sheet is gone.
    let new = site::empty();
    copy(&lost.path("usb"), &new.path("usb"));
    drop(lost);
    let (_serving, address) = first_run(&new);
    let Some(browser) = Browser::open("en") else { return };
    browser.go(&address);
    let browser = browser.at(address.split("/enter/").next().expect("a base"));
    browser.reads("Nothing is kept here yet");
    let fill = |sheet: &str| {
        browser.find("form[action='/first/rebuild'] input[name=from]").fill(&format!("dir:{}", new.path("usb").display()));
        browser.find("form[action='/first/rebuild'] input[name=site]").fill("clinic-17");
        browser.script("document.querySelector('textarea[name=sheet]').value = arguments[0]", &[sheet.into()]);
        browser.find("form[action='/first/rebuild'] button").click();
    };
    // A group that is misread is found out before anything is made.
    let at = sheet.find("line 3").expect("a line") + 10;
    let wrong: String = sheet.char_indices().map(|(i, c)| if i >= at && c.is_ascii_alphanumeric() && i < at + 4 { '7' } else { c }).collect();
    fill(&wrong);
    browser.reads("That did not work");
    assert!(!new.store().join("annals.store").exists());
    browser.visit("/first");
    fill(&sheet);
    browser.reads("3 changes");
    is_fit(&browser, "first-rebuilt");
    // The site is the same, digest for digest, and the pages are its pages.
    assert_eq!(new.json(&["status"])["position"], then);
    assert_eq!(json(&new, "sak/0001")["n"], "changed");
    browser.visit("/document?key=sak/0001");
    browser.reads("2 versions");
    browser.reads("rettet");
    browser.visit("/deleted");
    browser.reads("0002");
}

#[test]
fn a_rebuild_that_was_cut_is_told_and_gone_on_with_or_begun_anew() {
    let (lost, sheet) = shipped(300);
    lost.put("sak/0003", "{\"n\":\"late\"}", "806", "");
    lost.run(&["ship"]).exits(0);
    let then = lost.json(&["status"])["position"].clone();
    for begins_anew in [false, true] {
        let new = site::empty();
        copy(&lost.path("usb"), &new.path("usb"));
        let from = format!("dir:{}", new.path("usb").display());
        // The program dies after the first shipment is back.
        let (mut dying, address) = first_run_with(&new, &[("ANNALS_FAULT", "catalog.committed:4")]);
        let Some(browser) = Browser::open("en") else { return };
        browser.go(&address);
        let browser = browser.at(address.split("/enter/").next().expect("a base"));
        browser.reads("Nothing is kept here yet");
        let fill = |browser: &Browser| {
            browser.find("form[action='/first/rebuild'] input[name=from]").fill(&from);
            browser.find("form[action='/first/rebuild'] input[name=site]").fill("clinic-17");
            browser.script("document.querySelector('textarea[name=sheet]').value = arguments[0]", &[sheet.as_str().into()]);
            browser.find("form[action='/first/rebuild'] button").click();
        };
        fill(&browser);
        assert!(!dying.0.wait().expect("ends").success());
        assert!(new.store().join("annals.store").exists(), "it had begun");
        assert_eq!(new.run(&["status", "--json"]).exits(14).json()["error"]["code"], "rebuild.unfinished");
        let (_serving, address) = first_run(&new);
        browser.go(&address);
        let browser = browser.at(address.split("/enter/").next().expect("a base"));
        browser.reads("A rebuild did not come to its end");
        is_fit(&browser, "first-interrupted");
        if begins_anew {
            browser.find("input[name=sure]").click();
            browser.find("form[action='/first/anew'] button").click();
            browser.reads("Nothing is kept here yet");
            fill(&browser);
        } else {
            assert_eq!(browser.find("form[action='/first/resume'] input[name=from]").attribute("value").as_deref(), Some(&*from));
            browser.find("form[action='/first/resume'] button").click();
        }
        // Whoever asked the program now would hold the store's lock against the rebuild.
        browser.until("it goes on", || browser.all("#rebuild a.button.main[href='/first']").first().map(drop));
        assert_eq!(new.json(&["status"])["position"], then);
    }
}

#[test]
fn a_rebuild_that_was_cut_before_there_was_a_store_leaves_nothing_in_the_way() {
    let (lost, sheet) = shipped(3);
    let then = lost.json(&["status"])["position"].clone();
    let mut died = 0;
    for place in 0.. {
        let new = site::empty();
        copy(&lost.path("usb"), &new.path("usb"));
        let from = format!("dir:{}", new.path("usb").display());
        let fields = [("from", &*from), ("sheet", &*sheet), ("site", "clinic-17")];
        let (mut dying, address) = first_run_with(&new, &[("ANNALS_FAULT", &format!("*:{place}"))]);
        Client::person_on(&address, "/first").last_form("/first/rebuild", &fields);
        assert!(!dying.0.wait().expect("ends").success(), "it comes further than that");
        if new.store().join("annals.store").exists() {
            // From here on there is something to go on with, which the page says.
            break;
        }
        died += 1;
        // Nothing was lost, so nothing is asked: the page is the first one, and what lies there is no store to anybody.
        assert_eq!(new.run(&["status", "--json"]).json()["error"]["code"], "store.none", "cut at {place}");
        let (_serving, address) = first_run(&new);
        let person = Client::person_on(&address, "/first");
        assert!(person.get("/first").is(200).text().contains("Nothing is kept here yet"), "cut at {place}");
        person.form("/first/rebuild", &fields).is(303);
        while person.get("/first?step=rebuild").is(200).text().contains("id=\"rebuild\" data-live") {}
        let page = person.get("/first?step=rebuild").is(200).text();
        assert_eq!(new.json(&["status"])["position"], then, "cut at {place}: {page}");
    }
    assert!(died > 8, "only {died} places before there is a store");
}

/// A site in which three thousand documents were changed by mistake; the number of that change.
fn mistaken() -> (Site, u64) {
    let site = site::without_agent();
    let lines = |state: &str| {
        (1..=3_000).map(|n| format!("{{\"op\":\"put\",\"key\":\"sak/{n:04}\",\"json\":{{\"status\":\"{state}\"}}}}\n")).collect::<String>()
    };
    site.batch(&lines("ny"), "import", "import");
    let seq = site.batch(&lines("avsluttet"), "811", "ved en feil");
    (site, seq)
}

fn newest(site: &Site) -> u64 {
    site.json(&["status"])["position"]["seq"].as_u64().expect("a number")
}

#[test]
fn a_large_plan_is_work_of_the_agent_and_its_page_ends_at_the_result() {
    let (mut site, seq) = mistaken();
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.visit(&format!("/plan?undo={seq}"));
    browser.find("input[name=confirm]").fill("clinic-17");
    browser.click("Take these 3,000 changes back");
    browser.until("no work", || browser.path().starts_with("/work?job=").then_some(()));
    browser.reads("3,000 documents were changed.");
    is_fit(&browser, "work-done");
    let path = browser.path();
    assert_eq!((&json(&site, "sak/3000")["status"], newest(&site)), (&"ny".into(), seq + 1));
    // Whoever comes next finds the same, and from the board as well.
    browser.visit("/transfers?show=over");
    browser.click("Carry out what was decided");
    assert_eq!(browser.path(), path);
    browser.click("Undo this");
    browser.reads(&format!("Take change {} back", seq + 1));
}

#[test]
fn a_large_plan_survives_a_closed_browser_a_double_click_and_the_end_of_the_program() {
    let (mut site, seq) = mistaken();
    site.start();
    let person = site.person();
    let plan = person.get(&format!("/plan?undo={seq}")).is(303);
    let id = plan.header("location").and_then(|to| to.split("id=").nth(1)).expect("a plan").to_owned();
    let apply = || person.form("/plan/apply", &[("id", &id), ("confirm", "clinic-17"), ("reason", "feil")]).is(303);
    let clicks: Vec<String> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..2).map(|_| scope.spawn(|| apply().header("location").expect("a place").to_owned())).collect();
        clicks.into_iter().map(|click| click.join().expect("an answer")).collect()
    });
    assert!(clicks[0].starts_with("/work?job=") && clicks[0] == clicks[1], "{clicks:?}");
    // The program ends at whatever it is doing, the person with it.
    site.kill();
    drop(person);
    site.start();
    let person = site.person();
    let page = loop {
        let page = person.get(&clicks[0]).is(200).text();
        if !page.contains("data-live") {
            break page;
        }
    };
    assert!(page.contains("3,000 documents were changed."), "{page}");
    assert_eq!(newest(&site), seq + 1, "once");
    let last = &site.json(&["log"])["rows"][0];
    assert_eq!((&last["actor"], &last["reason"]), (&"806".into(), &"feil".into()), "{last}");
    assert_eq!(json(&site, "sak/1500")["status"], "ny");
}

#[test]
fn a_large_plan_that_became_stale_says_so_and_changes_nothing() {
    let (mut site, seq) = mistaken();
    site.start();
    let person = site.person();
    let plan = person.get(&format!("/plan?undo={seq}")).is(303);
    let id = plan.header("location").and_then(|to| to.split("id=").nth(1)).expect("a plan").to_owned();
    site.put("sak/0007", "{\"status\":\"i arbeid\"}", "I. Dahl", "");
    let to = person.form("/plan/apply", &[("id", &id), ("confirm", "clinic-17")]).is(303).header("location").expect("a place").to_owned();
    let page = loop {
        let page = person.get(&to).is(200).text();
        if !page.contains("data-live") {
            break page;
        }
    };
    assert!(page.contains("What was decided was not carried out.") && page.contains("Make a new plan"), "{page}");
    assert_eq!((newest(&site), &json(&site, "sak/0007")["status"]), (seq + 1, &"i arbeid".into()));
    // Nobody is woken at night because of it.
    let jobs = site.json(&["jobs", "ls"]);
    let apply = jobs["rows"].as_array().expect("rows").iter().find(|job| job["kind"] == "apply").expect("it is remembered");
    assert_eq!((&apply["state"], &apply["code"]), (&"cancelled".into(), &"plan.stale".into()), "{apply}");
    assert_eq!(site.json(&["status"])["problems"].as_array().map(Vec::len), Some(0));
    // What is no number of a job is told as that.
    person.get("/work?job=99").is(404);
    person.get("/work?job=x").is(400);
}
