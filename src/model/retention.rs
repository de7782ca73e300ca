//! What the rules keep: which versions of a document may be forgotten, and for each that may not, what keeps it.
//!
//! A version is as old as the moment since when it is not current any more: what was replaced yesterday is yesterday's, however long it had been
//! there. So everything that could be looked up within the last 90 days stays with `within = "90d"`. Days, weeks, months and years are those of
//! the calendar in the site's zone, and what is kept for one is the version that existed at its end, also where it is much older.

use crate::base::time::Timestamp;

use super::moment::{Day, Zone, duration_text};

/// Periods that a rule counts at most: a hundred years of days.
pub const PERIODS_MAX: u32 = 36_525;
/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// What is kept besides what is current. Without any of `within`, `last`, `daily` and the like: everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Seconds: nothing younger is forgotten, whatever else is said.
    pub floor_secs: u64,
    /// Seconds: everything younger is kept.
    pub within_secs: Option<u64>,
    /// The last so many versions of each document.
    pub last: Option<u32>,
    /// The version at the end of each of the last so many days.
    pub daily: Option<u32>,
    /// Of each of the last so many weeks, which end with Sunday.
    pub weekly: Option<u32>,
    /// Of each of the last so many months.
    pub monthly: Option<u32>,
    /// Of each of the last so many years.
    pub yearly: Option<u32>,
}

impl Rules {
    /// Whether nothing is ever forgotten.
    pub fn keeps_everything(&self) -> bool {
        let counts = [self.last, self.daily, self.weekly, self.monthly, self.yearly];
        self.within_secs.is_none() && counts.iter().all(Option::is_none)
    }

    /// The rules in words, as they stand in the log with what they let go: `within 90d, daily 30`.
    pub fn words(&self) -> String {
        if self.keeps_everything() {
            return "everything".to_owned();
        }
        let within = self.within_secs.map(|secs| format!("within {}", duration_text(secs)));
        let counts = [("last", self.last), ("daily", self.daily), ("weekly", self.weekly), ("monthly", self.monthly), ("yearly", self.yearly)];
        let counts = counts.into_iter().filter_map(|(word, count)| Some(format!("{word} {}", count?)));
        within.into_iter().chain(counts).collect::<Vec<_>>().join(", ")
    }
}

impl Rules {
    /// From when on these rules let the last version of a document go that is removed: it was in force from `from` until `until`. Nothing where
    /// they never do. Holds and marks keep it longer, and so does a place offsite that lacks it.
    pub fn let_go(&self, from: Timestamp, until: Timestamp, zone: &Zone) -> Option<Timestamp> {
        if self.keeps_everything() || self.last.is_some_and(|n| n > 0) {
            return None;
        }
        let secs = i64::try_from(self.floor_secs.max(self.within_secs.unwrap_or(0))).unwrap_or(i64::MAX);
        let mut at = Timestamp(until.micros().saturating_add(secs.saturating_mul(SECOND)));
        let counts = [(Period::Day, self.daily), (Period::Week, self.weekly), (Period::Month, self.monthly), (Period::Year, self.yearly)];
        for (period, count) in counts {
            // The last end of a period that it saw goes last.
            let mut begin = period.begin(Day::of(Timestamp(until.micros() - 1), zone));
            let saw = begin.begins(zone).micros() > from.micros();
            let Some(count) = count.filter(|n| *n > 0 && saw) else { continue };
            for _ in 0..count.min(PERIODS_MAX) {
                begin = period.after(begin);
            }
            at = at.max(begin.begins(zone));
        }
        Some(at)
    }
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Period {
    /// The word of its rule.
    pub fn rule(self) -> &'static str {
        match self {
            Period::Day => "daily",
            Period::Week => "weekly",
            Period::Month => "monthly",
            Period::Year => "yearly",
        }
    }

    /// The first day of the period that holds `day`.
    fn begin(self, day: Day) -> Day {
        match self {
            Period::Day => day,
            Period::Week => day.plus(-((i32::from(day.weekday()) + 6) % 7)),
            Period::Month => day.first_of_month(),
            Period::Year => {
                let mut first = day.first_of_month();
                while first.month() > 1 {
                    first = first.plus(-1).first_of_month();
                }
                first
            }
        }
    }

    /// The first day of the next period, where `begin` is the first of one.
    fn after(self, begin: Day) -> Day {
        match self {
            Period::Day => begin.plus(1),
            Period::Week => begin.plus(7),
            Period::Month => begin.next_month(),
            Period::Year => self.begin(begin.plus(366)),
        }
    }
}

