//! `annals.toml`: what an administrator decides for a store. The only door to the TOML library.
//!
//! Everything is optional; an empty file keeps everything for ever, here. All values are checked when the file is read, so that a slip is
//! found by the command that reads it and not at three in the morning. A key that is not known is an error, since a misspelt rule would
//! otherwise be no rule. Edits change the lines they must and leave all others byte for byte: comments, order and line ends are the
//! administrator's.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, Table, TableLike, Value};

use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::model::key;
use crate::model::moment::{Local, Zone, duration_text, parse_duration};

/// Bytes: the largest configuration file. A thousand remotes take a tenth of it; more is some other file.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Bytes: the longest name of a remote or a capture. It is a column of tables and part of file names.
const NAME_BYTES_MAX: usize = 64;
/// Bytes: the largest size, so that sums of two stay within the catalogue's signed 64 bits.
const SIZE_BYTES_MAX: u64 = 1 << 62;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

const SECTIONS: [(&str, &[&str]); 7] = [
    ("store", &["site", "zone", "quota"]),
    ("schedule", &["ship", "cron", "window", "allowance", "drill"]),
    ("keep", &["floor", "within", "daily", "monthly", "after_tenant_drop"]),
    ("remote", &["name", "rclone", "directory", "rclone_config", "region", "operator_country", "expected"]),
    ("capture", &["name", "folder", "include", "exclude", "sqlite", "tables", "prefix", "tenant"]),
    ("tenant", &["regions", "remotes", "copies_min"]),
    ("alert", &["stale_after", "command"]),
];

/// All of `annals.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[store]`
    pub store: StoreRules,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[keep]`
    pub keep: Keep,
    /// `[[remote]]`, in the order of the file.
    pub remotes: Vec<Remote>,
    /// `[[capture]]`, in the order of the file.
    pub captures: Vec<Capture>,
    /// `[tenant."NAME"]` by name.
    pub tenants: BTreeMap<String, TenantRules>,
    /// `[alert]`
    pub alert: Alert,
}

/// `[store]`: what the store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreRules {
    /// The name of this installation for people.
    pub site: Option<String>,
    /// Where wall clocks are read; the machine's zone where absent.
    pub zone: Option<Zone>,
    /// Bytes that the store may take on the local disk.
    pub quota_bytes: Option<u64>,
}

/// `[schedule]`: when the agent works, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// When changes are shipped; only on request where absent.
    pub ship: Option<Ship>,
    /// When the line may be used and how fast. Without windows always and at full speed; with windows, shipping pauses outside them all.
    pub windows: Vec<Window>,
    /// How many bytes may be shipped in a day, week or month.
    pub allowance: Option<Allowance>,
    /// Seconds between rehearsals of a rebuild.
    pub drill_secs: Option<u64>,
}

impl Schedule {
    /// How fast may be shipped while the wall clock shows `at`; `None` is not at all now.
    pub fn rate_at(&self, at: &Local) -> Option<Rate> {
        if self.windows.is_empty() {
            return Some(Rate::Unlimited);
        }
        let minute = u16::from(at.hour) * 60 + u16::from(at.minute);
        self.windows.iter().find(|w| w.contains(minute)).map(|w| w.rate)
    }
}

/// When changes are shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ship {
    /// `ship = "every 2h"`, in seconds.
    EverySecs(u64),
    /// `cron = "0 */4 * * *"`.
    Cron(Cron),
}

/// Part of a day in which the line may be used: `"19:00-06:00 10 MiB/s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last, 1 to 1440. Smaller than `from_minute` where the window goes over midnight.
    pub until_minute: u16,
    /// How fast.
    pub rate: Rate,
}

impl Window {
    /// Whether this minute of the day (0 to 1439) lies in the window.
    pub fn contains(&self, minute: u16) -> bool {
        if self.from_minute < self.until_minute {
            (self.from_minute..self.until_minute).contains(&minute)
        } else {
            minute >= self.from_minute || minute < self.until_minute
        }
    }
}

/// A speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As fast as the line.
    Unlimited,
    /// At most so many bytes in a second, never zero.
    BytesPerSec(u64),
}

/// Bytes in a stretch of the calendar: `"5 GB / month"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes.
    pub bytes: u64,
    /// In which time.
    pub per: Period,
}

/// A stretch of the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
}

/// `[keep]`: what may be forgotten. Absent fields forget nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// Seconds: nothing younger is ever forgotten, whatever a command says.
    pub floor_secs: Option<u64>,
    /// Seconds: everything younger is kept.
    pub within_secs: Option<u64>,
    /// For so many days the last version of the day is kept.
    pub daily: Option<u32>,
    /// For so many months the last version of the month is kept.
    pub monthly: Option<u32>,
    /// Seconds that a dropped tenant's history is kept.
    pub after_tenant_drop_secs: Option<u64>,
}

/// `[[remote]]`: a place offsite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// 1 to 64 of `a-z 0-9 - _ .`; the first is not `-` or `.`.
    pub name: String,
    /// `dir:/absolute/path` or `rclone:REMOTE:PATH`.
    pub url: String,
    /// rclone's configuration file, an absolute path; rclone's own default where absent.
    pub rclone_config: Option<PathBuf>,
    /// Where the bytes lie, in the words that tenants' `regions` use. Lower case.
    pub region: Option<String>,
    /// The country whose law the operator is under: two letters of ISO 3166, lower case.
    pub operator_country: Option<String>,
    /// Seconds: how often the remote is expected to be there. Until then absence is waiting, not failure. Absent: always.
    pub expected_secs: Option<u64>,
}

impl Remote {
    /// A remote with a name and a url; the rest is absent.
    pub fn new(name: &str, url: &str) -> Result<Self> {
        check_name(name)?;
        check_url(url)?;
        Ok(Remote { name: name.to_owned(), url: url.to_owned(), rclone_config: None, region: None, operator_country: None, expected_secs: None })
    }

    /// The same with all fields checked and in the form that [`Config::parse`] gives them.
    fn checked(&self) -> Result<Self> {
        check_name(&self.name)?;
        check_url(&self.url)?;
        let by_rclone = self.url.starts_with("rclone:");
        if let Some(path) = &self.rclone_config {
            check_path(&path.to_string_lossy())?;
            if !by_rclone {
                return Err(Error::usage("remote.url", format!("a directory has no use for rclone's configuration: {}", self.url))
                    .hint("leave the rclone configuration away, or use rclone:REMOTE:PATH"));
            }
        }
        let expected = self.expected_secs.map(|secs| interval(&duration_text(secs), HOUR, 3_650 * DAY));
        Ok(Remote {
            region: self.region.as_deref().map(region).transpose()?,
            operator_country: self.operator_country.as_deref().map(country).transpose()?,
            expected_secs: expected.transpose()?,
            ..self.clone()
        })
    }

    /// The section as it stands in the file.
    fn section(&self, newline: &str) -> String {
        let mut out = format!("[[remote]]{newline}");
        let mut line = |key: &str, value: &str| out.push_str(&format!("{key} = {}{newline}", Value::from(value)));
        line("name", &self.name);
        match self.url.split_once(':') {
            Some(("dir", path)) => line("directory", path),
            Some((_, path)) => line("rclone", path),
            None => {}
        }
        if let Some(path) = &self.rclone_config {
            line("rclone_config", &path.to_string_lossy());
        }
        if let Some(region) = &self.region {
            line("region", region);
        }
        if let Some(country) = &self.operator_country {
            line("operator_country", country);
        }
        if let Some(secs) = self.expected_secs {
            line("expected", &duration_text(secs));
        }
        out
    }
}

/// `[[capture]]`: application data whose history is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Named like a remote.
    pub name: String,
    /// What is captured.
    pub from: CaptureFrom,
    /// What stands before the keys; `NAME/` where absent.
    pub prefix: Option<String>,
    /// Whose documents they are; the default tenant's where absent.
    pub tenant: Option<String>,
}

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureFrom {
    /// The files below a directory.
    Folder {
        /// Absolute path.
        path: PathBuf,
        /// Patterns of what is captured; all where empty.
        include: Vec<String>,
        /// Patterns of what is left out.
        exclude: Vec<String>,
    },
    /// The rows of an SQLite database.
    Sqlite {
        /// Absolute path.
        path: PathBuf,
        /// Names or patterns of tables; `*` where absent.
        tables: Vec<String>,
    },
}

