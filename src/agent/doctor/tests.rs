//! Every finding is provoked, and a set-up that is well has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::health::Problem;
use super::super::telling::{self, Telling};
use super::*;
use crate::base::error::Kind;
use crate::base::monitor::Silent;
use crate::base::time::{Clock, ManualClock, Timestamp};
use crate::engine::offsite::{OpenRemote, ShipOptions};
use crate::engine::plans::By;
use crate::storage::remote::{Fault, Memory, Recording, Verb};

type Device = Arc<Recording<Arc<Memory>>>;

/// A site that is set up well, but for what a test changes.
struct Site {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    device: Device,
    around: Surroundings,
}

const WELL: &str = "[store]\nsite = \"t\"\nzone = \"UTC\"\n[schedule]\nship = \"every 2h\"\n[alert]\nstale_after = \"4h\"\ncommand = [\"true\"]\n\
    [[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let clock = Arc::new(ManualClock::new(Timestamp(1_800_000_000_000_000)));
        let store = Store::builder().clock(clock.clone()).init(&dir.path().join("store"), "t").expect("init");
        store.recovery_sheet("today").expect("a sheet");
        store.put("a", &b"1"[..]).expect("put");
        drop(store);
        let around =
            Surroundings { state_dir: Some(dir.path().join("state")), agent: true, patience: Duration::from_secs(20), ..Surroundings::default() };
        let site = Site { dir, clock, device: Arc::new(Recording::new(Arc::new(Memory::new()))), around };
        site.configure(WELL);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("store/annals.toml"), text.replace("DIR", &self.dir.path().display().to_string())).expect("written");
    }

    fn open(&self) -> Store {
        Store::builder().clock(self.clock.clone()).open(&self.path("store")).expect("open")
    }

    fn opener(&self) -> Opener {
        let device = self.device.clone();
        Arc::new(move |store, name, rate| match name {
            "dir" => store.remote(name, rate),
            name => Ok(OpenRemote::new(name, device.clone())),
        })
    }

    fn findings(&self) -> Vec<Finding> {
        self.of(&self.open())
    }

    fn of(&self, store: &Store) -> Vec<Finding> {
        examine(store, &self.opener(), &Troubles::default(), &self.around).expect("examined")
    }

    fn codes(&self) -> Vec<&'static str> {
        self.findings().iter().map(|f| f.code).collect()
    }
}

/// The findings of a set-up whose configuration is `text`.
fn configured(text: &str) -> Vec<&'static str> {
    let site = Site::new();
    site.configure(text);
    site.codes()
}

#[test]
fn a_set_up_that_is_well_has_no_findings() {
    assert_eq!(Site::new().findings(), []);
}

#[test]
fn where_the_store_lives() {
    let mut site = Site::new();
    let root = site.dir.path().canonicalize().expect("a path");
    let mount = |kind: &str| format!("22 1 0:5 / / rw - ext4 /dev/a rw\n23 22 0:6 / {} rw,x shared:1 - {kind} /dev/b rw\n", root.display());
    for (kind, code) in [("nfs4", "filesystem.share"), ("tmpfs", "filesystem.passing")] {
        site.around.mounts = mount(kind);
        assert_eq!(site.codes(), [code]);
    }
    site.around.mounts = mount("ext4");
    assert_eq!(site.codes(), [] as [&str; 0]);
    assert_eq!(home::kind_of(Path::new("/elsewhere"), &mount("nfs")), Some("ext4"), "the longest mount that holds it");
    assert_eq!(home::low(255 << 20, 1).expect("low").code, "space.low");
    assert!(home::low(1 << 30, 9 << 30).is_none() && home::low(1 << 30, 11 << 30).is_some(), "a tenth of the store");
    site.configure(&WELL.replace("[schedule]", "quota = \"100 KiB\"\n[schedule]"));
    assert_eq!(site.codes(), ["quota.near"]);
    site.configure(WELL);
    fs::create_dir_all(site.path("store/captures/1")).expect("made");
    fs::write(site.path("store/labels.json"), b"{}").expect("written");
    assert_eq!(site.codes(), [] as [&str; 0], "images of captured databases and labels of fields are the store's");
    fs::write(site.path("store/holiday.jpg"), b"x").expect("written");
    let found = site.findings();
    assert!(found[0].code == "files.foreign" && found[0].what.contains("holiday.jpg") && found[0].weight == Weight::Advice, "{found:?}");
    fs::write(site.path("store/annals.toml"), "[shedule]\n").expect("written");
    let e = Store::open(site.path("store")).err().expect("refused");
    let found = examine_closed(&site.path("store"), &e);
    assert_eq!(found.iter().map(|f| f.code).collect::<Vec<_>>(), ["store.closed", "files.foreign"]);
    assert!(found[0].mend.contains("did you mean"), "{found:?}");
}

