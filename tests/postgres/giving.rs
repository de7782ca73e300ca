//! Rows of the history written back into the database that they came from.

use annals::engine::find::FieldIs;
use annals::engine::plans::{Applied, By};
use annals::model::change::Cause;
use annals::model::plan::Plan;
use annals::{Moment, OnConflict, Silent};
use postgres::Client;

use crate::server::{Server, Site};

const SHOP: &str = "CREATE TABLE item (id text PRIMARY KEY, price int, name text); \
    CREATE TABLE line (id serial PRIMARY KEY, item text REFERENCES item, n int CHECK (n > 0)); \
    INSERT INTO item VALUES ('a', 10, 'apple'), ('b', 20, 'pear'), ('c', 30, 'plum'); INSERT INTO line (item, n) VALUES ('a', 5)";

pub fn by() -> By {
    By { actor: "806".into(), reason: String::new(), origin: "test".into() }
}

fn give(site: &Site, plan: &Plan) -> Applied {
    site.store.apply_to_source(plan, OnConflict::Skip, &by(), &Silent).expect("applied")
}

fn prices(db: &mut Client) -> Vec<i32> {
    db.query("SELECT price FROM item ORDER BY id", &[]).expect("prices").iter().map(|row| row.get(0)).collect()
}

fn shop(setup: &str) -> Option<(Server, Client, Site)> {
    let server = Server::start()?;
    let db = server.database(setup);
    let site = Site::new(&server);
    site.capture();
    Some((server, db, site))
}

fn compare(site: &Site, db: &mut Client) {
    site.compare(db, "public.item", "item", &["id"]);
    site.compare(db, "public.line", "line", &["id"]);
}

#[test]
fn a_bulk_change_is_undone_in_the_database_and_the_undo_as_well() {
    let Some((_server, mut db, site)) = shop(SHOP) else { return };
    db.batch_execute("UPDATE item SET price = price * 10").expect("mistake");
    let mistake = site.capture().receipt.expect("a batch").position.seq;
    db.batch_execute("UPDATE item SET name = 'Pear' WHERE id = 'b'").expect("later");
    site.capture();
    let plan = site.store.undo(mistake).expect("plan");
    // The application goes on with other rows: the plan is about these.
    db.batch_execute("INSERT INTO item VALUES ('d', 40, 'fig'); UPDATE line SET n = 6").expect("later");
    let applied = give(&site, &plan);
    assert_eq!((applied.done, applied.pending.len(), applied.skipped.len()), (3, 0, 0), "{applied:?}");
    assert_eq!(prices(&mut db), [10, 20, 30, 40]);
    assert!(site.text("shop/item/b").contains("Pear"), "what was changed since stays");
    let seq = applied.receipt.expect("a batch").position.seq;
    let batch = site.store.batches(seq, seq, 1).expect("batch").remove(0);
    assert_eq!((batch.event.cause, batch.event.actor.as_str(), batch.changes), (Cause::Undo(mistake), "806", 3));
    assert_eq!(batch.event.reason, format!("undo of batch {mistake}"));
    assert_eq!(site.capture().receipt, None, "what was given back is captured already");
    let redo = give(&site, &site.store.undo(seq).expect("plan"));
    assert_eq!((redo.done, prices(&mut db)), (3, vec![100, 200, 300, 40]));
    // A whole table goes back, and so what came later goes.
    let back = give(&site, &site.store.rollback("shop/item/", &Moment::Seq(1)).expect("plan"));
    let seq = back.receipt.expect("a batch").position.seq;
    assert_eq!((prices(&mut db), site.store.batches(seq, seq, 1).expect("batch").remove(0).event.cause), (vec![10, 20, 30], Cause::Rollback(1)));
    compare(&site, &mut db);
}

