//! Names of fields for people, in their language.

use std::collections::BTreeMap;

use crate::base::error::{Error, Result};

use super::Path;

/// A label file: `{"path or name": {"en": "Title", "nb": "Tittel"}}`. A label is looked up for the whole path (`lines[2].qty`), then for the path
/// without places in arrays (`lines.qty`), then for the last name alone (`qty`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(BTreeMap<String, BTreeMap<String, String>>);

/// What to call a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The label, or the path itself where there is none.
    pub text: String,
    /// Whether there is no label in that language. Worth a warning.
    pub missing: bool,
}

impl Labels {
    /// Reads a label file.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let bad = |what: String| {
            Error::usage("labels.bad", format!("the label file cannot be used: {what}"))
                .hint(r#"write one object of the form {"title": {"en": "Title", "nb": "Tittel"}}"#)
        };
        super::parse(json).map_err(|reason| bad(reason.to_string()))?;
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let labels: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        let lower = |labels: BTreeMap<String, String>| labels.into_iter().map(|(lang, text)| (lang.to_ascii_lowercase(), text)).collect();
        Ok(Labels(labels.into_iter().map(|(field, labels)| (field, lower(labels))).collect()))
    }

    /// The label of a field in a language: `nb-NO` is also found as `nb`, and Norwegian `nb` and `nn` as `no` and the other way round.
    pub fn label(&self, path: &Path, lang: &str) -> Option<&str> {
        let lang = lang.to_ascii_lowercase().replace('_', "-");
        let names = [Some(path.to_string()), Some(path.without_places().to_string()), path.last_key().map(str::to_owned)];
        names.into_iter().flatten().find_map(|name| in_language(self.0.get(&name)?, &lang))
    }

    /// What to call a field: its label, or its path with [`Name::missing`].
    pub fn name(&self, path: &Path, lang: &str) -> Name {
        match self.label(path, lang) {
            Some(label) => Name { text: label.to_owned(), missing: false },
            None => Name { text: path.to_string(), missing: true },
        }
    }
}

fn in_language<'l>(labels: &'l BTreeMap<String, String>, lang: &str) -> Option<&'l str> {
    let primary = lang.split('-').next().unwrap_or(lang);
    let kin: &[&str] = match primary {
        "nb" | "nn" => &["no"],
        "no" => &["nb", "nn"],
        _ => &[],
    };
    [lang, primary].iter().chain(kin).find_map(|lang| labels.get(*lang)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::parse(
            r#"{"tittel": {"en": "Title", "nb": "Tittel", "sv": "Titel", "it": "Titolo"}, "lines.qty": {"en": "Quantity"},
                "lines[0].qty": {"en": "First quantity"}, "a.b": {"no": "Norsk"}}"#
                .as_bytes(),
        )
        .expect("labels")
    }

    #[test]
    fn the_nearest_label_wins() {
        let (labels, path) = (labels(), |text: &str| text.parse::<Path>().expect(text));
        for (lang, want) in [("en", "Title"), ("nb", "Tittel"), ("nb-NO", "Tittel"), ("nb_NO", "Tittel"), ("sv", "Titel"), ("it", "Titolo")] {
            assert_eq!(labels.label(&path("sak.tittel"), lang), Some(want), "{lang}");
        }
        assert_eq!(labels.label(&path("lines[0].qty"), "en"), Some("First quantity"));
        assert_eq!(labels.label(&path("lines[4].qty"), "en-GB"), Some("Quantity"));
        assert_eq!(labels.label(&path("a.b"), "nn"), Some("Norsk"));
    }

    #[test]
    fn a_missing_label_is_the_raw_name_and_worth_a_warning() {
        let path: Path = "sak.status[1]".parse().expect("path");
        assert_eq!(labels().name(&path, "nb"), Name { text: "sak.status[1]".into(), missing: true });
        assert!(labels().name(&"tittel".parse().expect("path"), "fi").missing);
    }

    #[test]
    fn bad_files_are_refused_with_a_way_out() {
        for bad in [&b"{"[..], b"[]", br#"{"a":"b"}"#, br#"{"a":{"en":1}}"#, br#"{"a":{},"a":{}}"#, b"\xff"] {
            let e = Labels::parse(bad).expect_err("bad");
            assert_eq!((e.code(), e.what_next().is_some()), ("labels.bad", true));
        }
    }
}
