//! What a version holds, for the eye: fields as a table, text with its lines, pictures; anything else by its facts. Always bounded: a page
//! shows the beginning, the whole can be downloaded.

use std::io::Read;

use maud::{Markup, html};

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::engine::history::{Forgotten, Version};
use crate::engine::store::Tenant;
use crate::face::http::{Answer, Ask};
use crate::model::change::FileKind;
use crate::model::field::{self, Value, ValueKind};
use crate::model::key::show_key;
use crate::model::moment::Moment;
use crate::model::text;

use super::parts::{self, Scribe};

/// Bytes of a JSON document that is read to be shown as fields.
const FIELDS_READ_MAX: u64 = 4 << 20;
/// Bytes of a text that are read to be shown.
const TEXT_READ: usize = 6 << 10;
/// Fields shown.
const FIELDS_SHOWN: usize = 30;
/// Lines of text shown.
const LINES_SHOWN: usize = 60;
/// Characters of one value shown.
const VALUE_CHARS: usize = 160;
/// Bytes of a picture that is shown.
const PICTURE_BYTES_MAX: u64 = limits::TEXT_DIFF_BYTES_MAX as u64;
/// Bytes that tell a picture.
const MAGIC_BYTES: usize = 16;

/// The media type of a picture that browsers show and that cannot do anything, by its first bytes. SVG is a document that can.
pub(super) fn picture(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The first bytes of a version.
pub(super) fn head(tenant: &Tenant, version: &Version, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tenant.open(version)?.take(most as u64).read_to_end(&mut bytes).map_err(|e| Error::io("read the content", e))?;
    Ok(bytes)
}

/// Whether a version is a picture that can be shown.
pub(super) fn is_picture(tenant: &Tenant, version: &Version) -> Result<bool> {
    Ok(version.size <= PICTURE_BYTES_MAX && version.meta.kind == FileKind::File && picture(&head(tenant, version, MAGIC_BYTES)?).is_some())
}

/// Where a version's bytes are downloaded from. It is never opened inside a page of ours.
pub(super) fn download(ask: &Ask, version: &Version) -> String {
    ask.link("/api/v1/document", &[("key", &show_key(&version.key)), ("at", &format!("v{}", version.number))])
}

/// A version's picture.
pub(super) fn picture_of(ask: &Ask, scribe: &Scribe, version: &Version) -> Markup {
    let at = format!("v{}", version.number);
    let name = scribe.say_with("picture-of", &[("version", at.as_str().into())]);
    html! { img .picture src=(ask.link_now("/picture", &[("key", &show_key(&version.key)), ("v", &at[1..])])) alt=(name); }
}

/// `GET /picture`: only what its own first bytes say is a picture.
pub(super) fn serve_picture(ask: &Ask) -> Result<Answer> {
    let tenant = ask.tenant()?;
    let number = ask.query("v").and_then(|text| text.parse().ok()).unwrap_or(0);
    let version = tenant.find_version(ask.key()?, Some(&Moment::Version(number)))?;
    let none = || Error::missing("picture.none", "this version is not a picture that can be shown").hint("download it instead");
    if version.size > PICTURE_BYTES_MAX {
        return Err(none());
    }
    let bytes = tenant.open(&version)?.bytes(PICTURE_BYTES_MAX as usize)?;
    let media = picture(&bytes).ok_or_else(none)?;
    Ok(Answer::File(media.to_owned(), show_key(&version.key), bytes))
}

/// A text that may be long.
pub(super) fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(VALUE_CHARS).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// A value of a field: what is no text says what it is, and nothing is told from empty.
pub(super) fn value(scribe: &Scribe, value: &Value) -> Markup {
    let plain = value.plain();
    match value.kind() {
        ValueKind::String if plain.is_empty() => html! { span .absent { (scribe.say("value-empty")) } },
        ValueKind::Null => html! { span .absent { (scribe.say("value-null")) } },
        ValueKind::Bool => html! { (scribe.say(if plain == "true" { "value-true" } else { "value-false" })) },
        _ => html! { bdi { (cut(&plain)) } },
    }
}

/// Since when, by whom and why the bytes of a version are not there.
pub(super) fn gone(scribe: &Scribe, forgotten: &Forgotten) -> Markup {
    let words = scribe.say(if forgotten.erased { "content-erased" } else { "content-forgotten" });
    let by = html! {
        @if let Some(by) = &forgotten.by {
            (scribe.time(by.time)) " · " (scribe.who(&by.actor))
            @if !by.reason.is_empty() { " · " (scribe.why(&by.reason, by.cause)) }
        }
    };
    parts::empty(words, by)
}

/// What a version holds.
pub(super) fn preview(ask: &Ask, scribe: &Scribe, tenant: &Tenant, version: &Version) -> Result<Markup> {
    let facts = |message: &str| html! { (parts::empty(scribe.say(message), scribe.size(version.size))) };
    if let Some(forgotten) = &version.forgotten {
        return Ok(gone(scribe, forgotten));
    }
    match version.meta.kind {
        FileKind::Directory => return Ok(facts("content-directory")),
        FileKind::Link => {
            let target = head(tenant, version, 4096)?;
            return Ok(html! { p .pad { (scribe.say("content-link")) " " code { bdi { (String::from_utf8_lossy(&target)) } } } });
        }
        FileKind::File if version.size == 0 => return Ok(facts("content-empty")),
        FileKind::File => {}
    }
    let begin = head(tenant, version, TEXT_READ)?;
    if picture(&begin).is_some() && version.size <= PICTURE_BYTES_MAX {
        return Ok(html! { div .pad { (picture_of(ask, scribe, version)) } });
    }
    if field::has_fields(&begin) && version.size <= FIELDS_READ_MAX {
        let bytes = tenant.open(version)?.bytes(FIELDS_READ_MAX as usize)?;
        if let Ok(fields) = field::fields(&bytes) {
            return Ok(fields_table(scribe, &fields));
        }
    }
    if text::is_text(trim_character(&begin)) {
        return Ok(lines(scribe, &begin, version.size));
    }
    Ok(facts("content-binary"))
}

/// Without the beginning of a character that was cut.
fn trim_character(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(e) if e.error_len().is_none() => &bytes[..e.valid_up_to()],
        _ => bytes,
    }
}

