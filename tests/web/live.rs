//! Pages that show what happens: told by the server, or asked again where it cannot tell.

use std::io::{BufRead, BufReader};

use super::site::{self, Site};

#[test]
fn the_server_says_that_something_was_written_and_pages_take_their_parts_anew() {
    let site = site::seeded();
    let (status, headers, body) = site.person().open("GET", "/live", ureq::SendBody::none());
    assert_eq!((status, headers.iter().find(|(n, _)| n == "content-type").map(|(_, v)| &**v)), (200, Some("text/event-stream")));
    let mut told = BufReader::new(body).lines().map(|line| line.expect("a line"));
    site.put("sak/neu", "1", "806", "");
    assert!(told.any(|line| line == "data: 1"), "nothing is told");
    // Nobody who is not in is told anything.
    super::client::Client::stranger(&site.base()).get("/live").is(401);
    let Some(browser) = site.browser() else { return };
    browser.until("the page does not listen", || {
        (browser.script("return typeof stream === 'undefined' ? null : stream?.readyState", &[]) == 1).then_some(())
    });
    // Had it to ask again and again, it would ask once in an hour.
    browser.script("looks.forEach((look) => { look.wait = () => {}; })", &[]);
    site.put("sak/live", "1", "I. Dahl", "nytt siden du kom");
    browser.reads("nytt siden du kom");
    let asked = "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/live')).length";
    assert!(browser.script(asked, &[]).as_u64().is_some_and(|n| n <= 1), "one stream, not one for each look");
}

/// The words of the verdict on the first page and at the head of each, safe and not, in a language; and what says that sending is paused.
const VERDICTS: [(&str, [&str; 2], [&str; 2], &str); 4] = [
    ("en", ["Yes, we are safe", "No, not now"], ["Safe", "Not safe"], "Sending to usb is paused"),
    ("nb", ["Ja, vi er trygge", "Nei, ikke nå"], ["Trygt", "Ikke trygt"], "Sendingen til usb er stanset"),
    ("sv", ["Ja, vi är säkra", "Nej, inte nu"], ["Säkert", "Inte säkert"], "Sändningen till usb är pausad"),
    ("it", ["Sì, siamo al sicuro", "No, non adesso"], ["Al sicuro", "Non al sicuro"], "L'invio a usb è sospeso"),
];

/// All faces give this verdict, and say that sending is paused where it is. What the command line says.
#[track_caller]
fn all_say(site: &Site, safe: bool, paused: bool) -> String {
    let said = site.run(&["status"]).exits(if safe { 0 } else { 4 }).out;
    assert!(said.starts_with(if safe { "Safe: " } else { "Not safe: " }), "{said}");
    assert_eq!(said.contains("shipping to usb is paused"), paused, "{said}");
    let status = site.run(&["status", "--json"]).json();
    assert_eq!((&status["safe"], status["remotes"][0]["health"]["paused_job"].is_u64()), (&safe.into(), paused), "{status}");
    assert_eq!(site.program().get("/api/v1/status").is(200).json()["safe"], safe);
    assert!(site.program().get("/metrics").is(200).text().contains(&format!("\nannals_safe {}\n", u8::from(safe))));
    for (language, home, head, stands) in VERDICTS {
        let page = site.person().with("accept-language", language).get("/").is(200).text();
        let at = usize::from(!safe);
        assert!(page.contains(&format!("<h1 data-announce>{}</h1>", home[at])), "{language}: {page}");
        assert!(page.contains(&format!("href=\"/\">{}</a>", head[at])), "{language}: {page}");
        assert_eq!(page.contains(stands), paused, "{language}: {page}");
    }
    said
}

