//! Method 2: deflate streams that neither zlib nor Microsoft Office wrote. The preflate-rs library predicts what an encoder would have
//! done and keeps the differences ("corrections") as bytes that only it understands.

use crate::base::error::Result;

/// The corrections with which `stream` is written again from `plain`, proven; None where that fails or does not pay.
#[cfg(feature = "msoffice")]
pub(super) fn corrections(plain: &[u8], stream: &[u8]) -> Option<Vec<u8>> {
    let config = preflate_rs::PreflateConfig { plain_text_limit: plain.len(), verify_compression: false, ..Default::default() };
    let (found, text) = caught(|| preflate_rs::preflate_whole_deflate_stream(stream, &config))?;
    let pays = found.corrections.len() < stream.len() / 2;
    let same = pays && text.text() == plain && recreate(plain, &found.corrections).ok()? == stream;
    same.then_some(found.corrections)
}

/// Without the library nothing is ever opened this way.
#[cfg(not(feature = "msoffice"))]
pub(super) fn corrections(_: &[u8], _: &[u8]) -> Option<Vec<u8>> {
    None
}

/// Writes the stream again.
#[cfg(feature = "msoffice")]
pub(super) fn recreate(plain: &[u8], corrections: &[u8]) -> Result<Vec<u8>> {
    caught(|| preflate_rs::recreate_whole_deflate_stream(plain, corrections))
        .ok_or_else(|| crate::base::error::Error::damaged("corrections of a deflate stream"))
}

/// Refuses, and says which build does not.
#[cfg(not(feature = "msoffice"))]
pub(super) fn recreate(_: &[u8], _: &[u8]) -> Result<Vec<u8>> {
    use crate::base::error::{Error, Kind};
    Err(Error::new(
        Kind::Failed,
        "container.msoffice",
        "this content was shipped by a build that re-creates deflate streams of any producer, this build cannot",
    )
    .hint("read it with a program built with `--features msoffice`"))
}

/// The library indexes into what it reads: bytes that it did not write may make it panic.
#[cfg(feature = "msoffice")]
fn caught<T>(work: impl FnOnce() -> preflate_rs::Result<T>) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()?.ok()
}
