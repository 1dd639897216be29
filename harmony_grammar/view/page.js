"use strict";
// Everything from the transcript goes into text nodes; nothing is ever read as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const LONG = 20000, MANY = 2000, TOGETHER = 10, FIRST = 5;
const byId = (id) => document.getElementById(id);

function make(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "class") node.className = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

// Words in which a text between backquotes is code.
const spoken = (words) => words.split(/`([^`]+)`/).map((part, at) => (at % 2 ? make("code", {}, part) : part));
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const speaker = (m) => (m.name === null ? m.role : `${m.role} ${m.name}`);
const kind = (m) => (["system", "developer", "user", "assistant", "tool"].includes(m.role) ? m.role : "");

function head(m, index) {
  const parts = [make("span", { class: "faint" }, `${index + 1}. `), make("span", { class: "who" }, speaker(m))];
  if (m.channel !== null) parts.push(" ", make("span", { class: "channel" }, m.channel));
  if (m.to !== null) parts.push(" to ", make("code", {}, m.to));
  if (m.type !== null) parts.push(" ", make("span", { class: "faint" }, `as ${m.type}`));
  if (m.open) parts.push(" ", make("span", { class: "warning" }, "open"));
  return parts;
}

// A stretch of a text, with marks around what findings say.
function stretch(text, from, to, marks) {
  const nodes = [];
  let at = from;
  for (const { begin, end, index } of marks) {
    if (begin < at || begin > to || (begin === to && to < text.length)) continue;
    nodes.push(text.slice(at, begin), marked(text.slice(begin, Math.min(end, to)), index));
    at = Math.min(Math.max(begin, end), to);
  }
  return [...nodes, text.slice(at, to)];
}

function marked(text, index) {
  const finding = data.findings[index];
  return make("mark", { id: `mark-${index}`, class: finding.severity, tabindex: "-1", title: finding.message }, text || "\u2038");
}

// A text; a long one in pieces that end with lines, each of which is laid out when it is seen.
function pieces(text, marks) {
  if (text.length <= LONG) return stretch(text, 0, text.length, marks);
  const nodes = [];
  for (let from = 0, to; from < text.length; from = to) {
    to = Math.min(text.length, from + LONG);
    const line = text.lastIndexOf("\n", to - 1) + 1, word = text.lastIndexOf(" ", to - 1) + 1;
    if (to < text.length) to = line > from ? line : word > from ? word : to;
    nodes.push(make("span", { class: "piece" }, ...stretch(text, from, to, marks)));
  }
  return nodes;
}

// The findings of each message, with their numbers.
const findingsOf = new Map();
data.findings.forEach((finding, index) => {
  if (!findingsOf.has(finding.where)) findingsOf.set(finding.where, []);
  findingsOf.get(finding.where).push({ ...finding, index });
});

function marksOf(index, part) {
  return (findingsOf.get(index) || [])
    .filter((finding) => finding.part === part)
    .map((finding) => ({ begin: finding.mark[0], end: finding.mark[1], index: finding.index }))
    .sort((a, b) => a.begin - b.begin);
}

// --- many things, of which those near the window are made first, and the others when there is time ---

const later = window.requestIdleCallback || ((work) => setTimeout(() => work({ timeRemaining: () => 10 }), 50));

class Chunks {
  // `build` makes the thing with a number; `height` guesses how high it will be, in pixels.
  constructor(panel, number, build, height) {
    this.build = build;
    this.waiting = new Map();
    this.boxes = [];
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.fill(this.boxes.indexOf(entry.target));
    }, { rootMargin: "1200px" });
    for (let from = 0; from < number; from += TOGETHER) {
      const box = make("div", { class: "chunk" }), to = Math.min(number, from + TOGETHER);
      let guess = 0;
      for (let index = from; index < to; index += 1) guess += height(index);
      box.style.minHeight = `${guess}px`;
      box.style.containIntrinsicSize = `auto ${guess}px`;
      this.waiting.set(this.boxes.length, [from, to]);
      this.boxes.push(box);
      this.seen.observe(box);
    }
    panel.append(...this.boxes);
    this.fill(0);
    later((time) => this.rest(time));
  }

  fill(chunk) {
    if (!this.waiting.has(chunk)) return;
    const [from, to] = this.waiting.get(chunk), box = this.boxes[chunk];
    this.waiting.delete(chunk);
    this.seen.unobserve(box);
    for (let index = from; index < to; index += 1) box.append(this.build(index));
    box.style.minHeight = "";
    box.classList.add("full");
  }

  with(index) { this.fill(Math.floor(index / TOGETHER)); }

  all() { for (const chunk of [...this.waiting.keys()]) this.fill(chunk); }

  rest(time) {
    while (this.waiting.size && time.timeRemaining() > 5) this.fill(this.waiting.keys().next().value);
    if (this.waiting.size) later((more) => this.rest(more));
  }
}

const chunks = [];
const lines = (text) => 24 * Math.min(2000, Math.ceil(text.length / 90));

function table(tools) {
  const row = (cell, words) => make("tr", {}, ...words.map((word) => make(cell, cell === "th" ? { scope: "col" } : {}, word)));
  const rows = tools.map((tool) => row("td", [make("code", {}, tool.name), tool.about, make("code", {}, tool.takes)]));
  const whole = make("table", {}, make("caption", { class: "faint" }, "The tools that it declares"),
    make("thead", {}, row("th", ["tool", "what it does", "what it takes"])), make("tbody", {}, ...rows));
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Tools" }, whole);
}

function link(index, words) {
  const node = make("a", { href: `#message-${index}` }, words);
  node.addEventListener("click", (event) => { event.preventDefault(); jump(`message-${index}`, index, 0); });
  return node;
}

