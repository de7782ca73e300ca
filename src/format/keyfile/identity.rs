//! Two halves of an X25519 key (RFC 7748): the recipient may be published, the identity stays with the person who may open key files.

use std::fmt;

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::text;
use crate::base::digest;
use crate::base::error::{Error, Result};
use crate::base::random::Random;
use crate::format::cipher::SecretKey;

const RECIPIENT_PREFIX: &str = "annals";
const IDENTITY_PREFIX: &str = "annals-secret-key-";

/// The public half, for which a key file can be wrapped. Shown as `annals1...`, 65 characters with a checksum (bech32m).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// Reads the text form; small or capital letters, white space around it is ignored.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::base::error::Kind::Usage) where it is something else or has a typing error.
    pub fn from_text(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(bytes) = text::parse_bech32m(RECIPIENT_PREFIX, text) {
            return Ok(Recipient(*bytes));
        }
        let error = Error::usage("recipient.bad", "not a recipient, or one with a typing error");
        Err(if is_identity_like(text) {
            error.hint("this is the secret half; give the public half, which starts with annals1, and keep this one to yourself")
        } else {
            error.hint("copy the whole text: it starts with annals1 and has 65 characters")
        })
    }

    /// `annals1...`
    pub fn to_text(&self) -> String {
        text::bech32m(RECIPIENT_PREFIX, &self.0).to_string()
    }

    /// A fresh sender's public half, and the key that it and this recipient share. Refuses the few public keys that share with everyone.
    pub(super) fn share(&self, random: &dyn Random) -> Result<([u8; 32], SecretKey)> {
        let sender = Identity::generate(random);
        let from = sender.recipient().0;
        let key = sender.shared_key(&self.0, &from, self).ok_or_else(|| {
            Error::usage("recipient.weak", "this recipient is not a usable public key")
                .hint("make a new identity on the recipient's machine and give its annals1 text")
        })?;
        Ok((from, key))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

/// The secret half. Wiped when dropped; shown only by [`Identity::to_text`].
pub struct Identity(StaticSecret);

impl Identity {
    /// A fresh random identity.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut *bytes);
        Identity(StaticSecret::from(*bytes))
    }

    /// Reads the text form. Lines that are empty or start with `#` around it are ignored, so that an identity file may carry a note.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::base::error::Kind::Usage) where it is something else or has a typing error; the text is not repeated.
    pub fn from_text(text: &str) -> Result<Self> {
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let only = lines.next().filter(|_| lines.next().is_none());
        if let Some(bytes) = only.and_then(|line| text::parse_bech32m(IDENTITY_PREFIX, line)) {
            return Ok(Identity(StaticSecret::from(*bytes)));
        }
        let error = Error::usage("identity.bad", "not an identity, or one with a typing error");
        Err(if only.is_some_and(|line| text::parse_bech32m(RECIPIENT_PREFIX, line).is_some()) {
            error.hint("this is the public half; to open a key file give the secret half, which starts with ANNALS-SECRET-KEY-1")
        } else {
            error.hint("copy the whole line: it starts with ANNALS-SECRET-KEY-1 and has 77 characters")
        })
    }

    /// `ANNALS-SECRET-KEY-1...`: the secret itself, in capital letters so that it is not taken for a recipient.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = text::bech32m(IDENTITY_PREFIX, self.0.as_bytes());
        text.make_ascii_uppercase();
        text
    }

    /// The public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }

    /// The key this identity, being `to`, shares with the sender `from`. `None` for a sender's key that shares with everyone.
    pub(super) fn key_from(&self, from: &[u8; 32]) -> Option<SecretKey> {
        self.shared_key(from, from, &self.recipient())
    }

    /// Both public halves go into the key, so that a box cannot be passed off as one from or to somebody else.
    fn shared_key(&self, other: &[u8; 32], from: &[u8; 32], to: &Recipient) -> Option<SecretKey> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*other));
        if !shared.was_contributory() {
            return None;
        }
        let mut material = Zeroizing::new([0; 96]);
        material[..32].copy_from_slice(shared.as_bytes());
        material[32..64].copy_from_slice(from);
        material[64..].copy_from_slice(&to.0);
        let key = Zeroizing::new(digest::derive_key("annals 2026-11 recipient slot v1", &*material));
        Some(SecretKey::from_bytes(*key))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(of {})", self.recipient())
    }
}

fn is_identity_like(text: &str) -> bool {
    text.get(..IDENTITY_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(IDENTITY_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn both_halves_round_trip_and_are_told_apart() {
        let identity = Identity::generate(&SeededRandom::new(1));
        let (secret, public) = (identity.to_text(), identity.recipient().to_text());
        assert!(secret.starts_with("ANNALS-SECRET-KEY-1") && secret.len() == 77);
        assert!(public.starts_with("annals1") && public.len() == 65);
        let noted = format!("# for the auditor\n\n{}\n", *secret);
        assert_eq!(Identity::from_text(&noted).expect("identity").recipient(), identity.recipient());
        assert_eq!(Recipient::from_text(&format!(" {public}\n")).expect("recipient"), identity.recipient());
        let mixed_up = Recipient::from_text(&secret).expect_err("secret half");
        assert!(mixed_up.what_next().expect("hint").contains("secret half"));
        assert!(!mixed_up.to_string().contains(&secret[20..]));
        assert!(Identity::from_text(&public).expect_err("public half").what_next().expect("hint").contains("public half"));
        assert!(!format!("{identity:?}").to_uppercase().contains(&secret[20..]));
    }

    #[test]
    fn the_vector_of_rfc_7748_holds() {
        let hex = |t: &str| text::hex::<32>(t).expect("hex");
        let alice = Identity(StaticSecret::from(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")));
        assert_eq!(alice.recipient().0, hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    }

    #[test]
    fn both_sides_reach_the_same_key_and_weak_keys_are_refused() {
        let random = SeededRandom::new(2);
        let (identity, stranger) = (Identity::generate(&random), Identity::generate(&random));
        let (from, key) = identity.recipient().share(&random).expect("share");
        assert_eq!(identity.key_from(&from).expect("key"), key);
        assert_ne!(stranger.key_from(&from).expect("key"), key);
        assert_eq!(Recipient([0; 32]).share(&random).expect_err("weak").code(), "recipient.weak");
        assert!(identity.key_from(&[0; 32]).is_none());
    }
}
