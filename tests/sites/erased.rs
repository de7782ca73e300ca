//! Two lines of history of which one erased a subject: united, it stays erased, whatever the other recorded of it.

use annals::model::realign::Keep;
use annals::{By, Silent, Store};

use crate::support::{Host, World, sound, texts, world};

fn declared(w: &World, host: &Host) -> Store {
    drop(w.init(host, "s"));
    let path = w.path("s").join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text + "[erasable]\nprefixes = [\"person/\"]\n").expect("write");
    w.open(host, "s")
}

fn erase(store: &Store) {
    let by = By { actor: "leder".into(), reason: "asked for it".into(), ..By::default() };
    let plan = store.plan_erase("person/1").expect("plan");
    store.erase(&plan, &by, &Silent).expect("erase");
}

#[track_caller]
fn all_erased(store: &Store) {
    let all = store.history("person/1/notes").expect("history");
    assert!(all.iter().all(|version| version.forgotten.as_ref().is_some_and(|f| f.erased)), "{all:?}");
    assert!(!texts(store).contains_key("person/1/notes"));
    assert_eq!(texts(store)["person/2/notes"], "second");
}

/// Both persons offsite, a copy of the directory, and one more version offsite that the copy does not have.
fn parted(w: &World, host: &Host, theirs: impl FnOnce(&Store)) -> Store {
    let store = declared(w, host);
    w.put(&store, "person/1/notes", "first");
    w.put(&store, "person/2/notes", "second");
    w.shipped(&store);
    drop(store);
    w.copy("s", "backup");
    let store = w.open(host, "s");
    theirs(&store);
    w.shipped(&store);
    drop(store);
    w.put_back("backup", "s");
    let store = w.open(host, "s");
    w.put(&store, "own", "ours");
    store
}

#[test]
fn what_they_erased_is_erased_here_after_the_realignment() {
    let w = world();
    let host = w.host("a");
    let store = parted(&w, &host, |store| {
        w.put(store, "person/1/notes", "first again");
        erase(store);
    });
    assert_eq!(texts(&store)["person/1/notes"], "first", "an older copy does not know yet");
    w.realign(&store, Keep::Both);
    all_erased(&store);
    assert_eq!(texts(&store)["own"], "ours");
    w.goes_on(&store, "s");
    assert!(!store.erasure_left_here().expect("known"));
    sound(&store);
    all_erased(&w.rebuild(&w.bare("other"), "again", "s"));
}

#[test]
fn what_we_erased_stays_so_whatever_they_recorded_of_it() {
    let w = world();
    let host = w.host("a");
    let store = parted(&w, &host, |store| {
        w.put(store, "person/1/notes", "first again");
    });
    erase(&store);
    w.realign(&store, Keep::Both);
    all_erased(&store);
    w.goes_on(&store, "s");
    sound(&store);
    all_erased(&w.rebuild(&w.bare("other"), "again", "s"));
}
