//! Rows of the history written back into the database that they came from.

use annals::engine::plans::{Applied, By};
use annals::model::change::Cause;
use annals::model::plan::Plan;
use annals::{Moment, OnConflict, Silent};
use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

fn shop(mode: &str) -> (Site, Connection) {
    let site = site();
    let app = site.app(&format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE item (id TEXT PRIMARY KEY, price INT, name TEXT); \
         CREATE TABLE line (id INTEGER PRIMARY KEY, item TEXT REFERENCES item (id), n INT CHECK (n > 0)); \
         INSERT INTO item VALUES ('a', 10, 'apple'), ('b', 20, 'pear'), ('c', 30, 'plum'); INSERT INTO line VALUES (1, 'a', 5)"
    ));
    site.capture();
    (site, app)
}

fn by() -> By {
    By { actor: "806".into(), reason: String::new(), origin: "test".into() }
}

fn price(app: &Connection, id: &str) -> i64 {
    app.query_row("SELECT price FROM item WHERE id = ?", [id], |r| r.get(0)).expect("price")
}

#[test]
fn a_bulk_change_is_undone_in_the_database_and_the_undo_as_well() {
    for mode in ["WAL", "DELETE"] {
        let (site, app) = shop(mode);
        app.execute_batch("UPDATE item SET price = price * 10").expect("mistake");
        let mistake = site.capture().receipt.expect("a batch").position.seq;
        app.execute_batch("UPDATE item SET name = 'Pear' WHERE id = 'b'").expect("later");
        site.capture();
        let plan = site.store.undo(mistake).expect("plan");
        let applied = site.store.apply_to_source(&plan, OnConflict::Skip, &by(), &Silent).expect("apply");
        assert_eq!((applied.done, applied.pending.len(), applied.skipped.len()), (3, 0, 0), "{mode}");
        assert_eq!((price(&app, "a"), price(&app, "b"), price(&app, "c")), (10, 20, 30));
        assert!(site.restored().contains(&"item(\"b\", 20, \"Pear\")".to_owned()), "what was changed since stays");
        let seq = applied.receipt.expect("a batch").position.seq;
        let batch = site.store.batches(seq, seq, 1).expect("batch").remove(0);
        assert_eq!((batch.event.cause, batch.event.actor.as_str()), (Cause::Undo(mistake), "806"));
        assert_eq!(site.capture().receipt, None, "what was given back is captured already");
        let redo = site.store.undo(seq).expect("plan");
        site.store.apply_to_source(&redo, OnConflict::Skip, &by(), &Silent).expect("apply");
        assert_eq!(price(&app, "a"), 100);
        assert_eq!(site.restored(), dump(&app));
    }
}

#[test]
fn one_row_comes_back_and_what_the_database_forbids_stays_pending() {
    let (site, app) = shop("WAL");
    app.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM line; DELETE FROM item WHERE id = 'a'").expect("deleted");
    site.capture();
    let line = site.store.restore_at("app/line/1", &Moment::Seq(1)).expect("plan");
    let applied = site.store.apply_to_source(&line, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.done, applied.receipt), (0, None));
    assert_eq!(applied.pending.len(), 1, "its item is not there");
    assert!(applied.pending[0].1.contains("FOREIGN KEY"), "{:?}", applied.pending);
    // Together they fit, in whatever order they stand.
    let both = site.store.restore_at("app/", &Moment::Seq(1)).expect("plan");
    let applied = site.store.apply_to_source(&both, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.done, applied.pending.len()), (2, 0), "{applied:?}");
    assert_eq!((price(&app, "a"), site.restored()), (10, dump(&app)));
}

#[test]
fn a_plan_is_stale_once_the_application_wrote() {
    let (site, app) = shop("WAL");
    app.execute_batch("UPDATE item SET price = 1 WHERE id = 'a'").expect("update");
    site.capture();
    let plan = site.store.undo(2).expect("plan");
    app.execute_batch("UPDATE item SET price = 2 WHERE id = 'a'").expect("update");
    let refused = site.store.apply_to_source(&plan, OnConflict::Skip, &by(), &Silent).expect_err("stale");
    assert_eq!((refused.code(), price(&app, "a")), ("plan.stale", 2));
    let plan = site.store.undo(2).expect("plan");
    assert_eq!(plan.summary().conflicts, 1, "the field was changed since");
    let applied = site.store.apply_to_source(&plan, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.skipped.len(), price(&app, "a")), (1, 2));
}

#[test]
fn the_history_of_a_database_is_not_changed_without_it() {
    let (site, app) = shop("WAL");
    app.execute_batch("UPDATE item SET price = 1 WHERE id = 'a'").expect("update");
    site.capture();
    let plan = site.store.undo(2).expect("plan");
    assert_eq!(site.store.apply(&plan, OnConflict::Skip, &by()).expect_err("refused").code(), "capture.source");
}

