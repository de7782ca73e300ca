//! People and documents: finding what is gone and putting it back, comparing, leafing through time; by keyboard alone, on a narrow screen, in
//! every language, for eyes of every kind, and without scripts.

use super::browser::{Browser, keys};
use super::client::Client;
use super::site::{self, Site};

/// Bytes of a page with its style and script.
const PAGE_BYTES_MAX: usize = 60_000;

/// Pages about documents, on a seeded site.
const PAGES: [&str; 15] = [
    "/",
    "/find",
    "/find?q=klient",
    "/document?key=sak/2018-163",
    "/document?key=sak/2018-163&at=seq:2",
    "/document?key=sak/2018-163&at=2001-01-01",
    "/document?key=klient/38754",
    "/document?key=notat/m%C3%B8te.txt",
    "/compare?key=sak/2018-163&old=1&new=3",
    "/compare?key=notat/m%C3%B8te.txt",
    "/fields?key=sak/2018-163",
    "/browse",
    "/browse?prefix=pris/&at=seq:9",
    "/group?key=sak/2018-163&with=klient/*",
    "/deleted",
];

fn person(site: &Site, language: &str) -> Client {
    site.person().with("accept-language", language)
}

/// Versions of a document, newest last, and whether it exists.
fn versions(site: &Site, key: &str) -> (u64, bool) {
    let shown = site.run(&["show", key, "--json"]);
    let count = site.json(&["log", key])["rows"].as_array().map_or(0, |rows| rows.len() as u64);
    (count, shown.exit == 0)
}

#[test]
fn a_deleted_document_is_found_and_put_back_and_that_is_undone() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.find("#search").write(&format!("klient/{}", keys::ENTER));
    browser.reads("Removed");
    assert!(browser.find("a.row del").text().ends_with("38754"));
    browser.find("a.row").click();
    browser.reads("Nothing is lost");
    browser.reads("entered twice");
    assert!(!versions(&site, "klient/38754").1);
    browser.click("Put back");
    browser.reads("1 document is put back");
    browser.until("the address still tells it", || (!browser.path().contains("done=")).then_some(()));
    assert!(versions(&site, "klient/38754").1);
    browser.screenshot("put-back");
    browser.click("Undo");
    browser.reads("is taken back");
    assert!(!versions(&site, "klient/38754").1);
    // From the list as well.
    browser.visit("/deleted");
    browser.click("Put back");
    browser.reads("1 document is put back");
    browser.reads("Nothing is deleted");
    assert!(versions(&site, "klient/38754").1);
}

#[test]
fn an_earlier_version_becomes_current_again_or_a_document_of_its_own() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.visit("/document?key=sak/2018-163&at=seq:1");
    browser.reads("Version 1 of 3");
    browser.click("Put back as a copy");
    browser.reads("2018-163 (v1)");
    assert_eq!(site.run(&["get", "sak/2018-163 (v1)"]).out, site.run(&["get", "sak/2018-163@v1"]).out);
    browser.visit("/document?key=sak/2018-163&at=seq:1");
    browser.click("Put back as current");
    browser.reads("4 versions");
    assert_eq!(site.run(&["get", "sak/2018-163"]).out, site.run(&["get", "sak/2018-163@v1"]).out);
    let last = &site.json(&["log", "sak/2018-163"])["rows"][0];
    assert_eq!(last["actor"], "806", "it stands in the history who did it: {last}");
}

