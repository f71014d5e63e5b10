//! The pages as HTML. Pure; every text that comes from outside is escaped.
use std::fmt::Write;

use super::Lease;
use super::view::{Component, Health, Told, View};
use crate::picture::{Layout, Shape, draw, escape};

/// All stacks.
pub fn index(views: &[View]) -> String {
    let ready = views.iter().filter(|view| matches!(view.health, Health::Ready | Health::Resting)).count();
    let mut main = format!("<h1>Stacks</h1>\n<p role=\"status\">{ready} of {} are ready.</p>\n", views.len());
    if views.is_empty() {
        main.push_str("<p>There is no stack yet. <code>kubectl apply</code> one, and it appears here.</p>\n");
    } else {
        main.push_str("<ul class=\"stacks\">\n");
        main.extend(views.iter().map(entry));
        main.push_str("</ul>\n");
    }
    document("Stacks", "", &main)
}

/// One stack.
pub fn stack(view: &View) -> String {
    let title = format!("{}/{}", view.namespace, view.name);
    let mut main = format!("<h1><span class=\"namespace\">{}/</span>{}</h1>\n", escape(&view.namespace), escape(&view.name));
    let _ =
        writeln!(main, "<p role=\"status\" class=\"verdict\">{} {}</p>", badge(view.health, &view.reason), escape(&view.message));
    if let (generation, Some(seen)) = view.generations
        && generation != seen
    {
        let _ = writeln!(
            main,
            "<p>Generation {generation} of the spec has not been looked at yet; this speaks of generation {seen}.</p>"
        );
    }
    main.push_str(&facts(view));
    main.push_str(&causes(view));
    main.push_str(&graph(view));
    main.push_str(&components(view));
    main.push_str(&tasks(view));
    main.push_str(&conditions(&view.conditions));
    document(&title, &format!("<a href=\"/\">All stacks</a> › {}", escape(&title)), &main)
}

/// There is nothing here.
pub fn absent(what: &str) -> String {
    document("Nothing here", "<a href=\"/\">All stacks</a>", &format!("<h1>Nothing here</h1>\n<p>{}</p>\n", escape(what)))
}

/// This operator knows nothing, because another one leads; `lease` says which.
pub fn waiting(lease: &Lease) -> String {
    let main = format!(
        "<h1>This operator waits</h1>\n\
         <p>It has just started, or another one leads, and only the one that leads knows the stacks. The Lease names it:</p>\n\
         <pre tabindex=\"0\">kubectl -n {} get lease {} -o jsonpath='{{.spec.holderIdentity}}'</pre>\n\
         <p>The part before the <code>_</code> is the pod to forward to.</p>\n",
        escape(&lease.namespace),
        escape(&lease.name)
    );
    document("Waiting", "", &main)
}