const remark = (finding) => [make("span", { class: finding.severity }, `${finding.severity}: `), ...spoken(finding.message)];
const remarks = (index) => (findingsOf.get(index) || []).map((finding) => make("p", {}, ...remark(finding)));
let unfolded = false;

function message(m, index) {
  const body = make("div", { class: m.to !== null || m.type !== null ? "text code" : "text" }, ...pieces(m.text, marksOf(index, "text")));
  const folded = m.tone === "reasoning" && m.to === null;
  const summary = make("summary", { class: "faint" }, `Reasoning, ${count(m.text.length, "character")}`);
  const title = make("h2", { id: `title-${index}` }, ...head(m, index));
  const notes = [];
  if (m.call !== null) notes.push(make("p", {}, link(m.call, `answers the call in message ${m.call + 1}`)));
  if (m.result !== null) notes.push(make("p", {}, link(m.result, `its result is message ${m.result + 1}`)));
  notes.push(...remarks(index));
  const fold = folded ? make("details", { class: "fold" }, summary, body) : body;
  if (folded) fold.open = unfolded;
  return make("article", { id: `message-${index}`, class: `${kind(m)} ${m.tone}`, "aria-labelledby": `title-${index}`, tabindex: "-1" },
    title, fold,
    m.tools.length ? table(m.tools) : null, ...notes);
}

function conversation(panel) {
  const folds = data.messages.some((m) => m.tone === "reasoning");
  if (folds) {
    const button = make("button", { id: "fold", "aria-pressed": "false" }, "Unfold all reasoning");
    button.addEventListener("click", () => {
      unfolded = !unfolded;
      button.setAttribute("aria-pressed", String(unfolded));
      for (const fold of panel.querySelectorAll(".fold")) fold.open = unfolded;
    });
    panel.append(make("p", {}, button));
  }
  const folded = (m) => m.tone === "reasoning" && m.to === null;
  const height = (m) => 90 + (folded(m) ? 0 : lines(m.text));
  chunks[0] = new Chunks(panel, data.messages.length, (index) => message(data.messages[index], index), (index) => height(data.messages[index]));
  if (data.rest) {
    const body = make("div", { class: "text code" }, ...pieces(data.rest, marksOf(data.messages.length, "text")));
    panel.append(make("article", { id: `message-${data.messages.length}`, tabindex: "-1", "aria-labelledby": "title-rest" },
      make("h2", { id: "title-rest" }, "What could not be read"), body, ...remarks(data.messages.length)));
  }
  if (!data.messages.length && !data.rest) panel.append(make("p", {}, "There are no messages."));
}