#[test]
fn what_the_database_forbids_stays_pending_and_the_rest_is_done() {
    let Some((_server, mut db, site)) = shop(SHOP) else { return };
    db.batch_execute("DELETE FROM line; DELETE FROM item WHERE id = 'a'; ALTER TABLE item ADD CHECK (price <> 30) NOT VALID").expect("deleted");
    db.batch_execute("DELETE FROM item WHERE id = 'c'; SELECT setval('line_id_seq', 1, false)").expect("deleted");
    site.capture();
    let line = give(&site, &site.store.restore_at("shop/line/1", &Moment::Seq(1)).expect("plan"));
    assert_eq!((line.done, &line.receipt, line.pending.len()), (0, &None, 1), "its item is not there");
    assert!(line.pending[0].1.contains("foreign key"), "{:?}", line.pending);
    // Together they fit, in whatever order they stand; the third item is not allowed any more.
    let all = give(&site, &site.store.restore_at("shop/", &Moment::Seq(1)).expect("plan"));
    let keys: Vec<_> = all.pending.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    assert_eq!((all.done, keys), (2, vec![".schema", "item/c"].into_iter().map(|key| format!("shop/{key}")).collect()), "{all:?}");
    assert!(all.pending[1].1.contains("check constraint"), "{:?}", all.pending);
    let next: i32 = db.query_one("INSERT INTO line (item, n) VALUES ('b', 1) RETURNING id", &[]).expect("a free number").get(0);
    assert_eq!((prices(&mut db), next), (vec![10, 20], 2));
    site.capture();
    compare(&site, &mut db);
}

#[test]
fn a_row_that_moved_is_not_written_over() {
    let Some((_server, mut db, site)) = shop(SHOP) else { return };
    db.batch_execute("UPDATE item SET price = 1 WHERE id = 'a'").expect("update");
    site.capture();
    let plan = site.store.undo(2).expect("plan");
    db.batch_execute("UPDATE item SET price = 2 WHERE id = 'a'").expect("update");
    let refused = site.store.apply_to_source(&plan, OnConflict::Skip, &by(), &Silent).expect_err("stale");
    assert_eq!((refused.code(), prices(&mut db)[0]), ("plan.stale", 2));
    let plan = site.store.undo(2).expect("plan");
    assert_eq!(plan.items[0].conflicts[0].path, "price", "the field was changed since");
    assert_eq!((give(&site, &plan).skipped.len(), prices(&mut db)[0]), (1, 2));
    let forced = site.store.apply_to_source(&plan, OnConflict::Override, &by(), &Silent).expect("applied");
    assert_eq!((forced.done, prices(&mut db)[0]), (1, 10));
    let other = site.store.undo(3).expect("plan");
    assert_eq!(site.store.apply(&other, OnConflict::Override, &by()).expect_err("only with its database").code(), "capture.source");
}

#[test]
fn triggers_stay_quiet_and_cascades_are_not_set_off() {
    let setup = "CREATE TABLE p (id int PRIMARY KEY, v int); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE); \
        CREATE TABLE audit (n serial PRIMARY KEY); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN INSERT INTO audit DEFAULT VALUES; RETURN NEW; END'; CREATE TRIGGER g AFTER UPDATE ON p FOR EACH ROW EXECUTE FUNCTION note(); \
        CREATE TRIGGER h AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE p DISABLE TRIGGER h; \
        ALTER TABLE p ENABLE ALWAYS TRIGGER g";
    let Some((_server, mut db, site)) = shop(setup) else { return };
    db.batch_execute("INSERT INTO p VALUES (1, 1)").expect("insert");
    let made = site.capture().receipt.expect("batch").position.seq;
    db.batch_execute("INSERT INTO c VALUES (1, 1); UPDATE p SET v = 2").expect("changes");
    site.capture();
    let applied = give(&site, &site.store.rollback("shop/p/", &Moment::Seq(made)).expect("plan"));
    let count = |db: &mut Client, table: &str| db.query_one(&format!("SELECT count(*) FROM {table}"), &[]).expect("count").get::<_, i64>(0);
    assert_eq!((applied.done, count(&mut db, "audit")), (1, 1), "only the application's own update");
    let gone = give(&site, &site.store.rollback("shop/p/", &Moment::Seq(1)).expect("plan"));
    assert_eq!((gone.done, gone.pending.len(), count(&mut db, "c")), (0, 1, 1));
    assert!(gone.pending[0].1.contains("1 more row"), "{:?}", gone.pending);
    let both = give(&site, &site.store.rollback("shop/", &Moment::Seq(1)).expect("plan"));
    assert_eq!((count(&mut db, "p"), count(&mut db, "c")), (0, 0), "{both:?}");
    let states = db.query("SELECT tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname", &[]).expect("triggers");
    assert_eq!(states.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["A", "D"], "as the application left them");
}

