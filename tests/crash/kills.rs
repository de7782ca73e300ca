//! The process dies for real: at every place, and at any moment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use annals::base::digest::Digest;
use annals::base::random::{Random, SeededRandom};
use annals::model::moment::Moment;
use annals::{Result, Store};

use crate::cases::{CASES, Case, Work, filled};
use crate::support::{copy_tree, folder_remote, noise, number, options, quick, rebuild, seed, shapes, sound};

/// What the child is to do, and where.
pub const CHILD: &str = "ANNALS_CRASH_CHILD";
const ROOT: &str = "ANNALS_CRASH_ROOT";

/// Not a test: what the other tests run as a process of its own.
#[test]
fn child() {
    let (Ok(what), Ok(root)) = (std::env::var(CHILD), std::env::var(ROOT)) else { return };
    let root = Path::new(&root);
    match CASES.iter().find(|c| c.name == what) {
        Some(case) => (case.act)(&Work::open(root)).expect("the work is done"),
        None if what == "open" => {
            let code = Store::open(root.join("store")).map_or_else(|e| e.kind().exit(), |_| 0);
            std::process::exit(i32::from(code));
        }
        None => write_for_ever(root).expect("the writer writes"),
    }
}

pub fn spawn(what: &str, root: &Path, fault: Option<u64>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "kills::child", "--nocapture", "--test-threads=1"]).env(CHILD, what).env(ROOT, root);
    if let Some(n) = fault {
        command.env("ANNALS_FAULT", format!("*:{n}"));
    }
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process")
}

/// Dies at place after place until the work comes to its end; after each death everything must be as before or as after.
fn die_everywhere(case: &Case) -> u64 {
    let template = tempfile::tempdir().expect("dir");
    (case.prepare)(template.path());
    for n in 0.. {
        let dir = tempfile::tempdir().expect("dir");
        copy_tree(template.path(), dir.path());
        let work = Work::open(dir.path());
        let before = work.has_store().then(|| shapes(work.store()));
        drop(work);
        let status = spawn(case.name, dir.path(), Some(n)).wait().expect("wait");
        if status.success() {
            return n;
        }
        assert_eq!(status.code(), None, "{} at place {n} failed instead of dying", case.name);
        let work = Work::open(dir.path());
        let left = work.has_store().then(|| shapes(work.store()));
        if work.has_store() {
            sound(work.store());
        }
        (case.after_cut)(&work);
        (case.act)(&work).unwrap_or_else(|e| panic!("{} after a death at place {n}: {e:?}", case.name));
        drop(work);
        let work = Work::open(dir.path());
        sound(work.store());
        (case.done)(&work);
        let after = Some(shapes(work.store()));
        assert!(left == before || left == after || ["fetch", "rollback"].contains(&case.name), "{} at place {n}: half", case.name);
    }
    unreachable!("the loop ends where the work is done")
}

#[test]
fn a_process_that_dies_at_any_place_leaves_all_or_nothing() {
    for case in CASES {
        println!("| {} | {} deaths |", case.name, die_everywhere(case));
    }
}

/// The program itself, as people run it.
#[test]
fn the_program_dies_at_any_place_of_a_put() {
    let Some(program) = option_env!("CARGO_BIN_EXE_annals") else { return };
    let template = tempfile::tempdir().expect("dir");
    filled(template.path());
    let content = noise(500, 300_000);
    for n in 0.. {
        let dir = tempfile::tempdir().expect("dir");
        copy_tree(template.path(), dir.path());
        std::fs::write(dir.path().join("content"), &content).expect("write");
        let mut command = Command::new(program);
        command.args(["put", "put/by/program", "content", "--request-id", "r"]).current_dir(dir.path()).env("ANNALS_STORE", dir.path().join("store"));
        let status = command.env("ANNALS_FAULT", format!("*:{n}")).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("run");
        let store = options().open(&dir.path().join("store")).expect("open");
        sound(&store);
        let there = store.get("put/by/program").map(|r| r.bytes(1 << 20).expect("bytes") == content);
        assert!(there.as_ref().is_ok_and(|same| *same) || there.is_err() && !status.success(), "death at place {n}");
        if status.success() {
            assert!(n > 1, "no place was passed");
            return;
        }
        assert_eq!(status.code(), None, "it failed instead of dying");
    }
}

