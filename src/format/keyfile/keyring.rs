//! The keyring object: one tenant's key, sealed under the site secret; shipped to each remote and kept in the catalogue, byte for byte the
//! same. All of them are equally long, so that nothing about a tenant can be read from outside.

use zeroize::Zeroizing;

use super::secret::SiteSecret;
use crate::base::codec::{Reader, put_bytes, put_zigzag};
use crate::base::digest::Hasher;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{SiteId, TenantId};
use crate::base::random::Random;
use crate::base::time::Timestamp;
use crate::format::cipher::{NONCE_BYTES, SecretKey, TAG_BYTES, open_box, seal_box};
use crate::model::key::check_tenant;

/// Bytes: the length of every keyring object of this version.
pub const OBJECT_BYTES: usize = HEADER_BYTES + NONCE_BYTES + PLAIN_BYTES + TAG_BYTES;
const MAGIC: &[u8; 4] = b"ANKR";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1;
/// Bytes: the entry with zeros behind it: two ids, the key, a time of up to 10, a name of up to 128 with its length of up to 2; next
/// multiple of 16.
const PLAIN_BYTES: usize = 208;
const NAME_BYTES_MAX: usize = 128;
const WHAT: &str = "a keyring object";

/// What a keyring object says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringEntry {
    /// The site that made the key.
    pub site: SiteId,
    /// The tenant as the outside sees it.
    pub tenant: TenantId,
    /// The tenant's name as people know it: known only to those who hold the site secret.
    pub tenant_name: String,
    /// The tenant's key.
    pub key: SecretKey,
    /// When the key was made.
    pub created: Timestamp,
}

/// Seals an entry. Sealing it again gives other bytes that say the same.
///
/// # Errors
/// [`Kind::Usage`] where the tenant's name is none, see [`check_tenant`].
pub fn seal(secret: &SiteSecret, entry: &KeyringEntry, random: &dyn Random) -> Result<Vec<u8>> {
    check_tenant(&entry.tenant_name)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN_BYTES));
    plain.extend_from_slice(entry.site.as_bytes());
    plain.extend_from_slice(entry.tenant.as_bytes());
    plain.extend_from_slice(entry.key.expose());
    put_zigzag(&mut plain, entry.created.micros());
    put_bytes(&mut plain, entry.tenant_name.as_bytes());
    plain.resize(PLAIN_BYTES, 0);
    let mut object = Vec::with_capacity(OBJECT_BYTES);
    object.extend_from_slice(MAGIC);
    object.push(VERSION);
    let sealed = seal_box(&box_key(secret), &object, &plain, random);
    object.extend_from_slice(&sealed);
    Ok(object)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`Kind::Denied`] under another site's secret or where the object was changed, [`Kind::Newer`] for a later version, [`Kind::Failed`] for
/// bytes that are no keyring object.
pub fn open(secret: &SiteSecret, object: &[u8]) -> Result<KeyringEntry> {
    let (header, sealed) = object.split_at_checked(HEADER_BYTES).ok_or_else(|| Error::damaged(WHAT))?;
    match header.strip_prefix(MAGIC) {
        Some([VERSION]) => {}
        Some([newer]) if *newer > VERSION => {
            let message = format!("this keyring object has version {newer}, this program knows {VERSION}");
            return Err(Error::new(Kind::Newer, "keyring.newer", message).hint("upgrade annals"));
        }
        _ => return Err(Error::damaged(WHAT)),
    }
    if object.len() != OBJECT_BYTES {
        return Err(Error::damaged("a keyring object of the wrong length").hint("fetch it again, or from another remote"));
    }
    let plain = Zeroizing::new(open_box(&box_key(secret), header, sealed, WHAT)?);
    let mut reader = Reader::new(&plain, WHAT);
    let (site, tenant) = (SiteId::from_bytes(reader.array()?), TenantId::from_bytes(reader.array()?));
    let key = SecretKey::from_bytes(*Zeroizing::new(reader.array()?));
    let created = Timestamp(reader.zigzag()?);
    let tenant_name = reader.text(NAME_BYTES_MAX)?.to_owned();
    check_tenant(&tenant_name).map_err(|e| Error::damaged("a keyring object with an impossible tenant name").caused_by(e))?;
    if reader.take(reader.remaining())?.iter().any(|b| *b != 0) {
        return Err(Error::damaged(WHAT));
    }
    Ok(KeyringEntry { site, tenant, tenant_name, key, created })
}

