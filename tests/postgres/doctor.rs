//! What the doctor asks a real server.

use annals::storage::source::postgres::{Address, WalStatus, checkup};

use crate::server::{Server, Site};

#[test]
fn a_server_tells_how_it_is_set_up_and_is_not_changed() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id text PRIMARY KEY)");
    let address = Address { url: server.url("shop"), ..Address::default() };
    let seen = checkup(&address, "annals_shop").expect("asked");
    assert_eq!((seen.logical, seen.keeps_bytes, seen.slot), (true, None, None));
    db.batch_execute("SELECT pg_create_logical_replication_slot('annals_shop', 'pgoutput')").expect("a slot");
    db.batch_execute("ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'").expect("set");
    db.batch_execute("SELECT pg_reload_conf()").expect("reloaded");
    // The postmaster tells its children a moment later.
    let seen = std::iter::repeat_with(|| checkup(&address, "annals_shop").expect("asked")).find(|seen| seen.keeps_bytes.is_some()).expect("set");
    assert_eq!((seen.keeps_bytes, seen.slot.map(|slot| slot.status)), (Some(64 << 20), Some(WalStatus::Kept)));
}

#[test]
fn reading_the_slot_does_not_fill_the_log_of_the_server() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id int PRIMARY KEY); CREATE ROLE app LOGIN REPLICATION; ALTER TABLE item OWNER TO app");
    db.batch_execute("GRANT CREATE ON DATABASE shop TO app").expect("granted");
    let mut site = Site::new(&server);
    site.capture();
    // How often the log of the server says that somebody began to read, over three captures that have something to read.
    let mut next = 0;
    let mut told = |site: &Site| {
        let said = || std::fs::read_to_string(server.dir.path().join("log")).expect("log").matches("starting logical decoding").count();
        let before = said();
        for _ in 0..3 {
            next += 1;
            db.batch_execute(&format!("INSERT INTO item VALUES ({next})")).expect("work");
            assert_eq!(site.capture().transactions, 1);
        }
        said() - before
    };
    let asked = |site: &Site| checkup(&Address { url: site.what.url.clone(), ..Address::default() }, "annals_shop").expect("asked").logs_reading_of;
    assert_eq!((told(&site), asked(&site)), (0, None), "a superuser may keep it out");
    site.what.url = server.url("shop").replace("user=postgres", "user=app");
    (site.what.name, site.what.prefix) = ("app".into(), b"app/".to_vec());
    site.capture();
    assert!(told(&site) >= 3, "who may not does not ask for it");
    assert_eq!(asked(&site).as_deref(), Some("app"));
    server.client("postgres").batch_execute("ALTER ROLE app SET log_min_messages = fatal").expect("set");
    assert_eq!((told(&site), asked(&site)), (0, None));
    let log = std::fs::read_to_string(server.dir.path().join("log")).expect("log");
    assert!(!log.contains("permission denied"), "{log}");
}

#[test]
fn tables_that_are_left_out_are_named_with_why_and_what_helps() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id int PRIMARY KEY); CREATE TABLE loose (a int)");
    let site = Site::new(&server).with_rules(&format!("\n[[capture]]\nname = \"shop\"\npostgres = \"{}\"\n", server.url("shop")));
    site.capture();
    let dir = site.dir.path().join("store");
    drop(site.store);
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        let out = command.env_clear().env("TZ", "UTC").arg("-C").arg(&dir).args(words).output().expect("it runs");
        String::from_utf8(out.stdout).expect("text")
    };
    let json = |words: &[&str]| serde_json::from_str::<serde_json::Value>(&run(&[words, &["--json"]].concat())).expect("JSON");
    let why = "it has no key by which its rows could be followed";
    let status = run(&["status"]);
    assert!(status.contains(&format!("left out   public.loose of shop/: {why}: ALTER TABLE")), "{status}");
    let table = &json(&["status"])["captures"][0]["left_out"][0];
    assert!(table["table"] == "public.loose" && table["reason"].as_str().is_some_and(|text| text.contains("REPLICA IDENTITY FULL")), "{table}");
    let named = |found: &serde_json::Value| {
        let of = found["findings"].as_array().expect("findings").iter().find(|f| f["code"] == "capture.left_out").cloned();
        of.map(|f| (f["what"].as_str().unwrap_or_default().to_owned(), f["mend"].as_str().unwrap_or_default().to_owned()))
    };
    let (what, mend) = named(&json(&["doctor"])).expect("a finding");
    assert_eq!(what, format!("capture shop: table public.loose is left out: {why}"));
    assert!(mend.starts_with("ALTER TABLE \"public\".\"loose\" ADD PRIMARY KEY"), "{mend}");
    db.batch_execute("ALTER TABLE loose REPLICA IDENTITY FULL").expect("identity");
    run(&["capture", "postgres", &server.url("shop"), "--name", "shop"]);
    assert_eq!((named(&json(&["doctor"])), run(&["status"]).contains("left out")), (None, false));
}