/// `[tenant."NAME"]`: where one tenant's data may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantRules {
    /// Regions in which its data may lie; anywhere where empty. Lower case.
    pub regions: Vec<String>,
    /// Remotes it is shipped to; all that the regions allow where empty.
    pub remotes: Vec<String>,
    /// How many places must hold its history before the local copy may be thinned.
    pub copies_min: Option<u32>,
}

/// `[alert]`: who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// Seconds: how old the oldest change not yet offsite may grow before that is a problem.
    pub stale_after_secs: Option<u64>,
    /// Program and arguments, run once for each problem and never for success. Empty: nobody is told.
    pub command: Vec<String>,
}

impl Config {
    /// Reads the file at `path`. A missing file is of kind [`Kind::Missing`], code `config.missing`.
    pub fn load(path: &Path) -> Result<Self> {
        match read(path)? {
            Some(text) => Self::parse(&text),
            None => Err(Error::missing("config.missing", format!("no configuration file: {}", path.display()))
                .hint("create it (an empty file is a valid one), or leave the option away")),
        }
    }

    /// Reads the file at `path`; the defaults where there is none.
    pub fn load_if_present(path: &Path) -> Result<Self> {
        read(path)?.map_or_else(|| Ok(Self::default()), |text| Self::parse(&text))
    }

    /// Reads the text of a file. Every failure is of kind [`Kind::Usage`] with a code `config.*` and names the line.
    pub fn parse(text: &str) -> Result<Self> {
        let document = document(text)?;
        let root = document.as_table();
        let mut config = Config::default();
        for (name, item) in root.iter() {
            let at = line_of(text, root.key(name).and_then(|k| k.span()));
            match name {
                "store" => config.store = store(&Section::one(text, at, name, item)?)?,
                "schedule" => config.schedule = schedule(&Section::one(text, at, name, item)?)?,
                "keep" => config.keep = keep(&Section::one(text, at, name, item)?)?,
                "alert" => config.alert = alert(&Section::one(text, at, name, item)?)?,
                "remote" => {
                    for section in Section::list(text, at, name, item)? {
                        config.remotes.push(remote(&section, &config.remotes)?);
                    }
                }
                "capture" => {
                    for section in Section::list(text, at, name, item)? {
                        config.captures.push(capture(&section, &config.captures)?);
                    }
                }
                "tenant" => config.tenants = tenants(text, at, item)?,
                _ => return Err(unknown_section(name, at)),
            }
        }
        config.check_tenant_remotes(text, root)?;
        Ok(config)
    }

    /// The remote of that name; [`Kind::Missing`] with the nearest name otherwise.
    pub fn remote(&self, name: &str) -> Result<&Remote> {
        self.remotes.iter().find(|r| r.name == name).ok_or_else(|| {
            let error = Error::missing("remote.unknown", format!("no such remote: {}", shown(name)));
            match nearest(name, self.remotes.iter().map(|r| r.name.as_str())) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("add it first: annals remote add NAME dir:/path"),
            }
        })
    }

    fn check_tenant_remotes(&self, text: &str, root: &Table) -> Result<()> {
        for (tenant, rules) in &self.tenants {
            let Some(wrong) = rules.remotes.iter().find(|name| !self.remotes.iter().any(|r| r.name == **name)) else { continue };
            let table = root.get("tenant").and_then(|t| t.get(tenant)).and_then(Item::as_table_like);
            let at = line_of(text, table.and_then(|t| t.get("remotes")).and_then(Item::span));
            let error = value_error(at, format!("tenant {} names a remote that is not in this file: {}", shown(tenant), shown(wrong)));
            return Err(match nearest(wrong, self.remotes.iter().map(|r| r.name.as_str())) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("add a [[remote]] of that name, or take the name off the list"),
            });
        }
        Ok(())
    }
}

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

/// Reads a size in bytes: `1 GiB`, `5 GB`, `1.5 MiB`, `512 B`. Units of 1000 are kB MB GB TB, units of 1024 are KiB MiB GiB TiB.
pub fn parse_size(text: &str) -> Result<u64> {
    let bad = |why: &str| {
        let hint = "write a number with its unit, for example 500 MB (of 1000) or 1 GiB (of 1024)";
        Err(Error::usage("size.bad", format!("{why}: {}", shown(text))).hint(hint))
    };
    let Some((micro, unit)) = quantity(text) else { return bad("not a size") };
    let unit: u64 = match unit {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" | "kiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "" => return bad("a size without a unit"),
        _ => return bad("a size with a unit that is not known, or has two meanings"),
    };
    match scale(micro, unit) {
        Some(bytes) => Ok(bytes),
        None => bad("a size that is too large"),
    }
}

/// Reads a speed: `10 MiB/s`, `512 kB/s`, `2 Mbit/s`, `unlimited`.
pub fn parse_rate(text: &str) -> Result<Rate> {
    let hint = "write for example 10 MiB/s, 512 kB/s, 2 Mbit/s or unlimited";
    let bad = |why: &str| Err(Error::usage("rate.bad", format!("{why}: {}", shown(text))).hint(hint));
    if text.trim() == "unlimited" {
        return Ok(Rate::Unlimited);
    }
    let Some(amount) = text.trim().strip_suffix('s').and_then(|t| t.trim_end().strip_suffix('/')) else { return bad("not a speed") };
    let bits = quantity(amount).and_then(|(micro, unit)| {
        let unit = match unit {
            "kbit" => 125,
            "Mbit" => 125_000,
            "Gbit" => 125_000_000,
            _ => return None,
        };
        scale(micro, unit)
    });
    match bits.map_or_else(|| parse_size(amount), Ok) {
        Ok(0) => bad("a speed of nothing at all"),
        Ok(bytes) => Ok(Rate::BytesPerSec(bytes)),
        Err(e) => Err(Error::usage("rate.bad", e.to_string()).hint(hint)),
    }
}

/// A number in millionths, and the unit behind it.
fn quantity(text: &str) -> Option<(u128, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let sound = |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !sound(whole, 19) || !sound(fraction, 6) {
        return None;
    }
    Some((whole.parse::<u128>().ok()? * 1_000_000 + format!("{fraction:0<6}").parse::<u128>().ok()?, unit))
}

fn scale(micro: u128, unit: u64) -> Option<u64> {
    u64::try_from(micro * u128::from(unit) / 1_000_000).ok().filter(|bytes| *bytes <= SIZE_BYTES_MAX)
}

