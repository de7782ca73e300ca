//! `diff` and `fields`: what changed between two versions, and the history of fields.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::monitor::check_stop;
use crate::engine::history::{Event, Version};
use crate::engine::store::{Store, Tenant};
use crate::face::cli::context::{Context, bytes, grouped};
use crate::face::cli::table::{Table, clean, cut, pad};
use crate::face::view::{self, FieldChangeRow, FieldRow};
use crate::model::field::{self, FieldChange, FieldDiff, Labels};
use crate::model::key::show_key;
use crate::model::moment::{self, Address, Moment};
use crate::model::text::{CONTEXT_LINES, Comparison, Mark, TextDiff};

/// Bytes: the largest label file.
const LABELS_BYTES_MAX: u64 = 4 << 20;

/// The label file and the fields that it has no name for.
struct Names<'c> {
    context: &'c Context,
    labels: Option<Labels>,
    missing: RefCell<BTreeSet<String>>,
}

impl<'c> Names<'c> {
    fn load(context: &'c Context, path: Option<&Path>) -> Result<Self> {
        let read = |path: &Path| {
            let unreadable = |e: Error| {
                Error::usage("file.unreadable", format!("cannot read the label file {}: {e}", path.display()))
                    .hint("check its name, or leave --labels out to see the raw names")
            };
            Labels::parse(&disk::read_file(path, LABELS_BYTES_MAX).map_err(unreadable)?)
        };
        Ok(Names { context, labels: path.map(read).transpose()?, missing: RefCell::default() })
    }

    fn label(&self, path: &field::Path) -> Option<String> {
        let name = self.labels.as_ref()?.name(path, &self.context.globals.lang);
        if name.missing {
            self.missing.borrow_mut().insert(path.without_places().to_string());
            return None;
        }
        Some(name.text)
    }

    fn text(&self, path: &field::Path) -> String {
        self.label(path).unwrap_or_else(|| path.to_string())
    }

    /// Warns of fields without a label; their raw names were shown.
    fn warn(&self) {
        let missing = self.missing.borrow();
        if !missing.is_empty() {
            let names: Vec<String> = missing.iter().take(10).map(|name| clean(name)).collect();
            let more = if missing.len() > 10 { format!(" and {} more", missing.len() - 10) } else { String::new() };
            self.context.out.note(format!("warning: no label in {} for {}{more}", clean(&self.context.globals.lang), names.join(", ")));
        }
    }
}

fn shown(value: Option<&field::Value>) -> String {
    value.map_or("(absent)".to_owned(), |v| v.json().to_owned())
}

/// Show what changed between two versions: fields, lines, or sizes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals diff case/2018-163@v1 case/2018-163@v3\n  annals diff 'case/2018-163@2 days ago'\n  annals diff case/2018-163 --labels labels.json --lang nb\n  annals diff case/1 case/2 --all --json\n\nKEY@A alone is compared with what is current, KEY alone is the last change. JSON documents are compared field by field, other texts\nline by line, everything else by size and digest. An absent field is left out of the JSON; null is a value. The exit code is 0 also when\nthey differ."
)]
pub(crate) struct Diff {
    /// KEY@A
    old: String,
    /// KEY@B
    new: Option<String>,
    /// Also fields that are the same
    #[arg(long)]
    all: bool,
    /// Names of fields: {"title": {"en": "Title", "nb": "Tittel"}}; --lang chooses
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Equal lines around a change of text
    #[arg(long, value_name = "N", default_value_t = CONTEXT_LINES)]
    context: usize,
}