#[test]
fn the_key_the_clock_and_the_witness() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::new();
    let key = site.path("store/annals.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("mode");
    let found = site.findings();
    assert_eq!((found.len(), found[0].code, found[0].mend.starts_with("chmod 600 ")), (1, "key.open", true), "{found:?}");
    fs::rename(&key, site.path("kept")).expect("moved");
    assert_eq!(site.findings().iter().map(|f| f.code).collect::<Vec<_>>(), ["key.missing"]);
    let other = Store::builder().clock(site.clock.clone()).init(&site.path("other"), "t").expect("init");
    fs::copy(other.dir().join("annals.key"), &key).expect("copied");
    assert_eq!(site.findings().iter().map(|f| f.code).collect::<Vec<_>>(), ["key.wrong"]);
    fs::remove_file(&key).expect("removed");
    fs::rename(site.path("kept"), &key).expect("back");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("mode");
    let fresh = Store::builder().clock(site.clock.clone()).init(&site.path("fresh"), "t").expect("init");
    assert!(site.of(&fresh).iter().any(|f| f.code == "key.sheet"));

    site.around.clock_synced = Some(false);
    assert_eq!(site.codes(), ["clock.unsynced"]);
    site.clock.advance(-3_600_000_000);
    assert_eq!(site.codes(), ["clock.behind"]);
    site.clock.set(Timestamp(0));
    assert_eq!(site.codes(), ["clock.wrong"]);
    site.clock.set(Timestamp(1_800_000_000_000_000));
    site.around.clock_synced = Some(true);
    site.configure(&WELL.replace("zone = \"UTC\"\n", "").replace("[alert]", "window = [\"19:00-06:00\"]\n[alert]"));
    assert_eq!(site.codes(), ["zone.unset"]);
    site.configure(WELL);

    for (dir, code) in [(None, "witness.none"), (Some("store/state"), "witness.inside"), (Some("kept/state"), "witness.unwritable")] {
        fs::write(site.path("kept"), b"a file").expect("written");
        fs::create_dir_all(site.path("store/state")).expect("a directory");
        site.around.state_dir = dir.map(|dir| site.path(dir));
        let codes = site.codes();
        assert!(codes.contains(&code), "{codes:?}");
    }
}

