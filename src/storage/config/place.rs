//! Names, paths, regions: where things lie.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};

use super::words::{NAME_BYTES_MAX, shown};

pub(super) fn check_name(name: &str) -> Result<()> {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(sound) || name.starts_with(['-', '.']) {
        return Err(Error::usage("name.bad", format!("not a name: {}", shown(name)))
            .hint("use 1 to 64 of a-z 0-9 - _ . and do not begin with - or .; for example offsite-eu"));
    }
    Ok(())
}

pub(super) fn check_url(url: &str) -> Result<()> {
    let bad = |why: &str| {
        Err(Error::usage("remote.url", format!("{why}: {}", shown(url)))
            .hint("write dir:/absolute/path or rclone:REMOTE:PATH, for example rclone:s3eu:hist/clinic-17"))
    };
    match url.split_once(':') {
        Some(("dir", path)) => check_path(path).or_else(|_| bad("a directory needs its whole path")),
        Some(("rclone", path)) => {
            let name = path.split_once(':').map(|(name, _)| name);
            // A leading dash would be an option of rclone. ":s3,opt=..:bucket" is rclone's form for a remote without a name.
            let sound = !path.starts_with('-')
                && !path.chars().any(char::is_control)
                && (name.is_some_and(|n| !n.is_empty()) || path.matches(':').count() > 1);
            if sound { Ok(()) } else { bad("rclone needs a remote and a path") }
        }
        _ => bad("not the url of a remote"),
    }
}

/// The agent and a command line stand in different directories, so a relative path would mean two places.
pub(super) fn check_path(text: &str) -> Result<()> {
    if text.contains('\0') || !Path::new(text).is_absolute() {
        return Err(Error::usage("config.value", format!("not an absolute path: {}", shown(text)))
            .hint("write the whole path, for example /media/backup/hist"));
    }
    Ok(())
}

pub(super) fn absolute(text: &str) -> Result<PathBuf> {
    check_path(text)?;
    Ok(PathBuf::from(text))
}

/// The address of a PostgreSQL database; what else is wrong with it the capture says.
pub(super) fn server(text: &str) -> Result<String> {
    let is_url = ["postgresql://", "postgres://"].iter().any(|scheme| text.starts_with(scheme));
    if text.contains('\0') || !(is_url || text.contains('=')) {
        // Not shown: there may be a password in it.
        return Err(Error::usage("config.value", "not the address of a PostgreSQL database")
            .hint("write postgresql://user@host/db, or host=/run/postgresql user=annals dbname=shop"));
    }
    Ok(text.to_owned())
}

/// The server's replication slot is called after the capture, so its name may hold less than others.
pub(super) fn slot_name(name: &str) -> Result<()> {
    let fits = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        return Ok(());
    }
    Err(Error::usage("config.value", format!("not a name for the capture of a PostgreSQL database: {}", shown(name)))
        .hint("use 1 to 40 of a-z 0-9 _, because the server's replication slot is called after it"))
}

pub(super) fn region(text: &str) -> Result<String> {
    let sound = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    sound.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        Error::usage("config.value", format!("not a region: {}", shown(text)))
            .hint("write 1 to 32 letters, digits and dashes, for example \"se\" or \"eu-north-1\"")
    })
}

pub(super) fn country(text: &str) -> Result<String> {
    let two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    two.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        Error::usage("config.value", format!("not a country: {}", shown(text))).hint("write its two letters of ISO 3166, for example \"se\"")
    })
}
