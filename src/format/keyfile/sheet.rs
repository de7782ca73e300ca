//! The recovery sheet: one printed page from which a person can type the site secret back in, years later, on another machine.
//!
//! Site id and secret stand on six lines in Crockford's base 32 (<https://www.crockford.com/base32.html>), in groups of four. The last
//! group of each line is a checksum over the line and its number, so that a typing error is found and its line named; the sixth line ends
//! in a checksum over the whole, so that lines of two sheets are never mixed.

use std::fmt::Write;

use zeroize::Zeroizing;

use super::secret::SiteSecret;
use super::text::{eights, fives};
use crate::base::digest::Hasher;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::SHEET_BYTES_MAX;

const VERSION: u8 = 1;
/// Letters without I, L, O and U: the first three look like digits, and U keeps words away.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LINES: usize = 6;
const LINE_BYTES: usize = 10;
/// Letters of one line: 16 for its bytes, 4 of checksum.
const LINE_LETTERS: usize = 20;
const CHECK_LETTERS: usize = 4;
/// Bytes that are said: version, site id, secret. The rest of the six lines is the checksum over them.
const SAID_BYTES: usize = 1 + 16 + 32;
const PAYLOAD_BYTES: usize = LINES * LINE_BYTES;
/// Readings kept per line. A second one means a second sheet in the same text, or words that happen to fit (one in a million).
const READINGS_MAX: usize = 3;

/// The page, ready to print: no line is longer than 78 characters unless a name or an address makes it so. `remotes` are addresses as `--from` takes
/// them, `date` is printed as it is. Control characters in them become spaces.
pub fn render(secret: &SiteSecret, site: SiteId, site_name: &str, remotes: &[String], date: &str) -> String {
    let mut page = String::new();
    // Writing into a String cannot fail.
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = page.write_fmt(text);
        page.push('\n');
    };
    let [a, b, c, d, e, f, g, h] = secret.fingerprint(site);
    line(format_args!("ANNALS RECOVERY SHEET\n"));
    line(format_args!("Site:         {}", printable(site_name)));
    line(format_args!("Site id:      {site}"));
    line(format_args!("Fingerprint:  {a:02x}{b:02x} {c:02x}{d:02x} {e:02x}{f:02x} {g:02x}{h:02x}"));
    line(format_args!("Printed:      {}\n", printable(date)));
    line(format_args!("Whoever holds this sheet can read the whole history of this site."));
    line(format_args!("Keep it where contracts and cash are kept, away from the machine itself.\n"));
    line(format_args!("To get the history back, on any machine with annals installed:"));
    line(format_args!("- Type the six lines below into a text file, for example sheet.txt."));
    line(format_args!("  Capital and small letters are the same; so are 0 and O, and 1, I and L."));
    line(format_args!("  The letter U is never used. Spaces and hyphens do not matter."));
    line(format_args!("- Run:  annals rebuild --from URL --into DIR --sheet sheet.txt"));
    line(format_args!("- A line with a typing error is named, and nothing is done until all fit.\n"));
    for (i, letters) in code_lines(secret, site).iter().enumerate() {
        let groups: Vec<&str> = letters.as_bytes().chunks(4).filter_map(|g| std::str::from_utf8(g).ok()).collect();
        line(format_args!("    line {}    {}", i + 1, groups.join("-")));
    }
    if remotes.is_empty() {
        line(format_args!("\nNo remote was set up when this sheet was printed. Print it again after"));
        line(format_args!("adding one: without a remote there is nothing to rebuild from."));
    } else {
        line(format_args!("\nWhere the copies are, as commands:"));
        for remote in remotes {
            line(format_args!("  annals rebuild --from {} --into restored --sheet sheet.txt", shell_word(&printable(remote))));
        }
        line(format_args!("\nThis sheet opens the copies. It does not hold the user names and passwords"));
        line(format_args!("of the places where they lie: keep those too (the rclone configuration)."));
    }
    page
}

