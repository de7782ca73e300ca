//! What the documents say is true: every example runs, and what the README and ARCHITECTURE state about the program is compared with it.

use std::path::{Path, PathBuf};

#[path = "../examples/capture_sqlite.rs"]
mod capture_sqlite;
#[path = "../examples/embed_first_version.rs"]
mod embed_first_version;
#[path = "../examples/field_history.rs"]
mod field_history;
#[path = "../examples/restore_one_document.rs"]
mod restore_one_document;
#[path = "../examples/ship_and_rebuild.rs"]
mod ship_and_rebuild;
#[path = "../examples/undo_bulk_change.rs"]
mod undo_bulk_change;

type Example = (&'static str, fn() -> annals::Result<()>);

const EXAMPLES: [Example; 6] = [
    ("capture_sqlite", capture_sqlite::main),
    ("embed_first_version", embed_first_version::main),
    ("field_history", field_history::main),
    ("restore_one_document", restore_one_document::main),
    ("ship_and_rebuild", ship_and_rebuild::main),
    ("undo_bulk_change", undo_bulk_change::main),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_example_runs() {
    for (name, main) in EXAMPLES {
        main().unwrap_or_else(|e| panic!("examples/{name}.rs: {e}"));
    }
}

#[test]
fn every_example_is_tested_and_named_in_the_readme() {
    let found = std::fs::read_dir(root().join("examples")).expect("examples");
    let mut found: Vec<String> = found.map(|e| e.expect("entry").file_name().to_string_lossy().replace(".rs", "")).collect();
    found.sort();
    assert_eq!(found, EXAMPLES.map(|(name, _)| name));
    let readme = page("README.md");
    for (name, _) in EXAMPLES {
        assert!(readme.contains(&format!("examples/{name}.rs")), "{name}");
    }
}

/// The rows of the table under a heading, each as its cells.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let section = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}")).1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").map(str::to_owned).collect()).collect()
}

#[test]
#[cfg(feature = "cli")]
fn the_readme_names_every_verb() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_annals")).arg("--help").output().expect("annals runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list of commands");
    let known = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")));
    let mut known: Vec<&str> = known.filter(|name| *name != "help").collect();
    known.sort_unstable();
    let rows = table(&page("README.md"), "Verbs");
    let mut said: Vec<&str> = rows.iter().flat_map(|row| row[1].split(['`', ' ']).filter(|word| !word.is_empty())).collect();
    said.sort_unstable();
    assert_eq!(said, known);
}

#[test]
fn the_readme_has_the_exit_codes() {
    use annals::Kind::*;
    let rows = table(&page("README.md"), "Exit codes");
    let mut said: Vec<u8> = rows.iter().filter_map(|row| row[0].parse().ok()).collect();
    let kinds = [Failed, Usage, Partial, Found, Missing, NoStore, Locked, Denied, Remote, Refused, Space, Newer].map(annals::Kind::exit);
    assert_eq!(said.remove(0), 0);
    assert_eq!(said, kinds);
    assert!(rows.last().is_some_and(|row| row[0].starts_with(&Interrupted.exit().to_string())));
}

#[test]
fn the_readme_has_the_limits() {
    use annals::base::limits::*;
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let facts = [
        ("key", format!("{KEY_BYTES_MAX} bytes")),
        ("actor, reason, origin, request id, name of a mark or a hold", format!("{TEXT_BYTES_MAX} bytes")),
        ("changes in one batch", format!("{} million", BATCH_CHANGES_MAX / 1_000_000)),
        ("JSON compared and merged by field", mib(JSON_FIELDS_BYTES_MAX)),
        ("text compared line by line", mib(TEXT_DIFF_BYTES_MAX)),
        ("container that is opened", format!("{}, inflating to at most {}", mib(CONTAINER_BYTES_MAX), mib(INFLATE_BYTES_MAX))),
        ("deltas between a content and one shipped whole", BASE_CHAIN_MAX.to_string()),
        ("segment object that is read", mib(SEGMENT_BYTES_MAX as usize)),
    ];
    let rows = table(&page("README.md"), "Limits");
    let said: Vec<(&str, &str)> = rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    for (what, value) in &facts {
        assert!(said.contains(&(what, value)), "README, Limits: {what} should be {value}");
    }
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    assert!(tests_named("ARCHITECTURE.md") >= 12, "each promise names a test");
}

#[test]
fn every_test_that_the_tables_of_tests_name_exists() {
    assert!(tests_named("tests/README.md") >= 100, "each pitfall and each acceptance test names a test");
    assert!(page("ARCHITECTURE.md").contains("(tests/README.md)"), "the tables are found from there");
}

#[test]
fn every_test_of_the_agent_and_of_its_pages_stands_in_the_tables() {
    let tables = page("tests/README.md");
    let mut found = 0;
    for suite in ["tests/agent", "tests/web"] {
        for entry in std::fs::read_dir(root().join(suite)).expect("a suite") {
            let name = entry.expect("entry").file_name().to_string_lossy().into_owned();
            for test in page(&format!("{suite}/{name}")).split("#[test]\n").skip(1).filter_map(|text| text.split("fn ").nth(1)?.split('(').next()) {
                assert!(tables.contains(&format!("`{suite}/{name}::{test}`")), "{suite}/{name}::{test} is named nowhere in tests/README.md");
                found += 1;
            }
        }
    }
    assert!(found > 100, "only {found}");
}

/// How many tests a page names, as `path/file.rs::name` in backticks; all of them are there.
fn tests_named(name: &str) -> usize {
    let page = page(name);
    let mut named = 0;
    for reference in page.split('`').skip(1).step_by(2).filter(|text| text.contains(".rs::")) {
        let (file, name) = reference.split_once("::").expect("file::name");
        let path: PathBuf = root().join(file);
        let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{reference}: {e}"));
        assert!(source.contains(&format!("fn {name}(")), "{reference} is not there");
        named += 1;
    }
    named
}

#[test]
fn the_changelog_states_the_formats() {
    let format = format!("Format: store {}, segment {}", annals::format::version::STORE, annals::format::version::SEGMENT);
    let page = page("CHANGELOG.md");
    let releases = page.split("\n## ").skip(1).collect::<Vec<_>>();
    assert!(releases[0].contains(&format), "the newest release says {format}");
    assert!(releases.iter().all(|release| release.contains("\nFormat: ")));
}
