//! What is known of the lines to remotes, and what it means for what is sealed: its objects go over all of them.

use crate::base::error::Result;

use super::residency::allows;
use super::steady::Steadiness;
use super::store::Inner;

/// Bytes of an object at most, and of one for a line that was never measured, which is taken for a good one.
pub(crate) const OBJECT_BYTES_MAX: u64 = 16 << 20;
/// A slow line gets objects that are no smaller: a minute is a rule of thumb, requests are not.
const MINUTE_BYTES_MIN: u64 = 256 << 10;

impl Inner {
    /// Bytes of an object: about one minute of the line.
    pub(crate) fn line_minute(&self, remote: &str) -> Result<u64> {
        let rate = self.catalog.read(|rows| rows.line_rate(remote))?;
        Ok(rate.map_or(OBJECT_BYTES_MAX, |rate| ((rate * 60.0) as u64).clamp(MINUTE_BYTES_MIN, OBJECT_BYTES_MAX)))
    }

    /// How steady the line to a remote is, as far as is known. What is near is not cut.
    pub(crate) fn steadiness(&self, remote: &str, is_far: bool) -> Result<Steadiness> {
        if !is_far {
            return Ok(Steadiness::SURE);
        }
        let note = self.catalog.read(|rows| rows.line_note(remote))?;
        note.map_or(Ok(Steadiness::UNKNOWN), |note| Steadiness::from_bytes(&note))
    }

    /// Bytes of an object, at most `most`, and the line, at best `line`, for what goes to all remotes of a tenant. What is sealed once is what all of
    /// them get, whichever is shipped to first: a disk would have objects that never pass a line that is cut.
    pub(crate) fn over_all_lines(&self, tenant: &str, mut most: u64, mut line: Steadiness) -> Result<(u64, Steadiness)> {
        let config = &self.config;
        for place in config.remotes.iter().filter(|place| allows(config, tenant, &place.name, place.region.as_deref())) {
            most = most.min(self.line_minute(&place.name)?);
            line = line.and_another(self.steadiness(&place.name, !place.url.starts_with("dir:"))?);
        }
        Ok((most, line))
    }
}
