//! All of it together: the manual's example, every refusal, edits.

use std::fs;
use std::path::PathBuf;

use super::edit::mode_of;
use super::section::{SECTIONS, example_of, known_keys};
use super::window::{DAY, HOUR, parse_allowance, parse_window};
use super::*;
use crate::base::error::Kind;
use crate::model::moment::{Local, Zone, local, parse_rfc3339};
use proptest::prelude::*;

/// The example of the manual.
const FULL: &str = r#"[store]
site = "clinic-17"
zone = "Europe/Oslo"
quota = "1 GiB"
[schedule]
ship = "every 2h"                   # or cron = "0 */4 * * *"
window = ["19:00-06:00 10 MiB/s", "06:00-19:00 32 KiB/s"]
allowance = "5 GB / month"
drill = "every 180d"
[keep]                              # default: everything, for ever
floor = "7d"
within = "90d"
daily = 30
monthly = 12
after_tenant_drop = "30d"
[[remote]]
name = "offsite-eu"
rclone = "s3eu:hist/clinic-17"
region = "se"
operator_country = "se"
[[remote]]
name = "usb"
directory = "/media/backup/hist"
expected = "weekly"                 # absent is "waiting", not "broken"
[[capture]]
name = "stock"
sqlite = "/var/lib/app/stock.db"
tables = ["*"]
[[capture]]
name = "letters"
folder = "/srv/letters"
[tenant."agency-x"]
regions = ["se"]
remotes = ["offsite-eu"]
copies_min = 2
[alert]
stale_after = "4h"
command = ["notify.cmd"]            # one message per problem, none for success
"#;

#[test]
fn the_manuals_example() {
    let c = Config::parse(FULL).expect("example");
    assert_eq!(c.store.site.as_deref(), Some("clinic-17"));
    assert_eq!(c.store.zone.as_ref().map(Zone::name).as_deref(), Some("Europe/Oslo"));
    assert_eq!(c.store.quota_bytes, Some(1 << 30));
    assert_eq!(c.schedule.ship, Some(Ship::EverySecs(7_200)));
    let windows = [
        Window { from_minute: 1_140, until_minute: 360, rate: Rate::BytesPerSec(10 << 20) },
        Window { from_minute: 360, until_minute: 1_140, rate: Rate::BytesPerSec(32 << 10) },
    ];
    assert_eq!(c.schedule.windows, windows);
    assert_eq!(c.schedule.allowance, Some(Allowance { bytes: 5_000_000_000, per: Period::Month }));
    assert_eq!(c.schedule.drill_secs, Some(180 * DAY));
    let keep = Keep {
        floor_secs: Some(7 * DAY),
        within_secs: Some(90 * DAY),
        daily: Some(30),
        monthly: Some(12),
        after_tenant_drop_secs: Some(30 * DAY),
        ..Keep::default()
    };
    assert_eq!(c.keep, keep);
    assert_eq!(c.remotes.iter().map(|r| r.url.as_str()).collect::<Vec<_>>(), ["rclone:s3eu:hist/clinic-17", "dir:/media/backup/hist"]);
    assert_eq!(c.remotes[0].operator_country.as_deref(), Some("se"));
    assert_eq!(c.remotes[1].expected_secs, Some(7 * DAY));
    assert_eq!(c.captures[0].from, CaptureFrom::Sqlite { path: "/var/lib/app/stock.db".into(), tables: vec!["*".to_owned()], image: false });
    assert_eq!(c.captures[1].from, CaptureFrom::Folder { path: "/srv/letters".into(), include: vec![], exclude: vec![] });
    let rules = TenantRules { regions: vec!["se".to_owned()], remotes: vec!["offsite-eu".to_owned()], copies_min: Some(2) };
    assert_eq!(c.tenants.get("agency-x"), Some(&rules));
    assert_eq!(c.alert, Alert { stale_after_secs: Some(4 * HOUR), command: vec!["notify.cmd".to_owned()], ..Alert::default() });
}

