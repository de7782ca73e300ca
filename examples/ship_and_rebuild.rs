//! The history goes offsite, the store is lost, and is built anew from there.
//!
//! `cargo run --example ship_and_rebuild`

use annals::{Error, Level, OpenRemote, RemoteOptions, Result, ShipOptions, Silent, Store};

/// Runs the example in a temporary directory.
pub fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| Error::io("make a temporary directory", e))?;
    let path = dir.path().join("history");
    let store = Store::init(&path, "clinic-17")?;
    let mut batch = store.batch("import");
    for id in 0..1000 {
        batch.put(format!("case/{id}"), format!("{{\"id\": {id}, \"status\": \"new\"}}\n").as_bytes())?;
    }
    batch.commit()?;

    // A directory on another disk; it must exist, or the disk is not mounted. `rclone:REMOTE:PATH` reaches everything that rclone reaches.
    let usb = dir.path().join("usb");
    std::fs::create_dir(&usb).map_err(|e| Error::io("make a directory", e))?;
    let offsite = OpenRemote::at(&format!("dir:{}", usb.display()), &RemoteOptions::default())?;
    let first = store.ship(&offsite, &ShipOptions::default(), &Silent)?.whole()?;
    store.put("case/7", &b"{\"id\": 7, \"status\": \"closed\"}\n"[..])?;
    let change = store.ship(&offsite, &ShipOptions::default(), &Silent)?.whole()?;
    println!("1,000 documents: {} bytes; one field of one of them: {} bytes", first.bytes, change.bytes);
    assert!(change.objects == 1 && change.bytes < 500);

    // The key must be kept elsewhere: what is offsite cannot be read without it.
    let key = dir.path().join("kept-elsewhere.key");
    std::fs::copy(path.join("annals.key"), &key).map_err(|e| Error::io("copy the key", e))?;
    let end = store.position()?;
    drop(store);
    std::fs::remove_dir_all(&path).map_err(|e| Error::io("lose the store", e))?;

    let (again, report) = Store::rebuild(&[offsite], &key, &path, None)?;
    println!("{} batches from {} objects, {} bytes", report.batches, report.objects, report.bytes);
    assert!(report.gaps.is_empty() && report.bridged.is_empty());
    assert_eq!(again.position()?, end, "the same log, digest for digest");
    assert!(again.verify(Level::Full, &Silent)?.problems.is_empty());
    assert_eq!(again.history("case/7")?.len(), 2);
    Ok(())
}
