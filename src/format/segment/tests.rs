use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits::PAD_FROM_BYTES;
use crate::base::random::{Random, SeededRandom};
use crate::base::time::Timestamp;
use crate::format::block::{Effort, pack, unpack};
use crate::format::cipher::TAG_BYTES;
use crate::format::layout::{Layout, assemble};
use crate::format::record::RecordHasher;
use crate::format::wire::model::{Model, changed_documents, slices, tenant, timeline};
use crate::format::wire::{BlockEntry, Form, NewContent, Slice, WireBatch, WireChange};
use crate::model::change::{BatchHead, Cause, Change, Meta};

fn key() -> SecretKey {
    SecretKey::from_bytes([7; 32])
}

/// Objects in memory; counts reads.
#[derive(Default)]
struct Objects {
    bytes: HashMap<ObjectName, Vec<u8>>,
    reads: RefCell<Vec<(u64, u64)>>,
}

impl ObjectRead for Objects {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.reads.borrow_mut().push((offset, len));
        let bytes = self.bytes.get(object).ok_or_else(|| Error::missing("object.missing", "no such object"))?;
        let end = (offset + len).min(bytes.len() as u64);
        Ok(bytes.get(offset as usize..end as usize).unwrap_or_default().to_vec())
    }
}

fn write(model: &Model, slice: &Slice, frames: &[Vec<u8>], part_bytes_max: u64) -> (Written, Objects) {
    let mut objects = Objects::default();
    let mut sink = |name: &ObjectName, bytes: &[u8]| {
        objects.bytes.insert(*name, bytes.to_vec());
        Ok(())
    };
    let range = (slice.first_seq, slice.last_seq());
    let random = SeededRandom::new(slice.first_seq);
    let mut writer = SliceWriter::new(&key(), slice.tenant, slice.timeline, range, part_bytes_max, &random, &mut sink);
    for (block, frame) in slice.blocks.iter().zip(frames) {
        writer.block(block.plain_len, frame).expect("block");
    }
    let written = writer.finish(slice.clone(), model).expect("finish");
    (written, objects)
}

fn tail_name(written: &Written) -> ObjectName {
    *written.objects.last().expect("a tail object")
}

fn read(model: &Model, name: &ObjectName, objects: &Objects) -> Result<(Slice, Vec<Vec<u8>>)> {
    let reader = Tail::read(&key(), tenant(), name, objects)?.decode(tenant(), model)?;
    let frames = (0..reader.slice().blocks.len()).map(|i| reader.frame(i, objects)).collect::<Result<_>>()?;
    Ok((reader.into_slice(), frames))
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SeededRandom::new(seed).fill(&mut bytes);
    bytes
}

/// A slice of one content whose data are cut into blocks with frames of these sizes.
fn slice_with_frames(sizes: &[usize]) -> (Model, Slice, Vec<Vec<u8>>) {
    let (model, mut slice, ..) = changed_documents(10, 1, false);
    slice.contents[0].size = sizes.iter().sum::<usize>() as u64;
    slice.blocks = sizes.iter().map(|len| BlockEntry { part: 0, plain_len: *len as u64, frame_len: 1 }).collect();
    let frames = sizes.iter().enumerate().map(|(i, len)| noise(*len, i as u64)).collect();
    (model, slice, frames)
}