/// What keeps a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    /// The document is it now.
    Current,
    /// It has no bytes that could be given up.
    Empty,
    /// Its bytes were given up before.
    Forgotten,
    /// A hold, by name.
    Hold(String),
    /// It was there when a mark was set, by name.
    Mark(String),
    /// There are no rules that let anything go.
    Everything,
    /// It is younger than the floor.
    Floor,
    /// Not enough remotes are known to hold it.
    Unshipped,
    /// It is younger than that many seconds.
    Within(u64),
    /// It is among the last so many versions.
    Last(u32),
    /// It existed at the end of a period; the first day after it.
    Of(Period, Day),
    /// Another version that is kept has the same bytes.
    Shared,
}

impl Keeps {
    /// The word for it, by which programs tell them apart.
    pub fn word(&self) -> &'static str {
        match self {
            Keeps::Current => "current",
            Keeps::Empty => "empty",
            Keeps::Forgotten => "forgotten",
            Keeps::Hold(_) => "hold",
            Keeps::Mark(_) => "mark",
            Keeps::Everything => "everything",
            Keeps::Floor => "floor",
            Keeps::Unshipped => "unshipped",
            Keeps::Within(_) => "within",
            Keeps::Last(_) => "last",
            Keeps::Of(period, _) => period.rule(),
            Keeps::Shared => "shared",
        }
    }

    /// Why it is kept, for people.
    pub fn why(&self) -> String {
        match self {
            Keeps::Current => "the document is this now".to_owned(),
            Keeps::Empty => "there are no bytes to free".to_owned(),
            Keeps::Forgotten => "its bytes were forgotten before".to_owned(),
            Keeps::Hold(name) => format!("hold {name}"),
            Keeps::Mark(name) => format!("mark {name}"),
            Keeps::Everything => "no rule lets anything go".to_owned(),
            Keeps::Floor => "younger than the floor".to_owned(),
            Keeps::Unshipped => "not offsite often enough".to_owned(),
            Keeps::Within(secs) => format!("within {}", duration_text(*secs)),
            Keeps::Last(n) => format!("one of the last {n}"),
            Keeps::Of(period, after) => format!("{}: it was so at the end of {}", period.rule(), after.plus(-1)),
            Keeps::Shared => "a version that is kept has the same bytes".to_owned(),
        }
    }
}

/// One version with its existence, as far as the rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Counted from 1.
    pub number: u64,
    /// The batch that recorded it.
    pub seq: u64,
    /// Its time.
    pub from: Timestamp,
    /// The batch that ended it and the time of that; nothing while it is current.
    pub until: Option<(u64, Timestamp)>,
    /// Bytes.
    pub size: u64,
    /// Its bytes were given up.
    pub forgotten: bool,
    /// Which content it has.
    pub content: i64,
}

/// The rules at one moment, ready to judge many documents.
#[derive(Debug, Clone)]
pub struct Judge {
    rules: Rules,
    now: Timestamp,
    /// By the last batch that they include.
    marks: Vec<(u64, String)>,
    /// The last batch that is offsite often enough.
    shipped: u64,
    /// The last moments of periods, the first day after each, ascending; one list for each rule.
    ends: Vec<(Period, Vec<(Timestamp, Day)>)>,
}

impl Judge {
    /// `marks` with the last batch that each includes; everything up to batch `shipped` is offsite often enough.
    pub fn new(rules: &Rules, now: Timestamp, zone: &Zone, marks: Vec<(String, u64)>, shipped: u64) -> Self {
        let mut marks: Vec<(u64, String)> = marks.into_iter().map(|(name, seq)| (seq, name)).collect();
        marks.sort();
        let counts = [(Period::Day, rules.daily), (Period::Week, rules.weekly), (Period::Month, rules.monthly), (Period::Year, rules.yearly)];
        let ends = counts.into_iter().filter_map(|(period, count)| Some((period, ends(period, count?, now, zone)))).collect();
        Judge { rules: rules.clone(), now, marks, shipped, ends }
    }

    /// For each version of a document, oldest first and all of them, what keeps it; nothing where it may go. `hold` is what the document is
    /// under. That versions share their bytes is not looked at here.
    pub fn judge(&self, hold: Option<&str>, versions: &[Past]) -> Vec<Option<Keeps>> {
        versions.iter().enumerate().map(|(i, version)| self.one(hold, version, (versions.len() - i) as u64)).collect()
    }