#[test]
fn nothing_at_all_is_the_default() {
    assert_eq!(Config::parse("").expect("empty"), Config::default());
    assert_eq!(Config::parse("# only a comment\r\n").expect("comment"), Config::default());
    assert_eq!(Config::parse("[keep]\n[alert]\n").expect("empty sections"), Config::default());
    assert_eq!(Config::parse("\u{feff}[store]\nsite = 'x'\n").expect("byte order mark").store.site.as_deref(), Some("x"));
    assert_eq!(Config::parse("store = { site = 'x' }").expect("inline"), Config::parse("store.site = 'x'").expect("dotted"));
}

/// Code, message and hint.
fn refused(text: &str) -> (&'static str, String, String) {
    let e = Config::parse(text).expect_err(text);
    assert_eq!(e.kind(), Kind::Usage, "{text}");
    (e.code(), e.to_string(), e.what_next().unwrap_or_else(|| panic!("no hint: {text}")).to_owned())
}

#[test]
fn unknown_keys_name_their_line_and_the_nearest() {
    let (code, message, hint) = refused("[schedule]\nship = \"every 2h\"\nalowance = \"5 GB / month\"\n");
    assert_eq!((code, hint.as_str()), ("config.unknown", "did you mean allowance?"));
    assert_eq!(message, "annals.toml line 3: unknown key \"alowance\" in [schedule]");
    assert_eq!(refused("[[remote]]\nname = \"a\"\ndir = \"/x\"\n").2, "did you mean directory?");
    assert_eq!(refused("[store]\n\nfloor = \"7d\"\n").2, "floor belongs in [keep]");
    assert_eq!(refused("[keep]\nxyzzy = 1\n").2, "known keys here: floor, within, last, daily, weekly, monthly, yearly, after_tenant_drop");
    assert_eq!(refused("[shedule]\n").2, "did you mean [schedule]?");
    assert_eq!(refused("\n\nsite = \"x\"\n").1, "annals.toml line 3: unknown key outside all sections: \"site\"");
    assert_eq!(refused("[xyzzy]\n").0, "config.unknown");
    assert_eq!(refused("[tenant.x]\nregion = [\"se\"]\n").2, "did you mean regions?");
    assert_eq!(refused("[[capture]]\nname = \"a\"\n[[capture]]\nnmae = \"b\"\n").0, "config.unknown");
    assert_eq!(
        refused("[[remote]]\nname = \"a\"\ndirectory = \"/a\"\n[[remote]]\nnmae = \"b\"\n").1,
        "annals.toml line 5: unknown key \"nmae\" in [[remote]]"
    );
}

#[test]
fn wrong_types_name_key_line_and_what_is_expected() {
    let cases = [
        ("[store]\nquota = 5\n", 2, "[store] quota is a whole number", "a text in quotes, \"1 GiB\""),
        ("[keep]\n\ndaily = \"30\"\n", 3, "[keep] daily is a text", "a whole number from 1 to 100000, 30"),
        ("[keep]\ndaily = 1.5\n", 2, "[keep] daily is a number with a fraction", "a whole number"),
        ("[schedule]\nwindow = \"19:00-06:00\"\n", 2, "[schedule] window is a text", "a list of texts, [\"19:00-06:00 10 MiB/s\"]"),
        ("[alert]\ncommand = [1]\n", 2, "[alert] command is a list", "a list of texts"),
        ("[alert]\nstale_after = 04:00:00\n", 2, "[alert] stale_after is a date or time", "\"4h\""),
        ("store = true\n", 1, "store is true or false", "a section: [store]"),
        ("[remote]\nname = \"a\"\n", 1, "remote is a section", "sections with two brackets: [[remote]]"),
        ("[[store]]\n", 1, "store is a section", "a section: [store]"),
        ("[tenant]\nregions = [\"se\"]\n", 2, "[tenant] regions is a list", "[tenant.\"NAME\"]"),
    ];
    for (text, line, message, hint) in cases {
        let refusal = refused(text);
        assert_eq!(refusal.0, "config.type", "{text}");
        assert_eq!(refusal.1, format!("annals.toml line {line}: {message}"));
        assert!(refusal.2.contains(hint), "{}", refusal.2);
    }
}

