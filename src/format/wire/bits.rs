//! Integers whose lower bits are noise: a class byte (how many bits) in a column, the bits below the highest in a bit string.

use crate::base::error::{Error, Result};

/// Appends bits, least significant first.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    /// Appends the lower bits of a signed integer and returns its class: the bit length of its zigzag value.
    pub(super) fn put(&mut self, value: i64) -> u8 {
        let folded = ((value << 1) ^ (value >> 63)) as u64;
        let class = (u64::BITS - folded.leading_zeros()) as u8;
        for bit in 0..u32::from(class).saturating_sub(1) {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((folded >> bit & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
        class
    }

    /// The bytes; unused bits of the last are zero.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads what [`BitWriter`] wrote.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl<'a> BitReader<'a> {
    /// Starts at the first bit of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, used: 0 }
    }

    /// The integer whose class was `class`.
    pub(super) fn get(&mut self, class: u8) -> Result<i64> {
        let damaged = || Error::damaged("the times of a slice");
        if u32::from(class) > u64::BITS {
            return Err(damaged());
        }
        let mut folded = if class == 0 { 0 } else { 1u64 << (class - 1) };
        for bit in 0..u32::from(class).saturating_sub(1) {
            let byte = self.bytes.get(self.used / 8).ok_or_else(damaged)?;
            folded |= u64::from(byte >> (self.used % 8) & 1) << bit;
            self.used += 1;
        }
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// Fails unless all bytes were read.
    pub(super) fn finish(self) -> Result<()> {
        if self.used.div_ceil(8) == self.bytes.len() { Ok(()) } else { Err(Error::damaged("the times of a slice")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_round_trip(values in proptest::collection::vec(prop_oneof![any::<i64>(), -3i64..3], 0..40)) {
            let mut writer = BitWriter::default();
            let classes: Vec<u8> = values.iter().map(|v| writer.put(*v)).collect();
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for (class, value) in classes.iter().zip(&values) {
                prop_assert_eq!(reader.get(*class).expect("value"), *value);
            }
            prop_assert!(reader.finish().is_ok());
        }
    }
}
