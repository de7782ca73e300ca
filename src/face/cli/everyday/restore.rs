//! `restore`: documents as current again, or as files.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::base::error::{Error, Result};
use crate::engine::find::FieldIs;
use crate::engine::history::Version;
use crate::engine::restore::Scope;
use crate::engine::store::{Store, Tenant};
use crate::face::cli::context::{Context, bytes, counted, grouped};
use crate::face::cli::plans::{self, Conflicts, Prepared, Settling};
use crate::face::cli::table::clean;
use crate::face::view;
use crate::model::key::show_key;
use crate::model::moment::{Address, Moment};

use super::list::prefix_and_moment;

/// Bring documents back: as current again, into a file, or as a tree of files
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals restore klient/38754                                  # a removed document\n  annals restore 'case/2018-163@yesterday 14:00'               # an older version becomes current\n  annals restore case/ --at 2018-09-18 --plan back.json        # look first, then annals apply back.json\n  annals restore report.docx@v3 --out report-old.docx          # into a file\n  annals restore letters/ --at 'last friday' --into /tmp/old   # the tree as it was then\n  annals restore stock/ --at yesterday --into old.db           # a captured database as it was then\n  annals restore stock/item/4711@v3 --to-source                # a row, in its own database\n  annals restore stock/item/ --at yesterday --where kind=food --to-source --batch 100\n  annals restore shop/ --at yesterday --into shop.sql          # a captured PostgreSQL database, for psql\n\nNothing is lost: an older version becomes current as a new version. Without a moment, what was removed comes back.\nDIR must be absent or empty; it appears whole or not at all. Documents whose key cannot be a path are named, exit code 3."
)]
pub(crate) struct Restore {
    /// KEY, KEY@WHEN, or PREFIX/; nothing is everything
    address: Option<String>,
    /// As it was at that moment
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Write the documents into this directory; a captured database into this file
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    into: Option<PathBuf>,
    /// Change the rows in the database that they were captured from
    #[arg(long, conflicts_with_all = ["into", "out"])]
    to_source: bool,
    /// Of a prefix only documents that were so then: field=value; all that are given must hold
    #[arg(long = "where", value_name = "PATH=VALUE", conflicts_with_all = ["into", "out"])]
    conditions: Vec<String>,
    /// With --to-source: in transactions of at most so many rows, each a batch of its own
    #[arg(long, value_name = "ROWS", requires = "to_source", value_parser = plans::rows_max)]
    batch: Option<usize>,
    /// Write the document to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        if self.address.is_none() && self.into.is_none() && self.at.is_none() {
            return Err(Error::usage("restore.what", "nothing to restore was named")
                .hint("annals restore KEY brings a document back; annals restore --at WHEN --into DIR writes everything as it was"));
        }
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let prepared = plans::prepare(context, &tenant, self.to_source);
        let (key, at) = prefix_and_moment(context, &tenant, self.address.as_deref(), self.at.as_deref())?;
        match (tenant.scope(&key)?, &self.into, &self.out) {
            (Scope::Document(key), Some(_), _) | (Scope::Document(key), _, Some(_)) => self.file(context, &store, &tenant, key, at),
            #[cfg(feature = "postgres")]
            (Scope::Prefix(prefix), Some(file), _) if file.extension().is_some_and(|e| e == "sql") => {
                sql(context, &store, &tenant, &prefix, at.as_deref(), file)
            }
            (Scope::Prefix(prefix), Some(file), _) if !file.is_dir() && context.view_of(&store, &tenant, at.as_deref())?.is_database(&prefix)? => {
                database(context, &store, &tenant, &prefix, at.as_deref(), file, self.force)
            }
            (Scope::Prefix(prefix), Some(dir), _) => tree(context, &store, &tenant, &prefix, at.as_deref(), dir),
            (Scope::Prefix(prefix), _, Some(_)) => {
                Err(Error::usage("restore.many", format!("{} is not one document", show_key(&prefix))).hint("use --into DIR for a tree of files"))
            }
            (Scope::Document(key), None, None) => current(context, &store, &tenant, key, at, &self, &prepared),
            (Scope::Prefix(prefix), None, None) => current_prefix(context, &store, &tenant, &prefix, at, &self, &prepared),
        }
    }

    fn file(&self, context: &Context, store: &Store, tenant: &Tenant, key: Vec<u8>, when: Option<String>) -> Result<u8> {
        let version = match when {
            Some(_) => context.version(store, tenant, &Address { key, when })?,
            // Without a moment the last version is meant, also of a document that was removed.
            None => tenant.now().last_version(&key)?.map_or_else(|| tenant.find_version(&key, None), Ok)?,
        };
        if context.globals.dry_run {
            return told(context, &version, None);
        }
        let path = match (&self.out, &self.into) {
            (Some(file), _) => {
                tenant.restore_file(&version, file, self.force)?;
                file.clone()
            }
            (None, Some(dir)) => tenant.restore_file_into(&version, dir, self.force)?,
            (None, None) => return told(context, &version, None),
        };
        told(context, &version, Some(&path))
    }
}