// --- tokens: the numbers of a message, each in bytes of seven bits, lowest first ---

const hex = (text) => Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function numbers(code) {
  const found = [], bytes = atob(code);
  for (let at = 0, value = 0, shift = 0; at < bytes.length; at += 1) {
    const byte = bytes.charCodeAt(at);
    value += (byte & 127) << shift;
    shift += 7;
    if (byte < 128) { found.push(value); value = 0; shift = 0; }
  }
  return found;
}

// Where in the transcript the tokens of each message begin, and the part that each token is of.
const sizeOf = (runs) => runs.reduce((sum, size, at) => sum + (at % 2 ? size : 0), 0);

function partAt(runs, index) {
  let at = 1;
  for (let left = index - runs[1]; left >= 0; left -= runs[at]) at += 2;
  return data.tokens.parts[runs[at - 1]];
}

// The findings of the tokens from one place of the transcript to another.
const foundIn = (from, to) => data.tokens.found.map(([begin, end], index) => ({ begin, end, index })).filter(({ begin, end }) => begin < to && end > from);

function reel(group, first) {
  const all = data.tokens, runs = all.runs[group], ranks = numbers(all.codes[group]);
  const special = new Set(all.special), found = foundIn(first, first + ranks.length);
  const box = make("div", { class: "reel", tabindex: "0", role: "group", "aria-label": "Tokens; use the arrow keys" });
  const more = make("button", {}, "Show more");
  let shown = 0;
  let here = -1;
  const says = (index) => found.filter(({ begin, end }) => begin <= first + index && first + index < end).map((finding) => data.findings[finding.index]);
  const say = (index) => {
    const rank = ranks[index], bytes = all.raw[rank] || hex(all.texts[rank]);
    const words = says(index).map((finding) => `, ${finding.severity}: ${finding.message}`).join("");
    byId("about").textContent = `id ${all.ids[rank]}, bytes ${bytes}, part: ${partAt(runs, index)}${words}`;
  };
  const go = (index) => {
    if (index < 0 || index >= shown) return;
    if (here >= 0) box.children[here].classList.remove("here");
    here = index;
    box.children[here].classList.add("here");
    box.children[here].scrollIntoView({ block: "nearest" });
    say(here);
  };
  const fill = () => {
    const next = Math.min(ranks.length, shown + MANY);
    for (; shown < next; shown += 1) {
      const rank = ranks[shown], part = partAt(runs, shown), worst = says(shown).map((finding) => finding.severity).sort()[0];
      const look = ["token", part !== "body" && special.has(rank) ? "special" : "", worst ? `found ${worst}` : ""];
      box.append(make("span", { class: look.filter(Boolean).join(" "), title: `${all.ids[rank]} (${part})`, "data-index": shown }, all.texts[rank]));
    }
    more.hidden = shown === ranks.length;
  };
  box.addEventListener("mouseover", (event) => { if (event.target.dataset.index) say(Number(event.target.dataset.index)); });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { event.preventDefault(); go(here + step); }
  });
  more.addEventListener("click", fill);
  fill();
  return [box, more];
}

function tokens(panel) {
  if (!data.tokens) {
    panel.append(make("p", {}, "The page was made without tokens."));
    return;
  }
  const sizes = data.tokens.runs.map(sizeOf), firsts = [];
  sizes.reduce((sum, size) => { firsts.push(sum); return sum + size; }, 0);
  const group = (index) => {
    const m = data.messages[index];
    const summary = make("summary", {}, ...(m ? head(m, index) : ["What could not be read"]), ` ${count(sizes[index], "token")}`);
    const fold = make("details", { class: `tokens ${m ? kind(m) : ""}` }, summary);
    fold.addEventListener("toggle", () => { if (fold.open && fold.children.length === 1) fold.append(...reel(index, firsts[index])); });
    fold.open = index < 3 || (findingsOf.has(index) && findingsOf.size < 20);
    return fold;
  };
  chunks[1] = new Chunks(panel, sizes.length, group, () => 56);
  panel.append(make("p", { id: "about", role: "status" }, "Point at a token, or focus a message and use the arrow keys."));
}