fn part(i: u64, name: &str) -> Vec<u8> {
    match name {
        "large" => noise(i, 12_000 + i as usize % 5000),
        _ => format!("{name} of batch {i}").into_bytes(),
    }
}

/// Batches of three documents, each told only after it was acknowledged; now and then a shipment and a collection.
fn write_for_ever(root: &Path) -> Result<()> {
    let store = options().open(&root.join("store"))?;
    let remote = folder_remote(&root.join("remote"));
    let mut out = std::io::stdout();
    for i in store.position()?.seq + 1.. {
        let mut batch = store.batch(&format!("batch {i}"));
        for name in ["small", "other", "large"] {
            batch.put(format!("{name}/{}", i % 50), &mut &part(i, name)[..])?;
        }
        let receipt = batch.commit()?;
        // Nobody reads any more: the parent is done.
        if writeln!(out, "ack {i} {}", receipt.position.digest).and_then(|()| out.flush()).is_err() {
            return Ok(());
        }
        if i % 9 == 0 {
            store.ship(&remote, &quick(), &annals::base::monitor::Silent)?.whole()?;
        }
        if i % 31 == 0 {
            store.gc(false, &annals::base::monitor::Silent)?;
        }
    }
    Ok(())
}

#[test]
fn no_acknowledged_batch_is_lost_to_kill_9() {
    let kills = number("ANNALS_KILLS", 100);
    let dir = tempfile::tempdir().expect("dir");
    let root = dir.path();
    options().init(&root.join("store"), "test").expect("init");
    let random = SeededRandom::new(seed());
    let dice = |n: u8| {
        let mut byte = [0];
        random.fill(&mut byte);
        byte[0] % n
    };
    let mut last = 0;
    for kill in 0..kills {
        let mut child = spawn("write", root, None);
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut acknowledged: Vec<(u64, Digest)> = Vec::new();
        let wanted = usize::from(dice(24));
        let note = |line: std::io::Result<String>, acknowledged: &mut Vec<(u64, Digest)>| {
            let line = line.unwrap_or_default();
            let mut words = line.split(' ').skip_while(|w| *w != "ack").skip(1);
            if let (Some(i), Some(Ok(digest))) = (words.next().and_then(|i| i.parse().ok()), words.next().map(Digest::from_hex)) {
                acknowledged.push((i, digest));
            }
        };
        while acknowledged.len() < wanted {
            note(lines.next().expect("the writer goes on"), &mut acknowledged);
        }
        // A little later, in the middle of something: as long as it takes to count to a random number.
        (0..u32::from(dice(200)) * 5000).for_each(|n| {
            std::hint::black_box(n);
        });
        child.kill().expect("kill");
        child.wait().expect("wait");
        lines.for_each(|line| note(line, &mut acknowledged));
        let store = options().open(&root.join("store")).expect("open after a kill");
        let end = store.position().expect("position").seq;
        if let Some((i, digest)) = acknowledged.last() {
            assert!(end == *i || end == i + 1, "kill {kill}: {i} was acknowledged, the log ends at {end}");
            let kept = store.batches(*i, *i, 1).expect("batches");
            assert_eq!(kept[0].digest, *digest);
        } else {
            assert!(end == last || end == last + 1);
        }
        for i in last + 1..=end {
            let at = store.at(&Moment::Seq(i)).expect("a moment");
            for name in ["small", "other", "large"] {
                let bytes = at.get(format!("{name}/{}", i % 50)).expect("a whole batch").bytes(1 << 20).expect("bytes");
                assert_eq!(bytes, part(i, name), "batch {i}");
            }
        }
        last = end;
        if kill % 10 == 9 {
            sound(&store);
        }
    }
    let store = options().open(&root.join("store")).expect("open");
    sound(&store);
    let remote = folder_remote(&root.join("remote"));
    store.ship(&remote, &quick(), &annals::base::monitor::Silent).expect("ship");
    let (again, report) = rebuild(&root.join("store"), &[remote], &root.join("again")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.position().expect("position"), store.position().expect("position"));
    println!("{kills} kills, {last} batches, none lost");
}

