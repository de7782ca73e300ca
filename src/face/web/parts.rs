//! What pages are made of: times, people, sizes and states in words, and the shapes they stand in. Pages share these, so that the same thing
//! looks and reads the same everywhere.

use std::borrow::Cow;

use maud::{Markup, Render, html};

use crate::base::disk;
use crate::base::time::Timestamp;
use crate::face::http::{Ask, field};
use crate::face::words::{Language, Variable};
use crate::model::change::Cause;
use crate::model::field::{Labels, Path};
use crate::model::key::show_key;
use crate::model::moment::{self, Zone};

/// Labels of fields, in the store's directory.
const LABELS: &str = "labels.json";
/// Bytes of that file: some thousand labels in four languages. It is read for each page.
const LABELS_BYTES_MAX: u64 = 1 << 20;

/// Puts values into words: in the language of who asks, in the zone of the site, as seen from one moment.
pub(super) struct Scribe {
    pub(super) language: Language,
    pub(super) zone: Zone,
    /// Now.
    pub(super) now: Timestamp,
    /// What people call the fields of their documents: `labels.json` in the store's directory, where there is one.
    labels: Option<Labels>,
}

impl Scribe {
    /// For a request. Where there is no store, times are UTC.
    pub(super) fn of(ask: &Ask) -> Self {
        let store = ask.store().ok();
        let zone = store.as_ref().map_or_else(Zone::utc, |store| store.zone());
        let now = store.as_ref().map_or(Timestamp(0), |store| store.now_is());
        // A file that cannot be used is as none: the names of the fields themselves are shown.
        let labels =
            store.and_then(|store| disk::read_file(&store.dir().join(LABELS), LABELS_BYTES_MAX).ok()).and_then(|json| Labels::parse(&json).ok());
        Scribe { language: ask.language, zone, now, labels }
    }