fn parse_window(text: &str) -> Result<Window> {
    let bad = |why: &str| {
        Error::usage("window.bad", format!("{why}: {}", shown(text)))
            .hint("write from, until and speed: \"19:00-06:00 10 MiB/s\"; all day is 00:00-24:00")
    };
    let text = text.trim();
    let (hours, rate) = text.split_once(char::is_whitespace).unwrap_or((text, "unlimited"));
    let minute = |clock: &str| -> Option<u16> {
        let (hour, minute) = clock.split_once(':')?;
        let digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten();
        let (hour, minute) = (digits(hour)?, digits(minute)?);
        (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
    };
    let ends = hours.split_once('-').and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
    let Some((from_minute, until_minute)) = ends else { return Err(bad("not a window")) };
    // 24:00 starts nothing and 00:00 ends nothing but the day before.
    let until_minute = if until_minute == 0 { 1_440 } else { until_minute };
    if from_minute == 1_440 || from_minute == until_minute {
        return Err(bad("an empty window"));
    }
    Ok(Window { from_minute, until_minute, rate: parse_rate(rate)? })
}

fn parse_allowance(text: &str) -> Result<Allowance> {
    let hint = "write bytes and period: \"5 GB / month\"; the period is day, week or month";
    let bad = || Error::usage("allowance.bad", format!("not an allowance: {}", shown(text))).hint(hint);
    let (size, period) = text.split_once('/').ok_or_else(bad)?;
    let per = match period.trim() {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        _ => return Err(bad()),
    };
    match parse_size(size)? {
        0 => Err(bad()),
        bytes => Ok(Allowance { bytes, per }),
    }
}

/// Times in the form of crontab(5): minute, hour, day of month, month, day of week.
///
/// `*`, numbers, ranges `a-b`, steps `*/n` and `a-b/n`, lists with commas, months and weekdays also as `jan`, `mon`; Sunday is 0 or 7. Where
/// both days are restricted either one suffices, as in every cron since Vixie's. A time in an hour that the clocks skip does not come; one
/// in an hour that comes twice comes twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

impl Cron {
    /// Reads five fields.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| {
            let hint = "write five fields: minute hour day month weekday, for example \"0 */4 * * *\" (every four hours)";
            Error::usage("cron.bad", format!("{why}: {}", shown(text))).hint(hint)
        };
        let fields: Vec<&str> = text.split_whitespace().take(6).collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else { return Err(bad("not five fields".to_owned())) };
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let field = |text: &str, what: &str, min: u32, max: u32, names: &[&str]| {
            cron_field(text, min, max, names).ok_or_else(|| bad(format!("{} is no {what} ({min} to {max})", shown(text))))
        };
        let weekdays = field(weekday, "weekday", 0, 7, &days)?;
        let cron = Cron {
            text: fields.join(" "),
            minutes: field(minute, "minute", 0, 59, &[])?,
            hours: field(hour, "hour", 0, 23, &[])?,
            days: field(day, "day", 1, 31, &[])?,
            months: field(month, "month", 1, 12, &months)?,
            weekdays: weekdays | (weekdays >> 7),
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        };
        let lengths = [31u64, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let comes = (1u64..).zip(lengths).any(|(month, days)| cron.months >> month & 1 == 1 && cron.days & ((2 << days) - 1) != 0);
        if !comes && cron.any_weekday {
            return Err(bad("such a day never comes".to_owned()));
        }
        Ok(cron)
    }

    /// Whether the minute that the wall clock shows is one of these times.
    pub fn matches(&self, at: &Local) -> bool {
        let has = |set: u64, n: u8| set >> n & 1 == 1;
        let (day, weekday) = (has(self.days, at.day), has(self.weekdays, at.weekday));
        let on_day = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        on_day && has(self.minutes, at.minute) && has(self.hours, at.hour) && has(self.months, at.month)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The bits of one field. `names` stand for the numbers from `min` on.
fn cron_field(text: &str, min: u32, max: u32, names: &[&str]) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let name = names.iter().position(|n| text.eq_ignore_ascii_case(n));
        let digits = || (text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten();
        name.map(|i| min + i as u32).or_else(digits).filter(|n| (min..=max).contains(n))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|n| (1..=max).contains(n))?),
            None => (part, 1),
        };
        let (from, until) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, until)) => (number(from)?, number(until)?),
            // A step needs something to step through: "5/10" means different things to different crons.
            None if step == 1 => (number(range)?, number(range)?),
            None => return None,
        };
        if from > until {
            return None;
        }
        bits |= (from..=until).step_by(step as usize).fold(0, |bits, n| bits | 1u64 << n);
    }
    Some(bits)
}

fn store(section: &Section<'_>) -> Result<StoreRules> {
    Ok(StoreRules {
        site: section.parsed("site", |text| {
            if text.trim().is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
                return Err(Error::usage("config.value", format!("not a name for a site: {}", shown(text)))
                    .hint("write 1 to 64 bytes, for example \"clinic-17\""));
            }
            Ok(text.to_owned())
        })?,
        zone: section.parsed("zone", Zone::parse)?,
        quota_bytes: section.parsed("quota", positive_size)?,
    })
}

fn schedule(section: &Section<'_>) -> Result<Schedule> {
    let every = section.parsed("ship", |text| interval(text, MINUTE, 31 * DAY))?;
    let cron = section.parsed("cron", Cron::parse)?;
    let ship = match (every, cron) {
        (Some(_), Some(_)) => {
            return Err(value_error(section.line("cron"), format!("{} has both ship and cron", section.title())).hint("keep one of the two"));
        }
        (Some(secs), None) => Some(Ship::EverySecs(secs)),
        (None, cron) => cron.map(Ship::Cron),
    };
    let mut windows: Vec<Window> = Vec::new();
    for text in section.texts("window")?.unwrap_or_default() {
        let window = section.located("window", parse_window(&text))?;
        if let Some(minute) = (0..1_440).find(|m| window.contains(*m) && windows.iter().any(|w| w.contains(*m))) {
            let message = format!("{} window: two windows both hold {:02}:{:02}", section.title(), minute / 60, minute % 60);
            return Err(value_error(section.line("window"), message).hint("let one window begin where the other ends: 19:00-06:00 and 06:00-19:00"));
        }
        windows.push(window);
    }
    Ok(Schedule {
        ship,
        windows,
        allowance: section.parsed("allowance", parse_allowance)?,
        drill_secs: section.parsed("drill", |text| interval(text, HOUR, 3_650 * DAY))?,
    })
}

fn keep(section: &Section<'_>) -> Result<Keep> {
    Ok(Keep {
        floor_secs: section.parsed("floor", parse_duration)?,
        within_secs: section.parsed("within", parse_duration)?,
        daily: section.count("daily", 100_000)?,
        monthly: section.count("monthly", 100_000)?,
        after_tenant_drop_secs: section.parsed("after_tenant_drop", parse_duration)?,
    })
}

fn alert(section: &Section<'_>) -> Result<Alert> {
    let command = section.texts("command")?.unwrap_or_default();
    if command.first().is_some_and(|program| program.trim().is_empty()) {
        return Err(
            value_error(section.line("command"), format!("{} command names no program", section.title())).hint("write command = [\"notify.cmd\"]")
        );
    }
    Ok(Alert { stale_after_secs: section.parsed("stale_after", |text| interval(text, MINUTE, 3_650 * DAY))?, command })
}

fn remote(section: &Section<'_>, earlier: &[Remote]) -> Result<Remote> {
    let name = section.name(earlier.iter().map(|r| r.name.as_str()))?;
    let url_of = |scheme: &'static str| {
        move |path: &str| {
            let url = format!("{scheme}:{path}");
            check_url(&url).map(|()| url)
        }
    };
    let directory = section.parsed("directory", url_of("dir"))?;
    let rclone = section.parsed("rclone", url_of("rclone"))?;
    let by_rclone = rclone.is_some();
    let url = match (directory, rclone) {
        (Some(url), None) | (None, Some(url)) => url,
        (one, _) => {
            let problem = if one.is_some() { "has both rclone and directory" } else { "has neither rclone nor directory" };
            return Err(value_error(section.at, format!("remote {} {problem}", shown(&name)))
                .hint("write one of rclone = \"REMOTE:PATH\" and directory = \"/path\""));
        }
    };
    let rclone_config = section.parsed("rclone_config", absolute)?;
    if rclone_config.is_some() && !by_rclone {
        return Err(value_error(section.line("rclone_config"), format!("remote {} has rclone_config but is a directory", shown(&name)))
            .hint("take rclone_config away, or use rclone instead of directory"));
    }
    Ok(Remote {
        name,
        url,
        rclone_config,
        region: section.parsed("region", region)?,
        operator_country: section.parsed("operator_country", country)?,
        expected_secs: section.parsed("expected", |text| interval(text, HOUR, 3_650 * DAY))?,
    })
}