#[test]
fn the_verdict_is_one_for_all_faces_and_never_safe_beside_a_problem() {
    let mut site = site::without_agent();
    let toml = site.store().join("annals.toml");
    let good = std::fs::read_to_string(&toml).expect("read");
    let usb = format!("[[remote]]\nname = \"usb\"\ndirectory = \"{}\"\n", site.path("usb").display());
    let configure = |more: &str| {
        std::fs::write(&toml, format!("{good}[schedule]\nship = \"every 1h\"\n[alert]\nstale_after = \"4h\"\n{usb}{more}")).expect("written")
    };
    // A disk that is away as it may be.
    configure("expected = \"weekly\"\n");
    site.put("sak/1", "{}", "806", "");
    site.start();
    let job = loop {
        let jobs = site.run(&["jobs", "ls", "--json"]).json();
        if let Some(job) = jobs["rows"].as_array().and_then(|all| all.iter().find(|j| j["kind"] == "ship" && j["state"] == "waiting")) {
            break job["job"].to_string();
        }
    };
    all_say(&site, true, false);
    site.run(&["jobs", "pause", &job]).exits(0);
    let said = all_say(&site, true, true);
    assert!(said.contains(&format!("annals jobs resume {job} lets it go on")), "{said}");
    site.run(&["jobs", "resume", &job]).exits(0);
    all_say(&site, true, false);
    // One that has to be there all the time.
    configure("");
    assert!(all_say(&site, false, false).starts_with("Not safe: remote usb is broken: "));
    // One that may not have the data of the only tenant.
    configure("expected = \"weekly\"\nregion = \"us\"\n[tenant.main]\nregions = [\"no\"]\n");
    let said = all_say(&site, false, false);
    assert!(said.contains("no remote may have them") && said.contains("ask for a copy offsite and let 0 of the remotes"), "{said}");
}

#[test]
fn pages_ask_again_and_again_where_nothing_can_be_told() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.before_pages("delete window.EventSource");
    browser.visit("/");
    assert_eq!(browser.script("return [typeof EventSource, typeof stream]", &[]), serde_json::json!(["undefined", "undefined"]));
    site.put("sak/live", "1", "I. Dahl", "nytt uten hendelser");
    browser.reads("nytt uten hendelser");
}

#[test]
fn failures_are_told_in_the_language_of_the_person_and_exactly() {
    let site = site::seeded();
    for (language, never, what, nowhere) in [
        ("nb", "Et slikt dokument har aldri funnes.", "Hva du kan gjøre", "En slik side finnes ikke"),
        ("sv", "Ett sådant dokument har aldrig funnits.", "Vad du kan göra", "En sådan sida finns inte"),
        ("it", "Un documento simile non è mai esistito.", "Che cosa puoi fare", "Questa pagina non esiste"),
        ("en", "there is no document nowhere", "What you can do", "There is no such page"),
    ] {
        let person = site.person().with("accept-language", language);
        let page = person.get("/document?key=nowhere").is(404).text();
        assert!(page.contains(never) && page.contains(what), "{language}: {page}");
        assert!(page.contains("nowhere"), "{language}: exactly what happened");
        assert!(person.get("/nowhere/at/all").is(404).text().contains(nowhere), "{language}");
        let forged = person.with("x", "y").form("/language", &[("language", language)]);
        assert_eq!(forged.status, 303);
        let stale = site.person().with("accept-language", language).send("POST", "/undo", &b"seq=1&token=x"[..]).is(403).text();
        assert!(stale.contains(&format!("<html lang=\"{language}\">")), "{stale}");
    }
    // What was chosen counts more than what the browser asks for.
    let person = site.person().with("accept-language", "it");
    person.form("/language", &[("language", "nb")]).is(303);
    assert!(person.get("/document?key=nowhere").is(404).text().contains("Et slikt dokument har aldri funnes."));
    assert!(person.get("/nowhere").is(404).text().contains("En slik side finnes ikke"));
}

