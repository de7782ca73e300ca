//! Encryption of a connection, as `sslmode` and `sslrootcert` of its address ask for it. The words mean what they mean to libpq.
//!
//! The client of PostgreSQL knows three of the six modes and no certificates, so both words are taken from the address before it reads that.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::config::SslMode;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use postgres::{Client, Config, NoTls, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::{TlsConnector, client};

use super::{connecting, failed};
use crate::base::error::{Error, Kind, Result};

/// What a server that was asked for encryption directly wants to hear; others do not mind.
const PROTOCOL: &[u8] = b"postgresql";
/// Certificates that are read from a file of roots at most.
const ROOTS_MAX: usize = 1000;

/// How much of the other side is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server does that; nothing is proven.
    Prefer,
    /// Encrypted; nothing is proven, unless there are roots.
    Require,
    /// Encrypted, to a server whose certificate one of the roots vouches for.
    VerifyCa,
    /// As well, and it is the certificate of this host.
    VerifyFull,
}

const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// What an address says of encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Encryption {
    mode: Option<Mode>,
    /// A file of certificates; the authorities that browsers trust where there is none.
    roots: Option<PathBuf>,
}

/// Parts of an address: what was written, and the word and its value where it is one of ours.
struct Part<'a> {
    text: &'a str,
    ours: Option<(&'a str, String)>,
}

/// Takes what it says of encryption from an address.
pub(super) fn split(url: &str) -> Result<(String, Encryption)> {
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let (front, parts) = match url.split_once('?').filter(|_| is_url) {
        Some((front, query)) => (front, query.split('&').map(in_url).collect()),
        None if is_url => return Ok((url.to_owned(), Encryption::default())),
        None => ("", in_words(url)),
    };
    let mut found = Encryption::default();
    let mut rest: Vec<&str> = Vec::new();
    for part in parts {
        match part.ours {
            Some((word, value)) => found.set(word, value)?,
            None => rest.push(part.text),
        }
    }
    let rest = match (is_url, rest.is_empty()) {
        (true, true) => front.to_owned(),
        (true, false) => format!("{front}?{}", rest.join("&")),
        (false, _) => rest.join(" "),
    };
    Ok((rest, found))
}

fn is_ours(word: &str) -> bool {
    matches!(word, "sslmode" | "sslrootcert")
}

fn in_url(text: &str) -> Part<'_> {
    let (word, value) = text.split_once('=').unwrap_or((text, ""));
    Part { text, ours: is_ours(word).then(|| (word, unescaped(value))) }
}

/// Undoes `%2F`.
fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digits = [ahead.next(), ahead.next()].map(|d| d.and_then(|d| char::from(d).to_digit(16)));
        match (byte, digits) {
            (b'%', [Some(high), Some(low)]) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Parts of `host=.. user='a b'`. What cannot be read is left to the client, which says what is wrong with it.
fn in_words(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut left = text.trim_start();
    while !left.is_empty() {
        let word = left.split(|c: char| c == '=' || c.is_whitespace()).next().unwrap_or_default();
        let value = left[word.len()..].trim_start().strip_prefix('=').map(str::trim_start);
        let Some((value, after)) = value.and_then(value_of) else {
            parts.push(Part { text: left, ours: None });
            break;
        };
        let written = left[..left.len() - after.len()].trim_end();
        parts.push(Part { text: written, ours: is_ours(word).then_some((word, value)) });
        left = after.trim_start();
    }
    parts
}

/// A value, in quotes or up to the next space, and what comes after it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut chars = text.char_indices().skip(usize::from(quoted));
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?.1),
            '\'' if quoted => return Some((out, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Some((out, &text[at..])),
            c => out.push(c),
        }
    }
    (!quoted).then_some((out, ""))
}

impl Encryption {
    fn set(&mut self, word: &str, value: String) -> Result<()> {
        if word == "sslmode" {
            let known = MODES.iter().find(|(name, _)| *name == value).map(|(_, mode)| *mode);
            self.mode = Some(known.ok_or_else(|| {
                Error::usage("source.tls", format!("not a way to encrypt a connection: sslmode={value}")).hint(MODES.map(|(name, _)| name).join(", "))
            })?);
        } else if value == "system" {
            self.roots = None;
        } else if PathBuf::from(&value).is_absolute() {
            self.roots = Some(value.into());
        } else {
            return Err(Error::usage("source.tls", format!("not a whole path: sslrootcert={value}"))
                .hint("captures also run from elsewhere: write the path from the root on, like /etc/ssl/shop-ca.crt"));
        }
        Ok(())
    }

