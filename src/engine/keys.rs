//! The key file of an open store, the recovery sheet, and identities of people who may open key files.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::KEY_FILE_BYTES_MAX;
use crate::base::random::Random;
use crate::base::time::Timestamp;
use crate::format::keyfile::{Identity, KeyFile, Recipient, Unlock, sheet};
use crate::storage::remote::RemoteUrl;

use super::store::Store;

/// Fact: when the recovery sheet was last shown.
const SHEET_SHOWN: &str = "sheet_shown";

/// What can be told of a key file without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Where it lies.
    pub path: PathBuf,
    /// Whose it is.
    pub site: SiteId,
    /// Eight bytes that stand on the recovery sheet too.
    pub fingerprint: [u8; 8],
    /// Whether the file itself is the key.
    pub plain: bool,
    /// Whether a passphrase opens it.
    pub passphrase: bool,
    /// Whose identity opens it.
    pub recipients: Vec<Recipient>,
}

impl Store {
    /// What can be told of the key file.
    pub fn key_info(&self) -> Result<KeyInfo> {
        let file = self.inner.key_file()?;
        Ok(KeyInfo {
            path: self.inner.key_path(),
            site: file.site(),
            fingerprint: file.fingerprint(),
            plain: file.is_plain(),
            passphrase: file.has_passphrase(),
            recipients: file.recipients(),
        })
    }

    /// The recovery sheet, ready to print. `date` is printed as it is. Whoever has it can read everything.
    pub fn recovery_sheet(&self, date: &str) -> Result<Zeroizing<String>> {
        let config = &self.inner.config;
        // Passwords that somebody wrote into an address stay out of a page that may be copied.
        let remotes: Vec<String> = config.remotes.iter().map(|r| RemoteUrl::parse(&r.url).map(|url| url.to_string())).collect::<Result<_>>()?;
        let name = config.store.site.as_deref().unwrap_or_default();
        let now = u64::try_from(self.now_is().0).unwrap_or(0);
        self.inner.catalog.write(|w| w.set_fact(SHEET_SHOWN, &now.to_be_bytes()))?;
        Ok(Zeroizing::new(sheet::render(&self.inner.secret()?, self.inner.site, name, &remotes, date)))
    }

    /// When the recovery sheet was last shown; `None` where it never was.
    pub fn sheet_shown(&self) -> Result<Option<Timestamp>> {
        let micros = self.inner.catalog.read(|rows| rows.fact_number(SHEET_SHOWN))?;
        Ok(i64::try_from(micros).ok().filter(|m| *m > 0).map(Timestamp))
    }

    /// Lets the holder of `to`'s identity open the key file. Doing it twice is doing it once.
    pub fn add_key_recipient(&self, to: Recipient) -> Result<()> {
        let secret = self.inner.secret()?;
        let mut file = self.inner.key_file()?;
        file.add_recipient(&secret, to, self.inner.random())?;
        self.write_key(&file)
    }

    /// Takes a recipient out of the key file. Older copies of the file still open for them.
    ///
    /// # Errors
    /// [`Kind::Missing`] where there is no such recipient; [`Kind::Refused`] where nothing else would open the file.
    pub fn remove_key_recipient(&self, to: &Recipient) -> Result<()> {
        let mut file = self.inner.key_file()?;
        file.remove_recipient(to)?;
        self.write_key(&file)
    }

    /// Closes the key file with a passphrase, or with `None` leaves it open. Written only after it was proved to open again.
    pub fn set_key_passphrase(&self, passphrase: Option<&str>) -> Result<()> {
        let secret = self.inner.secret()?;
        let mut file = self.inner.key_file()?;
        file.set_passphrase(&secret, passphrase, self.inner.random())?;
        let again = KeyFile::from_text(&file.to_text())?;
        if again.open(&Unlock { passphrase, identity: None })? != secret {
            return Err(Error::new(Kind::Failed, "key.proof", "the new key file would not give the same secret; the old one was kept"));
        }
        self.write_key(&file)
    }

    fn write_key(&self, file: &KeyFile) -> Result<()> {
        disk::write_file(&self.inner.key_path(), file.to_text().as_bytes(), 0o600)
    }
}

/// Makes an identity in a new file that only its owner can read, and gives its public half.
///
/// # Errors
/// [`Kind::Refused`] where there is a file of that name.
pub fn create_identity(path: &Path, random: &dyn Random) -> Result<Recipient> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(Kind::Refused, "identity.exists", format!("there is a file already at {}", path.display()))
            .hint("choose another name: an identity that is overwritten opens nothing any more"));
    }
    let identity = Identity::generate(random);
    let recipient = identity.recipient();
    let secret = identity.to_text();
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str("# An identity of annals. Keep it to yourself; give others the recipient:\n# ");
    text.push_str(&recipient.to_text());
    text.push('\n');
    text.push_str(&secret);
    text.push('\n');
    disk::write_file(path, text.as_bytes(), 0o600)?;
    Ok(recipient)
}

/// Reads a file that [`create_identity`] made.
pub fn read_identity(path: &Path) -> Result<Identity> {
    let bytes = Zeroizing::new(disk::read_file(path, KEY_FILE_BYTES_MAX)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::damaged(format_args!("{} is not text", path.display())))?;
    Identity::from_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;

    #[test]
    fn an_identity_opens_a_key_file_that_a_passphrase_closes() {
        let dir = tempfile::tempdir().expect("dir");
        let (path, own) = (dir.path().join("store"), dir.path().join("me.identity"));
        let recipient = create_identity(&own, &SeededRandom::new(1)).expect("create");
        assert_eq!(create_identity(&own, &SeededRandom::new(2)).expect_err("there").kind(), Kind::Refused);
        let store = Store::init(&path, "test").expect("init");
        store.add_key_recipient(recipient).expect("add");
        store.set_key_passphrase(Some("horse")).expect("close");
        let info = store.key_info().expect("info");
        assert_eq!((info.plain, info.passphrase, &info.recipients[..]), (false, true, &[recipient][..]));
        drop(store);
        assert_eq!(Store::open(&path).expect("open").add_tenant("x").err().expect("closed").kind(), Kind::Denied);
        let store = Store::builder().identity(Some(read_identity(&own).expect("read"))).open(&path).expect("open");
        store.add_tenant("x").expect("the identity opens the key");
        store.remove_key_recipient(&recipient).expect("remove");
        store.set_key_passphrase(None).expect("open for all");
        assert_eq!(store.remove_key_recipient(&recipient).expect_err("gone").kind(), Kind::Missing);
        assert!(store.key_info().expect("info").plain);
        assert!(store.recovery_sheet("today").expect("sheet").contains("RECOVERY SHEET"));
    }
}
