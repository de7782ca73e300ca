//! In which rows a database and its history differ now. Records nothing: what a realignment starts from.

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::engine::capture::written::{RowDifference, content};
use crate::engine::plans::By;
use crate::engine::store::Tenant;
use crate::format::sqlite::changes;
use crate::format::sqlite::pages::{Overlay, Pages};
use crate::storage::source::sqlite::image::Image;

use super::document::row_key;
use super::open::capture_of;
use super::run::{Difference, Work};
use super::state::{self, State};

/// In which rows a captured database differs from its history, by table and key.
pub(in crate::engine::capture) fn compare(tenant: &Tenant, state: &State, monitor: &dyn Monitor) -> Result<Vec<RowDifference>> {
    let (what, by) = (capture_of(state), By::default());
    let turn = state::capturing(tenant, what.prefix());
    let _held = state::hold(&turn);
    let mut work = Work::open(tenant, &what, &by, monitor)?;
    let found = work.differences();
    work.source.release();
    found
}

impl Work<'_> {
    pub(super) fn differences(&mut self) -> Result<Vec<RowDifference>> {
        if self.is_image_elsewhere()? {
            self.take_image(true)?;
            let beside = Image::find(&self.beside()).ok_or_else(|| Error::damaged("the second image of a database"))?;
            return self.differing_from_log(&beside);
        }
        self.decode()?;
        let (Some(image), Some(mut decoded)) = (self.image.take(), self.decoded.take()) else {
            return Err(Error::new(Kind::Failed, "capture.image", "the image of the database is not at hand")
                .hint("annals capture sqlite compares all rows and makes a new one"));
        };
        let found = self.differing_from(&image, &mut decoded);
        // What is known of the pages is that of the file now; of the image it is read again when it is needed.
        self.image = Some(image);
        found
    }

    fn differing_from(&mut self, image: &Image, decoded: &mut changes::State) -> Result<Vec<RowDifference>> {
        match self.compare_pages(image)? {
            Difference::Small { place, pages } => {
                let mut after = Overlay::new(image, place.page_count);
                for (number, page) in &pages {
                    after.put(*number, &page[..]);
                }
                let changed: Vec<u32> = pages.keys().copied().collect();
                self.differing(image, &after, &changed, decoded)
            }
            Difference::Large => {
                let place = self.take_image(true)?;
                let beside = Image::find(&self.beside()).ok_or_else(|| Error::damaged("the second image of a database"))?;
                let changed: Vec<u32> = (1..=place.page_count).collect();
                self.differing(image, &beside, &changed, decoded)
            }
            Difference::Other => Err(Error::new(Kind::Refused, "capture.other", "the file is another database: its pages have another size")
                .hint("use another --prefix for another database")),
        }
    }

    /// In which rows an image differs from what is recorded.
    fn differing_from_log(&self, image: &Image) -> Result<Vec<RowDifference>> {
        let (mut out, now) = (Vec::new(), self.tenant.now());
        self.each_difference(image, &mut |key, there, _| {
            let recorded = content(&now, &key)?;
            out.push(RowDifference { key, recorded, there });
            Ok(())
        })?;
        Ok(out)
    }

    fn differing(&self, before: &dyn Pages, after: &dyn Pages, changed: &[u32], decoded: &mut changes::State) -> Result<Vec<RowDifference>> {
        let mut out = Vec::new();
        changes::each_change(before, after, changed, decoded, &|table| self.is_wanted(table), &mut |change| {
            let key = row_key(self.what.prefix(), &change.table, &change.key);
            out.push(RowDifference { key, recorded: change.before.map(|r| r.to_json()), there: change.after.map(|r| r.to_json()) });
            Ok(())
        })?;
        Ok(out)
    }
}