#[test]
fn bad_values_are_refused_when_the_file_is_read() {
    let cases = [
        ("[store]\nzone = \"Europe/Olso\"\n", 2, "did you mean Europe/Oslo?"),
        ("[store]\nsite = \"\"\n", 2, "clinic-17"),
        ("[store]\nquota = \"1 G\"\n", 2, "1 GiB"),
        ("[store]\nquota = \"0 GiB\"\n", 2, "take the line away"),
        ("[schedule]\nship = \"every -2h\"\n", 2, "from 1m to 31d"),
        ("[schedule]\nship = \"0 3 * * *\"\n", 2, "write cron = \"0 3 * * *\" in place of ship"),
        ("[schedule]\nship = \"every 0s\"\n", 2, "from 1m to 31d"),
        ("[schedule]\nship = \"every 1 month\"\n", 2, "from 1m to 31d"),
        ("[schedule]\nship = \"every 2h\"\ncron = \"0 * * * *\"\n", 3, "keep one of the two"),
        ("[schedule]\ncron = \"0 0 30 2 *\"\n", 2, "five fields"),
        ("[schedule]\ncron = \"60 * * * *\"\n", 2, "five fields"),
        ("[schedule]\nwindow = [\"19:00-06:00 10 MB\"]\n", 2, "MiB/s"),
        ("[schedule]\nwindow = [\"25:00-06:00\"]\n", 2, "00:00-24:00"),
        ("[schedule]\nwindow = [\"06:00-06:00\"]\n", 2, "00:00-24:00"),
        ("[schedule]\nwindow = [\"19:00-06:00\", \"05:00-08:00\"]\n", 2, "begin where the other ends"),
        ("[schedule]\nwindow = []\n", 2, "take the line away"),
        ("[schedule]\nallowance = \"5 GB\"\n", 2, "5 GB / month"),
        ("[schedule]\nallowance = \"5 GB / year\"\n", 2, "5 GB / month"),
        ("[keep]\nfloor = \"1 year\"\n", 2, "365d"),
        ("[keep]\ndaily = 0\n", 2, "keep everything"),
        ("[keep]\nmonthly = -1\n", 2, "write 12"),
        ("[[remote]]\ndirectory = \"/x\"\n", 1, "name ="),
        ("[[remote]]\nname = \"a\"\n", 1, "one of rclone"),
        ("[[remote]]\nname = \"a\"\nrclone = \"a:b\"\ndirectory = \"/x\"\n", 1, "one of rclone"),
        ("[[remote]]\nname = \"A b\"\ndirectory = \"/x\"\n", 2, "a-z"),
        ("[[remote]]\nname = \"a\"\ndirectory = \"backup\"\n", 3, "dir:/absolute/path"),
        ("[[remote]]\nname = \"a\"\nrclone = \"nocolon\"\n", 3, "rclone:REMOTE:PATH"),
        ("[[remote]]\nname = \"a\"\nrclone = \"--config=/x:y\"\n", 3, "rclone:REMOTE:PATH"),
        ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nrclone_config = \"/y\"\n", 4, "take rclone_config away"),
        ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\noperator_country = \"Sweden\"\n", 4, "ISO 3166"),
        ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nregion = \"\"\n", 4, "eu-north-1"),
        ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nexpected = \"5m\"\n", 4, "from 1h"),
        ("[[capture]]\nname = \"a\"\n", 1, "one of folder"),
        ("[[capture]]\nname = \"a\"\nfolder = \"/x\"\ntables = [\"t\"]\n", 4, "take tables away"),
        ("[[capture]]\nname = \"a\"\nfolder = \"/x\"\nimage = true\n", 4, "take image away"),
        ("[[capture]]\nname = \"a\"\nfolder = \"/x\"\nsqlite = \"/y\"\n", 1, "of its own for each"),
        ("[[capture]]\nname = \"a\"\npostgres = \"shop\"\n", 3, "postgresql://user@host/db"),
        ("[[capture]]\nname = \"a-b\"\npostgres = \"host=x dbname=y\"\n", 2, "replication slot"),
        ("[[capture]]\nname = \"a\"\nsqlite = \"/x\"\nexclude = [\"t\"]\n", 4, "take exclude away"),
        ("[tenant.\"a/b\"]\n", 1, "128 characters"),
        ("[tenant.a]\nregions = []\n", 2, "take the line away"),
        ("[tenant.a]\ncopies_min = 0\n", 2, "write 2"),
        ("[tenant.a]\nremotes = [\"usb\"]\n", 2, "[[remote]]"),
        ("[[remote]]\nname = \"usb\"\ndirectory = \"/x\"\n[tenant.a]\nremotes = [\"ubs\"]\n", 5, "did you mean usb?"),
        ("[alert]\ncommand = [\"\"]\n", 2, "notify.cmd"),
        ("[web]\nlisten = \"7717\"\n", 2, "127.0.0.1:7717"),
        ("[web]\nenabled = true\nlisten = \"0.0.0.0:7717\"\n", 3, "proxy = true"),
        ("[web]\nhosts = [\"https://a/\"]\n", 2, "annals.example.org"),
    ];
    for (text, line, hint) in cases {
        let refusal = refused(text);
        assert_eq!(refusal.0, "config.value", "{text}");
        assert!(refusal.1.starts_with(&format!("annals.toml line {line}: ")), "{}", refusal.1);
        assert!(refusal.2.contains(hint), "{text}: {}", refusal.2);
    }
}

