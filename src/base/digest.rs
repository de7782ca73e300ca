//! The one hash: BLAKE3, 32 bytes (<https://github.com/BLAKE3-team/BLAKE3-specs>).

use std::fmt;
use std::io::Write;

use super::error::{Error, Result};

/// A BLAKE3 digest of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of no history at all: what the first batch of a log names as its predecessor.
    pub const ZERO: Digest = Digest([0; 32]);

    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// Takes 32 bytes that are a digest already.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }

    /// Takes a slice that must be 32 bytes long; [`Error::damaged`] otherwise.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        <[u8; 32]>::try_from(bytes).map(Digest).map_err(|_| Error::damaged("a digest that is not 32 bytes long"))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lowercase or uppercase hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self> {
        blake3::Hash::from_hex(text)
            .map(|h| Digest(*h.as_bytes()))
            .map_err(|_| Error::usage("digest.bad", format!("not a digest (64 hexadecimal digits): {text}")))
    }

    /// 64 lowercase hexadecimal digits.
    pub fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// The first `n` hexadecimal digits, for people.
    pub fn short(&self, n: usize) -> String {
        let mut hex = self.to_hex();
        hex.truncate(n);
        hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short(12))
    }
}

/// Hashes bytes as they come. Also a [`Write`], so that anything that writes can be hashed.
#[derive(Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }

    /// The digest of all bytes taken so far.
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl Write for Hasher {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A 32-byte key derived from `material` for one purpose; `context` is a hard-coded, globally unique sentence (BLAKE3 derive_key mode).
pub fn derive_key(context: &'static str, material: &[u8]) -> [u8; 32] {
    blake3::derive_key(context, material)
}

/// A 32-byte code of `bytes` under `key` (BLAKE3 keyed mode).
pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    *blake3::keyed_hash(key, bytes).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_vector_and_hex_round_trip() {
        let d = Digest::of(b"");
        assert_eq!(d.to_hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(Digest::from_hex(&d.to_hex()).expect("hex"), d);
        assert!(Digest::from_hex("zz").is_err());
        let mut h = Hasher::new();
        h.update(b"ab").update(b"c");
        assert_eq!(h.finish(), Digest::of(b"abc"));
    }
}
