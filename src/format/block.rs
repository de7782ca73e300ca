//! placeholder until the segment branch lands
#![expect(missing_docs, reason = "placeholder")]
use crate::base::error::{Error, Result};
pub fn compress_chunk(plain: &[u8]) -> Vec<u8> {
    let mut v = vec![0];
    v.extend_from_slice(plain);
    v
}
pub fn expand_chunk(stored: &[u8], max: usize) -> Result<Vec<u8>> {
    if stored.is_empty() || stored.len() > max + 1 {
        return Err(Error::damaged("chunk"));
    }
    Ok(stored[1..].to_vec())
}
