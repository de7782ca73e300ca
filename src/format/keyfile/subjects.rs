//! Subject key objects: the keys of subjects whose contents can be erased, sealed under the key of their tenant, at most [`SUBJECTS_MAX`] in one.
//! When a subject goes, its object is written anew with a tombstone in the place of the key, and the old one is removed wherever it lies.
//! Specified in `FORMAT.md`, section "Subject key object".

use zeroize::Zeroizing;

use crate::base::codec::{Reader, put_bytes, put_varint, put_zigzag};
use crate::base::digest::{self, Digest, Hasher};
use crate::base::error::{Error, Kind, Result};
use crate::base::id::TenantId;
use crate::base::limits::{KEY_BYTES_MAX, SUBJECT_OBJECT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::base::random::Random;
use crate::base::time::Timestamp;
use crate::format::cipher::{SecretKey, open_box, seal_box};
use crate::format::record::{put_ascending, read_ascending};
use crate::model::change::KeyId;

/// Subjects in one object: enough that objects are few, and few enough that writing one anew costs little.
pub const SUBJECTS_MAX: usize = 64;
const MAGIC: &[u8; 4] = b"ANSK";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1;
/// Bytes: what is sealed is filled up to a multiple of it, so that lengths of names do not show.
const PAD_BYTES: usize = 1024;
const WHAT: &str = "a subject key object";
const PREFIX: &str = "subjects-";
const SUFFIX: &str = ".keys";

const KEY: u8 = 1;
const TOMBSTONE: u8 = 2;

/// What an object says of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It has a key.
    Key {
        /// The part of keys of documents that names it.
        name: Vec<u8>,
        /// Its key.
        key: SecretKey,
    },
    /// It was erased.
    Tombstone(Tombstone),
}

/// What stays of a subject that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The keyed digest of its name, see [`subject_digest`].
    pub subject: Digest,
    /// Names the key that was destroyed.
    pub key: KeyId,
    /// The batch that says so, in the log of whoever erased it.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Numbers of contents that went and are in no box of it, ascending: a reader of older segments drops them.
    pub contents: Vec<u64>,
}

/// Names a subject's key without telling it.
pub fn key_id(key: &SecretKey) -> KeyId {
    let id = digest::derive_key("annals 2026-11 subject key id v1", key.expose());
    [id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7]]
}

/// What tombstones call a subject: whoever has the tenant's key and a name can tell whether it is that one, nobody can tell the name from it.
pub fn subject_digest(tenant_key: &SecretKey, name: &[u8]) -> Digest {
    let key = Zeroizing::new(digest::derive_key("annals 2026-11 subject digest v1", tenant_key.expose()));
    Digest::from_bytes(digest::keyed(&key, name))
}

/// Seals entries. Sealing them again gives other bytes that say the same.
///
/// # Errors
/// [`Kind::Failed`] where they are more than an object holds.
pub fn seal(tenant_key: &SecretKey, tenant: TenantId, entries: &[Entry], random: &dyn Random) -> Result<Vec<u8>> {
    if entries.len() > SUBJECTS_MAX {
        return Err(Error::damaged("more subjects than a key object holds"));
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(PAD_BYTES));
    put_varint(&mut plain, entries.len() as u64);
    for entry in entries {
        match entry {
            Entry::Key { name, key } => {
                plain.push(KEY);
                put_bytes(&mut plain, name);
                plain.extend_from_slice(key.expose());
            }
            Entry::Tombstone(t) => {
                plain.push(TOMBSTONE);
                encode_tombstone(t, &mut plain);
            }
        }
    }
    let len = plain.len().next_multiple_of(PAD_BYTES);
    plain.resize(len, 0);
    let mut object = MAGIC.to_vec();
    object.push(VERSION);
    let sealed = seal_box(&box_key(tenant_key), &bound(&object, tenant), &plain, random);
    object.extend_from_slice(&sealed);
    if object.len() as u64 > SUBJECT_OBJECT_BYTES_MAX {
        return Err(Error::new(Kind::Failed, "subjects.large", "a subject key object would be larger than a reader accepts")
            .hint("erase fewer documents that were recorded before their prefix was declared erasable at once"));
    }
    Ok(object)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`Kind::Denied`] under another key or where the object was changed, [`Kind::Newer`] for a later version, [`Kind::Failed`] for bytes that are
/// no such object.
pub fn open(tenant_key: &SecretKey, tenant: TenantId, object: &[u8]) -> Result<Vec<Entry>> {
    let (header, sealed) = object.split_at_checked(HEADER_BYTES).ok_or_else(|| Error::damaged(WHAT))?;
    match header.strip_prefix(MAGIC) {
        Some([VERSION]) => {}
        Some([newer]) if *newer > VERSION => {
            let message = format!("this subject key object has version {newer}, this program knows {VERSION}");
            return Err(Error::new(Kind::Newer, "subjects.newer", message).hint("upgrade annals"));
        }
        _ => return Err(Error::damaged(WHAT)),
    }
    if object.len() as u64 > SUBJECT_OBJECT_BYTES_MAX {
        return Err(Error::damaged(WHAT));
    }
    let plain = Zeroizing::new(open_box(&box_key(tenant_key), &bound(header, tenant), sealed, WHAT)?);
    let mut r = Reader::new(&plain, WHAT);
    let count = r.varint_max(SUBJECTS_MAX as u64)?;
    let entries = (0..count).map(|_| entry(&mut r)).collect::<Result<Vec<_>>>()?;
    if r.take(r.remaining())?.iter().any(|b| *b != 0) {
        return Err(Error::damaged(WHAT));
    }
    Ok(entries)
}