#[test]
fn two_versions_are_compared_in_the_words_of_the_person() {
    let site = site::seeded();
    let Some(browser) = site.browser_in("nb") else { return };
    browser.visit("/document?key=sak/2018-163&at=seq:1");
    browser.click("Sammenlign med gjeldende");
    let heads: Vec<String> = browser.all("main thead th").iter().map(|e| e.text()).collect();
    assert_eq!(heads, ["Felt", "Gammel verdi", "Ny verdi", "Hvem", "Når"]);
    let row = |n: usize| browser.find(&format!("main tbody tr:nth-child({n})")).text();
    assert!(row(1).contains("status") && row(1).contains("new") && row(1).contains("closed"), "{}", row(1));
    assert!(row(2).contains("handler") && row(2).contains("I. Dahl"), "{}", row(2));
    assert_eq!(browser.all("main tbody tr").len(), 2, "only what differs");
    browser.click("Vis også de 2 feltene som er like");
    assert_eq!(browser.all("main tbody tr").len(), 4);
    browser.visit("/compare?key=notat/m%C3%B8te.txt");
    assert_eq!(browser.all("tr.ins").len(), 2);
    assert_eq!(browser.all("tr.del").len(), 1);
    browser.visit("/fields?key=sak/2018-163&field=status");
    assert_eq!(browser.all("main tbody tr").len(), 3, "each version did something to it");
}

#[test]
fn a_keyboard_is_enough() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.reads("Are we safe?");
    browser.press("?");
    browser.reads("Up and down the rows");
    browser.press(keys::ESCAPE);
    browser.press("/");
    browser.press(&format!("sak/{}", keys::ENTER));
    browser.reads("2018-163");
    browser.press(keys::DOWN);
    assert!(browser.focused().contains("2018-163"), "{}", browser.focused());
    browser.press(keys::ENTER);
    browser.reads("3 versions");
    browser.press(keys::LEFT);
    browser.reads("Version 2 of 3");
    browser.press(keys::LEFT);
    browser.reads("Version 1 of 3");
    browser.press(keys::RIGHT);
    browser.reads("Version 2 of 3");
    browser.press("c");
    browser.reads("Old value");
    browser.press(keys::ESCAPE);
    browser.reads("Current");
    assert!(browser.path().starts_with("/document?key=sak"), "{}", browser.path());
    // The slider passes from stop to stop, and Enter goes there.
    browser.script("document.querySelector('input[type=range]').focus()", &[]);
    browser.press(&format!("{}{}{}", keys::LEFT, keys::LEFT, keys::ENTER));
    browser.reads("Version 1 of 3");
    browser.press("n");
    browser.reads("You see how things are now");
    // What was done is taken back with one key.
    browser.visit("/deleted");
    browser.find("button[name=one]").click();
    browser.reads("is put back");
    browser.press("u");
    browser.reads("is taken back");
    assert!(!versions(&site, "klient/38754").1);
}

#[test]
fn a_person_is_leafed_from_change_to_change_to_before_there_was_one() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.visit("/group?key=sak/2018-163&with=klient/*");
    browser.reads("2 in all times");
    assert!(browser.text().contains("After change 12"), "the removal of the client: {}", browser.text());
    let mut seen = 0;
    while !browser.all("a[rel=prev]").is_empty() {
        let before = browser.path();
        browser.press(keys::LEFT);
        browser.until("the same moment again", || (browser.path() != before).then_some(()));
        seen += 1;
        assert!(seen < 10, "{}", browser.path());
    }
    browser.reads("Before the first change");
    browser.reads("At this moment none of it existed");
    assert_eq!(seen, 5, "three versions of the case, the client, its removal");
    browser.press(keys::RIGHT);
    browser.reads("After change 1");
    // One document likewise.
    browser.visit("/document?key=klient/38754&at=seq:1");
    browser.reads("Did not exist yet");
}

#[test]
fn pages_fit_a_narrow_window_and_eyes_of_every_kind() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    for (i, page) in PAGES.iter().enumerate() {
        browser.media("prefers-color-scheme", if i % 2 == 0 { "light" } else { "dark" });
        browser.viewport(1280, 900);
        browser.visit(page);
        browser.is_accessible();
        browser.fits();
        browser.viewport(320, 640);
        browser.visit(page);
        browser.fits();
        browser.screenshot(&format!("documents-{i:02}-narrow"));
    }
    // The menu opens and has all pages.
    browser.click("Menu");
    assert!(browser.control("Deleted").is_shown());
    browser.is_accessible();
}

