//! The lines of a batch: one change each, as JSON. Read from a file or standard input by the command line, from a request by the API.

use std::borrow::Cow;
use std::io::BufRead;
use std::path::PathBuf;

use base64::Engine;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::base::error::{Error, Result};
use crate::model::change::{FileKind, Meta};
use crate::model::moment::parse_rfc3339;

/// Bytes: the longest line. A larger content is named with "file".
pub(in crate::face) const LINE_BYTES_MAX: u64 = 64 << 20;

/// What a line says of a new content.
pub(in crate::face) enum Content<'l> {
    Bytes(Cow<'l, [u8]>),
    File(PathBuf),
}

/// One change.
pub(in crate::face) enum Op<'l> {
    Put { content: Content<'l>, meta: Meta },
    Remove,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Put,
    Remove,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    op: Verb,
    #[serde(borrow)]
    key: Cow<'l, str>,
    // `null` is a document too, so absence must be told from it.
    #[serde(borrow, default, deserialize_with = "present")]
    json: Option<&'l RawValue>,
    #[serde(borrow)]
    text: Option<Cow<'l, str>>,
    #[serde(borrow)]
    base64: Option<Cow<'l, str>>,
    file: Option<PathBuf>,
    media: Option<String>,
    meta: Option<MetaLine>,
}

fn present<'l, D: Deserializer<'l>>(deserializer: D) -> Result<Option<&'l RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Metadata in the form that `--json` shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetaLine {
    kind: Option<Kind>,
    media: Option<String>,
    mode: Option<String>,
    mtime: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Link,
    Directory,
}

/// Reads one line into `buffer`; `false` at the end.
pub(in crate::face) fn next_line(reader: &mut dyn BufRead, buffer: &mut Vec<u8>, number: u64) -> Result<bool> {
    buffer.clear();
    let mut limited = std::io::Read::take(&mut *reader, LINE_BYTES_MAX + 1);
    limited.read_until(b'\n', buffer).map_err(|e| Error::io(format_args!("read line {number}"), e))?;
    if buffer.len() as u64 > LINE_BYTES_MAX {
        return Err(
            refused(number, format!("longer than {} MiB", LINE_BYTES_MAX >> 20)).hint("put the content into a file and name it: \"file\":\"PATH\"")
        );
    }
    Ok(!buffer.is_empty())
}

/// A line that cannot be used; nothing is recorded then.
pub(in crate::face) fn refused(number: u64, reason: impl std::fmt::Display) -> Error {
    Error::usage("batch.line", format!("line {number}: {reason}")).hint(
        "nothing was recorded; lines are {\"op\":\"put\",\"key\":..,\"json\":..|\"text\":..|\"base64\":..|\"file\":..} or {\"op\":\"remove\",\"key\":..}",
    )
}

/// What a line says: its key and the change.
pub(in crate::face) fn parse(number: u64, line: &[u8]) -> Result<(Vec<u8>, Op<'_>)> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|e| {
        let text = e.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        refused(number, format_args!("{reason} (column {})", e.column()))
    })?;
    let key = crate::model::key::parse_key(&line.key);
    let contents = [line.json.is_some(), line.text.is_some(), line.base64.is_some(), line.file.is_some()];
    let given = contents.iter().filter(|is| **is).count();
    match line.op {
        Verb::Remove if given > 0 || line.media.is_some() || line.meta.is_some() => Err(refused(number, "a removal has a key and nothing else")),
        Verb::Remove => Ok((key, Op::Remove)),
        Verb::Put if given != 1 => Err(refused(number, "a put needs exactly one of json, text, base64 and file")),
        Verb::Put => {
            let mut meta = meta(line.meta).map_err(|e| refused(number, e))?;
            if line.media.is_some() && !meta.media.is_empty() {
                return Err(refused(number, "media stands twice"));
            }
            meta.media = line.media.unwrap_or(meta.media);
            if line.json.is_some() && meta.media.is_empty() {
                meta.media = "application/json".into();
            }
            let content = match (line.json, line.text, line.base64, line.file) {
                (Some(json), ..) => Content::Bytes(json.get().as_bytes().into()),
                (_, Some(Cow::Borrowed(text)), ..) => Content::Bytes(text.as_bytes().into()),
                (_, Some(Cow::Owned(text)), ..) => Content::Bytes(text.into_bytes().into()),
                (.., Some(text), _) => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_bytes());
                    Content::Bytes(bytes.map_err(|e| refused(number, format_args!("not base64: {e}")))?.into())
                }
                (.., Some(file)) => Content::File(file),
                (None, None, None, None) => Content::Bytes(Cow::default()),
            };
            Ok((key, Op::Put { content, meta }))
        }
    }
}

