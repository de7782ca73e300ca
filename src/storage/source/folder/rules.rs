//! What of a folder is captured: patterns in the syntax of gitignore (<https://git-scm.com/docs/gitignore>).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::base::error::{Error, Result};

/// The file in any directory of a folder whose lines are rules for that directory and what is below it. It is captured like any other file.
pub const RULES_FILE: &str = ".annalsignore";

/// Which paths are captured. By default all.
///
/// The patterns given here decide before those of [`RULES_FILE`]s, and of these the deepest decides first; in one list the last pattern that
/// matches decides, and one that begins with `!` lets through. Nothing below an excluded directory is looked at. Where `includes` are given,
/// only the files that match one, and all below directories that match one, are captured.
#[derive(Debug, Clone)]
pub struct Rules {
    exclude: Gitignore,
    include: Gitignore,
    left_out: Vec<(u64, u64)>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { exclude: Gitignore::empty(), include: Gitignore::empty(), left_out: Vec::new() }
    }
}

impl Rules {
    /// Rules from patterns. Code `rules.pattern` for one that is not understood.
    pub fn new<S: AsRef<str>>(excludes: &[S], includes: &[S]) -> Result<Self> {
        Ok(Rules { exclude: matcher(excludes)?, include: matcher(includes)?, left_out: Vec::new() })
    }

    /// Leaves out one directory wherever it lies, such as the store itself inside the folder. Does nothing when there is none at `path`.
    pub fn leave_out(mut self, path: &Path) -> Self {
        self.left_out.extend(fs::metadata(path).ok().map(|m| (m.dev(), m.ino())));
        self
    }

    /// What the patterns given by the caller say of `path`.
    pub(super) fn given(&self, path: &[u8], directory: bool) -> Verdict {
        verdict(&self.exclude, path, directory)
    }

    /// Whether `path` itself is one of those that must be there: true for all when no include was given.
    pub(super) fn includes(&self, path: &[u8], directory: bool) -> bool {
        self.include.is_empty() || verdict(&self.include, path, directory) == Verdict::Exclude
    }

    /// Whether everything is included from the start.
    pub(super) fn includes_all(&self) -> bool {
        self.include.is_empty()
    }

    /// Whether this directory was left out by [`Rules::leave_out`].
    pub(super) fn leaves_out(&self, device: u64, inode: u64) -> bool {
        self.left_out.contains(&(device, inode))
    }
}

/// What a list of patterns says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Exclude,
    Keep,
    Silent,
}

/// `path` relative to the directory that the patterns belong to.
pub(super) fn verdict(patterns: &Gitignore, path: &[u8], directory: bool) -> Verdict {
    match patterns.matched(Path::new(OsStr::from_bytes(path)), directory) {
        Match::None => Verdict::Silent,
        Match::Ignore(_) => Verdict::Exclude,
        Match::Whitelist(_) => Verdict::Keep,
    }
}

fn matcher<S: AsRef<str>>(patterns: &[S]) -> Result<Gitignore> {
    let bad = |pattern: &str, e: ignore::Error| {
        Error::usage("rules.pattern", format!("not a pattern: {pattern}"))
            .hint("patterns are written as in .gitignore, for example *.tmp, /build/ or !keep.tmp")
            .caused_by(e)
    };
    // The matcher's root is empty because paths come relative to the directory that the patterns belong to.
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern.as_ref()).map_err(|e| bad(pattern.as_ref(), e))?;
    }
    builder.build().map_err(|e| bad("all of them together", e))
}

/// The patterns of a rules file and what is wrong with it. A wrong line takes nothing away from the others.
pub(super) fn parse(bytes: &[u8]) -> (Gitignore, Vec<String>) {
    let mut builder = GitignoreBuilder::new("");
    let mut wrong = Vec::new();
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let added = match std::str::from_utf8(line) {
            Ok(line) => builder.add_line(None, line).map(|_| ()).map_err(|e| e.to_string()),
            Err(_) => Err("not UTF-8".to_owned()),
        };
        if let Err(reason) = added {
            wrong.push(format!("line {}: {reason}", i + 1));
        }
    }
    let patterns = builder.build().unwrap_or_else(|e| {
        wrong.push(e.to_string());
        Gitignore::empty()
    });
    (patterns, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let rules = Rules::new(&["*.tmp", "!keep.tmp", "/build/"], &[]).expect("rules");
        assert_eq!(rules.given(b"a/b.tmp", false), Verdict::Exclude);
        assert_eq!(rules.given(b"a/keep.tmp", false), Verdict::Keep);
        assert_eq!(rules.given(b"build", true), Verdict::Exclude);
        assert_eq!(rules.given(b"build", false), Verdict::Silent);
        assert_eq!(rules.given(b"a/build", true), Verdict::Silent);
        assert_eq!(rules.given(b"\xff.tmp", false), Verdict::Exclude);
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_and_a_wrong_line_is_named() {
        let e = Rules::new(&["[z-a]", "b"], &[]).expect_err("refused");
        assert_eq!((e.code(), e.what_next().is_some()), ("rules.pattern", true));
        let (patterns, wrong) = parse(b"\xef\xbb\xbf# comment\r\n*.log\r\n[z-a]\n\xff\n*.bak");
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("line 3") && wrong[1].starts_with("line 4"));
        assert_eq!(verdict(&patterns, b"x.log", false), Verdict::Exclude);
        assert_eq!(verdict(&patterns, b"x.bak", false), Verdict::Exclude);
    }
}
