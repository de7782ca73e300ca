//! Random 128-bit ids. Each noun has its own type, so that a site cannot be passed where a timeline is meant.

use std::fmt;

use super::error::{Error, Result};
use super::random::Random;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A fresh random id.
            pub fn new(random: &dyn Random) -> Self {
                let mut bytes = [0; 16];
                random.fill(&mut bytes);
                $name(bytes)
            }

            /// Takes 16 bytes that are an id already.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(bytes)
            }

            /// Takes a slice that must be 16 bytes long.
            pub fn from_slice(bytes: &[u8]) -> Result<Self> {
                <[u8; 16]>::try_from(bytes).map($name).map_err(|_| Error::damaged("an id that is not 16 bytes long"))
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// 32 lowercase hexadecimal digits.
            pub fn to_hex(&self) -> String {
                self.0.iter().map(|b| format!("{b:02x}")).collect()
            }

            /// Reads 32 hexadecimal digits.
            pub fn from_hex(text: &str) -> Result<Self> {
                let bad = || Error::usage("id.bad", format!("not an id (32 hexadecimal digits): {text}"));
                if text.len() != 32 || !text.is_ascii() {
                    return Err(bad());
                }
                let mut bytes = [0; 16];
                for (i, b) in bytes.iter_mut().enumerate() {
                    *b = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
                }
                Ok($name(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.to_hex()[..8])
            }
        }
    };
}

id!(
    /// One installation: minted once, kept through rebuilds of the same site.
    SiteId
);
id!(
    /// One tenant as the outside sees it: the name of its folder offsite says nothing about who it is.
    TenantId
);
id!(
    /// One line of history; a restore or a fork starts a new one.
    TimelineId
);

impl TimelineId {
    /// The first 8 bytes: what names of objects carry.
    pub fn prefix(&self) -> [u8; 8] {
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&self.0[..8]);
        prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn hex_round_trips_and_bad_hex_is_refused() {
        let id = SiteId::new(&SeededRandom::new(1));
        assert_eq!(SiteId::from_hex(&id.to_hex()).expect("hex"), id);
        assert!(SiteId::from_hex("12").is_err());
        assert!(SiteId::from_hex(&"g".repeat(32)).is_err());
    }
}
