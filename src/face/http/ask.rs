//! A request as pages and endpoints see it, and their answer.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Result};
use crate::engine::history::View;
use crate::engine::plans::By;
use crate::engine::store::{Store, Tenant};
use crate::face::words::Language;
use crate::model::key::{DEFAULT_TENANT, parse_key};
use crate::model::moment::{Moment, Zone};

use super::desk::Desk;
use super::door::Session;

/// The field of a form that holds another one, written as in an address: see [`field`].
pub(super) const EXACT: &str = "%";

/// A request.
pub(in crate::face) struct Ask {
    /// The server.
    pub(in crate::face) desk: Arc<Desk>,
    /// Who asks.
    pub(in crate::face) session: Session,
    /// The language in which is answered.
    pub(in crate::face) language: Language,
    /// The path, without the query.
    pub(in crate::face) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    /// Parts of the path that have a name.
    pub(super) named: Vec<(String, String)>,
}

/// An answer.
pub(in crate::face) enum Answer {
    /// A page.
    Page(String),
    /// JSON.
    Json(Value),
    /// Look there: what was asked for is done.
    See(String),
    /// Something to be downloaded or shown: media type, name of the file, bytes.
    File(String, String, Vec<u8>),
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

impl Ask {
    /// A field of the query, where it is not empty.
    pub(in crate::face) fn query(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    /// All values of a field of the query.
    pub(in crate::face) fn query_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of all fields of the query.
    pub(in crate::face) fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(|(name, _)| name.as_str())
    }

    /// A header, where it is text.
    pub(in crate::face) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The part of the path with this name.
    pub(in crate::face) fn named(&self, name: &str) -> &str {
        value(&self.named, name).unwrap_or_default()
    }

    /// A field of the form, where it is not empty.
    pub(in crate::face) fn form(&self, name: &str) -> Option<&str> {
        value(&self.form, name)
    }

    /// All values of a field of the form.
    pub(in crate::face) fn form_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The agent.
    pub(in crate::face) fn agent(&self) -> Result<Handle> {
        self.desk.agent()
    }

    /// The store.
    pub(in crate::face) fn store(&self) -> Result<Store> {
        Ok(self.agent()?.store())
    }

    /// The tenant that is named in the form or the query, or the default one.
    pub(in crate::face) fn tenant_name(&self) -> &str {
        self.form("tenant").or_else(|| self.query("tenant")).unwrap_or(DEFAULT_TENANT)
    }

    /// That tenant.
    pub(in crate::face) fn tenant(&self) -> Result<Tenant> {
        self.store()?.tenant(self.tenant_name())
    }

    /// The key that is named in the form or the query.
    pub(in crate::face) fn key(&self) -> Result<Vec<u8>> {
        let text = self.form("key").or_else(|| self.query("key"));
        text.map(parse_key).ok_or_else(|| Error::usage("key.none", "no document is named").hint("name it with key=..."))
    }

    /// The zone in which times are read and shown.
    pub(in crate::face) fn zone(&self) -> Result<Zone> {
        Ok(self.store()?.zone())
    }

    /// The moment that is looked at (`at=`), as it was written; nothing means now.
    pub(in crate::face) fn at(&self) -> Option<&str> {
        self.query("at")
    }

    /// That moment; nothing means now.
    pub(in crate::face) fn moment(&self) -> Result<Option<Moment>> {
        self.at().map(|text| self.tenant()?.moment(&self.moment_text(text))).transpose()
    }

    /// A moment as this person writes it, in the words of time expressions. Programs use those.
    pub(in crate::face) fn moment_text(&self, text: &str) -> String {
        if self.session.is_program() { text.to_owned() } else { self.language.moment(text) }
    }

    /// All documents at that moment.
    pub(in crate::face) fn view(&self) -> Result<View> {
        let tenant = self.tenant()?;
        match self.moment()? {
            None => Ok(tenant.now()),
            Some(when) => tenant.at(&when),
        }
    }

    /// Who does this, and why.
    pub(in crate::face) fn by(&self) -> By {
        By { actor: self.session.actor.clone(), reason: self.form("reason").unwrap_or_default().to_owned(), origin: "annals web".into() }
    }

    /// An address with the tenant and the moment that are looked at.
    pub(in crate::face) fn link(&self, path: &str, fields: &[(&str, &str)]) -> String {
        self.address(path, fields, true)
    }

    /// An address with the tenant, now.
    pub(in crate::face) fn link_now(&self, path: &str, fields: &[(&str, &str)]) -> String {
        self.address(path, fields, false)
    }

    /// The fields of the query that are not empty, in their order.
    pub(in crate::face) fn query_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(_, value)| !value.is_empty())
    }

    /// The address that is looked at, with some fields of its query set or left out.
    pub(in crate::face) fn here(&self, changes: &[(&str, Option<&str>)]) -> String {
        let kept = self.query_fields().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let set = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let query: Vec<String> = kept.chain(set).map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    /// As [`Ask::here`], now.
    pub(in crate::face) fn here_now(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut all = changes.to_vec();
        all.push(("at", None));
        self.here(&all)
    }

    fn address(&self, path: &str, fields: &[(&str, &str)], then: bool) -> String {
        let mut all: Vec<(&str, &str)> = fields.to_vec();
        for (name, value) in [("tenant", Some(self.tenant_name()).filter(|name| *name != DEFAULT_TENANT)), ("at", self.at().filter(|_| then))] {
            if let Some(value) = value.filter(|_| !fields.iter().any(|(known, _)| *known == name)) {
                all.push((name, value));
            }
        }
        let query: Vec<String> = all.iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}

/// The header `Content-Disposition` of a file with this name (RFC 6266): nothing in a name ends it or becomes a path.
pub(in crate::face) fn attachment(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().filter(|last| !last.is_empty()).unwrap_or("document");
    let quoted: String = name.chars().map(|c| if c.is_ascii_graphic() && !"\"\\%".contains(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{quoted}\"; filename*=UTF-8''{}", encode(name))
}

/// Name and value of a field in a form, so that it arrives as it is. A browser makes every end of a line CR LF in what a form sends
/// (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-entry-list>), and reads a page without its CRs
/// and NULs: a value with such characters is written as in an address, within the field [`EXACT`].
pub(in crate::face) fn field<'a>(name: &'a str, value: &'a str) -> (&'a str, Cow<'a, str>) {
    match value.contains(char::is_control) {
        true => (EXACT, format!("{}={}", encode(name), encode(value)).into()),
        false => (name, value.into()),
    }
}

/// A text as a value of a query (RFC 3986): everything but unreserved characters and `/` is escaped.
pub(in crate::face) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_it() {
        assert_eq!(
            attachment("a/å \"b\"\r\nX: 1.txt"),
            "attachment; filename=\"___b___X:_1.txt\"; filename*=UTF-8''%C3%A5%20%22b%22%0D%0AX%3A%201.txt"
        );
        assert_eq!(attachment("..\\evil/"), "attachment; filename=\"document\"; filename*=UTF-8''document");
        assert_eq!(encode("sak/2018-163 å&b=#?%\"<"), "sak/2018-163%20%C3%A5%26b%3D%23%3F%25%22%3C");
    }
}