/// What the program is told to do when it is killed, and whether it records a batch.
const VERBS: [(&str, bool); 9] = [
    ("put put/large large --request-id R", true),
    ("put put/small small", true),
    ("batch --from lines.ndjson --reason killed", true),
    ("capture folder folder --prefix folder/ --once", true),
    ("seal", false),
    ("ship --to usb", false),
    ("gc", false),
    ("rebuild --from dir:remote --into again --key store/annals.key", false),
    ("restore tree/ --into restored", false),
];

/// The program in a directory, as people run it.
fn program(dir: &Path, words: &str) -> Option<Command> {
    let mut command = Command::new(option_env!("CARGO_BIN_EXE_annals")?);
    command.args(words.split(' ')).current_dir(dir).env("ANNALS_STORE", dir.join("store")).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command)
}

#[test]
fn the_program_is_killed_in_the_middle_of_every_verb() {
    let kills = number("ANNALS_KILLS", 100);
    let dir = tempfile::tempdir().expect("dir");
    let root = dir.path();
    filled(root);
    std::fs::create_dir(root.join("remote")).expect("create");
    std::fs::create_dir(root.join("folder")).expect("create");
    let run = |words: &str| program(root, words).map(|mut command| assert!(command.status().expect("run").success(), "{words}"));
    if run("remote add usb dir:remote").is_none() {
        return;
    }
    run("ship --to usb");
    let random = SeededRandom::new(seed());
    let (mut midway, mut ended) = (0, 0);
    for kill in 0..kills {
        let (words, records) = VERBS[kill as usize % VERBS.len()];
        let lines: String = (0..300).map(|i| format!("{{\"op\":\"put\",\"key\":\"batch/{i}\",\"json\":{{\"kill\":{kill},\"i\":{i}}}}}\n")).collect();
        std::fs::write(root.join("lines.ndjson"), lines).expect("write");
        std::fs::write(root.join("large"), noise(kill, 2_000_000)).expect("write");
        std::fs::write(root.join("small"), kill.to_string()).expect("write");
        (0..6).for_each(|i| std::fs::write(root.join(format!("folder/{i}")), noise(kill * 10 + i, 40_000)).expect("write"));
        let before = options().open(&root.join("store")).expect("open").position().expect("position");
        let words = words.replace(" R", &format!(" {kill}"));
        let mut child = program(root, &words).expect("the program").spawn().expect("spawn");
        // At a random moment of what it takes; how long that is on this machine only decides where it dies, not what must hold.
        let mut two = [0; 2];
        random.fill(&mut two);
        (0..u32::from(u16::from_le_bytes(two)) * 400).for_each(|n| {
            std::hint::black_box(n);
        });
        child.kill().expect("kill");
        let success = child.wait().expect("wait").success();
        *(if success { &mut ended } else { &mut midway }) += 1;

        let store = options().open(&root.join("store")).expect("open after a kill");
        let end = store.position().expect("position");
        assert!(end == before || records && end.seq == before.seq + 1, "kill {kill}, {words}: {before:?} became {end:?}");
        assert!(!success || !records || end.seq == before.seq + 1, "kill {kill}, {words}: what was said to be done is not there");
        if kill % 9 == 8 {
            sound(&store);
        }
        drop(store);
        match words.split(' ').next() {
            // A restored folder is there as it should be, or not at all.
            Some("restore") if root.join("restored").exists() => {
                assert_eq!(std::fs::read(root.join("restored/dir/file")).expect("file"), b"in a directory");
                assert!(root.join("restored/empty").is_dir() && root.join("restored/large").metadata().expect("large").len() == 60_000);
                std::fs::remove_dir_all(root.join("restored")).expect("remove");
            }
            // A store that is not whole is no store; the same command goes on.
            Some("rebuild") => {
                let again = root.join("again");
                if let Err(e) = options().open(&again) {
                    assert!(["store.none", "rebuild.unfinished"].contains(&e.code()), "kill {kill}: {e:?}");
                    run(&words);
                }
                sound(&options().open(&again).expect("open"));
                std::fs::remove_dir_all(again).expect("remove");
            }
            _ => {}
        }
    }
    run("ship --to usb");
    run("rebuild --from dir:remote --into again --key store/annals.key");
    let store = options().open(&root.join("store")).expect("open");
    sound(&store);
    assert_eq!(shapes(&options().open(&root.join("again")).expect("open")), shapes(&store));
    println!("{kills} kills of the program: {midway} in the middle of its work, {ended} after it, nothing lost");
}