/// Finds the sheet in any text: a scan of the page, six typed lines, lines in any order or broken by a mail program. Case, white space,
/// decoration, words around it, O for 0 and I or L for 1 do not matter.
///
/// # Errors
/// [`Kind::Usage`] naming each line that is missing or wrong, without repeating it; [`Kind::Newer`] for a later kind of sheet.
pub fn parse(text: &str) -> Result<(SiteId, SiteSecret)> {
    if text.len() as u64 > SHEET_BYTES_MAX {
        return Err(Error::usage("sheet.long", format!("a recovery sheet has at most {SHEET_BYTES_MAX} bytes, this text {}", text.len()))
            .hint("give the file that holds the typed lines of the sheet"));
    }
    let lines = readings(text);
    if lines.iter().any(Vec::is_empty) {
        return Err(wrong_lines(text, &lines));
    }
    let mut found: Vec<Payload> = combinations(&lines).filter(|payload| payload[SAID_BYTES..] == whole_check(&payload[..SAID_BYTES])).collect();
    match (found.pop(), found.is_empty()) {
        (Some(payload), true) => said(&payload),
        (Some(_), false) => Err(Error::usage("sheet.two", "this text holds two recovery sheets").hint("keep the lines of one sheet in the file")),
        (None, _) => Err(Error::usage("sheet.mixed", "each line of the recovery sheet is right, but they do not belong together")
            .hint("type all six lines from the same sheet; the fingerprint at its top tells sheets apart")),
    }
}

type Payload = Zeroizing<[u8; PAYLOAD_BYTES]>;
type LineBytes = Zeroizing<[u8; LINE_BYTES]>;

fn said(payload: &Payload) -> Result<(SiteId, SiteSecret)> {
    let damaged = || Error::damaged("a recovery sheet");
    if payload[0] > VERSION {
        let message = format!("this recovery sheet has version {}, this program knows {VERSION}", payload[0]);
        return Err(Error::new(Kind::Newer, "sheet.newer", message).hint("upgrade annals"));
    }
    let (_, rest) = payload.split_first().filter(|(version, _)| **version == VERSION).ok_or_else(damaged)?;
    let (site, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    let secret: &[u8; 32] = rest.first_chunk().ok_or_else(damaged)?;
    Ok((SiteId::from_bytes(*site), SiteSecret::from_bytes(*secret)))
}

fn code_lines(secret: &SiteSecret, site: SiteId) -> Vec<Zeroizing<String>> {
    let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
    payload[0] = VERSION;
    payload[1..17].copy_from_slice(site.as_bytes());
    payload[17..SAID_BYTES].copy_from_slice(secret.expose());
    let check = whole_check(&payload[..SAID_BYTES]);
    payload[SAID_BYTES..].copy_from_slice(&check);
    let (lines, _) = payload.as_chunks::<LINE_BYTES>();
    lines.iter().enumerate().map(|(i, bytes)| code_line(i, bytes)).collect()
}

fn code_line(index: usize, bytes: &[u8; LINE_BYTES]) -> Zeroizing<String> {
    let mut letters = Zeroizing::new(String::with_capacity(LINE_LETTERS));
    letters.extend(fives(bytes).iter().chain(&line_check(index, bytes)).map(|g| char::from(LETTERS[usize::from(*g)])));
    letters
}

/// Twenty bits over the line's number (from 1) and its bytes.
fn line_check(index: usize, bytes: &[u8; LINE_BYTES]) -> [u8; CHECK_LETTERS] {
    let mut hasher = Hasher::new();
    hasher.update(b"annals sheet line v1").update(&[index as u8 + 1]).update(bytes);
    let groups = fives(hasher.finish().as_bytes());
    [groups[0], groups[1], groups[2], groups[3]]
}

fn whole_check(said: &[u8]) -> [u8; PAYLOAD_BYTES - SAID_BYTES] {
    let mut hasher = Hasher::new();
    hasher.update(b"annals sheet v1").update(said);
    let mut out = [0; PAYLOAD_BYTES - SAID_BYTES];
    out.copy_from_slice(&hasher.finish().as_bytes()[..PAYLOAD_BYTES - SAID_BYTES]);
    out
}

/// The five bits a letter stands for. `None` for what is no letter of a sheet.
fn group_of(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    LETTERS.iter().position(|l| char::from(*l) == letter).map(|i| i as u8)
}

/// The runs of letters and digits in `text`, as groups of five bits; `None` for a run with a letter that no sheet has.
fn runs(text: &str) -> Vec<Option<Zeroizing<Vec<u8>>>> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty())
        .map(|run| (run.len() <= LINE_LETTERS).then(|| run.chars().map(group_of).collect::<Option<Vec<u8>>>().map(Zeroizing::new)).flatten())
        .collect()
}

