//! The pages of the operator as they were reviewed, and in a real browser.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

#[path = "pages/browser.rs"]
mod browser;

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use browser::Browser;
use mstack::web::{self, View};
use pretty_assertions::assert_eq;

const SPEC: &str = include_str!("pages/spec.yaml");
const STATUS: &str = include_str!("pages/status.yaml");

fn json(yaml: &str) -> Box<str> {
    let value: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
    value.to_string().into()
}

fn view(name: &str, status: Option<&str>) -> View {
    let (spec, status) = (json(SPEC), status.map(json));
    web::view::of("shop", name, &web::view::Object { generation: 7, spec: &spec, status: status.as_deref() })
}

fn is_as_reviewed(file: &str, page: &str) {
    // UPDATE=1 writes the file anew, to be reviewed as a diff.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(&golden).expect("UPDATE=1 makes the golden file"));
}

#[test]
fn the_page_of_a_stack_is_as_reviewed() {
    is_as_reviewed("stack.html", &web::stack(&view("shop", Some(STATUS))));
}

#[test]
fn the_page_of_all_stacks_is_as_reviewed() {
    is_as_reviewed("index.html", &web::index(&[view("shop", Some(STATUS)), view("new", None)]));
}

#[test]
fn the_page_of_an_operator_that_waits_says_who_leads() {
    let lease = web::Lease { namespace: "team-a".to_owned(), name: "left-mstack".to_owned() };
    is_as_reviewed("waiting.html", &web::waiting(&lease));
}

#[test]
fn nothing_that_a_status_says_becomes_a_part_of_the_page() {
    let evil = STATUS.replace("back-off 40s", "</p><script>alert(1)</script><p onclick='x' class=\\\"");
    let page = web::stack(&view("shop", Some(&evil)));
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    let address = STATUS.replace("http://shop.example.com", "javascript:alert(1)");
    let page = web::stack(&view("shop", Some(&address)));
    assert!(page.contains("javascript:alert(1)") && !page.contains("href=\"javascript"), "{page}");
}

/// Serves the pages with the operator's own headers; from the second look on, the stack is another.
fn serve(pages: [String; 2]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let looks = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (pages, looks) = (pages.clone(), Arc::clone(&looks));
            std::thread::spawn(move || answer(&mut stream.unwrap(), &pages, &looks));
        }
    });
    port
}

fn answer(stream: &mut TcpStream, pages: &[String; 2], looks: &AtomicUsize) {
    let mut request = [0; 8192];
    let length = stream.read(&mut request).unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let (kind, body) = match request.split(' ').nth(1) {
        Some("/style.css") => ("text/css", web::STYLE),
        Some("/live.js") => ("text/javascript", web::SCRIPT),
        Some("/fixed") => ("text/html; charset=utf-8", pages[0].as_str()),
        Some(_) => ("text/html; charset=utf-8", pages[looks.fetch_add(1, Ordering::Relaxed).min(1)].as_str()),
        None => return,
    };
    let headers: Vec<String> = web::HEADERS.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n\r\n{body}",
        body.len(),
        headers.join("\r\n")
    );
}

/// Where pictures are kept, to be looked at.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

const LIGHTNESS: &str = "(() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number); \
    return (r + g + b) / 3 })()";
/// Texts whose colour is less than 4.5 to 1 against the nearest ground behind them, as WCAG counts.
const FAINT: &str = "(() => {
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = node => { for (; node; node = node.parentElement) {
        const colour = parse(getComputedStyle(node).backgroundColor); if (colour[3] === undefined || colour[3] > 0) return colour; }
        return [255, 255, 255]; };
    const faint = [];
    for (const node of document.querySelectorAll('body *:not(svg *)')) {
        if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
        const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push(`${node.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return faint })()";
const FOCUSED: &str = "(() => { const node = document.activeElement, seen = getComputedStyle(node); \
    if (node === document.body) return null; \
    const box = node.querySelector('.box'), drawn = seen.outlineStyle !== 'none' || (box && getComputedStyle(box).strokeWidth === '6px'); \
    return { name: (node.getAttribute('aria-label') || node.textContent).trim(), drawn: Boolean(drawn), to: node.getAttribute('href') } })()";

#[test]
#[ignore = "needs chromium: make test-ui"]
fn in_a_browser_the_page_follows_the_stack_and_is_drawn_light_dark_and_small() {
    let mended = STATUS.replace("phase: Failed", "phase: Ready");
    let pages = [STATUS, &mended].map(|status| web::stack(&view("shop", Some(status))));
    let address = format!("http://localhost:{}", serve(pages));
    let mut browser = Browser::start(&folder());
    browser.open(&format!("{address}/live"), (1200, 1500), false);
    browser.wait_for("document.body.innerHTML.includes('database orders: Ready')");
    let mut lightness = Vec::new();
    for (name, size, dark) in [
        ("light", (1200, 1500), false),
        ("dark", (1200, 1500), true),
        ("phone", (360, 740), false),
        ("phone-dark", (360, 740), true),
    ] {
        browser.open(&format!("{address}/fixed"), size, dark);
        let wide = browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "{name}: the page is wider than its screen");
        assert_eq!(browser.value(FAINT), serde_json::json!([]), "{name}: these are hard to read");
        lightness.push(browser.value(LIGHTNESS).as_f64().unwrap());
        let file = folder().join(format!("{name}.png"));
        browser.picture(&file);
        assert!(file.metadata().unwrap().len() > 10_000, "{name} is empty");
        println!("{}", file.display());
    }
    assert!(lightness[0] > 200.0 && lightness[1] < 60.0, "light and dark grounds are {lightness:?}");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
#[ignore = "needs chromium: make test-ui"]
fn in_a_browser_all_that_can_be_followed_is_reached_by_the_keyboard_and_shows_it() {
    let page = web::stack(&view("shop", Some(STATUS)));
    let address = format!("http://localhost:{}/fixed", serve([page.clone(), page]));
    let mut browser = Browser::start(&folder());
    browser.open(&address, (1200, 1500), false);
    let all = browser.value("document.querySelectorAll('a[href], [tabindex=\"0\"]').length").as_u64().unwrap();
    assert!(all >= 10, "only {all} places");
    let mut names = Vec::new();
    for _ in 0..all {
        browser.press("Tab", 9);
        let place = browser.value(FOCUSED);
        assert_eq!(place["drawn"], true, "{place} does not show that it has the focus");
        assert!(!place["name"].as_str().unwrap().is_empty(), "{place} has no name to be read aloud");
        names.push(place["name"].clone());
    }
    assert_eq!(names[0], "Skip to the content");
    assert!(names.contains(&"database orders: Failed, 0 of 1 serve".into()), "{names:?}");
    browser.press("Tab", 9);
    assert_eq!(browser.value(FOCUSED), serde_json::Value::Null, "more can be followed than there is");
    browser.open(&address, (1200, 1500), false);
    browser.press("Tab", 9);
    browser.press("Enter", 13);
    browser.wait_for("location.hash === '#main' && document.activeElement.id === 'main'");
    assert_eq!(browser.complaints, Vec::<String>::new());
}
