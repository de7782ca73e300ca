//! Records: the payload of a cell as a list of values (file format section 2.1).

use super::header::Encoding;
use super::value::Value;
use crate::base::error::{Error, Result};

/// Values: SQLite cannot be built for more columns than this.
pub(crate) const COLUMNS_MAX: usize = 32_767;

/// A variable-length integer at the front of `bytes` and its length: seven bits a byte, most significant first, eight bits in the ninth byte.
/// `None` where the bytes end too early.
pub fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(9).enumerate() {
        if i == 8 {
            return Some((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Bytes that a value of this serial type takes in the body; `None` for the two reserved types.
fn body_bytes(serial: u64) -> Option<u64> {
    match serial {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(serial),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => Some((serial - 12) / 2),
    }
}

fn damaged() -> Error {
    Error::damaged("a row of a SQLite database")
}

/// Reads a whole payload. Fails for reserved types, for values that reach beyond the payload and for more than `COLUMNS_MAX` values.
pub fn parse(payload: &[u8], encoding: Encoding) -> Result<Vec<Value>> {
    let (header_bytes, mut at) = varint(payload).ok_or_else(damaged)?;
    let header_bytes = usize::try_from(header_bytes).ok().filter(|n| (at..=payload.len()).contains(n)).ok_or_else(damaged)?;
    let (header, mut body) = payload.split_at(header_bytes);
    let mut values = Vec::new();
    while at < header.len() {
        let (serial, len) = varint(&header[at..]).ok_or_else(damaged)?;
        at += len;
        let bytes = body_bytes(serial).and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= body.len()).ok_or_else(damaged)?;
        if values.len() == COLUMNS_MAX {
            return Err(damaged());
        }
        let (own, rest) = body.split_at(bytes);
        body = rest;
        values.push(value(serial, own, encoding));
    }
    Ok(values)
}

fn value(serial: u64, bytes: &[u8], encoding: Encoding) -> Value {
    let integer = || {
        let first = bytes.first().map_or(0, |b| i64::from(*b as i8));
        bytes.iter().skip(1).fold(first, |n, b| n << 8 | i64::from(*b))
    };
    match serial {
        0 => Value::Null,
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        1..=6 => Value::Integer(integer()),
        7 => {
            let real = f64::from_bits(integer() as u64);
            if real.is_nan() { Value::Null } else { Value::Real(real) }
        }
        _ if serial.is_multiple_of(2) => Value::Blob(bytes.to_vec()),
        _ => Value::text(bytes, encoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_serial_type_is_read() {
        let body: Vec<u8> = [
            vec![0x80],
            vec![0x80, 0x00],
            vec![0xff, 0xff, 0xfe],
            vec![0x7f, 0xff, 0xff, 0xff],
            vec![0xff, 0, 0, 0, 0, 0],
            i64::MIN.to_be_bytes().to_vec(),
            2.5f64.to_be_bytes().to_vec(),
            b"\x01\x02".to_vec(),
            b"hei".to_vec(),
        ]
        .concat();
        let mut payload = vec![13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19];
        payload.extend_from_slice(&body);
        let expected = [
            Value::Null,
            Value::Integer(-128),
            Value::Integer(-32768),
            Value::Integer(-2),
            Value::Integer(i64::from(i32::MAX)),
            Value::Integer(-(1 << 40)),
            Value::Integer(i64::MIN),
            Value::Real(2.5),
            Value::Integer(0),
            Value::Integer(1),
            Value::Blob(vec![1, 2]),
            Value::Text("hei".into()),
        ];
        assert_eq!(parse(&payload, Encoding::Utf8).expect("a record"), expected);
        assert!(parse(&payload[..payload.len() - 1], Encoding::Utf8).is_err());
        assert!(parse(&[2, 10], Encoding::Utf8).is_err());
        assert!(parse(&[0], Encoding::Utf8).is_err());
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0xff; 8]), None);
    }

    proptest! {
        #[test]
        fn any_payload_is_read_without_panic(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(values) = parse(&payload, Encoding::Utf16le) {
                prop_assert!(values.len() < payload.len());
            }
        }
    }
}
