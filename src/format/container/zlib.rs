//! Method 1: the deflate encoder of the vendored zlib, asked to write the same stream again.
//!
//! What the encoder writes is part of the format: the tests pin it. Inflating is not, because deflate (RFC 1951) leaves a reader no choice.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Bytes: how much is inflated or compressed between two looks at the result.
const STEP_BYTES: usize = 16 * 1024;

/// The levels a stream is tried at, most common first. Level 0 stores and depends on buffer sizes.
const LEVELS: [u8; 9] = [6, 9, 1, 5, 8, 7, 4, 3, 2];

/// What zlib was told when it wrote a stream. The memory level is always 8 and the strategy the default one, as nearly everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    /// 1 to 9.
    pub level: u8,
    /// Base-2 logarithm of the window in bytes, 9 to 15.
    pub window_bits: u8,
}

impl Setting {
    /// The setting, if zlib has it.
    pub fn new(level: u8, window_bits: u8) -> Option<Self> {
        ((1..=9).contains(&level) && (9..=15).contains(&window_bits)).then_some(Setting { level, window_bits })
    }

    fn encoder(self) -> Compress {
        Compress::new_with_window_bits(Compression::new(u32::from(self.level)), false, self.window_bits)
    }
}

/// What became of inflating.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inflated {
    /// The plain bytes and how many bytes the stream takes.
    Whole(Vec<u8>, usize),
    /// No whole stream; this many plain bytes came out before that was known.
    Broken(usize),
    /// More plain bytes than allowed.
    TooLarge,
}

/// Inflates the raw deflate stream at the start of `bytes` to at most `plain_max` bytes.
pub(super) fn inflate(bytes: &[u8], plain_max: usize) -> Inflated {
    let mut decoder = Decompress::new(false);
    let mut plain = Vec::new();
    let mut step = [0; STEP_BYTES];
    loop {
        let (read, written) = (decoder.total_in() as usize, decoder.total_out() as usize);
        let status = decoder.decompress(bytes.get(read..).unwrap_or_default(), &mut step, FlushDecompress::None);
        let fresh = decoder.total_out() as usize - written;
        if plain.len() + fresh > plain_max {
            return Inflated::TooLarge;
        }
        plain.extend_from_slice(&step[..fresh]);
        match status {
            Ok(Status::StreamEnd) => return Inflated::Whole(plain, decoder.total_in() as usize),
            Ok(_) if fresh > 0 || decoder.total_in() as usize > read => {}
            _ => return Inflated::Broken(plain.len()),
        }
    }
}

/// Compresses `plain` as the format defines it, handing each piece of the stream to `take` until that says no. True when all was taken.
fn deflate_into(plain: &[u8], setting: Setting, mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let mut encoder = setting.encoder();
    let mut step = [0; STEP_BYTES];
    loop {
        let (read, written) = (encoder.total_in() as usize, encoder.total_out() as usize);
        let rest = plain.get(read..).unwrap_or_default();
        let Ok(status) = encoder.compress(rest, &mut step, FlushCompress::Finish) else { return false };
        let fresh = encoder.total_out() as usize - written;
        if !take(&step[..fresh]) {
            return false;
        }
        match status {
            Status::StreamEnd => return true,
            _ if fresh == 0 => return false,
            _ => {}
        }
    }
}

/// Compresses `plain` again; None when the stream would be longer than `bytes_max`.
pub(super) fn replay(plain: &[u8], setting: Setting, bytes_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let whole = deflate_into(plain, setting, |piece| {
        let fits = out.len() + piece.len() <= bytes_max;
        if fits {
            out.extend_from_slice(piece);
        }
        fits
    });
    whole.then_some(out)
}

/// The setting with which zlib writes exactly `stream` from `plain`, trying `likely` first. Each try stops at the first byte that differs.
pub(super) fn find_setting(plain: &[u8], stream: &[u8], window_bits: u8, likely: Option<Setting>) -> Option<Setting> {
    let windows = [window_bits, 15];
    let all = windows.iter().take(if window_bits == 15 { 1 } else { 2 }).flat_map(|&w| LEVELS.iter().filter_map(move |&l| Setting::new(l, w)));
    likely.into_iter().chain(all.filter(|s| Some(*s) != likely)).find(|&setting| {
        let mut at = 0;
        let whole = deflate_into(plain, setting, |piece| {
            let same = stream.get(at..at + piece.len()) == Some(piece);
            at += piece.len();
            same
        });
        whole && at == stream.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;

    fn text() -> Vec<u8> {
        let mut seed = 1u32;
        let mut out = String::new();
        while out.len() < 300_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            out.push_str(["stock", "order", "customer", "<cell r=\"", "\"/>", "invoice ", "\n"][(seed >> 24) as usize % 7]);
            out.push_str(&(seed >> 20).to_string());
        }
        out.into_bytes()
    }

    /// A zlib that writes other bytes cannot read what this one shipped: such an update needs a new method number, not new digests here.
    #[test]
    fn the_vendored_encoder_writes_what_it_always_wrote() {
        let digests: Vec<String> = [1, 6, 9]
            .iter()
            .map(|&level| Digest::of(&replay(&text(), Setting::new(level, 15).expect("setting"), usize::MAX).expect("stream")).short(16))
            .collect();
        assert_eq!(digests, ["e5f6aa1fbe4f74e5", "62b553e98d35d0ca", "b0be81dde25f615d"]);
    }

    #[test]
    fn every_level_and_window_is_found_again() {
        let plain = text();
        for (level, window_bits) in [(1, 15), (2, 15), (3, 15), (4, 15), (5, 15), (6, 15), (7, 15), (8, 15), (9, 15), (6, 9), (9, 12)] {
            let setting = Setting::new(level, window_bits).expect("setting");
            let stream = replay(&plain, setting, usize::MAX).expect("stream");
            let found = find_setting(&plain, &stream, window_bits, None).expect("found");
            assert_eq!(replay(&plain, found, stream.len()).expect("again"), stream, "level {level}, window {window_bits}");
            assert!(replay(&plain, setting, stream.len() - 1).is_none());
            assert_eq!(inflate(&stream, plain.len()), Inflated::Whole(plain.clone(), stream.len()));
            assert_eq!(inflate(&stream, plain.len() - 1), Inflated::TooLarge);
            assert!(matches!(inflate(&stream[..stream.len() - 1], plain.len()), Inflated::Broken(_)));
            let mut other = stream.clone();
            let middle = other.len() / 2;
            other[middle] ^= 1;
            assert_eq!(find_setting(&plain, &other, window_bits, Some(setting)), None);
        }
    }

    #[test]
    fn empty_streams_and_bad_settings() {
        assert_eq!(inflate(&[3, 0], 0), Inflated::Whole(Vec::new(), 2));
        assert_eq!(inflate(&[], 10), Inflated::Broken(0));
        assert_eq!(find_setting(b"", &[3, 0], 15, None).map(|s| s.level), Some(6));
        assert_eq!((Setting::new(0, 15), Setting::new(10, 15), Setting::new(6, 8), Setting::new(6, 16)), (None, None, None, None));
    }
}
