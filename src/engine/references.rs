//! The ledger of references, compared with a list from the outside system. The door to `csv`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::error::{Error, Result};
use crate::base::limits::REFERENCE_LIST_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::model::key::check_text;
use crate::model::reference::Reference;
use crate::storage::catalog::batches::ReferenceRow;
use crate::storage::catalog::number;

use super::history::{key_of, no_document};
use super::store::Tenant;

/// A reference and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The document.
    pub key: Vec<u8>,
    /// What it says.
    pub reference: Reference,
    /// The batch that said so last.
    pub seq: u64,
}

/// References that somebody should look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dangling {
    /// Their document was removed: what they name outside belongs to nothing here.
    Removed,
    /// They have expired outside: the document names what may be gone.
    Expired,
    /// They cannot be recalled.
    Irrevocable,
}

/// Which references are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFilter {
    /// The system; empty is any.
    pub system: String,
    /// A part of the outside id; empty is any.
    pub id: String,
    /// Only such ones.
    pub only: Option<Dangling>,
    /// Now: what expired before has expired.
    pub now: Timestamp,
}

/// Some of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerPage {
    /// In order of system and id, each with whether its document exists.
    pub entries: Vec<(Entry, bool)>,
    /// Behind which to go on; `None` at the end.
    pub next: Option<(String, String, i64)>,
}

/// A difference between the ledger and a list from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The list has it, no document carries it.
    MissingHere {
        /// The system.
        system: String,
        /// The id.
        id: String,
        /// The state in the list.
        state: Option<String>,
        /// The line of the list.
        line: u64,
    },
    /// A document carries it, the list does not have it.
    MissingThere(Entry),
    /// Both have it, in different states.
    StateDiffers {
        /// As the document has it.
        here: Entry,
        /// The state in the list.
        there: String,
        /// The line of the list.
        line: u64,
    },
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerCheck {
    /// Lines of the list.
    pub listed: u64,
    /// References that both have in the same state.
    pub same: u64,
    /// References that only the ledger has and that have expired there by now, so they are no difference.
    pub expired: u64,
    /// Differences in order of system and id.
    pub differences: Vec<Difference>,
}

/// One line of a list.
struct Line {
    number: u64,
    system: String,
    id: String,
    state: Option<String>,
}

impl Tenant {
    /// All references, or those of one document, in order of system and id.
    ///
    /// # Errors
    /// [`Kind::Missing`](crate::base::error::Kind::Missing) with near names for a key that never was.
    pub fn ledger(&self, key: Option<&[u8]>) -> Result<Vec<Entry>> {
        self.inner.catalog.read(|rows| {
            let found = match key {
                None => rows.references(self.id)?,
                Some(key) => match rows.document(self.id, key)? {
                    Some(document) => rows.references_of(document.id)?,
                    None => return Err(no_document(rows, self.id, key)?),
                },
            };
            let entry = |row: ReferenceRow| Ok(Entry { key: key_of(rows, row.document)?, reference: row.reference, seq: number(row.batch) });
            found.into_iter().map(entry).collect()
        })
    }

    /// References that `filter` lets through, behind `after`, at most `limit`.
    pub fn ledger_page(&self, filter: &LedgerFilter, after: Option<&(String, String, i64)>, limit: usize) -> Result<LedgerPage> {
        let condition = match filter.only {
            None => "1",
            Some(Dangling::Removed) => "d.content IS NULL",
            Some(Dangling::Expired) => "r.expires <= ?7",
            Some(Dangling::Irrevocable) => "r.irrevocable",
        };
        self.inner.catalog.read(|rows| {
            let wanted = (filter.system.as_str(), filter.id.as_str(), condition);
            let mut found = rows.references_after(self.id, wanted, filter.now, after, limit + 1)?;
            let more = found.len() > limit;
            found.truncate(limit);
            let last = found.last().filter(|_| more).map(|(row, _)| (row.reference.system.clone(), row.reference.id.clone(), row.document));
            let entry = |(row, exists): (ReferenceRow, bool)| {
                let key = key_of(rows, row.document)?;
                Ok((Entry { key, reference: row.reference, seq: number(row.batch) }, exists))
            };
            Ok(LedgerPage { entries: found.into_iter().map(entry).collect::<Result<_>>()?, next: last })
        })
    }