fn capture(section: &Section<'_>, earlier: &[Capture]) -> Result<Capture> {
    let name = section.name(earlier.iter().map(|c| c.name.as_str()))?;
    let folder = section.parsed("folder", absolute)?;
    let sqlite = section.parsed("sqlite", absolute)?;
    let (include, exclude) = (section.texts("include")?, section.texts("exclude")?);
    let tables = section.texts("tables")?;
    let stray = |key: &str, of: &str| {
        Err(value_error(section.line(key), format!("capture {} has {key}, which belongs to {of}", shown(&name))).hint(format!("take {key} away")))
    };
    let from = match (folder, sqlite) {
        (Some(_), None) if tables.is_some() => return stray("tables", "sqlite"),
        (None, Some(_)) if include.is_some() => return stray("include", "folder"),
        (None, Some(_)) if exclude.is_some() => return stray("exclude", "folder"),
        (Some(path), None) => CaptureFrom::Folder { path, include: include.unwrap_or_default(), exclude: exclude.unwrap_or_default() },
        (None, Some(path)) => CaptureFrom::Sqlite { path, tables: tables.unwrap_or_else(|| vec!["*".to_owned()]) },
        (one, _) => {
            let problem = if one.is_some() { "has both folder and sqlite" } else { "has neither folder nor sqlite" };
            return Err(value_error(section.at, format!("capture {} {problem}", shown(&name)))
                .hint("write one of folder = \"/path\" and sqlite = \"/path/app.db\""));
        }
    };
    let prefix = section.parsed("prefix", |text| key::check_key(&key::parse_key(text)).map(|()| text.to_owned()))?;
    let tenant = section.parsed("tenant", |text| key::check_tenant(text).map(|()| text.to_owned()))?;
    Ok(Capture { name, from, prefix, tenant })
}

fn tenants(text: &str, at: usize, item: &Item) -> Result<BTreeMap<String, TenantRules>> {
    let form = "a section of its own for each tenant: [tenant.\"NAME\"]";
    let Some(table) = item.as_table_like() else { return Err(type_error(at, "tenant", form, item)) };
    let mut tenants = BTreeMap::new();
    for (name, item) in table.iter() {
        let at = line_of(text, table.key(name).and_then(|k| k.span()));
        if item.as_table_like().is_none() {
            return Err(type_error(at, &format!("[tenant] {name}"), form, item));
        }
        let section = Section::one(text, at, "tenant", item)?;
        locate(at, "[tenant]", key::check_tenant(name))?;
        let regions = section.texts("regions")?.unwrap_or_default();
        let rules = TenantRules {
            regions: section.located("regions", regions.iter().map(|r| region(r)).collect())?,
            remotes: section.texts("remotes")?.unwrap_or_default(),
            copies_min: section.count("copies_min", 16)?,
        };
        tenants.insert(name.to_owned(), rules);
    }
    Ok(tenants)
}

/// One table of the file, and where it stands.
struct Section<'a> {
    text: &'a str,
    table: &'a dyn TableLike,
    /// The word of [`SECTIONS`].
    word: &'a str,
    at: usize,
}

impl<'a> Section<'a> {
    /// `[word]`.
    fn one(text: &'a str, at: usize, word: &'a str, item: &'a Item) -> Result<Self> {
        let table = item.as_table_like().ok_or_else(|| type_error(at, word, &format!("a section: [{word}]"), item))?;
        Section { text, table, word, at }.checked()
    }

    /// All of `[[word]]`.
    fn list(text: &'a str, at: usize, word: &'a str, item: &'a Item) -> Result<Vec<Self>> {
        let tables = item.as_array_of_tables().ok_or_else(|| type_error(at, word, &format!("sections with two brackets: [[{word}]]"), item))?;
        tables.iter().map(|table| Section { text, table, word, at: line_of(text, table.span()) }.checked()).collect()
    }

    fn checked(self) -> Result<Self> {
        let known = known_keys(self.word);
        for (name, _) in self.table.iter() {
            if !known.contains(&name) {
                let error =
                    Error::usage("config.unknown", format!("annals.toml line {}: unknown key {} in {}", self.line(name), shown(name), self.title()));
                return Err(match (nearest(name, known.iter().copied()), home_of(name)) {
                    (Some(near), _) => error.hint(format!("did you mean {near}?")),
                    (None, Some(home)) => error.hint(format!("{name} belongs in [{home}]")),
                    (None, None) => error.hint(format!("known keys here: {}", known.join(", "))),
                });
            }
        }
        Ok(self)
    }

    /// The section as a person finds it in the file.
    fn title(&self) -> String {
        match self.word {
            "remote" | "capture" => format!("[[{}]]", self.word),
            word => format!("[{word}]"),
        }
    }

    fn line(&self, key: &str) -> usize {
        line_of(self.text, self.table.key(key).and_then(|k| k.span()))
    }

    fn wrong_type(&self, key: &str, expected: &str, item: &Item) -> Error {
        type_error(self.line(key), &format!("{} {key}", self.title()), expected, item)
    }

    /// Gives an error of a value its line and key.
    fn located<T>(&self, key: &str, value: Result<T>) -> Result<T> {
        locate(self.line(key), &format!("{} {key}", self.title()), value)
    }

    /// A text that `read` understands.
    fn parsed<T>(&self, key: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let text = item.as_str().ok_or_else(|| self.wrong_type(key, &format!("a text in quotes, {}", example_of(key)), item))?;
        self.located(key, read(text)).map(Some)
    }

    /// A list of texts.
    fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.wrong_type(key, &format!("a list of texts, {}", example_of(key)), item);
        let array = item.as_array().ok_or_else(wrong)?;
        if array.is_empty() {
            // An empty list could mean none as well as all, and for regions that is not a thing to guess.
            return Err(value_error(self.line(key), format!("{} {key} is an empty list", self.title()))
                .hint(format!("write {}, or take the line away", example_of(key))));
        }
        array.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().ok_or_else(wrong).map(Some)
    }

    /// A whole number from 1 to `max`.
    fn count(&self, key: &str, max: u32) -> Result<Option<u32>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.wrong_type(key, &format!("a whole number from 1 to {max}, {}", example_of(key)), item);
        let number = item.as_integer().ok_or_else(wrong)?;
        match u32::try_from(number).ok().filter(|n| (1..=max).contains(n)) {
            Some(n) => Ok(Some(n)),
            None => Err(value_error(self.line(key), format!("{} {key}: {number} is not from 1 to {max}", self.title()))
                .hint(format!("write {}; to keep everything take the line away", example_of(key)))),
        }
    }

    /// The section's name, which none of `earlier` has.
    fn name<'b>(&self, mut earlier: impl Iterator<Item = &'b str>) -> Result<String> {
        let Some(name) = self.parsed("name", |text| check_name(text).map(|()| text.to_owned()))? else {
            return Err(value_error(self.at, format!("{} has no name", self.title())).hint(format!("add a line: name = {}", example_of("name"))));
        };
        if earlier.any(|other| other == name) {
            return Err(Error::usage("config.twice", format!("annals.toml line {}: two {} have the name {name}", self.line("name"), self.title()))
                .hint("give one of them another name"));
        }
        Ok(name)
    }
}

fn known_keys(word: &str) -> &'static [&'static str] {
    SECTIONS.iter().find(|(section, _)| *section == word).map_or(&[], |(_, keys)| keys)
}

/// The section in which a key is known.
fn home_of(key: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(_, keys)| keys.contains(&key)).map(|(section, _)| *section)
}

/// A right value for the right-hand side, as in the manual.
fn example_of(key: &str) -> &'static str {
    match key {
        "site" => "\"clinic-17\"",
        "zone" => "\"Europe/Oslo\"",
        "quota" => "\"1 GiB\"",
        "ship" => "\"every 2h\"",
        "cron" => "\"0 */4 * * *\"",
        "window" => "[\"19:00-06:00 10 MiB/s\"]",
        "allowance" => "\"5 GB / month\"",
        "drill" => "\"every 180d\"",
        "floor" | "within" | "after_tenant_drop" => "\"30d\"",
        "daily" => "30",
        "monthly" => "12",
        "copies_min" => "2",
        "name" => "\"offsite-eu\"",
        "rclone" => "\"s3eu:hist/clinic-17\"",
        "directory" => "\"/media/backup/hist\"",
        "rclone_config" => "\"/etc/rclone.conf\"",
        "region" | "operator_country" => "\"se\"",
        "expected" => "\"weekly\"",
        "folder" => "\"/srv/letters\"",
        "sqlite" => "\"/var/lib/app/stock.db\"",
        "tables" | "include" => "[\"*\"]",
        "exclude" => "[\"*.tmp\"]",
        "prefix" => "\"letters/\"",
        "tenant" => "\"agency-x\"",
        "regions" => "[\"se\"]",
        "remotes" => "[\"offsite-eu\"]",
        "stale_after" => "\"4h\"",
        _ => "[\"notify.cmd\"]",
    }
}

