//! One page in a tab of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::chromium::Chromium;
use super::element::{IS_PRESSED, labelled, place_of, selected_by};
use super::record::{Outcome, Record, Request};
use crate::eventually::{in_time, until};

/// The DevTools domains whose events [`Page::assert_flawless`] needs.
const DOMAINS: [&str; 5] = ["Page", "Network", "Runtime", "Log", "Inspector"];

/// After this time an answer counts as lost. A call to a page that a navigation replaces meanwhile may get none.
const LOST: Duration = Duration::from_secs(60);

/// A page in its own tab and context. Dropping it closes the tab.
pub struct Page {
    chromium: Arc<Chromium>,
    context: Value,
    session: String,
    record: Arc<Mutex<Record>>,
}

impl Page {
    /// Opens a URL and waits until the page has loaded.
    pub async fn open(url: &str) -> Self {
        let page = Self::blank().await;
        page.go_to(url).await;
        page
    }

    /// Opens an empty tab.
    pub async fn blank() -> Self {
        let chromium = Chromium::shared();
        let browser = async |method, parameters| {
            let answer = chromium.call(None, method, parameters).await;
            answer.unwrap_or_else(|error| panic!("{method}: {error}"))
        };
        let context = browser("Target.createBrowserContext", json!({})).await;
        let context = context["browserContextId"].clone();
        let tab = json!({ "url": "about:blank", "browserContextId": context });
        let tab = browser("Target.createTarget", tab).await;
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = browser("Target.attachToTarget", attach).await;
        let page = Self {
            context,
            session: attached["sessionId"].as_str().unwrap().to_owned(),
            record: Arc::default(),
            chromium,
        };
        page.chromium.record(&page.session, page.record.clone());
        for domain in DOMAINS {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    /// Navigates to a URL as if it had been typed, and waits until the page has loaded.
    pub async fn go_to(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert_eq!(answer.get("errorText"), None, "{url}");
        self.wait_for("the page has loaded", "document.readyState === 'complete'")
            .await;
    }

    /// Sets the size of the visible part, in pixels.
    pub async fn set_viewport(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Prefers `light` or `dark` pages, without motion, so that no colour is in between when the page is looked at.
    pub async fn prefer(&self, theme: &str) {
        let theme = json!({ "name": "prefers-color-scheme", "value": theme });
        let motion = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [theme, motion] }),
        )
        .await;
    }

    /// The URL of the page.
    pub async fn url(&self) -> String {
        let url = self.evaluate("location.href").await;
        url.as_str().unwrap().to_owned()
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        let title = self.evaluate("document.title").await;
        title.as_str().unwrap().to_owned()
    }

    /// The visible text.
    pub async fn text(&self) -> String {
        let text = self.evaluate("document.body.innerText").await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows a text.
    pub async fn shows(&self, text: &str) {
        let script = format!(
            "document.body && document.body.innerText.includes({})",
            Value::from(text)
        );
        self.wait_for(&format!("the page shows {text:?}"), &script)
            .await;
    }

    /// Waits until a script returns true, across any number of navigations. A failure prints the content of the page.
    pub async fn wait_for(&self, what: &str, script: &str) {
        let is_so = async || (self.try_evaluate(script).await == Ok(true.into())).then_some(());
        if in_time(is_so).await.is_none() {
            self.fail(what).await;
        }
    }

    /// Clicks the first element that matches a CSS selector, once it can be clicked.
    pub async fn click(&self, selector: &str) {
        self.click_at(selector, &selected_by(selector)).await;
    }

    /// Clicks the button or link with this label, once it can be clicked.
    pub async fn press(&self, label: &str) {
        self.click_at(label, &labelled(label)).await;
    }

    /// Clicks into a field and types.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.type_text(text).await;
    }

    /// Focuses the first element that matches a CSS selector, once there is one, as a user of the keyboard does.
    pub async fn focus(&self, selector: &str) {
        let element = selected_by(selector);
        let focus = format!(
            "{element}?.focus({{ focusVisible: true }}), document.activeElement === {element} && !!{element}"
        );
        self.wait_for(&format!("{selector:?} has the focus"), &focus)
            .await;
    }

