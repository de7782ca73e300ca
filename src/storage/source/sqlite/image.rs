//! The shadow image: pages of a captured database as of the last captured commit, and the redos that move it on.
//!
//! The image is the "before" of every comparison. It moves in an order that a crash cannot break: a redo (the pages of the commits on their
//! way into the log) is written and synced; then the log's transaction counts it; then its pages are written into the image. The image itself is
//! synced only once for [`REDOS_LATE`] of them, because each sync makes whoever writes to the same disk wait. Until then it can be brought to the
//! state that the log knows by doing all of them again, however often.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::base::codec::Reader;
use crate::base::digest::{Digest, Hasher};
use crate::base::disk::{self, Staged};
use crate::base::error::{Error, Result};
use crate::base::fault;
use crate::format::sqlite::header::Header;
use crate::format::sqlite::pages::Pages;

const REDO_MAGIC: &[u8; 16] = b"annals redo 1\n\0\0";
/// Redos after which the image is synced.
pub const REDOS_LATE: u64 = 16;
/// Redos that are kept, each in a file that a later one takes over in place: those that the log counts as not in the image yet, also where it does
/// not know of the last sync, and the one on its way.
const REDOS_KEPT: u64 = 2 * REDOS_LATE;
/// Bytes of a redo that keeps its file. A longer one has a file that goes as soon as the image was synced after it.
const REDO_BYTES_KEPT: u64 = 1 << 20;
/// Bytes of a redo before its pages: magic, name, page size, page count, number of pages.
const REDO_HEAD_BYTES: usize = 16 + 32 + 12;
/// Pages copied at a time while an image is made.
const COPY_PAGES: u32 = 256;

/// An image in its directory.
pub struct Image {
    dir: PathBuf,
    file: File,
    page_bytes: usize,
    count: u32,
}

fn image_path(dir: &Path) -> PathBuf {
    dir.join("image")
}

/// Where the redo with this number is, unless it is a long one.
fn redo_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("redo-{:02}", number % REDOS_KEPT))
}

fn long_redo_path(dir: &Path) -> PathBuf {
    dir.join("redo-long")
}

impl Image {
    /// Makes an image of all pages of `from` in `dir`, replacing another. `each` is told the bytes copied so far.
    pub fn create(dir: &Path, from: &dyn Pages, page_bytes: usize, each: &mut dyn FnMut(u64) -> Result<()>) -> Result<Image> {
        disk::create_dirs(dir)?;
        let mut staged = Staged::create(&image_path(dir), 0o600)?;
        let mut run = Vec::with_capacity(COPY_PAGES as usize * page_bytes);
        for number in 1..=from.count() {
            run.extend_from_slice(&from.page(number)?);
            if number % COPY_PAGES == 0 || number == from.count() {
                staged.write(&run)?;
                run.clear();
                each(u64::from(number) * page_bytes as u64)?;
            }
        }
        staged.finish()?;
        Image::open(dir)
    }

    /// The image in `dir`. `None` where there is none, or what is there is none.
    pub fn find(dir: &Path) -> Option<Image> {
        Image::open(dir).ok()
    }

    fn open(dir: &Path) -> Result<Image> {
        let path = image_path(dir);
        let fail = |e| Error::io(format_args!("open {}", path.display()), e);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(fail)?;
        let mut first = [0; 100];
        file.read_exact_at(&mut first, 0).map_err(fail)?;
        let page_bytes = Header::parse(&first)?.page_size as usize;
        let len = file.metadata().map_err(fail)?.len();
        if len % page_bytes as u64 != 0 {
            return Err(Error::damaged(path.display()));
        }
        Ok(Image { dir: dir.to_owned(), file, page_bytes, count: u32::try_from(len / page_bytes as u64).unwrap_or(u32::MAX) })
    }