fn unknown_section(name: &str, at: usize) -> Error {
    let error = |what: &str| Error::usage("config.unknown", format!("annals.toml line {at}: unknown {what}: {}", shown(name)));
    if let Some(home) = home_of(name) {
        return error("key outside all sections").hint(format!("{name} belongs in [{home}]"));
    }
    let words: Vec<&str> = SECTIONS.iter().map(|(word, _)| *word).collect();
    match nearest(name, words.iter().copied()) {
        Some(near) => error("section").hint(format!("did you mean [{near}]?")),
        None => error("section").hint(format!("known sections: {}", words.join(", "))),
    }
}

fn value_error(at: usize, message: String) -> Error {
    Error::usage("config.value", format!("annals.toml line {at}: {message}"))
}

fn type_error(at: usize, key: &str, expected: &str, found: &Item) -> Error {
    Error::usage("config.type", format!("annals.toml line {at}: {key} is {}", kind_of(found))).hint(format!("write {expected}"))
}

fn kind_of(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a text",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "true or false",
        "datetime" => "a date or time",
        "array" => "a list",
        _ => "a section",
    }
}

fn locate<T>(at: usize, place: &str, value: Result<T>) -> Result<T> {
    value.map_err(|e| {
        let error = value_error(at, format!("{place}: {e}"));
        match e.what_next() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

fn interval(text: &str, min: u64, max: u64) -> Result<u64> {
    let range = format!("give a length from {} to {}, for example 'every 2h' or 7d", duration_text(min), duration_text(max));
    match parse_duration(text) {
        Ok(secs) if (min..=max).contains(&secs) => Ok(secs),
        Ok(_) => Err(Error::usage("config.value", format!("outside the allowed range: {}", shown(text))).hint(range)),
        Err(e) => Err(Error::usage("config.value", e.to_string()).hint(range)),
    }
}

fn positive_size(text: &str) -> Result<u64> {
    match parse_size(text)? {
        0 => Err(Error::usage("size.bad", format!("nothing fits into this: {}", shown(text))).hint("write for example 1 GiB, or take the line away")),
        bytes => Ok(bytes),
    }
}

fn region(text: &str) -> Result<String> {
    let sound = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    sound.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        Error::usage("config.value", format!("not a region: {}", shown(text)))
            .hint("write 1 to 32 letters, digits and dashes, for example \"se\" or \"eu-north-1\"")
    })
}

fn country(text: &str) -> Result<String> {
    let two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    two.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        Error::usage("config.value", format!("not a country: {}", shown(text))).hint("write its two letters of ISO 3166, for example \"se\"")
    })
}

fn absolute(text: &str) -> Result<PathBuf> {
    check_path(text)?;
    Ok(PathBuf::from(text))
}

/// The agent and a command line stand in different directories, so a relative path would mean two places.
fn check_path(text: &str) -> Result<()> {
    if text.contains('\0') || !Path::new(text).is_absolute() {
        return Err(Error::usage("config.value", format!("not an absolute path: {}", shown(text)))
            .hint("write the whole path, for example /media/backup/hist"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(sound) || name.starts_with(['-', '.']) {
        return Err(Error::usage("name.bad", format!("not a name: {}", shown(name)))
            .hint("use 1 to 64 of a-z 0-9 - _ . and do not begin with - or .; for example offsite-eu"));
    }
    Ok(())
}

fn check_url(url: &str) -> Result<()> {
    let bad = |why: &str| {
        Err(Error::usage("remote.url", format!("{why}: {}", shown(url)))
            .hint("write dir:/absolute/path or rclone:REMOTE:PATH, for example rclone:s3eu:hist/clinic-17"))
    };
    match url.split_once(':') {
        Some(("dir", path)) => check_path(path).or_else(|_| bad("a directory needs its whole path")),
        Some(("rclone", path)) => {
            let name = path.split_once(':').map(|(name, _)| name);
            // A leading dash would be an option of rclone. ":s3,opt=..:bucket" is rclone's form for a remote without a name.
            let sound = !path.starts_with('-')
                && !path.chars().any(char::is_control)
                && (name.is_some_and(|n| !n.is_empty()) || path.matches(':').count() > 1);
            if sound { Ok(()) } else { bad("rclone needs a remote and a path") }
        }
        _ => bad("not the url of a remote"),
    }
}

/// The candidate that a person most likely meant: a few letters off, or cut short.
fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > NAME_BYTES_MAX {
        return None;
    }
    let lower = typed.to_lowercase();
    let far = (lower.chars().count() / 3).max(1);
    let scored = candidates.map(|c| if lower.len() >= 3 && c.starts_with(&lower) { (0, c) } else { (strsim::damerau_levenshtein(&lower, c), c) });
    scored.filter(|(distance, _)| *distance <= far).min().map(|(_, candidate)| candidate)
}

/// A value for a message: in quotes, on one line, and not longer than a line.
fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let start: String = text.chars().take(CHARS_MAX).collect();
    if text.chars().nth(CHARS_MAX).is_some() { format!("{start:?}...") } else { format!("{start:?}") }
}

fn document(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(|e| {
        let why = e.message().lines().next().unwrap_or("not TOML").to_owned();
        Error::usage("config.syntax", format!("annals.toml line {}: {why}", line_of(text, e.span())))
            .hint("texts stand in double quotes, sections in brackets: [store] and then site = \"clinic-17\"")
    })
}

/// The line, counted from 1, on which a span starts.
fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |s| s.start).min(text.len());
    1 + text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count()
}

/// The bytes of each `[[remote]]`: whole lines, from its header to its last value.
fn remote_lines(text: &str) -> Result<Vec<Range<usize>>> {
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

/// The text of the file; `None` where there is no file.
fn read(path: &Path) -> Result<Option<String>> {
    let bytes = match fs::metadata(path) {
        Ok(meta) if meta.len() > CONFIG_BYTES_MAX => {
            return Err(Error::usage(
                "config.long",
                format!("the file has {} bytes, the most is {CONFIG_BYTES_MAX}: {}", meta.len(), path.display()),
            )
            .hint("is this the right file? name it with ANNALS_CONFIG"));
        }
        Ok(_) => fs::read(path),
        Err(e) => Err(e),
    };
    match bytes {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| Error::usage("config.syntax", format!("not UTF-8 text: {}", path.display())).hint("save the file as UTF-8 in your editor")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(format_args!("read {}", path.display()), e)),
    }
}

/// Writes an edited file, once it is proved to say what is wanted.
fn write(path: &Path, text: &str, wanted: &Config) -> Result<()> {
    if Config::parse(text)? != *wanted {
        return Err(Error::new(Kind::Failed, "config.edit", format!("could not edit without changing other settings: {}", path.display()))
            .hint("make this change in a text editor"));
    }
    // Through a link to the file itself: replacing the link would leave the real file as it was.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    disk::write_file(&target, text.as_bytes(), mode_of(&target))
}