fn told(context: &Context, version: &Version, path: Option<&Path>) -> Result<u8> {
    let mut value = view::version(version);
    value["path"] = path.map(|p| p.display().to_string()).into();
    context.out.object("annals.restore/1", value)?;
    let to = path.map_or("would be written".to_owned(), |p| format!("→ {}", p.display()));
    context.out.line(format!("{} v{} {to} ({})", clean(&show_key(&version.key)), version.number, bytes(version.size)))?;
    Ok(0)
}

/// A PostgreSQL database that was captured under the prefix, as one file of SQL.
#[cfg(feature = "postgres")]
fn sql(context: &Context, store: &Store, tenant: &Tenant, prefix: &[u8], at: Option<&str>, file: &Path) -> Result<u8> {
    context.refuse_dry_run()?;
    let view = context.view(store, tenant, at)?;
    let monitor = context.monitor();
    let dumped = view.dump_postgres(prefix, file, &monitor)?;
    drop(monitor);
    context.out.object(
        "annals.restore/1",
        json!({ "applied": true, "seq": view.seq()?, "tables": dumped.tables, "rows": dumped.rows, "bytes": dumped.bytes, "into": file.display().to_string() }),
    )?;
    let (tables, rows) = (counted(dumped.tables, "table"), counted(dumped.rows, "row"));
    context.out.line(format!("{tables}, {rows} → {} ({}); psql -f {0} makes them", file.display(), bytes(dumped.bytes)))?;
    Ok(0)
}

fn tree(context: &Context, store: &Store, tenant: &Tenant, prefix: &[u8], at: Option<&str>, dir: &Path) -> Result<u8> {
    let view = context.view(store, tenant, at)?;
    let monitor = context.monitor();
    if context.globals.dry_run {
        let (mut documents, mut size) = (0u64, 0u64);
        for version in view.list(prefix) {
            crate::base::monitor::check_stop(&monitor)?;
            documents += 1;
            size += version?.size;
        }
        context.out.object("annals.restore/1", json!({ "applied": false, "seq": view.seq()?, "documents": documents, "bytes": size }))?;
        context.out.line(format!("{}, {}, would be written into {}", counted(documents, "document"), bytes(size), dir.display()))?;
        return Ok(0);
    }
    let report = view.restore_tree(prefix, dir, &monitor)?;
    drop(monitor);
    let mut value = view::restored(&report);
    value["into"] = dir.display().to_string().into();
    context.out.object("annals.restore/1", value)?;
    let w = &report.written;
    let links = if w.links > 0 { format!(", {}", counted(w.links, "link")) } else { String::new() };
    context.out.line(format!("{}{links}, {} → {}", counted(w.files, "file"), bytes(w.bytes), dir.display()))?;
    if w.set_id_dropped > 0 {
        context.out.note(format!("{} restored without set-user-id bits: restored by root, it would run as root.", counted(w.set_id_dropped, "file")));
    }
    if report.refused_count == 0 {
        return Ok(0);
    }
    context.out.line(format!("{} not restored:", grouped(report.refused_count)))?;
    for (_, why) in &report.refused {
        context.out.line(format!("  {}", clean(&why.message)))?;
    }
    context.out.note("Restore these one by one into files of your choice: annals restore KEY --out FILE");
    Ok(3)
}

