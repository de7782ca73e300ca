//! `capture postgres`: rows of a PostgreSQL database, transaction by transaction.

use clap::Args;
use serde_json::json;

use super::{SKIPPED, Watching};
use crate::base::error::Result;
use crate::engine::capture::postgres::{PgCapture, PgCaptured, SLOT_BYTES_MAX};
use crate::face::cli::context::{Context, bytes, counted, grouped};
use crate::face::cli::progress::exit_of_signal;
use crate::face::view;
use crate::model::key::{parse_key, show_key};

/// Record every row of a PostgreSQL database, transaction by transaction
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals capture postgres postgresql://annals@localhost/shop --name shop          # what was committed since the last time\n  annals capture postgres postgresql://annals@localhost/shop --name shop --watch  # go on, each transaction as it is committed\n  annals log shop/item/4711 ; annals restore shop/ --at yesterday --into shop.sql\n\nA row is the document PREFIX/TABLE/KEY, a transaction is a batch. The server needs wal_level = logical, the role\nREPLICATION and the ownership of the tables; a publication and a replication slot called annals_NAME are made. While\ncapture stands still, the server keeps its log for it: set max_slot_wal_keep_size there, and use --end when you stop for\ngood. An application says who and why with SELECT pg_logical_emit_message(true, 'annals', '{\"actor\":..,\"reason\":..}')\nin its transaction, or with a row in a table annals_context (actor, reason). Over a network the connection is encrypted where the server does that; ?sslmode=verify-full and\n&sslrootcert=/path/ca.crt in the address insist on it and on who the server is. Tables without a key need REPLICA IDENTITY FULL; others are named and left out (exit code 3).\nExit code 14 where the server is no continuation of what was captured."
)]
pub(super) struct Postgres {
    /// The database: postgresql://user@host/db; the password can stand in PGPASSWORD, or in the file of PGPASSFILE (~/.pgpass)
    url: String,
    /// Name of the capture: a-z, 0-9 and _
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Put before TABLE/KEY to make the document's key [default: the name and /]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only tables whose names match; table or schema.table
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    tables: Vec<String>,
    /// Capture once and end; the default
    #[arg(long, conflicts_with_all = ["watch", "end"])]
    once: bool,
    /// Go on capturing each transaction as it is committed, until stopped
    #[arg(long, conflicts_with = "end")]
    watch: bool,
    /// Remove slot and publication from the server; what was recorded stays
    #[arg(long)]
    end: bool,
    /// Give the slot up when the server keeps more log for it, in MiB; the gap is bridged the next time
    #[arg(long, value_name = "MIB", default_value_t = SLOT_BYTES_MAX >> 20)]
    slot_max: u64,
    /// Take the rows as they are, although the server is no continuation of what was captured
    #[arg(long)]
    accept: bool,
}

impl Postgres {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let mut prefix = parse_key(self.prefix.as_deref().unwrap_or(&self.name));
        if !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        let what = PgCapture {
            url: self.url,
            name: self.name,
            prefix,
            tables: self.tables,
            slot_bytes_max: self.slot_max << 20,
            accept: self.accept,
            password_file: None,
        };
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        if self.end {
            tenant.end_postgres(&what)?;
            context.out.object("annals.capture/1", json!({ "name": what.name, "ended": true }))?;
            context.out.line(format!("{}: the server keeps nothing for it any more; what was recorded stays", what.name))?;
            return Ok(0);
        }
        let by = context.by();
        if !self.watch {
            let captured = tenant.capture_postgres(&what, &by, &context.monitor())?;
            show(context, &what, &captured)?;
            return Ok(if captured.skipped.is_empty() { 0 } else { SKIPPED });
        }
        context.out.note(format!("watching {}; Ctrl-C ends it", what.name));
        tenant.watch_postgres(&what, &by, &Watching::new(context.globals.progress), &mut |captured| {
            show(context, &what, captured)?;
            context.out.flush()
        })?;
        Ok(exit_of_signal().unwrap_or(0))
    }
}

fn show(context: &Context, what: &PgCapture, c: &PgCaptured) -> Result<()> {
    let out = &context.out;
    for (table, reason) in &c.skipped {
        out.note(format!("left out {table}: {reason}"));
    }
    for note in &c.notes {
        out.note(note);
    }
    out.object("annals.capture/1", view::captured_database(c))?;
    let batch = c.receipt.as_ref().map_or("no batch, nothing changed".to_owned(), |r| format!("batch {}", grouped(r.position.seq)));
    let merged = if c.merged_intervals > 0 { ", merged interval" } else { "" };
    let counts =
        format!("{} added, {} changed, {} removed, {} unchanged", grouped(c.added), grouped(c.changed), grouped(c.removed), grouped(c.unchanged));
    let transactions = counted(c.transactions, "transaction");
    out.line(format!(
        "{}: {transactions}{merged}: {counts} · {} read · server log to {} · {batch}",
        show_key(&what.prefix),
        bytes(c.bytes_read),
        c.lsn
    ))
}