fn entry(r: &mut Reader<'_>) -> Result<Entry> {
    match r.byte()? {
        KEY => {
            let name = r.bytes(KEY_BYTES_MAX)?.to_vec();
            if name.is_empty() {
                return Err(Error::damaged(WHAT));
            }
            Ok(Entry::Key { name, key: SecretKey::from_bytes(*Zeroizing::new(r.array()?)) })
        }
        TOMBSTONE => Ok(Entry::Tombstone(decode_tombstone(r)?)),
        _ => Err(Error::damaged(WHAT)),
    }
}

/// Appends the bytes of a tombstone.
pub fn encode_tombstone(t: &Tombstone, out: &mut Vec<u8>) {
    out.extend_from_slice(t.subject.as_bytes());
    out.extend_from_slice(&t.key);
    put_varint(out, t.seq);
    put_zigzag(out, t.time.micros());
    put_bytes(out, t.actor.as_bytes());
    put_bytes(out, t.reason.as_bytes());
    put_ascending(&t.contents, out);
}

/// Reads what [`encode_tombstone`] wrote.
pub fn decode_tombstone(r: &mut Reader<'_>) -> Result<Tombstone> {
    Ok(Tombstone {
        subject: Digest::from_bytes(r.array()?),
        key: r.array()?,
        seq: r.varint()?,
        time: Timestamp(r.zigzag()?),
        actor: r.text(TEXT_BYTES_MAX)?.to_owned(),
        reason: r.text(TEXT_BYTES_MAX)?.to_owned(),
        contents: read_ascending(r)?,
    })
}

/// The name of the object in the tenant's folder: `subjects-`, 16 hexadecimal digits over tenant and content, `.keys`.
pub fn object_name(tenant: TenantId, object: &[u8]) -> String {
    let mut hasher = Hasher::new();
    hasher.update(tenant.as_bytes()).update(object);
    format!("{PREFIX}{}{SUFFIX}", hasher.finish().short(16))
}

/// Whether an object of a tenant's folder is called like one of these.
pub fn is_name(name: &str) -> bool {
    let digits = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

fn box_key(tenant_key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(digest::derive_key("annals 2026-11 subject key object v1", tenant_key.expose()))
}

/// What a box is bound to: an object that was put into another tenant's folder does not open.
fn bound(header: &[u8], tenant: TenantId) -> Vec<u8> {
    [header, tenant.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use proptest::prelude::*;

    fn tombstone() -> Tombstone {
        Tombstone {
            subject: Digest::of(b"x"),
            key: [3; 8],
            seq: 7,
            time: Timestamp(1_795_000_000_000_000),
            actor: "806".into(),
            reason: "asked for it".into(),
            contents: vec![1, 5, 6],
        }
    }

    #[test]
    fn entries_round_trip_and_open_only_in_their_place() {
        let random = SeededRandom::new(1);
        let (key, tenant) = (SecretKey::new(&random), TenantId::new(&random));
        let entries = vec![Entry::Key { name: b"person/38754".to_vec(), key: SecretKey::new(&random) }, Entry::Tombstone(tombstone())];
        let object = seal(&key, tenant, &entries, &random).expect("seal");
        assert_eq!(open(&key, tenant, &object).expect("open"), entries);
        let other = seal(&key, tenant, &entries[..1], &random).expect("seal");
        assert_eq!(object.len(), other.len(), "what is in it does not show");
        assert_eq!(open(&SecretKey::new(&random), tenant, &object).expect_err("key").kind(), Kind::Denied);
        assert_eq!(open(&key, TenantId::new(&random), &object).expect_err("tenant").kind(), Kind::Denied);
        let mut newer = object.clone();
        newer[4] = 2;
        assert_eq!(open(&key, tenant, &newer).expect_err("newer").kind(), Kind::Newer);
        for at in [0, 4, 5, 40, object.len() - 1] {
            let mut bad = object.clone();
            bad[at] ^= 1;
            assert!(open(&key, tenant, &bad).is_err(), "byte {at}");
        }
        let name = object_name(tenant, &object);
        assert!(is_name(&name) && name != object_name(tenant, &other), "{name}");
        assert!(!is_name("subjects-00.keys") && !is_name("key-0011223344556677.key"));
        assert!(seal(&key, tenant, &vec![entries[1].clone(); SUBJECTS_MAX + 1], &random).is_err());
    }

    #[test]
    fn digests_and_ids_depend_on_their_keys() {
        let (a, b) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
        assert_ne!(key_id(&a), key_id(&b));
        assert_ne!(subject_digest(&a, b"person/1"), subject_digest(&b, b"person/1"));
        assert_ne!(subject_digest(&a, b"person/1"), subject_digest(&a, b"person/2"));
    }

    proptest! {
        #[test]
        fn any_sealed_bytes_are_read_without_panic(plain in proptest::collection::vec(any::<u8>(), 0..300)) {
            let random = SeededRandom::new(4);
            let (key, tenant) = (SecretKey::from_bytes([1; 32]), TenantId::from_bytes([3; 16]));
            prop_assert!(open(&key, tenant, &plain).is_err());
            let header = [MAGIC.as_slice(), &[VERSION]].concat();
            let object = [header.clone(), seal_box(&box_key(&key), &bound(&header, tenant), &plain, &random)].concat();
            if let Ok(entries) = open(&key, tenant, &object) {
                let again = seal(&key, tenant, &entries, &random).expect("what was read can be written");
                prop_assert_eq!(open(&key, tenant, &again).expect("again"), entries);
            }
        }
    }
}
