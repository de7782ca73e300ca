//! Where a field stands in a document.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::error::{Error, Result};

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To the member of this name.
    Key(String),
    /// To the element at this place, from 0.
    Index(usize),
}

/// The way from the root of a document to a value. As text: `a.b[2].c`; a name that is empty or holds any of `. [ ] "` or a control character
/// is written `["a.b"]` with the escapes of JSON; the document itself is `$` (and a member of that name at the root is `["$"]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// One step further down.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// One step up; nothing at the root.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The name of the member that the path leads to or through last: `qty` for `lines[2].qty` and for `qty[0]`.
    pub fn last_key(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Key(name) => Some(name.as_str()),
            Step::Index(_) => None,
        })
    }

    /// The same way without places in arrays: `lines.qty` for `lines[2].qty`.
    pub fn without_places(&self) -> Path {
        Path(self.0.iter().filter(|step| matches!(step, Step::Key(_))).cloned().collect())
    }

    /// Whether a question about `self` is answered by a change at `other`: one leads to the other or they are the same. A question that leaves
    /// a place in an array out means every place: `lines.qty` concerns `lines[2].qty`.
    pub fn concerns(&self, other: &Path) -> bool {
        let mut asked = self.0.iter().peekable();
        for step in &other.0 {
            match asked.peek() {
                None => return true,
                Some(&want) if want == step => {
                    asked.next();
                }
                Some(Step::Key(_)) if matches!(step, Step::Index(_)) => {}
                Some(_) => return false,
            }
        }
        true
    }
}

fn is_plain(name: &str, first: bool) -> bool {
    let root = first && name == "$";
    !(root || name.is_empty() || name.chars().any(|c| matches!(c, '.' | '[' | ']' | '"') || c.is_control()))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("$");
        }
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(n) => write!(f, "[{n}]")?,
                Step::Key(name) if is_plain(name, i == 0) => write!(f, "{}{name}", if i == 0 { "" } else { "." })?,
                Step::Key(name) => write!(f, "[{}]", serde_json::to_string(name).map_err(|_| fmt::Error)?)?,
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut path = Path::root();
        if text == "$" {
            return Ok(path);
        }
        let mut rest = text;
        loop {
            let step;
            (step, rest) = match rest.strip_prefix('[') {
                Some(inside) => bracketed(inside).ok_or_else(|| bad(text))?,
                None => {
                    let name = if path.0.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(|| bad(text))? };
                    let (name, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
                    if !is_plain(name, path.0.is_empty()) {
                        return Err(bad(text));
                    }
                    (Step::Key(name.to_owned()), rest)
                }
            };
            path.push(step);
            if rest.is_empty() {
                return Ok(path);
            }
        }
    }
}

/// Reads what follows a `[`: a number or a JSON string, and `]`.
fn bracketed(inside: &str) -> Option<(Step, &str)> {
    if !inside.starts_with('"') {
        let (digits, rest) = inside.split_once(']')?;
        let exact = digits == "0" || (!digits.starts_with(['0', '+']));
        return exact.then(|| digits.parse().ok())?.map(|n| (Step::Index(n), rest));
    }
    let mut names = serde_json::Deserializer::from_str(inside).into_iter::<String>();
    let name = names.next()?.ok()?;
    let rest = inside.get(names.byte_offset()..)?.strip_prefix(']')?;
    Some((Step::Key(name), rest))
}

fn bad(text: &str) -> Error {
    Error::usage("path.bad", format!("not a path of a field: {text}"))
        .hint(r#"write it as name.name[2].name, and names with dots, brackets or quotes as ["a.b"]"#)
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> Path {
        text.parse().expect(text)
    }

    #[test]
    fn written_forms() {
        let mut p = Path::root();
        assert_eq!(p.to_string(), "$");
        for step in [Step::Key("a".into()), Step::Key("b c".into()), Step::Index(2), Step::Key("a.b".into()), Step::Key("å".into())] {
            p.push(step);
        }
        assert_eq!(p.to_string(), r#"a.b c[2]["a.b"].å"#);
        assert_eq!(p.last_key(), Some("å"));
        assert_eq!(p.without_places().to_string(), r#"a.b c["a.b"].å"#);
        for bad in ["", ".", "a.", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[01]", "a[+1]", "a]b", r#"["a"#, r#"["a"x]"#, "[1]a", "$.a.", "a[1]]"] {
            assert!(bad.parse::<Path>().is_err(), "{bad}");
        }
    }

    #[test]
    fn questions_and_answers() {
        assert!(path("lines.qty").concerns(&path("lines[2].qty")));
        assert!(path("lines[2]").concerns(&path("lines[2].qty")));
        assert!(!path("lines[3]").concerns(&path("lines[2].qty")));
        assert!(path("a.b").concerns(&path("a")), "a change of a whole object concerns its members");
        assert!(!path("a.b").concerns(&path("a.c")));
        assert!(Path::root().concerns(&path("a")) && path("a").concerns(&Path::root()));
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![any::<String>().prop_map(Step::Key), "[$.\\[\\]\"a\\\\ \n]{0,4}".prop_map(Step::Key), any::<usize>().prop_map(Step::Index)]
    }

    proptest! {
        #[test]
        fn text_round_trip(steps in proptest::collection::vec(step(), 0..6)) {
            let p = Path(steps);
            prop_assert_eq!(p.to_string().parse::<Path>().expect("own text"), p);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(p) = text.parse::<Path>() {
                prop_assert_eq!(p.to_string().parse::<Path>().expect("own text"), p);
            }
        }
    }
}
