//! Proves what the house promises about its own source: floors, reading order, one door for each dependency, and manners.
//!
//! The source is read as tokens, without comments, strings and code that only tests see. A failure lists every place, as `file:line: why`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Dependencies that only some modules may name: the rest of the house does not know that they exist.
const DOORS: [(&str, &[&str]); 47] = [
    ("argon2", &["format/keyfile"]),
    ("axum", &["face/http", "face/api", "face/web"]),
    ("base64", &["format/pgrow", "format/sqlite", "storage/remote", "face"]),
    ("blake3", &["base/digest", "base/random"]),
    ("bytes", &["storage/source/postgres"]),
    ("chacha20poly1305", &["format/cipher"]),
    ("clap", &["face/cli"]),
    ("clap_complete", &["face/cli"]),
    ("csv", &["engine/references"]),
    ("ed25519_dalek", &["format/keyfile"]),
    ("fastcdc", &["format/chunker"]),
    ("fjall", &["storage/chunks"]),
    ("flate2", &["format/container"]),
    ("fluent_bundle", &["face/words"]),
    ("getrandom", &["base/random"]),
    ("globset", &["storage/source/folder", "engine"]),
    ("http_body", &["face/http"]),
    ("hyper", &["face/http"]),
    ("hyper_util", &["face/http"]),
    ("ignore", &["storage/source/folder"]),
    ("indicatif", &["face/cli"]),
    ("jiff", &["model/moment"]),
    ("lettre", &["storage/notice"]),
    ("libz_sys", &["format/container"]),
    ("maud", &["face/web"]),
    ("notify", &["storage/source/folder"]),
    ("parking_lot", &["storage/catalog"]),
    ("postgres", &["storage/source/postgres"]),
    ("postgres_protocol", &["storage/source/postgres"]),
    ("preflate_rs", &["format/container"]),
    ("rusqlite", &["storage/catalog", "storage/source/sqlite"]),
    ("rustix", &["base", "storage", "face/terminal"]),
    ("serde", &["model", "format/keyfile", "storage/remote", "storage/config", "engine", "agent", "face"]),
    ("serde_json", &["model", "format/keyfile", "storage/remote", "engine", "agent", "face"]),
    ("serde_path_to_error", &["face/api"]),
    ("signal_hook", &["face/world", "face/control"]),
    ("similar", &["model/field/align"]),
    ("tikv_jemallocator", &["main"]),
    ("tokio", &["storage/source/postgres", "face/http", "face/api"]),
    ("tokio_io_timeout", &["face/http"]),
    ("tokio_rustls", &["storage/source/postgres"]),
    ("toml_edit", &["storage/config"]),
    ("unic_langid", &["face/words"]),
    ("ureq", &["storage/notice"]),
    ("webpki_roots", &["storage/source/postgres"]),
    ("x25519_dalek", &["format/keyfile"]),
    ("zstd_safe", &["format/block"]),
];
/// Small things that any module may use.
const ANYWHERE: [&str; 3] = ["strsim", "tempfile", "zeroize"];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "misc", "shared"];
/// Columns of a line of source.
const COLUMNS_MAX: usize = 150;

/// A piece of source: a word, `::`, one other character, or `"` for any literal in quotes.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

/// A module and its file.
struct Module {
    /// `["format", "wire", "encode"]`; empty for the crate itself.
    path: Vec<String>,
    /// The file, relative to the package.
    file: PathBuf,
    /// Everything but what only tests see.
    tokens: Vec<Token>,
    /// Child modules in the order of their declarations.
    children: Vec<String>,
    /// Whether only tests see it.
    for_tests: bool,
}

