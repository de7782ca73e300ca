use proptest::prelude::*;

use super::model::{Model, changed_documents, prefix_of, slices, tenant, timeline};
use super::*;
use crate::format::block::{Effort, pack};

fn read(wire: &Wire, model: &Model) -> Result<Slice> {
    decode(wire, tenant(), prefix_of(timeline()), model)
}

proptest! {
    #[test]
    fn slices_round_trip((model, slice) in slices()) {
        let wire = encode(&slice, &model).expect("encode");
        prop_assert_eq!(read(&wire, &model).expect("decode"), slice);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_slice((model, slice) in slices(), mask in 1..=255u8) {
        let wire = encode(&slice, &model).expect("encode");
        for at in 0..wire.columns.len() {
            let mut bad = wire.clone();
            bad.columns[at] ^= mask;
            if let Ok(other) = read(&bad, &model) {
                prop_assert_eq!(encode(&other, &model).expect("encode"), bad.clone());
            }
            bad.columns.truncate(at);
            prop_assert!(read(&bad, &model).is_err());
        }
        for at in 0..wire.noise.len() {
            let cut = Wire { noise: wire.noise[..at].to_vec(), columns: wire.columns.clone() };
            prop_assert!(read(&cut, &model).is_err());
        }
    }

    #[test]
    fn any_bytes_decode_or_fail(noise in proptest::collection::vec(any::<u8>(), 72..90), columns in proptest::collection::vec(0..6u8, 0..80)) {
        let model = Model { documents: vec![None; 3], sizes: vec![5; 3] };
        let wire = Wire { noise, columns };
        if let Ok(slice) = read(&wire, &model) {
            prop_assert_eq!(encode(&slice, &model).expect("encode"), wire);
        }
    }
}

fn one_document() -> (Model, Slice) {
    let (model, slice, ..) = changed_documents(10, 1, false);
    (model, slice)
}

#[test]
fn broken_rules_are_refused() {
    type Break = fn(&mut Slice);
    let breaks: [(&str, Break); 10] = [
        ("no batch", |s| s.batches.clear()),
        ("sequence 0", |s| s.first_seq = 0),
        ("a key too many", |s| s.new_keys.push(b"k".to_vec())),
        ("a content too many", |s| s.contents.push(s.contents[0].clone())),
        ("a base that is not earlier", |s| s.contents[0].base = Some(s.contents_before)),
        ("blocks too short", |s| s.blocks[0].plain_len -= 1),
        ("no blocks", |s| s.blocks.clear()),
        ("an empty frame", |s| s.blocks[0].frame_len = 0),
        ("a splice beyond its base", |s| s.contents[0].splice = vec![Run::Copy { at: 300, len: 300 }]),
        ("a document out of order", |s| s.batches[0].changes.push(WireChange::Remove { document: 12 })),
    ];
    let (model, slice) = one_document();
    encode(&slice, &model).expect("the slice itself is good");
    for (what, break_it) in breaks {
        let mut slice = slice.clone();
        break_it(&mut slice);
        let error = encode(&slice, &model).expect_err(what);
        assert_eq!(error.code(), "format.damaged", "{what}");
    }
}

#[test]
fn another_log_before_the_slice_is_noticed() {
    let (model, slice) = one_document();
    let wire = encode(&slice, &model).expect("encode");
    assert!(read(&wire, &Model::default()).is_err());
}

/// Bytes of the packed records and of the frame.
fn measure(total: u64, changed: u64, spread: bool) -> (usize, usize) {
    let (model, mut slice, old, new) = changed_documents(total, changed, spread);
    let frame = pack(&old, &new, Effort::Best).expect("pack");
    slice.blocks[0].frame_len = frame.len() as u64;
    let wire = encode(&slice, &model).expect("encode");
    let packed = pack(&[], &wire.columns, Effort::Best).expect("pack");
    (wire.noise.len() + packed.len().min(wire.columns.len()), frame.len())
}

#[test]
fn records_and_frames_keep_their_byte_targets() {
    let cases = [
        // documents, changed, spread over hours, most bytes of the records, most bytes of the frame
        (10_000, 1, false, 110, 40),
        (10_000, 100, false, 900, 1_200),
        (10_000, 100, true, 900, 1_200),
        (100_000, 1_000, false, 7_000, 12_000),
        // Times spread at random hold 43 bits each, 5,300 bytes in all: more than the target leaves room for.
        (100_000, 1_000, true, 7_400, 12_000),
    ];
    for (total, changed, spread, records_max, frame_max) in cases {
        let (packed, frame) = measure(total, changed, spread);
        assert!(packed <= records_max, "{changed} of {total}: records {packed}");
        assert!(frame <= frame_max, "{changed} of {total}: frame {frame}");
    }
}
