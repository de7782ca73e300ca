//! Messages to people outside: a mail, or a note to an address that listens for it. The door to `lettre` and `ureq`.
//!
//! Nothing here repeats a secret: an address is shown by its host, and what a server answered is cut short.

use std::path::Path;
#[cfg(feature = "notice")]
use std::time::Duration;

use crate::base::disk::read_file;
#[cfg(feature = "notice")]
use crate::base::error::Kind;
use crate::base::error::{Error, Result};

/// How long a message may take.
#[cfg(feature = "notice")]
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes: the largest file of certificates.
const ROOTS_BYTES_MAX: u64 = 4 << 20;
/// Characters of a server's answer that are shown.
const ANSWER_CHARS: usize = 160;

/// How the way to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From the beginning.
    Whole,
    /// Before anything is said (STARTTLS); a server that cannot gets nothing.
    Started,
    /// Not at all: the server is this machine.
    None,
}

/// A mail server.
pub struct MailServer<'a> {
    /// Its name.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// A file with the certificates of the authorities that may vouch for it; those that browsers trust where there is none.
    pub roots: Option<&'a Path>,
    /// Name and password, where it asks for them.
    pub login: Option<(&'a str, &'a str)>,
}

/// A mail.
pub struct Mail<'a> {
    /// Who it is from.
    pub from: &'a str,
    /// Who gets it.
    pub to: &'a [String],
    /// What it is about.
    pub subject: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// What a server said, fit for a line and without the secret.
fn fit(text: &str, secret: Option<&str>) -> String {
    let text = secret.filter(|s| !s.is_empty()).map_or_else(|| text.to_owned(), |secret| text.replace(secret, "..."));
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.char_indices().nth(ANSWER_CHARS) {
        Some((at, _)) => format!("{}...", &clean[..at]),
        None => clean,
    }
}

/// Reads the certificates of authorities.
///
/// # Errors
/// Where there is no such file, or no certificate in it.
pub fn read_roots(path: &Path) -> Result<Vec<u8>> {
    let pem = read_file(path, ROOTS_BYTES_MAX)?;
    if String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Ok(pem);
    }
    let e = Error::usage("alert.ca", format!("no certificates in {}", path.display()));
    Err(e.hint("ca_file is a file with PEM certificates: those of the authorities that may sign the mail server's"))
}

/// Encryption with a server, proven by the authorities that were named.
#[cfg(feature = "notice")]
fn proven(server: &MailServer<'_>) -> Result<lettre::transport::smtp::client::TlsParameters> {
    use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};

    let unusable =
        |e: &lettre::transport::smtp::Error| Error::usage("alert.ca", format!("ca_file cannot be used: {e}")).hint("write PEM certificates");
    let mut builder = TlsParameters::builder(server.host.to_owned());
    if let Some(path) = server.roots {
        let roots = Certificate::from_pem(&read_roots(path)?).map_err(|e| unusable(&e))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(roots);
    }
    builder.build().map_err(|e| unusable(&e))
}

/// Sends a mail.
///
/// # Errors
/// Where the server cannot be reached, cannot encrypt, is not who it should be, or does not take it.
#[cfg(feature = "notice")]
pub fn send_mail(server: &MailServer<'_>, mail: &Mail<'_>) -> Result<()> {
    use lettre::message::{Mailbox, header::ContentType};
    use lettre::transport::smtp::authentication::Credentials;
    use lettre::transport::smtp::client::Tls;
    use lettre::{Message, SmtpTransport, Transport};

    let secret = server.login.map(|(_, password)| password);
    let failed = |e: &dyn std::fmt::Display| {
        let text = format!("mail over {}:{} was not taken: {}", server.host, server.port, fit(&e.to_string(), secret));
        Error::new(Kind::Failed, "alert.mail", text).hint("see [alert.email] in annals.toml; annals alert test tries again")
    };
    // The library says only in words that a certificate was refused.
    let refused = |e: &lettre::transport::smtp::Error| match e.to_string().split_once("invalid peer certificate: ") {
        None => failed(e),
        Some((_, why)) => {
            let (host, port) = (server.host, server.port);
            let text = format!("the certificate of the mail server {host}:{port} was refused, so no mail was sent: {}", fit(why, secret));
            Error::new(Kind::Failed, "alert.certificate", text).hint(match server.roots {
                Some(path) => format!("{} must hold the certificate of the authority that signed it, and it must be for {host}", path.display()),
                None => {
                    format!("it must be for {host}; where an authority of your own signed it, name that with ca_file in [alert.email] of annals.toml")
                }
            })
        }
    };
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|e| failed(&e));
    let mut message = Message::builder().from(mailbox(mail.from)?).subject(mail.subject).message_id(None).header(ContentType::TEXT_PLAIN);
    for address in mail.to {
        message = message.to(mailbox(address)?);
    }
    let message = message.body(mail.text.to_owned()).map_err(|e| failed(&e))?;
    let mut transport = match server.encryption {
        Encryption::Whole => SmtpTransport::builder_dangerous(server.host).tls(Tls::Wrapper(proven(server)?)),
        Encryption::Started => SmtpTransport::builder_dangerous(server.host).tls(Tls::Required(proven(server)?)),
        Encryption::None => SmtpTransport::builder_dangerous(server.host),
    };
    if let Some((user, password)) = server.login {
        transport = transport.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    let sent = transport.port(server.port).timeout(Some(TIMEOUT)).build().send(&message);
    sent.map(drop).map_err(|e| refused(&e))
}

/// Posts JSON to an address; with a bearer token where there is one. Redirections are not followed: they could carry the token elsewhere.
///
/// # Errors
/// Where the address cannot be reached, or does not say that it took the note (a status from 200 to 299).
#[cfg(feature = "notice")]
pub fn post(address: &str, token: Option<&str>, json: &str) -> Result<()> {
    let host = address.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let failed = |why: String| {
        // The path of such an address is often its secret.
        let why = why.replace(address, host);
        let text = format!("the web hook at {host} did not take the message: {}", fit(&why, token));
        Error::new(Kind::Failed, "alert.webhook", text).hint("see webhook in [alert] of annals.toml; annals alert test tries again")
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).http_status_as_error(false).build().into();
    let mut request = agent.post(address).content_type("application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let status = request.send(json).map_err(|e| failed(e.to_string()))?.status();
    if status.is_success() { Ok(()) } else { Err(failed(format!("status {}", status.as_u16()))) }
}

#[cfg(not(feature = "notice"))]
fn unsupported() -> Error {
    Error::usage("alert.unsupported", "this program was built without mail and web hooks")
        .hint("use command in [alert], or an annals with the feature notice")
}

/// Not in this program.
///
/// # Errors
/// Always.
#[cfg(not(feature = "notice"))]
pub fn send_mail(_: &MailServer<'_>, mail: &Mail<'_>) -> Result<()> {
    let _ = fit(mail.subject, None);
    Err(unsupported())
}

/// Not in this program.
///
/// # Errors
/// Always.
#[cfg(not(feature = "notice"))]
pub fn post(_: &str, _: Option<&str>, _: &str) -> Result<()> {
    Err(unsupported())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shown_on_a_line_without_the_secret() {
        assert_eq!(fit("535 bad\r\npassword hunter2", Some("hunter2")), "535 bad  password ...");
        assert_eq!(fit(&"é".repeat(200), None).chars().count(), ANSWER_CHARS + 3);
        assert_eq!(fit("x", Some("")), "x");
    }
}