struct House {
    modules: BTreeMap<Vec<String>, Module>,
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(file: impl AsRef<Path>) -> String {
    let path = package().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Files below a directory of the package with an ending, in order.
fn files(below: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![package().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path.strip_prefix(package()).expect("below the package").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn fail_with(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} places:\n{}", problems.len(), problems.join("\n"));
}

/// Cuts source into tokens; comments are left out.
fn tokens(source: &str) -> Vec<Token> {
    let bytes = source.as_bytes();
    let (mut at, mut line) = (0, 1);
    let mut out = Vec::new();
    while at < bytes.len() {
        let rest = &source[at..];
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_len(rest)
        } else if let Some(len) = literal_len(rest) {
            out.push(Token { text: "\"".into(), line });
            len
        } else {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let len = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                first
            };
            if !rest.starts_with(char::is_whitespace) {
                out.push(Token { text: rest[..len].to_owned(), line });
            }
            len
        };
        line += source[at..at + len].matches('\n').count();
        at += len;
    }
    out
}

fn comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        match (here.starts_with(b"/*"), here.starts_with(b"*/")) {
            (true, _) => (depth, at) = (depth + 1, at + 2),
            (_, true) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Bytes of the string or character that `rest` begins with; `None` where it is none, also for a lifetime.
fn literal_len(rest: &str) -> Option<usize> {
    let body = rest.trim_start_matches(['b', 'c', 'r']);
    let prefix = rest.len() - body.len();
    if prefix > 2 {
        return None;
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    if rest[..prefix].contains('r') && body[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix + hashes + 1;
        return Some(start + rest[start..].find(&end)? + end.len());
    }
    let quote = body.chars().next().filter(|c| "\"'".contains(*c))?;
    if quote == '\'' {
        let mut chars = body[1..].chars();
        let lifetime = chars.next()? != '\\' && chars.next() != Some('\'');
        if lifetime {
            return None;
        }
    }
    let (mut at, bytes) = (prefix + 1, rest.as_bytes());
    while at < bytes.len() && bytes[at] != quote as u8 {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// Where the item or attribute that begins at `at` ends: behind its `;` or its closing brace.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0i32;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && tokens[at].text == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

fn bracket_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0i32;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// Takes out what only tests see. Also gives the names of files that only tests see.
fn without_tests(all: &[Token]) -> (Vec<Token>, Vec<String>) {
    let (mut out, mut names) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < all.len() {
        if all[at].text == "#" && all.get(at + 1).is_some_and(|t| t.text == "[") {
            let end = bracket_end(all, at + 1);
            let words: Vec<&str> = all[at..end].iter().map(|t| t.text.as_str()).collect();
            let only_tests = words.contains(&"cfg") && words.contains(&"test") && !words.contains(&"not");
            if only_tests {
                let stop = item_end(all, end);
                if let Some(i) = (end..stop).find(|i| all[*i].text == "mod")
                    && all[stop - 1].text == ";"
                {
                    names.push(all[i + 1].text.clone());
                }
                at = stop;
                continue;
            }
        }
        out.push(all[at].clone());
        at += 1;
    }
    (out, names)
}

/// Makes what stands in a module within a file look as if it stood in the file itself.
fn flat(mut tokens: Vec<Token>) -> Vec<Token> {
    let starts: Vec<usize> = (0..tokens.len().saturating_sub(2)).filter(|i| tokens[*i].text == "mod" && tokens[i + 2].text == "{").collect();
    for start in starts {
        for at in start..item_end(&tokens, start) {
            if tokens[at].text == "super" && tokens[at - 1].text != "::" {
                tokens[at].text = "self".into();
            }
        }
    }
    tokens
}

impl House {
    fn read() -> House {
        let mut house = House { modules: BTreeMap::new() };
        house.add(Vec::new(), Path::new("src/lib.rs"), false);
        house
    }

    fn add(&mut self, path: Vec<String>, file: &Path, for_tests: bool) {
        let all = tokens(&text_of(file));
        let (kept, test_files) = without_tests(&all);
        let declared = |tokens: &[Token]| -> Vec<String> {
            let of = |w: &[Token]| (w[0].text == "mod" && w[2].text == ";").then(|| w[1].text.clone());
            tokens.windows(3).filter_map(of).collect()
        };
        let children = declared(&kept);
        let kept = flat(kept);
        let folder = match file.file_name().and_then(|n| n.to_str()) {
            Some("mod.rs" | "lib.rs") => file.parent().expect("a folder").to_owned(),
            _ => file.with_extension(""),
        };
        for (name, hidden) in children.iter().map(|n| (n, for_tests)).chain(test_files.iter().map(|n| (n, true))) {
            let flat = folder.join(format!("{name}.rs"));
            let file = if package().join(&flat).exists() { flat } else { folder.join(name).join("mod.rs") };
            self.add([&path[..], std::slice::from_ref(name)].concat(), &file, hidden);
        }
        self.modules.insert(path.clone(), Module { path, file: file.to_owned(), tokens: kept, children, for_tests });
    }

    /// Modules that are part of the program.
    fn shipped(&self) -> impl Iterator<Item = &Module> {
        self.modules.values().filter(|m| !m.for_tests)
    }

    /// The module that a path from `from` leads to, and the item in it. `None` for what is not of this house.
    fn resolve(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        let (mut here, rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" | "super" => {
                let here = usize::from(path[0] == "self");
                let ups = path[here..].iter().take_while(|s| *s == "super").count();
                (from.path[..from.path.len().checked_sub(ups)?].to_vec(), &path[here + ups..])
            }
            first if from.children.iter().any(|c| c == first) => (from.path.clone(), path),
            _ => return None,
        };
        for (i, name) in rest.iter().enumerate() {
            here.push(name.clone());
            if self.modules.contains_key(&here) {
                continue;
            }
            here.pop();
            // A name that a module passes on is an import of where it comes from.
            let module = &self.modules[&here];
            let passed = uses(&module.tokens).into_iter().find(|u| u.public && (u.name == *name || u.name == "*") && u.path.len() > 1);
            return match passed.and_then(|u| self.resolve(module, &u.path)) {
                Some(origin) if i == 0 || origin != here => Some(origin),
                _ => Some(here),
            };
        }
        Some(here)
    }
}

/// One leaf of a `use` tree.
struct Use {
    path: Vec<String>,
    name: String,
    public: bool,
    line: usize,
}

fn uses(tokens: &[Token]) -> Vec<Use> {
    let mut out = Vec::new();
    for (i, token) in tokens.iter().enumerate().filter(|(_, t)| t.text == "use") {
        let public = i > 0 && (tokens[i - 1].text == "pub" || tokens[i - 1].text == ")");
        let mut at = i + 1;
        let mut leaves = Vec::new();
        tree(tokens, &mut at, &[], &mut leaves);
        out.extend(leaves.into_iter().map(|(path, name)| Use { path, name, public, line: token.line }));
    }
    out
}

/// Reads a path with its branches from `at` on, and gives each full path with the name that it gets.
fn tree(tokens: &[Token], at: &mut usize, before: &[String], out: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    loop {
        let Some(token) = tokens.get(*at) else { return };
        if token.text == "{" {
            *at += 1;
            while tokens.get(*at).is_some_and(|t| t.text != "}") {
                tree(tokens, at, &path, out);
                if tokens.get(*at).is_some_and(|t| t.text == ",") {
                    *at += 1;
                }
            }
            *at += 1;
            return;
        }
        path.push(token.text.clone());
        *at += 1;
        if tokens.get(*at).is_some_and(|t| t.text == "::") {
            *at += 1;
            continue;
        }
        break;
    }
    if path.last().is_some_and(|s| s == "self") && path.len() > 1 {
        path.pop();
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if tokens.get(*at).is_some_and(|t| t.text == "as") {
        name.clone_from(&tokens[*at + 1].text);
        *at += 2;
    }
    out.push((path, name));
}

/// Every path that a module names, in `use` or in place.
fn paths(module: &Module) -> Vec<(Vec<String>, usize)> {
    let mut out: Vec<(Vec<String>, usize)> = uses(&module.tokens).into_iter().map(|u| (u.path, u.line)).collect();
    let tokens = &module.tokens;
    for at in 0..tokens.len().saturating_sub(1) {
        let before = at.checked_sub(1).map_or("", |i| tokens[i].text.as_str());
        let word = tokens[at].text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if word && tokens[at + 1].text == "::" && !["::", ".", "use"].contains(&before) {
            let segments = tokens[at..].chunks(2).take_while(|c| c[0].text.starts_with(|c: char| c.is_alphabetic() || c == '_'));
            let mut path = Vec::new();
            for chunk in segments {
                path.push(chunk[0].text.clone());
                if chunk.get(1).is_none_or(|t| t.text != "::") {
                    break;
                }
            }
            out.push((path, tokens[at].line));
        }
    }
    out
}

#[test]
fn a_module_imports_only_what_stands_above_it() {
    let house = House::read();
    let mut problems = BTreeSet::new();
    let mut looked_at = 0;
    for module in house.shipped() {
        for (path, line) in paths(module) {
            let Some(target) = house.resolve(module, &path) else { continue };
            let shared = module.path.iter().zip(&target).take_while(|(a, b)| a == b).count();
            let (Some(mine), Some(theirs)) = (module.path.get(shared), target.get(shared)) else { continue };
            let parent = &house.modules[&target[..shared]];
            looked_at += 1;
            let place = |name: &String| parent.children.iter().position(|c| c == name);
            let where_ = format!("{}:{line}: {}", module.file.display(), path.join("::"));
            if place(theirs) >= place(mine) {
                problems.insert(format!("{where_} is of {theirs}, which is declared below {mine} in {}", parent.file.display()));
            } else if parent.path == ["storage"] {
                problems.insert(format!("{where_} is of {theirs}: devices are strangers to each other"));
            }
        }
    }
    assert!(looked_at > 1000, "only {looked_at} imports were understood");
    fail_with(problems.into_iter().collect());
}

#[test]
fn the_floors_are_declared_in_their_order() {
    let house = House::read();
    let floors = ["base", "model", "format", "storage", "engine", "agent", "face"];
    let found: Vec<&str> = house.modules[&Vec::new()].children.iter().map(String::as_str).collect();
    let wanted: Vec<&str> = floors.into_iter().filter(|f| found.contains(f)).collect();
    assert_eq!(found, wanted);
    assert!(found.len() >= 6, "{found:?}");
}

#[test]
fn every_dependency_has_one_door() {
    let house = House::read();
    let mut problems = BTreeSet::new();
    for module in house.shipped() {
        let here = module.path.join("/");
        for (path, line) in paths(module) {
            let Some((name, doors)) = DOORS.iter().find(|(name, _)| path.first().is_some_and(|p| p == name)) else { continue };
            if house.resolve(module, &path).is_none() && !doors.iter().any(|door| here == *door || here.starts_with(&format!("{door}/"))) {
                problems.insert(format!("{}:{line}: {name} belongs to {}", module.file.display(), doors.join(", ")));
            }
        }
    }
    fail_with(problems.into_iter().collect());
}

#[test]
fn every_dependency_is_known_here() {
    let manifest = text_of("Cargo.toml");
    let mut problems = Vec::new();
    let mut within = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = line;
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| within.ends_with("dependencies]") && within != "[dev-dependencies]") {
            let name = name.trim().replace('-', "_");
            if !DOORS.iter().any(|(known, _)| *known == name) && !ANYWHERE.contains(&name.as_str()) {
                problems.push(format!("Cargo.toml: {name} has no door in tests/tidy.rs"));
            }
        }
    }
    fail_with(problems);
}

/// Paths that only some modules may name: where they start, a name in them, and who may.
const RESERVED: [(&str, &[&str], &[&str]); 5] = [
    ("process", &["Command", "Child", "Stdio", "ChildStdin", "ChildStdout", "ChildStderr"], &["base/process"]),
    ("SystemTime", &["now"], &["base/time"]),
    ("Zoned", &["now"], &["base/time"]),
    ("io", &["stdin", "stdout", "stderr", "Stdin", "Stdout", "Stderr"], &["face/world", "face/terminal"]),
    // What a command sees of its surroundings may be those of a client at the other end of a socket.
    ("env", &["var", "var_os", "vars", "current_dir"], &["base", "storage/remote", "face/world"]),
];

#[test]
fn the_world_comes_in_through_its_doors() {
    let house = House::read();
    let mut problems = BTreeSet::new();
    for module in house.shipped() {
        let here = module.path.join("/");
        for (path, line) in paths(module) {
            let ours = house.resolve(module, &path).is_some();
            for (parent, names, doors) in RESERVED {
                let named = path.windows(2).any(|pair| pair[0] == parent && names.contains(&pair[1].as_str()));
                if named && !ours && !doors.iter().any(|door| here.starts_with(door)) {
                    problems.insert(format!("{}:{line}: {} belongs to {}", module.file.display(), path.join("::"), doors.join(", ")));
                }
            }
        }
        for pair in module.tokens.windows(2) {
            let prints = ["print", "println", "eprint", "eprintln"].contains(&pair[0].text.as_str()) && pair[1].text == "!";
            if prints {
                problems.insert(format!("{}:{}: printing is for face/world", module.file.display(), pair[0].line));
            }
        }
    }
    fail_with(problems.into_iter().collect());
}

#[test]
fn nothing_is_left_undone_or_unwrapped() {
    let house = House::read();
    let mut problems = Vec::new();
    for module in house.shipped() {
        for four in module.tokens.windows(4) {
            let words: Vec<&str> = four.iter().map(|t| t.text.as_str()).collect();
            if words == [".", "unwrap", "(", ")"] {
                problems.push(format!("{}:{}: unwrap() outside of tests", module.file.display(), four[0].line));
            }
        }
    }
    for file in [files("src", "rs"), files("tests", "rs"), files("examples", "rs"), files("benches", "rs")].concat() {
        let all = tokens(&text_of(&file));
        for pair in all.windows(2) {
            let word = pair[0].text.as_str();
            if ["todo", "unimplemented", "dbg"].contains(&word) && pair[1].text == "!" {
                problems.push(format!("{}:{}: {word}!", file.display(), pair[0].line));
            }
            if word == "unsafe" {
                problems.push(format!("{}:{}: unsafe", file.display(), pair[0].line));
            }
        }
        for (i, token) in all.iter().enumerate().filter(|(_, t)| t.text == "#") {
            let open = i + 1 + usize::from(all.get(i + 1).is_some_and(|t| t.text == "!"));
            if all.get(open).is_none_or(|t| t.text != "[") {
                continue;
            }
            let words: Vec<&str> = all[open..bracket_end(&all, open)].iter().map(|t| t.text.as_str()).collect();
            if words.contains(&"allow") {
                problems.push(format!("{}:{}: #[expect(.., reason = \"..\")] instead of allow", file.display(), token.line));
            }
            if words.get(1) == Some(&"expect") && !words.contains(&"reason") {
                problems.push(format!("{}:{}: an expect without its reason", file.display(), token.line));
            }
        }
    }
    fail_with(problems);
    assert!(text_of("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn files_are_named_begun_and_wide_as_agreed() {
    let mut problems = Vec::new();
    for file in [files("src", "rs"), files("tests", "rs"), files("examples", "rs"), files("benches", "rs")].concat() {
        let shown = file.display();
        for part in file.with_extension("").iter().filter_map(|p| p.to_str()) {
            if EMPTY_NAMES.contains(&part) {
                problems.push(format!("{shown}: {part} says nothing about what is inside"));
            }
        }
        let text = text_of(&file);
        let seen_by_tests_only = file.file_name().is_some_and(|n| n == "tests.rs");
        if !text.starts_with("//!") && file.starts_with("src") && !seen_by_tests_only {
            problems.push(format!("{shown}: begins without saying what it is"));
        }
        for (n, line) in text.lines().enumerate() {
            // Text for people is one literal however long it is.
            let columns = line.split('"').step_by(2).map(|code| code.chars().count()).sum::<usize>();
            if columns > COLUMNS_MAX {
                problems.push(format!("{shown}:{}: {columns} columns", n + 1));
            }
        }
    }
    assert!(text_of("src/main.rs").lines().count() <= 12, "main.rs only chooses the allocator and calls the command line");
    fail_with(problems);
}

/// The table "Numbers" of FORMAT.md.
fn specified() -> BTreeMap<String, String> {
    let text = text_of("FORMAT.md");
    let section = text.split("\n## Numbers\n").nth(1).and_then(|s| s.split("\n## ").next()).expect("the section is there");
    let rows = section.lines().filter_map(|l| l.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.map(|(name, value)| (name.to_owned(), value.to_owned())).filter(|(name, _)| name != "number").collect()
}

#[test]
fn the_numbers_of_the_specification_are_the_constants() {
    use annals::base::limits;
    use annals::format::keyfile::{attestation, keyring, subjects};
    use annals::format::{cipher, segment, version, wire};
    let constants: [(&str, u64); 24] = [
        ("version", version::SEGMENT.into()),
        ("store format", version::STORE.into()),
        ("FRONT_BYTES", segment::FRONT_BYTES as u64),
        ("TRAILER_BYTES", segment::TRAILER_BYTES as u64),
        ("TAG_BYTES", cipher::TAG_BYTES as u64),
        ("INLINE_FRAMES_BYTES", segment::INLINE_FRAMES_BYTES as u64),
        ("PAD_FROM_BYTES", limits::PAD_FROM_BYTES),
        ("BLOCK_PLAIN_BYTES_MAX", limits::BLOCK_PLAIN_BYTES_MAX as u64),
        ("PREFIX_BYTES_MAX", limits::PREFIX_BYTES_MAX as u64),
        ("TAIL_BYTES_MAX", limits::TAIL_BYTES_MAX as u64),
        ("SEGMENT_BYTES_MAX", limits::SEGMENT_BYTES_MAX),
        ("KEY_BYTES_MAX", limits::KEY_BYTES_MAX as u64),
        ("TEXT_BYTES_MAX", limits::TEXT_BYTES_MAX as u64),
        ("ORDINAL_MAX", wire::ORDINAL_MAX),
        ("CONTAINER_BYTES_MAX", limits::CONTAINER_BYTES_MAX as u64),
        ("INFLATE_BYTES_MAX", limits::INFLATE_BYTES_MAX as u64),
        ("INFLATE_RATIO_MAX", limits::INFLATE_RATIO_MAX as u64),
        ("BATCH_CHANGES_MAX", limits::BATCH_CHANGES_MAX as u64),
        ("BASE_CHAIN_MAX", limits::BASE_CHAIN_MAX.into()),
        ("INLINE_BYTES_MAX", limits::INLINE_BYTES_MAX as u64),
        ("LIST_INLINE_MAX", limits::LIST_INLINE_MAX as u64),
        ("KEY_FILE_BYTES_MAX", limits::KEY_FILE_BYTES_MAX),
        ("SHEET_BYTES_MAX", limits::SHEET_BYTES_MAX),
        ("ATTESTATION_BYTES_MAX", attestation::ATTESTATION_BYTES_MAX),
    ];
    let mut wanted: BTreeMap<String, String> = constants.into_iter().map(|(name, n)| (name.to_owned(), n.to_string())).collect();
    wanted.insert("OBJECT_BYTES".into(), keyring::OBJECT_BYTES.to_string());
    wanted.insert("SUBJECTS_MAX".into(), subjects::SUBJECTS_MAX.to_string());
    wanted.insert("SUBJECT_OBJECT_BYTES_MAX".into(), limits::SUBJECT_OBJECT_BYTES_MAX.to_string());
    wanted.insert("MAGIC".into(), format!("`{}`", String::from_utf8_lossy(&segment::MAGIC)));
    assert_eq!(specified(), wanted);
}

/// Public constants of the formats that are nobody's business but the writer's.
const NOT_SPECIFIED: [&str; 3] = ["TAIL_GUESS_BYTES", "SKETCH_BYTES_MIN", "PAGE_CUT_BYTES"];

#[test]
fn every_public_constant_of_a_format_is_specified() {
    let house = House::read();
    let text = text_of("FORMAT.md");
    // Described in words, or under another name.
    let said = |name: &str| match name {
        "STORE" | "SEGMENT" => text.contains("| version | 1 |"),
        "NONCE_BYTES" => text.contains("24 random bytes as nonce"),
        name => text.contains(&format!("| {name} |")),
    };
    let mut problems = Vec::new();
    for module in house.shipped().filter(|m| m.path.first().is_some_and(|f| f == "format")) {
        for three in module.tokens.windows(3).filter(|w| w[0].text == "pub" && w[1].text == "const" && w[2].text != "fn") {
            let name = three[2].text.as_str();
            if !NOT_SPECIFIED.contains(&name) && !said(name) {
                problems.push(format!("{}:{}: {name} is not in FORMAT.md", module.file.display(), three[2].line));
            }
        }
    }
    fail_with(problems);
}

#[test]
fn the_independent_reader_has_the_numbers_of_the_specification() {
    let reader = text_of("tests/compat/reader.py");
    let specified = specified();
    let constants: Vec<(&str, &str)> = reader.lines().filter_map(|l| l.split_once(" = ")).filter(|(name, _)| name.ends_with("_MAX")).collect();
    assert!(constants.len() >= 10, "{constants:?}");
    for (name, value) in constants {
        assert_eq!(specified.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn every_fixture_has_its_provenance() {
    let readme = text_of("fixtures/README.md");
    let mut problems = Vec::new();
    for folder in package().join("fixtures").read_dir().expect("fixtures").flatten().filter(|e| e.path().is_dir()) {
        let name = folder.file_name().to_string_lossy().into_owned();
        if !readme.contains(&format!("`{name}`")) && !readme.contains(&format!("`{name}/")) {
            problems.push(format!("fixtures/README.md: where does {name} come from?"));
        }
    }
    fail_with(problems);
}

#[test]
fn the_reading_of_source_is_right() {
    let source = "use a::{b::{self, C}, d as e}; // use x::y;\nlet s = \"use z::w\"; 'l: loop { '\\'' ; r#\"\"use q\"# }\n\
        #[cfg(test)]\nmod t { use q::r; }\npub use f::G;";
    let (kept, hidden) = without_tests(&tokens(source));
    let found: Vec<(String, String, usize)> = uses(&kept).into_iter().map(|u| (u.path.join("::"), u.name, u.line)).collect();
    let expected = [("a::b", "b", 1), ("a::b::C", "C", 1), ("a::d", "e", 1), ("f::G", "G", 5)];
    assert_eq!(found, expected.map(|(path, name, line)| (path.to_owned(), name.to_owned(), line)));
    assert!(hidden.is_empty());
    assert_eq!(without_tests(&tokens("#[cfg(test)]\nmod golden;\nmod b;")).1, ["golden"]);
}