impl Diff {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let names = Names::load(context, self.labels.as_deref())?;
        let (old, new) = self.versions(context, &store, &tenant)?;
        let pair = tenant.diff(old, new)?;
        let comparison = pair.compare(self.all, self.context);
        let name = |v: &Version| Address::show(&v.key, Some(&format!("v{}", v.number)));
        let (old_name, new_name) = (name(&pair.old), name(&pair.new));
        if context.out.json().is_some() {
            let difference = view::difference(&pair.old, &pair.new, (&old_name, &new_name), &comparison, |path| names.label(path));
            context.out.object("annals.diff/1", difference)?;
            return Ok(0);
        }
        let zone = context.zone(&store);
        let who = |e: &Event| format!("{} {}", moment::show_short(e.time, &zone), clean(&e.actor));
        context.out.note(format!(
            "{} ({}) → {} ({})",
            clean(&old_name),
            who(&pair.old.from).trim_end(),
            clean(&new_name),
            who(&pair.new.from).trim_end()
        ));
        match &comparison {
            Comparison::Same if pair.old.meta == pair.new.meta => context.out.note("The same, byte for byte."),
            Comparison::Same => context.out.note("The same bytes; only what is kept beside them differs (annals show)."),
            Comparison::Fields(fields) => print_fields(context, &names, fields)?,
            Comparison::Text(text) => print_text(context, text, (&old_name, &new_name))?,
            Comparison::Binary { old, new } => {
                let mut table = Table::new(&["VERSION", ">SIZE", "BLAKE3"]);
                for (name, side) in [(old_name, old), (new_name, new)] {
                    table.row([name, bytes(side.size), side.digest.to_hex()]);
                }
                for line in table.lines(&context.out) {
                    context.out.line(line)?;
                }
            }
        }
        names.warn();
        Ok(0)
    }

    fn versions(&self, context: &Context, store: &Store, tenant: &Tenant) -> Result<(Version, Version)> {
        let first = context.address(tenant, &self.old)?;
        if let Some(new) = &self.new {
            return Ok((context.version(store, tenant, &first)?, context.version(store, tenant, &context.address(tenant, new)?)?));
        }
        if first.when.is_some() {
            return Ok((context.version(store, tenant, &first)?, tenant.find_version(&first.key, None)?));
        }
        let new = tenant.find_version(&first.key, None)?;
        if new.number == 1 {
            return Err(Error::missing("version.missing", format!("{} has one version only, nothing to compare it with", show_key(&new.key)))
                .hint(format!("annals get {} prints it", show_key(&new.key)))
                .at_key(&new.key));
        }
        Ok((tenant.find_version(&first.key, Some(&Moment::Version(new.number - 1)))?, new))
    }
}

fn print_fields(context: &Context, names: &Names<'_>, fields: &FieldDiff) -> Result<()> {
    if fields.layout_only {
        context.out.note("Every field is the same; only white space, order of members or escapes differ.");
    }
    let mut table = Table::new(&["FIELD", "OLD", "NEW"]);
    for row in &fields.rows {
        let same = row.change == FieldChange::Same;
        let paint = |there: bool, code: &'static str| if same || !there { "2" } else { code };
        let (old, new) = (row.old.as_ref(), row.new.as_ref());
        table.painted([
            (names.text(&row.path), if same { "2" } else { "" }),
            (shown(old), paint(old.is_some(), "31")),
            (shown(new), paint(new.is_some(), "32")),
        ]);
    }
    for line in table.lines(&context.out) {
        context.out.line(line)?;
    }
    let differ = fields.rows.iter().filter(|r| r.change != FieldChange::Same).count() as u64;
    context.out.note(format!("{} differ, {} are the same", grouped(differ), grouped(fields.unchanged as u64)));
    Ok(())
}

