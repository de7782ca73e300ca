//! What is known of the backend behind a remote, so that less is asked of the line.

use serde::Deserialize;

use super::escape;

/// Backends of rclone's that ask the remote for the size after every upload; rclone then fails where it is another one. Asking once more would
/// cost a round trip and tell the same. Of every other backend we ask ourselves.
const READ_BACK_BY_RCLONE: [&str; 2] = ["webdav", "sftp"];
/// The first rclone whose sftp sends no more than it was given: until then the last packet of every file was sent in its full length
/// (<https://github.com/rclone/rclone/issues/6763>).
const SFTP_EXACT: (u64, u64) = (1, 62);
/// Shorter packets, and more of them on the way, for an rclone before that: half a packet is lost with each file. 8 KiB cost a hundredth more
/// in their heads, and save three quarters of that.
const SFTP_SHORT_PACKETS: &str = ",chunk_size=8k,concurrency=256";
/// Bytes: an upload by WebDAV of at most so many goes without making its folder before, since it is cheap to send again where that is missing.
const BARE_BYTES_MAX: u64 = 1 << 20;
/// Vendors of WebDAV whose address may be that of a folder. Others derive more from it.
const PLAIN_VENDORS: [&str; 6] = ["", "other", "rclone", "fastmail", "nextcloud", "owncloud"];

/// How a remote is spoken to by one child.
pub(super) struct Reach {
    /// `REMOTE:PATH/` as rclone wants it.
    pub(super) fs: String,
    /// Whether rclone reads back the size of what it uploaded.
    pub(super) reads_back: bool,
    /// On WebDAV, rclone makes the folder of every upload anew, a request each. It makes none for what lies in the root, so where the folder is
    /// known to be there it is named as the root: the remote, and the address of its path.
    folders: Option<(String, String)>,
}

/// The settings of a remote in rclone's configuration that are looked at.
#[derive(Deserialize, Default)]
pub(super) struct Section {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    vendor: String,
    #[serde(default)]
    chunk_size: String,
}

impl Section {
    /// Of a backend of which nothing else is known.
    pub(super) fn kind(kind: &str) -> Self {
        Section { kind: kind.to_owned(), ..Section::default() }
    }
}

impl Reach {
    /// Nothing is known.
    pub(super) fn plain(remote: &str, path: &str) -> Self {
        Reach { fs: format!("{remote}:{path}"), reads_back: false, folders: None }
    }

    /// The remote and the name on it for an upload into a folder that is there, without making it; `None` where that cannot be said.
    pub(super) fn bare(&self, name: &str, size: u64) -> Option<(String, String)> {
        let (remote, address) = self.folders.as_ref()?;
        let (folder, file) = name.rsplit_once('/')?;
        (size <= BARE_BYTES_MAX).then(|| (format!("{remote},url=\"{address}/{folder}\":"), file.to_owned()))
    }

    /// A remote with these settings, for an rclone of this version.
    pub(super) fn of(remote: &str, path: &str, section: &Section, version: (u64, u64)) -> Self {
        let reads_back = READ_BACK_BY_RCLONE.contains(&section.kind.as_str());
        let mut reach = Reach { reads_back, ..Reach::plain(remote, path) };
        if section.kind == "sftp" && version < SFTP_EXACT && section.chunk_size.is_empty() && !remote.contains("chunk_size") {
            reach.fs = format!("{remote}{SFTP_SHORT_PACKETS}:{path}");
        }
        // What is not plain may be written in another way in an address than rclone would write it.
        let plain_path = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'/'));
        let plain_url = section.url.starts_with("http") && !section.url.contains(['"', '?', '#', '{', '}']);
        if section.kind == "webdav" && plain_path && plain_url && !remote.contains(',') && PLAIN_VENDORS.contains(&section.vendor.as_str()) {
            let address = format!("{}/{}", section.url.trim_end_matches('/'), escape(path.trim_matches('/')));
            reach.folders = Some((remote.to_owned(), address.trim_end_matches('/').to_owned()));
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reach(remote: &str, path: &str, section: serde_json::Value, version: (u64, u64)) -> Reach {
        Reach::of(remote, path, &serde_json::from_value(section).expect("a section"), version)
    }

    #[test]
    fn only_an_old_sftp_gets_short_packets() {
        let fs = |remote: &str, section, version| reach(remote, "a/b/", section, version).fs;
        let sftp = || json!({"type": "sftp", "host": "h"});
        assert_eq!(fs("s", sftp(), (1, 61)), "s,chunk_size=8k,concurrency=256:a/b/");
        assert_eq!(fs("s,user=x", sftp(), (1, 60)), "s,user=x,chunk_size=8k,concurrency=256:a/b/");
        assert_eq!(fs("s", sftp(), (1, 62)), "s:a/b/");
        assert_eq!(fs("s", json!({"type": "s3"}), (1, 60)), "s:a/b/");
        assert_eq!(fs("s,chunk_size=1k", sftp(), (1, 60)), "s,chunk_size=1k:a/b/");
        assert_eq!(fs("s", json!({"type": "sftp", "chunk_size": "32k"}), (1, 60)), "s:a/b/");
    }

    #[test]
    fn a_folder_is_named_as_the_root_only_where_its_address_is_plain() {
        let dav = |url: &str, vendor: &str| json!({"type": "webdav", "url": url, "vendor": vendor, "pass": "x"});
        let bare = |remote: &str, path: &str, section, size| reach(remote, path, section, (1, 75)).bare("tenant/a.seg", size);
        let there = |address: &str| Some((format!("d,url=\"{address}\":"), "a.seg".to_owned()));
        assert_eq!(bare("d", "hist/", dav("https://h/dav/", "other"), 9), there("https://h/dav/hist/tenant"));
        assert_eq!(bare("d", "", dav("https://h", "nextcloud"), 9), there("https://h/tenant"));
        for (remote, path, section, size) in [
            ("d", "hist/", dav("https://h/", "other"), BARE_BYTES_MAX + 1),
            ("d", "h st/", dav("https://h/", "other"), 9),
            ("d", "hist/", dav("https://h/", "sharepoint"), 9),
            ("d", "hist/", dav("https://h/?a=b", "other"), 9),
            ("d,user=x", "hist/", dav("https://h/", "other"), 9),
            ("d", "hist/", json!({"type": "sftp", "url": "https://h/"}), 9),
        ] {
            assert_eq!(bare(remote, path, section.clone(), size), None, "{remote} {path} {section} {size}");
        }
        assert!(reach("d", "", dav("https://h", ""), (1, 60)).reads_back && !reach("c", "", json!({"type": "crypt"}), (1, 60)).reads_back);
    }
}
