// Keeps the page as it is in the cluster: asks again every two seconds while somebody looks, and changes only what differs.
"use strict";
(() => {
  const live = document.getElementById("live");
  let before = null;

  function show(text) {
    if (live.textContent !== text) live.textContent = text;
  }

  function replace(text) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const [now, then] = [document.getElementById("main"), next.getElementById("main")];
    if (!then || then.innerHTML === now.innerHTML) return;
    // Whoever reads with the keyboard stays where they are.
    const focus = document.activeElement;
    const way = focus && now.contains(focus) ? { id: focus.id, href: focus.getAttribute("href") } : null;
    const scrolled = [...now.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
    now.replaceChildren(...then.childNodes);
    [...now.querySelectorAll(".scroll")].forEach((part, at) => (part.scrollLeft = scrolled[at] || 0));
    document.title = next.title;
    if (!way) return;
    const again = way.id
      ? document.getElementById(way.id)
      : [...now.querySelectorAll("a")].find((link) => link.getAttribute("href") === way.href);
    if (again) again.focus({ preventScroll: true });
  }

  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      const text = await answer.text();
      if (text !== before) replace(text);
      before = text;
      show("");
    } catch {
      show("no connection; what you see may be old");
    }
  }

  setInterval(look, 2000);
  document.addEventListener("visibilitychange", look);
})();
