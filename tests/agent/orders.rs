//! Orders to a database that an application goes on writing to: cut at every place, carried out once, and told as done.

use annals::agent::order::{Carried, Content, Order, Outcome, What};
use annals::base::fault::{self, Fault};
use annals::engine::plans::By;
use annals::model::change::Cause;
use annals::model::job::State;
use annals::model::realign::{Keep, RealignPlan};
use annals::{Kind, Silent, Store};
use rusqlite::Connection;

use crate::support::{HOUR, Site, newest};

const STOCK: &str = "[[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\n";

fn open(site: &Site) -> Connection {
    let connection = Connection::open(site.path("stock.db")).expect("open");
    connection.execute_batch("PRAGMA synchronous = OFF").expect("pragma");
    connection
}

/// A captured database in which every price is 10.
fn stock() -> (Site, Connection) {
    let site = Site::new(STOCK);
    let app = open(&site);
    let setup = "PRAGMA journal_mode = WAL; CREATE TABLE item (id TEXT PRIMARY KEY, price INT, note TEXT); CREATE TABLE other (id TEXT PRIMARY KEY, note TEXT); \
        INSERT INTO item VALUES ('a', 10, ''), ('b', 10, ''), ('c', 10, '')";
    app.execute_batch(setup).expect("tables");
    look(&site.open());
    (site, app)
}

fn by() -> By {
    By { actor: "806".into(), reason: "feil".into(), origin: "web".into() }
}

/// Captures what was committed since; where its log ends then.
fn look(store: &Store) -> u64 {
    store.catch_up_databases(&By::default(), &Silent).or_else(|e| if e.kind() == Kind::Refused { Ok(()) } else { Err(e) }).expect("captured");
    if store.captured_databases().expect("captured").is_empty() {
        let what = annals::engine::capture::sqlite::SqliteCapture::new(store.dir().parent().expect("dir").join("stock.db"), b"stock");
        store.capture_sqlite(&what, &By::default(), &Silent).expect("captured");
    }
    store.position().expect("position").seq
}

fn order(store: &Store, what: What, content: &Content<'_>) -> i64 {
    let By { actor, reason, origin } = by();
    store.order(&Order { what, actor, reason, origin, request: String::new() }, content).expect("order")
}

/// Orders once without a fault and then with one at each place that was passed; after each, whoever comes next finishes it. `check` sees what it
/// came to, and how far it was when it was cut.
fn cut_at_every_place(site: &Site, prepare: &dyn Fn(&Store) -> i64, between: &dyn Fn(u64), check: &dyn Fn(&Store, u64, &Outcome)) -> u64 {
    let mut places = u64::MAX;
    let mut n = 0;
    while n < places {
        let agent = site.stepwise();
        let job = prepare(&agent.store());
        if places == u64::MAX {
            let (done, seen) = fault::count(|| agent.run());
            done.expect("run");
            assert!(seen.contains(&"source.committed"), "{seen:?}");
            places = seen.len() as u64;
        } else {
            // What the agent says of a disk that went away is not the question.
            let _ = fault::arm(n, Fault::Error, || agent.run());
            n += 1;
        }
        drop(agent);
        between(n);
        let agent = site.stepwise();
        for _ in 0..5 {
            site.clock.advance(HOUR);
            agent.run().expect("run");
        }
        let store = agent.store();
        let done = store.job(job).expect("job");
        assert_eq!(done.state, State::Done, "cut at {n} of {places}: {done:?}");
        let annals::model::job::Task::Apply(id) = &newest(&store, "apply").task else { panic!("another job") };
        check(&store, n, &store.outcome(id).expect("readable").expect("an outcome"));
    }
    places
}

fn causes(store: &Store, cause: Cause) -> Vec<u64> {
    let head = store.position().expect("position").seq;
    let all = store.batches(1, head, usize::MAX >> 1).expect("batches");
    all.into_iter().filter(|batch| batch.event.cause == cause).map(|batch| batch.event.seq).collect()
}

