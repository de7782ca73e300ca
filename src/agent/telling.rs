//! Telling people: each problem once over each channel, and once that it is over; never that all is well.
//!
//! What was told stands in the catalogue, so a restart tells nothing twice. What could not be delivered is tried again, further and further
//! apart; a channel that fails for one message is left alone with the rest of them until then.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::disk::read_secret;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Silent;
use crate::base::process::Command;
use crate::base::time::Timestamp;
use crate::engine::store::Store;
use crate::model::moment;
use crate::storage::catalog::ledger::Told;
use crate::storage::config::{Email, is_here, mail_server};
use crate::storage::notice::{Encryption, Mail, MailServer, post, send_mail};
use crate::storage::remote::Policy;

use super::health::Problem;

/// How long the command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// How far apart attempts to deliver are: a minute at first, an hour when a channel has been down for long.
const AGAIN: Policy = Policy { attempts: 1, first: Duration::from_secs(60), longest: Duration::from_secs(3_600) };

/// A way to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The command of the configuration.
    Command,
    /// A mail.
    Email,
    /// An address that is told over HTTP.
    Webhook,
}

impl Channel {
    const ALL: [Channel; 3] = [Channel::Command, Channel::Email, Channel::Webhook];

    /// The word for it, as in `annals.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Command => "command",
            Channel::Email => "email",
            Channel::Webhook => "webhook",
        }
    }

    /// The channels of the configuration.
    pub fn of(store: &Store) -> Vec<Channel> {
        let alert = &store.config().alert;
        let mut all = Channel::ALL.to_vec();
        all.retain(|channel| match channel {
            Channel::Command => !alert.command.is_empty(),
            Channel::Email => alert.email.is_some(),
            Channel::Webhook => alert.webhook.is_some(),
        });
        all
    }

    /// Under which name it is remembered that a problem was told. The command's is the problem itself, as it was before there were others.
    fn name(self, problem: &str) -> String {
        match self {
            Channel::Command => problem.to_owned(),
            channel => format!("{}: {problem}", channel.word()),
        }
    }

    /// The problem that a name of [`Channel::name`] stands for, where it is one of this channel.
    fn problem(self, name: &str) -> Option<&str> {
        let of = |channel: Channel| name.strip_prefix(channel.word()).and_then(|rest| rest.strip_prefix(": "));
        match self {
            Channel::Command => (of(Channel::Email).is_none() && of(Channel::Webhook).is_none()).then_some(name),
            channel => of(channel),
        }
    }

    /// Whether it is told that a problem is over. A command is run for problems only, as its scripts expect.
    fn hears_of_the_end(self) -> bool {
        self != Channel::Command
    }
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Problem,
    Over,
    Test,
}

/// What is known of earlier messages beside what stands in the catalogue.
#[derive(Default)]
pub struct Telling {
    /// Channels that failed lately: how often in a row, and when they are tried again.
    failed: Mutex<BTreeMap<Channel, (u32, Timestamp)>>,
    /// What was told, and what is over (`None`), by name, where the catalogue had no space for it.
    owed: Mutex<BTreeMap<String, Option<(String, Timestamp)>>>,
}

impl Telling {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Channel, (u32, Timestamp)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, BTreeMap<String, Option<(String, Timestamp)>>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told and is not over.
    fn told(&self, store: &Store) -> Result<Vec<Told>> {
        let mut owed = self.owed();
        if !owed.is_empty() {
            let written = store.inner.catalog.write(|w| {
                owed.iter().try_for_each(|(name, told)| match told {
                    Some((said, at)) => w.add_told(name, said, *at),
                    None => w.remove_told(name),
                })
            });
            match written {
                Ok(()) => owed.clear(),
                Err(e) if e.kind() == Kind::Space => {}
                Err(e) => return Err(e),
            }
        }
        let mut all = store.inner.catalog.read(|v| v.told())?;
        all.retain(|told| !owed.contains_key(&told.problem));
        let only_here = owed.iter().filter_map(|(name, told)| told.clone().map(|(said, at)| Told { problem: name.clone(), at, said }));
        all.extend(only_here);
        Ok(all)
    }