#[test]
fn remotes_that_do_not_do_as_they_should() {
    let site = Site::new();
    for (verb, fault, code) in [(Verb::List, Fault::Drop, "remote.unreachable"), (Verb::Store, Fault::Deny, "remote.unwritable")] {
        site.device.inject(verb, 0, 9, fault);
        let found = site.findings();
        assert_eq!((found.len(), found[0].code, found[0].what.starts_with("remote a: ")), (1, code, true), "{found:?}");
        site.device.heal();
    }
    site.device.inner().put("holiday.jpg", b"x");
    assert_eq!(site.codes(), ["remote.foreign"]);
    let store = site.open();
    let refusing = |code: &'static str| -> Opener { Arc::new(move |_, _, _| Err(Error::new(Kind::Remote, code, "no rclone"))) };
    for (error, code) in [("remote.rclone_missing", "rclone.missing"), ("remote.rclone_old", "rclone.old")] {
        let found = examine(&store, &refusing(error), &Troubles::default(), &site.around).expect("examined");
        assert_eq!(found.iter().map(|f| f.code).collect::<Vec<_>>(), [code]);
    }
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let silent: Opener = Arc::new(move |_, _, _| {
        let _ = held.lock().expect("lock").recv();
        Err(Error::new(Kind::Remote, "remote.unreachable", "gone"))
    });
    let impatient = Surroundings { patience: Duration::from_millis(50), ..site.around.clone() };
    let found = examine(&store, &silent, &Troubles::default(), &impatient).expect("examined");
    assert_eq!(found.iter().map(|f| f.code).collect::<Vec<_>>(), ["remote.silent"]);
    drop(hold);

    assert_eq!(configured(WELL.split("[[remote]]").next().expect("text")), ["remote.none"]);
    let site = Site::new();
    fs::create_dir(site.path("disk")).expect("a directory");
    site.configure(&format!("{WELL}[[remote]]\nname = \"dir\"\ndirectory = \"DIR/disk\"\n"));
    assert_eq!(site.codes(), ["remote.same_disk"]);
    fs::remove_dir_all(site.path("disk")).expect("away");
    site.configure(&format!("{WELL}[[remote]]\nname = \"dir\"\ndirectory = \"DIR/disk\"\nexpected = \"weekly\"\n"));
    assert_eq!(site.codes(), [] as [&str; 0], "away as it may be");
}

#[test]
fn schedules_that_never_come_or_do_not_fit_the_line() {
    assert_eq!(configured(&WELL.replace("ship = \"every 2h\"\n", "")), ["schedule.none"]);
    assert_eq!(configured(&WELL.replace("ship = \"every 2h\"", "cron = \"0 0 29 2 *\"")), ["schedule.never"]);
    assert_eq!(configured(&WELL.replace("ship = \"every 2h\"", "cron = \"0 0 1 * *\"")), [] as [&str; 0]);
    let window = crate::storage::config::Config::parse("[schedule]\nwindow = [\"19:00-07:00 1 kB/s\", \"07:00-08:00\"]\n").expect("parse").schedule;
    assert_eq!(line::day_bytes(&window, 2_000.0), 12.0 * 3_600.0 * 1_000.0 + 3_600.0 * 2_000.0);

    let site = Site::new();
    let store = site.open();
    let day = 86_400_000_000;
    let shipped = |bytes: u64, days: i64| {
        let at = Timestamp(site.clock.now().0 - days * day);
        store.inner.catalog.write(|w| w.add_traffic("a", bytes, at)).expect("noted");
    };
    let codes = |store: &Store| site.of(store).iter().map(|f| f.code).collect::<Vec<_>>();
    store.inner.catalog.write(|w| w.set_line_rate("a", 1_000.0, site.clock.now())).expect("measured");
    shipped(80_000_000, 0);
    assert_eq!(codes(&store), [] as [&str; 0], "one day is no measure");
    shipped(800_000_000, 9);
    assert_eq!(codes(&store), ["line.full"]);
    site.configure(&WELL.replace("[alert]", "allowance = \"1 GB / month\"\n[alert]"));
    assert_eq!(codes(&store.reread().expect("read")), ["line.full", "allowance.short"]);
    site.configure(WELL);
    store.put("large", &vec![1u8; 2_000_000][..]).expect("put");
    let other = Site::new();
    let store = other.open();
    store.inner.catalog.write(|w| w.set_line_rate("a", 1.0, other.clock.now())).expect("measured");
    store.put("large", &vec![1u8; 2_000_000][..]).expect("put");
    assert_eq!(other.of(&store).iter().map(|f| f.code).collect::<Vec<_>>(), ["line.backlog"]);
}