#[test]
fn broken_files_name_the_line() {
    assert!(refused("[store]\nsite = clinic\n").1.starts_with("annals.toml line 2: "));
    assert_eq!(refused("[store]\nsite = \"a\"\nsite = \"b\"\n").0, "config.syntax");
    assert_eq!(refused("[[remote]]\nname = \"a\"\ndirectory = \"/a\"\n[[remote]]\nname = \"a\"\ndirectory = \"/b\"\n").0, "config.twice");
    assert_eq!(refused(&format!("x = {}", "[".repeat(100_000))).0, "config.syntax");
}

#[test]
fn sizes_and_speeds() {
    let sizes = [("1 GiB", 1u64 << 30), ("5GB", 5_000_000_000), ("1.5 MiB", 1_572_864), ("0.5 kB", 500), ("7 B", 7), ("1 TiB", 1 << 40)];
    for (text, bytes) in sizes {
        assert_eq!(parse_size(text).expect(text), bytes, "{text}");
    }
    for bad in ["", "5", "5 G", "5 gb", "5 Mb", "-1 GB", "1,5 GB", "1.1.1 GB", ".5 GB", "9999999999999 TiB", "1 GiB x"] {
        let e = parse_size(bad).expect_err(bad);
        assert_eq!((e.kind(), e.code()), (Kind::Usage, "size.bad"));
        assert!(e.what_next().is_some());
    }
    assert_eq!(parse_rate("10 MiB/s").expect("rate"), Rate::BytesPerSec(10 << 20));
    assert_eq!(parse_rate("2 Mbit/s").expect("rate"), Rate::BytesPerSec(250_000));
    assert_eq!(parse_rate("64kbit / s").expect("rate"), Rate::BytesPerSec(8_000));
    assert_eq!(parse_rate("unlimited").expect("rate"), Rate::Unlimited);
    for bad in ["", "10 MiB", "0 MB/s", "2 Mb/s", "fast/s", "/s"] {
        assert_eq!(parse_rate(bad).expect_err(bad).code(), "rate.bad", "{bad}");
    }
}

fn clock(text: &str) -> Local {
    local(parse_rfc3339(text).expect(text), &Zone::utc())
}

#[test]
fn windows_decide_the_speed() {
    let c = Config::parse("[schedule]\nwindow = [\"19:00-06:00 10 MiB/s\", \"12:00-13:00\"]\n").expect("windows").schedule;
    assert_eq!(c.rate_at(&clock("2026-11-25T23:30:00Z")), Some(Rate::BytesPerSec(10 << 20)));
    assert_eq!(c.rate_at(&clock("2026-11-25T05:59:59Z")), Some(Rate::BytesPerSec(10 << 20)));
    assert_eq!(c.rate_at(&clock("2026-11-25T06:00:00Z")), None);
    assert_eq!(c.rate_at(&clock("2026-11-25T12:59:00Z")), Some(Rate::Unlimited));
    assert_eq!(c.rate_at(&clock("2026-11-25T13:00:00Z")), None);
    assert_eq!(Schedule::default().rate_at(&clock("2026-11-25T13:00:00Z")), Some(Rate::Unlimited));
    let day = parse_window("00:00-24:00 1 MB/s").expect("all day");
    assert!((0..1_440).all(|m| day.contains(m)));
    let evening = parse_window("22:00-00:00").expect("until midnight");
    assert!(evening.contains(1_439) && !evening.contains(0));
}