/// What an outsider reads from the trailer.
fn tail_len(object: &[u8]) -> usize {
    let at = object.len() - 5;
    u32::from_le_bytes(object[at..at + 4].try_into().expect("four bytes")) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn slices_round_trip((model, slice) in slices(), part_bytes_max in 200..4000u64, scale in prop_oneof![Just(1usize), Just(100)]) {
        let frames: Vec<_> = slice.blocks.iter().enumerate().map(|(i, b)| noise(b.frame_len as usize * scale, i as u64)).collect();
        let (written, objects) = write(&model, &slice, &frames, part_bytes_max * scale as u64);
        let (back, back_frames) = read(&model, &tail_name(&written), &objects).expect("read");
        prop_assert_eq!(&back_frames, &frames);
        prop_assert_eq!(&back.blocks, &written.blocks);
        prop_assert_eq!(Slice { blocks: Vec::new(), ..back }, Slice { blocks: Vec::new(), ..slice });
        for (name, bytes) in &objects.bytes {
            check_object(name, bytes).expect("whole objects match their names");
            prop_assert_eq!(ObjectName::parse(&name.to_string()), Some(*name));
        }
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    for sizes in [&[20usize][..], &[40_000, 30_000][..]] {
        let (model, slice, frames) = slice_with_frames(sizes);
        let (written, objects) = write(&model, &slice, &frames, 1 << 20);
        let name = tail_name(&written);
        let good = &objects.bytes[&name];
        let step = 1 + good.len() / 2000;
        let unread = good.len() > TAIL_GUESS_BYTES as usize;
        let tail_start = good.len() - TRAILER_BYTES - tail_len(good);
        let boxes_end = FRONT_BYTES + sizes.iter().map(|len| len + TAG_BYTES).sum::<usize>();
        let near_the_end = good.len().saturating_sub(600)..good.len();
        for at in (0..good.len()).step_by(step).chain(near_the_end) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(check_object(&name, &bad).is_err(), "byte {at}");
            let changed = Objects { bytes: HashMap::from([(name, bad)]), ..Objects::default() };
            // The front of an object that is larger than one read, and filler, are only proven by the digest.
            let unproven = unread && (at < FRONT_BYTES || boxes_end <= at && at < tail_start);
            match read(&model, &name, &changed) {
                Ok((_, back)) => assert!(unproven && back == frames, "byte {at}"),
                Err(_) => assert!(!unproven, "byte {at}"),
            }
            let cut = Objects { bytes: HashMap::from([(name, good[..at].to_vec())]), ..Objects::default() };
            assert!(read(&model, &name, &cut).is_err(), "cut at {at}");
            assert!(check_object(&name, &good[..at]).is_err());
        }
    }
}

#[test]
fn wrong_keys_newer_formats_and_other_places_are_told_apart() {
    let (model, slice, frames) = slice_with_frames(&[20]);
    let (written, objects) = write(&model, &slice, &frames, 1 << 20);
    let name = tail_name(&written);
    let other_key = SecretKey::from_bytes([8; 32]);
    let denied = Tail::read(&other_key, tenant(), &name, &objects).err().expect("other key");
    assert_eq!((denied.kind(), denied.code()), (Kind::Denied, "key.wrong"));
    let other_tenant = TenantId::from_bytes([4; 16]);
    assert_eq!(Tail::read(&key(), other_tenant, &name, &objects).err().expect("other tenant").code(), "segment.damaged");

    let mut bytes = objects.bytes[&name].clone();
    bytes[FRONT_BYTES - 1] = version::SEGMENT + 1;
    let newer = ObjectName { digest: super::name::object_digest(&bytes), ..name };
    assert_eq!(check_object(&newer, &bytes).expect_err("newer").kind(), Kind::Newer);

    let renamed = ObjectName { first: name.first + 1, last: name.last + 1, ..name };
    let moved = Objects { bytes: HashMap::from([(renamed, objects.bytes[&name].clone())]), ..Objects::default() };
    assert_eq!(read(&model, &renamed, &moved).expect_err("other batches").code(), "segment.damaged");
}

#[test]
fn the_end_is_read_once_and_twice_only_for_a_large_tail() {
    let (model, slice, frames) = slice_with_frames(&[400_000]);
    let (written, objects) = write(&model, &slice, &frames, 1 << 20);
    let name = tail_name(&written);
    Tail::read(&key(), tenant(), &name, &objects).expect("tail");
    assert_eq!(*objects.reads.borrow(), [(name.size - TAIL_GUESS_BYTES, TAIL_GUESS_BYTES)]);

    let (model, mut slice, frames) = (model, slice, frames);
    slice.batches[0].reason = String::new();
    slice.new_keys = (0..9000u64).map(|i| noise(12, i).iter().map(|b| b | 1).collect()).collect();
    let new = (0..9000).map(|i| WireChange::Remove { document: slice.documents_before + i });
    slice.batches[0].changes.extend(new);
    let (written, objects) = write(&model, &slice, &frames, 1 << 20);
    let name = tail_name(&written);
    let tail = Tail::read(&key(), tenant(), &name, &objects).expect("tail");
    assert_eq!(objects.reads.borrow().len(), 2);
    let reader = tail.decode(tenant(), &model).expect("decode");
    assert_eq!(reader.slice().new_keys, slice.new_keys);
    assert_eq!(reader.frame(0, &objects).expect("frame"), frames[0]);
}

