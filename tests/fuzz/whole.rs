//! Whole ways in: rebuilding from a remote, opening a store, and the program's own input.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use annals::base::digest::Digest;
use annals::base::monitor::Silent;
use annals::engine::offsite::OpenRemote;
use annals::engine::rebuild::Rebuild;
use annals::engine::verify::Level;
use annals::format::keyfile::KeyFile;
use annals::format::segment::ObjectName;
use annals::{Result, Store};

use crate::change;
use crate::round::{Rounds, given};
use crate::samples::{Sealed, Site, fill};

/// Digests of all batches by tenant and number: what is true.
type Truth = BTreeMap<(String, u64), Digest>;

fn rebuild(site: &Site, remote: OpenRemote, into: &Path) -> Result<Store> {
    let rebuild = Rebuild {
        remotes: &[remote],
        into,
        key_file: KeyFile::from_text(&site.key_file.to_text())?,
        secret: site.secret.clone(),
        site_name: "fuzz",
        at: None,
    };
    Ok(rebuild.run(Store::builder(), &Silent)?.0)
}

fn truth(store: &Store) -> Truth {
    let mut all = Truth::new();
    for tenant in store.tenants().expect("tenants") {
        let end = tenant.position().expect("position").seq;
        for batch in tenant.batches(1, end, 1 << 20).expect("batches") {
            all.insert((tenant.name().to_owned(), batch.event.seq), batch.digest);
        }
    }
    all
}

/// A remote on which one object was changed, as it lies there or inside its seal: what is rebuilt is a true beginning, verified.
pub fn remotes(rounds: &mut Rounds) {
    let dir = tempfile::tempdir().expect("dir");
    let sites = [Site::golden(), Site::fresh(&dir.path().join("fresh"))];
    let truths = [0, 1].map(|i| truth(&rebuild(&sites[i], sites[i].remote(|_| {}), &dir.path().join(format!("true {i}"))).expect("rebuild")));
    let slices = [0, 1].map(|i| sites[i].slices());
    let others: Vec<Vec<u8>> = sites.iter().flat_map(|site| site.objects.values().cloned()).collect();
    rounds.each(|dice| {
        let which = dice.below(2);
        let (site, truth) = (&sites[which], &truths[which]);
        assert!(truth.len() > 3);
        let remote = if dice.below(3) == 0 {
            let names: Vec<&String> = site.objects.keys().collect();
            let name = (*dice.pick(&names)).clone();
            let bad = change::bytes(dice, &site.objects[&name], &others);
            given(&bad);
            site.remote(|objects| drop(objects.insert(name, bad)))
        } else {
            let sealed = dice.pick(&slices[which]);
            let mut tail = sealed.parsed();
            match dice.below(4) {
                0 => tail.frames = change::bytes(dice, &tail.frames, &others),
                1 => tail.noise = change::bytes(dice, &tail.noise, &others),
                _ => tail.columns = change::bytes(dice, &tail.columns, &others),
            }
            given(&tail.bytes());
            exchanged(site, sealed, &sealed.sealed_again(&tail.bytes()))
        };
        let into = tempfile::tempdir().expect("dir");
        match rebuild(site, remote, &into.path().join("store")) {
            Err(e) => {
                assert!(e.what_next().is_some(), "{e:?}");
                false
            }
            Ok(store) => {
                let found = self::truth(&store);
                assert!(found.iter().all(|(at, digest)| truth.get(at) == Some(digest)), "batches that were never recorded");
                let report = store.verify(Level::Full, &Silent).expect("verify");
                assert!(report.problems.is_empty(), "{:?}", report.problems);
                found.len() == truth.len()
            }
        }
    });
}

/// The site's remote with one tail object in the place of another.
fn exchanged(site: &Site, old: &Sealed, new: &Sealed) -> OpenRemote {
    let folder = old.tenant.to_hex();
    let path = |name: &ObjectName| format!("{folder}/{name}");
    site.remote(|objects| {
        objects.remove(&path(&old.name));
        objects.insert(path(&new.name), new.tail().to_vec());
    })
}

