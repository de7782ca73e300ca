//! Texts that people or programs write: keys and sheets, settings, plans, moments, addresses, documents with fields.

use annals::base::digest::Digest;
use annals::base::id::TimelineId;
use annals::base::random::SeededRandom;
use annals::base::time::Timestamp;
use annals::engine::find::{FieldIs, Pattern};
use annals::format::keyfile::{Identity, KeyFile, SiteSecret, Unlock, attestation, sheet};
use annals::model::field::{self, Labels, Side};
use annals::model::key::{check_key, check_tenant, parse_key, show_key};
use annals::model::moment::{self, Address, Zone};
use annals::model::plan::Plan;
use annals::model::text;
use annals::storage::config::{Config, Cron, parse_rate, parse_size};
use annals::storage::remote::RemoteUrl;

use crate::change;
use crate::round::{Rounds, given};
use crate::samples::fixtures;

fn read(name: &str) -> String {
    std::fs::read_to_string(fixtures().join("formats/v1").join(name)).expect("fixture")
}

/// A check line that fits, as somebody who changes the file on purpose would write it.
fn with_new_check(text: &str) -> String {
    let body = text.rfind("\ncheck ").map_or(text, |at| &text[..=at]);
    format!("{body}check {}\n", Digest::of(body.as_bytes()).short(16))
}

pub fn key_files(rounds: &mut Rounds) {
    let random = SeededRandom::new(1);
    let golden = KeyFile::from_text(&read("annals.key")).expect("golden");
    let secret = golden.open(&Unlock::default()).expect("plain");
    let identity = Identity::generate(&random);
    let mut for_people = KeyFile::holding(golden.site(), &secret);
    for_people.add_recipient(&secret, identity.recipient(), &random).expect("add");
    let all = [read("annals.key"), read("passphrase.key"), for_people.to_text().to_string()];
    rounds.each(|dice| {
        let good = dice.pick::<String>(&all);
        let changed = change::text(dice, good, &all);
        let bad = if dice.below(3) == 0 { changed } else { with_new_check(&changed) };
        given(bad.as_bytes());
        let Ok(file) = KeyFile::from_text(&bad) else { return false };
        let again = KeyFile::from_text(&file.to_text()).expect("what was read can be written and read");
        assert_eq!(again.to_text(), file.to_text());
        // Passphrases are not tried: each guess costs 64 MiB and a second of this build.
        for unlock in [Unlock::default(), Unlock { passphrase: None, identity: Some(&identity) }] {
            if let Ok(opened) = file.open(&unlock) {
                assert!(opened == secret && file.site() == golden.site(), "a changed key file gives another secret");
            }
        }
        file.to_text() == KeyFile::from_text(good).expect("good").to_text()
    });
}

pub fn sheets(rounds: &mut Rounds) {
    let golden = read("sheet.txt");
    let (site, secret) = sheet::parse(&golden).expect("golden");
    let bare: String = golden.lines().filter(|line| line.len() > 30).map(|line| format!("{line}\n")).collect();
    let all = [golden, sheet::render(&secret, site, "fuzz", &["dir:/media/usb".into()], "2026-11-20"), bare];
    rounds.each(|dice| {
        let bad = change::text(dice, dice.pick::<String>(&all), &all);
        given(bad.as_bytes());
        match sheet::parse(&bad) {
            Ok(said) => {
                assert!(said == (site, secret.clone()), "a changed sheet gives another secret");
                true
            }
            Err(e) => {
                assert!(e.what_next().is_some(), "{e:?}");
                false
            }
        }
    });
}

/// Every section that the program knows.
const CONFIG: &str = r#"[store]
site = "clinic-17"
zone = "Europe/Oslo"
quota = "1 GiB"
[schedule]
ship = "every 2h"
window = ["19:00-06:00 10 MiB/s", "06:00-19:00 32 KiB/s"]
allowance = "5 GB / month"
drill = "every 180d"
[keep]
floor = "7d"
within = "90d"
daily = 30
monthly = 12
[[remote]]
name = "offsite-eu"
rclone = "s3eu:hist/clinic-17"
region = "se"
[[remote]]
name = "usb"
directory = "/media/backup/hist"
expected = "weekly"
[[capture]]
name = "letters"
folder = "/srv/letters"
[tenant."agency-x"]
regions = ["se"]
remotes = ["offsite-eu"]
copies_min = 2
[alert]
stale_after = "4h"
command = ["notify.cmd"]
"#;

