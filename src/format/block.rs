//! Packing: bytes to one zstd frame and back (RFC 8878), optionally against a prefix that both sides have. The only door to zstd.
//!
//! A frame is *magicless* (RFC 8878 without its first four bytes), without content size, checksum and dictionary id: what surrounds it
//! knows its length and proves its bytes, so these would be paid for twice. The prefix is raw content that stands before the plain bytes in
//! the window. Any frame that decodes to the plain bytes is right: the level and the search are the writer's business.

use std::cell::RefCell;

use zstd_safe::{CCtx, CParameter, DCtx, DParameter, FrameFormat, get_error_name};

use crate::base::error::{Error, Kind, Result};
use crate::base::limits::{BLOCK_PLAIN_BYTES_MAX, PREFIX_BYTES_MAX, TAIL_BYTES_MAX};

/// How hard to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The fewest bytes: levels 19 to 22. About 1 to 3 MB/s, at most 64 MiB of memory.
    Best,
    /// A zstd level from 1 to 12, for machines that are weak or on battery.
    Quick(u8),
}

/// Level that stores what cannot be made smaller, and that probes whether it can.
const PROBE_LEVEL: i32 = 3;
/// Bytes of prefix and plain up to which every search is tried and the smallest kept; it costs milliseconds.
const TRY_ALL_BYTES_MAX: usize = 256 * 1024;
/// Bytes of prefix and plain from which long distance matching pays. Measured: 56 times worse without it above 16 MiB, slightly worse with
/// it on small inputs.
const LONG_DISTANCE_BYTES_MIN: usize = 1024 * 1024;
/// Bytes of prefix and plain from which the tree of positions is kept small.
const SMALL_TREE_BYTES_MIN: usize = 4 * 1024 * 1024;
/// Positions that it holds then, as a power of two. Level 19 would take 24: 48 MiB more and 1.6 times the time, for 1.3 % fewer bytes of JSON lines.
const SMALL_TREE_LOG: u32 = 22;
/// The smallest window that zstd knows, as a power of two.
const WINDOW_LOG_MIN: u32 = 10;
/// The largest that every decoder accepts without being asked (128 MiB). Only records alone are ever larger.
const WINDOW_LOG_MAX: u32 = 27;
/// A frame says at most 128 KiB with a block of four bytes, so longer claims are lies.
const RATIO_MAX: usize = 128 * 1024 / 4;

/// Packs `plain` into one frame that [`unpack`] reads with the same `prefix`. The frame has been unpacked again and compared: zstd encoders
/// have produced bad frames at high levels.
///
/// Errors: [`Kind::Usage`] when `plain` or `prefix` is larger than the limits, [`Kind::Failed`] when zstd fails or its frame is bad.
pub fn pack(prefix: &[u8], plain: &[u8], effort: Effort) -> Result<Vec<u8>> {
    if plain.len() > TAIL_BYTES_MAX || prefix.len() > PREFIX_BYTES_MAX {
        return Err(Error::usage("block.large", format!("a block of {} bytes against {} is too large to pack", plain.len(), prefix.len()))
            .hint(format!("cut it into blocks of at most {BLOCK_PLAIN_BYTES_MAX} bytes")));
    }
    let total = prefix.len() + plain.len();
    let frame = match effort {
        Effort::Quick(level) => compress(prefix, plain, i32::from(level.clamp(1, 12)))?,
        Effort::Best if total <= TRY_ALL_BYTES_MAX => {
            let mut best = compress(prefix, plain, 19)?;
            let mut keep_smaller = |frame: Vec<u8>| {
                if frame.len() < best.len() {
                    best = frame;
                }
            };
            keep_smaller(compress(prefix, plain, 22)?);
            if !prefix.is_empty() {
                // Without a prefix zstd reads the input twice to learn its statistics, which wins where the prefix is of little use.
                keep_smaller(compress(&[], plain, 22)?);
            }
            best
        }
        Effort::Best => {
            let probe = compress(prefix, plain, PROBE_LEVEL)?;
            if probe.len() > plain.len() - plain.len() / 64 { probe } else { compress(prefix, plain, 19)? }
        }
    };
    if unpack_any(prefix, &frame, plain.len()).is_ok_and(|back| back == plain) {
        return Ok(frame);
    }
    // Level 3 takes another path through the encoder. If that fails too, nothing is written.
    let frame = compress(prefix, plain, PROBE_LEVEL)?;
    match unpack_any(prefix, &frame, plain.len()) {
        Ok(back) if back == plain => Ok(frame),
        _ => Err(Error::new(Kind::Failed, "block.bad_frame", "the packed block does not unpack to the same bytes")
            .hint("nothing was written; run a memory test on this machine and try again")),
    }
}