/// A captured database, as it was, in a file.
fn database(context: &Context, store: &Store, tenant: &Tenant, prefix: &[u8], at: Option<&str>, file: &Path, replace: bool) -> Result<u8> {
    let view = context.view(store, tenant, at)?;
    if context.globals.dry_run {
        context.out.object("annals.restore/1", json!({ "applied": false, "seq": view.seq()?, "into": file.display().to_string() }))?;
        context.out.line(format!("The database {} would be written to {}", show_key(prefix), file.display()))?;
        return Ok(0);
    }
    let monitor = context.monitor();
    let report = view.restore_database(prefix, file, replace, &monitor)?;
    drop(monitor);
    let mut value = view::restored_database(&report);
    value["into"] = file.display().to_string().into();
    context.out.object("annals.restore/1", value)?;
    let what = if report.exact { "the file, byte for byte".to_owned() } else { counted(report.rows, "row") };
    context.out.line(format!("{what} → {}", file.display()))?;
    if report.orphans > 0 {
        let rows = counted(report.orphans, "row");
        context.out.note(format!("{rows} name others that do not exist (foreign keys), as in the original."));
    }
    if report.missing.is_empty() {
        return Ok(0);
    }
    context.out.line("Not restored:")?;
    for what in &report.missing {
        context.out.line(format!("  {}", clean(what)))?;
    }
    Ok(3)
}

fn settling<'a>(command: &'a str, to_source: bool, prepared: &'a Prepared<'a>, rows_max: Option<usize>) -> Settling<'a> {
    Settling { schema: "annals.restore/1", command, on_conflict: Conflicts::Skip, seen: false, to_source, prepared: Some(prepared), rows_max }
}

fn flag(to_source: bool) -> &'static str {
    if to_source { " --to-source" } else { "" }
}

fn current(
    context: &Context,
    store: &Store,
    tenant: &Tenant,
    key: Vec<u8>,
    when: Option<String>,
    how: &Restore,
    prepared: &Prepared<'_>,
) -> Result<u8> {
    let to_source = how.to_source;
    let command = format!("annals restore '{}'{}", Address::show(&key, when.as_deref()), flag(to_source));
    let plan = match &when {
        None => tenant.restore_at(&key, &Moment::Seq(tenant.position()?.seq))?,
        Some(text) => match context.moment(store, text)? {
            Moment::Version(number) => tenant.restore(&key, number)?,
            when => {
                // Says when it did not exist then, with what would help.
                let version = tenant.find_version(&key, Some(&when))?;
                context.echo(store, tenant, &when)?;
                tenant.restore(&key, version.number)?
            }
        },
    };
    plans::settle(context, tenant, &plan, &settling(&command, to_source, prepared, None))
}

fn current_prefix(
    context: &Context,
    store: &Store,
    tenant: &Tenant,
    prefix: &[u8],
    at: Option<String>,
    how: &Restore,
    prepared: &Prepared<'_>,
) -> Result<u8> {
    let to_source = how.to_source;
    let mut plan = match &at {
        None => tenant.restore_removed(prefix)?,
        Some(text) => tenant.restore_at(prefix, &Moment::Seq(context.view(store, tenant, Some(text))?.seq()?))?,
    };
    let conditions = how.conditions.iter().map(|text| FieldIs::parse(text)).collect::<Result<Vec<_>>>()?;
    tenant.narrow(&mut plan, &conditions)?;
    let at = at.map_or(String::new(), |at| format!(" --at '{at}'")) + &how.conditions.iter().map(|c| format!(" --where '{c}'")).collect::<String>();
    let command = format!("annals restore '{}'{at}{}", show_key(prefix), flag(to_source));
    plans::settle(context, tenant, &plan, &settling(&command, to_source, prepared, how.batch))
}
