//! The examples of the specification, byte for byte: what version 1 wrote must open for ever.

use super::keyring::{self, KeyringEntry};
use super::{Identity, KeyFile, SiteSecret, Unlock, sheet, text};
use crate::base::id::{SiteId, TenantId};
use crate::base::limits::{KEY_FILE_BYTES_MAX, SHEET_BYTES_MAX};
use crate::base::time::Timestamp;
use crate::format::cipher::SecretKey;

const SPECIFICATION: &str = include_str!("../../../FORMAT.md");

/// The text between code fences that starts with `start`; `nth` of several.
fn example(start: &str, nth: usize) -> &'static str {
    let blocks = SPECIFICATION.split("```\n").skip(1).step_by(2);
    blocks.filter(|b| b.starts_with(start)).nth(nth).expect("the specification has this example")
}

fn site() -> SiteId {
    SiteId::from_bytes(std::array::from_fn(|i| i as u8))
}

fn secret() -> SiteSecret {
    SiteSecret::from_bytes(std::array::from_fn(|i| 0x20 + i as u8))
}

#[test]
fn key_files_of_the_specification_open_and_are_written_the_same() {
    let plain = example("annals key file v1\nsite 0", 0);
    assert_eq!(*KeyFile::holding(site(), &secret()).to_text(), plain);
    assert_eq!(KeyFile::from_text(plain).and_then(|f| f.open(&Unlock::default())).expect("plain"), secret());
    let text = example("annals key file v1\nsite 0", 1);
    let closed = KeyFile::from_text(text).expect("closed");
    assert_eq!(*closed.to_text(), text);
    assert_eq!(closed.open(&Unlock { passphrase: Some("fire ulike ord"), identity: None }).expect("passphrase"), secret());
    let identity = Identity::from_text(example("ANNALS-SECRET-KEY-1", 0)).expect("identity");
    assert_eq!(closed.open(&Unlock { passphrase: None, identity: Some(&identity) }).expect("identity"), secret());
}

#[test]
fn the_sheet_of_the_specification_is_read_and_written_the_same() {
    let lines = example("    line 1", 0);
    assert_eq!(sheet::parse(lines).expect("sheet"), (site(), secret()));
    assert!(sheet::render(&secret(), site(), "clinic-17", &[], "2026-11-20").contains(lines));
}

#[test]
fn the_keyring_object_of_the_specification_opens() {
    let object = text::hex::<{ keyring::OBJECT_BYTES }>(example("414e4b52", 0).trim_end()).expect("253 bytes");
    let entry = KeyringEntry {
        site: site(),
        tenant: TenantId::from_bytes([0xaa; 16]),
        tenant_name: "kommune-b".to_owned(),
        key: SecretKey::from_bytes([0x55; 32]),
        created: Timestamp(1_795_000_000_000_000),
    };
    assert_eq!(keyring::open(&secret(), &object).expect("opens"), entry);
    assert_eq!(keyring::object_name(entry.tenant, &object), "key-0b5cf8bbe1df7833.key");
}

#[test]
fn the_numbers_of_the_specification_are_those_of_the_code() {
    assert!(SPECIFICATION.contains(&format!("Exactly {} bytes", keyring::OBJECT_BYTES)));
    assert!(SPECIFICATION.contains(&format!("Text of at most {KEY_FILE_BYTES_MAX} bytes, mode 0600")));
    assert!(SPECIFICATION.contains(&format!("in a text of at most {} bytes", SHEET_BYTES_MAX)));
}
