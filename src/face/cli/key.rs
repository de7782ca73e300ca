//! The key file, its recovery sheet, and who may open it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::random::OsRandom;
use crate::engine::keys::create_identity;
use crate::engine::store::Store;
use crate::face::{view, world};
use crate::format::keyfile::Recipient;
use crate::model::moment;

use super::context::Context;

/// The key of the store: show it, print its recovery sheet, decide who can open it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals key show\n  annals key show --sheet | lpr\n  annals key card --out card.html\n  annals key create --out auditor.identity\n  annals key add-recipient annals1...\n  annals key passphrase"
)]
pub(crate) struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Show(Show),
    Card(Card),
    Create(Create),
    AddRecipient(AddRecipient),
    RemoveRecipient(RemoveRecipient),
    Passphrase(Passphrase),
}

impl Key {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Show(args) => args.run(context),
            What::Card(args) => args.run(context),
            What::Create(args) => args.run(context),
            What::AddRecipient(args) => args.run(context),
            What::RemoveRecipient(args) => args.run(context),
            What::Passphrase(args) => args.run(context),
        }
    }
}

/// Show what opens the key file, or print the recovery sheet
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals key show\n  annals key show --sheet | lpr\n\nThe sheet is the secret itself: whoever has it can read everything. Keep it away from the machine."
)]
struct Show {
    /// Print the recovery sheet
    #[arg(long)]
    sheet: bool,
}

impl Show {
    fn run(self, context: &Context) -> Result<u8> {
        let store = context.store()?;
        if !self.sheet {
            return show(context, &store);
        }
        let date = moment::show_short(context.now(), &context.zone(&store));
        let sheet = store.recovery_sheet(&date)?;
        context.out.object("annals.key.sheet/1", json!({ "site_id": store.site().to_hex(), "sheet": sheet.as_str() }))?;
        if context.out.json().is_none() {
            context.out.bytes(sheet.as_bytes())?;
        }
        Ok(0)
    }
}

/// Print the recovery card: one page for a drawer, with the way back and without the secret
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals key card | lpr\n  annals key card --out card.html\n  annals key card --with-secret --out safe.txt\n\nSite, copies, the exact commands to come back, and whom to call (contact in [store] of annals.toml). With --with-secret\nthe recovery sheet is on it: then it is the key, and belongs into a safe."
)]
struct Card {
    /// Write it to this file, readable by its owner only; .html makes a page for a browser's printer
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Put the recovery sheet on it
    #[arg(long)]
    with_secret: bool,
}

impl Card {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let date = moment::show_short(context.now(), &context.zone(&store));
        let card = store.recovery_card(&date, self.with_secret)?;
        let html = self.out.as_ref().and_then(|path| path.extension()).is_some_and(|e| e.eq_ignore_ascii_case("html"));
        let text = if html { card.html() } else { card.text() };
        if let Some(path) = &self.out {
            disk::write_file(path, text.as_bytes(), 0o600)?;
        }
        let file = self.out.as_ref().map(|path| path.display().to_string());
        context.out.object("annals.key.card/1", view::card(&card, file.as_deref()))?;
        match &self.out {
            Some(path) => context.out.line(format!("Wrote {}", path.display()))?,
            None if context.out.json().is_none() => context.out.bytes(text.as_bytes())?,
            None => {}
        }
        Ok(0)
    }
}

fn show(context: &Context, store: &Store) -> Result<u8> {
    let info = store.key_info()?;
    let out = &context.out;
    out.object("annals.key/1", view::key_info(&info))?;
    out.line(format!("Key file     {}", info.path.display()))?;
    out.line(format!("Site id      {}", info.site))?;
    out.line(format!("Fingerprint  {}", view::key_fingerprint(&info.fingerprint)))?;
    out.line(match (info.plain, info.passphrase) {
        (true, _) => "Opens        for whoever has the file; annals key passphrase closes it",
        (_, true) => "Opens        with a passphrase",
        (false, false) => "Opens        for its recipients only",
    })?;
    for recipient in &info.recipients {
        out.line(format!("Recipient    {recipient}"))?;
    }
    Ok(0)
}

/// Make an identity for a person who may open key files; its public half is printed
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals key create --out auditor.identity\n\nNeeds no store: run it on that person's machine, and give what it prints to annals key add-recipient.\nANNALS_IDENTITY=auditor.identity then opens the store's key."
)]
struct Create {
    /// The file to make, readable by its owner only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Create {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let recipient = create_identity(&self.out, &OsRandom)?;
        context.out.object("annals.key.create/1", json!({ "file": self.out.display().to_string(), "recipient": recipient.to_text() }))?;
        context.out.note(format!("the secret half is in {}; this is the public half, for annals key add-recipient:", self.out.display()));
        context.out.line(recipient.to_text())?;
        Ok(0)
    }
}

/// Let the holder of an identity open the key file
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals key add-recipient annals1qqz...")]
struct AddRecipient {
    /// The public half that annals key create printed
    recipient: String,
}

impl AddRecipient {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let recipient = Recipient::from_text(&self.recipient)?;
        let store = context.store()?;
        store.add_key_recipient(recipient)?;
        changed(context, &store, "The key file opens for this identity now")
    }
}

/// Take a recipient out of the key file
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals key remove-recipient annals1qqz...\n\nOlder copies of the key file still open for that identity.")]
struct RemoveRecipient {
    /// The public half
    recipient: String,
}

impl RemoveRecipient {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let recipient = Recipient::from_text(&self.recipient)?;
        let store = context.store()?;
        store.remove_key_recipient(&recipient)?;
        changed(context, &store, "The key file no longer opens for this identity; older copies of it still do")
    }
}

fn changed(context: &Context, store: &Store, said: &str) -> Result<u8> {
    let info = store.key_info()?;
    context.out.object("annals.key/1", view::key_info(&info))?;
    context.out.line(said)?;
    if info.plain && !info.recipients.is_empty() {
        context.out.note("the file itself is still the key: annals key passphrase closes it");
    }
    Ok(0)
}

/// Close the key file with a passphrase, change it, or take it away
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals key passphrase\n  ANNALS_PASSPHRASE=old ANNALS_NEW_PASSPHRASE=new annals key passphrase\n\nAsks twice on a terminal; otherwise takes ANNALS_NEW_PASSPHRASE. An empty one leaves the file open. From\nthen on ANNALS_PASSPHRASE must be set for commands that seal or read what is offsite."
)]
struct Passphrase {}

impl Passphrase {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let new = new_passphrase()?;
        let new = Some(new.as_str()).filter(|p| !p.is_empty());
        store.set_key_passphrase(new)?;
        let said = if new.is_some() { "The key file is closed with the new passphrase" } else { "The key file is open: whoever has it has the key" };
        changed(context, &store, said)
    }
}

fn new_passphrase() -> Result<Zeroizing<String>> {
    if let Some(given) = world::here().variable("ANNALS_NEW_PASSPHRASE").and_then(|v| v.into_string().ok()) {
        return Ok(Zeroizing::new(given));
    }
    let none = || {
        Error::usage("key.no-passphrase", "there is no terminal to ask for the new passphrase")
            .hint("set ANNALS_NEW_PASSPHRASE; an empty one leaves the key file open")
    };
    let first = world::here().secret("New passphrase (empty for none)")?.ok_or_else(none)?;
    let again = world::here().secret("Once more")?.ok_or_else(none)?;
    if first != again {
        return Err(Error::usage("key.passphrase-differs", "the two are not the same; nothing was changed").hint("run annals key passphrase again"));
    }
    Ok(first)
}