#[test]
fn a_large_slice_becomes_parts_and_the_tail_comes_last() {
    let sizes = vec![90_000; 10];
    let (model, slice, frames) = slice_with_frames(&sizes);
    let (written, objects) = write(&model, &slice, &frames, 256 * 1024);
    assert!(written.objects.len() >= 4, "{}", written.objects.len());
    for (i, name) in written.objects.iter().enumerate() {
        assert_eq!(name.part as usize, i);
        assert_eq!(name.is_tail, i + 1 == written.objects.len());
        assert!(name.size <= 256 * 1024);
    }
    let tail = Tail::read(&key(), tenant(), &tail_name(&written), &objects).expect("tail");
    assert_eq!(tail.parts(), &written.objects[..written.objects.len() - 1]);
    let reader = tail.decode(tenant(), &model).expect("decode");
    let extent = reader.extent(3).expect("a box of its own");
    let sealed = objects.read(&extent.object, extent.offset, extent.len).expect("read");
    assert_eq!(reader.open_frame(3, &sealed).expect("open"), frames[3]);
    assert!(reader.open_frame(4, &sealed).is_err(), "a box opens only in its own place");
}

#[test]
fn object_sizes_do_not_tell_block_sizes() {
    // Frames of many sizes, inside the tail box and outside: the object sizes are few.
    for range in [6_000..7_000, 100_000..104_000usize] {
        let step = range.len() / 40;
        let mut sizes = std::collections::BTreeSet::new();
        for size in range.step_by(step) {
            let (model, slice, frames) = slice_with_frames(&[size / 3, size - size / 3]);
            let (written, _) = write(&model, &slice, &frames, 1 << 20);
            sizes.insert(tail_name(&written).size);
        }
        assert!(sizes.len() <= 6, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size > PAD_FROM_BYTES));
    }
    // The same bytes in other blocks give the same object size and tail size.
    let visible = |sizes: &[usize]| {
        let (model, slice, frames) = slice_with_frames(sizes);
        let (written, objects) = write(&model, &slice, &frames, 1 << 20);
        let bytes = &objects.bytes[&tail_name(&written)];
        (bytes.len(), tail_len(bytes))
    };
    assert_eq!(visible(&[50_000, 50_000]), visible(&[90_000, 10_000]));
}

#[test]
fn the_fixed_cost_is_small() {
    assert_eq!(FRONT_BYTES + TRAILER_BYTES, 38);
    for (total, changed, most) in [(10_000, 1, 210), (10_000, 10, 500), (10_000, 100, 1_200), (100_000, 1_000, 9_000)] {
        let (model, slice, old, new) = changed_documents(total, changed, false);
        let frame = pack(&old, &new, Effort::Best).expect("pack");
        let (written, objects) = write(&model, &slice, std::slice::from_ref(&frame), 1 << 20);
        let name = tail_name(&written);
        assert!(name.size <= most, "{changed} of {total}: {}", name.size);
        let (_, frames) = read(&model, &name, &objects).expect("read");
        assert_eq!(unpack(&old, &frames[0], new.len()).expect("unpack"), new);
    }
}

#[test]
fn blocks_of_another_slice_are_refused() {
    let (model, mut slice, _) = slice_with_frames(&[20]);
    let mut sink = |_: &ObjectName, _: &[u8]| Ok(());
    let random = SeededRandom::new(5);
    let writer = SliceWriter::new(&key(), tenant(), timeline(), (1, 1), 1000, &random, &mut sink);
    assert_eq!(writer.finish(slice.clone(), &model).expect_err("mixed").code(), "segment.mixed");
    slice.blocks.clear();
    let mut writer = SliceWriter::new(&key(), tenant(), timeline(), (slice.first_seq, slice.last_seq()), 1000, &random, &mut sink);
    assert_eq!(writer.block(u64::MAX, b"x").expect_err("large").code(), "segment.block");
    assert!(writer.finish(slice.clone(), &model).is_err(), "blocks are missing");
}