fn document(title: &str, way: &str, main: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{} · mstack</title>\n<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
         <script src=\"/live.js\" defer></script>\n<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
         <header><a class=\"brand\" href=\"/\">mstack</a><nav aria-label=\"Where you are\">{way}</nav>\
         <span id=\"live\" role=\"status\"></span></header>\n\
         <main id=\"main\" tabindex=\"-1\">\n{main}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

fn badge(health: Health, word: &str) -> String {
    let word = if word.is_empty() { "Unknown" } else { word };
    format!(
        "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
        health.class(),
        health.sign(),
        escape(word)
    )
}

fn entry(view: &View) -> String {
    let figures: Vec<String> =
        view.facts.iter().map(|(name, value)| format!("<span><b>{}</b> {}</span>", escape(value), name.to_lowercase())).collect();
    format!(
        "<li class=\"{}\"><a href=\"/stacks/{1}/{2}\"><span class=\"namespace\">{1}/</span>{2}</a> {3}\n<p>{4}</p>\n<p class=\"figures\">{5}</p></li>\n",
        view.health.class(),
        escape(&view.namespace),
        escape(&view.name),
        badge(view.health, &view.reason),
        escape(&view.message),
        figures.join(" ")
    )
}

fn facts(view: &View) -> String {
    let mut list = String::from("<dl class=\"facts\">\n");
    for (name, value) in &view.facts {
        let _ = writeln!(list, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
    }
    if let Some(url) = &view.url {
        let _ = writeln!(list, "<div><dt>Address</dt><dd>{}</dd></div>", link(url));
    }
    list + "</dl>\n"
}

/// A link where the address is one of the web; anything else is only shown.
fn link(url: &str) -> String {
    let shown = escape(url);
    if url.starts_with("http://") || url.starts_with("https://") {
        format!("<a href=\"{shown}\" rel=\"noreferrer\">{shown}</a>")
    } else {
        shown
    }
}

fn causes(view: &View) -> String {
    let causes = view.causes();
    if causes.is_empty() {
        return String::new();
    }
    let mut section = String::from(
        "<section aria-labelledby=\"causes\">\n<h2 id=\"causes\">What is wrong, root causes first</h2>\n<ol class=\"causes\">\n",
    );
    for cause in causes {
        let hits = if cause.impact.is_empty() {
            String::new()
        } else {
            format!("<p>Hit by it: {}</p>", escape(&cause.impact.join(", ")))
        };
        let _ = writeln!(
            section,
            "<li class=\"{}\"><a href=\"#c-{1}\">{1}</a> {2}<p>{3}</p>{hits}</li>",
            cause.health.class(),
            escape(&cause.name),
            badge(cause.health, &cause.phase),
            escape(&cause.message)
        );
    }
    section + "</ol>\n</section>\n"
}

fn graph(view: &View) -> String {
    if view.components.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = view.components.iter().map(|component| component.name.as_str()).collect();
    let shapes: Vec<Shape> = view.components.iter().map(shape).collect();
    let svg = draw("Components, each above what it uses", &Layout::of(&names, &view.edges), &shapes);
    format!(
        "<section aria-labelledby=\"graph\">\n<h2 id=\"graph\">Graph</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"graph\">\n{svg}</div>\n\
         <p class=\"legend\">An arrow leads to what is used; a dashed one is optional. Drums keep data.</p>\n</section>\n"
    )
}

fn shape(component: &Component) -> Shape {
    let (serving, desired) = (component.instances.serving, component.instances.desired);
    let kind = if component.database { "database" } else { "service" };
    Shape {
        name: component.name.clone(),
        database: component.database,
        class: component.health.class(),
        state: format!("{} {} {serving}/{desired}", component.health.sign(), component.phase),
        link: format!("#c-{}", component.name),
        label: format!("{kind} {}: {}, {serving} of {desired} serve", component.name, component.phase),
    }
}

fn components(view: &View) -> String {
    if view.components.is_empty() {
        return String::new();
    }
    let mut section = String::from(
        "<section aria-labelledby=\"components\">\n<h2 id=\"components\">Components</h2>\n<ul class=\"components\">\n",
    );
    for component in &view.components {
        section.push_str(&of_component(view, component));
    }
    section + "</ul>\n</section>\n"
}

fn of_component(view: &View, component: &Component) -> String {
    let name = escape(&component.name);
    let kind = if component.database { "database" } else { "service" };
    let mut item = format!(
        "<li id=\"c-{name}\" class=\"{}\" tabindex=\"-1\"><h3>{name} <small>{kind}</small> {}</h3>\n",
        component.health.class(),
        badge(component.health, &component.phase)
    );
    let counts = &component.instances;
    let _ = writeln!(
        item,
        "<p class=\"figures\"><span><b>{}</b> wanted</span> <span><b>{}</b> updated</span> <span><b>{}</b> ready</span> <span><b>{}</b> serving</span>{}</p>",
        counts.desired,
        counts.updated,
        counts.ready,
        counts.serving,
        if counts.terminating > 0 { format!(" <span><b>{}</b> going away</span>", counts.terminating) } else { String::new() }
    );
    if !component.message.is_empty() {
        let _ = writeln!(item, "<p>{}</p>", escape(&component.message));
    }
    let uses: Vec<&str> = view.edges.iter().filter(|edge| edge.from == component.name).map(|edge| edge.to.as_str()).collect();
    for (word, names) in [
        ("Uses", uses.join(", ")),
        ("Waits for", component.blocked_by.join("; ")),
        ("Hits, while it is down,", component.impact.join(", ")),
    ] {
        if !names.is_empty() {
            let _ = writeln!(item, "<p class=\"quiet\">{word} {}</p>", escape(&names));
        }
    }
    if component.migrates {
        item.push_str("<p class=\"quiet\">Runs its migration before its template changes</p>\n");
    }
    if let Some(url) = &component.url {
        let _ = writeln!(item, "<p class=\"quiet\">{}</p>", link(url));
    }
    item + "</li>\n"
}

fn tasks(view: &View) -> String {
    if view.tasks.is_empty() {
        return String::new();
    }
    let mut section =
        String::from("<section aria-labelledby=\"tasks\">\n<h2 id=\"tasks\">Tests and jobs</h2>\n<ul class=\"components\">\n");
    for task in &view.tasks {
        let _ = writeln!(
            section,
            "<li class=\"{}\"><h3>{} <small>{}</small> {}</h3>",
            task.health.class(),
            escape(&task.name),
            task.kind,
            badge(task.health, &task.phase)
        );
        if !task.message.is_empty() {
            let _ = writeln!(section, "<p>{}</p>", escape(&task.message));
        }
        let namespace = escape(&view.namespace);
        let _ =
            writeln!(section, "<p class=\"quiet\"><code>kubectl -n {namespace} logs job/{}</code></p></li>", escape(&task.job));
    }
    section + "</ul>\n</section>\n"
}

fn conditions(conditions: &[Told]) -> String {
    if conditions.is_empty() {
        return "<p>Nothing has been reported of it yet.</p>\n".to_owned();
    }
    let mut section = String::from(
        "<section aria-labelledby=\"conditions\">\n<h2 id=\"conditions\">Conditions</h2>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"conditions\"><table>\n\
         <thead><tr><th scope=\"col\">Condition</th><th scope=\"col\">Status</th><th scope=\"col\">Reason</th><th scope=\"col\">Since</th><th scope=\"col\">Message</th></tr></thead>\n<tbody>\n",
    );
    for told in conditions {
        let _ = writeln!(
            section,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td><time datetime=\"{4}\">{4}</time></td><td>{3}</td></tr>",
            escape(&told.name),
            escape(&told.status),
            escape(&told.reason),
            escape(&told.message),
            escape(&told.since)
        );
    }
    section + "</tbody>\n</table></div>\n</section>\n"
}