#[test]
fn a_full_disk_of_the_store_is_not_laid_to_a_remote() {
    let full = |what: &str| Error::io(what, std::io::ErrorKind::StorageFull.into());
    let here = line::unreached("usb", &full("write a probe file beside the store, in /srv/annals"), "look");
    assert_eq!((here.code, &here.what[..]), ("space.none", "no space left: write a probe file beside the store, in /srv/annals"));
    assert!(!format!("{here:?}").contains("usb"), "{here:?}");
    let there = line::unreached("usb", &Error::new(Kind::Space, "remote.full", "no space left on usb"), "look");
    assert_eq!((there.code, &there.what[..]), ("remote.unwritable", "remote usb: no space left on usb"));
}

#[test]
fn tables_that_a_capture_leaves_out_are_named_with_what_helps() {
    let mut found = Vec::new();
    sources::left_out("shop", &[("public.loose".into(), "it has no key: ALTER TABLE loose ..".into())], &mut found);
    let told: Vec<_> = found.iter().map(|f| (f.code, &f.what[..], &f.mend[..])).collect();
    assert_eq!(told, [("capture.left_out", "capture shop: table public.loose is left out: it has no key", "ALTER TABLE loose ..")]);
}

#[test]
fn sources_that_cannot_be_captured() {
    let mut site = Site::new();
    for name in ["letters/a/b", "letters/c"] {
        fs::create_dir_all(site.path(name)).expect("directories");
    }
    let with = |text: &str| {
        site.configure(&format!("{WELL}{text}"));
        site.codes()
    };
    let folder = "[[capture]]\nname = \"letters\"\nfolder = \"DIR/letters\"\n";
    assert_eq!(with(folder), [] as [&str; 0]);
    assert_eq!(with(&folder.replace("DIR/letters", "DIR/none")), ["capture.unreadable"]);
    assert_eq!(with(&format!("{folder}tenant = \"nrth\"\n")), ["capture.tenant"]);
    assert_eq!(with(&format!("{folder}[[capture]]\nname = \"b\"\nprefix = \"letters\"\nfolder = \"DIR/letters\"\n")), ["capture.twice"]);
    assert_eq!(with("[tenant.nrth]\nremotes = [\"a\"]\n"), ["tenant.unknown"]);
    assert_eq!(with("[tenant.main]\ncopies_min = 2\n"), ["tenant.copies"]);
    let sqlite = "[[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\n";
    assert_eq!(with(sqlite), ["capture.unreadable"]);
    fs::write(site.path("stock.db"), b"").expect("written");
    let with = |text: &str| {
        site.configure(&format!("{WELL}{text}"));
        site.codes()
    };
    assert_eq!(with(sqlite), [] as [&str; 0], "nobody wrote to it yet");
    let mut header = b"SQLite format 3\0".to_vec();
    header.resize(100, 0);
    (header[18], header[19]) = (1, 1);
    fs::write(site.path("stock.db"), &header).expect("written");
    assert_eq!(site.codes(), ["capture.wal"]);
    (header[18], header[19]) = (2, 2);
    fs::write(site.path("stock.db"), &header).expect("written");
    assert_eq!(site.codes(), [] as [&str; 0]);
    fs::write(site.path("stock.db"), b"PK\x03\x04").expect("written");
    assert_eq!(site.codes(), ["capture.kind"]);
    site.around.watches_max = Some(4);
    site.configure(&format!("{WELL}{folder}"));
    assert_eq!(site.codes(), ["inotify.limit"]);
    site.around.watches_max = Some(5);
    assert_eq!(site.codes(), [] as [&str; 0]);
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_that_is_not_there_or_says_nothing() {
    let mut site = Site::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    site.configure(&format!("{WELL}[[capture]]\nname = \"shop\"\npostgres = \"host=127.0.0.1 port={port} dbname=x user=x\"\n"));
    site.around.patience = Duration::from_millis(300);
    assert_eq!(site.codes(), ["postgres.silent"]);
    drop(listener);
    site.around.patience = Duration::from_secs(20);
    assert_eq!(site.codes(), ["postgres.unreachable"]);
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_that_is_not_set_up_for_being_followed() {
    use crate::format::pgoutput::Lsn;
    use crate::storage::source::postgres::{Checkup, Slot, WalStatus};
    let slot = |status| Some(Slot { confirmed: Lsn(0), status, held_bytes: 0, safe_bytes: None, active: false });
    let codes = |seen: Checkup| {
        let mut found = Vec::new();
        sources::judge("shop", &seen, &mut found);
        found.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    let well = Checkup { logical: true, keeps_bytes: Some(1), slot: slot(WalStatus::Kept), logs_reading_of: None };
    assert_eq!(codes(well.clone()), [] as [&str; 0]);
    assert_eq!(codes(Checkup { logical: false, ..well.clone() }), ["postgres.wal_level"]);
    assert_eq!(codes(Checkup { keeps_bytes: None, ..well.clone() }), ["postgres.keep"]);
    assert_eq!(codes(Checkup { slot: None, ..well.clone() }), ["postgres.slot"]);
    assert_eq!(codes(Checkup { logs_reading_of: Some("annals".into()), ..well.clone() }), ["postgres.log"]);
    assert_eq!(codes(Checkup { slot: slot(WalStatus::AtRisk), ..well.clone() }), ["postgres.risk"]);
    assert_eq!(codes(Checkup { slot: slot(WalStatus::Lost), ..well }), ["postgres.lost"]);
}

#[test]
fn nobody_does_it_or_nobody_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::new();
    site.around.agent = false;
    assert_eq!(site.codes(), ["agent.none"]);
    site.around.agent = true;
    assert_eq!(configured(&WELL.replace("command = [\"true\"]\n", "")), ["alert.none"]);
    assert_eq!(configured(&format!("{WELL}[web]\nlisten = \"0.0.0.0:7717\"\nproxy = true\n")), ["web.wide"]);
    let token = site.path("store/web.token");
    fs::write(&token, "t").expect("written");
    for (mode, codes) in [(0o644, &["web.token"][..]), (0o600, &[])] {
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).expect("mode");
        assert_eq!(site.codes(), codes);
    }
    assert_eq!(configured(&WELL.replace("stale_after = \"4h\"\n", "")), ["alert.stale"]);
    let store = site.open();
    let troubles = Troubles { config: Some("line 3".into()), ..Troubles::default() };
    let found = examine(&store, &site.opener(), &troubles, &site.around).expect("examined");
    assert!(found.len() == 1 && found[0].code == "config.unused" && found[0].what.contains("line 3"), "{found:?}");
    drop(store);
    fs::write(site.path("secret"), "hunter2").expect("written");
    site.configure(&WELL.replace("command = [\"true\"]", "webhook = \"https://example.org/\"\nwebhook_secret_file = \"DIR/secret\""));
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o640)).expect("mode");
    let found = site.findings();
    assert!(found.len() == 1 && found[0].code == "alert.secret" && !format!("{found:?}").contains("hunter2"), "{found:?}");
    fs::set_permissions(site.path("secret"), fs::Permissions::from_mode(0o600)).expect("mode");
    assert_eq!(site.codes(), [] as [&str; 0]);
    // What the way to people rests on, and what came of it the last time.
    let mail = "email = { to = [\"a@x.no\"], server = \"smtps://localhost:1\", ca_file = \"DIR/secret\" }";
    assert_eq!(configured(&WELL.replace("command = [\"true\"]", mail)), ["alert.ca"]);
    site.configure(&WELL.replace("\"true\"", "\"false\""));
    let store = site.open();
    let problem = Problem { key: "space".into(), said: "no space".into() };
    let tell = |store: &Store| telling::tell(store, std::slice::from_ref(&problem), &Telling::default()).expect("told");
    tell(&store);
    let found = site.of(&store);
    assert!(found.iter().any(|f| f.code == "alert.undelivered" && f.what.contains("false: exit code 1")), "{found:?}");
    drop(store);
    site.configure(WELL);
    tell(&site.open());

    let units = site.path("units");
    fs::create_dir(&units).expect("a directory");
    site.around.units = vec![(units.clone(), true)];
    assert_eq!(site.codes(), ["unit.none"]);
    let whole = site.path("store").canonicalize().expect("a path");
    let unit = |program: &str| format!("[Service]\nExecStart=\"{program}\" -C \"{}\" agent run\n", whole.display());
    fs::write(units.join("annals-t.service"), unit("/no/such/annals")).expect("written");
    assert_eq!(site.codes(), ["unit.program"]);
    fs::write(units.join("annals-t.service"), unit("/bin/sh")).expect("written");
    assert_eq!(site.codes(), [] as [&str; 0]);
    site.around.lingers = Some(false);
    assert_eq!(site.codes(), ["unit.linger"]);
    site.around.units = vec![(units, false)];
    assert_eq!(site.codes(), [] as [&str; 0], "a unit of the machine needs nobody");
}

