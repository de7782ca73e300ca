//! Containers made here at several levels, edited, cut, mutated; every form must give back exactly what it was made of.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::*;
use crate::base::digest::Digest;
use crate::base::error::Kind;

/// Words that look like a sheet: `seed` decides which.
fn sheet(seed: u32, rows: usize) -> Vec<u8> {
    let mut state = seed;
    let mut out = String::from("<sheetData>");
    for row in 0..rows {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.push_str(&format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"s\"><v>{}</v></c><c r=\"B{row}\"><v>{}</v></c></row>", state >> 20, state >> 27));
    }
    out.into_bytes()
}

fn edited(mut text: Vec<u8>) -> Vec<u8> {
    let middle = text.len() / 2;
    text.splice(middle..middle, *b"edit");
    text
}

fn deflated(plain: &[u8], level: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1000);
    Compress::new(Compression::new(level), false).compress_vec(plain, &mut out, FlushCompress::Finish).expect("deflates");
    out
}

/// A stream that no single call of zlib writes: flushed in the middle.
fn flushed(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1000);
    let mut encoder = Compress::new(Compression::new(6), false);
    let (front, back) = plain.split_at(plain.len() / 3);
    encoder.compress_vec(front, &mut out, FlushCompress::Sync).expect("front");
    encoder.compress_vec(back, &mut out, FlushCompress::Finish).expect("back");
    out
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// One member of a zip: its plain bytes and how they are kept.
struct Member {
    plain: Vec<u8>,
    stored: Vec<u8>,
    method: u16,
    flags: u16,
}

fn member(plain: Vec<u8>, level: u32) -> Member {
    Member { stored: deflated(&plain, level), plain, method: 8, flags: 0 }
}

fn zip(members: &[Member]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (i, m) in members.iter().enumerate() {
        let offset = out.len() as u32;
        let name = format!("xl/part{i}.xml");
        let sizes = [crc(&m.plain), m.stored.len() as u32, m.plain.len() as u32].map(u32::to_le_bytes).concat();
        let mut common = [20u16, m.flags, m.method, 0, 33].map(u16::to_le_bytes).concat();
        let local_sizes = if m.flags & 8 != 0 { vec![0; 12] } else { sizes.clone() };
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(&local_sizes);
        out.extend_from_slice(&[name.len() as u16, 0].map(u16::to_le_bytes).concat());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&m.stored);
        if m.flags & 8 != 0 {
            out.extend_from_slice(b"PK\x07\x08");
            out.extend_from_slice(&sizes);
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.append(&mut common);
        directory.extend_from_slice(&sizes);
        directory.extend_from_slice(&[name.len() as u16, 0, 0, 0, 0, 0, 0].map(u16::to_le_bytes).concat());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let count = members.len() as u16;
    let at = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].map(u16::to_le_bytes).concat());
    out.extend_from_slice(&[directory.len() as u32, at].map(u32::to_le_bytes).concat());
    out.extend_from_slice(&[0, 0]);
    out
}

/// The zlib stream (RFC 1950) of `plain`.
fn zlib_stream(plain: &[u8], level: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1000);
    Compress::new(Compression::new(level), true).compress_vec(plain, &mut out, FlushCompress::Finish).expect("deflates");
    out
}

fn pdf(parts: &[(&[u8], u32)]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    for (i, (plain, level)) in parts.iter().enumerate() {
        let stream = zlib_stream(plain, *level);
        out.extend_from_slice(format!("{i} 0 obj\n<< /Length {} /Filter /FlateDecode >>\nstream\r\n", stream.len()).as_bytes());
        out.extend_from_slice(&stream);
        out.extend_from_slice(b"\nendstream\nendobj\n");
    }
    out.extend_from_slice(b"trailer\n%%EOF\n");
    out
}

/// A PDF whose streams are written as text, in lines of `width` characters.
fn pdf_as_text(parts: &[(&[u8], u32)], width: u8) -> Vec<u8> {
    let mut out = b"%PDF-1.3\n".to_vec();
    for (plain, level) in parts {
        let armour = Armour { width, head: [0x78, 0x9c] };
        let text = armour.encode(&deflated(plain, *level), plain, usize::MAX).expect("text");
        out.extend_from_slice(b"1 0 obj\n<< /Filter [ /ASCII85Decode /FlateDecode ] >>\nstream\n");
        out.extend_from_slice(&text);
        out.extend_from_slice(b"endstream\nendobj\n");
    }
    out.extend_from_slice(b"trailer\n%%EOF\n");
    out
}

fn png(plain: &[u8], level: u32, piece: usize) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        out.extend_from_slice(&(data.len() as u32).to_be_bytes());
        out.extend_from_slice(kind);
        out.extend_from_slice(data);
        out.extend_from_slice(&crc(&[&kind[..], data].concat()).to_be_bytes());
    };
    chunk(b"IHDR", &[0; 13]);
    zlib_stream(plain, level).chunks(piece).for_each(|data| chunk(b"IDAT", data));
    chunk(b"IEND", b"");
    out
}