#[test]
fn an_order_to_a_database_is_done_once_wherever_it_is_cut() {
    let (site, app) = stock();
    let mistake = std::cell::Cell::new(0);
    let prepare = |store: &Store| {
        look(store);
        app.execute_batch(&format!("UPDATE item SET price = 1000 + {}", mistake.get())).expect("mistake");
        mistake.set(look(store));
        let plan = store.undo(mistake.get()).expect("plan");
        order(store, What::Plan { tenant: "main".into(), purpose: plan.purpose.clone(), to_source: true }, &Content::Plan(&plan))
    };
    // The application goes on meanwhile, and every third time nobody can say any more which transactions there were.
    let between = |n: u64| {
        app.execute_batch(&format!("INSERT OR REPLACE INTO other VALUES ('later', '{n}')")).expect("work");
        if n.is_multiple_of(3) {
            app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("folded in");
        }
    };
    let merged = std::cell::Cell::new(0);
    let check = |store: &Store, n: u64, outcome: &Outcome| {
        let batch = causes(store, Cause::Undo(mistake.get()));
        let Outcome::Plan(Carried { done, batch: told, pending, skipped, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((*done, pending.len(), *skipped), (3, 0, 0), "at {n}");
        let wrong: i64 = app.query_row("SELECT count(*) FROM item WHERE price <> 10", [], |row| row.get(0)).expect("rows");
        assert_eq!((wrong, *told), (0, batch.first().copied()), "at {n}");
        if n.is_multiple_of(3) && batch.is_empty() {
            // It is in one batch with what the application did.
            merged.set(merged.get() + 1);
            return;
        }
        assert_eq!(batch.len(), 1, "at {n}");
        let event = store.batches(batch[0], batch[0], 1).expect("batch").remove(0).event;
        assert_eq!((event.actor.as_str(), event.reason.as_str()), ("806", "feil"), "at {n}");
    };
    let places = cut_at_every_place(&site, &prepare, &between, &check);
    assert!(places > 15 && merged.get() > 0, "{places} {}", merged.get());
}

#[test]
fn an_order_to_realign_a_database_is_done_once_wherever_it_is_cut() {
    let (site, app) = stock();
    drop(app);
    let prepare = |store: &Store| {
        let app = open(&site);
        let _ = std::fs::remove_file(site.path("old.db"));
        app.execute_batch(&format!("VACUUM INTO '{}'", site.path("old.db").display())).expect("copy");
        app.execute_batch("UPDATE item SET price = price + 1").expect("lost");
        look(store);
        drop(app);
        for name in ["stock.db", "stock.db-wal", "stock.db-shm"] {
            let _ = std::fs::remove_file(site.path(name));
        }
        std::fs::copy(site.path("old.db"), site.path("stock.db")).expect("put back");
        open(&site).execute_batch("UPDATE item SET note = note || 'x' WHERE id = 'a'").expect("work");
        look(store);
        let plan = store.plan_realign_database(b"stock/", Keep::Both, &by(), &Silent).expect("plan").expect("out of line");
        let mut all = RealignPlan::new(Vec::new());
        all.databases.push(plan);
        order(store, What::Realign { keep: Keep::Both }, &Content::Realign(&all))
    };
    let seen = std::cell::Cell::new((10, 1));
    let check = |store: &Store, n: u64, outcome: &Outcome| {
        let (price, notes) = (seen.get().0 + 1, seen.get().1);
        seen.set((price, notes + 1));
        let Outcome::Realign { databases, .. } = outcome else { panic!("{outcome:?}") };
        let head = store.position().expect("position").seq;
        let done = &databases[0];
        assert_eq!(
            (databases.len(), done.found, done.batch, done.seq, done.open.len()),
            (1, Some(head - 1), Some(head), head, 0),
            "at {n}: {done:?}"
        );
        assert_eq!(done.written, 3, "at {n}");
        let right: i64 = open(&site)
            .query_row("SELECT count(*) FROM item WHERE price = ?1 AND (id <> 'a' OR length(note) = ?2)", (price, notes), |row| row.get(0))
            .expect("rows");
        assert_eq!(right, 3, "at {n}");
        assert_eq!(look(store), head, "in line, at {n}");
    };
    let places = cut_at_every_place(&site, &prepare, &|_| {}, &check);
    assert!(places > 20, "{places}");
}
