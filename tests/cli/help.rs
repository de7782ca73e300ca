use crate::support::site;

#[test]
fn every_verb_teaches_by_example() {
    let s = site();
    let top = s.ok(&["--help"]).out;
    let listed = top.split("Commands:").nth(1).expect("a list").split("\n\n").next().expect("the list");
    let verbs: Vec<&str> = listed.lines().filter_map(|l| l.strip_prefix("  ")?.split(' ').next().filter(|w| !w.is_empty() && *w != "help")).collect();
    for mine in "rm ls find log show diff fields restore undo redo apply batch mark rollback".split(' ') {
        assert!(verbs.contains(&mine), "{mine} is not in {verbs:?}");
    }
    for verb in verbs {
        let help = s.ok(&[verb, "--help"]).out;
        assert!(help.contains("Example"), "annals {verb} --help has no example");
        assert!(help.contains(&format!("annals {verb}")), "annals {verb} --help does not show annals {verb}");
    }
    for verb in ["begin", "add", "commit", "ls", "show", "drop"] {
        assert!(s.ok(&["batch", verb, "--help"]).out.contains(&format!("annals batch {verb}")), "{verb}");
    }
}
