//! ASCII85 (PDF 32000, 7.4.3): how some programs write a zlib stream as text inside a PDF. Each edit shifts all of it, as in deflate.

/// The end of such a text.
const END: &[u8] = b"~>";
/// Characters a line may have before it is taken for no line width at all.
const WIDTH_MAX: usize = 255;
/// Bytes before the deflate stream (RFC 1950: method and flags) and after it (Adler-32 of the plain bytes).
const HEAD_BYTES: usize = 2;
const TAIL_BYTES: usize = 4;

/// How a zlib stream is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Armour {
    /// Characters of a line before a line feed, 0 when the text is one line.
    pub width: u8,
    /// The two bytes of the zlib header.
    pub head: [u8; HEAD_BYTES],
}

/// The bytes that the text at the start of `text` stands for and how long it is with its end; None where it is no such text.
pub(super) fn decode(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::with_capacity(text.len() / 5 * 4);
    let (mut group, mut filled) = (0u64, 0u32);
    for (at, &character) in text.iter().enumerate() {
        match character {
            b'!'..=b'u' => {
                group = group * 85 + u64::from(character - b'!');
                filled += 1;
                if filled == 5 {
                    out.extend_from_slice(&u32::try_from(group).ok()?.to_be_bytes());
                    (group, filled) = (0, 0);
                }
            }
            b'z' if filled == 0 => out.extend_from_slice(&[0; 4]),
            0 | b'\t' | b'\n' | 12 | b'\r' | b' ' => {}
            b'~' if text[at..].starts_with(END) && filled != 1 => {
                if filled > 1 {
                    // What is missing counts as the highest digit, so that cutting it off again rounds to the right bytes.
                    let whole = (filled..5).fold(group, |group, _| group * 85 + 84);
                    out.extend_from_slice(&u32::try_from(whole).ok()?.to_be_bytes()[..filled as usize - 1]);
                }
                return Some((out, at + END.len()));
            }
            _ => return None,
        }
    }
    None
}

/// Where the lines of `text` break, as [`Armour::width`] has it.
pub(super) fn width_of(text: &[u8]) -> u8 {
    let line = text.iter().take(WIDTH_MAX + 1).position(|&character| character == b'\n').unwrap_or(0);
    u8::try_from(line).unwrap_or(0)
}

impl Armour {
    /// The deflate stream inside the decoded `bytes`, if those are a whole zlib stream of `plain`.
    pub fn deflated(bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(HEAD_BYTES..bytes.len().checked_sub(TAIL_BYTES)?)
    }

    /// Whether the decoded `bytes` end as a zlib stream of `plain` whose deflate stream takes `used` bytes.
    pub fn ends(bytes: &[u8], used: usize, plain: &[u8]) -> bool {
        bytes.len() == HEAD_BYTES + used + TAIL_BYTES && bytes.ends_with(&adler32(plain))
    }

    /// The text of the deflate stream `deflated` of `plain`; None when it would be longer than `bytes_max`.
    pub fn encode(self, deflated: &[u8], plain: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let bytes = [&self.head, deflated, &adler32(plain)].concat();
        let mut text = Vec::with_capacity(bytes.len() / 4 * 5 + 8);
        for group in bytes.chunks(4) {
            let mut whole = [0; 4];
            whole[..group.len()].copy_from_slice(group);
            let number = u32::from_be_bytes(whole);
            if number == 0 && group.len() == 4 {
                text.push(b'z');
                continue;
            }
            let digits = [52_200_625, 614_125, 7_225, 85, 1].map(|unit| b'!' + (number / unit % 85) as u8);
            text.extend_from_slice(&digits[..=group.len()]);
        }
        if self.width > 0 {
            text = text.chunks(usize::from(self.width)).collect::<Vec<_>>().join(&b'\n');
        }
        text.extend_from_slice(END);
        (text.len() <= bytes_max).then_some(text)
    }
}

/// Adler-32 (RFC 1950), high byte first as a zlib stream ends.
fn adler32(bytes: &[u8]) -> [u8; TAIL_BYTES] {
    let (mut a, mut b) = (1u32, 0u32);
    // 5,552 bytes are the most that cannot overflow 32 bits (zlib's NMAX).
    for run in bytes.chunks(5_552) {
        for &byte in run {
            a += u32::from(byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    (b << 16 | a).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_others_write_is_read() {
        assert_eq!(decode(b"87cURD]i,\"Ebo80~>"), Some((b"Hello World!".to_vec(), 17)));
        assert_eq!(decode(b"87cUR\n D]i,\"\tEbo7~>endstream"), Some((b"Hello World".to_vec(), 19)));
        assert_eq!(decode(b"z!!~>"), Some((vec![0, 0, 0, 0, 0], 5)));
        for bad in [&b"87cUR"[..], b"8~>", b"8z~>", b"uuuuu~>", b"87cU\x7f~>", b"87cUR~"] {
            assert_eq!(decode(bad), None);
        }
        assert_eq!(adler32(b"Wikipedia"), [0x11, 0xe6, 0x03, 0x98]);
    }

    proptest! {
        #[test]
        fn text_round_trips(deflated in prop::collection::vec(prop_oneof![3 => Just(0u8), 2 => any::<u8>()], 0..90), width in 0u8..90) {
            let armour = Armour { width, head: [0x78, 0x9c] };
            let text = armour.encode(&deflated, b"plain", 1000).expect("fits");
            let (bytes, used) = decode(&text).expect("a text");
            prop_assert_eq!(used, text.len());
            prop_assert_eq!(Armour::deflated(&bytes), Some(&deflated[..]));
            prop_assert!(Armour::ends(&bytes, deflated.len(), b"plain"));
            prop_assert!(armour.encode(&deflated, b"plain", text.len() - 1).is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some((_, used)) = decode(&text) {
                prop_assert!(used <= text.len());
            }
        }
    }
}
