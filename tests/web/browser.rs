//! A person in a real browser: headless Chromium, driven over W3C WebDriver (<https://www.w3.org/TR/webdriver2/>), which is JSON over HTTP.
//!
//! One browser at a time: two of them on a small machine take longer than one after the other. Where there is no browser, tests that want one
//! say so and pass; `tests/run` installs it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// How long something that is on its way may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name of an element in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How axe-core is brought here: see `tests/run`.
const AXE: &str = "target/test-tools/node_modules/axe-core/axe.min.js";

static ONE: Mutex<()> = Mutex::new(());

/// Keys that have no letter.
pub mod keys {
    pub const ENTER: &str = "\u{E007}";
    pub const TAB: &str = "\u{E004}";
    pub const ESCAPE: &str = "\u{E00C}";
    pub const LEFT: &str = "\u{E012}";
    pub const RIGHT: &str = "\u{E014}";
    pub const DOWN: &str = "\u{E015}";
}

/// A browser with one window. Closed when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    base: String,
    agent: ureq::Agent,
    _turn: MutexGuard<'static, ()>,
}

/// Something on the page.
pub struct Element<'b> {
    browser: &'b Browser,
    id: String,
}

impl Browser {
    /// Opens a browser of somebody who reads this language; `None`, with the reason printed, where there is none.
    pub fn open(language: &str) -> Option<Self> {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut driver) = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: there is no chromedriver here; tests/run installs it (Debian: chromium-driver)");
            return None;
        };
        let mut said = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = loop {
            let line = said.next().expect("chromedriver says its port").expect("text");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        std::thread::spawn(move || said.for_each(drop));
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE * 2));
        let mut browser =
            Browser { driver, session: format!("http://127.0.0.1:{port}/session"), base: String::new(), agent: config.build().into(), _turn: turn };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--force-color-profile=srgb",
            "--window-size=1280,900",
            &format!("--lang={language}"),
            &format!("--accept-lang={language}"),
        ];
        let options = json!({ "args": arguments, "prefs": { "intl.accept_languages": language } });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let opened = browser.call("POST", "", &wanted);
        browser.session = format!("{}/{}", browser.session, opened["sessionId"].as_str().expect("a session"));
        Some(browser)
    }

    /// Paths of [`Browser::visit`] are below this address.
    pub fn at(mut self, base: &str) -> Self {
        self.base = base.to_owned();
        self
    }

    #[track_caller]
    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.session));
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let mut answer = self.agent.run(request.body(body).expect("a request")).unwrap_or_else(|e| panic!("chromedriver: {e}"));
        let text = answer.body_mut().with_config().limit(256 << 20).read_to_string().expect("text");
        let mut value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let value = value["value"].take();
        if answer.status().is_success() { Ok(value) } else { Err(value) }
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {}: {}", e["error"], e["message"]))
    }

    /// Opens an address and waits until it is loaded.
    #[track_caller]
    pub fn go(&self, address: &str) {
        self.call("POST", "/url", &json!({ "url": address }));
    }

    /// Opens a page of the site, like `/find?q=x`.
    #[track_caller]
    pub fn visit(&self, path: &str) {
        self.go(&format!("{}{path}", self.base));
    }

    /// Path and query of the page.
    pub fn path(&self) -> String {
        let address = self.call("GET", "/url", &Value::Null);
        address.as_str().expect("an address").strip_prefix(&self.base).expect("our site").to_owned()
    }

    pub fn title(&self) -> String {
        self.call("GET", "/title", &Value::Null).as_str().expect("a title").to_owned()
    }

    pub fn source(&self) -> String {
        self.call("GET", "/source", &Value::Null).as_str().expect("a page").to_owned()
    }

    /// What a person reads on the page.
    pub fn text(&self) -> String {
        self.script("return document.body.innerText", &[]).as_str().expect("text").to_owned()
    }

    /// Runs a function body in the page; `arguments[0]` is the first of `with`.
    #[track_caller]
    pub fn script(&self, body: &str, with: &[Value]) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": body, "args": with }))
    }

    fn found(&self, using: &str, value: &str) -> Vec<Element<'_>> {
        let found = self.call("POST", "/elements", &json!({ "using": using, "value": value }));
        let id = |e: &Value| Element { browser: self, id: e[ELEMENT].as_str().expect("an element").to_owned() };
        found.as_array().expect("a list").iter().map(id).collect()
    }

    /// All elements that a CSS selector means, in the order of the page.
    pub fn all(&self, selector: &str) -> Vec<Element<'_>> {
        self.found("css selector", selector)
    }

    /// The first element that a CSS selector means; waits for it.
    #[track_caller]
    pub fn find(&self, selector: &str) -> Element<'_> {
        self.until(&format!("there is no {selector}"), || self.all(selector).into_iter().next())
    }

    /// The visible link, button or other control with exactly this text; waits for it.
    #[track_caller]
    pub fn control(&self, text: &str) -> Element<'_> {
        let quoted = format!("concat('', '{}')", text.replace('\'', "', \"'\", '"));
        let path =
            format!("//*[self::a or self::button or self::summary or self::label or @role='button' or @role='tab'][normalize-space(.)={quoted}]");
        self.until(&format!("there is nothing to click called {text:?}"), || self.found("xpath", &path).into_iter().find(Element::is_shown))
    }

    /// Clicks what has this text, and waits for the page that it may lead to.
    #[track_caller]
    pub fn click(&self, text: &str) {
        self.control(text).click();
    }

    /// Waits until a person can read this on the page.
    #[track_caller]
    pub fn reads(&self, text: &str) {
        self.until(&format!("nowhere: {text:?}"), || self.text().contains(text).then_some(()));
    }

    /// Waits until `look` finds something.
    #[track_caller]
    pub fn until<T>(&self, otherwise: &str, look: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{otherwise} on {}:\n{}", self.path(), self.text());
        }
    }

    /// Presses keys one after the other, wherever the focus is.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let ups_and_downs = keys.chars().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]);
        self.actions(ups_and_downs.collect());
    }

    #[track_caller]
    fn actions(&self, actions: Vec<Value>) {
        self.call("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// The text, or else the name or the tag, of what has the focus.
    pub fn focused(&self) -> String {
        let what = "const e = document.activeElement; return (e.innerText || e.getAttribute('aria-label') || e.name || e.tagName).trim()";
        self.script(what, &[]).as_str().expect("text").to_owned()
    }

    fn cdp(&self, command: &str, with: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": with }))
    }

    /// The size of what is seen, in CSS pixels.
    pub fn viewport(&self, width: u32, height: u32) {
        self.cdp("Emulation.setDeviceMetricsOverride", &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }));
    }

    /// `media("prefers-color-scheme", "dark")`
    pub fn media(&self, feature: &str, value: &str) {
        self.cdp("Emulation.setEmulatedMedia", &json!({ "features": [{ "name": feature, "value": value }] }));
    }

    /// Whether scripts run on pages that are opened from now on.
    pub fn scripts(&self, run: bool) {
        self.cdp("Emulation.setScriptExecutionDisabled", &json!({ "value": !run }));
    }

    /// Runs this on every page that is opened from now on, before anything of the page.
    pub fn before_pages(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// Keeps the whole page as target/test-screens/NAME.png.
    pub fn screenshot(&self, name: &str) -> PathBuf {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-screens");
        std::fs::create_dir_all(&folder).expect("a folder");
        let shot = self.cdp("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().expect("an image")).expect("base64");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Fails unless nothing on the page is wider than what is seen, no table whose rows can become blocks is wider than its frame, and no
    /// field lies over another: nobody should have to scroll sideways.
    #[track_caller]
    pub fn fits(&self) {
        let wide = "const max = document.documentElement.clientWidth; \
            if (document.documentElement.scrollWidth <= max) return ''; \
            const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > max + 1); \
            return wide.map(e => e.outerHTML.slice(0, 120)).slice(0, 5).join('\\n') || 'something'";
        let wide = self.script(wide, &[]);
        assert_eq!(wide, "", "wider than the window on {}", self.path());
        let framed = "const wide = [...document.querySelectorAll('.scroll:has(> .stack)')].filter(e => e.scrollWidth > e.clientWidth + 1); \
            return wide.map(e => `${e.scrollWidth} > ${e.clientWidth}: ${e.innerText.slice(0, 120)}`).join('\\n')";
        assert_eq!(self.script(framed, &[]), "", "tables wider than their frame on {}", self.path());
        let crossed = "const fields = [...document.querySelectorAll('.card :is(input, select, textarea)')].filter(e => e.checkVisibility()); \
            const box = e => e.getBoundingClientRect(); \
            const along = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]) > 1; \
            const meet = (a, b) => along(a, b, 'left', 'right') && along(a, b, 'top', 'bottom'); \
            const out = fields.filter(e => box(e).right > box(e.closest('.card')).right + 1); \
            const on = fields.filter((e, i) => fields.slice(i + 1).some(other => meet(box(e), box(other)))); \
            return [...out, ...on].map(e => e.outerHTML.slice(0, 120)).join('\\n')";
        let crossed = self.script(crossed, &[]);
        assert_eq!(crossed, "", "fields that lie over each other or beside their card on {}", self.path());
    }

    /// Fails where the page has serious or critical findings of axe-core for WCAG 2.1 A and AA.
    #[track_caller]
    pub fn is_accessible(&self) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(AXE);
        let Ok(axe) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: no axe-core at {AXE}; tests/run fetches it where there is npm");
            return;
        };
        self.script(&axe, &[]);
        let run = "const done = arguments[arguments.length - 1]; \
            const why = n => (n.any[0] || n.all[0] || n.none[0] || {}).message; \
            const said = v => v.id + ': ' + v.help + '\\n    ' + v.nodes.map(n => n.html + ' ' + why(n)).slice(0, 5).join('\\n    '); \
            const serious = r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(said); \
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }) \
            .then(r => done({ passes: r.passes.length, found: serious(r) }), e => done({ passes: 0, found: [String(e)] }))";
        let result = self.call("POST", "/execute/async", &json!({ "script": run, "args": [] }));
        let found: Vec<&str> = result["found"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(found.is_empty(), "{}:\n{}", self.path(), found.join("\n"));
        assert!(result["passes"].as_u64().is_some_and(|n| n > 0), "axe looked at nothing: {result}");
    }
}

impl Element<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/element/{}{rest}", self.id)
    }

    fn arg(&self) -> Value {
        json!({ ELEMENT: self.id })
    }

    #[track_caller]
    pub fn click(&self) {
        self.browser.script("arguments[0].scrollIntoView({ block: 'center' })", &[self.arg()]);
        self.browser.call("POST", &self.path("/click"), &json!({}));
    }

    pub fn text(&self) -> String {
        self.browser.call("GET", &self.path("/text"), &Value::Null).as_str().expect("text").to_owned()
    }

    /// An attribute as the page has it.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.browser.call("GET", &self.path(&format!("/attribute/{name}")), &Value::Null).as_str().map(str::to_owned)
    }

    pub fn is_shown(&self) -> bool {
        // It may be gone by now.
        self.browser.try_call("GET", &self.path("/displayed"), &Value::Null).is_ok_and(|shown| shown == true)
    }

    /// Types into a field, after what stands there.
    #[track_caller]
    pub fn write(&self, text: &str) {
        self.browser.call("POST", &self.path("/value"), &json!({ "text": text }));
    }

    /// Types into a field instead of what stands there.
    #[track_caller]
    pub fn fill(&self, text: &str) {
        self.browser.call("POST", &self.path("/clear"), &json!({}));
        self.write(text);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let request = ureq::http::Request::builder().method("DELETE").uri(&self.session);
        let _ = request.body(()).map(|request| self.agent.run(request));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
