//! Which place is meant, and how to speak to it. Secrets that people write into rclone's connection strings are kept out of every text.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::retry::{Policy, Sleeper, SystemSleeper};
use crate::base::error::{Error, Result};
use crate::base::random::{OsRandom, Random};

/// The address of a remote. `Display` and `Debug` leave out the parameters of rclone connection strings, which may be credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum RemoteUrl {
    /// A directory on a disk or a mounted share.
    Directory(PathBuf),
    /// Any place that rclone can reach.
    Rclone {
        /// A section of rclone's configuration, or an on-the-fly remote (`:s3,provider=Other`), without the colon at its end.
        remote: String,
        /// The path on it; may be empty.
        path: String,
    },
}

impl RemoteUrl {
    /// Reads `dir:/path`, a plain path, or `rclone:REMOTE:PATH`.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            |why: &str| Error::usage("remote.bad_url", format!("not the address of a remote: {why}")).hint("write dir:/path or rclone:REMOTE:PATH");
        if text.contains(['\0', '\n', '\r']) {
            return Err(bad("it holds a line end"));
        }
        if let Some(rest) = text.strip_prefix("rclone:") {
            let colon = end_of_remote(rest).ok_or_else(|| bad("there is no colon after the name of the rclone remote"))?;
            let (remote, path) = (&rest[..colon], &rest[colon + 1..]);
            if remote.is_empty() || remote.starts_with('-') || remote.contains(['[', ']']) || path.contains(['[', ']']) {
                return Err(bad("rclone could not tell where the name of the remote ends"));
            }
            return Ok(RemoteUrl::Rclone { remote: remote.to_owned(), path: path.to_owned() });
        }
        let path = text.strip_prefix("dir:").unwrap_or(text);
        if path.is_empty() {
            return Err(bad("the path is empty"));
        }
        let windows_drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
        if !text.starts_with("dir:") && !windows_drive && path.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err(bad("it is neither dir: nor rclone:"));
        }
        Ok(RemoteUrl::Directory(PathBuf::from(path)))
    }

    /// The whole address, for storing in the configuration. May hold credentials: never for logs.
    pub fn reveal(&self) -> String {
        match self {
            RemoteUrl::Directory(path) => format!("dir:{}", path.display()),
            RemoteUrl::Rclone { remote, path } => format!("rclone:{remote}:{path}"),
        }
    }

    /// The values of the parameters of a connection string: what must not be repeated in any text.
    pub fn secrets(&self) -> Vec<String> {
        match self {
            RemoteUrl::Directory(_) => Vec::new(),
            RemoteUrl::Rclone { remote, .. } => {
                let values = remote.split(',').skip(1).filter_map(|p| p.split_once('=').map(|(_, value)| value));
                values.map(|value| value.trim_matches(['"', '\'']).to_owned()).collect()
            }
        }
    }
}

/// The position of the colon that ends the name of an rclone remote: not the first character, and not within quotes.
fn end_of_remote(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b':', None) if at > 0 => return Some(at),
            (b'"' | b'\'', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoteUrl::Directory(path) => write!(f, "dir:{}", path.display()),
            RemoteUrl::Rclone { remote, path } => match remote.split_once(',') {
                Some((name, _)) => write!(f, "rclone:{name},...:{path}"),
                None => write!(f, "rclone:{remote}:{path}"),
            },
        }
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How to speak to a remote.
#[derive(Clone)]
pub struct Options {
    /// rclone's configuration file; `None` is the one that rclone would use for this user.
    pub rclone_config: Option<PathBuf>,
    /// The password of an encrypted rclone configuration.
    pub rclone_config_password: Option<String>,
    /// The rclone program, by path or by a name in PATH.
    pub rclone_program: PathBuf,
    /// Variables that rclone needs from outside: a proxy, the socket of an SSH agent. Nothing else of our environment reaches it.
    pub environment: Vec<(OsString, OsString)>,
    /// Bytes a second; `None` is no limit.
    pub limit_rate: Option<u64>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long nothing may move before a transfer is given up. On a slow line a full send buffer takes minutes to drain.
    pub stall_timeout: Duration,
    /// How long a question without a transfer (sizes, listings, removals) may take.
    pub answer_timeout: Duration,
    /// Whether the remote has been used before: one that looks new then is one whose disk is not mounted.
    pub used_before: bool,
    /// Whether [`super::Remote::store`] reads back all bytes instead of the size only.
    pub read_back: bool,
    /// How often a failed verb is tried again.
    pub retry: Policy,
    /// Where jitter and the passwords between us and rclone come from.
    pub random: Arc<dyn Random>,
    /// How time passes for waits and rates.
    pub sleeper: Arc<dyn Sleeper>,
}