#[test]
fn cron_times() {
    let matches = |cron: &str, at: &str| Cron::parse(cron).expect(cron).matches(&clock(at));
    assert!(matches("0 */4 * * *", "2026-11-25T08:00:00Z"));
    assert!(!matches("0 */4 * * *", "2026-11-25T09:00:00Z"));
    assert!(!matches("0 */4 * * *", "2026-11-25T08:01:00Z"));
    assert!(matches("15,45 8-16/2 * nov WED", "2026-11-25T10:45:00Z"));
    assert!(!matches("15,45 8-16/2 * nov thu", "2026-11-25T10:45:00Z"));
    // 2026-11-22 is a Sunday; it is 0 and 7.
    assert!(matches("0 0 * * 7", "2026-11-22T00:00:00Z") && matches("0 0 * * 0", "2026-11-22T00:00:00Z"));
    assert!(matches("0 0 * * 5-7", "2026-11-22T00:00:00Z"));
    // Both days restricted: either suffices.
    assert!(matches("0 0 1 * sun", "2026-11-22T00:00:00Z") && matches("0 0 1 * sun", "2026-12-01T00:00:00Z"));
    assert!(!matches("0 0 1 * sun", "2026-11-23T00:00:00Z"));
    assert!(Cron::parse("0 0 31 2 mon").is_ok() && Cron::parse("0 0 29 2 *").is_ok());
    assert_eq!(Cron::parse(" 0  4 * * * ").expect("cron").to_string(), "0 4 * * *");
    for bad in [
        "",
        "* * * *",
        "* * * * * *",
        "5/10 * * * *",
        "*/0 * * * *",
        "9-5 * * * *",
        "a * * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * 31 4 *",
        "@daily",
        ", * * * *",
    ] {
        assert_eq!(Cron::parse(bad).expect_err(bad).code(), "cron.bad", "{bad}");
    }
}

fn usb() -> Remote {
    let mut remote = Remote::new("usb-2", "dir:/media/new \"disk\"/hist").expect("remote");
    remote.expected_secs = Some(7 * DAY);
    remote.region = Some("NO".to_owned());
    remote
}

fn place(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("annals.toml");
    fs::write(&path, text).expect("write");
    (dir, path)
}

#[test]
fn a_remote_is_added_behind_the_last_and_nothing_else_changes() {
    let (_dir, path) = place(FULL);
    add_remote(&path, &usb()).expect("add");
    let edited = fs::read_to_string(&path).expect("read");
    let section = "\n[[remote]]\nname = \"usb-2\"\ndirectory = '/media/new \"disk\"/hist'\nregion = \"NO\"\nexpected = \"7d\"\n".replace("NO", "no");
    let (before, after) = edited.split_once(&section).unwrap_or_else(|| panic!("{edited}"));
    assert!(before.ends_with("not \"broken\"\n") && after.starts_with("[[capture]]"));
    assert_eq!(format!("{before}{after}"), FULL);
    let c = Config::load(&path).expect("load");
    assert_eq!(c.remotes.len(), 3);
    assert_eq!(c.remotes[2], Remote { region: Some("no".to_owned()), ..usb() });
    assert_eq!(add_remote(&path, &usb()).expect_err("twice").code(), "remote.exists");
    remove_remote(&path, "usb-2").expect("remove");
    assert_eq!(fs::read_to_string(&path).expect("read"), FULL);
}

#[test]
fn a_remote_is_removed_with_its_lines_only() {
    let text = "# our site\n[[remote]] # first\nname = \"a\"\n# inside\ndirectory = \"/a\" # end\n# daily = 30\n\n[store]\nsite = \"x\"\n";
    let (_dir, path) = place(text);
    remove_remote(&path, "a").expect("remove");
    assert_eq!(fs::read_to_string(&path).expect("read"), "# our site\n# daily = 30\n\n[store]\nsite = \"x\"\n");
    let e = remove_remote(&path, "a").expect_err("gone");
    assert_eq!((e.kind(), e.code()), (Kind::Missing, "remote.unknown"));
}

