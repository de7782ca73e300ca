//! Bytes that are stored or shipped.

use annals::base::codec::{Reader, put_varint};
use annals::base::digest::{Digest, derive_key};
use annals::format::block::{Effort, compress_chunk, expand_chunk, pack, unpack};
use annals::format::cipher::{SecretKey, open_box, seal_box};
use annals::format::container;
use annals::format::keyfile::{keyring, subjects};
use annals::format::layout::Layout;
use annals::format::list::{Entry, ListBuilder, Node};
use annals::format::record::{decode_change, encode_change};
use annals::format::segment::{ObjectName, Tail, check_object};
use annals::format::wire::{self, Wire};
use annals::model::change::{Change, FileKind, Meta, Tenancy};
use annals::model::reference::Reference;

use crate::change;
use crate::round::{Dice, Rounds, given};
use crate::samples::{Sealed, Site, fixture_files, named};

/// Bytes before the sealed part of a key object: a magic and a version.
const HEADER_BYTES: usize = 5;

fn slices() -> Vec<Sealed> {
    let dir = tempfile::tempdir().expect("dir");
    let mut all = Site::golden().slices();
    all.extend(Site::fresh(&dir.path().join("store")).slices());
    let boxed = Site::boxed(&dir.path().join("boxed")).slices();
    assert!(boxed.iter().any(|sealed| sealed.slice.contents.iter().any(|content| content.boxed.is_some())));
    all.extend(boxed);
    assert!(all.len() >= 8, "{} slices", all.len());
    all
}

/// Records of a slice: what is taken must be exactly what a writer makes.
pub fn wire(rounds: &mut Rounds) {
    let all: Vec<(Sealed, Wire)> = slices()
        .into_iter()
        .map(|sealed| {
            let tail = sealed.parsed();
            (sealed, Wire { noise: tail.noise, columns: tail.columns })
        })
        .collect();
    let others: Vec<Vec<u8>> = all.iter().flat_map(|(_, wire)| [wire.columns.clone(), wire.noise.clone()]).collect();
    rounds.each(|dice| {
        let (sealed, good) = dice.pick(&all);
        let mut bad = good.clone();
        if dice.below(4) == 0 {
            bad.noise = change::bytes(dice, &bad.noise, &others);
        } else {
            bad.columns = change::bytes(dice, &bad.columns, &others);
        }
        given(&[&bad.noise[..], &bad.columns].concat());
        let Ok(slice) = wire::decode(&bad, sealed.tenant, sealed.name.timeline, &sealed.before) else { return false };
        assert_eq!(wire::encode(&slice, &sealed.before).expect("what was read can be written"), bad);
        // Other records are found out by the digest of the last batch; here only that equal bytes are equal slices.
        assert!((slice == sealed.slice) == (bad == *good));
        true
    });
}

/// Objects as a remote could give them: under their names, and under names that were made to fit.
pub fn sealed_objects(rounds: &mut Rounds) {
    let all = slices();
    let others: Vec<Vec<u8>> = all.iter().flat_map(|s| s.objects.0.values().cloned()).collect();
    rounds.each(|dice| {
        let sealed = dice.pick(&all);
        let mut names: Vec<&ObjectName> = sealed.objects.0.keys().collect();
        names.sort();
        let name = *dice.pick(&names);
        let good = &sealed.objects.0[name];
        let bad = change::bytes(dice, good, &others);
        given(&bad);
        let mut changed = sealed.clone();
        changed.objects.0.insert(*name, bad.clone());
        if bad == *good {
            return true;
        }
        check_object(name, &bad).expect_err("other bytes than the name says");
        let same = |read: annals::Result<_>| read.map(|read| assert!(read == (sealed.slice.clone(), sealed.frames.clone()), "other records"));
        // Filler and parts that are not read are proven by the digest alone; everything else by its seal.
        let taken = same(changed.read()).is_ok();
        let fitting = named(name, &bad);
        changed.objects.0.remove(name);
        if fitting.size > 0 {
            changed.objects.0.insert(fitting, bad);
        }
        if name.is_tail {
            changed.name = fitting;
        }
        same(changed.read()).is_ok() || taken
    });
}

