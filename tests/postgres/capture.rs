//! What changes in the database is history here: row by row, transaction by transaction.

use annals::{By, Moment, OnConflict, Silent};

use crate::server::{Server, Site};

const SHOP: &str = "CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(10,2), tags jsonb, picture bytea, sold bool DEFAULT false, at timestamptz); \
                    CREATE TABLE line (invoice int, nr int, item int REFERENCES item, PRIMARY KEY (invoice, nr)); \
                    INSERT INTO item VALUES (1, 'pen', 1.50, '{\"a\": 1}', '\\x00ff', true, '2026-01-02 03:04:05+01'), \
                    (2, 'book', 20, NULL, NULL, false, NULL); \
                    INSERT INTO line VALUES (7, 1, 1), (7, 2, 2)";

#[test]
fn each_transaction_becomes_a_batch() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(SHOP);
    let site = Site::new(&server);
    let base = site.capture();
    assert_eq!((base.added, base.transactions, base.merged_intervals), (4, 0, 0));
    assert_eq!(
        site.text("shop/item/1"),
        r#"{"id":1,"name":"pen","price":"1.50","tags":{"$json":"{\"a\": 1}"},"picture":{"$blob":"AP8="},"sold":true,"at":"2026-01-02 02:04:05+00"}"#
    );
    assert_eq!(site.keys("shop/"), ["shop/.schema", "shop/item/1", "shop/item/2", "shop/line/7,1", "shop/line/7,2"]);
    let nothing = site.capture();
    assert_eq!((nothing.receipt, nothing.rows), (None, 0));

    db.batch_execute("UPDATE item SET price = 2 WHERE id = 1").expect("update");
    db.batch_execute(
        "BEGIN; SELECT pg_logical_emit_message(true, 'annals', '{\"actor\":\"806\",\"reason\":\"spring\"}'); DELETE FROM line WHERE nr = 2; \
         INSERT INTO line VALUES (8, 1, 1), (8, 2, 1); UPDATE item SET id = 3 WHERE id = 2; COMMIT",
    )
    .expect("a transaction");
    db.batch_execute("BEGIN; INSERT INTO item (id) VALUES (99); ROLLBACK").expect("nothing");
    // What comes and goes within a transaction leaves nothing.
    db.batch_execute("BEGIN; INSERT INTO item (id) VALUES (98); DELETE FROM item WHERE id = 98; COMMIT").expect("nothing");
    let done = site.capture();
    assert_eq!((done.transactions, done.rows, done.added, done.changed, done.removed), (2, 6, 3, 1, 2));
    let batches = site.store.batches(base.receipt.expect("base").position.seq + 1, 0, 9).expect("batches");
    assert_eq!(batches.len(), 2);
    assert_eq!((batches[1].event.actor.as_str(), batches[1].event.reason.as_str(), batches[1].changes), ("806", "spring", 5));
    assert!(batches[0].event.origin.starts_with("postgres:localhost/shop transaction "), "{}", batches[0].event.origin);
    site.compare(&mut db, "public.item", "item", &["id"]);
    site.compare(&mut db, "public.line", "line", &["invoice", "nr"]);

    db.batch_execute("TRUNCATE line; INSERT INTO line VALUES (9, 1, 1)").expect("truncate");
    let done = site.capture();
    assert_eq!((done.removed, done.added), (3, 1));
    site.compare(&mut db, "public.line", "line", &["invoice", "nr"]);
    assert_eq!(site.store.history("shop/item/1").expect("history").len(), 2);
    assert!(site.store.verify(annals::Level::Full, &Silent).expect("verified").problems.is_empty());
}