    /// Types into the field that has the focus.
    pub async fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses `Tab` or `Enter`.
    pub async fn press_key(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            _ => panic!("{key}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Runs no script of a page from now on. Clicking needs one: use [`focus`](Self::focus) and
    /// [`press_key`](Self::press_key).
    pub async fn without_scripts(&self) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": true }),
        )
        .await;
    }

    async fn click_at(&self, what: &str, element: &str) {
        let script = place_of(element);
        let pressed = async || {
            let place = self.try_evaluate(&script).await.ok()?;
            let place = (place[0].as_f64()?, place[1].as_f64()?);
            self.mouse("mouseMoved", place).await;
            self.mouse("mousePressed", place).await;
            // The page may have moved under the mouse, as can happen to a user.
            let is_pressed = self.try_evaluate(IS_PRESSED).await == Ok(true.into());
            self.mouse("mouseReleased", place).await;
            is_pressed.then_some(())
        };
        if in_time(pressed).await.is_none() {
            self.fail(&format!("{what:?} can be clicked")).await;
        }
    }

    async fn mouse(&self, kind: &str, (x, y): (f64, f64)) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
        // If the answer is lost, what happens then on the page says whether it was clicked.
        let _ = timeout(LOST, self.call("Input.dispatchMouseEvent", event)).await;
    }

    /// The value of a script, or of the promise that it returns.
    pub async fn evaluate(&self, script: &str) -> Value {
        let value = self.run(script).await;
        value.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// During a navigation there is no page in which the script could run, or its answer is lost.
    async fn try_evaluate(&self, script: &str) -> Result<Value, String> {
        let value = timeout(LOST, self.run(script)).await;
        value.unwrap_or_else(|_| Err("there was no answer".to_owned()))
    }

    async fn run(&self, script: &str) -> Result<Value, String> {
        let expression =
            json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        let session = Some(self.session.as_str());
        let answer = self.chromium.call(session, "Runtime.evaluate", expression);
        let mut answer = answer.await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// All requests so far, including the page itself.
    pub fn requests(&self) -> Vec<Request> {
        self.record.lock().unwrap().requests.clone()
    }

    /// All errors so far: exceptions, `console.error`, policy violations, failed loads.
    pub fn errors(&self) -> Vec<String> {
        self.record.lock().unwrap().errors.clone()
    }

    /// Checks that the page reported no error and made at least one request, and that all requests went to the host and
    /// port of the page and succeeded.
    pub async fn assert_flawless(&self) {
        let origin = self.evaluate("location.origin").await;
        self.assert_flawless_among(&[origin.as_str().unwrap()])
            .await;
    }

    /// Like [`assert_flawless`](Self::assert_flawless), for pages that lead from one origin to another.
    pub async fn assert_flawless_among(&self, origins: &[&str]) {
        until("no request is in progress", async || {
            self.record.lock().unwrap().is_quiet()
        })
        .await;
        assert_eq!(self.errors(), Vec::<String>::new());
        let requests = self.requests();
        assert!(!requests.is_empty());
        for request in requests {
            let is_home = |origin: &&str| {
                let path = request.url.strip_prefix(*origin);
                path.is_some_and(|path| path.starts_with('/'))
            };
            assert!(origins.iter().any(is_home), "foreign: {request:?}");
            let is_well = matches!(request.outcome, Outcome::Answered(200..400));
            assert!(is_well, "failed: {request:?}");
        }
    }

    /// Saves a screenshot of the visible part, and returns its path.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let picture = self.picture().await;
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::write(&path, bytes.unwrap()).unwrap();
        path
    }

    /// If one page takes the place of another just then, the first answer never comes.
    async fn picture(&self) -> Value {
        let ask = || self.call("Page.captureScreenshot", json!({}));
        match timeout(LOST, ask()).await {
            Ok(picture) => picture,
            Err(_) => ask().await,
        }
    }

    async fn fail(&self, what: &str) {
        let name = format!("failed-{}", self.session);
        let picture = self.screenshot(&name).await;
        panic!(
            "did not happen: {what}\non {} ({}), with errors {:#?}\nwhich shows:\n{}",
            self.url().await,
            picture.display(),
            self.errors(),
            self.text().await
        );
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        let session = Some(self.session.as_str());
        let answer = self.chromium.call(session, method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.chromium.close(&self.session, &self.context);
    }
}