    /// Makes the image in the directory `beside` the image of `dir`.
    pub fn replace(dir: &Path, beside: &Path) -> Result<Image> {
        let (from, to) = (image_path(beside), image_path(dir));
        fault::point("image.rename")?;
        fs::rename(&from, &to).map_err(|e| Error::io(format_args!("rename to {}", to.display()), e))?;
        disk::sync_dir(dir)?;
        // An empty directory that stays is used again.
        let _ = fs::remove_dir(beside);
        Image::open(dir)
    }

    /// Reads the image from front to back.
    pub fn reader(&self) -> Result<impl Read> {
        let path = image_path(&self.dir);
        File::open(&path).map_err(|e| Error::io(format_args!("read {}", path.display()), e))
    }

    /// Bytes of a page.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Writes the pages of commits on their way into the log as the redo with this number. `name` is what it is known by: no other redo has it.
    /// Whether it is a long one: then the image is to be settled as soon as its pages are in it, and the redo to be forgotten before the next one.
    pub fn write_redo(&self, number: u64, name: &Digest, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>) -> Result<bool> {
        let bytes = (REDO_HEAD_BYTES + pages.len() * (4 + self.page_bytes) + 32) as u64;
        let long = bytes > REDO_BYTES_KEPT;
        let path = if long { long_redo_path(&self.dir) } else { redo_path(&self.dir, number) };
        let fail = |e| Error::io(format_args!("write {}", path.display()), e);
        fault::point("redo.write")?;
        // Over what was there: its blocks are the file's already, so that the sync has nothing to tell but them.
        let is_new = !path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(long).open(&path).map_err(fail)?;
        let mut hasher = Hasher::new();
        let mut offset = 0;
        let mut put = |bytes: &[u8]| -> Result<()> {
            hasher.update(bytes);
            file.write_all_at(bytes, offset).map_err(fail)?;
            offset += bytes.len() as u64;
            Ok(())
        };
        let mut head = REDO_MAGIC.to_vec();
        head.extend_from_slice(name.as_bytes());
        for number in [self.page_bytes as u32, count, pages.len() as u32] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        put(&head)?;
        let mut entry = Vec::with_capacity(4 + self.page_bytes);
        for (number, page) in pages {
            entry.clear();
            entry.extend_from_slice(&number.to_be_bytes());
            entry.extend_from_slice(page);
            put(&entry)?;
        }
        file.write_all_at(hasher.finish().as_bytes(), offset).map_err(fail)?;
        fault::point("redo.sync")?;
        file.sync_data().map_err(fail)?;
        if is_new {
            disk::sync_dir(&self.dir)?;
        }
        Ok(long)
    }

    /// Writes pages that a redo holds into the image.
    pub fn apply(&mut self, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>) -> Result<()> {
        for (number, page) in pages {
            self.write_page(*number, page)?;
        }
        self.resize(count)
    }

    /// Syncs the image: the redos whose pages are in it are not needed any more.
    pub fn settle(&self) -> Result<()> {
        fault::point("image.sync")?;
        self.file.sync_data().map_err(|e| Error::io(format_args!("write {}", image_path(&self.dir).display()), e))
    }

    /// Gives back the space of a long redo, once the log counts it as in the image.
    pub fn forget_long_redo(&self) -> Result<()> {
        disk::remove_file(&long_redo_path(&self.dir))
    }

    /// Brings the image to the state that the log knows, by these redos, in their order. `false` where one of them is not there as it was written:
    /// then nobody knows what the image is of.
    pub fn recover(&mut self, redos: &[(u64, Digest)]) -> Result<bool> {
        for (number, name) in redos {
            if !self.redo(&redo_path(&self.dir, *number), name)? && !self.redo(&long_redo_path(&self.dir), name)? {
                return Ok(false);
            }
        }
        if !redos.is_empty() {
            self.settle()?;
        }
        Ok(true)
    }

