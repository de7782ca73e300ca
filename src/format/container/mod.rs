//! Deflate containers (office documents, PDF, zip, PNG, gzip). A small edit changes a whole deflate stream, so such contents are packed
//! as what their streams inflate to. That *form* lives only inside a shipped frame; the original bytes stay the truth, and a form is
//! used only where it was proven to give them back. Specified in `FORMAT.md`, section "Containers".

mod zlib;
mod ascii85;
mod scan;
mod fold;
mod trees;
mod office;
mod preflate;

use std::borrow::Cow;
use std::collections::HashSet;

use self::ascii85::Armour;
use self::fold::Entry;
use self::office::{Script, Segment};
use self::scan::{Scan, Stream, ZIP_LOCAL_BYTES};
use self::zlib::Setting;
use crate::base::codec::{Reader, put_varint};
use crate::base::digest::Hasher;
use crate::base::error::{Error, Result};
use crate::base::limits::{CONTAINER_BYTES_MAX, INFLATE_BYTES_MAX};

pub use self::scan::looks_like_container;

/// First byte of a form.
const VERSION: u8 = 1;
/// Method bytes of a re-creatable stream.
const METHOD_ZLIB: u8 = 1;
const METHOD_PREFLATE: u8 = 2;
const METHOD_OFFICE: u8 = 3;
/// Stands before one of the above: the stream is written as text.
const ARMOUR: u8 = 4;
/// Bytes: a shorter stream costs less as it is than the few bytes that describe an opened one.
const STREAM_BYTES_MIN: usize = 24;
/// Opened streams of one content. As many as a zip without zip64 has; bounds what a reader sets up encoders for.
const STREAMS_MAX: usize = 65_535;
/// Bytes of the digest that stands before corrections.
const CHECK_BYTES: usize = 8;
/// Bytes: the largest form. Corrections are always shorter than the streams they belong to.
const FORM_BYTES_MAX: usize = 3 * CONTAINER_BYTES_MAX + INFLATE_BYTES_MAX;

/// What `base` looks like with every stream opened: for each stream, in order, the zip local header before it (if any) and its plain bytes;
/// then the central directory of a zip. Headers and directory are folded as in a form. The same for ever for the same bytes, whatever
/// encoders this program knows. None when there is no stream or a limit refuses.
pub fn plain_of(base: &[u8]) -> Option<Vec<u8>> {
    let Scan { streams, directory } = scan::scan(base)?;
    let mut folded = base.to_vec();
    fold::fold(&mut folded, &entries(&streams), directory);
    let mut out = Vec::with_capacity(streams.iter().map(|s| s.header + s.plain.len()).sum());
    for stream in &streams {
        out.extend_from_slice(&folded[stream.start() - stream.header..stream.start()]);
        out.extend_from_slice(&stream.plain);
    }
    if let Some((at, _)) = directory {
        out.extend_from_slice(&folded[at..]);
    }
    Some(out)
}

/// The form of `content`: its bytes with the streams opened that can be re-created exactly and do not stand in `base` as they are.
/// Meant to be compressed against `base` followed by [`plain_of`] it. None when no stream is opened or a limit refuses.
pub fn unpack(content: &[u8], base: Option<&[u8]>) -> Option<Vec<u8>> {
    let Scan { streams, directory } = scan::scan(content)?;
    let kept = base.map(streams_of).unwrap_or_default();
    let mut likely = None;
    let opened: Vec<(Stream, Method)> = streams
        .into_iter()
        .filter_map(|stream| {
            let bytes = stream.bytes(content);
            if bytes.len() < STREAM_BYTES_MIN || kept.contains(&bytes) {
                return None;
            }
            let deflated = stream.deflated(&bytes)?;
            if let Some(armour) = stream.armour
                && armour.encode(&deflated, &stream.plain, bytes.len()).is_none_or(|again| again != *bytes)
            {
                return None;
            }
            let method = match zlib::find_setting(&stream.plain, &deflated, stream.window_bits.max(9), likely) {
                Some(setting) => {
                    likely = Some(setting);
                    Method::Zlib(setting)
                }
                None => match office::find_script(&stream.plain, &deflated) {
                    Some(script) => Method::Office(script),
                    None => Method::Preflate(preflate::corrections(&stream.plain, &deflated)?),
                },
            };
            drop(deflated);
            drop(bytes);
            Some((stream, method))
        })
        .take(STREAMS_MAX)
        .collect();
    if opened.is_empty() {
        return None;
    }
    let form = write(content, &opened, directory);
    repack(&form).is_ok_and(|again| again == content).then_some(form)
}