fn fields_table(scribe: &Scribe, fields: &[field::Field]) -> Markup {
    let rows = html! {
        @for field in fields.iter().take(FIELDS_SHOWN) {
            tr { th scope="row" { (scribe.field(&field.path)) } td { (value(scribe, &field.value)) } }
        }
    };
    html! {
        (parts::table(scribe, &scribe.say("content-fields"), false, true, &[("column-field", ""), ("column-value", "")], &rows))
        @if fields.len() > FIELDS_SHOWN { p .pad.quiet { (scribe.count("content-more-fields", (fields.len() - FIELDS_SHOWN) as u64)) } }
    }
}

fn lines(scribe: &Scribe, begin: &[u8], size: u64) -> Markup {
    let text = String::from_utf8_lossy(trim_character(begin));
    let all: Vec<&str> = text.lines().collect();
    let whole = size == begin.len() as u64 && all.len() <= LINES_SHOWN;
    html! {
        div .lines tabindex="0" role="region" aria-label=(scribe.say("content-text")) {
            table {
                caption .hidden-words { (scribe.say("content-text")) }
                tbody { @for (i, line) in all.iter().take(LINES_SHOWN).enumerate() { tr { th scope="row" { (i + 1) } td { (cut(line)) } } } }
            }
        }
        @if !whole { p .pad.quiet { (scribe.say_with("content-more-text", &[("size", scribe.size(size).into())])) } }
    }
}

/// What is kept beside a version.
pub(super) fn meta(scribe: &Scribe, version: &Version) -> Markup {
    let m = &version.meta;
    html! {
        dl .pairs {
            dt { (scribe.say("meta-size")) } dd { (scribe.size(version.size)) }
            @if !m.media.is_empty() { dt { (scribe.say("meta-media")) } dd { bdi { (m.media) } } }
            @if let Some(ns) = m.mtime_ns { dt { (scribe.say("meta-modified")) } dd { (scribe.time(Timestamp(ns.div_euclid(1000)))) } }
            @if let Some(mode) = m.mode { dt { (scribe.say("meta-mode")) } dd { code { (format!("{mode:04o}")) } } }
            @if let Some(at) = m.valid_from { dt { (scribe.say("meta-valid-from")) } dd { (scribe.time(at)) } }
            @if let Some(at) = m.valid_until { dt { (scribe.say("meta-valid-until")) } dd { (scribe.time(at)) } }
            dt { (scribe.say("meta-digest")) } dd { code { (&version.digest.to_hex()[..16]) "…" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_pictures_are_pictures() {
        assert_eq!(picture(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(picture(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'>"[..], b"<html>", b"", b"RIFF", b"%PDF-1.7"] {
            assert_eq!(picture(other), None);
        }
    }

    #[test]
    fn a_character_that_was_cut_does_not_make_a_text_binary() {
        let text = "blåbær".as_bytes();
        assert_eq!(trim_character(&text[..3]), b"bl");
        assert!(text::is_text(trim_character(&text[..3])));
    }
}