fn meta(line: Option<MetaLine>) -> Result<Meta> {
    let Some(line) = line else { return Ok(Meta::default()) };
    let mode = |text: String| match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o7777 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(mode),
        _ => Err(Error::usage("meta.mode", format!("not a mode: {text:?}, write for example \"0644\""))),
    };
    let time = |text: Option<String>| text.as_deref().map(parse_rfc3339).transpose();
    let mtime = time(line.mtime)?;
    let nanoseconds = |t: crate::base::time::Timestamp| {
        t.micros().checked_mul(1000).ok_or_else(|| Error::usage("meta.mtime", "a modification time out of range (the years 1678 to 2261)"))
    };
    Ok(Meta {
        kind: match line.kind {
            None | Some(Kind::File) => FileKind::File,
            Some(Kind::Link) => FileKind::Link,
            Some(Kind::Directory) => FileKind::Directory,
        },
        media: line.media.unwrap_or_default(),
        mode: line.mode.map(mode).transpose()?,
        mtime_ns: mtime.map(nanoseconds).transpose()?,
        valid_from: time(line.valid_from)?,
        valid_until: time(line.valid_until)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(line: &str) -> Vec<u8> {
        match parse(1, line.as_bytes()).expect(line) {
            (_, Op::Put { content: Content::Bytes(bytes), .. }) => bytes.into_owned(),
            _ => panic!("a put with bytes: {line}"),
        }
    }

    #[test]
    fn contents_are_exactly_what_was_given() {
        assert_eq!(bytes(r#"{"op":"put","key":"k","json":{ "a" : 1.10, "b":1e400 }}"#), br#"{ "a" : 1.10, "b":1e400 }"#);
        assert_eq!(bytes(r#"{"op":"put","key":"k","json":null}"#), b"null");
        assert_eq!(bytes(r#"{"op":"put","key":"k","text":"bl\u00e5\n"}"#), "blå\n".as_bytes());
        assert_eq!(bytes(r#"{"op":"put","key":"k","base64":"AP8="}"#), [0, 255]);
        let (key, op) = parse(1, br#"{"op":"put","key":"a\\xff","text":"","meta":{"mode":"0640","mtime":"2018-09-18T14:02:00Z"}}"#).expect("line");
        assert_eq!(key, b"a\xff");
        assert!(matches!(op, Op::Put { meta, .. } if meta.mode == Some(0o640) && meta.mtime_ns == Some(1_537_279_320_000_000_000)));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_number() {
        for bad in [
            r#"{"op":"del","key":"k"}"#,
            r#"{"op":"put","key":"k"}"#,
            r#"{"op":"put","key":"k","json":1,"text":"x"}"#,
            r#"{"op":"put","key":"k","text":"x","colour":1}"#,
            r#"{"op":"remove","key":"k","text":"x"}"#,
            r#"{"op":"put","key":"k","base64":"?"}"#,
            r#"{"op":"put","key":"k","text":"x","meta":{"mode":"999"}}"#,
            r#"{"op":"put","key":"k","text":"x","meta":{"mtime":"yesterday"}}"#,
            r#"{"op":"put","key":"k","key":"l","text":"x"}"#,
            r#"{"op":"put","text":"x"}"#,
            "[]",
            "{",
        ] {
            let Err(e) = parse(7, bad.as_bytes()) else { panic!("{bad} must be refused") };
            assert!(e.code() == "batch.line" && e.to_string().starts_with("line 7: ") && e.kind().exit() == 2, "{bad}: {e}");
        }
    }

    proptest! {
        #[test]
        fn any_line_parses_or_is_refused(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(parse(1, &line).is_ok_and(|_| true) || parse(1, &line).is_err_and(|e| e.code() == "batch.line"));
        }
    }
}
