//! A program, or a person without a browser, at the agent's HTTP interface; and bytes on a bare connection for what no client would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Request;
use ureq::http::header::{HeaderName, HeaderValue};
use ureq::{AsSendBody, SendBody};

/// How long an answer may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody with a way in.
#[derive(Clone)]
pub struct Client {
    pub base: String,
    agent: ureq::Agent,
    /// Sent with every request.
    headers: Vec<(String, String)>,
    /// What forms of this person carry.
    pub token: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {} {}", self.status, self.text()))
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// The code of the error in the body, which must have a message.
    #[track_caller]
    pub fn code(&self) -> String {
        let value = self.json();
        assert!(value["error"]["message"].is_string(), "{value}");
        value["error"]["code"].as_str().expect("a code").to_owned()
    }
}

/// Status, headers, and the body to be read.
type Opened = (u16, Vec<(String, String)>, Box<dyn Read + Send>);

fn agent() -> ureq::Agent {
    // Each request over a connection of its own: the server closes one on which it refused a body unread, and who reuses it may be just too early.
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).max_idle_connections(0).timeout_global(Some(PATIENCE));
    config.build().into()
}

impl Client {
    /// Somebody without a way in.
    pub fn stranger(base: &str) -> Self {
        Client { base: base.to_owned(), agent: agent(), headers: Vec::new(), token: String::new() }
    }

    pub fn program(base: &str, token: &str) -> Self {
        Client::stranger(base).with("authorization", &format!("Bearer {token}"))
    }

    /// Comes in with an invitation.
    #[track_caller]
    pub fn person(invitation: &str) -> Self {
        Self::person_on(invitation, "/")
    }

    /// Comes in with an invitation and opens a page that has a form.
    #[track_caller]
    pub fn person_on(invitation: &str, page: &str) -> Self {
        let (base, _) = invitation.split_once("/enter/").expect("an invitation");
        let entered = Client::stranger(base).get(&invitation[base.len()..]);
        let cookie = entered.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {entered:?}")).split(';').next().expect("a cookie").to_owned();
        let mut person = Client::stranger(base).with("cookie", &cookie);
        let home = person.get(page).is(200).text();
        person.token = home.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form with a token").to_owned();
        person
    }

    /// The cookie of a person.
    pub fn cookie(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "cookie").map_or("", |(_, value)| value)
    }

    /// The same with one more header on every request.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// Sends a request; the path begins with `/`.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: impl AsSendBody) -> Answer {
        let (status, headers, mut reader) = self.open(method, path, body);
        let mut body = Vec::new();
        reader.read_to_end(&mut body).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        Answer { status, headers, body }
    }

    /// Sends a request; the body of the answer is left to the caller.
    #[track_caller]
    pub fn open(&self, method: &str, path: &str, body: impl AsSendBody) -> Opened {
        self.try_open(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    fn try_open(&self, method: &str, path: &str, body: impl AsSendBody) -> Result<Opened, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            let (name, value) =
                (HeaderName::from_bytes(name.as_bytes()).expect("a name"), HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            request = request.header(name, value);
        }
        let (parts, body) = self.agent.run(request.body(body).expect("a request"))?.into_parts();
        let headers = parts.headers.iter().map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect();
        Ok((parts.status.as_u16(), headers, Box::new(body.into_reader())))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, SendBody::none())
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, SendBody::none())
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.send("PUT", path, body)
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.with("content-type", "application/json").send("POST", path, body.to_string().as_bytes())
    }

    /// Sends a form of a page with its token.
    #[track_caller]
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.with("content-type", "application/x-www-form-urlencoded").send("POST", path, self.filled(fields).as_bytes())
    }

    /// The same, where the other side may die of it.
    pub fn last_form(&self, path: &str, fields: &[(&str, &str)]) {
        drop(self.with("content-type", "application/x-www-form-urlencoded").try_open("POST", path, self.filled(fields).as_bytes()));
    }

    fn filled(&self, fields: &[(&str, &str)]) -> String {
        let all = fields.iter().copied().chain([("token", self.token.as_str())]).map(|(name, value)| format!("{name}={}", encode(value)));
        all.collect::<Vec<_>>().join("&")
    }
}

/// A text as a value of a query.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Sends these bytes as they are and gives everything that comes back until the other side hangs up.
pub fn bare(base: &str, bytes: &[u8]) -> String {
    let mut stream = connect(base);
    // The other side may hang up before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A bare connection.
pub fn connect(base: &str) -> TcpStream {
    let stream = TcpStream::connect(base.strip_prefix("http://").expect("an address")).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}
