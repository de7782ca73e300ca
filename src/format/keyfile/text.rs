//! Bytes as letters: hexadecimal, groups of five bits, and bech32m (BIP-350) for what people copy and paste.

use zeroize::Zeroizing;

/// Lowercase hexadecimal digits, appended.
pub(super) fn put_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Reads exactly `N` bytes of lowercase hexadecimal; uppercase is refused, so that equal values have equal text.
pub(super) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut out = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

/// Cuts bytes into groups of five bits, most significant first; the last group is filled with zero bits.
pub(super) fn fives(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len() * 8 / 5 + 1));
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = (held << 8 | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push((held >> bits) as u8 & 31);
        }
    }
    if bits > 0 {
        out.push((held << (5 - bits)) as u8 & 31);
    }
    out
}

/// Turns groups of five bits back into bytes. `None` where the filling is not zero or is a whole group.
pub(super) fn eights(groups: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(groups.len() * 5 / 8));
    let (mut held, mut bits) = (0u32, 0);
    for group in groups {
        held = (held << 5 | u32::from(*group)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    let filling = held & ((1 << bits) - 1);
    (bits < 5 && filling == 0).then_some(out)
}

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BECH32M: u32 = 0x2bc8_30a3;
/// Characters: the most that BIP-173 allows, and what its checksum was designed for.
const BECH32_MAX: usize = 90;

fn polymod(groups: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    groups.fold(1, |sum, group| {
        let shifted = (sum & 0x1ff_ffff) << 5 ^ u32::from(group);
        GENERATOR.iter().enumerate().fold(shifted, |s, (i, g)| if sum >> 25 >> i & 1 == 1 { s ^ g } else { s })
    })
}

fn prefix_groups(prefix: &str) -> impl Iterator<Item = u8> {
    prefix.bytes().map(|b| b >> 5).chain([0]).chain(prefix.bytes().map(|b| b & 31))
}

/// `prefix`, a `1`, the bytes and six characters of checksum, all lowercase.
pub(super) fn bech32m(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let groups = fives(bytes);
    let sum = polymod(prefix_groups(prefix).chain(groups.iter().copied()).chain([0; 6])) ^ BECH32M;
    let check = (0..6).map(|i| (sum >> (5 * (5 - i))) as u8 & 31);
    let mut out = Zeroizing::new(String::with_capacity(prefix.len() + groups.len() + 7));
    out.push_str(prefix);
    out.push('1');
    out.extend(groups.iter().copied().chain(check).map(|g| char::from(BECH32[usize::from(g)])));
    out
}

/// Prefix and groups of a text whose checksum is right. Letters are all small or all capital.
fn bech32m_groups(text: &str) -> Option<(String, Zeroizing<Vec<u8>>)> {
    if text.len() > BECH32_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    if *lower != text && text.to_ascii_uppercase() != text {
        return None;
    }
    let (prefix, tail) = lower.rsplit_once('1').filter(|(prefix, tail)| !prefix.is_empty() && tail.len() >= 6)?;
    let group = |b: u8| BECH32.iter().position(|c| *c == b).map(|i| i as u8);
    let mut groups = Zeroizing::new(Vec::with_capacity(tail.len()));
    for byte in tail.bytes() {
        groups.push(group(byte)?);
    }
    if polymod(prefix_groups(prefix).chain(groups.iter().copied())) != BECH32M {
        return None;
    }
    let data = groups.len() - 6;
    groups.truncate(data);
    Some((prefix.to_owned(), groups))
}

/// The 32 bytes of a text made by [`bech32m`] with the same `prefix`.
pub(super) fn parse_bech32m(prefix: &str, text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let (found, groups) = bech32m_groups(text)?;
    let bytes = eights(&groups)?;
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)?;
    (found == prefix).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_bip_350_hold() {
        let long = format!("11{}ludsr8", "l".repeat(82));
        for good in [
            "A1LQFN3A",
            "a1lqfn3a",
            "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
            "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
            &long,
            "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
            "?1v759aa",
        ] {
            assert!(bech32m_groups(good).is_some(), "{good}");
        }
        for bad in [
            "qyrz8wqd2c9m",
            "1qyrz8wqd2c9m",
            "y1b0jsk6g",
            "lt1igcx5c0",
            "in1muywd",
            "mm1crxm3i",
            "au1s5cgom",
            "M1VUXWEZ",
            "16plkw9",
            "1p2gdwpf",
            "A1lqfn3a",
        ] {
            assert!(bech32m_groups(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hex_is_strict() {
        let mut out = String::new();
        put_hex(&mut out, &[0, 0xaf, 9]);
        assert_eq!(out, "00af09");
        assert_eq!(hex::<3>(&out), Some([0, 0xaf, 9]));
        for bad in ["00AF09", "00af0", "00af0900", "00af0g"] {
            assert_eq!(hex::<3>(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn groups_of_five_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(&*eights(&fives(&bytes)).expect("groups"), &bytes);
        }

        #[test]
        fn bech32m_round_trips_in_both_cases(bytes in any::<[u8; 32]>()) {
            let text = bech32m("annals", &bytes);
            prop_assert_eq!(*parse_bech32m("annals", &text).expect("lower"), bytes);
            prop_assert_eq!(*parse_bech32m("annals", &text.to_ascii_uppercase()).expect("upper"), bytes);
            prop_assert!(parse_bech32m("annal", &text).is_none());
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,100}") {
            let _ = bech32m_groups(&text);
            let _ = hex::<16>(&text);
        }
    }
}