    /// `from_last`: 1 for the newest version of the document.
    fn one(&self, hold: Option<&str>, version: &Past, from_last: u64) -> Option<Keeps> {
        let Some((until_seq, until)) = version.until else { return Some(Keeps::Current) };
        if version.size == 0 {
            return Some(Keeps::Empty);
        }
        if version.forgotten {
            return Some(Keeps::Forgotten);
        }
        if let Some(name) = hold {
            return Some(Keeps::Hold(name.to_owned()));
        }
        let first = self.marks.partition_point(|(seq, _)| *seq < version.seq);
        if let Some((_, name)) = self.marks.get(first).filter(|(seq, _)| *seq < until_seq) {
            return Some(Keeps::Mark(name.clone()));
        }
        if self.rules.keeps_everything() {
            return Some(Keeps::Everything);
        }
        // A clock that is behind makes everything young.
        let age = self.now.micros().saturating_sub(until.micros());
        let younger = |secs: u64| age < i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(SECOND);
        if younger(self.rules.floor_secs) {
            return Some(Keeps::Floor);
        }
        if until_seq > self.shipped {
            return Some(Keeps::Unshipped);
        }
        if let Some(secs) = self.rules.within_secs.filter(|secs| younger(*secs)) {
            return Some(Keeps::Within(secs));
        }
        if let Some(last) = self.rules.last.filter(|last| from_last <= u64::from(*last)) {
            return Some(Keeps::Last(last));
        }
        self.ends.iter().find_map(|(period, ends)| {
            let after = ends.partition_point(|(end, _)| *end < version.from);
            ends.get(after).filter(|(end, _)| *end < until).map(|(_, day)| Keeps::Of(*period, *day))
        })
    }
}