    /// Remembers that something was told (what, and when), or that it is over. A full disk is no reason to tell it again.
    fn remember(&self, store: &Store, name: &str, told: Option<(&str, Timestamp)>) -> Result<()> {
        let written = store.inner.catalog.write(|w| match told {
            Some((said, at)) => w.add_told(name, said, at),
            None => w.remove_told(name),
        });
        match written {
            Err(e) if e.kind() == Kind::Space => {
                self.owed().insert(name.to_owned(), told.map(|(said, at)| (said.to_owned(), at)));
                Ok(())
            }
            written => written,
        }
    }

    fn rests(&self, channel: Channel, now: Timestamp) -> bool {
        // A moment that is farther away than the longest wait is one of a clock that was put back.
        let longest = AGAIN.longest.as_micros() as i64;
        self.lock().get(&channel).is_some_and(|(_, until)| *until > now && until.0 - now.0 <= longest)
    }

    fn note(&self, store: &Store, channel: Channel, well: bool) {
        let mut all = self.lock();
        if well {
            all.remove(&channel);
            return;
        }
        let failures = all.get(&channel).map_or(1, |(failures, _)| failures.saturating_add(1));
        let wait = AGAIN.delay(failures, store.inner.random()).as_micros() as i64;
        all.insert(channel, (failures, Timestamp(store.now_is().0.saturating_add(wait))));
    }
}

/// Tells people what they were not told of: new problems, and those that are over. How many messages were delivered, and how many were not.
///
/// The command gets the sentence as its last argument, and `ANNALS_PROBLEM`, `ANNALS_SITE` and `ANNALS_STORE` in its environment.
pub fn tell(store: &Store, problems: &[Problem], telling: &Telling) -> Result<(u64, u64)> {
    let told = telling.told(store)?;
    let channels = Channel::of(store);
    let (mut delivered, mut failed) = (0, 0);
    // Where a channel was taken out, nobody waits to hear that something is over.
    for gone in told.iter().filter(|told| channels.iter().all(|c| c.problem(&told.problem).is_none())) {
        telling.remember(store, &gone.problem, None)?;
    }
    for channel in channels {
        let known: Vec<(&Told, &str)> = told.iter().filter_map(|told| Some((told, channel.problem(&told.problem)?))).collect();
        let over = known.iter().filter(|(_, problem)| problems.iter().all(|p| p.key != *problem));
        let over: Vec<&(&Told, &str)> = over.collect();
        let new: Vec<&Problem> = problems.iter().filter(|p| known.iter().all(|(_, problem)| *problem != p.key)).collect();
        if !channel.hears_of_the_end() {
            for (told, _) in over.iter() {
                telling.remember(store, &told.problem, None)?;
            }
        }
        if telling.rests(channel, store.now_is()) {
            continue;
        }
        let mut done = Ok(());
        for (told, problem) in over.into_iter().filter(|_| channel.hears_of_the_end()) {
            done = done.and_then(|()| deliver(store, channel, Event::Over, problem, &told.said));
            if done.is_ok() {
                telling.remember(store, &told.problem, None)?;
                delivered += 1;
            }
        }
        for problem in new {
            done = done.and_then(|()| deliver(store, channel, Event::Problem, &problem.key, &problem.said));
            if done.is_ok() {
                telling.remember(store, &channel.name(&problem.key), Some((&problem.said, store.now_is())))?;
                delivered += 1;
            }
        }
        failed += u64::from(done.is_err());
        telling.note(store, channel, done.is_ok());
        keep(store, channel, done.err().as_ref())?;
    }
    Ok((delivered, failed))
}

/// What a fact about a channel that failed begins with.
const UNDELIVERED: &str = "alert undelivered ";

/// A message that was not delivered: why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// Why.
    pub said: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Remembers why a channel failed, until it delivers again: whoever looks after the store is not told over it.
fn keep(store: &Store, channel: Channel, error: Option<&Error>) -> Result<()> {
    let name = format!("{UNDELIVERED}{}", channel.word());
    let before = store.inner.catalog.read(|v| v.fact(&name))?;
    let now = error.map(|e| serde_json::to_vec(&Undelivered { said: e.to_string(), hint: e.what_next().map(str::to_owned) }));
    let now = now.transpose().map_err(|e| Error::new(Kind::Failed, "alert.note", e.to_string()))?;
    let kept = match &now {
        _ if now == before => Ok(()),
        Some(text) => store.inner.catalog.write(|w| w.set_fact(&name, text)),
        None => store.inner.catalog.write(|w| w.remove_fact(&name)),
    };
    // On a full disk the other channels are told all the same.
    kept.or_else(|e| if e.kind() == Kind::Space { Ok(()) } else { Err(e) })
}

