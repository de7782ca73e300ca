//! One of a thing is not called by its plural.

use crate::support::{Run, site};

/// What the program counts aloud.
const NOUNS: [&str; 22] = [
    "batches",
    "bytes",
    "changes",
    "chunks",
    "conflicts",
    "contents",
    "documents",
    "fields",
    "files",
    "items",
    "lines",
    "links",
    "objects",
    "problems",
    "recipients",
    "references",
    "remotes",
    "requests",
    "slices",
    "tenants",
    "versions",
    "seconds",
];

/// `1 objects` and the like in a text.
fn wrong(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    words.windows(2).filter(|pair| pair[0] == "1" && NOUNS.contains(&pair[1])).map(|pair| pair.join(" ")).collect()
}

#[test]
fn one_is_never_counted_in_the_plural() {
    assert_eq!(wrong("2 objects, 1 object, 11 objects in 1 batches, (1 bytes)"), ["1 batches", "1 bytes"]);
    let site = site();
    let folder = site.write("app/a", "one").parent().expect("a folder").to_owned();
    let mut seen = String::new();
    let mut look = |run: Run| {
        for (text, stream) in [(&run.out, "stdout"), (&run.err, "stderr")] {
            assert_eq!(wrong(text), Vec::<String>::new(), "{stream}: {text}");
            seen.push_str(text);
        }
    };
    look(site.ok(&["capture", "folder", &folder.display().to_string(), "--prefix", "w/"]));
    for words in [
        "status",
        "log",
        "log w/a",
        "show w/a",
        "show 1",
        "ls",
        "tenant ls",
        "verify",
        "verify --full",
        "gc -n",
        "rm w/a -n",
        "remote add usb dir:usb",
        "status",
        "ship -n",
        "seal",
        "ship",
        "drill",
        "drill --sample",
        "remote check usb",
        "verify --remote usb --full",
        "verify --heal",
        "refs add w/a svarut 7 --state sent --irrevocable",
        "rollback w/ --to 0 -n",
        "batch ls",
        "restore w/ --into out",
        "restore w/ --into out2 -n",
        "fetch",
        "rebuild --from dir:usb --into again --key store/annals.key",
        "undo 1 -n",
        "batch begin",
        "status",
        "bench --documents 1",
    ] {
        look(site.run(words));
    }
    site.tamper("UPDATE content SET body = x'00' WHERE id = 0");
    ["verify --full", "verify --heal"].iter().for_each(|words| look(site.run(*words)));
    for counted in ["1 batch", "1 object", "1 document", "1 change", "1 content", "1 problem", "1 file"] {
        assert!(seen.contains(counted), "nothing counted as {counted}:\n{seen}");
    }
}
