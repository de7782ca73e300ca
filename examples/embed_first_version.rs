//! A program keeps its records in a store: the first version, a second one, and both read again.
//!
//! `cargo run --example embed_first_version`

use annals::{Moment, Result, Store};
use serde::Serialize;

#[derive(Serialize)]
struct Case {
    id: u32,
    status: &'static str,
}

/// Runs the example in a temporary directory.
pub fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| annals::Error::io("make a temporary directory", e))?;
    let store = Store::init(dir.path().join("history"), "clinic-17")?;

    // A record is written as JSON; the receipt exists only after the commit, and the version survives power loss from then on.
    let receipt = store.put_record("case/2018-163", &Case { id: 163, status: "new" })?;
    println!("recorded as batch {} of the log", receipt.position.seq);

    // Who and why belong to a batch. The request id makes a repetition harmless: the same request is recorded once.
    let close = || -> Result<annals::Receipt> {
        let text = serde_json::to_vec(&Case { id: 163, status: "closed" }).map_err(|e| annals::Error::usage("record.bad", e.to_string()))?;
        let mut batch = store.batch("closed by the caseworker").actor("806").request_id("form-77");
        batch.put("case/2018-163", &text[..])?;
        batch.commit()
    };
    let closed = close()?;
    assert!(close()?.repeated, "the second time nothing is added");

    // Reading what is, what was, and every version in between.
    let now = String::from_utf8_lossy(&store.get("case/2018-163")?.bytes(4096)?).into_owned();
    let before = store.at(&Moment::Seq(receipt.position.seq))?.get("case/2018-163")?.bytes(4096)?;
    assert!(now.contains("closed") && String::from_utf8_lossy(&before).contains("new"));
    for version in store.history("case/2018-163")? {
        println!("v{}  {} bytes  by {:?}  {:?}", version.number, version.size, version.from.actor, version.from.reason);
    }
    assert_eq!(store.position()?, closed.position);
    Ok(())
}