#[test]
fn edits_keep_line_ends_and_mode_and_follow_links() {
    let (dir, path) = place("[store]\r\nsite = \"x\"\r\n");
    let link = dir.path().join("link.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode");
        symlink(&path, &link).expect("link");
    }
    #[cfg(not(unix))]
    fs::hard_link(&path, &link).expect("link");
    let remote = Remote::new("a", "rclone:s3:b/c").expect("remote");
    add_remote(if cfg!(unix) { &link } else { &path }, &remote).expect("add");
    let edited = fs::read_to_string(&path).expect("read");
    assert_eq!(edited, "[store]\r\nsite = \"x\"\r\n\r\n[[remote]]\r\nname = \"a\"\r\nrclone = \"s3:b/c\"\r\n");
    assert!(!cfg!(unix) || mode_of(&path) == 0o640);
    remove_remote(&path, "a").expect("remove");
    assert_eq!(fs::read_to_string(&path).expect("read"), "[store]\r\nsite = \"x\"\r\n");
}

#[test]
fn edits_start_a_file_and_refuse_what_would_not_load() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("annals.toml");
    assert_eq!(Config::load(&path).expect_err("no file").code(), "config.missing");
    assert_eq!(Config::load_if_present(&path).expect("default"), Config::default());
    assert_eq!(Remote::new("-a", "dir:/x").expect_err("name").code(), "name.bad");
    assert_eq!(Remote::new(&"a".repeat(65), "dir:/x").expect_err("name").code(), "name.bad");
    assert_eq!(Remote::new("a", "dir:x").expect_err("path").code(), "remote.url");
    assert_eq!(Remote::new("a", "s3:x").expect_err("scheme").code(), "remote.url");
    let mut wrong = usb();
    wrong.rclone_config = Some("/etc/rclone.conf".into());
    assert_eq!(add_remote(&path, &wrong).expect_err("no rclone").code(), "remote.url");
    assert!(!path.exists());
    let mut remote = Remote::new("a", "rclone::sftp,host=example.org:hist").expect("remote");
    remote.rclone_config = Some("/etc/rclone.conf".into());
    remote.operator_country = Some("se".to_owned());
    add_remote(&path, &remote).expect("first");
    assert_eq!(Config::load(&path).expect("load").remotes, [remote]);
    fs::write(&path, "[shedule]\n").expect("write");
    assert_eq!(add_remote(&path, &usb()).expect_err("broken file").code(), "config.unknown");
    assert_eq!(fs::read_to_string(&path).expect("read"), "[shedule]\n");
    fs::write(&path, [b'#', 0xff]).expect("write");
    assert_eq!(Config::load(&path).expect_err("not text").code(), "config.syntax");
    fs::write(&path, vec![b'\n'; 1 + (1 << 20)]).expect("write");
    assert_eq!(Config::load(&path).expect_err("long").code(), "config.long");
}

#[test]
fn a_remote_in_use_is_not_removed() {
    let (_dir, path) = place(FULL);
    let e = remove_remote(&path, "offsite-eu").expect_err("used");
    assert_eq!((e.kind(), e.code()), (Kind::Refused, "remote.used"));
    assert_eq!(e.what_next(), Some("take offsite-eu off the remotes of [tenant.\"agency-x\"] first"));
    remove_remote(&path, "usb").expect("unused");
    let c = Config::load(&path).expect("load");
    assert_eq!(c.remote("offsite-eu").expect("still there").name, "offsite-eu");
    assert_eq!(c.remote("ofsite-eu").expect_err("typo").what_next(), Some("did you mean offsite-eu?"));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
        let _ = Config::parse(&text);
        let _ = parse_size(&text);
        let _ = parse_rate(&text);
        let _ = parse_window(&text);
        let _ = parse_allowance(&text);
        let _ = Cron::parse(&text);
    }

    #[test]
    fn any_values_are_read_without_panic(
        section in prop::sample::select(SECTIONS.map(|(word, _)| word).to_vec()),
        key_index: prop::sample::Index,
        value in r#""[ -~&&[^"\\]]{0,12}"|-?[0-9]{1,12}|true|\[\]|\["[0-9:/a-zA-Z -]{0,20}"\]|\{\}"#,
    ) {
        let key = key_index.get(known_keys(section));
        for header in [format!("[{section}]"), format!("[[{section}]]"), format!("[{section}.x]")] {
            if let Err(e) = Config::parse(&format!("{header}\n{key} = {value}\n")) {
                prop_assert_eq!(e.kind(), Kind::Usage);
                prop_assert!(e.code().starts_with("config."), "{}", e.code());
                prop_assert!(e.what_next().is_some(), "{} has no hint", e);
            }
        }
    }

}

