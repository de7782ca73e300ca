//! Sizes and speeds with their units.

use crate::base::error::{Error, Result};

use super::words::shown;

/// Bytes: the largest size, so that sums of two stay within the catalogue's signed 64 bits.
pub(super) const SIZE_BYTES_MAX: u64 = 1 << 62;

/// Reads a size in bytes: `1 GiB`, `5 GB`, `1.5 MiB`, `512 B`. Units of 1000 are kB MB GB TB, units of 1024 are KiB MiB GiB TiB.
pub fn parse_size(text: &str) -> Result<u64> {
    let bad = |why: &str| {
        let hint = "write a number with its unit, for example 500 MB (of 1000) or 1 GiB (of 1024)";
        Err(Error::usage("size.bad", format!("{why}: {}", shown(text))).hint(hint))
    };
    let Some((micro, unit)) = quantity(text) else { return bad("not a size") };
    let unit: u64 = match unit {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" | "kiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "" => return bad("a size without a unit"),
        _ => return bad("a size with a unit that is not known, or has two meanings"),
    };
    match scale(micro, unit) {
        Some(bytes) => Ok(bytes),
        None => bad("a size that is too large"),
    }
}

/// A speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As fast as the line.
    Unlimited,
    /// At most so many bytes in a second, never zero.
    BytesPerSec(u64),
}

/// Reads a speed: `10 MiB/s`, `512 kB/s`, `2 Mbit/s`, `unlimited`.
pub fn parse_rate(text: &str) -> Result<Rate> {
    let hint = "write for example 10 MiB/s, 512 kB/s, 2 Mbit/s or unlimited";
    let bad = |why: &str| Err(Error::usage("rate.bad", format!("{why}: {}", shown(text))).hint(hint));
    if text.trim() == "unlimited" {
        return Ok(Rate::Unlimited);
    }
    let Some(amount) = text.trim().strip_suffix('s').and_then(|t| t.trim_end().strip_suffix('/')) else { return bad("not a speed") };
    let bits = quantity(amount).and_then(|(micro, unit)| {
        let unit = match unit {
            "kbit" => 125,
            "Mbit" => 125_000,
            "Gbit" => 125_000_000,
            _ => return None,
        };
        scale(micro, unit)
    });
    match bits.map_or_else(|| parse_size(amount), Ok) {
        Ok(0) => bad("a speed of nothing at all"),
        Ok(bytes) => Ok(Rate::BytesPerSec(bytes)),
        Err(e) => Err(Error::usage("rate.bad", e.to_string()).hint(hint)),
    }
}

/// A number in millionths, and the unit behind it.
pub(super) fn quantity(text: &str) -> Option<(u128, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let sound = |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !sound(whole, 19) || !sound(fraction, 6) {
        return None;
    }
    Some((whole.parse::<u128>().ok()? * 1_000_000 + format!("{fraction:0<6}").parse::<u128>().ok()?, unit))
}

pub(super) fn scale(micro: u128, unit: u64) -> Option<u64> {
    u64::try_from(micro * u128::from(unit) / 1_000_000).ok().filter(|bytes| *bytes <= SIZE_BYTES_MAX)
}

pub(super) fn positive_size(text: &str) -> Result<u64> {
    match parse_size(text)? {
        0 => Err(Error::usage("size.bad", format!("nothing fits into this: {}", shown(text))).hint("write for example 1 GiB, or take the line away")),
        bytes => Ok(bytes),
    }
}
