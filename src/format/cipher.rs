//! Authenticated encryption: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), 256-bit keys, 192-bit nonces, 128-bit tags.
//!
//! Two uses. A *sealed box* holds something small under a long-lived key and carries its own random nonce. A *segment* has a random
//! 24-byte salt; a key of its own is derived from the tenant's key and the salt, so its boxes may be numbered instead of carrying nonces.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base::digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::random::Random;

/// Bytes that sealing adds to what it seals, where the nonce is known to the reader.
pub const TAG_BYTES: usize = 16;
/// Bytes of a nonce, and of a segment's salt.
pub const NONCE_BYTES: usize = 24;

/// A 256-bit key. Its bytes are wiped when it is dropped, and it is never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// A fresh random key.
    pub fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        SecretKey(bytes)
    }

    /// Takes 32 bytes that are a key already.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        SecretKey(bytes)
    }

    /// The key itself. Handle with care.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

fn wrong_key(what: &str) -> Error {
    Error::new(Kind::Denied, "key.wrong", format!("{what} does not open with this key, or was changed"))
        .hint("use the key file or recovery sheet of the store that wrote it; if the key is right, the object is damaged: try another copy")
}

fn seal_with(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad }).expect("a message below 256 GiB is always sealed")
}

fn open_with(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8], what: &str) -> Result<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| wrong_key(what))
}

/// Seals `plain` with a random nonce: nonce, ciphertext, tag. `aad` is bound to it but not stored.
pub fn seal_box(key: &SecretKey, aad: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut out = nonce.to_vec();
    out.extend_from_slice(&seal_with(&key.0, &nonce, aad, plain));
    out
}

/// Opens what [`seal_box`] made. `what` names it in the error ([`Kind::Denied`], exit code 12).
pub fn open_box(key: &SecretKey, aad: &[u8], sealed: &[u8], what: &str) -> Result<Vec<u8>> {
    let Some((nonce, rest)) = sealed.split_first_chunk::<NONCE_BYTES>() else {
        return Err(Error::damaged(what));
    };
    open_with(&key.0, nonce, aad, rest, what)
}

/// Seals and opens the numbered boxes of one segment.
pub struct SegmentCipher {
    key: SecretKey,
}

impl SegmentCipher {
    /// The cipher of the segment with `salt` under the tenant's key.
    pub fn new(tenant_key: &SecretKey, salt: &[u8; NONCE_BYTES]) -> Self {
        Self::derived("annals 2026-11 segment key v1", tenant_key, salt)
    }

    /// The cipher of a subject's boxes within the segment with `salt`.
    pub fn of_subject(subject_key: &SecretKey, salt: &[u8; NONCE_BYTES]) -> Self {
        Self::derived("annals 2026-11 subject box key v1", subject_key, salt)
    }

    fn derived(sentence: &'static str, key: &SecretKey, salt: &[u8; NONCE_BYTES]) -> Self {
        let mut purpose = digest::derive_key(sentence, key.expose());
        let key = SecretKey::from_bytes(digest::keyed(&purpose, salt));
        purpose.zeroize();
        SegmentCipher { key }
    }

    fn nonce(number: u64) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..8].copy_from_slice(&number.to_le_bytes());
        nonce
    }

    /// Seals box `number`. A number may be used once per segment.
    pub fn seal(&self, number: u64, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        seal_with(self.key.expose(), &Self::nonce(number), aad, plain)
    }

    /// Opens box `number`.
    pub fn open(&self, number: u64, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        open_with(self.key.expose(), &Self::nonce(number), aad, sealed, "a segment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn boxes_open_only_unchanged_and_with_their_key() {
        let random = SeededRandom::new(1);
        let (key, other) = (SecretKey::new(&random), SecretKey::new(&random));
        let sealed = seal_box(&key, b"aad", b"plain", &random);
        assert_eq!(sealed.len(), NONCE_BYTES + 5 + TAG_BYTES);
        assert_eq!(open_box(&key, b"aad", &sealed, "x").expect("opens"), b"plain");
        assert_eq!(open_box(&other, b"aad", &sealed, "x").expect_err("other key").kind(), Kind::Denied);
        assert!(open_box(&key, b"dad", &sealed, "x").is_err());
        for i in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[i] ^= 1;
            assert!(open_box(&key, b"aad", &bad, "x").is_err(), "byte {i}");
        }
        assert!(open_box(&key, b"aad", &sealed[..10], "x").is_err());
    }

    #[test]
    fn segment_boxes_depend_on_salt_and_number() {
        let key = SecretKey::from_bytes([7; 32]);
        let cipher = SegmentCipher::new(&key, &[1; 24]);
        let sealed = cipher.seal(0, b"", b"plain");
        assert_eq!(cipher.open(0, b"", &sealed).expect("opens"), b"plain");
        assert!(cipher.open(1, b"", &sealed).is_err());
        assert!(SegmentCipher::new(&key, &[2; 24]).open(0, b"", &sealed).is_err());
    }
}
