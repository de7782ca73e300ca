//! One document is brought back: as a file beside the store, and as the current version again.
//!
//! `cargo run --example restore_one_document`

use annals::{By, Error, Moment, OnConflict, Result, Store};

/// Runs the example in a temporary directory.
pub fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| Error::io("make a temporary directory", e))?;
    let store = Store::init(dir.path().join("history"), "clinic-17")?;
    store.put("letter.txt", &b"Dear Ada,\nthe meeting is on Monday.\n"[..])?;
    store.mark("before the mail merge")?;
    store.put("letter.txt", &b"Dear {NAME},\n"[..])?;
    store.remove("letter.txt")?;

    // Whoever asks for it now learns what happened and what to do.
    let gone = store.get("letter.txt").err().expect("it was removed");
    println!("{gone}\n  hint: {}", gone.what_next().unwrap_or_default());

    // As a file: any moment that the time expressions know will do.
    let when = store.moment("mark:before the mail merge")?;
    let version = store.find_version("letter.txt", Some(&when))?;
    let file = dir.path().join("letter-old.txt");
    store.restore_file(&version, &file, false)?;
    let text = std::fs::read_to_string(&file).map_err(|e| Error::io("read the letter", e))?;
    assert!(text.starts_with("Dear Ada"));

    // As the current version: a new version with the old content. The history keeps what was between.
    let plan = store.restore("letter.txt", version.number)?;
    store.apply(&plan, OnConflict::Skip, &By::default())?;
    assert_eq!(store.get("letter.txt")?.bytes(4096)?, text.as_bytes());
    assert_eq!(store.history("letter.txt")?.len(), 3);
    assert_eq!(store.find_version("letter.txt", Some(&Moment::Version(2)))?.size, 13);
    Ok(())
}