impl Default for Options {
    /// The `rclone` in PATH unless `ANNALS_RCLONE` names another; no limit of rate.
    fn default() -> Self {
        Options {
            rclone_config: None,
            rclone_config_password: None,
            rclone_program: std::env::var_os("ANNALS_RCLONE").filter(|p| !p.is_empty()).unwrap_or_else(|| "rclone".into()).into(),
            environment: Vec::new(),
            limit_rate: None,
            connect_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(300),
            answer_timeout: Duration::from_secs(900),
            used_before: false,
            read_back: false,
            retry: Policy::default(),
            random: Arc::new(OsRandom),
            sleeper: Arc::new(SystemSleeper::default()),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("rclone_config", &self.rclone_config)
            .field("rclone_program", &self.rclone_program)
            .field("limit_rate", &self.limit_rate)
            .field("used_before", &self.used_before)
            .field("read_back", &self.read_back)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rclone(remote: &str, path: &str) -> RemoteUrl {
        RemoteUrl::Rclone { remote: remote.into(), path: path.into() }
    }

    #[test]
    fn addresses_are_read() {
        let parse = |text: &str| RemoteUrl::parse(text).expect(text);
        assert_eq!(parse("/a/b"), RemoteUrl::Directory("/a/b".into()));
        assert_eq!(parse("dir:/a:b"), RemoteUrl::Directory("/a:b".into()));
        assert_eq!(parse("C:/backup"), RemoteUrl::Directory("C:/backup".into()));
        assert_eq!(parse("rclone:s3eu:hist/clinic-17"), rclone("s3eu", "hist/clinic-17"));
        assert_eq!(parse("rclone:s3eu:"), rclone("s3eu", ""));
        assert_eq!(parse("rclone::s3,endpoint=\"http://h:1\":b/c"), rclone(":s3,endpoint=\"http://h:1\"", "b/c"));
        for bad in ["", "dir:", "rclone:", "rclone:x", "rclone::", "s3://bucket", "rclone:-x:y", "rclone:a[:b", "/a\nb"] {
            assert_eq!(RemoteUrl::parse(bad).expect_err(bad).code(), "remote.bad_url");
        }
    }

    #[test]
    fn credentials_are_in_no_text() {
        let url = RemoteUrl::parse("rclone::s3,access_key_id=AKIA1,secret_access_key='s:ecret':b/c").expect("url");
        assert_eq!(url.to_string(), "rclone::s3,...:b/c");
        assert!(!format!("{url:?}").contains("AKIA1"));
        assert_eq!(url.secrets(), ["AKIA1", "s:ecret"]);
        assert_eq!(RemoteUrl::parse(&url.reveal()).expect("again"), url);
        let options = Options { environment: vec![("HTTPS_PROXY".into(), "http://u:pw9@h".into())], ..Options::default() };
        assert!(!format!("{options:?}").contains("pw9"));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(text in "(rclone:|dir:)?[a-z:/,='\"]{0,20}") {
            if let Ok(url) = RemoteUrl::parse(&text) {
                prop_assert_eq!(RemoteUrl::parse(&url.reveal()).expect("again"), url);
            }
        }
    }
}