    /// The message called `id`.
    pub(super) fn say(&self, id: &str) -> Cow<'static, str> {
        self.language.say(id)
    }

    /// The message called `id` with its variables.
    pub(super) fn say_with(&self, id: &str, with: &[(&'static str, Variable<'_>)]) -> Cow<'static, str> {
        self.language.say_with(id, with)
    }

    /// A counted thing: the message has `$n`, which chooses the form, and `$count`, which is shown.
    pub(super) fn count(&self, id: &str, n: u64) -> String {
        self.say_with(id, &[("n", n.into()), ("count", self.number(n).into())]).into_owned()
    }

    /// A number with its thousands apart, as the language has it.
    pub(super) fn number(&self, n: u64) -> String {
        let apart = match self.language {
            Language::English => ',',
            Language::Italian => '.',
            Language::Bokmal | Language::Swedish => '\u{a0}',
        };
        let digits = n.to_string();
        let mut out = String::with_capacity(digits.len() * 2);
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(apart);
            }
            out.push(c);
        }
        out
    }

    /// A number of bytes for people, in steps of 1000: `12.4 kB`.
    pub(super) fn size(&self, bytes: u64) -> String {
        const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        if bytes < 1000 {
            return self.count("size-bytes", bytes);
        }
        let (mut shown, mut unit) = (bytes as f64 / 1000.0, 0);
        // 999.95 kB would be shown as 1000.0 kB.
        while shown >= 999.95 && unit + 1 < UNITS.len() {
            (shown, unit) = (shown / 1000.0, unit + 1);
        }
        let text = if shown < 99.95 { format!("{shown:.1}") } else { format!("{shown:.0}") };
        let text = if self.language == Language::English { text } else { text.replace('.', ",") };
        format!("{text}\u{a0}{}", UNITS[unit])
    }

    /// `18 Sep 2018 14:02`, without the offset.
    pub(super) fn time_text(&self, at: Timestamp) -> String {
        let local = moment::local(at, &self.zone);
        let months = self.say("months");
        let month = months.split_whitespace().nth(usize::from(local.month).saturating_sub(1)).unwrap_or("?");
        let clock = format!("{:02}:{:02}", local.hour, local.minute);
        let with = [("day", local.day.into()), ("month", month.into()), ("year", i64::from(local.year).to_string().into()), ("clock", clock.into())];
        self.say_with("time-short", &with).into_owned()
    }

    /// The offset of the zone at that time: `+02:00`.
    pub(super) fn offset(&self, at: Timestamp) -> String {
        moment::show_short(at, &self.zone).rsplit(' ').next().unwrap_or_default().to_owned()
    }

    /// A time in the zone of the site with its offset; UTC for programs and for who points at it.
    pub(super) fn time(&self, at: Timestamp) -> Markup {
        let utc = moment::rfc3339_utc(at);
        html! { time .nowrap datetime=(utc) title=(utc) { (self.time_text(at)) " " span .quiet.small { (self.offset(at)) } } }
    }

    /// How long ago: `3 days ago`; the time itself for who points at it.
    pub(super) fn ago(&self, at: Timestamp) -> Markup {
        let text = self.say_with("span-ago", &[("span", self.span(self.now.secs() - at.secs()).into())]);
        html! { time datetime=(moment::rfc3339_utc(at)) title={ (self.time_text(at)) " " (self.offset(at)) } { (text) } }
    }

    /// A length of time in one unit: `3 days`. Never negative.
    pub(super) fn span(&self, seconds: i64) -> String {
        let (n, unit) = moment::age_unit(seconds.max(0));
        self.count(&format!("span-{unit}"), n)
    }

    /// What a field is called: its label with its own name behind it, or its own name alone.
    pub(super) fn field(&self, path: &Path) -> Markup {
        let name = path.to_string();
        let label = self.labels.as_ref().and_then(|labels| labels.label(path, self.language.tag()));
        html! {
            @match label {
                Some(label) => { (label) " " span .small.quiet { bdi { (name) } } },
                None if name.is_empty() => (self.say("field-whole")),
                None => bdi { (name) },
            }
        }
    }

    /// Who did something.
    pub(super) fn who(&self, actor: &str) -> Markup {
        html! { @if actor.is_empty() { span .quiet { (self.say("who-nobody")) } } @else { bdi { (actor) } } }
    }

    /// Why something was done, as it was written, or what the program says of changes that it computed.
    pub(super) fn why(&self, reason: &str, cause: Cause) -> Markup {
        let made = match cause {
            Cause::Recorded => None,
            Cause::Undo(seq) => Some(self.say_with("cause-undo", &[("batch", self.number(seq).into())])),
            Cause::Rollback(seq) => Some(self.say_with("cause-rollback", &[("batch", self.number(seq).into())])),
            Cause::Restore => Some(self.say("cause-restore")),
            Cause::Realign(seq) => Some(self.say_with("cause-realign", &[("batch", self.number(seq).into())])),
        };
        html! {
            @if let Some(made) = &made { span .badge { (made) } " " }
            @if !reason.is_empty() { bdi { (reason) } }
        }
    }
}

/// A key as people read it; folders can break at the end of a line.
pub(super) fn key(key: &[u8]) -> Markup {
    let text = show_key(key);
    let (folder, name) = text.rsplit_once('/').map_or(("", text.as_str()), |(folder, name)| (folder, name));
    html! { bdi { @if text.contains('/') { span .quiet { (folder) "/" } wbr; } (name) } }
}

/// Who did something, and why where that is known, on a line of their own.
pub(super) fn who_why(scribe: &Scribe, actor: &str, reason: &str, cause: Cause) -> Markup {
    let why = scribe.why(reason, cause);
    html! { div { (scribe.who(actor)) @if !why.0.is_empty() { span .quiet { " · " (why) } } } }
}

/// How a thing is: `good`, `wait`, `bad`, or anything else where it is neither. A sign stands before the words, so that colour is not needed.
pub(super) fn badge(kind: &str, words: impl Render) -> Markup {
    html! { span .badge.(kind) { (words) } }
}

/// A sentence that should be seen; kinds as of [`badge`].
pub(super) fn say(kind: &str, words: impl Render) -> Markup {
    html! { div .say.(kind) { (words) } }
}

/// A table with its caption and the heads of its columns (message and class). Rows are `tr`s; where `stack` is set they become blocks on
/// narrow screens, for which each `td` has a `data-name`.
pub(super) fn table(scribe: &Scribe, caption: &str, shown: bool, stack: bool, columns: &[(&str, &str)], rows: &Markup) -> Markup {
    html! {
        div .scroll tabindex=[(!stack).then_some("0")] role=[(!stack).then_some("region")] aria-label=[(!stack).then_some(caption)] {
            table .stack[stack] {
                caption .hidden-words[!shown] { (caption) }
                thead { tr { @for (message, class) in columns {
                    th scope="col" class=(class) { @if message.is_empty() { span .hidden-words { (scribe.say("column-acts")) } } @else { (scribe.say(message)) } }
                } } }
                tbody { (rows) }
            }
        }
    }
}