#[cfg(unix)]
fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or(0o644, |meta| meta.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> u32 {
    0o644
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moment::{local, parse_rfc3339};
    use proptest::prelude::*;

    /// The example of the manual.
    const FULL: &str = r#"[store]
site = "clinic-17"
zone = "Europe/Oslo"
quota = "1 GiB"
[schedule]
ship = "every 2h"                   # or cron = "0 */4 * * *"
window = ["19:00-06:00 10 MiB/s", "06:00-19:00 32 KiB/s"]
allowance = "5 GB / month"
drill = "every 180d"
[keep]                              # default: everything, for ever
floor = "7d"
within = "90d"
daily = 30
monthly = 12
after_tenant_drop = "30d"
[[remote]]
name = "offsite-eu"
rclone = "s3eu:hist/clinic-17"
region = "se"
operator_country = "se"
[[remote]]
name = "usb"
directory = "/media/backup/hist"
expected = "weekly"                 # absent is "waiting", not "broken"
[[capture]]
name = "stock"
sqlite = "/var/lib/app/stock.db"
tables = ["*"]
[[capture]]
name = "letters"
folder = "/srv/letters"
[tenant."agency-x"]
regions = ["se"]
remotes = ["offsite-eu"]
copies_min = 2
[alert]
stale_after = "4h"
command = ["notify.cmd"]            # one message per problem, none for success
"#;

    #[test]
    fn the_manuals_example() {
        let c = Config::parse(FULL).expect("example");
        assert_eq!(c.store.site.as_deref(), Some("clinic-17"));
        assert_eq!(c.store.zone.as_ref().map(Zone::name).as_deref(), Some("Europe/Oslo"));
        assert_eq!(c.store.quota_bytes, Some(1 << 30));
        assert_eq!(c.schedule.ship, Some(Ship::EverySecs(7_200)));
        let windows = [
            Window { from_minute: 1_140, until_minute: 360, rate: Rate::BytesPerSec(10 << 20) },
            Window { from_minute: 360, until_minute: 1_140, rate: Rate::BytesPerSec(32 << 10) },
        ];
        assert_eq!(c.schedule.windows, windows);
        assert_eq!(c.schedule.allowance, Some(Allowance { bytes: 5_000_000_000, per: Period::Month }));
        assert_eq!(c.schedule.drill_secs, Some(180 * DAY));
        let keep = Keep {
            floor_secs: Some(7 * DAY),
            within_secs: Some(90 * DAY),
            daily: Some(30),
            monthly: Some(12),
            after_tenant_drop_secs: Some(30 * DAY),
        };
        assert_eq!(c.keep, keep);
        assert_eq!(c.remotes.iter().map(|r| r.url.as_str()).collect::<Vec<_>>(), ["rclone:s3eu:hist/clinic-17", "dir:/media/backup/hist"]);
        assert_eq!(c.remotes[0].operator_country.as_deref(), Some("se"));
        assert_eq!(c.remotes[1].expected_secs, Some(7 * DAY));
        assert_eq!(c.captures[0].from, CaptureFrom::Sqlite { path: "/var/lib/app/stock.db".into(), tables: vec!["*".to_owned()] });
        assert_eq!(c.captures[1].from, CaptureFrom::Folder { path: "/srv/letters".into(), include: vec![], exclude: vec![] });
        let rules = TenantRules { regions: vec!["se".to_owned()], remotes: vec!["offsite-eu".to_owned()], copies_min: Some(2) };
        assert_eq!(c.tenants.get("agency-x"), Some(&rules));
        assert_eq!(c.alert, Alert { stale_after_secs: Some(4 * HOUR), command: vec!["notify.cmd".to_owned()] });
    }

    #[test]
    fn nothing_at_all_is_the_default() {
        assert_eq!(Config::parse("").expect("empty"), Config::default());
        assert_eq!(Config::parse("# only a comment\r\n").expect("comment"), Config::default());
        assert_eq!(Config::parse("[keep]\n[alert]\n").expect("empty sections"), Config::default());
        assert_eq!(Config::parse("\u{feff}[store]\nsite = 'x'\n").expect("byte order mark").store.site.as_deref(), Some("x"));
        assert_eq!(Config::parse("store = { site = 'x' }").expect("inline"), Config::parse("store.site = 'x'").expect("dotted"));
    }

    /// Code, message and hint.
    fn refused(text: &str) -> (&'static str, String, String) {
        let e = Config::parse(text).expect_err(text);
        assert_eq!(e.kind(), Kind::Usage, "{text}");
        (e.code(), e.to_string(), e.what_next().unwrap_or_else(|| panic!("no hint: {text}")).to_owned())
    }

    #[test]
    fn unknown_keys_name_their_line_and_the_nearest() {
        let (code, message, hint) = refused("[schedule]\nship = \"every 2h\"\nalowance = \"5 GB / month\"\n");
        assert_eq!((code, hint.as_str()), ("config.unknown", "did you mean allowance?"));
        assert_eq!(message, "annals.toml line 3: unknown key \"alowance\" in [schedule]");
        assert_eq!(refused("[[remote]]\nname = \"a\"\ndir = \"/x\"\n").2, "did you mean directory?");
        assert_eq!(refused("[store]\n\nfloor = \"7d\"\n").2, "floor belongs in [keep]");
        assert_eq!(refused("[keep]\nxyzzy = 1\n").2, "known keys here: floor, within, daily, monthly, after_tenant_drop");
        assert_eq!(refused("[shedule]\n").2, "did you mean [schedule]?");
        assert_eq!(refused("\n\nsite = \"x\"\n").1, "annals.toml line 3: unknown key outside all sections: \"site\"");
        assert_eq!(refused("[xyzzy]\n").0, "config.unknown");
        assert_eq!(refused("[tenant.x]\nregion = [\"se\"]\n").2, "did you mean regions?");
        assert_eq!(refused("[[capture]]\nname = \"a\"\n[[capture]]\nnmae = \"b\"\n").0, "config.unknown");
        assert_eq!(
            refused("[[remote]]\nname = \"a\"\ndirectory = \"/a\"\n[[remote]]\nnmae = \"b\"\n").1,
            "annals.toml line 5: unknown key \"nmae\" in [[remote]]"
        );
    }

    #[test]
    fn wrong_types_name_key_line_and_what_is_expected() {
        let cases = [
            ("[store]\nquota = 5\n", 2, "[store] quota is a whole number", "a text in quotes, \"1 GiB\""),
            ("[keep]\n\ndaily = \"30\"\n", 3, "[keep] daily is a text", "a whole number from 1 to 100000, 30"),
            ("[keep]\ndaily = 1.5\n", 2, "[keep] daily is a number with a fraction", "a whole number"),
            ("[schedule]\nwindow = \"19:00-06:00\"\n", 2, "[schedule] window is a text", "a list of texts, [\"19:00-06:00 10 MiB/s\"]"),
            ("[alert]\ncommand = [1]\n", 2, "[alert] command is a list", "a list of texts"),
            ("[alert]\nstale_after = 04:00:00\n", 2, "[alert] stale_after is a date or time", "\"4h\""),
            ("store = true\n", 1, "store is true or false", "a section: [store]"),
            ("[remote]\nname = \"a\"\n", 1, "remote is a section", "sections with two brackets: [[remote]]"),
            ("[[store]]\n", 1, "store is a section", "a section: [store]"),
            ("[tenant]\nregions = [\"se\"]\n", 2, "[tenant] regions is a list", "[tenant.\"NAME\"]"),
        ];
        for (text, line, message, hint) in cases {
            let refusal = refused(text);
            assert_eq!(refusal.0, "config.type", "{text}");
            assert_eq!(refusal.1, format!("annals.toml line {line}: {message}"));
            assert!(refusal.2.contains(hint), "{}", refusal.2);
        }
    }

    #[test]
    fn bad_values_are_refused_when_the_file_is_read() {
        let cases = [
            ("[store]\nzone = \"Europe/Olso\"\n", 2, "did you mean Europe/Oslo?"),
            ("[store]\nsite = \"\"\n", 2, "clinic-17"),
            ("[store]\nquota = \"1 G\"\n", 2, "1 GiB"),
            ("[store]\nquota = \"0 GiB\"\n", 2, "take the line away"),
            ("[schedule]\nship = \"every -2h\"\n", 2, "from 1m to 31d"),
            ("[schedule]\nship = \"every 0s\"\n", 2, "from 1m to 31d"),
            ("[schedule]\nship = \"every 1 month\"\n", 2, "from 1m to 31d"),
            ("[schedule]\nship = \"every 2h\"\ncron = \"0 * * * *\"\n", 3, "keep one of the two"),
            ("[schedule]\ncron = \"0 0 30 2 *\"\n", 2, "five fields"),
            ("[schedule]\ncron = \"60 * * * *\"\n", 2, "five fields"),
            ("[schedule]\nwindow = [\"19:00-06:00 10 MB\"]\n", 2, "MiB/s"),
            ("[schedule]\nwindow = [\"25:00-06:00\"]\n", 2, "00:00-24:00"),
            ("[schedule]\nwindow = [\"06:00-06:00\"]\n", 2, "00:00-24:00"),
            ("[schedule]\nwindow = [\"19:00-06:00\", \"05:00-08:00\"]\n", 2, "begin where the other ends"),
            ("[schedule]\nwindow = []\n", 2, "take the line away"),
            ("[schedule]\nallowance = \"5 GB\"\n", 2, "5 GB / month"),
            ("[schedule]\nallowance = \"5 GB / year\"\n", 2, "5 GB / month"),
            ("[keep]\nfloor = \"1 year\"\n", 2, "365d"),
            ("[keep]\ndaily = 0\n", 2, "keep everything"),
            ("[keep]\nmonthly = -1\n", 2, "write 12"),
            ("[[remote]]\ndirectory = \"/x\"\n", 1, "name ="),
            ("[[remote]]\nname = \"a\"\n", 1, "one of rclone"),
            ("[[remote]]\nname = \"a\"\nrclone = \"a:b\"\ndirectory = \"/x\"\n", 1, "one of rclone"),
            ("[[remote]]\nname = \"A b\"\ndirectory = \"/x\"\n", 2, "a-z"),
            ("[[remote]]\nname = \"a\"\ndirectory = \"backup\"\n", 3, "dir:/absolute/path"),
            ("[[remote]]\nname = \"a\"\nrclone = \"nocolon\"\n", 3, "rclone:REMOTE:PATH"),
            ("[[remote]]\nname = \"a\"\nrclone = \"--config=/x:y\"\n", 3, "rclone:REMOTE:PATH"),
            ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nrclone_config = \"/y\"\n", 4, "take rclone_config away"),
            ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\noperator_country = \"Sweden\"\n", 4, "ISO 3166"),
            ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nregion = \"\"\n", 4, "eu-north-1"),
            ("[[remote]]\nname = \"a\"\ndirectory = \"/x\"\nexpected = \"5m\"\n", 4, "from 1h"),
            ("[[capture]]\nname = \"a\"\n", 1, "one of folder"),
            ("[[capture]]\nname = \"a\"\nfolder = \"/x\"\ntables = [\"t\"]\n", 4, "take tables away"),
            ("[[capture]]\nname = \"a\"\nsqlite = \"/x\"\nexclude = [\"t\"]\n", 4, "take exclude away"),
            ("[tenant.\"a/b\"]\n", 1, "128 characters"),
            ("[tenant.a]\nregions = []\n", 2, "take the line away"),
            ("[tenant.a]\ncopies_min = 0\n", 2, "write 2"),
            ("[tenant.a]\nremotes = [\"usb\"]\n", 2, "[[remote]]"),
            ("[[remote]]\nname = \"usb\"\ndirectory = \"/x\"\n[tenant.a]\nremotes = [\"ubs\"]\n", 5, "did you mean usb?"),
            ("[alert]\ncommand = [\"\"]\n", 2, "notify.cmd"),
        ];
        for (text, line, hint) in cases {
            let refusal = refused(text);
            assert_eq!(refusal.0, "config.value", "{text}");
            assert!(refusal.1.starts_with(&format!("annals.toml line {line}: ")), "{}", refusal.1);
            assert!(refusal.2.contains(hint), "{text}: {}", refusal.2);
        }
    }

    #[test]
    fn broken_files_name_the_line() {
        assert!(refused("[store]\nsite = clinic\n").1.starts_with("annals.toml line 2: "));
        assert_eq!(refused("[store]\nsite = \"a\"\nsite = \"b\"\n").0, "config.syntax");
        assert_eq!(refused("[[remote]]\nname = \"a\"\ndirectory = \"/a\"\n[[remote]]\nname = \"a\"\ndirectory = \"/b\"\n").0, "config.twice");
        assert_eq!(refused(&format!("x = {}", "[".repeat(100_000))).0, "config.syntax");
    }

    #[test]
    fn sizes_and_speeds() {
        let sizes = [("1 GiB", 1u64 << 30), ("5GB", 5_000_000_000), ("1.5 MiB", 1_572_864), ("0.5 kB", 500), ("7 B", 7), ("1 TiB", 1 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text).expect(text), bytes, "{text}");
        }
        for bad in ["", "5", "5 G", "5 gb", "5 Mb", "-1 GB", "1,5 GB", "1.1.1 GB", ".5 GB", "9999999999999 TiB", "1 GiB x"] {
            let e = parse_size(bad).expect_err(bad);
            assert_eq!((e.kind(), e.code()), (Kind::Usage, "size.bad"));
            assert!(e.what_next().is_some());
        }
        assert_eq!(parse_rate("10 MiB/s").expect("rate"), Rate::BytesPerSec(10 << 20));
        assert_eq!(parse_rate("2 Mbit/s").expect("rate"), Rate::BytesPerSec(250_000));
        assert_eq!(parse_rate("64kbit / s").expect("rate"), Rate::BytesPerSec(8_000));
        assert_eq!(parse_rate("unlimited").expect("rate"), Rate::Unlimited);
        for bad in ["", "10 MiB", "0 MB/s", "2 Mb/s", "fast/s", "/s"] {
            assert_eq!(parse_rate(bad).expect_err(bad).code(), "rate.bad", "{bad}");
        }
    }

    fn clock(text: &str) -> Local {
        local(parse_rfc3339(text).expect(text), &Zone::utc())
    }

    #[test]
    fn windows_decide_the_speed() {
        let c = Config::parse("[schedule]\nwindow = [\"19:00-06:00 10 MiB/s\", \"12:00-13:00\"]\n").expect("windows").schedule;
        assert_eq!(c.rate_at(&clock("2026-11-25T23:30:00Z")), Some(Rate::BytesPerSec(10 << 20)));
        assert_eq!(c.rate_at(&clock("2026-11-25T05:59:59Z")), Some(Rate::BytesPerSec(10 << 20)));
        assert_eq!(c.rate_at(&clock("2026-11-25T06:00:00Z")), None);
        assert_eq!(c.rate_at(&clock("2026-11-25T12:59:00Z")), Some(Rate::Unlimited));
        assert_eq!(c.rate_at(&clock("2026-11-25T13:00:00Z")), None);
        assert_eq!(Schedule::default().rate_at(&clock("2026-11-25T13:00:00Z")), Some(Rate::Unlimited));
        let day = parse_window("00:00-24:00 1 MB/s").expect("all day");
        assert!((0..1_440).all(|m| day.contains(m)));
        let evening = parse_window("22:00-00:00").expect("until midnight");
        assert!(evening.contains(1_439) && !evening.contains(0));
    }

    #[test]
    fn cron_times() {
        let matches = |cron: &str, at: &str| Cron::parse(cron).expect(cron).matches(&clock(at));
        assert!(matches("0 */4 * * *", "2026-11-25T08:00:00Z"));
        assert!(!matches("0 */4 * * *", "2026-11-25T09:00:00Z"));
        assert!(!matches("0 */4 * * *", "2026-11-25T08:01:00Z"));
        assert!(matches("15,45 8-16/2 * nov WED", "2026-11-25T10:45:00Z"));
        assert!(!matches("15,45 8-16/2 * nov thu", "2026-11-25T10:45:00Z"));
        // 2026-11-22 is a Sunday; it is 0 and 7.
        assert!(matches("0 0 * * 7", "2026-11-22T00:00:00Z") && matches("0 0 * * 0", "2026-11-22T00:00:00Z"));
        assert!(matches("0 0 * * 5-7", "2026-11-22T00:00:00Z"));
        // Both days restricted: either suffices.
        assert!(matches("0 0 1 * sun", "2026-11-22T00:00:00Z") && matches("0 0 1 * sun", "2026-12-01T00:00:00Z"));
        assert!(!matches("0 0 1 * sun", "2026-11-23T00:00:00Z"));
        assert!(Cron::parse("0 0 31 2 mon").is_ok() && Cron::parse("0 0 29 2 *").is_ok());
        assert_eq!(Cron::parse(" 0  4 * * * ").expect("cron").to_string(), "0 4 * * *");
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "5/10 * * * *",
            "*/0 * * * *",
            "9-5 * * * *",
            "a * * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * 31 4 *",
            "@daily",
            ", * * * *",
        ] {
            assert_eq!(Cron::parse(bad).expect_err(bad).code(), "cron.bad", "{bad}");
        }
    }

    fn usb() -> Remote {
        let mut remote = Remote::new("usb-2", "dir:/media/new \"disk\"/hist").expect("remote");
        remote.expected_secs = Some(7 * DAY);
        remote.region = Some("NO".to_owned());
        remote
    }

    fn place(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("annals.toml");
        fs::write(&path, text).expect("write");
        (dir, path)
    }

    #[test]
    fn a_remote_is_added_behind_the_last_and_nothing_else_changes() {
        let (_dir, path) = place(FULL);
        add_remote(&path, &usb()).expect("add");
        let edited = fs::read_to_string(&path).expect("read");
        let section =
            "\n[[remote]]\nname = \"usb-2\"\ndirectory = '/media/new \"disk\"/hist'\nregion = \"NO\"\nexpected = \"7d\"\n".replace("NO", "no");
        let (before, after) = edited.split_once(&section).unwrap_or_else(|| panic!("{edited}"));
        assert!(before.ends_with("not \"broken\"\n") && after.starts_with("[[capture]]"));
        assert_eq!(format!("{before}{after}"), FULL);
        let c = Config::load(&path).expect("load");
        assert_eq!(c.remotes.len(), 3);
        assert_eq!(c.remotes[2], Remote { region: Some("no".to_owned()), ..usb() });
        assert_eq!(add_remote(&path, &usb()).expect_err("twice").code(), "remote.exists");
        remove_remote(&path, "usb-2").expect("remove");
        assert_eq!(fs::read_to_string(&path).expect("read"), FULL);
    }

    #[test]
    fn a_remote_is_removed_with_its_lines_only() {
        let text = "# our site\n[[remote]] # first\nname = \"a\"\n# inside\ndirectory = \"/a\" # end\n# daily = 30\n\n[store]\nsite = \"x\"\n";
        let (_dir, path) = place(text);
        remove_remote(&path, "a").expect("remove");
        assert_eq!(fs::read_to_string(&path).expect("read"), "# our site\n# daily = 30\n\n[store]\nsite = \"x\"\n");
        let e = remove_remote(&path, "a").expect_err("gone");
        assert_eq!((e.kind(), e.code()), (Kind::Missing, "remote.unknown"));
    }

    #[test]
    fn edits_keep_line_ends_and_mode_and_follow_links() {
        let (dir, path) = place("[store]\r\nsite = \"x\"\r\n");
        let link = dir.path().join("link.toml");
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode");
            symlink(&path, &link).expect("link");
        }
        #[cfg(not(unix))]
        fs::hard_link(&path, &link).expect("link");
        let remote = Remote::new("a", "rclone:s3:b/c").expect("remote");
        add_remote(if cfg!(unix) { &link } else { &path }, &remote).expect("add");
        let edited = fs::read_to_string(&path).expect("read");
        assert_eq!(edited, "[store]\r\nsite = \"x\"\r\n\r\n[[remote]]\r\nname = \"a\"\r\nrclone = \"s3:b/c\"\r\n");
        assert!(!cfg!(unix) || mode_of(&path) == 0o640);
        remove_remote(&path, "a").expect("remove");
        assert_eq!(fs::read_to_string(&path).expect("read"), "[store]\r\nsite = \"x\"\r\n");
    }

    #[test]
    fn edits_start_a_file_and_refuse_what_would_not_load() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("annals.toml");
        assert_eq!(Config::load(&path).expect_err("no file").code(), "config.missing");
        assert_eq!(Config::load_if_present(&path).expect("default"), Config::default());
        assert_eq!(Remote::new("-a", "dir:/x").expect_err("name").code(), "name.bad");
        assert_eq!(Remote::new(&"a".repeat(65), "dir:/x").expect_err("name").code(), "name.bad");
        assert_eq!(Remote::new("a", "dir:x").expect_err("path").code(), "remote.url");
        assert_eq!(Remote::new("a", "s3:x").expect_err("scheme").code(), "remote.url");
        let mut wrong = usb();
        wrong.rclone_config = Some("/etc/rclone.conf".into());
        assert_eq!(add_remote(&path, &wrong).expect_err("no rclone").code(), "remote.url");
        assert!(!path.exists());
        let mut remote = Remote::new("a", "rclone::sftp,host=example.org:hist").expect("remote");
        remote.rclone_config = Some("/etc/rclone.conf".into());
        remote.operator_country = Some("se".to_owned());
        add_remote(&path, &remote).expect("first");
        assert_eq!(Config::load(&path).expect("load").remotes, [remote]);
        fs::write(&path, "[shedule]\n").expect("write");
        assert_eq!(add_remote(&path, &usb()).expect_err("broken file").code(), "config.unknown");
        assert_eq!(fs::read_to_string(&path).expect("read"), "[shedule]\n");
        fs::write(&path, [b'#', 0xff]).expect("write");
        assert_eq!(Config::load(&path).expect_err("not text").code(), "config.syntax");
        fs::write(&path, vec![b'\n'; 1 + (1 << 20)]).expect("write");
        assert_eq!(Config::load(&path).expect_err("long").code(), "config.long");
    }

    #[test]
    fn a_remote_in_use_is_not_removed() {
        let (_dir, path) = place(FULL);
        let e = remove_remote(&path, "offsite-eu").expect_err("used");
        assert_eq!((e.kind(), e.code()), (Kind::Refused, "remote.used"));
        assert_eq!(e.what_next(), Some("take offsite-eu off the remotes of [tenant.\"agency-x\"] first"));
        remove_remote(&path, "usb").expect("unused");
        let c = Config::load(&path).expect("load");
        assert_eq!(c.remote("offsite-eu").expect("still there").name, "offsite-eu");
        assert_eq!(c.remote("ofsite-eu").expect_err("typo").what_next(), Some("did you mean offsite-eu?"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
            let _ = Config::parse(&text);
            let _ = parse_size(&text);
            let _ = parse_rate(&text);
            let _ = parse_window(&text);
            let _ = parse_allowance(&text);
            let _ = Cron::parse(&text);
        }

        #[test]
        fn any_values_are_read_without_panic(section in prop::sample::select(SECTIONS.map(|(word, _)| word).to_vec()), key_index: prop::sample::Index, value in r#""[ -~&&[^"\\]]{0,12}"|-?[0-9]{1,12}|true|\[\]|\["[0-9:/a-zA-Z -]{0,20}"\]|\{\}"#) {
            let key = key_index.get(known_keys(section));
            for header in [format!("[{section}]"), format!("[[{section}]]"), format!("[{section}.x]")] {
                if let Err(e) = Config::parse(&format!("{header}\n{key} = {value}\n")) {
                    prop_assert_eq!(e.kind(), Kind::Usage);
                    prop_assert!(e.code().starts_with("config."), "{}", e.code());
                    prop_assert!(e.what_next().is_some(), "{} has no hint", e);
                }
            }
        }

        #[test]
        fn remotes_survive_the_file(name in "[a-z0-9_][a-z0-9._-]{0,63}", path in "/\\PC{0,30}", days in prop::option::of(1u64..3_650), region in prop::option::of("[a-z0-9-]{1,32}")) {
            let (_dir, file) = place(FULL);
            let remote = Remote { expected_secs: days.map(|d| d * DAY), region, ..Remote::new(&name, &format!("dir:{path}")).expect("remote") };
            prop_assume!(name != "usb" && name != "offsite-eu");
            add_remote(&file, &remote).expect("add");
            let config = Config::load(&file).expect("load");
            prop_assert_eq!(config.remote(&name).expect("remote"), &remote);
            remove_remote(&file, &name).expect("remove");
            prop_assert_eq!(fs::read_to_string(&file).expect("read"), FULL);
        }
    }

    #[test]
    fn examples_in_hints_are_right() {
        for (word, keys) in SECTIONS {
            for key in keys {
                let header = match word {
                    "remote" | "capture" => format!("[[{word}]]"),
                    "tenant" => "[tenant.x]".to_owned(),
                    _ => format!("[{word}]"),
                };
                if let Err(e) = Config::parse(&format!("{header}\n{key} = {}\n", example_of(key))) {
                    let incomplete = ["has no name", "has neither", "not in this file"].iter().any(|m| e.to_string().contains(m));
                    assert!(incomplete, "{key}: {e}");
                }
            }
        }
    }
}