    /// Compares the ledger with a list in CSV: a header line naming `id`, and maybe `system` and `state`, divided by comma, semicolon or tab.
    /// Only the systems that the list is about are compared: `system`, or those it names, or the only one that the ledger has.
    ///
    /// # Errors
    /// Code `refs.line` with the number of the first line that is malformed; nothing is compared then.
    pub fn check_ledger(&self, list: &[u8], system: Option<&str>, now: Timestamp) -> Result<LedgerCheck> {
        let ledger = self.ledger(None)?;
        let fallback = || {
            let mut systems = ledger.iter().map(|e| e.reference.system.as_str());
            let first = systems.next()?;
            systems.all(|other| other == first).then(|| first.to_owned())
        };
        let lines = read_list(list, system.map(str::to_owned).or_else(fallback).as_deref())?;
        let mut systems: BTreeSet<&str> = lines.iter().map(|l| l.system.as_str()).collect();
        if let Some(system) = system {
            systems = BTreeSet::from([system]);
        }
        Ok(compare(&ledger, &lines, &systems, now))
    }
}

fn compare(ledger: &[Entry], lines: &[Line], systems: &BTreeSet<&str>, now: Timestamp) -> LedgerCheck {
    let mut listed: HashMap<(&str, &str), &Line> = HashMap::new();
    for line in lines.iter().filter(|l| systems.contains(l.system.as_str())) {
        listed.insert((&line.system, &line.id), line);
    }
    let mut check = LedgerCheck { listed: lines.len() as u64, ..LedgerCheck::default() };
    // Ordered by what a person looks for; a shared id stands once for each document.
    let mut found: BTreeMap<(&str, &str, usize), Difference> = BTreeMap::new();
    let mut carried = BTreeSet::new();
    for (place, entry) in ledger.iter().enumerate() {
        let r = &entry.reference;
        let name = (r.system.as_str(), r.id.as_str());
        if !systems.contains(name.0) {
            continue;
        }
        carried.insert(name);
        let difference = match listed.get(&name) {
            Some(line) => match &line.state {
                Some(there) if *there != r.state => Difference::StateDiffers { here: entry.clone(), there: there.clone(), line: line.number },
                _ => {
                    check.same += 1;
                    continue;
                }
            },
            None if r.expires.is_some_and(|at| at <= now) => {
                check.expired += 1;
                continue;
            }
            None => Difference::MissingThere(entry.clone()),
        };
        found.insert((name.0, name.1, place), difference);
    }
    for (name, line) in listed.iter().filter(|(name, _)| !carried.contains(*name)) {
        let missing = Difference::MissingHere { system: line.system.clone(), id: line.id.clone(), state: line.state.clone(), line: line.number };
        found.insert((name.0, name.1, usize::MAX), missing);
    }
    check.differences = found.into_values().collect();
    check
}

fn malformed(line: u64, why: impl std::fmt::Display) -> Error {
    Error::usage("refs.line", format!("line {line} of the list: {why}"))
}

/// The columns of a list.
struct Columns {
    system: Option<usize>,
    id: usize,
    state: Option<usize>,
}