fn gzip(plain: &[u8], level: u32) -> Vec<u8> {
    let mut out = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0".to_vec();
    out.extend_from_slice(&deflated(plain, level));
    out.extend_from_slice(&[crc(plain), plain.len() as u32].map(u32::to_le_bytes).concat());
    out
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every kind of container with the same texts inside.
fn every_kind(text: &[u8], level: u32) -> Vec<Vec<u8>> {
    let second = sheet(9, 50);
    let streamed = Member { flags: 8, ..member(text.to_vec(), level) };
    vec![
        zip(&[member(text.to_vec(), level), member(second.clone(), 9)]),
        zip(&[streamed, member(second.clone(), 1)]),
        pdf(&[(text, level), (&second, 9)]),
        pdf_as_text(&[(text, level), (&second, 9)], 0),
        pdf_as_text(&[(text, level)], 72),
        png(text, level, 700),
        png(text, level, 1),
        [gzip(text, level), gzip(&second, 6)].concat(),
    ]
}

#[test]
fn every_kind_is_opened_and_given_back() {
    let (old, new) = (sheet(1, 400), edited(sheet(1, 400)));
    for level in [1, 4, 6, 9] {
        for (kind, (base, content)) in every_kind(&old, level).into_iter().zip(every_kind(&new, level)).enumerate() {
            assert!(looks_like_container(&content[..8]), "kind {kind}");
            let form = unpack(&content, Some(&base)).unwrap_or_else(|| panic!("kind {kind}, level {level} is opened"));
            assert_eq!(repack(&form).expect("repacks"), content, "kind {kind}, level {level}");
            assert!(contains(&form, &new), "kind {kind}: the changed stream stands there plain");
            assert!(contains(&plain_of(&base).expect("plain"), &old), "kind {kind}");
            let alone = unpack(&content, None).expect("opened without a base too");
            assert_eq!(repack(&alone).expect("repacks"), content);
            assert_eq!(unpack(&content, Some(&content)), None, "nothing changed, nothing to open");
        }
    }
}

#[test]
fn unchanged_streams_stay_and_the_directory_of_a_zip_repeats() {
    let keep = sheet(5, 200);
    let old = zip(&[member(sheet(1, 300), 6), member(keep.clone(), 6)]);
    let new = zip(&[member(edited(sheet(1, 300)), 6), member(keep.clone(), 6)]);
    let form = unpack(&new, Some(&old)).expect("opened");
    assert!(contains(&form, &deflated(&keep, 6)) && !contains(&form, &keep));
    let directory = plain_of(&old).expect("plain");
    let from = directory.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    assert!(form.ends_with(&directory[from..]), "other sizes, CRCs and offsets, the same folded bytes");
    assert_eq!(repack(&form).expect("repacks"), new);
}

#[test]
fn what_a_zip_may_hold_besides_is_left_alone() {
    let text = sheet(1, 100);
    let encrypted = Member { flags: 1, ..member(text.clone(), 6) };
    assert_eq!(plain_of(&zip(&[encrypted])), None);
    let stored = Member { plain: text.clone(), stored: text.clone(), method: 0, flags: 0 };
    let content = zip(&[stored, member(edited(text), 6)]);
    let form = unpack(&content, None).expect("the deflated one is opened");
    assert_eq!(repack(&form).expect("repacks"), content);
    let shifted = [b"PK\x03\x04 something before it".to_vec(), content.clone()].concat();
    let form = unpack(&shifted, Some(&content[1..])).expect("found behind other bytes");
    assert_eq!(repack(&form).expect("repacks"), shifted);
    assert_eq!(unpack(&content[..content.len() - 30], None), None, "without its directory a zip is no zip");
}

#[test]
fn entries_that_share_bytes_are_opened_once() {
    let one = zip(&[member(sheet(1, 100), 6)]);
    let directory = one.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let end = one.len() - 22;
    let mut bomb = one[..end].to_vec();
    for _ in 0..200 {
        bomb.extend_from_slice(&one[directory..end]);
    }
    let size = (bomb.len() - directory) as u32;
    bomb.extend_from_slice(&one[end..]);
    let end = bomb.len() - 22;
    bomb[end + 8..end + 12].copy_from_slice(&[201, 0, 201, 0]);
    bomb[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    assert_eq!(scan::scan(&bomb).expect("scanned").streams.len(), 1);
    assert_eq!(repack(&unpack(&bomb, None).expect("opened")).expect("repacks"), bomb);
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 16 << 20];
    for content in [zip(&[member(zeros.clone(), 9)]), gzip(&zeros, 9), png(&zeros, 9, 4096), pdf(&[(&zeros, 9)])] {
        assert!(content.len() * crate::base::limits::INFLATE_RATIO_MAX < zeros.len());
        assert_eq!(plain_of(&content), None);
        assert_eq!(unpack(&content, None), None);
    }
    let mut large = zip(&[member(sheet(1, 10), 6)]);
    large.splice(0..0, std::iter::repeat_n(0, CONTAINER_BYTES_MAX));
    large[..4].copy_from_slice(b"PK\x03\x04");
    assert_eq!(plain_of(&large), None);
}

#[test]
fn many_stream_words_cost_no_more_than_their_bytes() {
    let words = [b"%PDF-1.4\n".to_vec(), b"stream\n\x78\x9c".repeat(200_000)].concat();
    assert_eq!(plain_of(&words), None);
}

/// What a base looks like may never change: it is what shipped frames were compressed against.
#[test]
fn plain_of_is_what_it_always_was() {
    let digests: Vec<String> = every_kind(&sheet(3, 60), 6).iter().map(|c| Digest::of(&plain_of(c).expect("plain")).short(16)).collect();
    let [zip, streamed, two, one] = ["36176ef752487f17", "afbead76ff96087a", "5e3643a6d98f1f9c", "68a64de2fd46181a"];
    assert_eq!(digests, [zip, streamed, two, two, one, one, one, two]);
}

/// A stream as Excel writes it: flushed twice after the head of the sheet and once at the end.
fn office_stream(plain: &[u8]) -> Vec<u8> {
    let segment = |plain_len, markers| Segment { plain_len, markers };
    let segments = vec![segment(plain.len() / 10, 2), segment(plain.len() - plain.len() / 10, 1), segment(0, 0)];
    let script = Script::new(0, segments, plain.len()).expect("script");
    office::replay(plain, &script, usize::MAX).expect("stream")
}

#[test]
fn documents_of_microsoft_office_are_opened() {
    let (old, new) = (sheet(6, 2000), edited(sheet(6, 2000)));
    let [base, content] = [&old, &new].map(|text| zip(&[Member { stored: office_stream(text), plain: text.clone(), method: 8, flags: 0 }]));
    let form = unpack(&content, Some(&base)).expect("opened");
    assert!(contains(&form, &new) && form.len() < new.len() + 150, "no corrections");
    assert_eq!(repack(&form).expect("repacks"), content);
}

/// Streams that only the library for other producers can write again.
#[test]
fn a_form_that_needs_another_build_says_so() {
    let text = sheet(4, 300);
    let content = gzip(&text, 6);
    let odd = [&content[..15], &flushed(&text), &content[content.len() - 8..]].concat();
    if cfg!(feature = "msoffice") {
        let form = unpack(&odd, None).expect("opened");
        assert_eq!(repack(&form).expect("repacks"), odd);
        let mut cut = form.clone();
        let check = cut.len() - 1;
        cut[check] ^= 1;
        assert_eq!(repack(&cut).expect_err("the check sees it").code(), "format.damaged");
    } else {
        assert_eq!(unpack(&odd, None), None);
        let rest = [&[0, 1, 0, 3, 0, 0, METHOD_PREFLATE, 2], &b"??"[..], b"abc"].concat();
        let form = [&[VERSION, 100, 8, 2], &digest_of(&rest)[..], &rest].concat();
        let error = repack(&form).expect_err("needs the feature");
        assert_eq!((error.kind(), error.code()), (Kind::Failed, "container.msoffice"));
        assert!(error.what_next().is_some_and(|hint| hint.contains("msoffice")));
    }
}

#[test]
fn forms_are_checked() {
    let content = zip(&[member(sheet(1, 30), 6)]);
    let form = unpack(&content, None).expect("opened");
    for n in 0..form.len() {
        assert!(repack(&form[..n]).is_err(), "cut at {n}");
    }
    assert!(repack(&[&form[..], b"x"].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_after_a_magic_number(kind in 0usize..4, tail in proptest::collection::vec(any::<u8>(), 0..600)) {
        let magic: [&[u8]; 4] = [b"PK\x03\x04", b"%PDF", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08"];
        let content = [magic[kind], &tail].concat();
        plain_of(&content);
        if let Some(form) = unpack(&content, None) {
            prop_assert_eq!(repack(&form).expect("repacks"), content);
        }
    }

    #[test]
    fn mutated_containers(
        kind in 0usize..6,
        cut in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let base = every_kind(&sheet(2, 12), 6).swap_remove(kind);
        let mut content = base.clone();
        for (at, byte) in edits {
            let at = at.index(content.len());
            content[at] = byte;
        }
        if cut.index(4) == 0 {
            content.truncate(cut.index(content.len()));
        }
        plain_of(&content);
        if let Some(form) = unpack(&content, Some(&base)) {
            prop_assert_eq!(repack(&form).expect("repacks"), content);
        }
    }

    #[test]
    fn mutated_forms(kind in 0usize..6, at in any::<prop::sample::Index>(), byte: u8, front in any::<bool>()) {
        let content = every_kind(&sheet(2, 12), 6).swap_remove(kind);
        let mut form = unpack(&content, None).expect("opened");
        let at = at.index(if front { 40 } else { form.len() });
        form[at] = byte;
        if let Ok(other) = repack(&form) {
            prop_assert!(other.len() <= CONTAINER_BYTES_MAX);
        }
    }

    #[test]
    fn any_bytes_are_no_form_or_a_bounded_one(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = repack(&bytes);
        bytes.insert(0, VERSION);
        let _ = repack(&bytes);
    }
}
