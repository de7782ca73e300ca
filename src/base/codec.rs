//! Bytes in and out: LEB128 variable-length integers, zigzag for signed ones, length-prefixed bytes. Every read is bounded.

use super::error::{Error, Result};

/// Appends `value` as unsigned LEB128 (seven bits a byte, least significant first).
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer: zigzag, then LEB128.
pub fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends the length, then the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads from a slice, front to back. Every failure is [`Error::damaged`] with the name given at the start.
#[derive(Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names them in errors ("segment tail").
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Reader { bytes, what }
    }

    fn damaged(&self) -> Error {
        Error::damaged(self.what)
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Exactly `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.bytes.len() {
            return Err(self.damaged());
        }
        let (head, rest) = self.bytes.split_at(n);
        self.bytes = rest;
        Ok(head)
    }

    /// Exactly `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let slice = self.take(N)?;
        slice.try_into().map_err(|_| self.damaged())
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned LEB128 integer in its shortest form; longer forms are damage, so that equal values have equal bytes.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.damaged());
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.damaged());
                }
                return Ok(value);
            }
        }
        Err(self.damaged())
    }

    /// A varint that must not exceed `max`.
    pub fn varint_max(&mut self, max: u64) -> Result<u64> {
        let value = self.varint()?;
        if value > max { Err(self.damaged()) } else { Ok(value) }
    }

    /// A count of things that take at least one byte each, so it cannot exceed what is left: safe to allocate for.
    pub fn count(&mut self) -> Result<usize> {
        let n = self.varint()?;
        if n > self.bytes.len() as u64 { Err(self.damaged()) } else { Ok(n as usize) }
    }

    /// A signed integer written by [`put_zigzag`].
    pub fn zigzag(&mut self) -> Result<i64> {
        let v = self.varint()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// Length-prefixed bytes, at most `max` of them.
    pub fn bytes(&mut self, max: usize) -> Result<&'a [u8]> {
        let n = self.varint_max(max as u64)?;
        self.take(n as usize)
    }

    /// Length-prefixed UTF-8, at most `max` bytes.
    pub fn text(&mut self, max: usize) -> Result<&'a str> {
        let bytes = self.bytes(max)?;
        std::str::from_utf8(bytes).map_err(|_| self.damaged())
    }

    /// Fails unless all bytes were read.
    pub fn finish(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(self.damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_and_bytes_round_trip(u in any::<u64>(), i in any::<i64>(), b in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Vec::new();
            put_varint(&mut out, u);
            put_zigzag(&mut out, i);
            put_bytes(&mut out, &b);
            let mut r = Reader::new(&out, "test");
            prop_assert_eq!(r.varint().expect("u"), u);
            prop_assert_eq!(r.zigzag().expect("i"), i);
            prop_assert_eq!(r.bytes(200).expect("b"), &b[..]);
            prop_assert!(r.finish().is_ok());
        }

        #[test]
        fn any_bytes_are_read_without_panic(b in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut r = Reader::new(&b, "test");
            while r.varint().is_ok() {}
        }
    }

    #[test]
    fn overlong_and_overflowing_integers_are_damage() {
        assert!(Reader::new(&[0x80, 0x00], "t").varint().is_err());
        assert!(Reader::new(&[0xff; 10], "t").varint().is_err());
        assert!(Reader::new(&[5], "t").count().is_err());
    }
}