/// `system` is what lines without a column for it belong to.
fn read_list(bytes: &[u8], system: Option<&str>) -> Result<Vec<Line>> {
    if bytes.len() as u64 > REFERENCE_LIST_BYTES_MAX {
        return Err(Error::usage("refs.long", format!("the list has {} bytes, the most is {REFERENCE_LIST_BYTES_MAX}", bytes.len()))
            .hint("compare it in parts, one system at a time (--system)"));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let header = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|d| (header.iter().filter(|b| *b == d).count(), *d == b',')).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(bytes);
    let headers = reader.headers().map_err(|e| in_our_words(&mut LineCounter { bytes, at: 0, line: 1 }, e))?;
    let columns = columns(headers, system)?;
    let mut lines: Vec<Line> = Vec::new();
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    let mut counter = LineCounter { bytes, at: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|e| in_our_words(&mut counter, e))?;
        let number = record.position().map_or(0, |p| counter.line_of(p));
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default().to_owned();
        let line = Line {
            number,
            system: if columns.system.is_some() { field(columns.system) } else { system.unwrap_or_default().to_owned() },
            id: field(Some(columns.id)),
            state: columns.state.map(|at| field(Some(at))),
        };
        for (what, text) in [("system", &line.system), ("id", &line.id)] {
            check_text(what, text).map_err(|e| malformed(number, e))?;
            if text.is_empty() {
                return Err(malformed(number, format_args!("its {what} is empty")).hint(format!("give every line its {what}, or take the line out")));
            }
        }
        match known.insert((line.system.clone(), line.id.clone()), lines.len()).map(|at| &lines[at]) {
            Some(earlier) if earlier.state != line.state => {
                let why = format!("{} {} stands in line {} in another state", line.system, line.id, earlier.number);
                return Err(malformed(number, why).hint("keep one line for each id, with its newest state"));
            }
            _ => lines.push(line),
        }
    }
    Ok(lines)
}

fn columns(header: &csv::StringRecord, system: Option<&str>) -> Result<Columns> {
    let at = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
    let hint = "the first line names the columns: system,id,state";
    let id = at("id").ok_or_else(|| malformed(1, "no column is called id").hint(hint))?;
    let columns = Columns { system: at("system"), id, state: at("state") };
    if columns.system.is_none() && system.is_none() {
        return Err(malformed(1, "no column is called system, and the references here are of several systems or none")
            .hint("name the system that the list is about: --system NAME"));
    }
    Ok(columns)
}

/// Line numbers as an editor shows them. The reader's own lag behind with Windows line ends and blank lines.
struct LineCounter<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line of a record; records come in order.
    fn line_of(&mut self, position: &csv::Position) -> u64 {
        let rest = self.bytes.get(position.byte() as usize..).unwrap_or_default();
        let ends = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let start = (position.byte() as usize + ends).min(self.bytes.len());
        self.line += self.bytes.get(self.at..start).unwrap_or_default().iter().filter(|b| **b == b'\n').count() as u64;
        self.at = self.at.max(start);
        self.line
    }
}