/// The log of the example in `FORMAT.md`: two documents, then a change of the first.
fn example() -> Vec<(Slice, Vec<Vec<u8>>)> {
    let first: [&[u8]; 2] = [b"{\"id\":1,\"name\":\"Kari Nordmann\",\"city\":\"Oslo\"}\n", b"Two documents make a log.\n"];
    let second: &[u8] = b"{\"id\":1,\"name\":\"Kari Nordmann\",\"city\":\"Bergen\"}\n";
    let batch = |micros, reason: &str, changes| WireBatch {
        time: Timestamp(micros),
        clock_behind: 0,
        actor: "806".into(),
        reason: reason.into(),
        origin: String::new(),
        request: String::new(),
        cause: Cause::Recorded,
        changes,
    };
    let put = |document, content, mtime_ns| WireChange::Put { document, content, meta: Meta { mode: Some(0o644), mtime_ns, ..Meta::default() } };
    let content = |bytes: &[u8], base| NewContent { size: bytes.len() as u64, form: Form::Plain, base, splice: Vec::new(), boxed: None };
    let mut one = Slice {
        tenant: tenant(),
        timeline: timeline(),
        parent: None,
        first_seq: 1,
        prev: Digest::ZERO,
        head: Digest::ZERO,
        documents_before: 0,
        contents_before: 0,
        new_keys: vec![b"sak/2018-163.json".to_vec(), b"sak/2018-notes.txt".to_vec()],
        batches: vec![batch(
            1_537_279_320_000_000,
            "ny sak",
            vec![put(0, 0, Some(1_537_279_300_500_000_000)), put(1, 1, Some(1_537_279_301_000_000_000))],
        )],
        contents: vec![content(first[0], None), content(first[1], None)],
        blocks: Vec::new(),
    };
    let mut two = Slice {
        first_seq: 2,
        documents_before: 2,
        contents_before: 2,
        new_keys: Vec::new(),
        batches: vec![batch(1_537_279_920_123_456, "flyttet", vec![put(0, 2, Some(1_537_279_919_123_456_789))])],
        contents: vec![content(second, Some(0))],
        ..one.clone()
    };
    let contents: Vec<Vec<u8>> = first.iter().chain([&second]).map(|bytes| bytes.to_vec()).collect();
    one.head = chain(&one, &one.new_keys, &contents);
    two.prev = one.head;
    two.head = chain(&two, &one.new_keys, &contents);
    vec![(one, contents[..2].to_vec()), (two, contents[2..].to_vec())]
}

/// The digest of the last batch, from the canonical records.
fn chain(slice: &Slice, keys: &[Vec<u8>], contents: &[Vec<u8>]) -> Digest {
    let mut prev = slice.prev;
    for (seq, batch) in (slice.first_seq..).zip(&slice.batches) {
        let (actor, reason, origin, request) = (batch.actor.clone(), batch.reason.clone(), batch.origin.clone(), batch.request.clone());
        let head = BatchHead { seq, prev, time: batch.time, clock_behind: batch.clock_behind, actor, reason, origin, request, cause: batch.cause };
        let mut hasher = RecordHasher::new(&head, batch.changes.len() as u64);
        for change in &batch.changes {
            let WireChange::Put { document, content, meta } = change else { panic!("the example has only puts") };
            let bytes = &contents[*content as usize];
            hasher.push(&Change::Put {
                key: keys[*document as usize].clone(),
                content: Digest::of(bytes),
                size: bytes.len() as u64,
                meta: meta.clone(),
            });
        }
        prev = hasher.finish();
    }
    prev
}

/// Objects of the example as this program writes them, in the form of the specification.
fn show_example() -> String {
    let (mut model, mut known, mut text) = (Model::default(), Vec::new(), String::new());
    for (mut slice, contents) in example() {
        let plain = contents.concat();
        slice.blocks = vec![BlockEntry { part: 0, plain_len: plain.len() as u64, frame_len: 1 }];
        let prefix = prefix_of_block(&slice, &model, &known);
        let (written, objects) = write(&model, &slice, &[pack(&prefix, &plain, Effort::Best).expect("pack")], 1 << 20);
        let name = tail_name(&written);
        text += &format!("    {name}\n");
        let hex: String = objects.bytes[&name].iter().map(|b| format!("{b:02x}")).collect();
        hex.as_bytes().chunks(128).for_each(|line| text += &format!("    {}\n", String::from_utf8_lossy(line)));
        apply(&mut model, &slice);
        known.extend(contents);
    }
    text
}