/// For each line of the sheet what it may say: every stretch of whole runs that together have the right length and checksum.
fn readings(text: &str) -> [Vec<LineBytes>; LINES] {
    let mut lines: [Vec<LineBytes>; LINES] = Default::default();
    let runs = runs(text);
    for start in 0..runs.len() {
        let mut letters = Zeroizing::new(Vec::with_capacity(2 * LINE_LETTERS));
        for run in runs[start..].iter().map_while(Option::as_ref) {
            letters.extend_from_slice(run);
            if letters.len() >= LINE_LETTERS {
                break;
            }
        }
        let Some((index, bytes)) = read_line(&letters) else { continue };
        if lines[index].len() < READINGS_MAX && !lines[index].contains(&bytes) {
            lines[index].push(bytes);
        }
    }
    lines
}

/// The line that 20 letters are, by their checksum.
fn read_line(letters: &[u8]) -> Option<(usize, LineBytes)> {
    let (data, check) = letters.split_last_chunk::<CHECK_LETTERS>().filter(|_| letters.len() == LINE_LETTERS)?;
    let bytes = eights(data)?;
    let bytes = <[u8; LINE_BYTES]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)?;
    let index = (0..LINES).find(|index| line_check(*index, &bytes) == *check)?;
    Some((index, bytes))
}

/// Every choice of one reading per line, 3^6 at most.
fn combinations(lines: &[Vec<LineBytes>; LINES]) -> impl Iterator<Item = Payload> {
    let count: usize = lines.iter().map(Vec::len).product();
    (0..count).map(move |mut choice| {
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        for (line, part) in lines.iter().zip(payload.chunks_exact_mut(LINE_BYTES)) {
            part.copy_from_slice(&*line[choice % line.len()]);
            choice /= line.len();
        }
        payload
    })
}

/// Names the lines that do not fit, with what can be said about each.
fn wrong_lines(text: &str, lines: &[Vec<LineBytes>; LINES]) -> Error {
    let wrong: Vec<(usize, Option<usize>)> = (0..LINES).filter(|i| lines[*i].is_empty()).map(|i| (i + 1, labelled_letters(text, i + 1))).collect();
    if wrong.len() == LINES && wrong.iter().all(|(_, letters)| letters.is_none()) {
        return Error::usage("sheet.none", "there is no recovery sheet in this text")
            .hint("a sheet has six lines of five groups of four letters; a key file is given with --key FILE");
    }
    let complaints: Vec<String> = wrong
        .iter()
        .map(|(number, letters)| match letters {
            Some(LINE_LETTERS) => format!("line {number} has a typing error"),
            Some(letters) => format!("line {number} has {letters} letters and digits instead of {LINE_LETTERS}"),
            None => format!("line {number} is missing or has a typing error"),
        })
        .collect();
    Error::usage("sheet.line", format!("recovery sheet: {}", complaints.join("; ")))
        .hint("compare with the paper letter by letter; 0 and O are the same, 1, I and L are the same, U is never used")
}