#[test]
fn rows_that_meet_conditions_come_back_in_several_transactions() {
    let Some((_server, mut db, site)) = shop(SHOP) else { return };
    db.batch_execute("UPDATE item SET price = price + 1").expect("mistake");
    site.capture();
    let plan = site.store.restore_at("shop/item/", &Moment::Seq(1)).expect("plan");
    let mut one = plan.clone();
    site.store.narrow(&mut one, &[FieldIs::parse("price=30").expect("condition")]).expect("narrow");
    assert_eq!(one.items.iter().map(|i| i.key.as_str()).collect::<Vec<_>>(), ["shop/item/c"]);
    let applied = site.store.apply_to_source_in_batches(&plan, 2, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.done, applied.earlier.len(), prices(&mut db)), (3, 1, vec![10, 20, 30]));
    let last = give(&site, &site.store.undo(applied.receipt.expect("batch").position.seq).expect("plan"));
    assert_eq!((last.done, prices(&mut db)), (1, vec![10, 20, 31]));
    compare(&site, &mut db);
}

#[test]
fn every_kind_of_row_comes_back_as_it_was() {
    let setup = "CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE SCHEMA \"Odd one\"; \
        CREATE TABLE \"Odd one\".\"T/x\" (\"A b\" int GENERATED ALWAYS AS IDENTITY, k text, m mood, j json, jb jsonb, by bytea, p point, \
        ts timestamptz, \
        ar text[], c char(5), n numeric(9, 3), f float8, twice int GENERATED ALWAYS AS (1 + 1) STORED, PRIMARY KEY (k, \"A b\")); \
        CREATE TABLE loose (a int, b json); ALTER TABLE loose REPLICA IDENTITY FULL; \
        CREATE TABLE part (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id); \
        CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10); \
        CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20)";
    let Some((_server, mut db, site)) = shop(setup) else { return };
    db.batch_execute(
        "INSERT INTO \"Odd one\".\"T/x\" (k, m, j, jb, by, p, ts, ar, c, n, f) VALUES \
         ('a,/%''\\', 'it''s', '{\"a\": [1, \"\\\\\"]}', '{\"b\": 1.50}', '\\x00ff', '(1,2)', '2026-01-01 00:00:00+02', \
         '{a,NULL,\"b c\"}', 'x', 1.5, 0.1), \
         ('', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'NaN'); \
         INSERT INTO loose VALUES (1, '{\"a\": 1}'), (1, '{\"a\": 1}'), (NULL, NULL); INSERT INTO part VALUES (1, 'x'), (11, 'y')",
    )
    .expect("rows");
    site.capture();
    let text = "SELECT * FROM (SELECT 1 o, t::text FROM \"Odd one\".\"T/x\" t UNION ALL SELECT 2, t::text FROM loose t \
        UNION ALL SELECT 3, t::text FROM part t) r \
                ORDER BY 1, 2";
    let rows = |db: &mut Client| -> Vec<String> { db.query(text, &[]).expect("rows").iter().map(|row| row.get(1)).collect() };
    let before = rows(&mut db);
    let seq = site.store.position().expect("position").seq;
    db.batch_execute(
        "UPDATE \"Odd one\".\"T/x\" SET m = 'sad', j = '1', jb = '2', by = '', p = '(3,4)', ts = now(), ar = '{}', c = 'yy', n = 2, \
        f = -0.0 WHERE k <> ''; \
         DELETE FROM \"Odd one\".\"T/x\" WHERE k = ''; DELETE FROM loose WHERE a = 1; INSERT INTO loose VALUES (7, '[]'); \
         UPDATE part SET id = 12 WHERE id = 1; DELETE FROM part WHERE id = 11",
    )
    .expect("changes");
    site.capture();
    let applied = give(&site, &site.store.rollback("shop/", &Moment::Seq(seq)).expect("plan"));
    assert_eq!((applied.pending, rows(&mut db)), (vec![], before));
    assert_eq!(site.capture().receipt, None);
    site.compare(&mut db, "public.part", "part", &["id"]);
    site.compare(&mut db, "public.loose", "loose", &[]);
}