/// Unpacks a frame of [`pack`] that holds exactly `plain_len` bytes. `plain_len` bounds the memory; anything else is [`Error::damaged`].
pub fn unpack(prefix: &[u8], frame: &[u8], plain_len: usize) -> Result<Vec<u8>> {
    if plain_len > TAIL_BYTES_MAX || prefix.len() > PREFIX_BYTES_MAX {
        return Err(Error::damaged("a block larger than any writer makes"));
    }
    unpack_any(prefix, frame, plain_len)
}

fn unpack_any(prefix: &[u8], frame: &[u8], plain_len: usize) -> Result<Vec<u8>> {
    if frame.is_empty() || plain_len > frame.len().saturating_mul(RATIO_MAX) {
        return Err(Error::damaged("a block that claims to unpack to more than it can"));
    }
    let bad = |_| Error::damaged("a packed block");
    let mut context = DCtx::try_create().ok_or_else(no_memory)?;
    context.set_parameter(DParameter::Format(FrameFormat::Magicless)).map_err(bad)?;
    context.ref_prefix(prefix).map_err(bad)?;
    let mut plain = Vec::with_capacity(plain_len);
    context.decompress(&mut plain, frame).map_err(bad)?;
    if plain.len() == plain_len { Ok(plain) } else { Err(Error::damaged("a packed block of another length")) }
}

fn compress(prefix: &[u8], plain: &[u8], level: i32) -> Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    prepare(prefix, plain.len(), level)?.compress2(&mut frame, plain).map_err(zstd_failed)?;
    frame.shrink_to_fit();
    Ok(frame)
}

/// A context for one compression; it borrows the prefix. Making one costs little because zstd sizes its tables by the input.
fn prepare(prefix: &[u8], plain_len: usize, level: i32) -> Result<CCtx<'_>> {
    let total = prefix.len() + plain_len;
    let mut context = CCtx::try_create().ok_or_else(no_memory)?;
    for parameter in [
        CParameter::CompressionLevel(level),
        CParameter::WindowLog(total.next_power_of_two().ilog2().clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX)),
        CParameter::EnableLongDistanceMatching(total > LONG_DISTANCE_BYTES_MIN),
        CParameter::Format(FrameFormat::Magicless),
        CParameter::ContentSizeFlag(false),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ] {
        context.set_parameter(parameter).map_err(zstd_failed)?;
    }
    if level >= 19 && total > SMALL_TREE_BYTES_MIN {
        context.set_parameter(CParameter::ChainLog(SMALL_TREE_LOG)).map_err(zstd_failed)?;
    }
    context.ref_prefix(prefix).map_err(zstd_failed)?;
    Ok(context)
}

fn no_memory() -> Error {
    Error::new(Kind::Failed, "block.memory", "no memory for packing").hint("free some memory and run the same command again")
}

fn zstd_failed(code: usize) -> Error {
    Error::new(Kind::Failed, "block.zstd", format!("packing failed: {}", get_error_name(code)))
}

const CHUNK_RAW: u8 = 0;
const CHUNK_ZSTD: u8 = 1;