fn print_text(context: &Context, text: &TextDiff<'_>, names: (&str, &str)) -> Result<()> {
    let out = &context.out;
    if !out.colours() {
        return out.bytes(&text.unified(names.0, names.1));
    }
    out.line(out.paint("1", &format!("--- {}", clean(names.0))))?;
    out.line(out.paint("1", &format!("+++ {}", clean(names.1))))?;
    for hunk in &text.hunks {
        out.line(out.paint("36", &hunk.to_string()))?;
        for line in &hunk.lines {
            // Tabs keep their meaning, all other control characters lose it.
            let shown: Vec<String> = line.text().split('\t').map(clean).collect();
            let shown = format!("{}{}", line.mark.sign(), shown.join("\t"));
            out.line(match line.mark {
                Mark::Same => shown,
                Mark::Removed => out.paint("31", &shown),
                Mark::Added => out.paint("32", &shown),
            })?;
            if !line.is_ended() {
                out.line("\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}

/// Show the history of a document's fields: old, new, who, when
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals fields case/2018-163\n  annals fields case/2018-163 --field status\n  annals fields case/2018-163 --field lines.qty --range 'last friday..now'\n  annals fields case/2018-163 --range v3..v7 --labels labels.json --lang nb --json=lines\n\nThe newest change comes first. A..B is what changed after A up to B. A path without [n] means every element of an array.\nVersions that are not JSON are passed over and named."
)]
pub(crate) struct Fields {
    /// The document
    key: String,
    /// Only this field and what is below it
    #[arg(long, value_name = "PATH")]
    field: Option<String>,
    /// Only what changed in this time
    #[arg(long, value_name = "A..B")]
    range: Option<String>,
    /// Names of fields: {"title": {"en": "Title", "nb": "Tittel"}}; --lang chooses
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

/// One end of a range: a version of the document, or a place in the log.
#[derive(Clone, Copy)]
enum End {
    Version(u64),
    Seq(u64),
}

impl Fields {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let names = Names::load(context, self.labels.as_deref())?;
        let filter = self.field.as_deref().map(str::parse::<field::Path>).transpose()?;
        let (from, until) = self.ends(context, &store, &tenant)?;
        let wanted = move |number: u64, event: &Event| {
            let after = |end: End| match end {
                End::Version(n) => number > n,
                End::Seq(seq) => event.seq > seq,
            };
            from.is_none_or(after) && until.is_none_or(|end| !after(end))
        };
        let (zone, monitor) = (context.zone(&store), context.monitor());
        let (mut passed_over, mut rows) = (Vec::new(), 0);
        let mut list = context.out.list("annals.fields/1");
        for step in tenant.fields(crate::model::key::parse_key(&self.key), filter)?.only(wanted) {
            check_stop(&monitor)?;
            let step = step?;
            let changes = match &step.rows {
                Ok(changes) => changes,
                Err(reason) => {
                    passed_over.push(format!("v{}: {reason}", step.version));
                    continue;
                }
            };
            for row in changes {
                rows += 1;
                let text = || {
                    let version = if step.removed { "removed".to_owned() } else { format!("v{}", step.version) };
                    let when = moment::show_short(step.event.time, &zone);
                    let (old, new) = (cut(&shown(row.old.as_ref())), cut(&shown(row.new.as_ref())));
                    let (old, new) = (context.out.paint("31", &old), context.out.paint("32", &new));
                    let who = pad(&clean(&step.event.actor), 10, false);
                    format!("{}  {}  {who}  {}: {old} → {new}", pad(&version, 7, true), pad(&when, 25, true), clean(&names.text(&row.path)))
                };
                let value = || FieldChangeRow {
                    version: step.version,
                    removed: step.removed,
                    field: FieldRow::new(row, names.label(&row.path)),
                    time: view::time(step.event.time),
                    actor: &step.event.actor,
                    reason: &step.event.reason,
                    seq: step.event.seq,
                };
                list.row(text, value)?;
            }
        }
        list.finish()?;
        if rows == 0 {
            context.out.note("No field changed.");
        }
        for version in passed_over {
            context.out.note(format!("passed over, because it cannot be seen as fields: {}", clean(&version)));
        }
        names.warn();
        Ok(0)
    }

    fn ends(&self, context: &Context, store: &Store, tenant: &Tenant) -> Result<(Option<End>, Option<End>)> {
        let Some(text) = &self.range else { return Ok((None, None)) };
        let range = moment::parse_range(text, context.now(), &context.zone(store))?;
        let end = |moment: Moment| match moment {
            Moment::Version(n) => Ok(End::Version(n)),
            other => match tenant.resolve(&other) {
                Err(e) if e.code() == "moment.early" => Ok(End::Seq(0)),
                seq => seq.map(End::Seq),
            },
        };
        Ok((range.from.map(end).transpose()?, range.until.map(end).transpose()?))
    }
}
