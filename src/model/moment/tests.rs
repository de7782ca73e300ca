//! All of it together: expressions, zones, durations, addresses.

use super::duration::DURATION_SECS_MAX;
use super::zone::{EARLIEST, LATEST};
use super::*;
use crate::base::error::Kind;
use crate::base::time::Timestamp;
use crate::model::key;
use proptest::prelude::*;

fn oslo() -> Zone {
    Zone::parse("Europe/Oslo").expect("zone")
}

/// Wednesday 2026-11-25 10:30:15.25 in Oslo (+01:00).
const NOW: Timestamp = Timestamp(1_795_599_015_250_000);

fn utc(text: &str, now: Timestamp, zone: &Zone) -> String {
    match parse(text, now, zone) {
        Ok(Moment::Instant(ts)) => rfc3339_utc(ts),
        other => panic!("{text:?} gave {other:?}"),
    }
}

fn at(text: &str) -> String {
    utc(text, NOW, &oslo())
}

/// The code and the hint of the refusal.
fn refused(text: &str) -> (&'static str, String) {
    let e = parse(text, NOW, &oslo()).expect_err(text);
    assert_eq!(e.kind(), Kind::Usage, "{text}");
    assert!(e.code().starts_with("time."), "{text}: {}", e.code());
    (e.code(), e.what_next().unwrap_or_else(|| panic!("{text} has no hint")).to_owned())
}

