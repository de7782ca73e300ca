//! The slots of a key file: ways to reach the one site secret. One line of text each.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use super::identity::{Identity, Recipient};
use super::secret::SiteSecret;
use super::text::{hex, put_hex};
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::{KEY_SLOT_LANES_MAX, KEY_SLOT_MEMORY_KIB_MAX, KEY_SLOT_PASSES_MAX, PASSPHRASE_BYTES_MAX};
use crate::base::random::Random;
use crate::format::cipher::{NONCE_BYTES, SecretKey, TAG_BYTES, open_box, seal_box};

const SALT_BYTES: usize = 16;
const SEALED_BYTES: usize = NONCE_BYTES + 32 + TAG_BYTES;

/// A site secret, sealed: nonce, ciphertext, tag.
type Sealed = [u8; SEALED_BYTES];

/// What one guess of a passphrase costs (argon2id, RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

impl Cost {
    /// 64 MiB, 3 passes, 1 lane: about 150 ms on one core, bearable on the smallest machines we serve.
    pub(super) const DEFAULT: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    fn is_bearable(self) -> bool {
        (1..=KEY_SLOT_LANES_MAX).contains(&self.lanes)
            && (8 * self.lanes..=KEY_SLOT_MEMORY_KIB_MAX).contains(&self.memory_kib)
            && (1..=KEY_SLOT_PASSES_MAX).contains(&self.passes)
    }

    /// The key that a passphrase gives under this cost.
    fn stretch(self, passphrase: &str, salt: &[u8]) -> Result<SecretKey> {
        let refused = |e: argon2::Error| Error::damaged(format_args!("the costs of a passphrase slot: {e}"));
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(refused)?;
        let mut memory = Vec::new();
        memory.try_reserve_exact(params.block_count()).map_err(|e| {
            Error::new(Kind::Failed, "key.memory", format!("not enough memory to try the passphrase: {} MiB are needed", self.memory_kib >> 10))
                .hint("stop other programs on this machine and try again, or open the key file on a larger one")
                .caused_by(e)
        })?;
        memory.resize(params.block_count(), Block::new());
        let mut key = Zeroizing::new([0; 32]);
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let done = argon.hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut *key, &mut memory[..]);
        memory.zeroize();
        done.map_err(refused)?;
        Ok(SecretKey::from_bytes(*key))
    }
}

/// One way to reach the site secret.
pub(super) enum Slot {
    /// The secret itself: the file is the key.
    Plain(SiteSecret),
    /// Sealed under a key stretched from a passphrase.
    Passphrase { cost: Cost, salt: [u8; SALT_BYTES], sealed: Sealed },
    /// Sealed for the holder of an identity.
    Recipient { to: Recipient, from: [u8; 32], sealed: Sealed },
    /// The line of a slot that a later program made, kept as it is.
    Unknown(String),
}

impl Slot {
    /// A new slot for `passphrase`, which is taken as it is, byte for byte.
    pub(super) fn for_passphrase(site: SiteId, secret: &SiteSecret, passphrase: &str, cost: Cost, random: &dyn Random) -> Result<Slot> {
        if passphrase.is_empty() || passphrase.len() > PASSPHRASE_BYTES_MAX {
            return Err(Error::usage(
                "key.passphrase-bad",
                format!("a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes, this one {}", passphrase.len()),
            )
            .hint("take four or more unrelated words"));
        }
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let key = cost.stretch(passphrase, &salt)?;
        let sealed = seal(&key, &passphrase_context(site, cost, &salt), secret, random)?;
        Ok(Slot::Passphrase { cost, salt, sealed })
    }

    /// A new slot for `to`, from a sender that is forgotten at once.
    pub(super) fn for_recipient(site: SiteId, secret: &SiteSecret, to: Recipient, random: &dyn Random) -> Result<Slot> {
        let (from, key) = to.share(random)?;
        let sealed = seal(&key, &context(b"recipient", site), secret, random)?;
        Ok(Slot::Recipient { to, from, sealed })
    }

    /// Tries the passphrase. `None` where this is no passphrase slot, or not the right passphrase.
    pub(super) fn open_with_passphrase(&self, site: SiteId, passphrase: &str) -> Result<Option<SiteSecret>> {
        let Slot::Passphrase { cost, salt, sealed } = self else { return Ok(None) };
        if passphrase.len() > PASSPHRASE_BYTES_MAX {
            return Ok(None);
        }
        let key = cost.stretch(passphrase, salt)?;
        Ok(open(&key, &passphrase_context(site, *cost, salt), sealed))
    }

    /// Tries the identity. `None` where this is no slot for it.
    pub(super) fn open_with_identity(&self, site: SiteId, identity: &Identity) -> Option<SiteSecret> {
        match self {
            Slot::Recipient { to, from, sealed } if *to == identity.recipient() => {
                open(&identity.key_from(from)?, &context(b"recipient", site), sealed)
            }
            _ => None,
        }
    }