function tree(panel) {
  const fields = (m, index) => {
    const rows = [["header", m.header], ["role", m.role], ["name", m.name], ["channel", m.channel], ["recipient", m.to], ...Object.entries(m.extras),
      ["content type", m.type], ["body", count(m.text.length, "character")], ["ended by", m.end], ["place", m.place]];
    const part = { header: "header", "ended by": "end" };
    return rows.filter(([, value]) => value !== null && value !== "").flatMap(([name, value]) => [make("dt", {}, name),
      make("dd", { class: part[name] ? "raw" : "" }, ...stretch(value, 0, value.length, part[name] ? marksOf(index, part[name]) : []))]);
  };
  const section = (m, index) => make("section", { class: `tree ${kind(m)}`, "aria-label": `Message ${index + 1}` },
    make("h2", {}, ...head(m, index)), make("dl", {}, ...fields(m, index)));
  chunks[2] = new Chunks(panel, data.messages.length, (index) => section(data.messages[index], index), () => 290);
}

const TABS = [conversation, tokens, tree];
const filled = new Set();

function select(index, focus) {
  TABS.forEach((fill, number) => {
    const tab = byId(`tab-${number}`), panel = byId(`panel-${number}`), chosen = number === index;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    panel.hidden = !chosen;
    if (chosen && !filled.has(number)) { filled.add(number); fill(panel); }
    if (chosen && focus) tab.focus();
  });
}

function jump(id, index, tab) {
  select(tab, false);
  if (index < data.messages.length) chunks[tab].with(index);
  const node = byId(id);
  if (!node) return;
  for (let up = node.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  node.scrollIntoView({ block: "center", behavior: "instant" });
  node.scrollIntoView({ block: "center", behavior: "instant" }); // what it passed has its height now
  node.focus({ preventScroll: true });
}

// The place of a finding: in the text, or in the header, which another tab shows.
function place(finding, index) {
  const last = data.messages.length - (data.rest ? 0 : 1);
  if (finding.part) jump(`mark-${index}`, finding.where, finding.part === "text" ? 0 : 2);
  else jump(`message-${Math.min(finding.where, last)}`, finding.where, 0);
}

function finding({ found, index }, at, all) {
  const words = [...remark(found), " ", make("span", { class: "faint" }, `[${found.code}] ${found.place}`)];
  const button = make("button", {}, ...words);
  button.addEventListener("click", () => place(found, index));
  const told = at > 0 && all[at - 1].found.hint === found.hint;
  return make("li", {}, button, found.hint && !told ? make("p", { class: "faint" }, "hint: ", ...spoken(found.hint)) : null);
}

function findings() {
  const number = data.findings.length, list = byId("findings"), all = byId("all");
  // Errors first: they say why the reading ended.
  const ordered = data.findings.map((found, index) => ({ found, index })).sort((a, b) => (b.found.severity === "error") - (a.found.severity === "error"));
  const items = (from, to) => ordered.slice(from, to).map(finding);
  byId("list").hidden = number === 0;
  byId("list-title").textContent = count(number, "finding");
  list.append(...items(0, FIRST));
  all.hidden = number <= FIRST;
  all.textContent = `Show all ${number.toLocaleString("en")}`;
  all.addEventListener("click", () => {
    list.append(...items(FIRST));
    all.hidden = true;
    list.children[FIRST].firstChild.focus();
  });
}

byId("title").textContent = data.title;
byId("summary").textContent = `${data.status}, read as a ${data.start}: ${count(data.messages.length, "message")}`;
TABS.forEach((_, index) => byId(`tab-${index}`).addEventListener("click", () => select(index, false)));
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const now = TABS.findIndex((_, index) => byId(`tab-${index}`).getAttribute("aria-selected") === "true");
  const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: TABS.length - 1 }[event.key];
  if (next !== undefined) { event.preventDefault(); select((next + TABS.length) % TABS.length, true); }
});
window.addEventListener("beforeprint", () => {
  for (const many of chunks) if (many) many.all();
  for (const fold of document.querySelectorAll(".fold")) fold.open = true;
});
select(0, false);
findings();
