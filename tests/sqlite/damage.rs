//! Damaged databases: an error or wrong rows, but never a panic or a circle.

use annals::format::sqlite::changes::{State, changes};
use annals::format::sqlite::pages::{Bytes, Pages};
use annals::format::sqlite::tree::Database;
use rusqlite::Connection;

use crate::rows::Dice;

/// A database with every kind of page.
fn database(folder: &std::path::Path) -> Vec<u8> {
    let path = folder.join("app.db");
    let db = Connection::open(&path).expect("a database");
    db.execute_batch(
        "PRAGMA page_size = 512;
         CREATE TABLE plain (id INTEGER PRIMARY KEY, a TEXT, b BLOB);
         CREATE TABLE keyed (a TEXT, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID;
         CREATE INDEX i ON plain (a);
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
         INSERT INTO plain SELECT i, 'text ' || i, zeroblob(i * 7 % 900) FROM n;
         INSERT INTO keyed SELECT a, id, b FROM plain;
         DELETE FROM plain WHERE id % 9 = 0;",
    )
    .expect("rows");
    drop(db);
    std::fs::read(path).expect("the file")
}

#[test]
fn random_damage_never_panics_or_loops() {
    let folder = tempfile::tempdir().expect("a folder");
    let sound = database(folder.path());
    let before = Bytes::new(&sound).expect("pages");
    let state = State::read(&before).expect("a state");
    let count = before.count();
    let rounds = std::env::var("ANNALS_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let (mut refused, mut read) = (0, 0);
    for seed in 0..rounds {
        let mut dice = Dice::new(seed);
        let mut bytes = sound.clone();
        let mut touched = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let page = dice.below(u64::from(count)) as usize;
            // Mostly the front of the page, where its structure is.
            let within = if dice.below(3) > 0 { dice.below(16) } else { dice.below(512) } as usize;
            let at = page * 512 + within + if page == 0 { 100 } else { 0 };
            bytes[at.min(sound.len() - 1)] = dice.next() as u8;
            touched.push(page as u32 + 1);
        }
        let after = Bytes::new(&bytes).expect("pages");
        let mut next = state.clone();
        match changes(&before, &after, &touched, &mut next, &|_| true) {
            Ok(_) => read += 1,
            Err(e) => {
                refused += 1;
                assert!(!e.to_string().is_empty());
                assert_eq!(next.owners, state.owners, "a failure leaves the state as it was");
            }
        }
        let _ = State::read(&after);
        let database = Database::open(&after).expect("a header");
        for table in &state.schema.tables {
            let mut rows = 0u64;
            let _ = table.rows(&database, &mut |_, _| {
                rows += 1;
                Ok(())
            });
            assert!(rows <= 60 * u64::from(count), "{rows} rows");
        }
    }
    assert!(refused > rounds / 10 && read > 0, "{refused} were refused, {read} were read");
}