    /// Appends what follows `slot ` on the slot's line.
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Slot::Plain(secret) => {
                out.push_str("plain secret=");
                put_hex(out, secret.expose());
            }
            Slot::Passphrase { cost: Cost { memory_kib, passes, lanes }, salt, sealed } => {
                out.push_str(&format!("passphrase m={memory_kib} t={passes} p={lanes} salt="));
                put_hex(out, salt);
                out.push_str(" box=");
                put_hex(out, sealed);
            }
            Slot::Recipient { to, from, sealed } => {
                out.push_str(&format!("recipient to={to} from="));
                put_hex(out, from);
                out.push_str(" box=");
                put_hex(out, sealed);
            }
            Slot::Unknown(line) => out.push_str(line),
        }
    }

    /// Reads what [`Slot::write`] wrote, and nothing else. `None` for a malformed slot of a known type.
    pub(super) fn parse(line: &str) -> Option<Slot> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let mut field = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let slot = match kind {
            "plain" => {
                let secret = Zeroizing::new(hex(field("secret")?)?);
                Slot::Plain(SiteSecret::from_bytes(*secret))
            }
            "passphrase" => {
                let cost = Cost { memory_kib: number(field("m")?)?, passes: number(field("t")?)?, lanes: number(field("p")?)? };
                if !cost.is_bearable() {
                    return None;
                }
                Slot::Passphrase { cost, salt: hex(field("salt")?)?, sealed: hex(field("box")?)? }
            }
            "recipient" => Slot::Recipient { to: recipient(field("to")?)?, from: hex(field("from")?)?, sealed: hex(field("box")?)? },
            _ if is_slot_type(kind) => return Some(Slot::Unknown(line.to_owned())),
            _ => return None,
        };
        words.next().is_none().then_some(slot)
    }
}

fn is_slot_type(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A decimal number in its only form: no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|n| n.to_string() == text)
}

fn recipient(text: &str) -> Option<Recipient> {
    Recipient::from_text(text).ok().filter(|r| r.to_text() == text)
}

/// What a sealed secret is bound to: the kind of slot and the site, so that a slot cannot be moved into another file.
fn context(kind: &[u8], site: SiteId) -> Vec<u8> {
    [b"annals key slot v1 ", kind, b" ", site.as_bytes()].concat()
}

fn passphrase_context(site: SiteId, cost: Cost, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    let mut out = context(b"passphrase", site);
    for n in [cost.memory_kib, cost.passes, cost.lanes] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(salt);
    out
}

fn seal(key: &SecretKey, context: &[u8], secret: &SiteSecret, random: &dyn Random) -> Result<Sealed> {
    let sealed = seal_box(key, context, secret.expose(), random);
    Sealed::try_from(sealed).map_err(|_| Error::damaged("a sealed site secret of the wrong length"))
}

fn open(key: &SecretKey, context: &[u8], sealed: &Sealed) -> Option<SiteSecret> {
    let plain = open_box(key, context, sealed, "a slot of the key file").map(Zeroizing::new).ok()?;
    let bytes = <[u8; 32]>::try_from(plain.as_slice()).ok().map(Zeroizing::new)?;
    Some(SiteSecret::from_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    const SMALL: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn line(slot: &Slot) -> String {
        let mut out = String::new();
        slot.write(&mut out);
        out
    }

    #[test]
    fn costs_beyond_reason_are_refused_before_any_memory_is_taken() {
        let random = SeededRandom::new(1);
        let (site, secret) = (SiteId::new(&random), SiteSecret::new(&random));
        let good = line(&Slot::for_passphrase(site, &secret, "p", SMALL, &random).expect("slot"));
        assert!(Slot::parse(&good).is_some());
        for bad in
            ["m=1048577 t=1 p=1", "m=7 t=1 p=1", "m=8 t=17 p=1", "m=8 t=0 p=1", "m=8 t=1 p=0", "m=4096 t=1 p=17", "m=08 t=1 p=1", "m=+8 t=1 p=1"]
        {
            assert!(Slot::parse(&good.replace("m=8 t=1 p=1", bad)).is_none(), "{bad}");
        }
        assert!(Slot::parse(&good.replace("m=8 t=1 p=1", "m=1048576 t=16 p=16")).is_some());
        assert!(Slot::parse(&format!("{good} more=1")).is_none());
    }

    #[test]
    fn a_slot_is_bound_to_its_site_its_costs_and_its_salt() {
        let random = SeededRandom::new(2);
        let (site, other, secret) = (SiteId::new(&random), SiteId::new(&random), SiteSecret::new(&random));
        let slot = Slot::for_passphrase(site, &secret, "right", SMALL, &random).expect("slot");
        assert_eq!(slot.open_with_passphrase(site, "right").expect("try"), Some(secret.clone()));
        assert_eq!(slot.open_with_passphrase(site, "wrong").expect("try"), None);
        assert_eq!(slot.open_with_passphrase(other, "right").expect("try"), None);
        let dearer = Slot::parse(&line(&slot).replace("t=1", "t=2")).expect("parses");
        assert_eq!(dearer.open_with_passphrase(site, "right").expect("try"), None);
        let identity = Identity::generate(&random);
        let slot = Slot::for_recipient(site, &secret, identity.recipient(), &random).expect("slot");
        assert_eq!(slot.open_with_identity(site, &identity), Some(secret));
        assert_eq!(slot.open_with_identity(other, &identity), None);
    }

    #[test]
    fn argon2id_is_the_one_of_the_reference_program() {
        // From the reference implementation's own tests: version 0x13, 2 passes, 2^8 KiB, 1 lane.
        let key = Cost { memory_kib: 256, passes: 2, lanes: 1 }.stretch("password", b"somesalt").expect("stretch");
        assert_eq!(hex("9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"), Some(*key.expose()));
    }
}