#[test]
fn somebody_changed_most_of_it() {
    let site = Site::new();
    let store = site.open();
    for (text, minutes) in [("first", 60), ("encrypted", 1)] {
        let mut batch = store.batch("");
        (0..120).for_each(|n| batch.put(format!("case/{n}"), format!("{text} {n}").as_bytes()).expect("put"));
        batch.commit().expect("commit");
        site.clock.advance(60_000_000 * minutes);
    }
    assert_eq!(store.look_for_mass_change().expect("looked").len(), 1);
    let found = site.of(&store);
    assert!(found.iter().any(|f| f.code == "brake.on" && f.mend.contains("annals brake lift main")), "{found:?}");
}

#[test]
fn a_subject_whose_prefix_is_not_declared_any_more() {
    let site = Site::new();
    site.configure("[erasable]\nprefixes = [\"person/\"]\n");
    let store = site.open();
    store.put("person/7/name", &b"somebody"[..]).expect("put");
    assert!(!site.of(&store).iter().any(|f| f.code == "erasable.undeclared"));
    drop(store);
    site.configure("");
    let found = site.findings();
    let finding = found.iter().find(|f| f.code == "erasable.undeclared").expect("a finding");
    assert!(finding.what.contains("person/7") && finding.mend.contains("[\"person/\"]"), "{finding:?}");
}

