//! completions, help.

use crate::support::annals;

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = annals(&format!("completions {shell}")).exits(0).out;
        assert!(script.contains("capture") && script.contains("add-recipient"), "{shell}");
    }
    annals("completions cobol").exits(2);
}

#[test]
fn every_help_teaches_by_example() {
    let verbs = [
        "status",
        "verify",
        "check",
        "gc",
        "refs",
        "refs add",
        "refs ls",
        "refs find",
        "refs check",
        "capture",
        "capture folder",
        "remote",
        "remote add",
        "remote ls",
        "remote check",
        "remote rm",
        "tenant",
        "tenant add",
        "tenant ls",
        "key",
        "key show",
        "key create",
        "key add-recipient",
        "key remove-recipient",
        "key passphrase",
        "completions",
        "version",
    ];
    for verb in verbs {
        let help = annals(&format!("{verb} --help")).exits(0).out;
        assert!(help.contains("Example") && help.contains("annals "), "{verb}: {help}");
    }
}