/// The name of the object in the tenant's folder: `key-`, 16 hexadecimal digits over tenant and content, `.key`. Without any key it tells
/// a cut or changed object, and one that was put into another tenant's folder.
pub fn object_name(tenant: TenantId, object: &[u8]) -> String {
    let mut hasher = Hasher::new();
    hasher.update(tenant.as_bytes()).update(object);
    format!("key-{}.key", hasher.finish().short(16))
}

fn box_key(secret: &SiteSecret) -> SecretKey {
    secret.derive("annals 2026-11 keyring object v1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use proptest::prelude::*;

    fn entry(random: &SeededRandom, name: &str) -> KeyringEntry {
        KeyringEntry {
            site: SiteId::new(random),
            tenant: TenantId::new(random),
            tenant_name: name.to_owned(),
            key: SecretKey::new(random),
            created: Timestamp(1_795_000_000_000_000),
        }
    }

    #[test]
    fn an_entry_round_trips_and_all_objects_are_equally_long() {
        let random = SeededRandom::new(1);
        let secret = SiteSecret::new(&random);
        let long = "å".repeat(64);
        for name in ["main", "kommune-b", &long] {
            for created in [Timestamp(i64::MIN), Timestamp(0), Timestamp(i64::MAX)] {
                let entry = KeyringEntry { created, ..entry(&random, name) };
                let object = seal(&secret, &entry, &random).expect("seal");
                assert_eq!(object.len(), OBJECT_BYTES);
                assert_eq!(open(&secret, &object).expect("open"), entry);
                assert_ne!(seal(&secret, &entry, &random).expect("again"), object);
            }
        }
        assert_eq!(seal(&secret, &entry(&random, "a/b"), &random).expect_err("name").kind(), Kind::Usage);
        assert!(!format!("{:?}", entry(&random, "main")).contains(&format!("{:?}", entry(&random, "main").key.expose())));
    }

    #[test]
    fn a_flipped_byte_or_another_secret_never_opens() {
        let random = SeededRandom::new(2);
        let (secret, other) = (SiteSecret::new(&random), SiteSecret::new(&random));
        let object = seal(&secret, &entry(&random, "main"), &random).expect("seal");
        assert_eq!(open(&other, &object).expect_err("other secret").kind(), Kind::Denied);
        for (i, bit) in (0..object.len()).flat_map(|i| (0..8).map(move |bit| (i, bit))) {
            let mut bad = object.clone();
            bad[i] ^= 1 << bit;
            assert!(open(&secret, &bad).is_err(), "byte {i} bit {bit}");
        }
        for end in 0..object.len() {
            assert!(open(&secret, &object[..end]).is_err(), "cut at {end}");
        }
        let mut newer = object.clone();
        newer[4] = 2;
        assert_eq!(open(&secret, &newer).expect_err("newer").kind(), Kind::Newer);
        newer[4] = 0;
        assert_eq!(open(&secret, &newer).expect_err("never was").kind(), Kind::Failed);
    }

    #[test]
    fn names_depend_on_what_they_name() {
        let random = SeededRandom::new(3);
        let (a, b) = (TenantId::new(&random), TenantId::new(&random));
        let name = object_name(a, b"object");
        assert!(name.len() == 24 && name.starts_with("key-") && name.ends_with(".key"));
        assert_eq!(name, object_name(a, b"object"));
        assert_ne!(name, object_name(b, b"object"));
        assert_ne!(name, object_name(a, b"objecu"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), sealed in any::<[u8; PLAIN_BYTES]>()) {
            let random = SeededRandom::new(4);
            let secret = SiteSecret::new(&random);
            prop_assert!(open(&secret, &bytes).is_err());
            bytes.splice(..0, [MAGIC.as_slice(), &[VERSION]].concat());
            prop_assert!(open(&secret, &bytes).is_err());
            let header = [MAGIC.as_slice(), &[VERSION]].concat();
            let well_sealed = [header.clone(), seal_box(&box_key(&secret), &header, &sealed, &random)].concat();
            if let Ok(entry) = open(&secret, &well_sealed) {
                prop_assert!(check_tenant(&entry.tenant_name).is_ok());
            }
        }
    }
}
