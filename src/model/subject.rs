//! Subjects: whom contents are about, where erasing them may be asked for. The key of a document says whose it is.

/// The prefixes whose contents can be erased, as the configuration declares them. Each ends in `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erasable(Vec<Vec<u8>>);

impl Erasable {
    /// These prefixes.
    pub fn new(prefixes: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Erasable(prefixes.into_iter().collect())
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The prefixes in the order of the configuration.
    pub fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// The subject of a document: the longest declared prefix of its key with the part of the key after it. `person/38754` for
    /// `person/38754/letter.pdf` under the prefix `person/`.
    pub fn subject_of<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let prefix = self.prefixes().filter(|prefix| key.starts_with(prefix)).map(<[u8]>::len).max()?;
        let rest = key.get(prefix..)?;
        let part = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
        if part == 0 { None } else { key.get(..prefix + part) }
    }
}

/// Whether a document belongs to a subject: it is called like it, or lies below it.
pub fn is_of(subject: &[u8], key: &[u8]) -> bool {
    key.strip_prefix(subject).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// What the subject of a document could be called, whatever prefixes are declared: each beginning of its key that ends before a `/`, and the key.
pub fn possible(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = key.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at).chain([key.len()]);
    ends.filter(|end| *end > 0).filter_map(|end| key.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_key_after_the_longest_prefix_names_the_subject() {
        let erasable = Erasable::new([b"person/".to_vec(), b"person/staff/".to_vec()]);
        let of = |key: &str| erasable.subject_of(key.as_bytes()).map(|s| String::from_utf8_lossy(s).into_owned());
        assert_eq!(of("person/1").as_deref(), Some("person/1"));
        assert_eq!(of("person/1/letters/a.pdf").as_deref(), Some("person/1"));
        assert_eq!(of("person/staff/7/x").as_deref(), Some("person/staff/7"));
        for outside in ["person/", "person//x", "persons/1", "other", ""] {
            assert_eq!(of(outside), None, "{outside}");
        }
        assert!(is_of(b"person/1", b"person/1") && is_of(b"person/1", b"person/1/a") && !is_of(b"person/1", b"person/12"));
        assert_eq!(possible(b"a/b/c").collect::<Vec<_>>(), [&b"a"[..], b"a/b", b"a/b/c"]);
        assert!(Erasable::default().subject_of(b"person/1").is_none());
    }
}