fn in_our_words(counter: &mut LineCounter<'_>, e: csv::Error) -> Error {
    let line = e.position().map_or(1, |p| counter.line_of(p));
    let error = match e.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            malformed(line, format_args!("it has {len} fields, the header has {expected_len}"))
                .hint("put fields that hold the divider in double quotes")
        }
        csv::ErrorKind::Utf8 { .. } => malformed(line, "it is not UTF-8 text").hint("save the list as UTF-8"),
        _ => malformed(line, &e),
    };
    error.caused_by(e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::show_key;

    fn entry(system: &str, id: &str, state: &str, expires: Option<i64>) -> Entry {
        let reference = Reference { system: system.into(), id: id.into(), state: state.into(), irrevocable: false, expires: expires.map(Timestamp) };
        Entry { key: format!("doc/{id}").into_bytes(), reference, seq: 1 }
    }

    #[test]
    fn what_is_missing_or_differs_is_told_apart() {
        let ledger = [
            entry("svarut", "1", "delivered", None),
            entry("svarut", "2", "sent", None),
            entry("svarut", "3", "sent", None),
            entry("svarut", "4", "sent", Some(10)),
            entry("archive", "1", "kept", None),
        ];
        let lines = read_list(b"id;state\r\n1;delivered\r\n2;delivered\r\n9;sent\r\n", Some("svarut")).expect("list");
        let check = compare(&ledger, &lines, &BTreeSet::from(["svarut"]), Timestamp(10));
        assert_eq!((check.listed, check.same, check.expired), (3, 1, 1));
        assert_eq!(check.differences.len(), 3);
        assert!(
            matches!(&check.differences[0], Difference::StateDiffers { here, there, line: 3 } if here.reference.id == "2" && there == "delivered")
        );
        assert!(matches!(&check.differences[1], Difference::MissingThere(e) if e.reference.id == "3"));
        assert!(matches!(&check.differences[2], Difference::MissingHere { id, line: 4, .. } if id == "9"));
    }

    #[test]
    fn the_ledger_is_read_in_pages_and_by_what_hangs_in_the_air() {
        let dir = tempfile::tempdir().expect("dir");
        let store = crate::engine::store::Store::init(dir.path().join("s"), "t").expect("init");
        for n in 0..5 {
            let key = format!("case/{n}");
            store.put(&key, &b"{}"[..]).expect("put");
            let expires = (n == 3).then_some(Timestamp(10));
            let reference = Reference { system: "svarut".into(), id: format!("id-{n}"), state: "sent".into(), irrevocable: n == 1, expires };
            store.add_ref(&key, reference).expect("ref");
        }
        store.remove("case/2").expect("remove");
        let filter = |only| LedgerFilter { system: String::new(), id: String::new(), only, now: Timestamp(11) };
        let keys = |page: &LedgerPage| page.entries.iter().map(|(e, exists)| (show_key(&e.key), *exists)).collect::<Vec<_>>();
        let first = store.ledger_page(&filter(None), None, 3).expect("page");
        assert_eq!(keys(&first), [("case/0".into(), true), ("case/1".into(), true), ("case/2".into(), false)]);
        let rest = store.ledger_page(&filter(None), first.next.as_ref(), 3).expect("page");
        assert_eq!((keys(&rest).len(), rest.next), (2, None));
        for (only, key) in [(Dangling::Removed, "case/2"), (Dangling::Expired, "case/3"), (Dangling::Irrevocable, "case/1")] {
            let page = store.ledger_page(&filter(Some(only)), None, 9).expect("page");
            assert_eq!(keys(&page).iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>(), [key]);
        }
        let narrow = LedgerFilter { system: "svarut".into(), id: "-4".into(), ..filter(None) };
        assert_eq!(keys(&store.ledger_page(&narrow, None, 9).expect("page")), [("case/4".into(), true)]);
    }

    #[test]
    fn malformed_lines_are_named_by_number() {
        let refused = |text: &[u8]| {
            let e = read_list(text, None).err().expect("refused");
            assert_eq!(e.code(), "refs.line");
            e.to_string()
        };
        assert!(refused(b"system,id,state\na,1,x\na,2\n").contains("line 3"));
        assert!(refused(b"system,id\na,\n").contains("line 2"));
        assert!(refused(b"system,id\r\n\r\na,1\r\n\r\n\r\na\r\n").contains("line 6"));
        assert!(refused(b"system,id\na,\"1\n2\"\na,\n").contains("line 4"));
        assert!(refused(b"system,id\na,\xff\n").contains("line 2"));
        assert!(refused(b"system,id,state\na,1,x\na,1,y\n").contains("line 3"));
        assert!(refused(b"name\nx\n").contains("id"));
        assert!(refused(b"id\nx\n").contains("system"));
        assert!(refused(b"").contains("line 1"));
    }

    #[test]
    fn a_list_may_come_from_a_spreadsheet() {
        let lines = read_list("\u{feff}State;ID;System\r\nok;\"a;b\";s\r\n\r\n".as_bytes(), None).expect("list");
        assert_eq!((lines.len(), lines[0].id.as_str(), lines[0].state.as_deref(), lines[0].number), (1, "a;b", Some("ok"), 2));
        assert_eq!(read_list(b"id\n1\n", Some("s")).expect("list")[0].state, None);
    }
}
