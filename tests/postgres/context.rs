//! Who and why, from a table of the application.

use annals::{By, Silent};

use crate::server::{Server, Site};

const ITEM: &str = "CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 0)";

/// Who and why of the batches from `seq` on.
fn said(site: &Site, seq: u64) -> Vec<(String, String)> {
    site.store.batches(seq, 0, 99).expect("batches").into_iter().map(|b| (b.event.actor, b.event.reason)).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(actor, reason)| ((*actor).to_owned(), (*reason).to_owned())).collect()
}

#[test]
fn a_row_says_who_and_why_whether_the_table_has_a_key_or_not() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    db.batch_execute(
        "CREATE TABLE annals_context (actor TEXT, reason TEXT); INSERT INTO annals_context VALUES ('old', 'before'); \
         CREATE SCHEMA app; CREATE TABLE app.annals_context (session int PRIMARY KEY, actor text, reason text, note text)",
    )
    .expect("tables");
    let mut site = Site::new(&server);
    site.what.tables = vec!["item".into()];
    let base = site.capture();
    assert_eq!((base.added, &base.skipped[..]), (1, &[][..]), "no rows of it, and it is not left out");
    for sql in [
        "INSERT INTO annals_context VALUES ('806', 'stock count'); UPDATE item SET n = 1",
        "INSERT INTO app.annals_context VALUES (1, '807', 'first', ''); UPDATE item SET n = 2",
        "UPDATE item SET n = 3; UPDATE app.annals_context SET actor = '808', reason = 'again'",
        "SELECT pg_logical_emit_message(true, 'annals', '{\"actor\":\"809\"}'); INSERT INTO annals_context VALUES ('nobody', 'why'); UPDATE item SET n = 4",
        "INSERT INTO annals_context VALUES ('810', NULL); INSERT INTO annals_context VALUES (NULL, 'later'); UPDATE item SET n = 5",
        // Without a key only what is inserted is heard, and the application is not hindered by that.
        "UPDATE annals_context SET actor = 'unheard'; UPDATE item SET n = 6",
        "DELETE FROM annals_context; DELETE FROM app.annals_context; UPDATE item SET n = 7",
        "TRUNCATE annals_context, app.annals_context; UPDATE item SET n = 8",
        "INSERT INTO annals_context VALUES ('811', 'nothing else')",
    ] {
        db.batch_execute(&format!("BEGIN; {sql}; COMMIT")).expect("the application is not hindered");
    }
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals, done.rows), (8, 0, 8));
    let all = [("806", "stock count"), ("807", "first"), ("808", "again"), ("809", "why"), ("810", "later"), ("", ""), ("", ""), ("", "")];
    assert_eq!(said(&site, 2), pairs(&all));
    assert_eq!(site.keys("shop/"), ["shop/.schema", "shop/item/1"]);
    assert!(site.store.compare_database(b"shop/", &Silent).expect("compared").is_empty());
    site.store.end_postgres(&site.what).expect("ended");
    assert!(db.query("SELECT 1 FROM pg_publication", &[]).expect("asked").is_empty(), "none is left behind");
}

#[test]
fn a_table_that_is_made_later_is_heard_from_then_on() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let site = Site::new(&server);
    site.capture();
    let by = By::default();
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("follows");
    follower.look().expect("a visit");
    db.batch_execute("CREATE TABLE annals_context (actor TEXT, reason TEXT)").expect("a table");
    assert_eq!(follower.look().expect("a visit").merged_intervals, 0, "nothing has to be read again");
    let before = site.store.position().expect("position").seq;
    for n in 1..=3 {
        db.batch_execute(&format!("BEGIN; INSERT INTO annals_context VALUES ('{n}', 'work'); UPDATE item SET n = {n}; COMMIT")).expect("work");
        assert_eq!(follower.look().expect("a look").transactions, 1);
    }
    assert_eq!(said(&site, before + 1), pairs(&[("1", "work"), ("2", "work"), ("3", "work")]));
    drop(follower);
    // With a key from now on its updates are heard too.
    db.batch_execute("ALTER TABLE annals_context ADD id serial PRIMARY KEY; UPDATE annals_context SET actor = 'x'").expect("a key");
    site.capture();
    db.batch_execute("BEGIN; UPDATE annals_context SET actor = '4' WHERE actor = 'x'; UPDATE item SET n = 4; COMMIT").expect("work");
    assert_eq!(site.capture().merged_intervals, 0);
    let last = site.store.position().expect("position").seq;
    assert_eq!(said(&site, last)[0].0, "4");
    assert!(site.keys("shop/annals_context/").is_empty());
    // What the application needs is in the schema, so that a database can be made from it.
    assert!(site.text("shop/.schema").contains("annals_context"));
    let sql = site.dir.path().join("shop.sql");
    site.store.now().dump_postgres(b"shop/", &sql, &Silent).expect("dumped");
    assert!(std::fs::read_to_string(sql).expect("SQL").contains("CREATE TABLE \"public\".\"annals_context\""));
}

#[test]
fn a_capture_from_before_hears_it_and_one_without_the_right_says_so() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let mut site = Site::new(&server);
    site.capture();
    // As an earlier program left it.
    db.batch_execute("DROP PUBLICATION \"annals_shop.context\"").expect("dropped");
    db.batch_execute("UPDATE item SET n = 1").expect("work");
    assert_eq!(site.capture().transactions, 1);
    db.batch_execute("CREATE TABLE annals_context (actor TEXT, reason TEXT)").expect("a table");
    site.capture();
    db.batch_execute("BEGIN; INSERT INTO annals_context VALUES ('806', 'now'); UPDATE item SET n = 2; COMMIT").expect("work");
    assert_eq!(site.capture().transactions, 1);
    let last = site.store.position().expect("position").seq;
    assert_eq!(said(&site, last), pairs(&[("806", "now")]));

    db.batch_execute("CREATE ROLE app LOGIN REPLICATION; GRANT CREATE ON DATABASE shop TO app; ALTER TABLE item OWNER TO app").expect("a role");
    site.what.url = server.url("shop").replace("user=postgres", "user=app");
    (site.what.name, site.what.prefix) = ("app".into(), b"app/".to_vec());
    let done = site.capture();
    assert_eq!((done.added, done.skipped.len()), (1, 1));
    assert!(done.skipped[0].0 == "public.annals_context" && done.skipped[0].1.contains("OWNER TO"), "{:?}", done.skipped);
}