thread_local! {
    static CHUNK_PACKER: RefCell<(Option<CCtx<'static>>, Vec<u8>)> = const { RefCell::new((None, Vec::new())) };
    static CHUNK_UNPACKER: RefCell<(Option<DCtx<'static>>, Vec<u8>)> = const { RefCell::new((None, Vec::new())) };
}

/// The form in which the local stores keep `plain`: a byte 0 and the bytes as they are, or a byte 1 and a magicless zstd frame of level 3,
/// where that saves at least a sixteenth.
pub fn compress_chunk(plain: &[u8]) -> Vec<u8> {
    let enough = plain.len() - plain.len() / 16;
    CHUNK_PACKER.with_borrow_mut(|(slot, frame)| {
        // The frame grows in a buffer that stays: its bound is far above what it takes, and memory that comes and goes is what costs most here.
        frame.clear();
        frame.reserve(zstd_safe::compress_bound(plain.len()));
        let packed = packer(slot).is_some_and(|context| context.compress2(frame, plain).is_ok()) && frame.len() < enough;
        let (kind, bytes) = if packed { (CHUNK_ZSTD, &frame[..]) } else { (CHUNK_RAW, plain) };
        let mut out = Vec::with_capacity(1 + bytes.len());
        out.push(kind);
        out.extend_from_slice(bytes);
        out
    })
}

/// Whether packing saves less than a sixteenth of these bytes: pictures, archives, what is encrypted.
pub fn is_dense(plain: &[u8]) -> bool {
    compress_chunk(plain).first() == Some(&CHUNK_RAW)
}

fn packer<'s>(slot: &'s mut Option<CCtx<'static>>) -> Option<&'s mut CCtx<'static>> {
    if slot.is_none() {
        let mut context = CCtx::try_create()?;
        for parameter in [CParameter::CompressionLevel(PROBE_LEVEL), CParameter::Format(FrameFormat::Magicless), CParameter::ContentSizeFlag(false)] {
            context.set_parameter(parameter).ok()?;
        }
        *slot = Some(context);
    }
    slot.as_mut()
}

/// The inverse of [`compress_chunk`]; more than `max_len` bytes are [`Error::damaged`].
pub fn expand_chunk(stored: &[u8], max_len: usize) -> Result<Vec<u8>> {
    let damaged = || Error::damaged("a chunk of the local store");
    match stored.split_first() {
        Some((&CHUNK_RAW, plain)) if plain.len() <= max_len => Ok(plain.to_vec()),
        Some((&CHUNK_ZSTD, frame)) => CHUNK_UNPACKER.with_borrow_mut(|(slot, plain)| {
            if slot.is_none() {
                let mut context = DCtx::try_create().ok_or_else(no_memory)?;
                context.set_parameter(DParameter::Format(FrameFormat::Magicless)).map_err(|_| damaged())?;
                *slot = Some(context);
            }
            let context = slot.as_mut().ok_or_else(no_memory)?;
            plain.clear();
            let room = max_len.min(frame.len().saturating_mul(RATIO_MAX));
            plain.reserve(room);
            context.decompress(plain, frame).map_err(|_| damaged())?;
            if plain.len() > room { Err(damaged()) } else { Ok(plain.as_slice().to_vec()) }
        }),
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::model::document_pair;
    use super::*;
    use crate::base::random::{Random, SeededRandom};
    use proptest::prelude::*;

    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; len];
        SeededRandom::new(seed).fill(&mut bytes);
        bytes
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let words: [&[u8]; 5] = [b"alpha ", b"beta,", b"\0", b"{\"k\":1}", b"\xff\x28\xb5\x2f\xfd"];
        proptest::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_round_trip(prefix in texts(), plain in texts(), level in 0..12u8) {
            for effort in [Effort::Best, Effort::Quick(level)] {
                let frame = pack(&prefix, &plain, effort).expect("pack");
                prop_assert_eq!(&unpack(&prefix, &frame, plain.len()).expect("unpack"), &plain);
                prop_assert!(unpack(&prefix, &frame, plain.len() + 1).is_err());
                prop_assert!(plain.is_empty() || unpack(&prefix, &frame, plain.len() - 1).is_err());
            }
        }

        #[test]
        fn damaged_frames_fail_or_give_bytes_of_the_right_length(plain in texts(), at: prop::sample::Index, mask in 1..=255u8) {
            let mut frame = pack(b"beta,alpha", &plain, Effort::Best).expect("pack");
            let at = at.index(frame.len());
            frame[at] ^= mask;
            if let Ok(bytes) = unpack(b"beta,alpha", &frame, plain.len()) {
                prop_assert_eq!(bytes.len(), plain.len());
            }
            prop_assert!(unpack(b"beta,alpha", &frame[..at], plain.len()).is_err());
        }

        #[test]
        fn chunks_round_trip(plain in texts()) {
            let stored = compress_chunk(&plain);
            prop_assert_eq!(&expand_chunk(&stored, plain.len()).expect("expand"), &plain);
            prop_assert!(stored.len() <= plain.len() + 1);
            prop_assert!(plain.is_empty() || expand_chunk(&stored, plain.len() - 1).is_err());
            prop_assert!(expand_chunk(&stored[..stored.len() - 1], plain.len()).map_or(true, |short| short.len() < plain.len()));
        }
    }

    #[test]
    fn changed_documents_cost_a_few_bytes_each() {
        let random = SeededRandom::new(3);
        let (old, new): (Vec<_>, Vec<_>) = (0..100).map(|_| document_pair(&random)).unzip();
        let backwards: Vec<u8> = old.iter().rev().flatten().copied().collect();
        let (one, all) = (pack(&old[0], &new[0], Effort::Best), pack(&old.concat(), &new.concat(), Effort::Best));
        let (one, all) = (one.expect("one").len(), all.expect("all").len());
        assert!(one <= 30, "{one}");
        assert!(all <= 400, "{all}");
        // Why the pieces of a prefix stand in the order of the contents that they help.
        assert!(pack(&backwards, &new.concat(), Effort::Best).expect("backwards").len() > all + all / 2);
    }

    #[test]
    fn incompressible_bytes_and_useless_prefixes_cost_almost_nothing() {
        let (plain, prefix) = (noise(600_000, 1), noise(300_000, 2));
        assert!(pack(&prefix, &plain, Effort::Best).expect("pack").len() <= plain.len() + 40);
        assert_eq!(compress_chunk(&plain[..9000]).len(), 9001);
        let text = document_pair(&SeededRandom::new(1)).0;
        let alone = pack(&[], &text, Effort::Best).expect("alone").len();
        assert!(pack(&prefix[..1000], &text, Effort::Best).expect("useless").len() <= alone);
    }

    #[test]
    fn the_whole_prefix_of_a_large_block_is_in_reach() {
        let prefix = noise(PREFIX_BYTES_MAX, 3);
        let plain = [&prefix[..100_000], &noise(BLOCK_PLAIN_BYTES_MAX - 200_000, 4), &prefix[100_000..200_000]].concat();
        let frame = pack(&prefix, &plain, Effort::Quick(3)).expect("pack");
        assert!(frame.len() < plain.len() - 190_000, "{} of {}", frame.len(), plain.len());
    }

    #[test]
    fn the_largest_block_takes_less_than_64_mib() {
        // Memory follows from the sizes alone, so the bytes may be easy ones.
        let prefix = noise(1024, 5).repeat(PREFIX_BYTES_MAX / 1024);
        let plain = vec![7; BLOCK_PLAIN_BYTES_MAX];
        let mut context = prepare(&prefix, plain.len(), 19).expect("context");
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
        context.compress2(&mut frame, &plain).expect("compress");
        let bytes = context.sizeof() + frame.capacity();
        assert!(bytes < 64 << 20, "{bytes}");
    }

    #[test]
    fn claims_beyond_the_limits_are_refused_before_memory_is_taken() {
        assert!(unpack(&[], &[0; 10], TAIL_BYTES_MAX).is_err());
        assert!(unpack(&[], &[0; 10], usize::MAX).is_err());
        assert_eq!(pack(&vec![0; PREFIX_BYTES_MAX + 1], b"", Effort::Best).expect_err("large").code(), "block.large");
        assert!(expand_chunk(&[], 10).is_err());
        assert!(expand_chunk(&[2, 0], 10).is_err());
    }
}
