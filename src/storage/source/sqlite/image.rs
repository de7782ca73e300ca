//! The shadow image: pages of a captured database as of the last captured commit, and the redo that moves it on.
//!
//! The image is the "before" of every comparison. It moves in an order that a crash cannot break: the redo (the pages of the commits on their
//! way into the log) is written and synced; then the log's transaction names it; then its pages are written into the image and synced. Until
//! the next redo is begun the image can be brought to the named state again, however often.

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

fn redo_path(dir: &Path) -> PathBuf {
    dir.join("redo")
}

impl Image {
    /// Makes an image of all pages of `from` in `dir`, replacing another. `each` is told the bytes copied so far.
    pub fn create(dir: &Path, from: &dyn Pages, page_bytes: usize, each: &mut dyn FnMut(u64) -> Result<()>) -> Result<Image> {
        disk::create_dirs(dir)?;
        disk::remove_file(&redo_path(dir))?;
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
        disk::remove_file(&redo_path(dir))?;
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

    /// Writes the pages of commits on their way into the log. `name` is what the log will call this state.
    pub fn write_redo(&self, name: &Digest, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>) -> Result<()> {
        let path = redo_path(&self.dir);
        let fail = |e| Error::io(format_args!("write {}", path.display()), e);
        fault::point("redo.write")?;
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(fail)?;
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
        for (number, page) in pages {
            let mut entry = number.to_be_bytes().to_vec();
            entry.extend_from_slice(page);
            put(&entry)?;
        }
        file.write_all_at(hasher.finish().as_bytes(), offset).map_err(fail)?;
        fault::point("redo.sync")?;
        file.sync_data().map_err(fail)
    }

    /// Writes pages that the redo holds into the image.
    pub fn apply(&mut self, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>) -> Result<()> {
        for (number, page) in pages {
            self.write_page(*number, page)?;
        }
        self.settle(count)
    }

    /// Brings the image to the state that the log calls `name`: by the redo, where that is the one, and as it is otherwise.
    pub fn recover(&mut self, name: &Digest) -> Result<()> {
        let path = redo_path(&self.dir);
        let Ok(file) = File::open(&path) else { return Ok(()) };
        let fail = |e| Error::io(format_args!("read {}", path.display()), e);
        let mut head = [0; REDO_HEAD_BYTES];
        if file.read_exact_at(&mut head, 0).is_err() {
            return disk::remove_file(&path);
        }
        let mut reader = Reader::new(&head, "a redo");
        let (magic, named) = (reader.take(16)?, reader.take(32)?);
        let mut number = || -> Result<u32> { Ok(u32::from_be_bytes(reader.array()?)) };
        let (page_bytes, count, pages) = (number()? as usize, number()?, u64::from(number()?));
        if magic != REDO_MAGIC || named != name.as_bytes() || page_bytes != self.page_bytes {
            return disk::remove_file(&path);
        }
        let mut hasher = Hasher::new();
        hasher.update(&head);
        let mut entry = vec![0; 4 + page_bytes];
        let at = |i: u64| REDO_HEAD_BYTES as u64 + i * (4 + page_bytes) as u64;
        for i in 0..pages {
            file.read_exact_at(&mut entry, at(i)).map_err(fail)?;
            hasher.update(&entry);
        }
        let mut digest = [0; 32];
        file.read_exact_at(&mut digest, at(pages)).map_err(fail)?;
        if hasher.finish() != Digest::from_bytes(digest) {
            return Err(Error::damaged(path.display()));
        }
        for i in 0..pages {
            file.read_exact_at(&mut entry, at(i)).map_err(fail)?;
            let (number, page) = entry.split_at(4);
            self.write_page(u32::from_be_bytes([number[0], number[1], number[2], number[3]]), page)?;
        }
        self.settle(count)?;
        disk::remove_file(&path)
    }

    fn write_page(&mut self, number: u32, page: &[u8]) -> Result<()> {
        fault::point("image.write")?;
        let offset = u64::from(number.saturating_sub(1)) * self.page_bytes as u64;
        self.file.write_all_at(page, offset).map_err(|e| Error::io(format_args!("write {}", image_path(&self.dir).display()), e))
    }

    fn settle(&mut self, count: u32) -> Result<()> {
        fault::point("image.sync")?;
        let fail = |e| Error::io(format_args!("write {}", image_path(&self.dir).display()), e);
        self.file.set_len(u64::from(count) * self.page_bytes as u64).map_err(fail)?;
        self.file.sync_data().map_err(fail)?;
        self.count = count;
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

    #[test]
    fn a_fault_at_any_place_leaves_the_old_state_or_the_new_one() {
        let bytes = database();
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        for n in 0..40 {
            let dir = tempfile::tempdir().expect("dir");
            let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
            // The log names the new state only when the redo is whole.
            let mut named = false;
            let done = fault::arm(n, Fault::Error, || {
                image.write_redo(&new, 4, &newer(7))?;
                named = true;
                image.apply(4, &newer(7))
            });
            let mut again = Image::find(dir.path()).expect("it is there");
            again.recover(if named { &new } else { &old }).expect("recover");
            let page = again.page(2).expect("page").into_owned();
            match named {
                true => assert_eq!((again.count(), page), (4, vec![7; 512]), "at {n}"),
                false => assert_eq!((again.count(), page.as_slice()), (2, &bytes[512..1024]), "at {n}"),
            }
            if done.is_ok() {
                return assert!(n > 3, "{n}");
            }
        }
        panic!("it never ended");
    }

    #[test]
    fn a_redo_that_was_cut_or_changed_is_never_applied() {
        let bytes = database();
        let dir = tempfile::tempdir().expect("dir");
        let mut image = Image::create(dir.path(), &Bytes::new(&bytes).expect("pages"), 512, &mut |_| Ok(())).expect("image");
        let name = Digest::of(b"new");
        image.write_redo(&name, 4, &newer(7)).expect("redo");
        let path = redo_path(dir.path());
        let whole = fs::read(&path).expect("read");
        for at in [20, 50, 70, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).expect("write");
            let recovered = image.recover(&name);
            assert!(recovered.is_err() || image.count() == 2, "byte {at}");
            assert_eq!(&image.page(2).expect("page")[..], &bytes[512..1024]);
        }
        fs::write(&path, &whole[..whole.len() - 40]).expect("write");
        assert!(image.recover(&name).is_err());
    }
}