    /// The words of an address that say the same.
    pub(super) fn words(&self) -> Vec<(&'static str, String)> {
        let mode = MODES.iter().find(|(_, mode)| Some(*mode) == self.mode).map(|(name, _)| ("sslmode", (*name).to_owned()));
        let roots = self.roots.as_ref().map(|path| ("sslrootcert", path.display().to_string()));
        mode.into_iter().chain(roots).collect()
    }

    /// Connects.
    ///
    /// # Errors
    /// `source.tls` where the server is not proven to be the right one or does not encrypt; those of [`failed`].
    pub(super) fn connect(&self, config: &mut Config) -> Result<Client> {
        let mode = self.mode.unwrap_or(Mode::Prefer);
        if mode == Mode::Disable {
            return config.ssl_mode(SslMode::Disable).connect(NoTls).map_err(|e| failed(&connecting(config), e));
        }
        let tls = Tls(Arc::new(self.client(mode)?));
        match config.ssl_mode(if mode == Mode::Prefer { SslMode::Prefer } else { SslMode::Require }).connect(tls) {
            // What is only preferred may fail.
            Err(e) if mode == Mode::Prefer && is_handshake(&e) => {
                config.ssl_mode(SslMode::Disable).connect(NoTls).map_err(|e| failed(&connecting(config), e))
            }
            Err(e) if is_handshake(&e) => Err(self.refused(&e).caused_by(e)),
            connected => connected.map_err(|e| failed(&connecting(config), e)),
        }
    }

    /// Whether to encrypt at all.
    pub(super) fn is_wanted(&self) -> bool {
        self.mode != Some(Mode::Disable)
    }

    /// Whether to do without rather than not to encrypt.
    pub(super) fn is_needed(&self) -> bool {
        !matches!(self.mode, None | Some(Mode::Disable | Mode::Prefer))
    }

    /// The beginning of an encrypted connection to a host.
    pub(super) fn begin(&self, host: &str) -> Result<ClientConnection> {
        let name = ServerName::try_from(host.to_owned()).map_err(|e| self.refused(&e))?;
        let config = self.client(self.mode.unwrap_or(Mode::Prefer))?;
        ClientConnection::new(Arc::new(config), name).map_err(|e| self.refused(&e))
    }

    /// What went wrong while encryption was agreed on.
    pub(super) fn refused(&self, e: &(dyn std::error::Error + 'static)) -> Error {
        let mut why = e;
        while let Some(deeper) = why.source() {
            why = deeper;
        }
        let hint = match &self.roots {
            Some(_) => {
                "sslrootcert must hold the certificate of the authority that signed the server's, or that one itself; verify-full also wants the host among its subjectAltName"
            }
            None => {
                "name the authority that signed the server's certificate with sslrootcert=/path/to/ca.crt; sslmode=require encrypts without proof, a server that cannot needs sslmode=disable"
            }
        };
        Error::new(Kind::Denied, "source.tls", format!("the connection to the server cannot be protected: {why}")).hint(hint)
    }

    fn client(&self, mode: Mode) -> Result<ClientConfig> {
        let failed = |e: rustls::Error| Error::new(Kind::Failed, "source.tls", "encryption cannot be set up").caused_by(e);
        let provider = Arc::new(ring::default_provider());
        let proof = self.proof(mode, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(proof)).with_no_client_auth();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }

    fn proof(&self, mode: Mode, provider: &Arc<CryptoProvider>) -> Result<Proof> {
        let mut proof = Proof { provider: provider.clone(), chain: None, known: Vec::new(), host: mode == Mode::VerifyFull };
        let mut store = RootCertStore::empty();
        match (&self.roots, mode) {
            (Some(path), Mode::Require | Mode::VerifyCa | Mode::VerifyFull) => {
                proof.known = certificates(path)?;
                store.add_parsable_certificates(proof.known.iter().cloned());
            }
            (None, Mode::VerifyCa | Mode::VerifyFull) => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            _ => return Ok(proof),
        }
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        proof.chain = Some(built.map_err(|e| Error::usage("source.tls", "the certificates of sslrootcert cannot be used").caused_by(e))?);
        Ok(proof)
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(format_args!("read {}", path.display()), e))?;
    let all: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).take(ROOTS_MAX).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(Error::usage("source.tls", format!("no certificates in {}", path.display())).hint("sslrootcert is a file with PEM certificates")),
    }
}

