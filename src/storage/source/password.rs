//! Passwords of database servers that do not stand in an address: in a file of their own, in the environment, or in a list of PostgreSQL's kind.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::base::disk;
use crate::base::error::{Error, Result};

/// Bytes: the largest file of passwords that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the world around the program says of passwords.
#[derive(Clone, Default)]
pub struct Passwords {
    word: Option<Zeroizing<String>>,
    list: Option<PathBuf>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("list", &self.list).finish_non_exhaustive()
    }
}

/// Whose password is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The server; `localhost` for a socket.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: &'a str,
    /// The role.
    pub user: &'a str,
}

impl Passwords {
    /// `word` is the password of every server; `list` a file with lines `host:port:database:user:password`, where `*` stands for anything.
    pub fn new(word: Option<String>, list: Option<PathBuf>) -> Self {
        Passwords { word: word.map(Zeroizing::new), list }
    }

    /// The password for a connection; `None` where nothing says one. A list that others could read is passed over, as PostgreSQL's own programs do.
    pub fn find(&self, account: Account<'_>) -> Result<Option<Zeroizing<String>>> {
        if let Some(word) = &self.word {
            return Ok(Some(word.clone()));
        }
        let Some(list) = self.list.as_deref().filter(|path| path.is_file() && is_private(path)) else { return Ok(None) };
        let text = Zeroizing::new(disk::read_file(list, FILE_BYTES_MAX)?);
        Ok(look_up(&String::from_utf8_lossy(&text), account).map(Zeroizing::new))
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|seen| seen.mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}

/// The password that a file holds alone; a line end after it is not part of it.
pub fn read(path: &Path) -> Result<Zeroizing<String>> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Error::usage("source.password", format!("the password cannot be read from {}: {why}", path.display()))
            .hint("password_file names a file that holds nothing but the password")
    };
    let bytes = Zeroizing::new(disk::read_file(path, FILE_BYTES_MAX).map_err(|e| unreadable(&e))?);
    let text = std::str::from_utf8(&bytes).map_err(|e| unreadable(&e))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(unreadable(&"it is empty")),
        word => Ok(Zeroizing::new(word.to_owned())),
    }
}

/// The password of the first line that fits. In a line `\` takes the meaning of the character after it.
fn look_up(list: &str, account: Account<'_>) -> Option<String> {
    let port = account.port.to_string();
    let wanted = [account.host, &port, account.database, account.user];
    list.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (mut fields, mut chars) = (vec![String::new()], line.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' => fields.last_mut()?.extend(chars.next()),
                ':' if fields.len() < 5 => fields.push(String::new()),
                c => fields.last_mut()?.push(c),
            }
        }
        let [asked @ .., password] = &fields[..] else { return None };
        let fits = asked.len() == 4 && asked.iter().zip(wanted).all(|(asked, wanted)| asked == "*" || asked == wanted);
        fits.then(|| password.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: Account<'_> = Account { host: "db", port: 5432, database: "shop", user: "annals" };

    #[test]
    fn the_first_line_that_fits_is_taken() {
        let list = "# a list\ndb:5432:other:annals:no\ndb:*:shop:annals:se\\:cret\\\\x:y\n*:*:*:*:last";
        assert_eq!(look_up(list, SHOP).as_deref(), Some("se:cret\\x:y"));
        assert_eq!(look_up(list, Account { port: 1, host: "other", ..SHOP }).as_deref(), Some("last"));
        assert_eq!(look_up("db:5432:shop:annals", SHOP), None, "no password in it");
        assert_eq!(look_up("", SHOP), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_list_that_others_can_read_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("pgpass");
        std::fs::write(&path, "*:*:*:*:word\n").expect("write");
        let passwords = Passwords::new(None, Some(path.clone()));
        let found = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
            passwords.find(SHOP).expect("read").map(|word| word.to_string())
        };
        assert_eq!((found(0o600).as_deref(), found(0o640)), (Some("word"), None));
        let both = Passwords::new(Some("given".into()), Some(path.clone()));
        assert_eq!(both.find(SHOP).expect("read").expect("word").as_str(), "given");
        assert!(!format!("{both:?}").contains("given"));
        std::fs::write(&path, "word \r\n").expect("write");
        assert_eq!(read(&path).expect("read").as_str(), "word ");
        std::fs::write(&path, "\n").expect("write");
        assert_eq!(read(&path).expect_err("empty").code(), "source.password");
    }
}
