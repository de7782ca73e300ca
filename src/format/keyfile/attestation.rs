//! Attestations: statements of a site that it signed, so that somebody who was shown one can hold the site to it later.
//!
//! The signing key is derived from the site secret: whoever has the key file or the sheet can sign and check, also after a rebuild, and there
//! is nothing more to keep. Anybody can check a signature with the public key in the file.

use ed25519_dalek::ed25519::signature::Signer;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::secret::SiteSecret;
use crate::base::error::{Error, Kind, Result};

/// The schema line of the file.
const SCHEMA: &str = "annals.attestation/1";
/// Stands before the statement in what is signed: a signature of anything else is none of a statement.
const SIGNED: &[u8] = b"annals attestation v1\n";
/// Bytes: the largest file that is read.
pub const ATTESTATION_BYTES_MAX: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Envelope {
    schema: String,
    statement: Box<RawValue>,
    public_key: String,
    signature: String,
}

/// A statement whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The statement, byte for byte as it was signed.
    pub statement: String,
    /// The public key that fits the signature. Whose it is says nobody but the site.
    pub public_key: [u8; 32],
}

fn bad(why: impl std::fmt::Display) -> Error {
    Error::usage("attestation.bad", format!("not an attestation: {why}")).hint("annals verify --attest FILE writes one")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut bytes = [0; N];
    for (i, b) in bytes.iter_mut().enumerate() {
        *b = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

fn signed(statement: &str) -> Vec<u8> {
    [SIGNED, statement.as_bytes()].concat()
}

fn signing_key(secret: &SiteSecret) -> SigningKey {
    SigningKey::from_bytes(secret.derive("annals 2026-11 attestation signing key v1").expose())
}

/// The public key of a site.
pub fn public_key(secret: &SiteSecret) -> [u8; 32] {
    signing_key(secret).verifying_key().to_bytes()
}

/// Signs a statement, which is a JSON object; the text of the file.
pub fn sign(secret: &SiteSecret, statement: &str) -> Result<String> {
    let fail = |e: serde_json::Error| Error::new(Kind::Failed, "attestation.write", format!("the attestation cannot be written: {e}"));
    let key = signing_key(secret);
    let statement = RawValue::from_string(statement.to_owned()).map_err(fail)?;
    let signature = key.sign(&signed(statement.get()));
    let envelope =
        Envelope { schema: SCHEMA.into(), public_key: hex(key.verifying_key().as_bytes()), signature: hex(&signature.to_bytes()), statement };
    serde_json::to_string(&envelope).map(|text| text + "\n").map_err(fail)
}

/// Reads the text of a file.
///
/// # Errors
/// [`Kind::Usage`] where it is not one; [`Kind::Found`] (code `attestation.signature`) where the signature does not fit.
pub fn open(text: &str) -> Result<Attested> {
    let envelope: Envelope = serde_json::from_str(text).map_err(bad)?;
    if envelope.schema != SCHEMA {
        let newer = envelope.schema.strip_prefix("annals.attestation/").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n > 1);
        return Err(match newer {
            true => Error::new(Kind::Newer, "format.newer", "the attestation was written by a newer program").hint("check it with that one"),
            false => bad(format_args!("schema {:?}", envelope.schema)),
        });
    }
    let public_key = unhex::<32>(&envelope.public_key).ok_or_else(|| bad("its public key is not 64 hexadecimal digits"))?;
    let signature = unhex::<64>(&envelope.signature).ok_or_else(|| bad("its signature is not 128 hexadecimal digits"))?;
    let wrong = || {
        Error::new(Kind::Found, "attestation.signature", "the signature does not fit: the statement, the signature or the key was changed")
            .hint("what it says proves nothing; get the file again from whoever it was given to")
    };
    let key = VerifyingKey::from_bytes(&public_key).map_err(|_| wrong())?;
    key.verify_strict(&signed(envelope.statement.get()), &Signature::from_bytes(&signature)).map_err(|_| wrong())?;
    Ok(Attested { statement: envelope.statement.get().to_owned(), public_key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_what_was_signed_or_refused() {
        let secret = SiteSecret::from_bytes([7; 32]);
        let statement = "{\"a\": 1,\n \"b\": \"\u{e5}\"}";
        let text = sign(&secret, statement).expect("sign");
        let opened = open(&text).expect("open");
        assert_eq!((opened.statement.as_str(), opened.public_key), (statement, public_key(&secret)));
        assert_ne!(public_key(&SiteSecret::from_bytes([8; 32])), public_key(&secret));
        // Any other statement, also one that means the same, is not what was signed.
        for (from, to) in [("\"a\": 1", "\"a\": 2"), ("\"a\": 1", "\"a\":1"), ("\u{e5}", "\\u00e5")] {
            assert_eq!(open(&text.replace(from, to)).expect_err("changed").code(), "attestation.signature");
        }
        let other = sign(&SiteSecret::from_bytes([8; 32]), statement).expect("sign");
        let part =
            |text: &str, name: &str| text.split(&format!("\"{name}\":\"")).nth(1).and_then(|rest| rest.split('"').next()).expect("part").to_owned();
        for name in ["public_key", "signature"] {
            let mixed = text.replace(&part(&text, name), &part(&other, name));
            assert_eq!(open(&mixed).expect_err("mixed").kind(), Kind::Found, "{name}");
            let short = text.replace(&part(&text, name), &part(&text, name)[2..]);
            assert_eq!(open(&short).expect_err("short").code(), "attestation.bad", "{name}");
        }
        assert_eq!(open(&text.replace("attestation/1", "attestation/2")).expect_err("newer").kind(), Kind::Newer);
        for bad in ["", "{}", "[]", "null", &text[..text.len() / 2]] {
            assert_eq!(open(bad).expect_err("none").code(), "attestation.bad", "{bad}");
        }
        assert!(sign(&secret, "{").is_err(), "a statement is JSON");
    }

    #[test]
    fn the_file_of_the_specification_is_made_again() {
        let secret: [u8; 32] = std::array::from_fn(|i| 0x20 + i as u8);
        let text =
            sign(&SiteSecret::from_bytes(secret), "{\"schema\":\"annals.attestation.statement/1\",\"site_id\":\"000102030405060708090a0b0c0d0e0f\"}");
        let specification = include_str!("../../../FORMAT.md");
        let text = text.expect("sign");
        assert!(specification.contains(text.trim_end()), "FORMAT.md has another example: {text}");
    }
}