#[test]
fn everything_works_without_scripts() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.scripts(false);
    browser.visit("/document?key=sak/2018-163");
    browser.click("← Earlier");
    browser.reads("Version 2 of 3");
    browser.find("a[data-at='0']").click();
    browser.reads("Version 1 of 3");
    browser.click("Put back as current");
    browser.reads("is put back");
    browser.click("Undo");
    browser.reads("is taken back");
    browser.scripts(true);
}

#[test]
fn pages_are_whole_in_every_language_and_light() {
    let site = site::seeded();
    let assets: usize = ["/style.css", "/script.js"].iter().map(|path| site.person().get(path).is(200).body.len()).sum();
    let mut seen: Vec<Vec<String>> = Vec::new();
    for language in ["en", "nb", "sv", "it"] {
        let person = person(&site, language);
        let pages: Vec<String> = PAGES.iter().map(|page| person.get(page).is(200).text()).collect();
        for (path, page) in PAGES.iter().zip(&pages) {
            assert!(page.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert!(page.len() + assets <= PAGE_BYTES_MAX, "{path} in {language}: {} + {assets}", page.len());
            // A message that is not there shows its name.
            for name in ["column-", "document-", "compare-", "verdict-", "home-", "find-", "problem-", "state-", "{ $", "$n"] {
                let text: String = page.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ");
                assert!(!text.contains(name), "{path} in {language}: {name}");
            }
        }
        seen.push(pages);
    }
    for others in &seen[1..] {
        for (i, page) in PAGES.iter().enumerate() {
            let title = |text: &str| text.split("<h2>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
            assert_ne!(title(&others[i]), title(&seen[0][i]), "{page} is left in English");
        }
    }
}

#[test]
fn what_was_erased_says_so_in_every_language_and_is_no_error() {
    let mut site = site::without_agent();
    site.configure("[erasable]\nprefixes = [\"person/\"]\n");
    site.put("person/1/notes", "{\"name\": \"first\"}", "806", "");
    site.put("person/1/notes", "{\"name\": \"second\"}", "806", "");
    site.run(&["erase", "person/1", "-y", "--as", "leder", "--reason", "asked for it"]).exits(0);
    site.start();
    for (language, said) in [("en", "Erased by law"), ("nb", "Slettet etter loven"), ("sv", "Raderat enligt lag"), ("it", "Cancellato per legge")] {
        let person = person(&site, language);
        for path in ["/document?key=person/1/notes&at=seq:1", "/document?key=person/1/notes&at=seq:2", "/compare?key=person/1/notes&old=1&new=2"] {
            let page = person.get(path).is(200).text();
            assert!(page.contains(said) && page.contains("asked for it") && page.contains("leder"), "{language} {path}: {page}");
            assert!(!page.contains("\"first\"") && !page.contains("damage"), "{language} {path}");
        }
        for path in ["/document?key=person/1/notes", "/fields?key=person/1/notes", "/deleted", "/activity", "/batches", "/", "/browse"] {
            let page = person.get(path).is(200).text();
            assert!(!page.contains("did-") && !page.contains("content-erased"), "{language} {path}");
        }
    }
    let gone = site.program().get("/api/v1/document?key=person/1/notes&at=v1").is(404);
    assert_eq!(gone.code(), "content.erased");
}

#[test]
fn names_and_texts_of_every_kind_stay_what_they_are() {
    let site = site::seeded();
    let key = "x/<script>alert(1)<!-- \"'&amp; ${7*7} \u{202e}å";
    site.put(key, "{\"<b>\": \"</td><script>alert(2)</script>\"}", "<i>Mallory</i>", "\"><img src=x onerror=alert(3)>");
    site.put(key, "<svg onload=alert(4)>", "<i>Mallory</i>", "");
    site.run(&["rm", key, "--as", "'\"><script>alert(5)</script>"]).exits(0);
    let Some(browser) = site.browser() else { return };
    let encoded = encode(key);
    for page in ["/find?q=x/", "/deleted", "/browse?prefix=x/&at=seq:15", &format!("/document?key={encoded}"), &format!("/fields?key={encoded}")] {
        browser.visit(page);
        browser.reads("alert(1)");
        no_script_of_theirs(&browser);
    }
    browser.visit(&format!("/document?key={encoded}&at=seq:14"));
    browser.reads("</td><script>alert(2)</script>");
    no_script_of_theirs(&browser);
    for name in LINES {
        brought_back(&site, &browser, name);
    }
    // A picture is what its bytes say, never what the name says.
    let answer = site.person().get(&format!("/picture?key={encoded}&v=2"));
    assert_eq!(answer.status, 404, "{}", answer.text());
    // Wrong words get clear words.
    for (path, status) in [
        ("/document?key=nowhere", 404),
        ("/document", 400),
        ("/document?key=sak/2018-163&at=the+other+day", 400),
        ("/compare?key=sak/2018-163&old=99", 404),
        ("/compare?key=sak/2018-163&old=x", 400),
        ("/fields?key=sak/2018-163&field=a[", 400),
        ("/find?field=nothing", 400),
        ("/find?ref=nothing", 400),
    ] {
        let page = site.person().get(path).is(status).text();
        assert!(page.contains("role=\"alert\"") && page.contains("What you can do"), "{path}: {page}");
    }
}

/// Names that a browser would write anew in what a form sends.
const LINES: [&str; 4] = ["x/two\nlines", "x/two\r\nlines", "x/one\rline", "\r\n%0A+&=x \\x0a%\n/\u{85}\u{2028}\n"];

/// A removed document with this name is put back, by its own button and by a plan; an earlier version, as current and as a copy; and what
/// forms keep from page to page is still that document.
fn brought_back(site: &Site, browser: &Browser, name: &str) {
    let typed = name.replace('\\', "\\\\");
    let (key, text) = (encode(&typed), |key: &str| site.program().get(&format!("/api/v1/document?key={key}")).is(200).text());
    let first = site.put(&typed, "first", "806", "");
    let seq = site.put(&typed, "second", "806", "");
    site.run(&["rm", &typed]).exits(0);
    browser.visit(&format!("/deleted?prefix={key}"));
    browser.find("button[formaction='/bring-back']").click();
    browser.reads("is put back");
    assert_eq!(text(&key), "second");
    site.run(&["rm", &typed]).exits(0);
    // What is typed into the filter, as it stands there, finds the same.
    browser.visit(&format!("/deleted?prefix={key}"));
    browser.click("Show these");
    browser.find("input[data-all]").click();
    browser.click("Plan to put back the chosen ones");
    browser.click("Put back 1 document");
    browser.reads("1 document was changed");
    assert_eq!(text(&key), "second");
    browser.visit(&format!("/document?key={key}&at=seq:{first}"));
    browser.click("Put back as current");
    browser.reads("is put back");
    assert_eq!(text(&key), "first");
    browser.visit(&format!("/document?key={key}&at=seq:{first}"));
    browser.click("Put back as a copy");
    browser.reads("(v1)");
    browser.visit(&format!("/compare?key={key}&old=1&new=2"));
    browser.click("Compare these");
    browser.reads("second");
    // The moment that is looked at is chosen beside the document.
    browser.visit(&format!("/document?key={key}"));
    browser.find(".band summary").click();
    browser.find("input[name=at]").fill(&format!("seq:{seq}"));
    browser.click("Show that moment");
    browser.reads("second");
}

/// Nothing that a document, a name or a person says became a part of the page.
fn no_script_of_theirs(browser: &Browser) {
    let scripts = browser
        .script("return document.querySelectorAll('script:not([src=\"/script.js\"]), img[onerror], main svg[onload], main i, main b').length", &[]);
    assert_eq!(scripts, 0, "{}", browser.source());
}

fn encode(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b == b'/' { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