/// Tails that were changed inside and sealed again: somebody with the key, or a writer with a fault.
pub fn tails_sealed_again(rounds: &mut Rounds) {
    let all: Vec<(Sealed, Vec<u8>)> = slices().into_iter().map(|sealed| (sealed.clone(), sealed.plain())).collect();
    let others: Vec<Vec<u8>> = all.iter().map(|(_, plain)| plain.clone()).collect();
    rounds.each(|dice| {
        let (sealed, plain) = dice.pick(&all);
        let bad = if dice.below(3) == 0 {
            change::bytes(dice, plain, &others)
        } else {
            let mut tail = sealed.parsed();
            match dice.below(8) {
                0 => tail.frames = change::bytes(dice, &tail.frames, &others),
                1 => tail.noise = change::bytes(dice, &tail.noise, &others),
                2 => tail.parts.1 = change::bytes(dice, &tail.parts.1, &others),
                3 => tail.flags ^= 1 << dice.below(4),
                _ => tail.columns = change::bytes(dice, &tail.columns, &others),
            }
            tail.bytes()
        };
        given(&bad);
        let changed = sealed.sealed_again(&bad);
        let Ok(tail) = Tail::read(&changed.key, changed.tenant, &changed.name, &changed.objects) else { return false };
        let Ok(reader) = tail.decode(changed.tenant, &changed.before) else { return false };
        let slice = reader.slice();
        let layout = Layout::of(slice, &changed.before).map(|layout| layout.blocks.len());
        assert!(layout.is_err() || layout.is_ok_and(|blocks| blocks == slice.blocks.len()));
        for (i, block) in slice.blocks.iter().enumerate() {
            if let Ok(frame) = reader.frame(i, &changed.objects)
                && let Ok(plain) = unpack(&[], &frame, block.plain_len as usize)
            {
                assert_eq!(plain.len() as u64, block.plain_len);
            }
        }
        *slice == sealed.slice
    });
}

/// Frames: whatever comes out has the length that was asked for.
pub fn blocks(rounds: &mut Rounds) {
    let texts: Vec<Vec<u8>> =
        (0..40u64).map(|i| format!("{{\"id\": {i}, \"words\": \"{}\"}}", "again and ".repeat(i as usize)).into_bytes()).collect();
    let mut all: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        for prefix in [Vec::new(), texts[i / 2].clone(), Dice::new(i as u64).bytes(3000)] {
            let frame = pack(&prefix, text, if i % 2 == 0 { Effort::Best } else { Effort::Quick(3) }).expect("pack");
            all.push((prefix, text.clone(), frame));
        }
    }
    let others: Vec<Vec<u8>> = all.iter().map(|(_, _, frame)| frame.clone()).collect();
    rounds.each(|dice| {
        let (prefix, plain, frame) = dice.pick(&all);
        let bad = change::bytes(dice, frame, &others);
        given(&bad);
        let len = match dice.below(4) {
            0 => dice.below(1 << 30),
            1 => dice.below(1 << 16),
            _ => plain.len(),
        };
        let prefix: &[u8] = if dice.below(8) == 0 { &[] } else { prefix };
        match unpack(prefix, &bad, len) {
            Ok(out) => {
                assert_eq!(out.len(), len);
                out == *plain
            }
            Err(_) => false,
        }
    });
}

/// Chunks of the local store.
pub fn chunks(rounds: &mut Rounds) {
    let plain: Vec<Vec<u8>> =
        (0..30).map(|i| if i % 3 == 0 { Dice::new(i).bytes(4000) } else { format!("{i} ").repeat(90 * i as usize).into_bytes() }).collect();
    let stored: Vec<Vec<u8>> = plain.iter().map(|plain| compress_chunk(plain)).collect();
    rounds.each(|dice| {
        let which = dice.below(stored.len());
        let bad = change::bytes(dice, &stored[which], &stored);
        given(&bad);
        let most = dice.below(200_000);
        match expand_chunk(&bad, most) {
            Ok(out) => {
                assert!(out.len() <= most);
                out == plain[which]
            }
            Err(_) => false,
        }
    });
}