/// The files of a store that are read as they are: opening and verifying never panics and never shows other batches than there were.
pub fn stores(rounds: &mut Rounds) {
    let dir = tempfile::tempdir().expect("dir");
    let made = dir.path().join("store");
    let store = Store::init(&made, "fuzz").expect("init");
    (0..3).for_each(|round| fill(&store, round));
    let truth = truth(&store);
    assert!(truth.len() > 3);
    // Copied while it is open, so that there is a write-ahead log; the chunk store's files are another crate's, damaged elsewhere.
    let names = ["annals.store", "annals.toml", "annals.key", "catalog.db", "catalog.db-wal"];
    let files: Vec<Vec<u8>> = names.iter().map(|name| fs::read(made.join(name)).expect("read")).collect();
    let open = dir.path().join("open");
    copy_tree(&made, &open);
    drop(store);
    rounds.each(|dice| {
        let copy = tempfile::tempdir().expect("dir");
        let path = copy.path().join("store");
        copy_tree(&open, &path);
        let which = dice.below(names.len());
        let bad = change::bytes(dice, &files[which], &files);
        given(&bad[..bad.len().min(4096)]);
        fs::write(path.join(names[which]), &bad).expect("write");
        let store = match Store::open(&path) {
            Err(e) => {
                assert!(e.what_next().is_some() || e.code().starts_with("config."), "{}: {e:?}", names[which]);
                return false;
            }
            Ok(store) => store,
        };
        let report = store.verify(Level::Full, &Silent);
        let clean = report.as_ref().is_ok_and(|r| r.problems.is_empty()) && store.damage().is_ok_and(|d| d.is_none());
        if clean {
            let found = self::truth(&store);
            assert!(found.iter().all(|(at, digest)| truth.get(at) == Some(digest)), "{}: batches that were never recorded", names[which]);
        }
        clean && bad == files[which]
    });
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create");
    for entry in fs::read_dir(from).expect("list") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            let bytes = fs::read(entry.path()).expect("read");
            // The journal of the chunk store is a sparse file of 64 MiB.
            let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
            fs::write(&target, &bytes[..end]).expect("write");
            fs::File::options().write(true).open(&target).and_then(|file| file.set_len(bytes.len() as u64)).expect("length");
        }
    }
}

/// `batch --from`: lines of JSON from another program. Nothing is recorded unless all of them are good.
pub fn batch_lines(rounds: &mut Rounds) {
    let Some(program) = option_env!("CARGO_BIN_EXE_annals") else { return };
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store");
    drop(Store::init(&path, "fuzz").expect("init"));
    let lines = [
        r#"{"op":"put","key":"a/1","json":{"x":[1,2.50,"three"]}}"#,
        r#"{"op":"put","key":"a/2","text":"tekst \u00e5","meta":{"mode":"0644","mtime":"2018-09-18T14:02:00Z"}}"#,
        r#"{"op":"put","key":"a/3","base64":"AAEC/w==","media":"application/octet-stream"}"#,
        r#"{"op":"put","key":"a\\xff","json":null}"#,
        r#"{"op":"remove","key":"a/1"}"#,
    ]
    .map(|line| format!("{line}\n"));
    let all = [lines.concat(), lines[0].clone(), format!("{{\"op\":\"put\",\"key\":\"deep\",\"json\":{}", "[".repeat(100_000))];
    rounds.each(|dice| {
        let bad = change::text(dice, dice.pick::<String>(&all), &lines);
        given(bad.as_bytes());
        let before = Store::open(&path).expect("open").position().expect("position").seq;
        let mut child = Command::new(program)
            .args(["batch", "--from", "-", "--json"])
            .env("ANNALS_STORE", &path)
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // It may have refused before it read everything.
        let _ = child.stdin.take().expect("a pipe").write_all(bad.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let after = Store::open(&path).expect("open").position().expect("position").seq;
        match output.status.code() {
            Some(0) => assert!(after == before + 1 || after == before, "{out}"),
            // Input that cannot be used, a file that is not there, a document that is not there.
            Some(1 | 2 | 5) => assert!(after == before && !err.contains("panicked"), "{out}{err}"),
            other => panic!("it ended with {other:?}: {out}{err}"),
        }
        after > before
    });
}