#[test]
fn large_values_that_an_update_leaves_out_are_filled_in() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(
        "CREATE TABLE doc (id int PRIMARY KEY, n int, body text); ALTER TABLE doc ALTER body SET STORAGE EXTERNAL; \
         CREATE TABLE full_doc (id int PRIMARY KEY, n int, body text); ALTER TABLE full_doc ALTER body SET STORAGE EXTERNAL; \
         ALTER TABLE full_doc REPLICA IDENTITY FULL",
    );
    let site = Site::new(&server);
    site.capture();
    for table in ["doc", "full_doc"] {
        db.batch_execute(&format!("INSERT INTO {table} SELECT g, 0, repeat(md5(g::text), 1000) FROM generate_series(1, 3) g")).expect("insert");
        // In a later transaction, in the same one, and with another key.
        db.batch_execute(&format!("UPDATE {table} SET n = 1 WHERE id = 1")).expect("update");
        db.batch_execute(&format!("BEGIN; UPDATE {table} SET body = repeat('x', 9000) WHERE id = 2; UPDATE {table} SET n = 2 WHERE id = 2; COMMIT"))
            .expect("update");
        db.batch_execute(&format!("UPDATE {table} SET id = 30, n = 3 WHERE id = 3")).expect("update");
        let done = site.capture();
        assert_eq!((done.transactions, done.merged_intervals), (4, 0), "{table}");
        site.compare(&mut db, &format!("public.{table}"), table, &["id"]);
    }
}

#[test]
fn tables_may_change_while_they_are_captured() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(SHOP);
    let site = Site::new(&server);
    site.capture();
    // A column more: the rows stay as they are, new ones have it.
    db.batch_execute("ALTER TABLE line ADD note text DEFAULT 'none'; UPDATE line SET note = 'x' WHERE nr = 1").expect("add");
    let done = site.capture();
    assert_eq!((done.transactions, done.changed, done.merged_intervals), (1, 1, 0));
    let schema = site.store.history("shop/.schema").expect("history");
    assert_eq!(schema.len(), 2);
    assert_eq!(schema[1].from.seq, done.receipt.expect("batch").position.seq, "the schema comes with the first rows that follow it");
    assert!(!site.text("shop/line/7,2").contains("note") && site.text("shop/line/7,1").contains(r#""note":"x""#));
    // Another name, another type, one column less: the rows mean something else, and are recorded anew.
    db.batch_execute("ALTER TABLE line RENAME note TO remark; ALTER TABLE item ALTER price TYPE double precision, DROP tags; UPDATE item SET name = 'pencil' WHERE id = 1").expect("alter");
    let done = site.capture();
    assert_eq!(done.merged_intervals, 1);
    site.compare(&mut db, "public.item", "item", &["id"]);
    site.compare(&mut db, "public.line", "line", &["invoice", "nr"]);
    assert!(site.text("shop/line/7,1").contains(r#""remark":"x""#));
    let last = site.store.batches(site.store.position().expect("position").seq, 0, 1).expect("batch");
    assert!(last[0].event.reason.starts_with("merged interval"), "{}", last[0].event.reason);
    // New, renamed and dropped tables.
    db.batch_execute("CREATE TABLE extra (k text PRIMARY KEY); INSERT INTO extra VALUES ('a/b'), (''), ('#x'); ALTER TABLE item RENAME TO product; DROP TABLE line").expect("alter");
    site.capture();
    assert_eq!(site.keys("shop/extra/"), ["shop/extra/%23x", "shop/extra/''", "shop/extra/a%2Fb"]);
    assert!(site.keys("shop/item/").is_empty() && site.keys("shop/line/").is_empty());
    site.compare(&mut db, "public.product", "product", &["id"]);
    db.batch_execute("INSERT INTO extra VALUES ('later'); UPDATE product SET sold = true").expect("rows");
    assert_eq!(site.capture().transactions, 1);
    site.compare(&mut db, "public.product", "product", &["id"]);
}

#[test]
fn tables_without_a_key_are_followed_whole_or_named() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(
        "CREATE TABLE log (at int, text text); ALTER TABLE log REPLICA IDENTITY FULL; CREATE TABLE loose (a int); INSERT INTO loose VALUES (1); \
         INSERT INTO log VALUES (1, 'a'), (1, 'a'), (2, NULL)",
    );
    let mut site = Site::new(&server);
    let base = site.capture();
    assert_eq!(base.added, 3);
    assert_eq!(base.skipped.len(), 1);
    assert!(base.skipped[0].0 == "public.loose" && base.skipped[0].1.contains("REPLICA IDENTITY FULL"), "{:?}", base.skipped);
    db.batch_execute("UPDATE loose SET a = 2").expect("the application is not hindered");
    db.batch_execute("INSERT INTO log VALUES (1, 'a'); DELETE FROM log WHERE ctid = (SELECT min(ctid) FROM log WHERE at = 1); UPDATE log SET text = 'b' WHERE at = 2").expect("rows");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals), (1, 0));
    site.compare(&mut db, "public.log", "log", &[]);
    db.batch_execute("DELETE FROM log WHERE at = 1").expect("both");
    site.capture();
    site.compare(&mut db, "public.log", "log", &[]);
    site.what.name = "two".into();
    site.what.tables = vec!["l?g".into()];
    assert!(site.capture().skipped.is_empty());
}