/// Lists of chunks and their nodes: one encoding for each.
pub fn chunk_lists(rounds: &mut Rounds) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for count in [0usize, 1, 40, 700, 3000] {
        let dice = Dice::new(count as u64);
        let mut builder = ListBuilder::new();
        let mut nodes = Vec::new();
        let mut sink = |_: Digest, bytes: Vec<u8>| {
            nodes.push(bytes);
            Ok(())
        };
        for _ in 0..count {
            builder.push(Entry { digest: Digest::of(&dice.bytes(8)), len: 1 + dice.below(32_768) as u64 }, &mut sink).expect("push");
        }
        let root = builder.finish(&mut sink).expect("finish");
        nodes.push(root.encode());
        all.append(&mut nodes);
    }
    rounds.each(|dice| {
        let good = dice.pick(&all);
        let bad = change::bytes(dice, good, &all);
        given(&bad);
        let Ok(node) = Node::decode(&bad) else { return false };
        assert_eq!(node.encode(), bad);
        bad == *good
    });
}

/// Changes of a batch.
pub fn records(rounds: &mut Rounds) {
    let meta = Meta { kind: FileKind::Link, media: "text/plain".into(), mode: Some(0o600), mtime_ns: Some(-1), ..Meta::default() };
    let changes = [
        Change::Put { key: b"case/1".to_vec(), content: Digest::of(b"x"), size: 1, meta: Meta::default() },
        Change::Put { key: vec![0xff; 300], content: Digest::ZERO, size: u64::MAX, meta },
        Change::Remove { key: b"case/2".to_vec() },
        Change::Refer { key: b"k".to_vec(), reference: Reference::new("svarut", "1").state("sent").irrevocable() },
        Change::Mark { name: "release 7".into() },
        Change::Hold { name: "court".into(), prefix: b"case/".to_vec(), until: Some(annals::Timestamp(-7)) },
        Change::Lift { name: "court".into() },
        Change::Tenant(Tenancy::Dropped { until: annals::Timestamp(7) }),
        Change::Tenant(Tenancy::Gone),
        Change::MarkAt { name: "before".into(), seq: 300 },
        Change::Forget { rule: "within 90d".into(), contents: vec![0, 1, 7, 1 << 40] },
        Change::Erase { subject: Digest::of(b"person/1"), key: [7; 8], contents: vec![0, 1, 7, 1 << 40] },
    ];
    let all: Vec<Vec<u8>> = changes
        .iter()
        .map(|change| {
            let mut out = Vec::new();
            encode_change(change, &mut out);
            out
        })
        .collect();
    rounds.each(|dice| {
        let which = dice.below(all.len());
        let bad = change::bytes(dice, &all[which], &all);
        given(&bad);
        let mut reader = Reader::new(&bad, "change");
        let Ok(change) = decode_change(&mut reader) else { return false };
        let mut out = Vec::new();
        encode_change(&change, &mut out);
        let mut again = Reader::new(&out, "change");
        assert_eq!(decode_change(&mut again).expect("what was read can be written and read"), change);
        change == changes[which] && reader.finish().is_ok()
    });
}

/// Opened office files, and files that claim to be some.
pub fn containers(rounds: &mut Rounds) {
    let contents = fixture_files("sources");
    let forms: Vec<(Vec<u8>, Vec<u8>)> = contents.iter().filter_map(|content| Some((container::unpack(content, None)?, content.clone()))).collect();
    assert!(forms.len() > 4, "{} containers are opened", forms.len());
    let others: Vec<Vec<u8>> = forms.iter().map(|(form, _)| form.clone()).collect();
    rounds.each(|dice| {
        if dice.below(2) == 0 {
            let good = dice.pick(&contents);
            let bad = change::bytes(dice, good, &contents);
            given(&bad);
            let _ = container::plain_of(&bad);
            if let Some(form) = container::unpack(&bad, Some(good)) {
                assert!(container::repack(&form).expect("repack") == bad, "a form that gives other bytes");
            }
            return bad == *good;
        }
        let (form, content) = dice.pick(&forms);
        let bad = if dice.below(2) == 0 { change::bytes(dice, form, &others) } else { form_with_new_check(&change::bytes(dice, form, &others)) };
        given(&bad);
        container::repack(&bad).is_ok_and(|out| out == *content)
    });
}