pub fn attestations(rounds: &mut Rounds) {
    let secrets = [7, 8].map(|n| SiteSecret::from_bytes([n; 32]));
    let statements = ["{\"site\": \"clinic-17\", \"seq\": 3}", "{}", "[1, {\"a\": \"\\u00e5\"}]"];
    let signed = |secret| statements.map(|statement| attestation::sign(secret, statement).expect("sign"));
    let all: Vec<String> = secrets.iter().flat_map(signed).collect();
    rounds.each(|dice| {
        let bad = change::text(dice, dice.pick::<String>(&all), &all);
        given(bad.as_bytes());
        match attestation::open(&bad) {
            Ok(said) => {
                let known = secrets.iter().any(|secret| attestation::public_key(secret) == said.public_key);
                assert!(known && statements.contains(&said.statement.as_str()), "a changed statement is believed: {said:?}");
                true
            }
            Err(e) => {
                assert!(e.what_next().is_some(), "{e:?}");
                false
            }
        }
    });
}

pub fn configurations(rounds: &mut Rounds) {
    Config::parse(CONFIG).expect("the sample");
    let words = ["every 2h", "0 */4 * * *", "10 MiB/s", "5 GB / month", "19:00-06:00 32 KiB/s", "90d", "unlimited"].map(str::to_owned);
    let all: Vec<String> = words.iter().cloned().chain([CONFIG.to_owned()]).collect();
    rounds.each(|dice| {
        let bad = change::text(dice, dice.pick::<String>(&all), &all);
        given(bad.as_bytes());
        let _ = (Cron::parse(&bad), parse_size(&bad), parse_rate(&bad));
        match Config::parse(&bad) {
            Ok(config) => config.remotes.len() == 2,
            Err(e) => {
                assert!(!e.to_string().is_empty());
                false
            }
        }
    });
}

pub fn plans(rounds: &mut Rounds) {
    let item =
        r#"{"key":"k\\xff","action":"conflict","current":2,"version":1,"undone":2,"size":3,"conflicts":[{"path":"a","before":1,"current":1.0}]}"#;
    let (timeline, digest) = (TimelineId::new(&SeededRandom::new(1)).to_hex(), Digest::of(b"x").to_hex());
    let text = format!(
        r#"{{"schema":"annals.plan/1","tenant":"main","verb":"undo","batch":3,"timeline":"{timeline}","seq":7,"digest":"{digest}","items":[{item}],"references":[],"already":0}}"#
    );
    Plan::from_json(&text).expect("the sample");
    let deep = "[".repeat(5000);
    let all = [text.clone(), deep, item.to_owned()];
    rounds.each(|dice| {
        let bad = change::text(dice, &all[dice.below(2)], &all);
        given(bad.as_bytes());
        let Ok(plan) = Plan::from_json(&bad) else { return false };
        plan.position().expect("a plan has a position");
        let (summary, keys) = (plan.summary(), plan.items.iter().map(|i| i.key_bytes()).collect::<Vec<_>>());
        let again = Plan::from_json(&plan.to_json().expect("json")).expect("what was read can be written and read");
        assert_eq!((again.summary(), again.items.iter().map(|i| i.key_bytes()).collect::<Vec<_>>()), (summary, keys));
        true
    });
}

pub fn moments(rounds: &mut Rounds) {
    let all = [
        "2018-09-18T14:02:00.123456+02:00[Europe/Oslo]",
        "2018-09-18 14:02",
        "2018-09-18",
        "yesterday 14:00",
        "2 days ago",
        "2h ago",
        "last friday",
        "v7",
        "mark:x",
        "seq:812",
        "now",
        "2018-09-17..2018-09-18",
        "-9999-01-01",
        "9999-12-31T23:59:60Z",
        "99999999999 years ago",
        "1h30m",
        "90d",
        "2026-03-29 02:30",
        "2026-10-25 02:30 +01:00",
    ]
    .map(str::to_owned);
    let zones = [Zone::utc(), Zone::parse("Europe/Oslo").expect("zone"), Zone::parse("Pacific/Apia").expect("zone")];
    let nows = [0, 1_772_366_400_000_000, i64::MAX, i64::MIN].map(Timestamp);
    rounds.each(|dice| {
        let good = dice.pick::<String>(&all);
        let bad = change::text(dice, good, &all);
        given(bad.as_bytes());
        let (now, zone) = (*dice.pick(&nows), dice.pick(&zones));
        for parsed in [moment::parse(&bad, now, zone).map(|_| ()), moment::parse_range(&bad, now, zone).map(|_| ())] {
            if let Err(e) = parsed {
                assert!(e.what_next().is_some() && (e.code().starts_with("time.") || e.code() == "text.long"), "{e:?}");
            }
        }
        if let Ok(at) = moment::parse_rfc3339(&bad) {
            let shown = moment::rfc3339_utc(at);
            assert_eq!(moment::parse_rfc3339(&shown).expect("what is shown can be read"), at, "{shown}");
            assert!(!moment::show(at, zone).is_empty() && !moment::show_short(at, zone).is_empty());
        }
        if let Ok(seconds) = moment::parse_duration(&bad) {
            assert_eq!(moment::parse_duration(&moment::duration_text(seconds)).expect("what is shown can be read"), seconds);
        }
        let _ = Zone::parse(&bad);
        bad == *good
    });
}

