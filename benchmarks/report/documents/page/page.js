"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Sorting: numbers by their value, gaps last, words by the alphabet.
  const value = (cell) => cell.querySelector(".v").textContent.trim();
  const amount = (text) => {
    const found = text.replace(/^\u26a0 /, "").replace(/\u2212/g, "-").replace(/,/g, "").match(/^-?\d+(\.\d+)?(e[+-]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  };
  const compare = (first, second, sign) => {
    const [a, b] = [amount(first), amount(second)];
    if (Number.isNaN(a) && Number.isNaN(b)) return sign * first.localeCompare(second);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
    return sign * (a - b);
  };
  const byWords = (first, second, sign) => sign * first.localeCompare(second);
  const sort = (head) => {
    const place = head.cellIndex;
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    const order = head.classList.contains("n") ? compare : byWords;
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row) => [value(row.cells[place]), row]);
    rows.sort((a, b) => order(a[0], b[0], ascending ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
    for (const other of head.parentElement.cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  };
  for (const head of all("thead th")) {
    head.setAttribute("aria-sort", "none");
    head.querySelector("button").addEventListener("click", () => sort(head));
  }

  // Filtering: a row stays if it has every word, in whatever place.
  const filter = document.getElementById("filter");
  const filtered = document.getElementById("filtered");
  const items = all("#tables tbody tr, #trials tbody tr, details.trial").map((item) => [
    (item.dataset.text || item.textContent).toLowerCase(),
    item,
  ]);
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [text, item] of items) {
      item.hidden = !words.every((word) => text.includes(word));
      shown += !item.hidden;
    }
    filtered.textContent = words.length ? `${shown} of ${items.length} rows` : "";
  };
  filter.addEventListener("input", apply);
  for (const hidden of all(".filter, .hint, #theme")) hidden.hidden = false;

  // The theme: the system's, until somebody chooses.
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  try {
    const kept = localStorage.getItem("reml-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch { /* a file may have no storage */ }
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("reml-theme", root.dataset.theme); } catch { /* as above */ }
    show();
  });
  dark.addEventListener("change", show);
  show();

  // On a phone the contents would fill the screen; a link to a trial opens it.
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav details").open = false;
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details")) target.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