/// The content that `form` was made of. Any other bytes are an error; memory is bounded by the limits of containers.
pub fn repack(form: &[u8]) -> Result<Vec<u8>> {
    let damaged = || Error::damaged("the form of a container");
    let mut reader = Reader::new(form, "the form of a container");
    if form.len() > FORM_BYTES_MAX || reader.byte()? != VERSION {
        return Err(damaged());
    }
    let content_len = reader.varint_max(CONTAINER_BYTES_MAX as u64)? as usize;
    let control_len = reader.count()?;
    let corrections_len = reader.count()?;
    if corrections_len > 0 {
        let check = reader.array::<CHECK_BYTES>()?;
        if check != digest_of(reader.clone().take(reader.remaining())?) {
            return Err(damaged());
        }
    }
    let mut control = Reader::new(reader.take(control_len)?, "the form of a container");
    let mut corrections = Reader::new(reader.take(corrections_len)?, "the form of a container");
    let mut body = reader;

    let mut out = Vec::with_capacity(content_len.min(form.len()));
    let mut entries = Vec::new();
    let directory = match control.varint_max(content_len as u64)? as usize {
        0 => None,
        from_end => Some((content_len - from_end, control.varint_max(content_len as u64)? as usize)),
    };
    for _ in 0..control.varint_max(STREAMS_MAX as u64)? {
        let step = Step::read(&mut control)?;
        out.extend_from_slice(body.take(step.raw_len)?);
        let room = content_len.checked_sub(out.len()).ok_or_else(damaged)?;
        let plain = body.take(step.plain_len)?;
        let stream = match step.method {
            StepMethod::Zlib(setting) => zlib::replay(plain, setting, room).ok_or_else(damaged)?,
            StepMethod::Office(script) => office::replay(plain, &script, room).ok_or_else(damaged)?,
            StepMethod::Preflate(len) => preflate::recreate(plain, corrections.take(len)?)?,
        };
        let stream = match step.armour {
            Some(armour) => armour.encode(&stream, plain, room).ok_or_else(damaged)?,
            None => stream,
        };
        let start = out.len();
        let mut rest = Reader::new(&stream, "the form of a container");
        for (piece, gap) in step.cuts {
            out.extend_from_slice(rest.take(piece)?);
            out.extend_from_slice(body.take(gap)?);
        }
        out.extend_from_slice(rest.take(rest.remaining())?);
        if out.len() > content_len {
            return Err(damaged());
        }
        if step.header > 0 {
            entries.push(Entry::new(plain, step.header, start, out.len()));
        }
    }
    let opened_end = out.len();
    out.extend_from_slice(body.take(body.remaining())?);
    if out.len() != content_len || directory.is_some_and(|(at, _)| at < opened_end) {
        return Err(damaged());
    }
    control.finish()?;
    corrections.finish()?;
    fold::unfold(&mut out, &entries, directory).ok_or_else(damaged)?;
    Ok(out)
}

/// How an opened stream is written again.
enum Method {
    Zlib(Setting),
    Office(Script),
    Preflate(Vec<u8>),
}

/// The streams of `base` as they stand.
fn streams_of(base: &[u8]) -> HashSet<Cow<'_, [u8]>> {
    let streams = scan::scan(base).map(|scan| scan.streams).unwrap_or_default();
    streams.iter().map(|stream| stream.bytes(base)).collect()
}

/// The zip entries among `streams`.
fn entries<'a>(streams: impl IntoIterator<Item = &'a Stream>) -> Vec<Entry> {
    let zipped = streams.into_iter().filter(|stream| stream.header > 0);
    zipped.map(|stream| Entry::new(&stream.plain, stream.header, stream.start(), stream.end())).collect()
}

fn digest_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Hasher::new().update(bytes).finish();
    std::array::from_fn(|i| digest.as_bytes()[i])
}

