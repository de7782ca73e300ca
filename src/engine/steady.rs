//! How large an object may be on a line that is cut: what was on its way when the line went is lost, so objects grow with what the line has carried
//! since it was cut last.
//!
//! Where a line is cut each `D` bytes, an object of `s` bytes costs `s / 2D` of them in what is lost, and `h / s` in what is said around it (about
//! 750 bytes over WebDAV). With 250 kB between two cuts that is 8 % at 20 KiB, 9 % at 32 KiB, 17 % at 80 KiB, and nothing arrives at all beyond
//! 250 kB.

use crate::base::codec::{Reader, put_varint};
use crate::base::error::Result;

/// Bytes of the smallest object that something is divided into. Smaller ones cost more in requests than they save at a cut.
pub const OBJECT_BYTES_FLOOR: u64 = 20 << 10;
/// An object is at most this part of what the line carried since it was cut. So the first 2.6 MB are objects of the floor, and one more for each
/// 0.8 % that was carried is all that a good line ever pays: about 1,500 objects for its first 10 GB instead of 640.
const SHARE: u64 = 128;
/// An object that is cut is let be if it is no larger than so many times what would be made now.
const LARGE_TIMES: u64 = 2;
/// Attempts in a row that brought nothing, after which objects are made anew although the remote holds a part of their slice.
const BARREN_MAX: u64 = 3;

/// What is known of a line to a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steadiness {
    /// Bytes that arrived since the line was cut last, or ever.
    carried: u64,
    /// Whether it was ever cut.
    cut: bool,
    /// Attempts in a row that were cut before anything had arrived.
    barren: u64,
}

impl Steadiness {
    /// A line that nothing is known of.
    pub const UNKNOWN: Self = Steadiness { carried: 0, cut: false, barren: 0 };
    /// What is never cut, like a disk.
    pub const SURE: Self = Steadiness { carried: u64::MAX, cut: false, barren: 0 };

    /// What two lines carry that something goes over: the least of what is known of either. How often one of them was tried in vain is its own.
    pub fn and_another(self, other: Self) -> Self {
        Steadiness { carried: self.carried.min(other.carried), cut: self.cut || other.cut, ..self }
    }

    /// Bytes of an object, at most `most`, that is sent after `before` others of the same sealing. A size that needs no filler.
    pub fn object_bytes(self, before: u64, most: u64) -> u64 {
        let bytes = (self.carried.saturating_add(before) / SHARE).max(OBJECT_BYTES_FLOOR);
        // One leading bit and three more: see the padding of segments.
        let unit = 1 << bytes.ilog2().saturating_sub(3);
        (bytes / unit * unit).min(most)
    }

    /// Bytes of an object from which on blocks are made: what packs is kept together unless the line is known to be cut.
    pub fn block_object_bytes(self, most: u64) -> u64 {
        if self.cut { self.object_bytes(0, most) } else { most }
    }

    /// Whether objects of `bytes` go one at a time, because those beside each other would be lost together.
    pub fn goes_alone(self, bytes: u64) -> bool {
        bytes >= OBJECT_BYTES_FLOOR / 4 && self.carried < SHARE * (256 << 10)
    }

    /// Whether what was sealed should be made anew: its next object of `bytes` was cut, and smaller ones may pass. Where the remote holds a part of
    /// it already (`is_begun`), which would be sent again, it is tried a few times more.
    pub fn wants_smaller(self, bytes: u64, is_begun: bool) -> bool {
        self.barren >= if is_begun { BARREN_MAX } else { 1 } && bytes > LARGE_TIMES.saturating_mul(self.object_bytes(0, u64::MAX))
    }

    /// After an object of `bytes` arrived.
    pub fn and_carried(self, bytes: u64) -> Self {
        Steadiness { carried: self.carried.saturating_add(bytes), barren: 0, ..self }
    }

    /// After an attempt that was cut in the middle of an object, and had brought something before or not.
    pub fn and_cut(self, brought: bool) -> Self {
        Steadiness { carried: 0, cut: true, barren: if brought { 0 } else { self.barren.saturating_add(1) } }
    }