/// What the last message over each channel of the configuration failed with, where it did.
pub fn undelivered(store: &Store) -> Result<Vec<(Channel, Undelivered)>> {
    let mut found = Vec::new();
    for channel in Channel::of(store) {
        let text = store.inner.catalog.read(|v| v.fact(&format!("{UNDELIVERED}{}", channel.word())))?;
        found.extend(text.and_then(|text| serde_json::from_slice(&text).ok()).map(|why| (channel, why)));
    }
    Ok(found)
}

/// Sends a message by hand over each channel, and says what became of each.
pub fn test(store: &Store) -> Vec<(Channel, Result<()>)> {
    let said = "this is a test: messages about problems will arrive like this one";
    Channel::of(store).into_iter().map(|channel| (channel, deliver(store, channel, Event::Test, "test", said))).collect()
}

fn deliver(store: &Store, channel: Channel, event: Event, problem: &str, said: &str) -> Result<()> {
    let alert = &store.config().alert;
    let site = store.config().store.site.clone().unwrap_or_default();
    let named = |text: &str| if site.is_empty() { text.to_owned() } else { format!("{site}: {text}") };
    let sentence = match event {
        Event::Problem | Event::Test => named(said),
        Event::Over => named(&format!("over: {said}")),
    };
    match channel {
        Channel::Command => run(store, &alert.command, problem, &site, &sentence),
        Channel::Email => alert.email.as_ref().map_or(Ok(()), |email| mail(store, email, event, problem, &sentence)),
        Channel::Webhook => {
            let secret = alert.webhook_secret_file.as_deref().map(read_secret).transpose()?;
            let body = json!({
                "schema": "annals.alert/1",
                "event": match event { Event::Problem => "problem", Event::Over => "over", Event::Test => "test" },
                "problem": problem,
                "said": said,
                "site": site,
                "site_id": store.site().to_hex(),
                "time": moment::rfc3339_utc(store.now_is()),
                // What rooms of chat programs show.
                "text": sentence,
            });
            alert.webhook.as_deref().map_or(Ok(()), |address| post(address, secret.as_ref().map(|s| s.as_str()), &body.to_string()))
        }
    }
}

fn run(store: &Store, command: &[String], problem: &str, site: &str, sentence: &str) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let output = Command::new(program)
        .args(arguments)
        .arg(sentence)
        .env("ANNALS_PROBLEM", problem)
        .env("ANNALS_SITE", site)
        .env("ANNALS_STORE", store.dir())
        .timeout(COMMAND_TIMEOUT)
        .run(&Silent)?;
    if output.exit.success() {
        return Ok(());
    }
    let code = output.exit.code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
    Err(Error::new(Kind::Failed, "alert.command", format!("{program}: {code}")).hint("run it by hand; see command in [alert] of annals.toml"))
}

fn mail(store: &Store, email: &Email, event: Event, problem: &str, sentence: &str) -> Result<()> {
    let server = mail_server(&email.server)?;
    let password = email.password_file.as_deref().map(read_secret).transpose()?;
    let encryption = match server.from_the_beginning {
        true => Encryption::Whole,
        false if is_here(&server.host) && email.ca_file.is_none() => Encryption::None,
        false => Encryption::Started,
    };
    let login = email.user.as_deref().zip(password.as_ref().map(|p| p.as_str()));
    let from = email.from.as_deref().or(email.to.first().map(String::as_str)).unwrap_or_default();
    let site = store.config().store.site.as_deref().unwrap_or("annals");
    let subject = match event {
        Event::Problem => format!("[{site}] {problem}"),
        Event::Over => format!("[{site}] over: {problem}"),
        Event::Test => format!("[{site}] test"),
    };
    let at = moment::show(store.now_is(), &store.zone());
    let text = format!("{sentence}\n\n{at}\n{}\n\nannals status says how it is now.\n", store.dir().display());
    let server = MailServer { host: &server.host, port: server.port, encryption, roots: email.ca_file.as_deref(), login };
    send_mail(&server, &Mail { from, to: &email.to, subject: &subject, text: &text })
}