#[test]
fn triggers_stay_quiet_and_cascades_are_not_set_off() {
    let site = site();
    let app = site.app(
        "PRAGMA journal_mode = WAL; CREATE TABLE p (id INTEGER PRIMARY KEY, v); \
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p (id) ON DELETE CASCADE); \
         CREATE TABLE audit (n INTEGER PRIMARY KEY); CREATE TRIGGER g AFTER UPDATE ON p BEGIN INSERT INTO audit VALUES (NULL); END",
    );
    site.capture();
    app.execute_batch("INSERT INTO p VALUES (1, 1)").expect("insert");
    let made = site.capture().receipt.expect("batch").position.seq;
    app.execute_batch("INSERT INTO c VALUES (1, 1); UPDATE p SET v = 2").expect("changes");
    site.capture();
    let plan = site.store.rollback("app/p/", &Moment::Seq(made)).expect("plan");
    let applied = site.store.apply_to_source(&plan, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!(applied.done, 1);
    let audited: i64 = open(&site.path("app.db")).query_row("SELECT count(*) FROM audit", [], |r| r.get(0)).expect("count");
    assert_eq!(audited, 1, "only the application's own update");
    let gone = site.store.rollback("app/p/", &Moment::Seq(1)).expect("plan");
    let applied = site.store.apply_to_source(&gone, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.done, applied.pending.len()), (0, 1), "{applied:?}");
    assert!(applied.pending[0].1.contains("1 more row"), "{:?}", applied.pending);
    assert_eq!(site.restored(), dump(&app));
}

#[test]
fn rows_that_meet_conditions_come_back_in_several_transactions() {
    let (site, app) = shop("WAL");
    app.execute_batch("UPDATE item SET price = price + 1").expect("mistake");
    site.capture();
    let mut plan = site.store.restore_at("app/item/", &Moment::Seq(1)).expect("plan");
    let conditions = [annals::engine::find::FieldIs::parse("price=30").expect("condition")];
    let mut one = plan.clone();
    site.store.narrow(&mut one, &conditions).expect("narrow");
    assert_eq!(one.items.iter().map(|i| i.key.as_str()).collect::<Vec<_>>(), ["app/item/c"]);
    let applied = site.store.apply_to_source_in_batches(&plan, 2, OnConflict::Skip, &by(), &Silent).expect("apply");
    assert_eq!((applied.done, applied.earlier.len()), (3, 1));
    assert_eq!((price(&app, "a"), price(&app, "b"), price(&app, "c")), (10, 20, 30));
    let last = applied.receipt.expect("a batch").position.seq;
    let undo = site.store.undo(last).expect("undo");
    site.store.apply_to_source(&undo, OnConflict::Skip, &by(), &Silent).expect("undone");
    assert_eq!((price(&app, "a"), price(&app, "c"), site.restored()), (10, 31, dump(&app)));
    plan = site.store.restore_at("app/item/", &Moment::Seq(1)).expect("plan");
    assert_eq!(plan.items.len(), 1);
}

#[test]
fn a_request_that_is_made_again_is_told_what_was_done_and_another_is_refused() {
    let (site, app) = shop("WAL");
    app.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM line; DELETE FROM item WHERE id <> 'c'; UPDATE item SET price = 31").expect("deleted");
    site.capture();
    // The line has to wait for its item, which is not in the plan.
    let plan = site.store.restore_at("app/", &Moment::Seq(1)).expect("plan");
    let items: Vec<_> = plan.items.iter().filter(|item| item.key != "app/item/a").cloned().collect();
    let plan = plan.part(items, &plan.position().expect("position"));
    let once = |plan: &Plan| site.store.apply_to_source_once(plan, OnConflict::Override, &by(), "7", &Silent);
    let first = once(&plan).expect("apply");
    let names = |applied: &Applied| applied.pending.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>();
    assert_eq!((first.done, names(&first)), (2, vec!["app/line/1".to_owned()]));
    // Even if the application has moved on with what came back.
    app.execute_batch("UPDATE item SET price = 99 WHERE id = 'b'").expect("work");
    let again = once(&plan).expect("told");
    assert_eq!((again.done, names(&again), price(&app, "b")), (2, vec!["app/line/1".to_owned()], 99));
    let (first, again) = (first.receipt.expect("a batch"), again.receipt.expect("a batch"));
    assert_eq!((again.position, again.repeated, first.repeated), (first.position, true, false));
    let other = site.store.undo(first.position.seq).expect("plan");
    assert_eq!(once(&other).expect_err("another").code(), "request.differs");
}