/// Lays a form out: what is small and new first, then the bytes that repeat the base, in the order of the base.
fn write(content: &[u8], opened: &[(Stream, Method)], directory: Option<(usize, usize)>) -> Vec<u8> {
    let mut folded = content.to_vec();
    fold::fold(&mut folded, &entries(opened.iter().map(|(stream, _)| stream)), directory);
    let (mut control, mut corrections, mut body) = (Vec::new(), Vec::new(), Vec::new());
    match directory {
        Some((at, count)) => {
            put_varint(&mut control, (content.len() - at) as u64);
            put_varint(&mut control, count as u64);
        }
        None => put_varint(&mut control, 0),
    }
    put_varint(&mut control, opened.len() as u64);
    let mut done = 0;
    for (stream, method) in opened {
        put_varint(&mut control, (stream.start() - done) as u64);
        put_varint(&mut control, stream.plain.len() as u64);
        put_varint(&mut control, stream.header as u64);
        put_varint(&mut control, stream.pieces.len() as u64 - 1);
        for pair in stream.pieces.windows(2) {
            put_varint(&mut control, pair[0].len() as u64);
            put_varint(&mut control, (pair[1].start - pair[0].end) as u64);
        }
        if let Some(armour) = stream.armour {
            control.extend_from_slice(&[ARMOUR, armour.width, armour.head[0], armour.head[1]]);
        }
        match method {
            Method::Zlib(setting) => control.extend_from_slice(&[METHOD_ZLIB, setting.level, setting.window_bits]),
            Method::Office(script) => {
                control.extend_from_slice(&[METHOD_OFFICE, script.rules]);
                put_varint(&mut control, script.segments.len() as u64);
                for segment in &script.segments {
                    put_varint(&mut control, segment.plain_len as u64);
                    put_varint(&mut control, segment.markers as u64);
                }
            }
            Method::Preflate(bytes) => {
                control.push(METHOD_PREFLATE);
                put_varint(&mut control, bytes.len() as u64);
                corrections.extend_from_slice(bytes);
            }
        }
        body.extend_from_slice(&folded[done..stream.start()]);
        body.extend_from_slice(&stream.plain);
        for pair in stream.pieces.windows(2) {
            body.extend_from_slice(&folded[pair[0].end..pair[1].start]);
        }
        done = stream.end();
    }
    body.extend_from_slice(&folded[done..]);

    let mut form = vec![VERSION];
    put_varint(&mut form, content.len() as u64);
    put_varint(&mut form, control.len() as u64);
    put_varint(&mut form, corrections.len() as u64);
    let rest = [control, corrections.clone(), body].concat();
    if !corrections.is_empty() {
        form.extend_from_slice(&digest_of(&rest));
    }
    form.extend_from_slice(&rest);
    form
}

/// One opened stream as the control bytes describe it.
struct Step {
    /// Bytes of the body that stand before it as they are.
    raw_len: usize,
    plain_len: usize,
    /// Bytes of the zip local header at the end of those raw bytes, or 0.
    header: usize,
    /// For every piece but the last: its length, and how many bytes stand between it and the next.
    cuts: Vec<(usize, usize)>,
    /// How the stream is written as text, where it is.
    armour: Option<Armour>,
    method: StepMethod,
}

enum StepMethod {
    Zlib(Setting),
    Office(Script),
    /// Length of the corrections.
    Preflate(usize),
}

impl Step {
    fn read(control: &mut Reader<'_>) -> Result<Self> {
        let damaged = || Error::damaged("the form of a container");
        let max = CONTAINER_BYTES_MAX as u64;
        let raw_len = control.varint_max(max)? as usize;
        let plain_len = control.varint_max(INFLATE_BYTES_MAX as u64)? as usize;
        let header = control.varint_max(raw_len as u64)? as usize;
        if header > 0 && header < ZIP_LOCAL_BYTES {
            return Err(damaged());
        }
        let cuts =
            (0..control.count()?).map(|_| Ok((control.varint_max(max)? as usize, control.varint_max(max)? as usize))).collect::<Result<_>>()?;
        let mut method = control.byte()?;
        let mut armour = None;
        if method == ARMOUR {
            armour = Some(Armour { width: control.byte()?, head: control.array()? });
            method = control.byte()?;
        }
        let method = match method {
            METHOD_ZLIB => StepMethod::Zlib(Setting::new(control.byte()?, control.byte()?).ok_or_else(damaged)?),
            METHOD_OFFICE => {
                let rules = control.byte()?;
                let segments = (0..control.count()?)
                    .map(|_| Ok(Segment { plain_len: control.varint_max(plain_len as u64)? as usize, markers: control.varint_max(max)? as usize }))
                    .collect::<Result<_>>()?;
                StepMethod::Office(Script::new(rules, segments, plain_len).ok_or_else(damaged)?)
            }
            METHOD_PREFLATE => StepMethod::Preflate(control.varint_max(max)? as usize),
            _ => return Err(damaged()),
        };
        Ok(Step { raw_len, plain_len, header, cuts, armour, method })
    }
}

#[cfg(test)]
mod tests;