proptest! {
    // Each case writes and syncs two files.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn remotes_survive_the_file(
        name in "[a-z0-9_][a-z0-9._-]{0,63}",
        path in "/\\PC{0,30}",
        days in prop::option::of(1u64..3_650),
        region in prop::option::of("[a-z0-9-]{1,32}"),
    ) {
        let (_dir, file) = place(FULL);
        let remote = Remote { expected_secs: days.map(|d| d * DAY), region, ..Remote::new(&name, &format!("dir:{path}")).expect("remote") };
        prop_assume!(name != "usb" && name != "offsite-eu");
        add_remote(&file, &remote).expect("add");
        let config = Config::load(&file).expect("load");
        prop_assert_eq!(config.remote(&name).expect("remote"), &remote);
        remove_remote(&file, &name).expect("remove");
        prop_assert_eq!(fs::read_to_string(&file).expect("read"), FULL);
    }
}

#[test]
fn tables_of_a_capture_have_policies_and_invariants() {
    let text = "[[capture]]\nname = \"stock\"\nsqlite = \"/x\"\n[capture.table.movement]\npolicy = \"append\"\n[capture.table.line]\npolicy = \"derived\"\n\
        recompute = [\"UPDATE line SET n = 0\"]\n[[capture.invariant]]\nname = \"whole\"\nsql = \"SELECT 0\"\n[[capture]]\nname = \"b\"\nfolder = \"/y\"\n";
    let config = Config::parse(text).expect("parse");
    let stock = &config.captures[0];
    assert_eq!(stock.rules["movement"].policy, Some(crate::model::lineage::Policy::Append));
    assert_eq!((stock.rules["line"].recompute.len(), stock.invariants[0].expect.as_str()), (1, "0"));
    for (wrong, hint) in [("policy = \"apend\"", "write one of append"), ("policy = \"derived\"", "recompute"), ("counter = \"n\"", "serial")] {
        let error = Config::parse(&format!("[[capture]]\nname = \"a\"\nsqlite = \"/x\"\n[capture.table.t]\n{wrong}\n")).expect_err("wrong");
        assert!(error.what_next().is_some_and(|h| h.contains(hint)), "{error}");
    }
    assert!(Config::parse("[[capture]]\nname = \"a\"\nfolder = \"/x\"\n[capture.table.t]\npolicy = \"append\"\n").is_err());
}

#[test]
fn examples_in_hints_are_right() {
    for (word, keys) in SECTIONS {
        for key in keys.iter().filter(|key| !["table", "invariant", "email"].contains(key)) {
            let header = match word {
                "capture.table" => "[[capture]]\nname = \"a\"\nsqlite = \"/x\"\n[capture.table.x]".to_owned(),
                "capture.invariant" => "[[capture]]\nname = \"a\"\nsqlite = \"/x\"\n[[capture.invariant]]".to_owned(),
                "remote" | "capture" | "preflight" => format!("[[{word}]]"),
                "tenant" => "[tenant.x]".to_owned(),
                _ => format!("[{word}]"),
            };
            if let Err(e) = Config::parse(&format!("{header}\n{key} = {}\n", example_of(key))) {
                let incomplete = [
                    "has no name",
                    "has no command",
                    "has neither",
                    "not in this file",
                    "belong together",
                    "is not serial",
                    "asks nothing",
                    "has no command",
                    "has no to",
                    "has no server",
                    "belongs to a webhook",
                ]
                .iter()
                .any(|m| e.to_string().contains(m));
                assert!(incomplete, "{key}: {e}");
            }
        }
    }
}