/// Whether it failed while encryption was agreed on.
fn is_handshake(e: &postgres::Error) -> bool {
    e.to_string().starts_with("error performing TLS handshake")
}

fn is_name(why: &CertificateError) -> bool {
    matches!(why, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
}

/// Looks at the certificate of a server.
#[derive(Debug)]
struct Proof {
    provider: Arc<CryptoProvider>,
    /// Proves that an authority vouches for it; `None`: nothing is to be proven.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted themselves, as a server that signed its own has it.
    known: Vec<CertificateDer<'static>>,
    /// Whether it has to be that of the host.
    host: bool,
}

impl ServerCertVerifier for Proof {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if self.known.iter().any(|known| known.as_ref() == certificate.as_ref()) {
            if self.host {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, host)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        match chain.verify_server_cert(certificate, between, host, ocsp, now) {
            // The name is looked at last: all else is proven.
            Err(rustls::Error::InvalidCertificate(why)) if !self.host && is_name(&why) => Ok(ServerCertVerified::assertion()),
            done => done,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes connections with one configuration.
#[derive(Clone)]
struct Tls(Arc<ClientConfig>);

/// The next connection.
struct Next {
    connector: TlsConnector,
    /// `None` for a socket of this machine, over which nothing is encrypted.
    host: Option<ServerName<'static>>,
}

/// An encrypted connection.
struct Encrypted(client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Next;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, host: &str) -> std::result::Result<Next, Self::Error> {
        Ok(Next { connector: TlsConnector::from(self.0.clone()), host: ServerName::try_from(host.to_owned()).ok() })
    }
}

impl TlsConnect<Socket> for Next {
    type Stream = Encrypted;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move {
            let host = self.host.ok_or_else(|| std::io::Error::other("the host is neither a name nor an address"))?;
            Ok(Encrypted(self.connector.connect(host, stream).await?))
        })
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_up(url: &str) -> (String, Vec<(&'static str, String)>) {
        let (rest, found) = split(url).expect("an address");
        (rest, found.words())
    }

    #[test]
    fn what_an_address_says_of_encryption_is_taken_from_it() {
        let full = |path: &str| vec![("sslmode", "verify-full".to_owned()), ("sslrootcert", path.to_owned())];
        for (url, rest, found) in [
            ("postgresql://u@h/db", "postgresql://u@h/db", vec![]),
            ("postgresql://u@h/db?sslmode=disable", "postgresql://u@h/db", vec![("sslmode", "disable".to_owned())]),
            (
                "postgres://u@h/db?connect_timeout=3&sslrootcert=%2Fa%20b%2Fca.crt&sslmode=verify-full&application_name=x",
                "postgres://u@h/db?connect_timeout=3&application_name=x",
                full("/a b/ca.crt"),
            ),
            ("host=h  sslmode = verify-full user='a \\'b' sslrootcert='/a b\\'c'", "host=h user='a \\'b'", full("/a b'c")),
            ("host=h sslmode=verify-full sslrootcert=/c dbname=x", "host=h dbname=x", full("/c")),
            ("host=h sslrootcert=system", "host=h", vec![]),
            ("nothing at all", "nothing at all", vec![]),
            ("host='not ended", "host='not ended", vec![]),
            ("", "", vec![]),
        ] {
            assert_eq!(split_up(url), (rest.to_owned(), found), "{url}");
        }
        for url in ["host=h sslmode=allowed", "postgresql://h/db?sslmode=", "host=h sslrootcert=ca.crt"] {
            assert_eq!(split(url).expect_err(url).code(), "source.tls");
        }
    }
}