/// How many letters and digits follow the label of line `number`, where a line of the text carries that label and could be it.
fn labelled_letters(text: &str, number: usize) -> Option<usize> {
    text.lines().find_map(|line| {
        let mut words = line.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !w.eq_ignore_ascii_case("line")).peekable();
        let label = words.next().filter(|w| w.chars().count() == 1)?;
        let is_label = label.chars().next().and_then(group_of).is_some_and(|group| usize::from(group) == number);
        let letters: usize = words.map(|w| w.chars().count()).sum();
        (is_label && letters.abs_diff(LINE_LETTERS) <= LINE_LETTERS / 2).then_some(letters)
    })
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A word that a POSIX shell takes as it is: quoted where it has to be.
fn shell_word(word: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_safe) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SeededRandom;
    use proptest::prelude::*;

    fn sheet(seed: u64) -> (SiteId, SiteSecret, String) {
        let random = SeededRandom::new(seed);
        let (site, secret) = (SiteId::new(&random), SiteSecret::new(&random));
        let remotes = ["rclone:s3eu:hist/clinic-17".to_owned(), "dir:/media/it's here".to_owned()];
        let page = render(&secret, site, "clinic-17", &remotes, "2026-11-20");
        (site, secret, page)
    }

    /// The six code lines as a person would type them.
    fn typed(page: &str) -> Vec<String> {
        page.lines().filter_map(|l| l.trim().strip_prefix("line ")).map(str::to_owned).collect()
    }

    #[test]
    fn the_page_says_how_to_recover_and_is_narrow_enough_to_print() {
        let (site, secret, page) = sheet(1);
        for part in ["Site:         clinic-17\n", "2026-11-20", "annals rebuild --from URL --into DIR --sheet sheet.txt"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("  annals rebuild --from rclone:s3eu:hist/clinic-17 --into restored --sheet sheet.txt\n"));
        assert!(page.contains("--from 'dir:/media/it'\\''s here' --into"));
        assert!(page.lines().filter(|l| !l.contains("rclone:") && !l.contains("dir:")).all(|l| l.len() <= 78));
        assert_eq!(parse(&page).expect("page"), (site, secret.clone()));
        let hostile = render(&secret, site, "a\nline 1    AAAA\u{1b}[2J", &[], "today");
        assert!(hostile.contains("No remote was set up") && !hostile.contains('\u{1b}'));
        assert_eq!(parse(&hostile).expect("hostile name"), (site, secret));
    }

    #[test]
    fn every_way_of_typing_it_is_read() {
        let (site, secret, page) = sheet(2);
        let lines = typed(&page);
        let bare: Vec<String> = lines.iter().map(|l| l[1..].trim().replace('-', "")).collect();
        let mut reversed = lines.clone();
        reversed.reverse();
        for text in [
            lines.join("\n"),
            lines.join("\r\n").to_lowercase(),
            reversed.join("\n"),
            bare.join("\n"),
            bare.join(" "),
            lines.join(" ").replace('0', "O").replace('1', "l"),
            lines.join("\n").replace('0', "o").replace('1', "I"),
            page.replace('-', "\n"),
            page.replace('-', " \u{2013} "),
            page.lines().map(|l| format!("> | {l} |\n")).collect(),
            format!("{page}\n{page}"),
        ] {
            assert_eq!(parse(&text).expect(&text), (site, secret.clone()));
        }
    }

    #[test]
    fn one_wrong_letter_names_its_line_and_does_not_repeat_it() {
        let (_, _, page) = sheet(3);
        let lines = typed(&page);
        for (number, position) in (0..LINES).flat_map(|n| (5..lines[n].len()).map(move |p| (n, p))) {
            let right = char::from(lines[number].as_bytes()[position]);
            for wrong in ['0', '7', 'Q', 'Z', 'U'] {
                if right == '-' || group_of(right) == group_of(wrong) {
                    continue;
                }
                let mut changed = lines.clone();
                changed[number].replace_range(position..=position, &wrong.to_string());
                let error = parse(&changed.join("\n")).expect_err("typing error");
                assert_eq!((error.kind(), error.code()), (Kind::Usage, "sheet.line"));
                assert_eq!(error.to_string(), format!("recovery sheet: line {} has a typing error", number + 1));
                assert!(error.what_next().is_some());
            }
        }
    }

    #[test]
    fn missing_short_and_unlabelled_lines_are_named_too() {
        let (_, _, page) = sheet(4);
        let lines = typed(&page);
        let without = |change: &dyn Fn(&mut Vec<String>)| {
            let mut changed = lines.clone();
            change(&mut changed);
            parse(&changed.join("\n")).expect_err("wrong").to_string()
        };
        let missing = without(&|l| drop(l.remove(2)));
        assert_eq!(missing, "recovery sheet: line 3 is missing or has a typing error");
        let short = without(&|l| l[4] = l[4][..l[4].len() - 1].to_owned());
        assert_eq!(short, "recovery sheet: line 5 has 19 letters and digits instead of 20");
        let two = without(&|l| {
            l[0].push('X');
            l[5] = l[5][1..].replace('-', "").replace(|c: char| c.is_ascii_digit(), "Y");
        });
        assert_eq!(two, "recovery sheet: line 1 has 21 letters and digits instead of 20; line 6 is missing or has a typing error");
        assert_eq!(parse("dear reader, nothing here").expect_err("none").code(), "sheet.none");
        assert_eq!(parse(&" ".repeat(SHEET_BYTES_MAX as usize + 1)).expect_err("long").code(), "sheet.long");
    }

    #[test]
    fn two_sheets_are_never_mixed() {
        let ((_, _, one), (_, _, two)) = (sheet(5), sheet(6));
        assert_eq!(parse(&format!("{one}{two}")).expect_err("two").code(), "sheet.two");
        let (one, two) = (typed(&one), typed(&two));
        let mixed = [&one[..3], &two[3..]].concat().join("\n");
        assert_eq!(parse(&mixed).expect_err("mixed").code(), "sheet.mixed");
    }

    #[test]
    fn a_flipped_byte_anywhere_gives_the_same_secret_or_none() {
        let (site, secret, page) = sheet(7);
        let mut refused = 0;
        for (i, bit) in (0..page.len()).flat_map(|i| (0..8).map(move |bit| (i, bit))) {
            let mut bytes = page.as_bytes().to_vec();
            bytes[i] ^= 1 << bit;
            match parse(&String::from_utf8_lossy(&bytes)) {
                Ok(read) => assert_eq!(read, (site, secret.clone()), "byte {i} bit {bit}"),
                Err(error) => {
                    assert_eq!(error.code(), "sheet.line", "byte {i} bit {bit}");
                    refused += 1;
                }
            }
        }
        // 120 letters with 8 bits each; one bit in a letter only changes its case, and a few turn 0 into O or the like.
        assert!(refused > 120 * 6, "{refused}");
    }

    #[test]
    fn a_later_kind_of_sheet_is_refused_as_newer() {
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        payload[0] = VERSION + 1;
        let check = whole_check(&payload[..SAID_BYTES]);
        payload[SAID_BYTES..].copy_from_slice(&check);
        let lines: Vec<String> = payload.as_chunks::<LINE_BYTES>().0.iter().enumerate().map(|(i, b)| code_line(i, b).to_string()).collect();
        assert_eq!(parse(&lines.join("\n")).expect_err("newer").kind(), Kind::Newer);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,400}", cut in any::<proptest::sample::Index>(), insert in "[ -~\\n]{0,9}") {
            prop_assert!(parse(&text).is_err());
            let (site, secret, page) = sheet(8);
            let mut changed = page.clone();
            changed.insert_str(cut.index(page.len()), &insert);
            if let Ok(read) = parse(&changed) {
                prop_assert_eq!(read, (site, secret));
            }
        }

        #[test]
        fn every_secret_survives_the_paper(site in any::<[u8; 16]>(), secret in any::<[u8; 32]>(), name in "\\PC{0,40}") {
            let (site, secret) = (SiteId::from_bytes(site), SiteSecret::from_bytes(secret));
            let page = render(&secret, site, &name, &[], "2026-11-20");
            prop_assert_eq!(parse(&page.to_lowercase()).expect("page"), (site, secret));
        }
    }
}