#[test]
fn rfc3339_and_local_wall_clocks() {
    assert_eq!(rfc3339_utc(NOW), "2026-11-25T09:30:15.250000Z");
    assert_eq!(at("2018-09-18T14:02:00Z"), "2018-09-18T14:02:00Z");
    assert_eq!(at("2018-09-18t14:02:00.5z"), "2018-09-18T14:02:00.500000Z");
    assert_eq!(at("2018-09-18T14:02:00+02:00"), "2018-09-18T12:02:00Z");
    assert_eq!(at("2018-09-18T14:02:00-0330"), "2018-09-18T17:32:00Z");
    assert_eq!(at("2018-09-18 14:02:00.123456789 +02"), "2018-09-18T12:02:00.123456Z");
    assert_eq!(at("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59Z");
    assert_eq!(at("2018-09-18 14:02"), "2018-09-18T12:02:00Z");
    assert_eq!(at("  2018-09-18   14:02:07 "), "2018-09-18T12:02:07Z");
    assert_eq!(at("2018-09-18T14:02"), "2018-09-18T12:02:00Z");
    assert_eq!(at("2018-12-18 9:02"), "2018-12-18T08:02:00Z");
}

#[test]
fn times_before_1970_and_old_local_times() {
    assert_eq!(at("1969-12-31T23:59:59.9999995Z"), "1969-12-31T23:59:59.999999Z");
    assert_eq!(at("1850-01-01 12:00"), "1850-01-01T11:17:00Z");
    let amsterdam = Zone::parse("Europe/Amsterdam").expect("zone");
    let old = parse("1905-03-01 12:00", NOW, &amsterdam).expect("old");
    let Moment::Instant(ts) = old else { panic!("{old:?}") };
    let shown = show(ts, &amsterdam);
    assert_eq!(parse(&shown, NOW, &Zone::utc()).expect("shown"), old, "{shown}");
    assert_eq!(at("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
}

#[test]
fn a_bare_day_is_its_end() {
    assert_eq!(at("2018-09-18"), "2018-09-18T21:59:59.999999Z");
    assert_eq!(at("2018-09-18Z"), "2018-09-18T23:59:59.999999Z");
    assert_eq!(at("2018-09-18 -05:00"), "2018-09-19T04:59:59.999999Z");
    assert_eq!(at("today"), "2026-11-25T22:59:59.999999Z");
    assert_eq!(at("Yesterday"), "2026-11-24T22:59:59.999999Z");
    assert_eq!(at("yesterday 14:00"), "2026-11-24T13:00:00Z");
    assert_eq!(at("today 08:15:30"), "2026-11-25T07:15:30Z");
    assert_eq!(at("now"), "2026-11-25T09:30:15.250000Z");
}

#[test]
fn the_day_is_that_of_the_zone() {
    let tokyo = Zone::parse("Asia/Tokyo").expect("zone");
    let late = parse_rfc3339("2026-11-25T16:00:00Z").expect("time");
    assert_eq!(utc("today", late, &tokyo), "2026-11-26T14:59:59.999999Z");
    assert_eq!(utc("today [Asia/Tokyo]", late, &oslo()), "2026-11-26T14:59:59.999999Z");
    assert_eq!(utc("today", late, &oslo()), "2026-11-25T22:59:59.999999Z");
}

#[test]
fn last_weekday_is_before_today() {
    assert_eq!(at("last friday"), "2026-11-20T22:59:59.999999Z");
    assert_eq!(at("last Fri 14:00"), "2026-11-20T13:00:00Z");
    assert_eq!(at("last tuesday"), "2026-11-24T22:59:59.999999Z");
    // Today is a Wednesday.
    assert_eq!(at("last wednesday"), "2026-11-18T22:59:59.999999Z");
}

#[test]
fn calendar_lengths_keep_the_wall_clock_and_exact_ones_do_not() {
    // Monday after the clocks went back: 12:00 +01:00.
    let monday = parse_rfc3339("2026-10-26T11:00:00Z").expect("time");
    assert_eq!(utc("2 days ago", monday, &oslo()), "2026-10-24T10:00:00Z");
    assert_eq!(utc("48h ago", monday, &oslo()), "2026-10-24T11:00:00Z");
    assert_eq!(utc("1w ago", monday, &oslo()), "2026-10-19T10:00:00Z");
    assert_eq!(utc("3 months ago", monday, &oslo()), "2026-07-26T10:00:00Z");
    assert_eq!(utc("1 year ago", monday, &oslo()), "2025-10-26T11:00:00Z");
    assert_eq!(utc("2 days ago [UTC]", monday, &oslo()), "2026-10-24T11:00:00Z");
    assert_eq!(at("2h ago"), "2026-11-25T07:30:15.250000Z");
    assert_eq!(at("30 minutes ago"), "2026-11-25T09:00:15.250000Z");
    assert_eq!(at("90s ago"), "2026-11-25T09:28:45.250000Z");
    assert_eq!(at("1h 30m ago"), at("90m ago"));
    assert_eq!(at("1d2h ago"), "2026-11-24T07:30:15.250000Z");
    // The 31st of a shorter month is its last day.
    let march = parse_rfc3339("2026-03-31T10:00:00Z").expect("time");
    assert_eq!(utc("1 month ago", march, &oslo()), "2026-02-28T11:00:00Z");
}

#[test]
fn computed_wall_clocks_leave_skipped_hours_forwards_and_take_the_first_of_two() {
    let after_spring = parse_rfc3339("2026-03-30T02:30:00+02:00").expect("time");
    assert_eq!(utc("1 day ago", after_spring, &oslo()), "2026-03-29T01:30:00Z");
    let after_autumn = parse_rfc3339("2026-10-26T02:30:00+01:00").expect("time");
    assert_eq!(utc("1 day ago", after_autumn, &oslo()), "2026-10-25T00:30:00Z");
}

#[test]
fn a_skipped_hour_is_refused_with_its_neighbours() {
    for text in ["2026-03-29 02:30", "2026-03-29T02:00:00", "2026-03-29 02:59:59.9"] {
        let e = parse(text, NOW, &oslo()).expect_err(text);
        assert_eq!(e.code(), "time.gap");
        assert!(e.to_string().contains("from 2026-03-29 02:00 straight to 2026-03-29 03:00"), "{e}");
        assert_eq!(e.what_next(), Some("write '2026-03-29 01:59' or '2026-03-29 03:00'"));
    }
    assert_eq!(at("2026-03-29 01:59"), "2026-03-29T00:59:00Z");
    assert_eq!(at("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
    assert_eq!(at("2026-03-29"), "2026-03-29T21:59:59.999999Z");
    let next_day = parse_rfc3339("2026-03-30T08:00:00Z").expect("time");
    assert_eq!(parse("yesterday 02:30", next_day, &oslo()).expect_err("typed").code(), "time.gap");
    assert_eq!(at("2026-03-29 02:30 [UTC]"), "2026-03-29T02:30:00Z");
}

#[test]
fn an_hour_that_came_twice_needs_an_offset() {
    let e = parse("2026-10-25 02:30", NOW, &oslo()).expect_err("twice");
    assert_eq!(e.code(), "time.twice");
    assert_eq!(e.to_string(), "2026-10-25 02:30 came twice in Europe/Oslo, first at +02:00 and then at +01:00");
    assert_eq!(e.what_next(), Some("write '2026-10-25 02:30 +02:00' or '2026-10-25 02:30 +01:00'"));
    assert_eq!(at("2026-10-25 02:30 +02:00"), "2026-10-25T00:30:00Z");
    assert_eq!(at("2026-10-25 02:30 +01:00"), "2026-10-25T01:30:00Z");
    assert_eq!(at("2026-10-25T02:30:00+01:00[Europe/Oslo]"), "2026-10-25T01:30:00Z");
    assert_eq!(at("2026-10-25 03:00"), "2026-10-25T02:00:00Z");
    let next_day = parse_rfc3339("2026-10-26T08:00:00Z").expect("time");
    assert_eq!(utc("yesterday 02:30 +01:00", next_day, &oslo()), "2026-10-25T01:30:00Z");
}

#[test]
fn days_end_where_the_clocks_turn_at_midnight() {
    let zone = |name: &str| Zone::parse(name).expect(name);
    // 2018-11-04 00:00 did not exist in Sao Paulo; the day before ends as always.
    assert_eq!(utc("2018-11-03", NOW, &zone("America/Sao_Paulo")), "2018-11-04T02:59:59.999999Z");
    // 2018-02-17 23:00 to 24:00 came twice; the day ends with the second.
    assert_eq!(utc("2018-02-17", NOW, &zone("America/Sao_Paulo")), "2018-02-18T02:59:59.999999Z");
    // Samoa had no 30 December 2011.
    let e = parse("2011-12-30", NOW, &zone("Pacific/Apia")).expect_err("skipped day");
    assert_eq!(e.code(), "time.gap");
    assert_eq!(e.what_next(), Some("write '2011-12-29 23:59' or '2011-12-31 00:00'"));
}

#[test]
fn zone_suffixes() {
    assert_eq!(at("2018-09-18 14:02 [America/New_York]"), "2018-09-18T18:02:00Z");
    assert_eq!(at("2018-09-18 14:02[+05:30]"), "2018-09-18T08:32:00Z");
    assert_eq!(at("2018-09-18T14:02:00Z[Europe/Oslo]"), "2018-09-18T14:02:00Z");
    assert_eq!(at("2018-09-18 23:59:59 +02:00 (Europe/Oslo)"), "2018-09-18T21:59:59Z");
    let wrong = refused("2018-12-18T14:02:00+02:00[Europe/Oslo]");
    assert_eq!(wrong, ("time.offset", "write '2018-12-18 14:02 +01:00'".to_owned()));
    assert_eq!(refused("now [Nowhere/Land]").0, "time.zone");
    assert_eq!(refused("2018-09-18 14:02 [Europe/Olso]"), ("time.zone", "did you mean Europe/Oslo?".to_owned()));
}

#[test]
fn versions_marks_and_batches() {
    let moment = |text: &str| parse(text, NOW, &oslo()).expect(text);
    assert_eq!(moment("v7"), Moment::Version(7));
    assert_eq!(moment("seq:812"), Moment::Seq(812));
    assert_eq!(moment("mark:Before import [2]"), Moment::Mark("Before import [2]".to_owned()));
    for m in [moment("v7"), moment("seq:0"), moment("mark:x"), moment("2018-09-18")] {
        assert_eq!(moment(&m.to_string()), m);
    }
    assert_eq!(refused("v0").1, "the first version is v1");
    assert_eq!(refused("seq:4,118").0, "time.number");
    assert_eq!(refused("seq:99999999999999999999").0, "time.number");
    assert_eq!(refused("v99999999999999999999").0, "time.number");
    assert_eq!(refused("mark:").0, "time.mark");
    assert_eq!(refused("mark:a\u{7}b").0, "time.mark");
}

#[test]
fn slash_dates_are_refused_with_both_readings() {
    assert_eq!(refused("03/09/2018"), ("time.slash", "write '2018-09-03' or '2018-03-09'".to_owned()));
    assert_eq!(refused("18/09/2018 14:02").1, "write '2018-09-18 14:02'");
    assert_eq!(refused("9/18/2018").1, "write '2018-09-18'");
    assert_eq!(refused("2018/09/18").1, "write '2018-09-18'");
    assert_eq!(refused("3/9/18").1, "write year-month-day, for example 2018-09-18");
    assert_eq!(refused("5/5/2018").1, "write '2018-05-05'");
}

#[test]
fn refusals_say_what_to_write() {
    assert_eq!(refused("2018-02-30"), ("time.date", "the last day of that month is 2018-02-28".to_owned()));
    assert_eq!(refused("2018-13-01").0, "time.date");
    assert_eq!(refused("2018-09-18 25:00").0, "time.clock");
    assert_eq!(refused("2018-12-31 24:00"), ("time.clock", "write '2019-01-01 00:00'".to_owned()));
    assert_eq!(refused("14:02").1, "write 'today 14:02' or 'yesterday 14:02'");
    assert_eq!(refused("friday").1, "write 'last friday'");
    assert_eq!(refused("last week").1, "write '1 week ago'");
    assert_eq!(refused("2 days").1, "write '2 days ago'");
    assert_eq!(refused("yesterdy 14:00").1, "write 'yesterday 14:00'");
    assert_eq!(refused("18.09.2018").1, "write dates as year-month-day: 2018-09-18, times of day as 14:02");
    assert_eq!(refused("2018-9-8 14:02").1, "write dates as year-month-day: 2018-09-08, times of day as 14:02");
    assert_eq!(refused("2018-09-18 2:00 pm").1, "write the time of day with 24 hours: '2018-09-18 14:02'");
    assert_eq!(refused("2018-09-18..2018-09-20").0, "time.unknown");
    assert_eq!(refused("99999 years ago").0, "time.outside");
    assert_eq!(refused("18446744073709551615s ago").0, "time.outside");
    assert_eq!(refused("9999-12-31").0, "time.outside");
    for text in
        ["", "2018", "2018-09-1814:02", "2018-09-18Tx", "2018-09-18 14:02 Europe/Oslo", "-1 days ago", "2018-09-18 14:02.5", "æøå", "now 12:00"]
    {
        assert_eq!(refused(text).0, "time.unknown", "{text}");
    }
    let long = refused(&"x".repeat(10_000));
    assert_eq!(long.0, "time.unknown");
    let e = parse(&"x\n".repeat(5_000), NOW, &oslo()).expect_err("long");
    assert!(e.to_string().len() < 400 && !e.to_string().contains('\n'), "{e}");
}

#[test]
fn ranges() {
    let range = |text: &str| parse_range(text, NOW, &oslo()).expect(text);
    let moment = |text: &str| Some(parse(text, NOW, &oslo()).expect(text));
    assert_eq!(range("2018-09-17..2018-09-18"), MomentRange { from: moment("2018-09-17"), until: moment("2018-09-18") });
    assert_eq!(range("yesterday 14:00 .. now"), MomentRange { from: moment("yesterday 14:00"), until: moment("now") });
    assert_eq!(range("v3.."), MomentRange { from: Some(Moment::Version(3)), until: None });
    assert_eq!(range("..mark:a.b"), MomentRange { from: None, until: Some(Moment::Mark("a.b".to_owned())) });
    assert_eq!(range(".."), MomentRange::default());
    assert_eq!(range("v3..2018-09-18").until, moment("2018-09-18"));
    let code = |text: &str| {
        let e = parse_range(text, NOW, &oslo()).expect_err(text);
        assert!(e.what_next().is_some() && e.kind() == Kind::Usage);
        e.code()
    };
    assert_eq!(code("2018-09-18..2018-09-18"), "time.order");
    assert_eq!(code("v7..v3"), "time.order");
    assert_eq!(code("seq:9..seq:8"), "time.order");
    assert_eq!(code("2018-09-18"), "time.range");
    assert_eq!(code("v1...v2"), "time.range");
    assert_eq!(code("v1..v2..v3"), "time.range");
    assert_eq!(code("v1..18/09/2018"), "time.slash");
}

#[test]
fn zones_by_name_and_nearest_name() {
    assert_eq!(oslo().name(), "Europe/Oslo");
    assert_eq!(Zone::parse("utc").expect("utc"), Zone::utc());
    assert_eq!(Zone::utc().name(), "UTC");
    assert_eq!(Zone::parse("-03:30").expect("fixed").name(), "-03:30");
    let hint = |name: &str| Zone::parse(name).expect_err(name).what_next().expect("hint").to_owned();
    assert_eq!(hint("Europe/Olso"), "did you mean Europe/Oslo?");
    assert_eq!(hint("Oslo"), "did you mean Europe/Oslo?");
    assert_eq!(hint("new york"), "did you mean America/New_York?");
    assert_eq!(hint("0000"), "use a name such as Europe/Oslo, or UTC");
    for bad in ["", "../../etc/passwd", "/etc/localtime", "Europe/Oslo\0"] {
        assert_eq!(Zone::parse(bad).expect_err(bad).code(), "time.zone");
    }
    assert!(!Zone::system().name().is_empty());
}

#[test]
fn forms_for_people_and_machines() {
    let Moment::Instant(end) = parse("2018-09-18", NOW, &oslo()).expect("day") else { panic!("an instant") };
    assert_eq!(show(end, &oslo()), "2018-09-18 23:59:59 +02:00 (Europe/Oslo)");
    assert_eq!(show(end, &Zone::utc()), "2018-09-18 21:59:59 +00:00 (UTC)");
    assert_eq!(show(end, &Zone::parse("+05:30").expect("fixed")), "2018-09-19 03:29:59 +05:30");
    assert_eq!(show_short(end, &oslo()), "18 Sep 2018 23:59 +02:00");
    assert_eq!(rfc3339_utc(end), "2018-09-18T21:59:59.999999Z");
    assert_eq!(rfc3339_utc(Timestamp(-1)), "1969-12-31T23:59:59.999999Z");
    assert_eq!(rfc3339_utc(Timestamp(1_000)), "1970-01-01T00:00:00.001000Z");
    assert_eq!(rfc3339_utc(Timestamp(i64::MIN)), "0000-01-02T00:00:00Z");
    assert_eq!(rfc3339_utc(Timestamp(i64::MAX)), "9999-12-30T21:59:59.999999Z");
    let clock = local(end, &oslo());
    assert_eq!((clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second, clock.weekday), (2018, 9, 18, 23, 59, 59, 2));
}

#[test]
fn rfc3339_alone_is_strict() {
    assert_eq!(parse_rfc3339("1970-01-01T00:00:00.000001Z").expect("time"), Timestamp(1));
    for bad in ["2018-09-18", "2018-09-18T14:02:00", "2018-09-18T14:02Z", "now", "2018-09-18T14:02:00Z[UTC]", "v7", "", " 2018-09-18T14:02:00"] {
        assert_eq!(parse_rfc3339(bad).expect_err(bad).code(), "time.rfc3339");
    }
    assert_eq!(parse_rfc3339("2018-02-30T00:00:00Z").expect_err("day").code(), "time.date");
}

#[test]
fn ages() {
    let shown: Vec<String> = [0, 1, 90, 119, 120, 7_199, 7_200, 90_000, 259_200, 6_000_000, 40_000_000, 70_000_000, -259_200].map(age).into();
    let want = [
        "0 seconds",
        "1 second",
        "90 seconds",
        "119 seconds",
        "2 minutes",
        "119 minutes",
        "2 hours",
        "25 hours",
        "3 days",
        "2 months",
        "15 months",
        "2 years",
        "in 3 days",
    ];
    assert_eq!(shown, want);
    assert!(age(i64::MIN).starts_with("in "));
}

#[test]
fn durations() {
    let secs = |text: &str| parse_duration(text).expect(text);
    assert_eq!(secs("every 2h"), 7_200);
    assert_eq!(secs("7d"), 604_800);
    assert_eq!(secs("90 days"), 7_776_000);
    assert_eq!(secs("1h 30m"), 5_400);
    assert_eq!(secs("Every Day"), 86_400);
    assert_eq!(secs("weekly"), 604_800);
    assert_eq!(secs("monthly"), 2_678_400);
    assert_eq!(secs("0s"), 0);
    for bad in ["", "every", "30", "2 fortnights", "1 month", "1 year", "-2h", "1.5h", "day", "2000000 days", "99999999999999999999s", "every2h"] {
        let e = parse_duration(bad).expect_err(bad);
        assert_eq!((e.kind(), e.code()), (Kind::Usage, "time.duration"), "{bad}");
        assert!(e.what_next().is_some());
    }
}

fn address(text: &str) -> (String, Option<String>) {
    let a = Address::parse(text).expect(text);
    (key::show_key(&a.key), a.when)
}

#[test]
fn addresses_split_only_before_a_moment() {
    let with = |key: &str, when: &str| (key.to_owned(), Some(when.to_owned()));
    let alone = |key: &str| (key.to_owned(), None);
    assert_eq!(address("sak/2018-163"), alone("sak/2018-163"));
    assert_eq!(address("sak/2018-163@v7"), with("sak/2018-163", "v7"));
    assert_eq!(address("sak/2018-163@2 days ago"), with("sak/2018-163", "2 days ago"));
    assert_eq!(address("sak/@yesterday 14:00"), with("sak/", "yesterday 14:00"));
    assert_eq!(address("a@2018-09-18T14:02:00+02:00[Europe/Oslo]"), with("a", "2018-09-18T14:02:00+02:00[Europe/Oslo]"));
    assert_eq!(address("kari@example.no"), alone("kari@example.no"));
    assert_eq!(address("kari@example.no@yesterday"), with("kari@example.no", "yesterday"));
    assert_eq!(address("kari@v7@example.no"), alone("kari@v7@example.no"));
    assert_eq!(address("@scope/package@seq:12"), with("@scope/package", "seq:12"));
    assert_eq!(address("list@2018-09-18 (copy)"), alone("list@2018-09-18 (copy)"));
    assert_eq!(address("user@"), alone("user@"));
    assert_eq!(address("a@@v7"), with("a@", "v7"));
    assert_eq!(address("a@v7@v3"), with("a@v7", "v3"));
    assert_eq!(address("\\x40now"), alone("@now"));
    assert_eq!(address("a\\x40v7"), alone("a@v7"));
    assert_eq!(address("@mark:Before import"), with("", "mark:Before import"));
    assert_eq!(address("x@mark:r@2024"), with("x", "mark:r@2024"));
    // A moment that is refused later is still a moment.
    assert_eq!(address("a@2018-02-30"), with("a", "2018-02-30"));
    assert_eq!(address("a@18/09/2018"), with("a", "18/09/2018"));
    assert_eq!(address("a@v0"), with("a", "v0"));
    assert_eq!(Address::parse("@v7").expect_err("no document").code(), "time.address");
    assert_eq!(Address::parse("").expect_err("empty").code(), "key.empty");
    assert_eq!(Address::parse("a\\x00b").expect_err("nul").code(), "key.nul");
}

#[test]
fn addresses_escape_only_where_they_must() {
    assert_eq!(Address::show(b"kari@example.no", None), "kari@example.no");
    assert_eq!(Address::show(b"kari@example.no", Some("v2")), "kari@example.no@v2");
    assert_eq!(Address::show(b"notes@v7", None), "notes\\x40v7");
    assert_eq!(Address::show(b"notes@v7", Some("v2")), "notes@v7@v2");
    assert_eq!(Address::show(b"\xff", None), "\\xff");
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,40}", zone in prop::sample::select(vec!["UTC", "Europe/Oslo", "Pacific/Apia"]), now: i64) {
        let zone = Zone::parse(zone).expect("zone");
        let _ = parse(&text, Timestamp(now), &zone);
        let _ = parse_range(&text, Timestamp(now), &zone);
        let _ = parse_duration(&text);
        let _ = parse_rfc3339(&text);
        let _ = Address::parse(&text);
        let _ = Zone::parse(&text);
    }

    #[test]
    fn near_expressions_are_read_without_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "2018-09-18", "0000-01-01", "9999-12-30", "T", " ", "14:02", "23:59:60", ":", "+02:00", "-23:59:59", "Z", "[Europe/Oslo]", "(UTC)",
                "yesterday", "today", "last", "friday", "2", "9999999999", "days", "months", "h", "ago", "now", "/", "..", "@", "v7", "mark:", "seq:",
            ]),
            0..7,
        ),
        now: i64,
    ) {
        let text = words.concat();
        if let Err(e) = parse(&text, Timestamp(now), &oslo()) {
            prop_assert!(e.code().starts_with("time."));
            prop_assert!(e.what_next().is_some(), "{} has no hint", text);
        }
        let _ = parse_range(&text, Timestamp(now), &oslo());
        let _ = Address::parse(&text);
    }

    #[test]
    fn shown_times_are_read_back(
        micros in EARLIEST..=LATEST,
        zone in prop::sample::select(vec!["UTC", "Europe/Oslo", "America/St_Johns", "Asia/Kolkata"]),
    ) {
        let ts = Timestamp(micros);
        prop_assert_eq!(parse_rfc3339(&rfc3339_utc(ts)).expect("rfc3339"), ts);
        let zone = Zone::parse(zone).expect("zone");
        let shown = show(ts, &zone);
        let second = Timestamp(micros.div_euclid(1_000_000) * 1_000_000);
        if second.0 >= EARLIEST {
            prop_assert_eq!(parse(&shown, Timestamp(0), &Zone::utc()).expect("shown"), Moment::Instant(second), "{}", shown);
        }
    }

    #[test]
    fn duration_texts_are_read_back(secs in 0..=DURATION_SECS_MAX) {
        prop_assert_eq!(parse_duration(&duration_text(secs)).expect("duration"), secs);
    }

    #[test]
    fn addresses_survive(
        key in prop::collection::vec(prop_oneof![Just(b'@'), Just(b'v'), Just(b'7'), Just(b'\\'), Just(b'/'), 1u8..=255], 1..12),
        when in prop::option::of(prop::sample::select(vec!["v7", "yesterday", "2018-09-18 14:02", "mark:a b", "2h ago"])),
    ) {
        let shown = Address::show(&key, when);
        let back = Address::parse(&shown).expect("address");
        prop_assert_eq!(back, Address { key, when: when.map(str::to_owned) }, "{}", shown);
    }
}
