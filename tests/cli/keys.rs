//! key.

use std::fs;

use crate::support::{annals, mode_of, site};

#[test]
fn the_sheet_is_printed_and_nothing_else_shows_the_secret() {
    let site = site();
    site.run("remote add usb dir:usb").exits(0);
    let sheet = site.run("key show --sheet").exits(0).out;
    assert!(sheet.starts_with("ANNALS RECOVERY SHEET") && sheet.contains("clinic-17") && sheet.contains("dir:/"), "{sheet}");
    let secret: Vec<&str> = sheet.lines().filter_map(|l| l.trim().strip_prefix("line ")).filter_map(|l| l.split_whitespace().nth(1)).collect();
    assert_eq!(secret.len(), 6);
    let shown = site.run("key show").exits(0).out;
    let value = site.run("key show --json").exits(0).object("annals.key/1");
    assert!(sheet.contains(value["fingerprint"].as_str().expect("text")));
    assert_eq!((&value["plain"], &value["passphrase"]), (&true.into(), &false.into()));
    for line in secret {
        assert!(!shown.contains(line) && !value.to_string().contains(line));
    }
    assert!(site.run("key show --sheet --json").exits(0).object("annals.key.sheet/1")["sheet"].as_str().expect("text").contains("line 6"));
}

#[test]
fn a_passphrase_closes_the_key_and_an_empty_one_opens_it() {
    let site = site();
    let done = site.run("key passphrase --json").exits(2);
    assert_eq!(done.error_code(), "key.no-passphrase");
    let value = site.run_with(&[("ANNALS_NEW_PASSPHRASE", "horse")], "key passphrase --json").exits(0).object("annals.key/1");
    assert_eq!((&value["plain"], &value["passphrase"]), (&false.into(), &true.into()));
    assert_eq!(mode_of(&site.store().join("annals.key")), 0o600);
    assert_eq!(site.run("key show --sheet --json").exits(12).error_code(), "key.passphrase-needed");
    assert_eq!(site.run_with(&[("ANNALS_PASSPHRASE", "cow")], "tenant add x --json").exits(12).error_code(), "key.passphrase-wrong");
    site.run_with(&[("ANNALS_PASSPHRASE", "horse")], "tenant add x").exits(0);
    site.run_with(&[("ANNALS_PASSPHRASE", "horse"), ("ANNALS_NEW_PASSPHRASE", "")], "key passphrase").exits(0);
    site.run("key show --sheet").exits(0);
}

#[test]
fn a_recipient_opens_the_key_with_an_identity() {
    let site = site();
    let file = site.path("auditor.identity");
    let name = file.to_str().expect("text");
    let recipient = annals(&format!("key create --out {name}")).exits(0).out.trim().to_owned();
    assert!(recipient.starts_with("annals1") && mode_of(&file) == 0o600);
    let kept = fs::read_to_string(&file).expect("read");
    assert_eq!(annals(&format!("key create --out {name} --json")).exits(14).error_code(), "identity.exists");
    assert_eq!(fs::read_to_string(&file).expect("read"), kept);

    let done = site.run(&format!("key add-recipient {recipient}")).exits(0);
    assert!(done.err.contains("still the key"), "{}", done.err);
    site.run_with(&[("ANNALS_NEW_PASSPHRASE", "horse")], "key passphrase").exits(0);
    site.run("tenant add x").exits(12);
    site.run_with(&[("ANNALS_IDENTITY", name)], "tenant add x").exits(0);
    let value = site.run("key show --json").exits(0).object("annals.key/1");
    assert_eq!(value["recipients"], serde_json::json!([recipient]));
    let secret = kept.lines().last().expect("the secret");
    let done = site.run(&format!("key add-recipient {secret} --json")).exits(2);
    assert_eq!(done.error_code(), "recipient.bad");
    assert!(!done.out.contains(secret) && !done.err.contains(secret));
    site.run(&format!("key remove-recipient {recipient}")).exits(0);
    site.run_with(&[("ANNALS_IDENTITY", name)], "tenant add y").exits(12);
    assert_eq!(site.run(&format!("key remove-recipient {recipient} --json")).exits(5).error_code(), "key.no-recipient");
}

#[test]
fn the_recovery_card_has_the_way_back_and_no_secret_unless_it_is_asked_for() {
    let site = site();
    site.run("remote add usb dir:usb").exits(0);
    let card = site.run("key card").exits(0).out;
    assert!(card.contains("RECOVERY CARD   clinic-17\n") && card.contains("annals rebuild --from 'dir:/"), "{card}");
    let value = site.run("key card --json").exits(0).object("annals.key.card/1");
    assert_eq!((value["sheet"].is_null(), value["copies"][0]["name"].as_str()), (true, Some("usb")));
    let sheet = site.run("key show --sheet").exits(0).out;
    let secret: Vec<&str> = sheet.lines().filter_map(|l| l.trim().strip_prefix("line ")).filter_map(|l| l.split_whitespace().nth(1)).collect();
    assert!(secret.len() == 6 && secret.iter().all(|line| !card.contains(line)), "{card}");
    site.run("key card --with-secret --out safe.txt").exits(0);
    site.run("key card --out card.html").exits(0);
    let read = |name: &str| fs::read_to_string(site.path(name)).expect("read");
    assert!(secret.iter().all(|line| read("safe.txt").contains(line)) && read("card.html").starts_with("<!doctype html>"));
    assert!(secret.iter().all(|line| !read("card.html").contains(line)));
    assert_eq!((mode_of(&site.path("safe.txt")), mode_of(&site.path("card.html"))), (0o600, 0o600));
}