    /// Does the redo at `path` again, if it is whole and the one of that name.
    fn redo(&mut self, path: &Path, name: &Digest) -> Result<bool> {
        let Ok(file) = File::open(path) else { return Ok(false) };
        let fail = |e| Error::io(format_args!("read {}", path.display()), e);
        // What ends early is not whole.
        let whole = |buffer: &mut [u8], at: u64| match file.read_exact_at(buffer, at) {
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true).map_err(fail),
        };
        let mut head = [0; REDO_HEAD_BYTES];
        if !whole(&mut head, 0)? {
            return Ok(false);
        }
        let mut reader = Reader::new(&head, "a redo");
        let (magic, named) = (reader.take(16)?, reader.take(32)?);
        let mut number = || -> Result<u32> { Ok(u32::from_be_bytes(reader.array()?)) };
        let (page_bytes, count, pages) = (number()? as usize, number()?, u64::from(number()?));
        if magic != REDO_MAGIC || named != name.as_bytes() || page_bytes != self.page_bytes {
            return Ok(false);
        }
        let mut hasher = Hasher::new();
        hasher.update(&head);
        let mut entry = vec![0; 4 + page_bytes];
        let at = |i: u64| REDO_HEAD_BYTES as u64 + i * (4 + page_bytes) as u64;
        for i in 0..pages {
            if !whole(&mut entry, at(i))? {
                return Ok(false);
            }
            hasher.update(&entry);
        }
        let mut digest = [0; 32];
        if !whole(&mut digest, at(pages))? || hasher.finish() != Digest::from_bytes(digest) {
            return Ok(false);
        }
        for i in 0..pages {
            file.read_exact_at(&mut entry, at(i)).map_err(fail)?;
            let (number, page) = entry.split_at(4);
            self.write_page(u32::from_be_bytes([number[0], number[1], number[2], number[3]]), page)?;
        }
        self.resize(count)?;
        Ok(true)
    }

    fn write_page(&mut self, number: u32, page: &[u8]) -> Result<()> {
        fault::point("image.write")?;
        let offset = u64::from(number.saturating_sub(1)) * self.page_bytes as u64;
        self.file.write_all_at(page, offset).map_err(|e| Error::io(format_args!("write {}", image_path(&self.dir).display()), e))
    }

    fn resize(&mut self, count: u32) -> Result<()> {
        if self.count != count {
            fault::point("image.write")?;
            let fail = |e| Error::io(format_args!("write {}", image_path(&self.dir).display()), e);
            self.file.set_len(u64::from(count) * self.page_bytes as u64).map_err(fail)?;
            self.count = count;
        }
        Ok(())
    }
}

