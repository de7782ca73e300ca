//! Which field of a record changed when, from what to what, and by whom.
//!
//! `cargo run --example field_history`

use annals::model::text::Comparison;
use annals::{Error, Moment, Result, Store};

/// Runs the example in a temporary directory.
pub fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| Error::io("make a temporary directory", e))?;
    let store = Store::init(dir.path().join("history"), "clinic-17")?;
    let steps = [
        ("import", r#"{"name": "Ada", "address": {"city": "Bergen"}, "phone": ""}"#),
        ("806", r#"{"name": "Ada", "address": {"city": "Oslo"}, "phone": ""}"#),
        ("811", r#"{"name": "Ada", "address": {"city": "Oslo"}, "phone": "555 01 23"}"#),
    ];
    for (actor, text) in steps {
        let mut batch = store.batch("").actor(actor);
        batch.put("person/38754", text.as_bytes())?;
        batch.commit()?;
    }

    // Newest first: every version with the fields that it changed. An empty value is not an absent one.
    let mut changed = Vec::new();
    for step in store.fields("person/38754", None)? {
        let step = step?;
        for row in step.rows.unwrap_or_default() {
            let side = |value: &Option<annals::model::field::Value>| value.as_ref().map_or("(absent)".to_owned(), ToString::to_string);
            println!("v{}  by {:<6}  {}: {} -> {}", step.version, step.event.actor, row.path, side(&row.old), side(&row.new));
            changed.push((step.version, row.path.to_string()));
        }
    }
    assert_eq!(changed[..2], [(3, "phone".to_owned()), (2, "address.city".to_owned())]);

    // Two versions side by side; `all` would show the fields that are the same as well.
    let version = |n| store.find_version("person/38754", Some(&Moment::Version(n)));
    let pair = store.diff(version(1)?, version(3)?)?;
    let Comparison::Fields(difference) = pair.compare(false, 3) else { return Err(Error::usage("example", "both versions are JSON")) };
    assert_eq!(difference.rows.len(), 2);
    Ok(())
}