#[test]
fn who_is_told_and_what_is_checked_before_an_event() {
    let text = "[store]\ncontact = \"Ingrid\"\n[alert]\nwebhook = \"https://example.org/h?x=1\"\nwebhook_secret_file = \"/s\"\n\
        email = { to = [\"a@x.no\", \"b@x.no\"], server = \"smtp://mail.x.no\", user = \"u\", password_file = \"/p\" }\n\
        [[preflight]]\nname = \"ups\"\ncommand = [\"upsc\"]\n[[preflight]]\nname = \"app\"\ncommand = [\"app\", \"check\"]\ntimeout = \"5s\"\n";
    let config = Config::parse(text).expect("parse");
    let email = config.alert.email.clone().expect("email");
    assert_eq!((email.to.len(), email.from, email.server.as_str()), (2, None, "smtp://mail.x.no"));
    assert!(config.alert.is_told() && !Alert::default().is_told());
    assert_eq!(config.preflight.iter().map(|p| p.timeout_secs).collect::<Vec<_>>(), [60, 5]);
    let server = mail_server("smtps://mail.x.no:4650").expect("server");
    assert_eq!((server.host.as_str(), server.port, server.from_the_beginning), ("mail.x.no", 4650, true));
    for (wrong, said) in [
        ("[alert]\nwebhook = \"http://example.org/\"", "only for this machine"),
        ("[alert]\nwebhook = \"https://u:secret@example.org/\"", "webhook_secret_file"),
        ("[alert]\nwebhook_secret_file = \"/s\"", "belongs to a webhook"),
        ("[alert.email]\nto = [\"a@x.no\"]\nserver = \"mail.x.no\"", "not the address of a mail server"),
        ("[alert.email]\nto = [\"a@x.no\\r\\nBcc: b@x.no\"]\nserver = \"smtps://x.no\"", "not a mail address"),
        ("[alert.email]\nto = [\"a@x.no\"]\nserver = \"smtps://x.no\"\nuser = \"u\"", "belong together"),
        ("[[preflight]]\nname = \"a\"", "has no command"),
        ("[[preflight]]\nname = \"a\"\ncommand = [\"x\"]\ntimeout = \"2h\"", "outside the allowed range"),
        ("[store]\ncontact = \"\"", "whom to call"),
    ] {
        let (code, message, hint) = refused(wrong);
        assert!(code == "config.value" && (message.contains(said) || hint.contains(said)), "{wrong}: {message}; {hint}");
        assert!(!message.contains("u:secret"), "{message}");
    }
}

#[test]
fn settings_are_edited_and_everything_around_them_stays() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("annals.toml");
    let before = "# mine\n[schedule]   # when\nship = \"every 2h\" # often\n# the night\nwindow = [\"19:00-06:00\"]\n\n\
        [[remote]]\nname = \"a\"\ndirectory = \"/a\"\n";
    fs::write(&path, before).expect("write");
    let text = |text: &str| Some(Setting::Text(text.into()));
    set_values(&path, &[("schedule", "ship", text("every 3h")), ("alert", "stale_after", text("4h"))]).expect("edit");
    let after = fs::read_to_string(&path).expect("read");
    assert!(after.starts_with(&before.replace("every 2h", "every 3h")), "{after}");
    assert!(after.ends_with("[alert]\nstale_after = \"4h\"\n"), "{after}");
    assert_eq!(setting(&path, "schedule", "window").expect("read"), Some(Setting::Texts(vec!["19:00-06:00".into()])));
    let cron = [("schedule", "ship", None), ("schedule", "cron", text("0 3 * * *"))];
    set_values(&path, &cron).expect("edit");
    assert_eq!(setting(&path, "schedule", "ship").expect("read"), None);
    let kept = fs::read_to_string(&path).expect("read");
    assert_eq!(set_values(&path, &[("schedule", "allowance", text("5 GB / year"))]).expect_err("refused").kind(), Kind::Usage);
    assert_eq!(set_values(&path, &[("schedule", "shipp", text("x"))]).expect_err("refused").code(), "config.unknown");
    assert_eq!(fs::read_to_string(&path).expect("read"), kept, "nothing is written");
    let new = dir.path().join("new.toml");
    set_values(&new, &[("store", "site", text("clinic \"17\""))]).expect("create");
    assert_eq!(Config::load(&new).expect("load").store.site.as_deref(), Some("clinic \"17\""));
}