/// The last moment of each of the last `count` periods that are over.
fn ends(period: Period, count: u32, now: Timestamp, zone: &Zone) -> Vec<(Timestamp, Day)> {
    let mut begin = period.begin(Day::of(now, zone));
    let mut out = Vec::new();
    for _ in 0..count.min(PERIODS_MAX) {
        out.push((Timestamp(begin.begins(zone).micros() - 1), begin));
        begin = period.begin(begin.plus(-1));
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moment::parse_rfc3339;
    use proptest::prelude::*;

    const DAY: u64 = 86_400;

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).expect("a time")
    }

    /// Versions that begin at these times and sizes; the last one is current unless `removed`.
    fn versions(times: &[Timestamp], removed: Option<Timestamp>) -> Vec<Past> {
        let ends = times.iter().skip(1).copied().map(Some).chain([removed]);
        let numbered = (1u64..).zip(times).zip(ends);
        numbered
            .map(|((n, from), until)| Past {
                number: n,
                seq: n,
                from: *from,
                until: until.map(|until| (n + 1, until)),
                size: 1,
                forgotten: false,
                content: n as i64,
            })
            .collect()
    }

    fn judged(rules: &Rules, times: &[&str], removed: Option<&str>) -> Vec<String> {
        let times: Vec<Timestamp> = times.iter().map(|t| at(t)).collect();
        let judge = Judge::new(rules, at("2026-11-25T12:00:00Z"), &Zone::parse("Europe/Oslo").expect("zone"), Vec::new(), u64::MAX);
        let verdicts = judge.judge(None, &versions(&times, removed.map(at)));
        verdicts.iter().map(|v| v.as_ref().map_or_else(|| "goes".to_owned(), Keeps::why)).collect()
    }

    #[test]
    fn a_version_is_as_old_as_its_end() {
        let within = Rules { within_secs: Some(90 * DAY), ..Rules::default() };
        let times = ["2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2026-11-24T00:00:00Z"];
        assert_eq!(judged(&within, &times, None), ["goes", "within 90d", "the document is this now"]);
        assert_eq!(judged(&within, &times, Some("2026-11-25T00:00:00Z"))[2], "within 90d");
        assert_eq!(judged(&within, &times[..1], Some("2019-02-01T00:00:00Z")), ["goes"], "a document that was removed long ago");
        let floor = Rules { floor_secs: 7 * DAY, last: Some(1), ..Rules::default() };
        assert_eq!(judged(&floor, &times, None), ["goes", "younger than the floor", "the document is this now"]);
        assert_eq!(judged(&Rules::default(), &times, None)[0], "no rule lets anything go");
        assert_eq!(judged(&Rules { floor_secs: 1, ..Rules::default() }, &times, None)[0], "no rule lets anything go");
    }

    #[test]
    fn days_weeks_months_and_years_keep_what_was_so_at_their_end() {
        // In Oslo the 24th ended at 23:00 UTC.
        let times = ["2024-05-01T00:00:00Z", "2026-11-23T22:59:59Z", "2026-11-23T23:00:00Z", "2026-11-24T08:00:00Z", "2026-11-24T23:00:00Z"];
        let daily = Rules { daily: Some(2), ..Rules::default() };
        let whys = judged(&daily, &times, None);
        assert_eq!(whys[1..4], ["daily: it was so at the end of 2026-11-23", "goes", "daily: it was so at the end of 2026-11-24"]);
        assert_eq!(whys[0], "goes");
        let weekly = judged(&Rules { weekly: Some(1), ..Rules::default() }, &times, None);
        assert_eq!(weekly[..2], ["weekly: it was so at the end of 2026-11-22", "goes"]);
        let monthly = judged(&Rules { monthly: Some(24), ..Rules::default() }, &times, None);
        assert_eq!(monthly[0], "monthly: it was so at the end of 2024-11-30");
        let yearly = judged(&Rules { yearly: Some(5), ..Rules::default() }, &times, None);
        assert_eq!((yearly[0].as_str(), yearly[1].as_str()), ("yearly: it was so at the end of 2024-12-31", "goes"));
    }

    #[test]
    fn marks_holds_and_what_is_not_offsite_stay_whatever_the_rules_say() {
        let rules = Rules { last: Some(1), ..Rules::default() };
        let times: Vec<Timestamp> = (0..6).map(|n| Timestamp(n * SECOND)).collect();
        let versions = versions(&times, None);
        let judge = |marks: &[(&str, u64)], shipped, hold| {
            let marks = marks.iter().map(|(name, seq)| ((*name).to_owned(), *seq)).collect();
            Judge::new(&rules, at("2026-11-25T12:00:00Z"), &Zone::utc(), marks, shipped).judge(hold, &versions)
        };
        let marked = judge(&[("later", 9), ("release-7", 3)], u64::MAX, None);
        assert_eq!(marked[..4], [None, None, Some(Keeps::Mark("release-7".into())), None]);
        let held = judge(&[], u64::MAX, Some("case"));
        assert!(held[..5].iter().all(|v| *v == Some(Keeps::Hold("case".into()))));
        // What ended the version must be offsite as well: a rebuild from there would have it as current.
        assert_eq!(judge(&[], 3, None)[..4], [None, None, Some(Keeps::Unshipped), Some(Keeps::Unshipped)]);
        assert!(judge(&[], 0, None).iter().all(Option::is_some));
    }

    #[test]
    fn rules_have_words() {
        let rules = Rules { within_secs: Some(90 * DAY), daily: Some(30), yearly: Some(2), ..Rules::default() };
        assert_eq!(rules.words(), "within 90d, daily 30, yearly 2");
        assert_eq!(Rules { floor_secs: 3, ..Rules::default() }.words(), "everything");
    }

    /// What stands in the documentation, said in the plainest way: ask for every moment that must stay answerable which version is the answer.
    fn naive(rules: &Rules, now: Timestamp, zone: &Zone, marks: &[(String, u64)], shipped: u64, hold: bool, versions: &[Past]) -> Vec<bool> {
        let mut kept: Vec<bool> =
            versions.iter().map(|v| v.until.is_none() || v.forgotten || v.size == 0 || hold || rules.keeps_everything()).collect();
        for (_, mark) in marks {
            if let Some(i) = versions.iter().rposition(|v| v.seq <= *mark)
                && versions[i].until.is_none_or(|(seq, _)| seq > *mark)
            {
                kept[i] = true;
            }
        }
        for (i, version) in versions.iter().enumerate() {
            let Some((seq, until)) = version.until else { continue };
            let age = now.micros() - until.micros();
            kept[i] |= age < rules.floor_secs as i64 * SECOND || seq > shipped;
            kept[i] |= rules.within_secs.is_some_and(|secs| age < secs as i64 * SECOND);
            kept[i] |= rules.last.is_some_and(|last| i + last as usize >= versions.len());
        }
        let mut answer = |end: Timestamp| {
            if let Some(i) = versions.iter().rposition(|v| v.from <= end)
                && versions[i].until.is_none_or(|(_, until)| until > end)
            {
                kept[i] = true;
            }
        };
        // Day by day back through the calendar.
        let (mut days, mut weeks, mut months, mut years) = (0, 0, 0, 0);
        let mut day = Day::of(now, zone);
        for _ in 0..2000 {
            let end = Timestamp(day.begins(zone).micros() - 1);
            let monday = day.weekday() == 1;
            for (begins, count, seen) in [
                (true, rules.daily, &mut days),
                (monday, rules.weekly, &mut weeks),
                (day.day() == 1, rules.monthly, &mut months),
                (day.day() == 1 && day.month() == 1, rules.yearly, &mut years),
            ] {
                if begins {
                    *seen += 1;
                    if count.is_some_and(|count| *seen <= count) {
                        answer(end);
                    }
                }
            }
            day = day.plus(-1);
        }
        kept
    }

    fn some_rules() -> impl Strategy<Value = Rules> {
        let count = || proptest::option::of(0..6u32);
        (0..5 * DAY, proptest::option::of(0..40 * DAY), (count(), count(), count(), count(), count())).prop_map(
            |(floor_secs, within_secs, (last, daily, weekly, monthly, yearly))| Rules {
                floor_secs,
                within_secs,
                last,
                daily,
                weekly,
                monthly,
                yearly,
            },
        )
    }

    proptest! {
        #[test]
        fn the_planner_keeps_what_the_plain_words_keep(
            rules in some_rules(),
            now in 1_700_000_000i64..1_800_000_000,
            // From minutes to a year and more between versions.
            gaps in proptest::collection::vec((0..24u32, 1..100i64), 1..25),
            lasts in (any::<bool>(), 0..30u64, 0..30u64, 0..30u64),
            flags in proptest::collection::vec((0..9u8, 0..9u8), 25),
            hold in 0..9u8,
        ) {
            let zone = Zone::parse("Europe/Oslo").expect("zone");
            let (removed, mark, other_mark, unshipped) = lasts;
            let now = Timestamp(now * SECOND);
            let mut time = now.micros();
            let mut times: Vec<Timestamp> = gaps.iter().map(|(scale, n)| { time -= (n << scale) * 60_000 + 1; Timestamp(time) }).collect();
            times.reverse();
            let mut versions = versions(&times, removed.then_some(now));
            for (version, (size, forgotten)) in versions.iter_mut().zip(flags) {
                (version.size, version.forgotten) = (u64::from(size), forgotten == 0);
            }
            let marks = vec![("a".to_owned(), mark), ("b".to_owned(), other_mark)];
            let shipped = (versions.len() as u64 + 1).saturating_sub(unshipped / 4);
            let judge = Judge::new(&rules, now, &zone, marks.clone(), shipped);
            let held = hold == 0;
            let found: Vec<bool> = judge.judge(held.then_some("h"), &versions).iter().map(Option::is_some).collect();
            prop_assert_eq!(found, naive(&rules, now, &zone, &marks, shipped, held, &versions));
        }
    }

    #[test]
    fn when_a_removed_document_may_go_is_when_the_planner_lets_it_go() {
        let zone = Zone::parse("Europe/Oslo").expect("zone");
        let (from, until) = (at("2026-03-10T08:00:00Z"), at("2026-03-27T17:30:00Z"));
        let none = Rules::default();
        assert_eq!(none.let_go(from, until, &zone), None, "everything stays");
        assert_eq!(Rules { last: Some(1), ..Rules::default() }.let_go(from, until, &zone), None);
        for rules in [
            Rules { within_secs: Some(90 * DAY), ..Rules::default() },
            Rules { floor_secs: 40 * DAY, within_secs: Some(7 * DAY), ..Rules::default() },
            Rules { daily: Some(30), ..Rules::default() },
            Rules { within_secs: Some(DAY), weekly: Some(5), ..Rules::default() },
            Rules { daily: Some(3), monthly: Some(12), ..Rules::default() },
            Rules { yearly: Some(2), daily: Some(10), ..Rules::default() },
        ] {
            let goes = rules.let_go(from, until, &zone).expect("it goes one day");
            let kept = |now: Timestamp| Judge::new(&rules, now, &zone, Vec::new(), u64::MAX).judge(None, &versions(&[from], Some(until)))[0].clone();
            assert_eq!(kept(goes), None, "{rules:?}: {goes:?}");
            assert!(kept(Timestamp(goes.micros() - 1)).is_some(), "{rules:?}: a moment before {goes:?}");
        }
    }
}