#[test]
fn an_erasure_that_does_not_reach_a_remote() {
    let site = Site::new();
    site.configure(&format!("{WELL}[erasable]\nprefixes = [\"person/\"]\n"));
    let store = site.open();
    store.put("person/7", &b"somebody"[..]).expect("put");
    store.ship(&OpenRemote::new("a", site.device.clone()), &ShipOptions::default(), &Silent).expect("shipped");
    store.erase(&store.plan_erase("person/7").expect("plan"), &By::default(), &Silent).expect("erased");
    let is_late = || site.of(&store).into_iter().find(|f| f.code == "erasure.late");
    assert_eq!(is_late(), None);
    site.clock.advance(25 * 3_600 * 1_000_000);
    let finding = is_late().expect("a finding");
    assert!(finding.what.contains("erased") && finding.mend.contains("annals ship --to a"), "{finding:?}");
}

#[test]
fn no_finding_is_without_a_test() {
    let sources = [include_str!("mod.rs"), include_str!("home.rs"), include_str!("line.rs"), include_str!("sources.rs"), include_str!("service.rs")];
    let quoted = |text: &str| text.split('"').next().map(str::to_owned);
    let mut codes = BTreeSet::new();
    for source in sources {
        // However the lines are broken.
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        for word in ["wrong(\"", "advice(\"", "failed(\"", "=> \""] {
            codes.extend(source.split(word).skip(1).filter_map(quoted).filter(|code| code.contains('.') && !code.contains(' ')));
        }
    }
    assert!(codes.len() >= 45, "{codes:?}");
    // Only a program without the feature says it.
    let elsewhere = ["postgres.unsupported"];
    let tests = include_str!("tests.rs");
    let untested: Vec<&String> = codes.iter().filter(|code| !elsewhere.contains(&code.as_str()) && !tests.contains(&format!("\"{code}\""))).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