#[test]
fn rows_that_need_each_other_at_the_end_come_back_together() {
    let setup = "CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL); CREATE TABLE b (id int PRIMARY KEY, \
        a int NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED); \
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b DEFERRABLE INITIALLY DEFERRED; BEGIN; INSERT INTO a VALUES (1, 1), (2, 2); \
        INSERT INTO b VALUES (1, 1), (2, 2); COMMIT";
    let Some((_server, mut db, site)) = shop(setup) else { return };
    db.batch_execute("BEGIN; DELETE FROM a; DELETE FROM b; COMMIT").expect("gone");
    site.capture();
    let lone = give(&site, &site.store.restore_at("shop/a/1", &Moment::Seq(1)).expect("plan"));
    assert_eq!((lone.done, lone.pending.len()), (0, 1), "{lone:?}");
    assert_eq!(give(&site, &site.store.restore_at("shop/", &Moment::Seq(1)).expect("plan")).done, 4);
    site.compare(&mut db, "public.a", "a", &["id"]);
}

#[test]
fn a_cut_between_the_two_commits_doubles_nothing_and_the_batch_is_what_it_is() {
    let Some((server, mut db, site)) = shop(SHOP) else { return };
    db.batch_execute("UPDATE item SET price = price * 10").expect("mistake");
    let mistake = site.capture().receipt.expect("a batch").position.seq;
    let Site { dir, store, .. } = site;
    drop(store);
    let run = |words: &[&str], fault: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words).current_dir(dir.path()).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
        command.envs(fault.map(|place| ("ANNALS_FAULT", place)));
        let done = command.output().expect("runs");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let undo = format!("B{mistake}");
    let (code, _) = run(&["undo", &undo, "--to-source", "-y"], Some("source.commit:0"));
    assert_eq!((code, prices(&mut db)), (None, vec![100, 200, 300]), "cut before");
    let (code, _) = run(&["undo", &undo, "--to-source", "-y"], Some("source.committed:0"));
    assert_eq!((code, prices(&mut db)), (None, vec![10, 20, 30]), "cut after");
    let (code, text) = run(&["capture", "postgres", &server.url("shop"), "--name", "shop"], None);
    assert_eq!(code, Some(0), "{text}");
    let (_, log) = run(&["log", "--json=lines"], None);
    let last: serde_json::Value =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).max_by_key(|v: &serde_json::Value| v["seq"].as_u64()).expect("a batch");
    assert_eq!((last["seq"].as_u64(), last["cause"]["undo"].as_u64()), (Some(mistake + 1), Some(mistake)), "{log}");
    let (code, text) = run(&["undo", &undo, "--to-source", "-y"], None);
    assert!(code == Some(0) && text.contains("Nothing to do"), "{text}");
}

#[test]
fn rows_go_back_in_words() {
    let Some((_server, mut db, site)) = shop(SHOP) else { return };
    let Site { dir, store, .. } = site;
    drop(store);
    let run = |words: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words.split(' ')).current_dir(dir.path()).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
        let done = command.output().expect("runs");
        let text = String::from_utf8(done.stdout).expect("text");
        (done.status.code(), serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|_| text.into()))
    };
    db.batch_execute("UPDATE item SET price = 0").expect("mistake");
    // The program looks for what is new in the database before it plans.
    let (code, back) = run("restore shop/item/ --at seq:1 --where name=apple --where price=10 --to-source --batch 1 --json");
    assert_eq!((code, &back["done"], prices(&mut db)), (Some(0), &1.into(), vec![10, 0, 0]), "{back}");
    let undo = format!("undo B{} --to-source -y --json", back["seq"]);
    let (code, undone) = run(&undo);
    assert_eq!((code, prices(&mut db)), (Some(0), vec![0, 0, 0]), "{undone}");
    // What a rule of the database forbids stays pending, with the reason.
    db.batch_execute("DELETE FROM line; DELETE FROM item WHERE id = 'a'").expect("deleted");
    let (code, told) = run("restore shop/line/1@v1 --to-source --json");
    assert_eq!((code, &told["done"], &told["pending"][0]["key"]), (Some(3), &0.into(), &"shop/line/1".into()), "{told}");
    assert!(told["pending"][0]["reason"].as_str().is_some_and(|why| why.contains("foreign key")), "{told}");
    let (code, both) = run("restore shop/ --to-source -y --json");
    assert_eq!((code, &both["done"]), (Some(0), &2.into()), "together they fit: {both}");
    let undo = format!("undo B{} --to-source -y", both["seq"]);
    assert_eq!((run(&undo).0, prices(&mut db).len()), (Some(0), 2));
}