    /// As it is noted.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.carried);
        put_varint(&mut out, u64::from(self.cut));
        put_varint(&mut out, self.barren);
        out
    }

    /// Reads what [`Steadiness::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`crate::Kind::Failed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "a note about a line");
        let steadiness = Steadiness { carried: reader.varint()?, cut: reader.varint()? != 0, barren: reader.varint()? };
        reader.finish()?;
        Ok(steadiness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Random, SeededRandom};
    use crate::format::segment::padded_size;

    const MOST: u64 = 16 << 20;
    /// Bytes said around an object over WebDAV.
    const AROUND: u64 = 750;

    /// Objects of `payload` bytes as they are sealed at once, and what is sent for them over a line that is cut each `apart` bytes on average.
    fn sent(mut line: Steadiness, payload: u64, cuts: u64, apart: u64, random: &dyn Random) -> (u64, usize) {
        let mut sealed = Vec::new();
        while sealed.iter().sum::<u64>() < payload {
            let before = sealed.iter().sum();
            sealed.push(line.object_bytes(before, MOST).min(payload - before));
        }
        let count = sealed.len();
        let mut waiting = sealed.into_iter().rev().collect::<Vec<_>>();
        let (mut sent, mut left) = (0, cuts);
        while !waiting.is_empty() {
            let mut four = [0; 4];
            random.fill(&mut four);
            let mut room = if left > 0 { apart / 2 + u64::from(u32::from_le_bytes(four)) % apart } else { u64::MAX };
            let mut brought = false;
            while let Some(next) = waiting.last().copied() {
                if next + AROUND > room {
                    sent += room;
                    line = line.and_cut(brought);
                    left -= 1;
                    break;
                }
                (room, sent, brought) = (room - next - AROUND, sent + next + AROUND, true);
                line = line.and_carried(next);
                waiting.pop();
            }
            if waiting.last().is_some_and(|next| line.wants_smaller(*next, waiting.len() < count)) {
                let again: u64 = waiting.iter().sum();
                waiting = vec![OBJECT_BYTES_FLOOR; (again / OBJECT_BYTES_FLOOR) as usize + 1];
            }
        }
        (sent, count)
    }

    #[test]
    fn twenty_cuts_cost_less_than_a_tenth() {
        let random = SeededRandom::new(3);
        let payload = 5_000_000;
        for line in [Steadiness::UNKNOWN, Steadiness::UNKNOWN.and_carried(2_000_000), Steadiness::UNKNOWN.and_carried(80_000_000).and_cut(false)] {
            let each: Vec<u64> = (0..100).map(|_| sent(line, payload, 20, payload / 22, &random).0).collect();
            let mean = each.iter().sum::<u64>() / 100;
            assert!(mean * 100 <= payload * 109, "{mean} bytes for {payload}: {line:?}");
            assert!(each.iter().all(|sent| sent * 100 <= payload * 112), "{each:?}: {line:?}");
        }
        // On a line that was trusted for long the first cut costs what it carried.
        let trusted = Steadiness::UNKNOWN.and_carried(80_000_000);
        let (sent, _) = sent(trusted, payload, 20, payload / 22, &random);
        assert!(sent * 100 <= payload * 116, "{sent}");
    }

    #[test]
    fn a_line_that_is_not_cut_is_trusted_more_and_more() {
        let (bytes, count) = sent(Steadiness::UNKNOWN, 1_000_000_000, 0, 1, &SeededRandom::new(1));
        assert!(count < 1_200 && bytes < 1_001_000_000, "{count} objects, {bytes} bytes");
        let (_, count) = sent(Steadiness::UNKNOWN.and_carried(10_000_000_000), 1_000_000_000, 0, 1, &SeededRandom::new(1));
        assert_eq!(count, 60, "objects are as large as they may be");
        assert_eq!(Steadiness::SURE.object_bytes(0, MOST), MOST);
        assert_eq!(Steadiness::UNKNOWN.object_bytes(0, MOST), OBJECT_BYTES_FLOOR);
        assert_eq!(Steadiness::SURE.and_cut(true).object_bytes(0, MOST), OBJECT_BYTES_FLOOR, "a cut begins from the floor");
        assert_eq!(Steadiness::SURE.object_bytes(0, 9_000), 9_000, "never more than a minute of the line");
    }

    #[test]
    fn sizes_need_no_filler() {
        for carried in (0..2_000_000_000).step_by(777_777) {
            let bytes = Steadiness::UNKNOWN.and_carried(carried).object_bytes(0, MOST);
            assert_eq!(padded_size(bytes), bytes);
        }
    }

    #[test]
    fn what_packs_is_kept_together_until_the_line_is_cut() {
        assert_eq!(Steadiness::UNKNOWN.block_object_bytes(MOST), MOST);
        assert_eq!(Steadiness::UNKNOWN.and_cut(true).block_object_bytes(MOST), OBJECT_BYTES_FLOOR);
    }

    #[test]
    fn objects_go_alone_until_the_line_is_trusted_but_small_ones_together() {
        let line = Steadiness::UNKNOWN;
        assert!(line.goes_alone(OBJECT_BYTES_FLOOR) && !line.goes_alone(2_000));
        assert!(!line.and_carried(1 << 30).goes_alone(OBJECT_BYTES_FLOOR));
        assert!(!Steadiness::SURE.goes_alone(OBJECT_BYTES_FLOOR));
    }

    #[test]
    fn what_cannot_pass_is_made_anew() {
        let line = Steadiness::UNKNOWN.and_carried(5_000_000_000);
        assert!(!line.wants_smaller(MOST, false), "nothing was cut");
        assert!(!line.and_cut(true).wants_smaller(MOST, false), "something got through");
        let once = line.and_cut(false);
        assert!(once.wants_smaller(MOST, false) && !once.wants_smaller(OBJECT_BYTES_FLOOR * 2, false));
        assert!(!once.and_cut(false).wants_smaller(MOST, true), "a part of it is there");
        assert!(once.and_cut(false).and_cut(false).wants_smaller(MOST, true));
        assert!(!once.and_carried(1).wants_smaller(MOST, false));
    }

    #[test]
    fn of_two_lines_the_one_that_is_cut_decides() {
        let (good, bad) = (Steadiness::UNKNOWN.and_carried(80_000_000), Steadiness::UNKNOWN.and_cut(true));
        for both in [good.and_another(bad), bad.and_another(good), Steadiness::SURE.and_another(bad)] {
            assert_eq!(both.object_bytes(0, MOST), OBJECT_BYTES_FLOOR);
            assert_eq!(both.block_object_bytes(MOST), OBJECT_BYTES_FLOOR);
        }
        assert_eq!(good.and_another(Steadiness::SURE), good);
        // What was tried in vain there says nothing of the objects here.
        assert!(!good.and_another(Steadiness::UNKNOWN.and_cut(false)).wants_smaller(MOST, false));
    }

    #[test]
    fn it_is_noted_and_read() {
        let line = Steadiness::UNKNOWN.and_carried(70_000).and_cut(false).and_carried(5);
        assert_eq!(Steadiness::from_bytes(&line.to_bytes()).expect("read"), line);
        assert!(Steadiness::from_bytes(b"").is_err() && Steadiness::from_bytes(&[0, 0, 0, 0]).is_err());
    }
}
