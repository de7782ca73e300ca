//! Single kinds of tables and statements whose changes are known beforehand.

use annals::format::sqlite::schema::Role;
use rusqlite::Connection;

use crate::rows::World;

/// A database in WAL mode, watched from the end of `setup` on.
fn world(setup: &str) -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let db = Connection::open(&path).expect("a database");
    let mode = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF";
    db.execute_batch(&format!("PRAGMA page_size = 1024; {setup}; {mode}")).expect("a setup");
    (World::watch(db, &path, vec![setup.to_owned()]), folder)
}

/// Row changes of a statement.
fn changed(world: &mut World, sql: &str) -> u64 {
    let before = world.changed;
    assert!(world.run(sql), "{sql}");
    world.follow();
    world.changed - before
}

const NUMBERS: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)";

#[test]
fn a_vacuum_of_keyed_tables_changes_no_row() {
    let (mut world, _folder) = world(&format!(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x); {NUMBERS} INSERT INTO a SELECT i * 3, zeroblob(i % 40 * 60) FROM n;
         CREATE TABLE b (code TEXT PRIMARY KEY, x); {NUMBERS} INSERT INTO b SELECT 'code ' || i, i FROM n;
         CREATE TABLE c (p, q, x, PRIMARY KEY (q DESC, p)) WITHOUT ROWID; {NUMBERS} INSERT INTO c SELECT i % 7, i, zeroblob(i % 30 * 50) FROM n"
    ));
    assert_eq!(world.rows.len(), 1500);
    let removed = ["a", "b", "c"].map(|table| changed(&mut world, &format!("DELETE FROM {table} WHERE abs(random()) % 3 = 0")));
    assert!(removed.iter().all(|n| *n > 100), "{removed:?}");
    let commits = world.commits;
    assert_eq!(changed(&mut world, "VACUUM"), 0);
    assert!(world.commits > commits, "the vacuum wrote pages");
}

#[test]
fn one_statement_is_the_rows_that_it_changed() {
    let (mut world, _folder) = world(&format!(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, code TEXT UNIQUE, x); {NUMBERS} INSERT INTO a SELECT i, 'c' || i, i * 1.5 FROM n;
         CREATE INDEX i ON a (x, code)"
    ));
    assert_eq!(changed(&mut world, "UPDATE a SET x = -1 WHERE id = 77"), 1);
    assert_eq!(changed(&mut world, "UPDATE a SET x = x"), 0);
    // Row 8 takes the code of row 9, which goes.
    assert_eq!(changed(&mut world, "REPLACE INTO a VALUES (8, 'c9', 0)"), 2);
    assert_eq!(changed(&mut world, "REINDEX; ANALYZE"), 0);
    assert_eq!(changed(&mut world, "ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'new'"), 0);
    assert_eq!(changed(&mut world, "ALTER TABLE a RENAME COLUMN x TO z"), 499);
    assert_eq!(changed(&mut world, "ALTER TABLE a RENAME TO b"), 998);
    assert_eq!(changed(&mut world, "DELETE FROM b"), 499);
    assert_eq!(changed(&mut world, "DROP TABLE b"), 0);
}

#[test]
fn a_rebuilt_table_gives_only_what_is_different() {
    let (mut world, _folder) = world(&format!("CREATE TABLE a (code TEXT PRIMARY KEY, x); {NUMBERS} INSERT INTO a SELECT 'c' || i, i FROM n"));
    let sql = "BEGIN; CREATE TABLE n (code TEXT PRIMARY KEY, x) WITHOUT ROWID; INSERT INTO n SELECT code, x FROM a WHERE x <> 5 ORDER BY random();
               UPDATE n SET x = 'six' WHERE x = 6; DROP TABLE a; ALTER TABLE n RENAME TO a; COMMIT";
    assert_eq!(changed(&mut world, sql), 2);
}

#[test]
fn what_virtual_tables_keep_is_not_the_applications() {
    let (mut world, _folder) = world(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
         CREATE VIRTUAL TABLE found USING fts5(body, content = notes, content_rowid = id);
         CREATE VIRTUAL TABLE own USING fts5(body);
         CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
         CREATE TRIGGER t AFTER INSERT ON notes BEGIN INSERT INTO found (rowid, body) VALUES (new.id, new.body); END",
    );
    let sql = "INSERT INTO notes (body) VALUES ('one'), ('two'); INSERT INTO places VALUES (1, 2, 3); INSERT INTO own VALUES ('three')";
    assert_eq!(changed(&mut world, sql), 2);
    let role = |name: &str| world.state.schema.table(name).map(|table| table.role.clone());
    assert_eq!(role("places"), Some(Role::Virtual { module: "rtree".into() }));
    assert_eq!(role("places_node"), Some(Role::Shadow { of: "places".into(), content: false }));
    assert_eq!(role("own_content"), Some(Role::Shadow { of: "own".into(), content: true }));
    assert_eq!(role("found_data"), Some(Role::Shadow { of: "found".into(), content: false }));
    assert_eq!(role("sqlite_sequence"), Some(Role::Internal));
    assert_eq!(role("notes"), Some(Role::Plain));
}

#[test]
fn a_key_with_null_is_many_rows() {
    let (mut world, _folder) = world("CREATE TABLE a (code TEXT PRIMARY KEY, x)");
    assert_eq!(changed(&mut world, "INSERT INTO a VALUES (NULL, 1), (NULL, 2), ('null', 3)"), 3);
    let keys: Vec<&str> = world.rows.keys().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["'null", "rowid:1", "rowid:2"]);
    assert_eq!(changed(&mut world, "UPDATE a SET code = 'now' WHERE x = 2"), 2);
}
