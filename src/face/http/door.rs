//! Who may come in: codes that work once, sessions, the token of programs, names of the host.

use std::collections::HashMap;
use std::net::SocketAddr;
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
/// How long a session lasts that nobody uses, and how long any lasts.
const SESSION_IDLES: Duration = Duration::from_secs(12 * 3_600);
const SESSION_LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Wrong secrets that are looked at in a minute. 256 random bits are guessed by nobody; this keeps one who tries from keeping us busy. Right
/// ones are let in all the same, so nobody is locked out by it.
const WRONG_MAX: u32 = 30;
const WRONG_SPAN: Duration = Duration::from_secs(60);

/// A person who came in, or a program.
#[derive(Debug, Clone)]
pub(in crate::face) struct Session {
    /// Who, as it will stand in the history.
    pub(in crate::face) actor: String,
    /// What each form of this person carries. Empty for a program, which shows its own token with every request.
    pub(in crate::face) token: String,
    /// The language that was chosen.
    pub(in crate::face) language: Option<Language>,
    made: Instant,
    used: Instant,
}

impl Session {
    fn new(actor: String, token: String) -> Self {
        let now = Instant::now();
        Session { actor, token, language: None, made: now, used: now }
    }

    /// Of a program that showed the token. It says by itself who it acts for.
    pub(super) fn program() -> Self {
        Session::new(String::new(), String::new())
    }

    /// Whether it is a program's.
    pub(in crate::face) fn is_program(&self) -> bool {
        self.token.is_empty()
    }

    fn is_over(&self) -> bool {
        self.used.elapsed() >= SESSION_IDLES || self.made.elapsed() >= SESSION_LASTS
    }
}

struct Code {
    secret: Digest,
    actor: String,
    made: Instant,
}

/// Secrets are kept as digests: looking one up tells nothing by the time it takes.
pub(super) struct Door {
    codes: Mutex<Vec<Code>>,
    sessions: Mutex<HashMap<Digest, Session>>,
    token: Digest,
    hosts: Vec<String>,
    /// Since when how many wrong secrets were shown.
    wrong: Mutex<(Instant, u32)>,
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
    /// `token` is what programs show; `at` is where is listened; `more` are the names of a reverse proxy.
    pub(super) fn new(token: &str, at: SocketAddr, more: &[String]) -> Self {
        let port = at.port();
        let mut hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")).to_vec();
        hosts.push(at.to_string());
        hosts.extend(more.iter().cloned());
        Door {
            codes: Mutex::default(),
            sessions: Mutex::default(),
            token: Digest::of(token.as_bytes()),
            hosts,
            wrong: Mutex::new((Instant::now(), 0)),
        }
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
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, session| !session.is_over());
        if sessions.len() >= KEPT_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, s)| s.used).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(Digest::of(cookie.as_bytes()), Session::new(actor, secret()));
        Some(cookie)
    }

    /// The session of a cookie.
    pub(super) fn session(&self, cookie: &str) -> Option<Session> {
        let mut sessions = lock(&self.sessions);
        let session = sessions.get_mut(&Digest::of(cookie.as_bytes())).filter(|s| !s.is_over())?;
        session.used = Instant::now();
        Some(session.clone())
    }

    /// Changes what is kept of a session.
    pub(super) fn change(&self, token: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = lock(&self.sessions).values_mut().find(|s| s.token == token) {
            change(session);
        }
    }

    /// Ends the session with this form token; all sessions, and codes that nobody used, where there is none.
    pub(super) fn end(&self, token: Option<&str>) -> usize {
        let mut sessions = lock(&self.sessions);
        let before = sessions.len();
        sessions.retain(|_, session| token.is_some_and(|token| session.token != token));
        if token.is_none() {
            lock(&self.codes).clear();
        }
        before - sessions.len()
    }

    /// Whether a program showed the store's token.
    pub(super) fn is_token(&self, shown: &str) -> bool {
        Digest::of(shown.as_bytes()) == self.token
    }

    /// Somebody showed a wrong secret. Whether that happened too often of late.
    pub(super) fn refuse(&self) -> bool {
        let mut wrong = lock(&self.wrong);
        if wrong.0.elapsed() >= WRONG_SPAN {
            *wrong = (Instant::now(), 0);
        }
        wrong.1 = wrong.1.saturating_add(1);
        wrong.1 > WRONG_MAX
    }

    /// Whether a request means this server: a page elsewhere whose name was pointed at us does not.
    pub(super) fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(port: u16) -> Door {
        Door::new("token", SocketAddr::from(([127, 0, 0, 1], port)), &["annals.example.org".into()])
    }

    #[test]
    fn a_code_lets_one_person_in_once() {
        let door = door(7);
        let code = door.code("806");
        assert!(door.enter("another").is_none());
        let cookie = door.enter(&code).expect("it is the code");
        assert!(door.enter(&code).is_none(), "a second time");
        assert_eq!(door.session(&cookie).expect("a session").actor, "806");
        assert!(door.session(&code).is_none());
        assert!(door.is_token("token") && !door.is_token("token ") && !door.is_token(&cookie));
    }

    #[test]
    fn a_session_ends_when_its_person_leaves() {
        let door = door(7);
        let [one, two] = ["806", "807"].map(|actor| door.enter(&door.code(actor)).expect("in"));
        let token = door.session(&one).expect("in").token;
        assert_eq!(door.end(Some(&token)), 1);
        assert!(door.session(&one).is_none() && door.session(&two).is_some());
        let code = door.code("808");
        assert_eq!(door.end(None), 1);
        assert!(door.session(&two).is_none() && door.enter(&code).is_none());
    }

    #[test]
    fn only_our_own_names_are_meant() {
        let door = door(7717);
        assert!(door.is_host("127.0.0.1:7717") && door.is_host("LOCALHOST:7717") && door.is_host("[::1]:7717") && door.is_host("annals.example.org"));
        for other in ["127.0.0.1", "127.0.0.1:80", "evil.example:7717", "127.0.0.1.evil.example:7717", "annals.example.org:7717", ""] {
            assert!(!door.is_host(other), "{other}");
        }
    }

    #[test]
    fn at_most_so_many_are_kept() {
        let door = door(1);
        let codes: Vec<String> = (0..KEPT_MAX + 1).map(|_| door.code("x")).collect();
        assert!(door.enter(&codes[0]).is_none(), "the oldest made room");
        assert!(codes[1..].iter().all(|code| door.enter(code).is_some()));
        assert!(lock(&door.sessions).len() <= KEPT_MAX);
    }

    #[test]
    fn guessing_is_answered_only_so_often() {
        let door = door(1);
        assert!((0..WRONG_MAX).all(|_| !door.refuse()));
        assert!(door.refuse());
        lock(&door.wrong).0 = Instant::now().checked_sub(WRONG_SPAN).expect("a clock");
        assert!(!door.refuse());
    }
}