impl Pages for Image {
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        if number == 0 || number > self.count {
            return Err(Error::damaged(format_args!("page {number} of a database that has {}", self.count)));
        }
        let mut page = vec![0; self.page_bytes];
        let offset = u64::from(number - 1) * self.page_bytes as u64;
        self.file.read_exact_at(&mut page, offset).map_err(|e| Error::io(format_args!("read {}", image_path(&self.dir).display()), e))?;
        Ok(page.into())
    }

    fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::{self, Fault};
    use crate::format::sqlite::pages::Bytes;

    fn database() -> Vec<u8> {
        let dir = tempfile::tempdir().expect("dir");
        let connection = rusqlite::Connection::open(dir.path().join("a")).expect("open");
        connection.execute_batch("PRAGMA page_size = 512; CREATE TABLE t (a); INSERT INTO t VALUES (1)").expect("made");
        drop(connection);
        fs::read(dir.path().join("a")).expect("read")
    }

    fn newer(fill: u8) -> BTreeMap<u32, Cow<'static, [u8]>> {
        BTreeMap::from([(2, Cow::Owned(vec![fill; 512])), (4, Cow::Owned(vec![fill; 512]))])
    }

    fn named(number: u64) -> (u64, Digest) {
        (number, Digest::of(&number.to_be_bytes()))
    }

    #[test]
    fn a_fault_at_any_place_leaves_the_old_state_or_the_new_one() {
        let bytes = database();
        for n in 0..40 {
            let dir = tempfile::tempdir().expect("dir");
            let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
            // The log counts the redo only when it is whole.
            let mut counted = Vec::new();
            let done = fault::arm(n, Fault::Error, || {
                image.write_redo(1, &named(1).1, 4, &newer(7))?;
                counted.push(named(1));
                image.apply(4, &newer(7))?;
                image.settle()
            });
            let mut again = Image::find(dir.path()).expect("it is there");
            assert!(again.recover(&counted).expect("recover"), "at {n}");
            let page = again.page(2).expect("page").into_owned();
            match counted.is_empty() {
                false => assert_eq!((again.count(), page), (4, vec![7; 512]), "at {n}"),
                true => assert_eq!((again.count(), page.as_slice()), (2, &bytes[512..1024]), "at {n}"),
            }
            if done.is_ok() {
                return assert!(n > 3, "{n}");
            }
        }
        panic!("it never ended");
    }

    #[test]
    fn an_image_that_lost_what_was_not_synced_comes_back_by_its_redos() {
        let bytes = database();
        let dir = tempfile::tempdir().expect("dir");
        let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
        let settled = fs::read(image_path(dir.path())).expect("read");
        let turns = 2 * REDOS_LATE;
        for number in 1..=turns {
            let count = 4 + u32::from(number % 2 == 0);
            let long = image.write_redo(number, &named(number).1, count, &newer(number as u8)).expect("redo");
            assert!(!long);
            image.apply(count, &newer(number as u8)).expect("apply");
        }
        let after = fs::read(image_path(dir.path())).expect("read");
        let redos: Vec<_> = (1..=turns).map(named).collect();
        // Nothing of it, the half of it, and what a later redo that the log does not count had put there already.
        let mut torn = after.clone();
        torn[512..1024].copy_from_slice(&settled[512..1024]);
        let mut newer_than_counted = after.clone();
        newer_than_counted.resize(8 * 512, 9);
        for lost in [settled, torn, newer_than_counted] {
            fs::write(image_path(dir.path()), lost).expect("write");
            let mut again = Image::find(dir.path()).expect("it is there");
            assert!(again.recover(&redos).expect("recover"));
            assert!(fs::read(image_path(dir.path())).expect("read") == after);
        }
    }

    #[test]
    fn a_long_redo_has_its_own_file_and_wants_the_image_to_be_settled() {
        let bytes = database();
        let dir = tempfile::tempdir().expect("dir");
        let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
        let pages: BTreeMap<u32, Cow<'_, [u8]>> = (2..4000).map(|n| (n, Cow::Owned(vec![3; 512]))).collect();
        assert!(!image.write_redo(1, &named(1).1, 4, &newer(7)).expect("redo"));
        assert!(image.write_redo(2, &named(2).1, 4000, &pages).expect("redo"));
        assert!(image.recover(&[named(1), named(2)]).expect("recover"));
        assert_eq!((image.count(), &image.page(3999).expect("page")[..]), (4000, &[3; 512][..]));
        image.forget_long_redo().expect("forget");
        assert!(image.recover(&[named(1)]).expect("recover") && !image.recover(&[named(2)]).expect("recover"));
    }

    #[test]
    fn a_redo_that_was_cut_changed_or_is_another_one_is_never_applied() {
        let bytes = database();
        let dir = tempfile::tempdir().expect("dir");
        let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
        image.write_redo(1, &named(1).1, 4, &newer(7)).expect("redo");
        let path = redo_path(dir.path(), 1);
        let whole = fs::read(&path).expect("read");
        let mut untouched = |redo: &[u8], wanted: (u64, Digest)| {
            fs::write(&path, redo).expect("write");
            let recovered = image.recover(&[wanted]).expect("recover");
            !recovered && image.count() == 2 && *image.page(2).expect("page") == bytes[512..1024]
        };
        for at in [20, 50, 62, 66, 70, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(untouched(&changed, named(1)), "byte {at}");
        }
        for len in [0, 10, 60, whole.len() - 40, whole.len() - 1] {
            assert!(untouched(&whole[..len], named(1)), "{len} bytes");
        }
        assert!(untouched(&whole, (1, named(33).1)), "another one of the same file");
        fs::remove_file(&path).expect("remove");
        assert!(!image.recover(&[named(1)]).expect("recover"));
    }
}
