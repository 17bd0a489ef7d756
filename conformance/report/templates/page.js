"use strict";
(function () {
  document.documentElement.classList.add("js");

  // Filters: verdict buttons and words, for the requirement matrix and the list of scenarios alike.
  function wire(bar) {
    const table = document.getElementById(bar.dataset.filter);
    const rows = Array.from(table.querySelectorAll("tr[data-verdict]"));
    const buttons = Array.from(bar.querySelectorAll("button[data-show]"));
    const input = bar.querySelector("input");
    const output = bar.querySelector("output");
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    function apply() {
      const shown = new Set(buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.show));
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        row.hidden = !(shown.has(row.dataset.verdict) && words.every((word) => texts.get(row).includes(word)));
        count += row.hidden ? 0 : 1;
      }
      for (const group of table.querySelectorAll("tr.group")) {
        group.hidden = !Array.from(group.parentNode.querySelectorAll("tr[data-verdict]")).some((row) => !row.hidden);
      }
      output.textContent = count + " of " + rows.length + " " + bar.dataset.noun + " shown";
    }
    for (const button of buttons) {
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
        apply();
      });
    }
    input.addEventListener("input", apply);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { input.value = ""; apply(); }
    });
    apply();
  }
  document.querySelectorAll("[data-filter]").forEach(wire);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "INPUT") return;
    const input = document.querySelector("[data-filter] input");
    if (input) { event.preventDefault(); input.focus(); input.select(); }
  });

  // In a page of many scenarios their details are packed: raw deflate in base64, unpacked once.
  async function unfold(section) {
    const text = section.dataset.packed;
    if (!text) return;
    delete section.dataset.packed;
    let html;
    try {
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      html = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
    } catch (error) {
      html = '<p class="callout v-error">This browser cannot unpack the details. Verdicts and figures are under Traceability.</p>';
    }
    section.insertAdjacentHTML("beforeend", html);
    section.querySelectorAll("svg.timeline[data-bins]").forEach(read);
  }

  // A link to something inside a closed scenario, or to a hidden row, opens it.
  async function reveal() {
    const name = decodeURIComponent(location.hash.slice(1));
    const section = document.getElementById((/^s\d+/.exec(name) || [""])[0]);
    if (section && section.dataset.packed) await unfold(section);
    const target = name && document.getElementById(name);
    if (!target) return;
    const hidden = target.hidden;
    target.hidden = false;
    let closed = hidden;
    for (let d = target.closest("details:not([open])"); d; d = d.parentElement.closest("details:not([open])")) {
      d.open = true;
      closed = true;
    }
    if (closed || section) target.scrollIntoView();
  }
  for (const button of document.querySelectorAll("button[data-all]")) {
    button.addEventListener("click", () => {
      document.querySelectorAll("details.scenario").forEach((d) => { d.open = button.dataset.all === "open"; });
    });
  }

  // Paper shows everything that folding hides, and folds it again afterwards.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = Array.from(document.querySelectorAll("details:not([open])"));
    folded.forEach((d) => { d.open = true; });
  });
  window.addEventListener("afterprint", () => { folded.forEach((d) => { d.open = false; }); folded = []; });

  // Series come as they are or, where that is shorter, as stretches of the same value: {r: [value, how often, …]}.
  function unpack(value) {
    if (Array.isArray(value) || value === null || typeof value !== "object") return value;
    if (value.r) return value.r.flatMap((item, n) => (n % 2 ? [] : new Array(value.r[n + 1]).fill(item)));
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unpack(inner)]));
  }

  // The timeline's numbers, under the pointer or under a cursor moved with the arrow keys.
  function read(svg) {
    const count = Number(svg.dataset.count), zeros = new Array(count).fill(0), nothing = new Array(count).fill(null);
    const bins = Object.assign({ writes: {}, planes: {}, failed: zeros, unknown: zeros, probes: zeros, bad: zeros, p50: nothing, p99: nothing }, unpack(JSON.parse(svg.dataset.bins)));
    if (!bins.high) bins.high = bins.p99;
    const out = document.querySelector('[data-for="' + svg.id + '"]');
    const left = Number(svg.dataset.left), plot = Number(svg.dataset.plot);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("class", "cursor");
    svg.appendChild(line);
    let at = 0;
    const ms = (v) => (v === null ? "–" : v >= 1000 ? (v / 1000).toFixed(2) + " s" : v + " ms");
    function show(n) {
      at = Math.max(0, Math.min(count - 1, n));
      const x = left + plot * (at + 0.5) / count;
      line.setAttribute("d", "M" + x + " " + svg.dataset.top + "V" + svg.dataset.bottom);
      const parts = [(bins.begin + at * bins.width).toFixed(2) + "–" + (bins.begin + (at + 1) * bins.width).toFixed(2) + " s:"];
      const sites = Object.keys(bins.writes).filter((s) => bins.writes[s][at]);
      parts.push(sites.length ? "acknowledged " + sites.map((s) => bins.writes[s][at] + " by " + s).join(" + ") : "nothing acknowledged");
      if (bins.failed[at]) parts.push(bins.failed[at] + " refused");
      if (bins.unknown[at]) parts.push(bins.unknown[at] + " unknown");
      if (bins.p50[at] !== null) parts.push("p50 " + ms(bins.p50[at]) + ", p99 " + ms(bins.p99[at]) + ", slowest " + ms(bins.high[at]));
      if (bins.probes[at]) parts.push(bins.bad[at] + " of " + bins.probes[at] + " probes failed");
      for (const plane of Object.keys(bins.planes)) if (bins.planes[plane][at]) parts.push(plane + ": " + bins.planes[plane][at] + " failed");
      out.textContent = parts.join(" · ");
    }
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
      if (x >= left && x <= left + plot) show(Math.floor((x - left) / plot * count));
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (step) { event.preventDefault(); show(at + step); }
      if (event.key === "Home") { event.preventDefault(); show(0); }
      if (event.key === "End") { event.preventDefault(); show(count - 1); }
    });
  }
  document.querySelectorAll("svg.timeline[data-bins]").forEach(read);

  window.addEventListener("hashchange", reveal);
  reveal();
  const packed = Array.from(document.querySelectorAll("details[data-packed]"));
  packed.forEach((section) => section.addEventListener("toggle", () => unfold(section)));
  (async () => { for (const section of packed) await unfold(section); })();
})();