/// The way to what comes before and after; the arrow keys follow these links.
pub(super) fn pager(scribe: &Scribe, earlier: Option<(String, String)>, later: Option<(String, String)>) -> Markup {
    if earlier.is_none() && later.is_none() {
        return html! {};
    }
    html! {
        nav .pager aria-label=(scribe.say("pager-label")) {
            @match earlier { Some((to, words)) => a .button.tight rel="prev" href=(to) { "← " (words) }, None => span {} }
            @match later { Some((to, words)) => a .button.tight rel="next" href=(to) { (words) " →" }, None => span {} }
        }
    }
}

/// The link to what comes before (`prev`) or after (`next`), or where nothing does, the same words without one.
pub(super) fn step(scribe: &Scribe, way: &str, to: Option<String>, message: &str) -> Markup {
    let words = html! { @if way == "prev" { "← " } (scribe.say(message)) @if way == "next" { " →" } };
    match to {
        Some(to) => html! { a .button.tight rel=(way) href=(to) { (words) } },
        None => html! { span .button.tight aria-disabled="true" { (words) } },
    }
}

/// The fields of the query that a form keeps.
pub(super) fn kept(ask: &Ask, but: &[&str]) -> Markup {
    html! {
        @for (name, value) in ask.query_fields().filter(|(name, _)| *name != "done" && !but.contains(name)) {
            (carried(name, value))
        }
    }
}

/// A field that nobody sees, which arrives as it is.
pub(super) fn carried(name: &str, value: &str) -> Markup {
    let (name, value) = field(name, value);
    html! { input type="hidden" name=(name) value=(value); }
}

/// A button that does something: a form of its own with the fields it needs.
pub(super) fn act(ask: &Ask, path: &str, fields: &[(&str, &str)], class: &str, words: impl Render) -> Markup {
    html! { form method="post" action=(path) { (fields_of(ask, fields)) button class=(class) { (words) } } }
}

/// The hidden fields of a form: its token, the tenant, and others.
pub(super) fn fields_of(ask: &Ask, fields: &[(&str, &str)]) -> Markup {
    html! {
        input type="hidden" name="token" value=(ask.session.token);
        input type="hidden" name="tenant" value=(ask.tenant_name());
        @for (name, value) in fields { (carried(name, value)) }
    }
}

/// Nothing is here, and what that means.
pub(super) fn empty(title: impl Render, words: impl Render) -> Markup {
    html! { div .empty { strong { (title) } p { (words) } } }
}

/// What was just done, with the way back. The address says which batch it was (`done=SEQ`), the log says the rest.
pub(super) fn toast(ask: &Ask, scribe: &Scribe) -> Markup {
    let done = ask.query("done").and_then(|text| text.parse().ok());
    let batch = done.and_then(|seq| ask.tenant().and_then(|tenant| tenant.batch_at(seq)).ok());
    let Some(batch) = batch else { return html! {} };
    let (seq, undone) = (batch.event.seq.to_string(), !batch.undone_by.is_empty());
    let (message, again) = match batch.event.cause {
        Cause::Undo(_) => ("toast-undone", "toast-redo"),
        Cause::Rollback(_) | Cause::Restore => ("toast-restored", "toast-undo"),
        Cause::Recorded | Cause::Realign(_) => ("toast-recorded", "toast-undo"),
    };
    let (count, number) = (scribe.number(batch.changes), scribe.number(batch.event.seq));
    let with = [("n", batch.changes.into()), ("count", count.into()), ("batch", number.into())];
    html! {
        div .toast role="status" {
            span { (scribe.say_with(message, &with)) }
            @if !undone { (act(ask, "/undo", &[("seq", &seq), ("back", &ask.here(&[("done", None)]))], "tight", scribe.say(again))) }
            a .button.tight data-close href=(ask.here(&[("done", None)])) { (scribe.say("toast-close")) }
        }
    }
}
