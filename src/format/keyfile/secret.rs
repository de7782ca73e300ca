//! The secret of a site.

use zeroize::Zeroizing;

use crate::base::digest;
use crate::base::id::SiteId;
use crate::base::random::Random;
use crate::format::cipher::SecretKey;

/// The one 256-bit secret of a site: random, wiped when dropped, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteSecret(SecretKey);

impl SiteSecret {
    /// A fresh random secret.
    pub fn new(random: &dyn Random) -> Self {
        SiteSecret(SecretKey::new(random))
    }

    /// Takes 32 bytes that are a site secret already.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        SiteSecret(SecretKey::from_bytes(bytes))
    }

    /// The secret itself. Handle with care.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Eight bytes that tell this secret of this site from any other and say nothing about it; shown on key file and sheet, so that a
    /// person sees whether two of them belong together.
    pub fn fingerprint(&self, site: SiteId) -> [u8; 8] {
        let key = self.derive("annals 2026-11 site secret fingerprint v1");
        let [a, b, c, d, e, f, g, h, ..] = digest::keyed(key.expose(), site.as_bytes());
        [a, b, c, d, e, f, g, h]
    }

    /// The key for one purpose; `context` is a hard-coded sentence used nowhere else.
    pub(super) fn derive(&self, context: &'static str) -> SecretKey {
        let bytes = Zeroizing::new(digest::derive_key(context, self.expose()));
        SecretKey::from_bytes(*bytes)
    }
}

impl std::fmt::Debug for SiteSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SiteSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown_and_its_fingerprint_depends_on_secret_and_site() {
        let (a, b) = (SiteSecret::from_bytes([65; 32]), SiteSecret::from_bytes([66; 32]));
        let (here, there) = (SiteId::from_bytes([1; 16]), SiteId::from_bytes([2; 16]));
        assert_eq!(format!("{a:?}"), "SiteSecret(..)");
        assert_eq!(a.fingerprint(here), SiteSecret::from_bytes([65; 32]).fingerprint(here));
        assert_ne!(a.fingerprint(here), b.fingerprint(here));
        assert_ne!(a.fingerprint(here), a.fingerprint(there));
    }
}
