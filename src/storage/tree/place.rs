//! Which keys can be paths, and where they lead.

use rustix::io::Errno;

use crate::base::error::{Error, Result};
use crate::model::key::show_key;

/// Bytes: the longest name that Linux file systems take.
const NAME_BYTES_MAX: usize = 255;

/// Splits a key into the path of its directory (empty for the top) and its name. Refuses what is not a path below the top: empty names,
/// `.`, `..`, NUL and names that are too long.
pub(super) fn split(key: &[u8]) -> Result<(&[u8], &[u8])> {
    for name in key.split(|b| *b == b'/') {
        let reason = match name {
            b"" => "it has an empty name in it",
            b"." | b".." => "it has a name . or .. in it",
            _ if name.contains(&0) => "it has a NUL byte in it",
            _ if name.len() > NAME_BYTES_MAX => "it has a name of more than 255 bytes in it",
            _ => continue,
        };
        return Err(refused(key, reason));
    }
    Ok(match key.iter().rposition(|b| *b == b'/') {
        Some(i) => (&key[..i], &key[i + 1..]),
        None => (&[], key),
    })
}

/// The key cannot be a path in this tree. Code `restore.path`.
pub(super) fn refused(key: &[u8], reason: &str) -> Error {
    Error::usage("restore.path", format!("cannot be restored as a path because {reason}: {}", show_key(key)))
        .hint("restore this document by itself into a file of your choice: annals get KEY --out FILE")
        .at_key(key)
}

/// What went wrong at `key`: the fault of the key where the system says so, of the disk otherwise.
pub(super) fn failed(what: &str, key: &[u8], e: Errno) -> Error {
    match e {
        Errno::EXIST => refused(key, "another document already has that path or one that is the same on this file system"),
        Errno::NOTDIR | Errno::LOOP => refused(key, "another document is a file or a link where it needs a directory"),
        Errno::ISDIR => refused(key, "other documents need a directory of that name"),
        Errno::NAMETOOLONG => refused(key, "a name or a link target in it is too long for this file system"),
        Errno::INVAL | Errno::ILSEQ => refused(key, "this file system does not take such a name"),
        e => Error::io(format_args!("{what} {}", show_key(key)), e.into()).at_key(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_let_through_stays_below(
            key in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), Just(b'a'), Just(0), any::<u8>()], 0..12),
        ) {
            match split(&key) {
                Ok((dir, name)) => {
                    prop_assert!(!name.is_empty() && !name.contains(&b'/'));
                    prop_assert!(key.split(|b| *b == b'/').all(|n| !matches!(n, b"" | b"." | b"..") && !n.contains(&0)));
                    let joined = if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() };
                    prop_assert_eq!(joined, key);
                }
                Err(e) => prop_assert_eq!(e.code(), "restore.path"),
            }
        }
    }

    #[test]
    fn keys_that_are_no_paths_are_refused() {
        for key in [&b""[..], b"/a", b"a/", b"a//b", b"..", b"a/../b", b"./a", b"a\0", &[b'n'; 256]] {
            let e = split(key).expect_err("refused");
            assert_eq!((e.code(), e.kind().exit()), ("restore.path", 2));
        }
        assert_eq!(split(b"a/b/...").expect("path"), (&b"a/b"[..], &b"..."[..]));
        assert_eq!(split(&[b'n'; 255]).expect("path").0, b"");
    }
}