#[test]
fn schemas_partitions_and_generated_columns_have_their_rows() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(
        "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('sad', 'ok'); CREATE TABLE s.\"a/b\" (id serial PRIMARY KEY, m s.mood, d int GENERATED ALWAYS AS (1 + 1) STORED, f float8, i interval); \
         CREATE TABLE part (day date, n int, PRIMARY KEY (day, n)) PARTITION BY RANGE (day); \
         CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); \
         CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); INSERT INTO part VALUES ('2026-01-05', 1)",
    );
    let site = Site::new(&server);
    site.capture();
    db.batch_execute("INSERT INTO part VALUES ('2026-02-05', 2); UPDATE part SET day = '2026-02-06' WHERE n = 1; INSERT INTO s.\"a/b\" (m, f, i) VALUES ('ok', 0.1, '1 day 2 hours'), ('sad', 'NaN', NULL)").expect("rows");
    let done = site.capture();
    assert_eq!(done.transactions, 1);
    assert_eq!(site.keys("shop/part/"), ["shop/part/2026-02-05,2", "shop/part/2026-02-06,1"]);
    assert_eq!(site.text("shop/s.a%2Fb/1"), r#"{"id":1,"m":"ok","f":"0.1","i":"1 day 02:00:00"}"#);

    // As it was, in another database.
    let moment = Moment::Seq(done.receipt.expect("batch").position.seq);
    db.batch_execute("DELETE FROM part; ALTER TABLE s.\"a/b\" ADD x int DEFAULT 5; UPDATE s.\"a/b\" SET f = 7 WHERE id = 1").expect("later");
    site.capture();
    for (name, at) in [("then", Some(moment)), ("now", None)] {
        let file = site.dir.path().join(format!("{name}.sql"));
        let view = at.map_or_else(|| site.store.now(), |at| site.store.at(&at).expect("view"));
        let dumped = view.dump_postgres(b"shop/", &file, &Silent).expect("dumped");
        assert_eq!(dumped.tables, 2);
        server.client("postgres").batch_execute(&format!("CREATE DATABASE \"{name}\"")).expect("a database");
        server.psql(name, &file);
    }
    let rows = |name: &str, sql: &str| server.client(name).query(sql, &[]).expect("rows").iter().map(|r| r.get::<_, String>(0)).collect::<Vec<_>>();
    assert_eq!(rows("then", "SELECT t::text FROM part t ORDER BY 1"), ["(2026-02-05,2)", "(2026-02-06,1)"]);
    assert_eq!(rows("then", "SELECT t::text FROM s.\"a/b\" t ORDER BY 1"), ["(1,ok,2,0.1,\"1 day 02:00:00\")", "(2,sad,2,NaN,)"]);
    assert_eq!(rows("now", "SELECT t::text FROM part t"), [""; 0]);
    assert_eq!(rows("now", "SELECT t::text FROM s.\"a/b\" t ORDER BY 1"), ["(1,ok,2,7,\"1 day 02:00:00\",5)", "(2,sad,2,NaN,,5)"]);
    assert_eq!(rows("now", "SELECT nextval('s.\"a/b_id_seq\"')::text"), ["3"]);
}

