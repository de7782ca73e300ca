//! A bulk change was wrong. It is taken back as a plan, without losing what people changed since.
//!
//! `cargo run --example undo_bulk_change`

use annals::{By, Error, OnConflict, Plan, Reference, Result, Store};

fn case(id: u32, status: &str, note: &str) -> String {
    format!("{{\"id\": {id}, \"status\": \"{status}\", \"note\": \"{note}\"}}")
}

/// Runs the example in a temporary directory.
pub fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| Error::io("make a temporary directory", e))?;
    let store = Store::init(dir.path().join("history"), "clinic-17")?;
    let put_all = |reason: &str, cases: &[(u32, &str, &str)]| -> Result<u64> {
        let mut batch = store.batch(reason);
        for (id, status, note) in cases {
            batch.put(format!("case/{id}"), case(*id, status, note).as_bytes())?;
        }
        Ok(batch.commit()?.position.seq)
    };
    put_all("import", &[(1, "new", ""), (2, "new", ""), (3, "new", "")])?;
    let wrong = put_all("close all", &[(1, "closed", ""), (2, "closed", ""), (3, "closed", "")])?;
    // Since then: another field of case 2, the same field of case 3, and a letter that has gone out.
    put_all("work", &[(2, "closed", "called back"), (3, "archived", "")])?;
    store.add_ref("case/1", Reference::new("svarut", "8f3a").state("delivered").irrevocable())?;

    let plan = store.undo(wrong)?;
    let summary = plan.summary();
    assert_eq!((summary.put, summary.merge, summary.conflicts, summary.irrevocable), (1, 1, 1, 1));
    for item in &plan.items {
        println!("{}: {:?} {}", item.key, item.action, item.conflicts.iter().map(|c| c.path.as_str()).collect::<Vec<_>>().join(", "));
    }

    // A plan can be saved, looked at by somebody else, and applied later, unless the log has moved on.
    let file = dir.path().join("undo.json");
    plan.save(&file)?;
    let by = By { actor: "806".into(), reason: "closed by mistake".into(), ..By::default() };
    let applied = store.apply(&Plan::load(&file)?, OnConflict::Skip, &by)?;
    assert_eq!((applied.done, applied.skipped), (2, vec![b"case/3".to_vec()]));
    let text = |key: &str| Ok::<_, Error>(String::from_utf8_lossy(&store.get(key)?.bytes(4096)?).into_owned());
    assert_eq!(text("case/1")?, case(1, "new", ""));
    assert_eq!(text("case/2")?, case(2, "new", "called back"));
    assert_eq!(text("case/3")?, case(3, "archived", ""), "a conflict is left as it is");
    assert_eq!(store.refs("case/1")?.len(), 1, "what happened outside is never rolled back");
    assert_eq!(store.apply(&plan, OnConflict::Skip, &by).err().map(|e| e.code()), Some("plan.stale"));
    Ok(())
}
