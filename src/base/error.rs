//! The one public error: a coarse kind that decides the exit code, a message, and a hint saying what to do next.

use std::fmt;

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure this is. Each kind has one process exit code, see [`Kind::exit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The work failed for a reason of the environment (I/O, damaged data, a bug).
    Failed,
    /// The caller asked for something that makes no sense: bad usage or bad input.
    Usage,
    /// The work finished, some items were not done.
    Partial,
    /// A check ran to its end and found something wrong.
    Found,
    /// No such document, version, batch, tenant or moment.
    Missing,
    /// There is no store at that place.
    NoStore,
    /// Another process holds the store.
    Locked,
    /// Wrong key, or not allowed.
    Denied,
    /// A remote cannot be reached, or the rclone program is missing.
    Remote,
    /// Refused by a rule: residency, floor, hold, lineage, stale plan, claimed site.
    Refused,
    /// No space left, or a quota is used up.
    Space,
    /// The store was written by a newer program.
    Newer,
    /// Stopped by a signal or by the caller's monitor.
    Interrupted,
}

impl Kind {
    /// The process exit code of this kind.
    pub fn exit(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Partial => 3,
            Kind::Found => 4,
            Kind::Missing => 5,
            Kind::NoStore => 10,
            Kind::Locked => 11,
            Kind::Denied => 12,
            Kind::Remote => 13,
            Kind::Refused => 14,
            Kind::Space => 15,
            Kind::Newer => 16,
            Kind::Interrupted => 130,
        }
    }
}

/// Where an error happened, for machines: shown under `at` in JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct At {
    /// The document key, lossily as text.
    pub key: Option<String>,
    /// The batch sequence number.
    pub seq: Option<u64>,
    /// The field of a request.
    pub field: Option<String>,
}

/// Every failure of the library. `Display` is one lowercase line without the hint. One pointer wide, so that results stay small.
#[derive(Debug)]
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    code: &'static str,
    message: String,
    hint: Option<String>,
    at: At,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// A new error. `code` is a stable dotted word for machines (`"document.missing"`), `message` a lowercase sentence with ids at its end.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Error(Box::new(Parts { kind, code, message: message.into(), hint: None, at: At::default(), source: None }))
    }

    /// Adds what the reader should do next: a command or a short sentence.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the document key the error is about.
    pub fn at_key(mut self, key: &[u8]) -> Self {
        self.0.at.key = Some(String::from_utf8_lossy(key).into_owned());
        self
    }

    /// Adds the batch sequence number the error is about.
    pub fn at_seq(mut self, seq: u64) -> Self {
        self.0.at.seq = Some(seq);
        self
    }

    /// The same error as one of another kind.
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Adds the field of a request that the error is about.
    pub fn at_field(mut self, path: impl Into<String>) -> Self {
        self.0.at.field = Some(path.into());
        self
    }

    /// Keeps the cause. Its text is not repeated in the message.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The coarse kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable dotted code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What to do next, where we know it.
    pub fn what_next(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where it happened.
    pub fn at(&self) -> &At {
        &self.0.at
    }

    /// The same error once more, for another caller that shared the failed work. The cause stays with the first.
    pub(crate) fn again(&self) -> Self {
        let p = &*self.0;
        Error(Box::new(Parts { kind: p.kind, code: p.code, message: p.message.clone(), hint: p.hint.clone(), at: p.at.clone(), source: None }))
    }

    /// Damaged or foreign bytes: kind [`Kind::Failed`], code `format.damaged`. `what` names the thing that could not be read.
    pub fn damaged(what: impl fmt::Display) -> Self {
        Error::new(Kind::Failed, "format.damaged", format!("damaged data: {what}"))
    }

    /// Bad usage or bad input, exit code 2.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, code, message)
    }

    /// No such thing, exit code 5.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Missing, code, message)
    }

    /// An I/O failure of the local disk while doing `what` ("read /path"). A full disk becomes [`Kind::Space`].
    pub fn io(what: impl fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::new(Kind::Space, "disk.full", format!("no space left: {what}"))
                .hint("free some space and run the same command again; nothing was half-written")
                .caused_by(source),
            ErrorKind::PermissionDenied => Error::new(Kind::Denied, "disk.denied", format!("permission denied: {what}")).caused_by(source),
            _ => Error::new(Kind::Failed, "disk.io", format!("could not {what}: {source}")).caused_by(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_its_own_kind() {
        let e = Error::io("write x", std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!((e.kind(), e.kind().exit()), (Kind::Space, 15));
        assert!(e.what_next().is_some());
    }
}
