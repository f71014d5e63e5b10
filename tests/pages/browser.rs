//! A real browser, steered by its own protocol through two pipes: it opens no port and asks nobody else.
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);
/// What keeps it from everything but the page.
const QUIET: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A browser with one page. It ends with this value, and its folder goes.
pub struct Browser {
    process: Child,
    to: File,
    from: Receiver<Value>,
    folder: PathBuf,
    session: String,
    next: u64,
    /// What the page has complained of: errors in its script, refused loads, failed requests.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Starts one, with a folder of its own below this one.
    pub fn start(below: &Path) -> Self {
        let folder = below.join(format!("browser-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let pipes = ["to", "from"].map(|name| folder.join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // The protocol wants its pipes as the descriptors 3 and 4.
        let process = Command::new("bash")
            .args(["-c", "to=$1 from=$2; shift 2; exec chromium \"$@\" 3<\"$to\" 4>\"$from\"", "bash"])
            .args(&pipes)
            .args(QUIET)
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = File::options().write(true).open(&pipes[0]).unwrap();
        let (sender, from) = channel();
        let mut answers = File::open(&pipes[1]).unwrap();
        std::thread::spawn(move || {
            let (mut left, mut piece) = (Vec::new(), vec![0; 65_536]);
            while let Ok(length @ 1..) = answers.read(&mut piece) {
                left.extend_from_slice(&piece[..length]);
                while let Some(end) = left.iter().position(|byte| *byte == 0) {
                    let message: Vec<u8> = left.drain(..=end).collect();
                    let _ = sender.send(serde_json::from_slice(&message[..end]).unwrap());
                }
            }
        });
        let mut browser = Self { process, to, from, folder, session: String::new(), next: 0, complaints: Vec::new() };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Asks for something, and waits for the answer. What the page complains of meanwhile is kept.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left).unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.listen(&answer);
        }
    }

    fn listen(&mut self, event: &Value) {
        let params = &event["params"];
        let complaint = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if ["error", "warning", "assert"].contains(&params["type"].as_str().unwrap()) => {
                Some(params["args"].to_string())
            }
            "Log.entryAdded" if ["error", "warning"].contains(&params["entry"]["level"].as_str().unwrap()) => {
                Some(params["entry"]["text"].to_string())
            }
            "Network.loadingFailed" => Some(params.to_string()),
            _ => None,
        };
        self.complaints.extend(complaint);
    }

    /// Goes to an address on a screen of this size, light or dark.
    pub fn open(&mut self, address: &str, (width, height): (u32, u32), dark: bool) {
        let phone = width < 600;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.ask("Emulation.setDeviceMetricsOverride", &screen);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.ask("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
        self.ask("Page.navigate", &json!({ "url": address }));
        self.wait_for(&format!("document.readyState === 'complete' && location.href.startsWith({})", json!(address)));
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true.
    pub fn wait_for(&mut self, expression: &str) {
        // In the page itself: each frame that is drawn asks again.
        let end = Instant::now() + PATIENCE;
        while self.value(&format!("new Promise(next => setTimeout(() => next(Boolean({expression})), 50))")) != true {
            assert!(Instant::now() < end, "the page never came to: {expression}");
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.ask("Input.dispatchKeyEvent", &event);
        }
        if key == "Enter" {
            self.ask("Input.dispatchKeyEvent", &json!({ "type": "char", "text": "\r", "key": key }));
        }
    }

    /// Keeps what is seen as a picture.
    pub fn picture(&mut self, file: &Path) {
        let shot = self.ask("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": true }));
        fs::write(file, base64(shot["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len()), 0_u32, 0);
    for letter in text.bytes().filter(|byte| *byte != b'=') {
        held = held << 6 | u32::try_from(LETTERS.iter().position(|known| *known == letter).unwrap()).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
    }
    bytes
}
