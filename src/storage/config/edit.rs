//! Edits that change the lines they must and no others.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};

use super::load::read;
use super::rules::{Config, Remote};
use super::section::document;
use super::words::shown;

/// Adds a remote to the file at `path`, behind the last one; creates the file where there is none.
pub fn add_remote(path: &Path, remote: &Remote) -> Result<()> {
    let remote = remote.checked()?;
    let text = read(path)?.unwrap_or_default();
    let mut wanted = Config::parse(&text)?;
    if wanted.remotes.iter().any(|r| r.name == remote.name) {
        return Err(Error::usage("remote.exists", format!("there is a remote of that name already: {}", remote.name))
            .hint(format!("choose another name, or take it away first: annals remote rm {}", remote.name)));
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let at = remote_lines(&text)?.last().map_or(text.len(), |lines| lines.end);
    let mut edited = text[..at].to_owned();
    if !edited.is_empty() {
        if !edited.ends_with('\n') {
            edited.push_str(newline);
        }
        edited.push_str(newline);
    }
    edited.push_str(&remote.section(newline));
    wanted.remotes.push(remote);
    edited.push_str(&text[at..]);
    write(path, &edited, &wanted)
}

/// Takes a remote out of the file at `path`: its lines from `[[remote]]` to its last value. Comments around it stay.
/// Nothing at the remote itself is touched.
pub fn remove_remote(path: &Path, name: &str) -> Result<()> {
    let text = read(path)?.unwrap_or_default();
    let mut wanted = Config::parse(&text)?;
    wanted.remote(name)?;
    if let Some((tenant, _)) = wanted.tenants.iter().find(|(_, rules)| rules.remotes.iter().any(|r| r == name)) {
        return Err(Error::new(Kind::Refused, "remote.used", format!("tenant {} is shipped to this remote: {name}", shown(tenant)))
            .hint(format!("take {name} off the remotes of [tenant.{}] first", Value::from(tenant))));
    }
    let index = wanted.remotes.iter().position(|r| r.name == name);
    let lines = index.and_then(|i| remote_lines(&text).ok()?.get(i).cloned()).unwrap_or_default();
    wanted.remotes.retain(|r| r.name != name);
    let mut before = &text[..lines.start];
    // The blank line that add_remote put there.
    for blank in ["\r\n\r\n", "\n\n"] {
        if before.ends_with(blank) {
            before = &before[..before.len() - blank.len() / 2];
            break;
        }
    }
    write(path, &format!("{before}{}", &text[lines.end..]), &wanted)
}

/// A value as it is written in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
}

impl Setting {
    fn to_value(&self) -> Value {
        match self {
            Setting::Text(text) => Value::from(text.as_str()),
            Setting::Texts(texts) => Value::from_iter(texts.iter().map(String::as_str)),
        }
    }
}

/// What stands in the file at `path` under `[section]` for `key`, as it is written; `None` where nothing does.
pub fn setting(path: &Path, section: &str, key: &str) -> Result<Option<Setting>> {
    let text = read(path)?.unwrap_or_default();
    let document = document(&text)?;
    let value = document.as_table().get(section).and_then(|table| table.get(key)).and_then(Item::as_value);
    Ok(value.and_then(|value| match value {
        Value::String(text) => Some(Setting::Text(text.value().clone())),
        Value::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>().map(Setting::Texts),
        _ => None,
    }))
}

/// Sets values of sections that stand once in the file at `path`, or takes them away (`None`). Comments and everything else stay as they are;
/// creates the file where there is none.
///
/// # Errors
/// Kind [`Kind::Usage`] where a value is not one that the key may have; nothing is written then.
pub fn set_values(path: &Path, changes: &[(&str, &str, Option<Setting>)]) -> Result<()> {
    let text = read(path)?.unwrap_or_default();
    Config::parse(&text)?;
    let mut edited = editable(&text)?;
    for (section, key, value) in changes {
        match value {
            Some(value) => put(&mut edited, section, key, value.to_value()),
            None => drop(edited.get_mut(section).and_then(Item::as_table_like_mut).and_then(|table| table.remove(key))),
        }
    }
    let edited = edited.to_string();
    let wanted = Config::parse(&edited)?;
    // What is left without the changed values must be what was there without them.
    if Config::parse(&without(&edited, changes)?)? != Config::parse(&without(&text, changes)?)? {
        return Err(not_edited(path));
    }
    write(path, &edited, &wanted)
}

fn editable(text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|e: toml_edit::TomlError| Error::usage("config.syntax", e.to_string()))
}

/// A value that is there already keeps what stands around it, like a comment at the end of its line.
fn put(document: &mut DocumentMut, section: &str, key: &str, mut value: Value) {
    let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else { return };
    if let Some(known) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = known.decor().clone();
    }
    table.insert(key, Item::Value(value));
}

fn without(text: &str, changes: &[(&str, &str, Option<Setting>)]) -> Result<String> {
    let mut document = editable(text)?;
    for (section, key, _) in changes {
        document.get_mut(section).and_then(Item::as_table_like_mut).and_then(|table| table.remove(key));
    }
    Ok(document.to_string())
}

/// The bytes of each `[[remote]]`: whole lines, from its header to its last value.
pub(super) fn remote_lines(text: &str) -> Result<Vec<Range<usize>>> {
    let document = document(text)?;
    let Some(tables) = document.as_table().get("remote").and_then(Item::as_array_of_tables) else { return Ok(Vec::new()) };
    let lines = tables.iter().map(|table| {
        let header = table.span().unwrap_or_default();
        let last = table.iter().filter_map(|(_, item)| item.span()).map(|s| s.end).fold(header.end, usize::max);
        let start = text[..header.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at + 1);
        start..end
    });
    Ok(lines.collect())
}

fn not_edited(path: &Path) -> Error {
    Error::new(Kind::Failed, "config.edit", format!("could not edit without changing other settings: {}", path.display()))
        .hint("make this change in a text editor")
}

/// Writes an edited file, once it is proved to say what is wanted.
pub(super) fn write(path: &Path, text: &str, wanted: &Config) -> Result<()> {
    if Config::parse(text)? != *wanted {
        return Err(not_edited(path));
    }
    // Through a link to the file itself: replacing the link would leave the real file as it was.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    disk::write_file(&target, text.as_bytes(), mode_of(&target))
}

#[cfg(unix)]
pub(super) fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(0o644, |meta| meta.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
pub(super) fn mode_of(_: &Path) -> u32 {
    0o644
}