fn prefix_of_block(slice: &Slice, model: &Model, contents: &[Vec<u8>]) -> Vec<u8> {
    let layout = Layout::of(slice, model).expect("layout");
    assemble(&layout.blocks[0].prefix, |piece, _| Ok(contents[piece.content as usize][piece.from as usize..piece.to as usize].to_vec()))
        .expect("prefix")
}

fn apply(model: &mut Model, slice: &Slice) {
    model.sizes.extend(slice.contents.iter().map(|c| c.size));
    model.documents.resize(model.documents.len() + slice.new_keys.len(), None);
    for change in slice.batches.iter().flat_map(|b| &b.changes) {
        if let WireChange::Put { document, content, meta } = change {
            model.documents[*document as usize] = Some((*content, meta.clone()));
        }
    }
}

#[test]
fn the_example_of_the_specification_is_read_and_proven() {
    let specification = include_str!("../../../FORMAT.md");
    let lines = specification.lines().skip_while(|line| *line != "## Example").filter_map(|line| line.strip_prefix("    "));
    let mut objects: Vec<(ObjectName, String)> = Vec::new();
    for line in lines {
        match (ObjectName::parse(line), objects.last_mut()) {
            (Some(name), _) => objects.push((name, String::new())),
            (None, Some((_, hex))) => hex.push_str(line),
            (None, None) => {}
        }
    }
    assert_eq!(objects.len(), 2, "the specification should say\n{}", show_example());
    let (mut model, mut contents, mut keys, mut head) = (Model::default(), Vec::new(), Vec::new(), Digest::ZERO);
    for ((name, hex), (expected, expected_contents)) in objects.into_iter().zip(example()) {
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
        check_object(&name, &bytes).expect("the object matches its name");
        let source = Objects { bytes: HashMap::from([(name, bytes)]), ..Objects::default() };
        let (slice, frames) = read(&model, &name, &source).expect("read");
        assert_eq!(slice.prev, head);
        let prefix = prefix_of_block(&slice, &model, &contents);
        let plain = unpack(&prefix, &frames[0], slice.blocks[0].plain_len as usize).expect("unpack");
        assert_eq!(plain, expected_contents.concat());
        contents.extend(expected_contents);
        keys.extend(slice.new_keys.clone());
        head = chain(&slice, &keys, &contents);
        assert_eq!(head, slice.head);
        assert_eq!(Slice { blocks: Vec::new(), ..slice.clone() }, expected);
        apply(&mut model, &slice);
    }
}

#[test]
fn the_numbers_of_the_specification_are_ours() {
    use crate::base::limits;
    let specification = include_str!("../../../FORMAT.md");
    for (name, value) in [
        ("FRONT_BYTES", FRONT_BYTES as u64),
        ("TRAILER_BYTES", TRAILER_BYTES as u64),
        ("TAG_BYTES", TAG_BYTES as u64),
        ("INLINE_FRAMES_BYTES", INLINE_FRAMES_BYTES as u64),
        ("PAD_FROM_BYTES", limits::PAD_FROM_BYTES),
        ("BLOCK_PLAIN_BYTES_MAX", limits::BLOCK_PLAIN_BYTES_MAX as u64),
        ("PREFIX_BYTES_MAX", limits::PREFIX_BYTES_MAX as u64),
        ("TAIL_BYTES_MAX", limits::TAIL_BYTES_MAX as u64),
        ("SEGMENT_BYTES_MAX", limits::SEGMENT_BYTES_MAX),
        ("KEY_BYTES_MAX", limits::KEY_BYTES_MAX as u64),
        ("TEXT_BYTES_MAX", limits::TEXT_BYTES_MAX as u64),
        ("ORDINAL_MAX", crate::format::wire::ORDINAL_MAX),
        ("version", version::SEGMENT.into()),
    ] {
        assert!(specification.contains(&format!("\n| {name} | {value} |\n")), "{name} is {value}");
    }
    assert!(specification.contains(&format!("`{}`", String::from_utf8_lossy(&MAGIC))));
}
