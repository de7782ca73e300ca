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

/// The address of a person or a list: one `@`, and no character that would be more than an address in a mail's head.
pub(super) fn mail_address(text: &str) -> Result<()> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic() && !br#"<>()[]\,;:""#.contains(&b));
    match text.split_once('@') {
        Some((user, domain)) if plain(user) && plain(domain) && !domain.contains('@') && text.len() <= 254 => Ok(()),
        _ => Err(Error::usage("config.value", format!("not a mail address: {}", shown(text))).hint("write name@example.org")),
    }
}

/// A server that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted from its beginning; otherwise it becomes so before anything is said.
    pub from_the_beginning: bool,
}

/// Reads `smtps://host[:port]` or `smtp://host[:port]`.
pub fn mail_server(text: &str) -> Result<MailServer> {
    let bad = || {
        Error::usage("config.value", format!("not the address of a mail server: {}", shown(text)))
            .hint("write smtps://mail.example.org, or smtp://mail.example.org:587 (STARTTLS)")
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let (from_the_beginning, usual) = match scheme {
        "smtps" => (true, 465),
        "smtp" => (false, 587),
        _ => return Err(bad()),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?),
        None => (rest, usual),
    };
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        return Err(bad());
    }
    Ok(MailServer { host: host.to_owned(), port, from_the_beginning })
}

/// Whether a host is this machine, to which nothing is encrypted because nothing travels.
pub fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address that is told over HTTP. It is not shown where it is wrong: what such addresses hold is often a secret.
pub(super) fn web_address(text: &str) -> Result<()> {
    let bad = |why: &str| Err(Error::usage("config.value", why.to_owned()).hint("write https://example.org/hooks/annals"));
    let Some((scheme, rest)) = text.split_once("://") else { return bad("not the address of a web hook") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let sound = !host.is_empty() && text.len() <= 2_000 && text.bytes().all(|b| b.is_ascii_graphic());
    match scheme {
        _ if authority.contains('@') => bad("a web hook with a password in its address; put it into the file of webhook_secret_file"),
        "https" if sound => Ok(()),
        "http" if sound && is_here(host) => Ok(()),
        "http" if sound => bad("a web hook without encryption is only for this machine"),
        _ => bad("not the address of a web hook"),
    }
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
