//! Ways to change bytes.

use crate::round::Dice;

/// Numbers at which code goes wrong, as bytes: LEB128 of large numbers, fixed widths, edges of bytes.
const NUMBERS: [&[u8]; 14] = [
    &[0],
    &[1],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0xff, 0xff, 0x03],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    &[0xff; 8],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0x80],
    &[0; 4],
];

/// Pieces of text that mean something to some parser.
const PIECES: [&str; 36] = [
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "..",
    "../",
    "/",
    "//",
    "-",
    "--",
    "+",
    "=",
    "[",
    "]",
    "{",
    "}",
    "null",
    "true",
    "1e999",
    "-1",
    "0",
    "18446744073709551616",
    "9223372036854775807",
    "99999999999999999999999999",
    "\u{feff}",
    "\u{202e}",
    "å",
    "𝔸",
    "\u{301}",
    "%s",
];

/// Changes a copy of `sample` one to four times; the result differs unless the sample allows no change.
pub fn bytes(dice: &Dice, sample: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut out = sample.to_vec();
    for _ in 0..=dice.below(4) {
        once(dice, &mut out, others);
    }
    out
}

fn once(dice: &Dice, out: &mut Vec<u8>, others: &[Vec<u8>]) {
    let at = dice.below(out.len() + 1);
    let end = at + dice.below((out.len() - at).min(64) + 1);
    match dice.below(9) {
        0 | 1 if at < out.len() => out[at] ^= 1 << dice.below(8),
        2 if at < out.len() => out[at] = dice.bytes(1)[0],
        3 => out.truncate(at),
        4 => drop(out.drain(at..end)),
        5 => {
            let copy = out[at..end].to_vec();
            let to = dice.below(out.len() + 1);
            out.splice(to..to, copy);
        }
        // A length that says more, or less, than there is: over what stands there, or before it.
        6 => {
            let number = *dice.pick(&NUMBERS);
            let over = if dice.below(2) == 0 { at } else { (at + number.len()).min(out.len()) };
            out.splice(at..over, number.iter().copied());
        }
        7 if !others.is_empty() => {
            let other = dice.pick(others);
            let from = dice.below(other.len() + 1);
            let to = from + dice.below((other.len() - from).min(4096) + 1);
            out.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            let len = dice.below(40);
            out.splice(at..at, dice.bytes(len));
        }
    }
}

/// Changes a text one to four times; the result is text.
pub fn text(dice: &Dice, sample: &str, others: &[String]) -> String {
    let mut out = sample.to_owned();
    for _ in 0..=dice.below(4) {
        let at = border(&out, dice.below(out.len() + 1));
        let end = border(&out, at + dice.below((out.len() - at).min(20) + 1));
        let number = dice.below(1 << 20).to_string();
        let piece = match dice.below(4) {
            0 => number.as_str(),
            1 if !others.is_empty() => {
                let other = dice.pick(others);
                let from = border(other, dice.below(other.len() + 1));
                &other[from..border(other, from + dice.below((other.len() - from).min(400) + 1))]
            }
            _ => dice.pick(&PIECES),
        };
        match dice.below(6) {
            0 => out.truncate(at),
            1 => out.replace_range(at..end, ""),
            2 => out.replace_range(at..end, piece),
            3 => out.insert_str(at, &piece.repeat(1 + dice.below(300))),
            4 => {
                let copy = out[at..end].to_owned();
                out.insert_str(end, &copy);
            }
            _ => out.insert_str(at, piece),
        }
    }
    out
}

fn border(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