pub fn keys_and_addresses(rounds: &mut Rounds) {
    let all = [
        "case/2018-163",
        "case/1@v7",
        "case/1@'2 days ago'",
        "@mark:x",
        "a\\xffb",
        "a\\\\x",
        "user@example.com@v2",
        "letters/",
        "*.docx",
        "name=a/*?",
        "lines[0].qty=3",
        "dir:/media/usb",
        "rclone:s3eu:hist/clinic",
        "rclone::s3,provider=Other,secret=\"a,b\":bucket/x",
        "kommune-b",
        "a.b[2].\"c.d\"",
    ]
    .map(str::to_owned);
    rounds.each(|dice| {
        let good = dice.pick::<String>(&all);
        let bad = change::text(dice, good, &all);
        given(bad.as_bytes());
        let key = parse_key(&bad);
        if check_key(&key).is_ok() {
            assert_eq!(parse_key(&show_key(&key)), key, "a key that is shown is the key that is read");
        }
        // Bytes that are no text are keys as well.
        let bytes = dice.bytes(12);
        assert_eq!(parse_key(&show_key(&bytes)), bytes);
        let _ = check_tenant(&bad);
        if let Ok(address) = Address::parse(&bad) {
            let _ = Address::show(&address.key, None);
        }
        if let Ok(url) = RemoteUrl::parse(&bad) {
            assert_eq!(RemoteUrl::parse(&url.reveal()).expect("what is written can be read"), url);
            let shown = url.to_string();
            // What stands before the parameters and after them is shown, and may say the same.
            let open = |secret: &str| {
                bad.split(',').next().is_some_and(|s| s.contains(secret)) || bad.rsplit(':').next().is_some_and(|s| s.contains(secret))
            };
            assert!(url.secrets().iter().all(|secret| secret.len() < 8 || open(secret) || !shown.contains(secret.as_str())), "{shown}");
        }
        let pattern = Pattern::parse(&bad);
        // A match costs at most the length of the key times that of the pattern.
        let short = &key[..key.len().min(100)];
        let _ = (pattern.matches(short), pattern.prefix(), Pattern::whole(&bad).matches(short));
        if let Ok(condition) = FieldIs::parse(&bad) {
            let _ = condition.holds(b"{\"lines\": [{\"qty\": 3}], \"a\": {\"b\": [0, 1, {\"c.d\": 3}]}}");
        }
        if let Ok(path) = bad.parse::<field::Path>() {
            assert_eq!(path.to_string().parse::<field::Path>().expect("what is shown can be read"), path);
        }
        bad == *good
    });
}

pub fn fields(rounds: &mut Rounds) {
    let all = [
        r#"{"id": 3, "name": "Åse \u00e6 \ud83d\ude00", "lines": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2.50}], "open": true, "none": null}"#
            .to_owned(),
        "{\n  \"apple\": 10,\n  \"pear\": {\"nok\": 12, \"eur\": 1e0}\n}\n".to_owned(),
        "[1, 2, 3, [4, [5]], {}, \"\"]".to_owned(),
        format!("{}1{}", "[".repeat(127), "]".repeat(127)),
        format!("{}1{}", "{\"a\":".repeat(140), "}".repeat(140)),
        "first line\nsecond line\n\nlast line without an end".to_owned(),
    ];
    let labels = r#"{"customer.name": {"nb": "Navn", "en": "Name"}, "qty": {"en": "Quantity"}}"#;
    rounds.each(|dice| {
        let base = dice.pick::<String>(&all);
        let (ours, theirs) = (change::text(dice, base, &all), change::text(dice, base, &all));
        given([base.as_str(), &ours, &theirs].join("\n---\n").as_bytes());
        let (base, ours, theirs) = (base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
        let _ =
            (field::parse(ours).map(|value| value.kind()), field::fields(ours).map(|f| f.len()), field::diff(base, ours, true).map(|d| d.rows.len()));
        if let Ok(merged) = field::merge(base, ours, theirs, Side::Theirs)
            && ours != base
            && theirs != base
            && ours != theirs
        {
            assert!(field::parse(&merged.merged).is_ok(), "a merge of JSON is JSON: {}", String::from_utf8_lossy(&merged.merged));
        }
        if let Ok(inverse) = field::inverse(base, ours, ours, Side::Ours) {
            assert!(inverse.conflicts.is_empty(), "taking back a change that nobody changed since has no conflicts");
            assert!(field::diff(base, &inverse.merged, false).is_ok_and(|d| d.rows.is_empty()) || inverse.merged == base, "it gives what was before");
        }
        if let text::Comparison::Text(diff) = text::compare(ours, theirs, true, 3) {
            assert!(!diff.unified("a", "b").is_empty() || ours == theirs);
        }
        let _ = Labels::parse(change::text(dice, labels, &[]).as_bytes());
        ours == base
    });
}