#[test]
fn rows_are_documents_for_everything_else() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(SHOP);
    let site = Site::new(&server);
    site.capture();
    db.batch_execute("UPDATE item SET price = price * 10").expect("a mistake");
    let mistake = site.capture().receipt.expect("batch").position.seq;
    let events: Vec<_> = site.store.feed("index").expect("feed").map(|e| e.expect("event")).collect();
    assert_eq!(events.iter().filter(|e| e.position.seq == mistake).count(), 2);
    let step = site.store.fields("shop/item/1", None).expect("fields").next().expect("the newest").expect("step");
    assert_eq!((step.version, step.rows.ok().map(|rows| rows.len())), (2, Some(1)), "one field changed");
    let plan = site.store.undo(mistake).expect("plan");
    site.store.apply_to_source(&plan, OnConflict::Skip, &By::default(), &Silent).expect("applied");
    assert!(site.text("shop/item/1").contains(r#""price":"1.50""#));
}

#[test]
fn what_cannot_be_captured_is_said_with_what_to_do() {
    let Some(mut server) = Server::start() else { return };
    server.database(SHOP);
    let mut site = Site::new(&server);
    site.what.name = "Shop 1".into();
    assert_eq!(site.try_capture().expect_err("a name").kind().exit(), 2);
    site.what.name = "shop".into();
    site.capture();
    site.what.prefix = b"other/".to_vec();
    assert_eq!(site.try_capture().expect_err("a prefix").code(), "capture.prefix");
    site.what.prefix = b"shop/".to_vec();
    let e = site.store.now().dump_postgres(b"nothing/", &site.dir.path().join("x.sql"), &Silent).expect_err("nothing there");
    assert_eq!(e.kind().exit(), 5);
    // Ended in order, the server keeps nothing.
    site.store.end_postgres(&site.what).expect("ended");
    let kept =
        server.client("shop").query("SELECT slot_name::text FROM pg_replication_slots UNION ALL SELECT pubname::text FROM pg_publication", &[]);
    assert!(kept.expect("rows").is_empty());
    site.what.url = server.url("absent");
    assert_eq!(site.try_capture().expect_err("a database").code(), "source.failed");
    server.stop();
    let e = site.try_capture().expect_err("no server");
    assert_eq!((e.code(), e.what_next().is_some()), ("source.unreachable", true));
    let socket = server.dir.path().join(".s.PGSQL.5432");
    assert_eq!(e.to_string(), format!("connect to {}: the server cannot be reached: no such file or directory", socket.display()));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a port").port();
    for mode in ["", "&sslmode=disable"] {
        site.what.url = format!("postgresql://app:secret@127.0.0.1:{free}/shop?connect_timeout=5{mode}");
        let e = site.try_capture().expect_err("nobody listens");
        assert_eq!(e.to_string(), format!("connect to 127.0.0.1:{free}: the server cannot be reached: connection refused"));
    }
    site.what.url = "postgresql://app@nowhere.invalid/shop".into();
    let e = site.try_capture().expect_err("no such host").to_string();
    assert!(e.starts_with("connect to nowhere.invalid:5432: the server cannot be reached: failed to lookup address"), "{e}");
    site.what.url = "postgresql://nowhere?sslmode=allowed".into();
    assert_eq!(site.try_capture().expect_err("TLS").code(), "source.tls");
}

#[test]
fn what_a_server_does_not_allow_is_said_with_what_to_do() {
    let Some(mut server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id int PRIMARY KEY); CREATE ROLE app LOGIN PASSWORD 'right'");
    let mut site = Site::new(&server);
    site.what.url = server.url("shop").replace("user=postgres", "user=app");
    let refused = |site: &Site, code: &str, said: &str, next: &str| {
        let e = site.try_capture().expect_err(said);
        assert_eq!(e.code(), code, "{e}");
        assert!(e.to_string().contains(said), "{e}");
        assert!(e.what_next().is_some_and(|text| text.contains(next)), "{e}: {:?}", e.what_next());
    };
    refused(&site, "source.denied", "permission denied for database shop", "GRANT CREATE ON DATABASE .. TO name");
    db.batch_execute("GRANT CREATE ON DATABASE shop TO app").expect("grant");
    refused(&site, "source.denied", "must be owner of table item", "ALTER TABLE .. OWNER TO name");
    db.batch_execute("ALTER TABLE item OWNER TO app").expect("owner");
    refused(&site, "source.denied", "make the replication slot", "ALTER ROLE name REPLICATION");
    db.batch_execute("ALTER ROLE app REPLICATION").expect("role");
    let slots = "FROM generate_series(1, current_setting('max_replication_slots')::int) n";
    db.batch_execute(&format!("SELECT pg_create_physical_replication_slot('s' || n) {slots}")).expect("slots");
    refused(&site, "source.slots", "all replication slots are in use", "max_replication_slots");
    db.batch_execute(&format!("SELECT pg_drop_replication_slot('s' || n) {slots}")).expect("slots");
    db.batch_execute("INSERT INTO item VALUES (1)").expect("row");
    assert_eq!(site.capture().added, 1, "with these rights, and no others");
    site.store.end_postgres(&site.what).expect("ended");

    drop(db);
    let rules = "local all app scram-sha-256\nlocal all all trust\n";
    server.run_with(&["wal_level=replica"], rules);
    refused(&site, "source.denied", "asks for a password", "PGPASSFILE");
    let url = site.what.url.clone();
    site.what.url = format!("{url} password=wrong");
    refused(&site, "source.denied", "password authentication failed", "the password");
    site.what.url = format!("{url} password=right");
    refused(&site, "source.unfit", "wal_level replica", "ALTER SYSTEM SET wal_level = logical");
    server.run_with(&[], rules);
    assert_eq!(site.capture().unchanged, 1);
}

#[test]
fn the_command_line_says_what_was_captured() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database("CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 1)");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.env_clear().env("TZ", "UTC").arg("-C").arg(dir.path().join("store")).args(args);
        command
    };
    let json = |args: &[&str]| -> serde_json::Value {
        let out = run(args).arg("--json").output().expect("it runs");
        assert!(out.status.success(), "{out:?}");
        serde_json::from_slice(&out.stdout).expect("JSON")
    };
    json(&["init", "--site", "test"]);
    let url = server.url("shop");
    let capture = ["capture", "postgres", &url, "--name", "shop"];
    let base = json(&[&capture[..], &["--once"]].concat());
    assert_eq!((base["schema"].as_str(), base["seq"].as_u64(), base["rows"].as_u64()), (Some("annals.capture/1"), Some(1), Some(1)));
    let mut watch = run(&[&capture[..], &["--watch", "--json"]].concat());
    let mut watch = watch.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(watch.stdout.take().expect("a pipe")));
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next().expect("a line").expect("read")).expect("JSON");
    assert_eq!(next()["seq"], serde_json::Value::Null);
    db.batch_execute("UPDATE item SET n = 2").expect("update");
    let seen = next();
    assert_eq!((seen["transactions"].as_u64(), seen["changed"].as_u64(), seen["seq"].as_u64()), (Some(1), Some(1), Some(2)));
    watch.kill().expect("killed");
    watch.wait().expect("gone");
    let file = dir.path().join("shop.sql");
    let dumped = json(&["restore", "shop/", "--at", "seq:1", "--into", file.to_str().expect("text")]);
    assert_eq!((dumped["tables"].as_u64(), dumped["rows"].as_u64()), (Some(1), Some(1)));
    assert!(std::fs::read_to_string(&file).expect("SQL").contains("\n1\t1\n\\."));
    assert_eq!(json(&[&capture[..], &["--end"]].concat())["ended"], true);
    let unfit = run(&["capture", "postgres", &url, "--name", "A"]).output().expect("it runs");
    assert_eq!(unfit.status.code(), Some(2));
}
