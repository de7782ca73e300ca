//! Who may come in: codes that work once, sessions, the token of programs, names of the host.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::digest::Digest;
use crate::base::random::{OsRandom, Random};
use crate::face::words::Language;

/// How long a code that nobody used works.
const CODE_LASTS: Duration = Duration::from_secs(600);
/// Codes and sessions that are kept; the oldest go first.
const KEPT_MAX: usize = 64;
/// How long a session lasts that nobody uses.
const SESSION_LASTS: Duration = Duration::from_secs(12 * 3_600);

/// A person who came in.
#[derive(Debug, Clone)]
pub(in crate::face) struct Session {
    /// Who, as it will stand in the history.
    pub(in crate::face) actor: String,
    /// What each form of this person carries.
    pub(in crate::face) token: String,
    /// The language that was chosen.
    pub(in crate::face) language: Option<Language>,
    used: Instant,
}

struct Code {
    secret: Digest,
    actor: String,
    made: Instant,
}

/// Secrets are kept as digests: looking one up tells nothing by the time it takes.
pub(in crate::face) struct Door {
    codes: Mutex<Vec<Code>>,
    sessions: Mutex<HashMap<Digest, Session>>,
    token: Digest,
    hosts: Vec<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 32 random bytes as text for a URL.
pub(in crate::face) fn secret() -> String {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Door {
    /// `token` is what programs show; `port` is where is listened.
    pub(super) fn new(token: &str, port: u16) -> Self {
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")).to_vec();
        Door { codes: Mutex::default(), sessions: Mutex::default(), token: Digest::of(token.as_bytes()), hosts }
    }

    /// A code with which one person may come in, once.
    pub(super) fn code(&self, actor: &str) -> String {
        let secret = secret();
        let mut codes = lock(&self.codes);
        codes.retain(|code| code.made.elapsed() < CODE_LASTS);
        if codes.len() >= KEPT_MAX {
            codes.remove(0);
        }
        codes.push(Code { secret: Digest::of(secret.as_bytes()), actor: actor.to_owned(), made: Instant::now() });
        secret
    }

    /// The value of the cookie for whoever has a code; the code is used up.
    pub(super) fn enter(&self, code: &str) -> Option<String> {
        let shown = Digest::of(code.as_bytes());
        let mut codes = lock(&self.codes);
        codes.retain(|code| code.made.elapsed() < CODE_LASTS);
        let at = codes.iter().position(|code| code.secret == shown)?;
        let actor = codes.remove(at).actor;
        drop(codes);
        let cookie = secret();
        let session = Session { actor, token: secret(), language: None, used: Instant::now() };
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| session.used.elapsed() < SESSION_LASTS);
        if sessions.len() >= KEPT_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, s)| s.used).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(Digest::of(cookie.as_bytes()), session);
        Some(cookie)
    }

    /// The session of a cookie.
    pub(super) fn session(&self, cookie: &str) -> Option<Session> {
        let mut sessions = lock(&self.sessions);
        let session = sessions.get_mut(&Digest::of(cookie.as_bytes())).filter(|s| s.used.elapsed() < SESSION_LASTS)?;
        session.used = Instant::now();
        Some(session.clone())
    }

    /// Changes what is kept of a session.
    pub(super) fn change(&self, token: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = lock(&self.sessions).values_mut().find(|s| s.token == token) {
            change(session);
        }
    }

    /// Whether a program showed the store's token.
    pub(super) fn is_token(&self, shown: &str) -> bool {
        Digest::of(shown.as_bytes()) == self.token
    }

    /// Whether a request means this server: a page elsewhere whose name was pointed at us does not.
    pub(super) fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// The session of programs that showed the token.
pub(super) fn program() -> Session {
    Session { actor: String::new(), token: String::new(), language: None, used: Instant::now() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_lets_one_person_in_once() {
        let door = Door::new("token", 7);
        let code = door.code("806");
        assert!(door.enter("another").is_none());
        let cookie = door.enter(&code).expect("it is the code");
        assert!(door.enter(&code).is_none(), "a second time");
        assert_eq!(door.session(&cookie).expect("a session").actor, "806");
        assert!(door.session(&code).is_none());
        assert!(door.is_token("token") && !door.is_token("token ") && !door.is_token(&cookie));
    }

    #[test]
    fn only_our_own_names_are_meant() {
        let door = Door::new("token", 7717);
        assert!(door.is_host("127.0.0.1:7717") && door.is_host("LOCALHOST:7717") && door.is_host("[::1]:7717"));
        for other in ["127.0.0.1", "127.0.0.1:80", "evil.example:7717", "127.0.0.1.evil.example:7717", ""] {
            assert!(!door.is_host(other), "{other}");
        }
    }

    #[test]
    fn at_most_so_many_are_kept() {
        let door = Door::new("token", 1);
        let codes: Vec<String> = (0..KEPT_MAX + 1).map(|_| door.code("x")).collect();
        assert!(door.enter(&codes[0]).is_none(), "the oldest made room");
        assert!(codes[1..].iter().all(|code| door.enter(code).is_some()));
        assert!(lock(&door.sessions).len() <= KEPT_MAX);
    }
}