#[test]
fn moments_are_written_in_the_words_of_the_person() {
    let site = site::seeded();
    for (language, then, never) in
        [("nb", "for 0 sekunder siden", "i går 14:00"), ("sv", "nu", "för 2 dagar sedan"), ("it", "oggi", "ieri alle 14:00")]
    {
        let person = site.person().with("accept-language", language);
        let page = |at: &str| person.get(&format!("/document?key=sak/2018-163&at={}", super::client::encode(at))).is(200).text();
        assert!(page(then).contains("Klientmappe"), "{language}: {then}");
        assert!(!page(never).contains("1250.50"), "{language}: {never}");
        person.get("/document?key=sak/2018-163&at=the+other+day").is(400);
    }
    // Programs write what every program writes.
    let program = site.program().with("accept-language", "nb");
    program.get("/api/v1/documents?at=nu").is(400);
}

#[test]
fn deleted_documents_say_how_long_they_can_be_put_back() {
    let mut site = site::without_agent();
    for key in ["a", "b", "c/1"] {
        site.put(key, "text", "806", "");
        site.run(&["rm", key, "--as", "806"]).exits(0);
    }
    site.run(&["hold", "c/", "--name", "tilsyn", "--reason", "tilsyn"]).exits(0);
    site.configure("[keep]\nfloor = \"7d\"\nwithin = \"30d\"\n");
    site.start();
    let page = site.person().get("/deleted").is(200).text();
    assert!(page.matches("30 days").count() == 2 && page.contains("held by") && page.contains("tilsyn"), "{page}");
    let mut forever = site::without_agent();
    forever.put("a", "text", "806", "");
    forever.run(&["rm", "a"]).exits(0);
    forever.start();
    assert!(forever.person().get("/deleted").is(200).text().contains("as long as you like"));
}

#[test]
fn the_statement_of_what_is_held_is_downloaded_and_proves_itself() {
    let site = site::seeded();
    let Some(browser) = site.browser() else { return };
    browser.visit("/proof");
    browser.reads("A statement to hand over");
    let file = site.person().get("/proof/attestation").is(200);
    let name = file.header("content-disposition").expect("a name");
    assert!(name.contains("clinic-17-") && name.contains(".attestation.json"), "{name}");
    std::fs::write(site.path("held.json"), &file.body).expect("written");
    let checked = site.json(&["verify", "--check", "held.json"]);
    assert_eq!((&checked["proved"], &checked["statement"]["tenants"][1]["tenant"]), (&true.into(), &"kommune-b".into()), "{checked}");
}

#[test]
fn a_dropped_tenant_is_listed_with_its_days_and_brought_back() {
    let site = site::seeded();
    site.run(&["tenant", "drop", "kommune-b", "--keep", "14d", "--reason", "avtalen er over", "--as", "806"]).exits(0);
    let Some(browser) = site.browser_in("nb") else { return };
    browser.visit("/deleted");
    browser.reads("Virksomheter som er fjernet");
    browser.reads("avtalen er over");
    browser.reads("14 dager");
    browser.is_accessible();
    browser.viewport(320, 640);
    browser.fits();
    browser.viewport(1280, 900);
    browser.click("Hent kommune-b tilbake");
    browser.until("it is not shown", || browser.path().starts_with("/browse?tenant=kommune-b").then_some(()));
    browser.reads("sak");
    assert_eq!(site.run(&["--tenant", "kommune-b", "get", "sak/1"]).exits(0).out, "{\"hemmelig\": true}");
}

#[test]
fn a_mass_change_is_told_on_the_first_page_and_the_brake_is_lifted_there() {
    let mut site = site::without_agent();
    site.mass_change("main");
    site.start();
    let Some(browser) = site.browser() else { return };
    browser.reads("Most documents of main were changed or removed at once");
    browser.is_accessible();
    browser.click("Plan the way back");
    browser.reads("120");
    browser.reads("get an earlier version");
    browser.visit("/");
    browser.find("form[action='/brake/lift'] input[name=reason]").fill("nye priser");
    browser.click("It was meant: let the rules work again");
    browser.until("it is still told", || (!browser.text().contains("Most documents of main")).then_some(()));
    assert_eq!(site.json(&["brake", "ls"])["rows"].as_array().map(Vec::len), Some(0));
}