/// The digest before corrections fits again, so that what they say is really read.
fn form_with_new_check(form: &[u8]) -> Vec<u8> {
    let fitting = || -> annals::Result<Vec<u8>> {
        let mut r = Reader::new(form, "form");
        let mut out = vec![r.byte()?];
        let (content, control, corrections) = (r.varint()?, r.varint()?, r.varint()?);
        [content, control, corrections].into_iter().for_each(|n| put_varint(&mut out, n));
        if corrections > 0 {
            r.take(8)?;
            let rest = r.clone().take(r.remaining())?;
            out.extend_from_slice(&Digest::of(rest).as_bytes()[..8]);
        }
        out.extend_from_slice(r.take(r.remaining())?);
        Ok(out)
    };
    fitting().unwrap_or_else(|_| form.to_vec())
}

/// Sealed keys of tenants, changed outside and inside their seal.
pub fn key_objects(rounds: &mut Rounds) {
    let site = Site::golden();
    let all: Vec<Vec<u8>> = site.objects.iter().filter(|(name, _)| name.contains("key-")).map(|(_, bytes)| bytes.clone()).collect();
    let key = SecretKey::from_bytes(derive_key("annals 2026-11 keyring object v1", site.secret.expose()));
    rounds.each(|dice| {
        let good = dice.pick(&all);
        let wanted = keyring::open(&site.secret, good).expect("opens");
        if dice.below(2) == 0 {
            let bad = change::bytes(dice, good, &all);
            given(&bad);
            let opened = keyring::open(&site.secret, &bad);
            assert!(opened.is_err() || bad == *good || all.contains(&bad), "a changed key object was taken");
            return opened.is_ok();
        }
        let header = &good[..HEADER_BYTES];
        let plain = open_box(&key, header, &good[header.len()..], "a key object").expect("opens");
        let mut bad = change::bytes(dice, &plain, &all);
        bad.resize(plain.len(), 0);
        given(&bad);
        let sealed = [header, &seal_box(&key, header, &bad, dice.random())].concat();
        keyring::open(&site.secret, &sealed).is_ok_and(|entry| entry.key == wanted.key && entry.tenant_name == wanted.tenant_name)
    });
}

/// Objects with the keys of subjects, as they lie there and inside their seal.
pub fn subject_keys(rounds: &mut Rounds) {
    let dir = tempfile::tempdir().expect("dir");
    let site = Site::boxed(&dir.path().join("store"));
    let sealed = site.slices().into_iter().next().expect("a slice");
    let all: Vec<Vec<u8>> = site.objects.iter().filter(|(name, _)| name.contains("/subjects-")).map(|(_, bytes)| bytes.clone()).collect();
    assert!(!all.is_empty());
    let key = SecretKey::from_bytes(derive_key("annals 2026-11 subject key object v1", sealed.key.expose()));
    rounds.each(|dice| {
        let good = dice.pick(&all);
        let wanted = subjects::open(&sealed.key, sealed.tenant, good).expect("opens");
        if dice.below(2) == 0 {
            let bad = change::bytes(dice, good, &all);
            given(&bad);
            let opened = subjects::open(&sealed.key, sealed.tenant, &bad);
            assert!(opened.is_err() || all.contains(&bad), "a changed key object was taken");
            return opened.is_ok();
        }
        let header = &good[..HEADER_BYTES];
        let bound = [header, sealed.tenant.as_bytes()].concat();
        let plain = open_box(&key, &bound, &good[header.len()..], "a key object").expect("opens");
        let bad = change::bytes(dice, &plain, &all);
        given(&bad);
        let again = [header, &seal_box(&key, &bound, &bad, dice.random())].concat();
        let Ok(entries) = subjects::open(&sealed.key, sealed.tenant, &again) else { return false };
        let written = subjects::seal(&sealed.key, sealed.tenant, &entries, dice.random()).expect("what was read can be written");
        assert_eq!(subjects::open(&sealed.key, sealed.tenant, &written).expect("opens"), entries);
        entries == wanted
    });
}

/// Names of objects: taken only as they are written.
pub fn object_names(rounds: &mut Rounds) {
    let all: Vec<String> = Site::golden().objects.keys().filter_map(|name| Some(name.split_once('/')?.1.to_owned())).collect();
    rounds.each(|dice| {
        let good = dice.pick(&all);
        let bad = change::text(dice, good, &all);
        given(bad.as_bytes());
        match ObjectName::parse(&bad) {
            Some(name) => {
                assert_eq!(name.to_string(), bad);
                bad == *good
            }
            None => bad == *good,
        }
    });
}
