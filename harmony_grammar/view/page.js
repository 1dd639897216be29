"use strict";
// Everything from the transcript goes into text nodes; nothing is ever read as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const LONG = 20000, MANY = 2000;
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

// A text in pieces, each of which is laid out when it is seen, with marks around what findings say.
function pieces(text, marks) {
  const cuts = [];
  let at = 0;
  for (const { begin, end, index } of marks) {
    if (begin < at) continue;
    cuts.push([at, begin, null], [begin, end, index]);
    at = end;
  }
  cuts.push([at, text.length, null]);
  const nodes = [];
  for (const [begin, end, index] of cuts) {
    if (index !== null) {
      const shown = text.slice(begin, end) || "\u2038";
      nodes.push(make("mark", { id: `mark-${index}`, tabindex: "-1", title: data.findings[index].message }, shown));
      continue;
    }
    for (let from = begin; from < end; from += LONG) {
      nodes.push(make("span", {}, text.slice(from, Math.min(end, from + LONG))));
    }
  }
  return nodes;
}

// The findings of each message, with their numbers.
const findingsOf = new Map();
data.findings.forEach((finding, index) => {
  if (!findingsOf.has(finding.where)) findingsOf.set(finding.where, []);
  findingsOf.get(finding.where).push({ ...finding, index });
});

function marksOf(index) {
  return (findingsOf.get(index) || [])
    .filter((finding) => finding.mark !== null)
    .map((finding) => ({ begin: finding.mark[0], end: finding.mark[1], index: finding.index }))
    .sort((a, b) => a.begin - b.begin);
}

function table(tools) {
  const row = (cell, words) => make("tr", {}, ...words.map((word) => make(cell, cell === "th" ? { scope: "col" } : {}, word)));
  const rows = tools.map((tool) => row("td", [make("code", {}, tool.name), tool.about, make("code", {}, tool.takes)]));
  const whole = make("table", {}, make("caption", { class: "faint" }, "The tools that it declares"),
    make("thead", {}, row("th", ["tool", "what it does", "what it takes"])), make("tbody", {}, ...rows));
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Tools" }, whole);
}

function link(index, words) {
  const node = make("a", { href: `#message-${index}` }, words);
  node.addEventListener("click", (event) => { event.preventDefault(); jump(`message-${index}`); });
  return node;
}

function message(m, index) {
  const body = make("div", { class: m.to !== null || m.type !== null ? "text code" : "text" }, ...pieces(m.text, marksOf(index)));
  const folded = m.tone === "reasoning" && m.to === null;
  const summary = make("summary", { class: "faint" }, `Reasoning, ${count(m.text.length, "character")}`);
  const title = make("h2", { id: `title-${index}` }, ...head(m, index));
  const notes = [];
  if (m.call !== null) notes.push(link(m.call, `answers the call in message ${m.call + 1}`));
  if (m.result !== null) notes.push(link(m.result, `its result is message ${m.result + 1}`));
  for (const finding of findingsOf.get(index) || []) {
    notes.push(make("span", { class: finding.severity }, `${finding.severity}: ${finding.message}`));
  }
  return make("article", { id: `message-${index}`, class: `${kind(m)} ${m.tone}`, "aria-labelledby": `title-${index}`, tabindex: "-1" },
    title, folded ? make("details", { class: "fold" }, summary, body) : body,
    m.tools.length ? table(m.tools) : null, ...notes.map((note) => make("p", {}, note)));
}

function conversation(panel) {
  const folds = data.messages.some((m) => m.tone === "reasoning");
  if (folds) {
    const button = make("button", { id: "fold", "aria-pressed": "false" }, "Unfold all reasoning");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", String(open));
      for (const fold of panel.querySelectorAll(".fold")) fold.open = open;
    });
    panel.append(make("p", {}, button));
  }
  panel.append(...data.messages.map(message));
  if (data.rest) {
    const body = make("div", { class: "text code" }, ...pieces(data.rest, marksOf(data.messages.length)));
    panel.append(make("article", { id: `message-${data.messages.length}`, tabindex: "-1", "aria-labelledby": "title-rest" },
      make("h2", { id: "title-rest" }, "What could not be read"), body));
  }
  if (!data.messages.length && !data.rest) panel.append(make("p", {}, "There are no messages."));
}

const hex = (text) => Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function reel(group) {
  const box = make("div", { class: "reel", tabindex: "0", role: "group", "aria-label": "Tokens; use the arrow keys" });
  const parts = group.parts.flatMap(([name, times]) => Array(times).fill(name));
  const more = make("button", {}, "Show more");
  let shown = 0;
  let here = -1;
  const say = (index) => {
    const bytes = group.raw[index] || hex(group.texts[index]);
    byId("about").textContent = `id ${group.ids[index]}, bytes ${bytes}, part: ${parts[index]}`;
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
    const next = Math.min(group.ids.length, shown + MANY);
    for (; shown < next; shown += 1) {
      const special = parts[shown] !== "body" && group.special.includes(group.ids[shown]);
      box.append(make("span", { class: special ? "token special" : "token", title: `${group.ids[shown]} (${parts[shown]})`, "data-index": shown }, group.texts[shown]));
    }
    more.hidden = shown === group.ids.length;
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
  data.tokens.forEach((group, index) => {
    const m = data.messages[index];
    const summary = make("summary", {}, ...(m ? head(m, index) : ["What could not be read"]), ` ${count(group.ids.length, "token")}`);
    const fold = make("details", { class: `tokens ${m ? kind(m) : ""}` }, summary);
    const open = () => { if (fold.open && fold.children.length === 1) fold.append(...reel(group)); };
    fold.addEventListener("toggle", open);
    if (index < 3) fold.open = true;
    panel.append(fold);
  });
  panel.append(make("p", { id: "about", role: "status" }, "Point at a token, or focus a message and use the arrow keys."));
}

function tree(panel) {
  data.messages.forEach((m, index) => {
    const rows = [["header", m.header], ["role", m.role], ["name", m.name], ["channel", m.channel], ["recipient", m.to],
      ["content type", m.type], ["body", count(m.text.length, "character")], ["ended by", m.end], ["place", m.place]];
    const fields = rows.filter(([, value]) => value !== null && value !== "")
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", { class: name === "header" ? "raw" : "" }, value)]);
    panel.append(make("section", { class: `tree ${kind(m)}`, "aria-label": `Message ${index + 1}` }, make("h2", {}, ...head(m, index)), make("dl", {}, ...fields)));
  });
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

function jump(id) {
  select(0, false);
  const node = byId(id);
  if (!node) return;
  for (let up = node.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  node.scrollIntoView({ block: "center" });
  node.focus({ preventScroll: true });
}

function findings() {
  byId("list").hidden = data.findings.length === 0;
  byId("list-title").textContent = count(data.findings.length, "finding");
  data.findings.forEach((finding, index) => {
    const words = [make("span", { class: finding.severity }, `${finding.severity}: `), `${finding.message} `, make("span", { class: "faint" }, `[${finding.code}] ${finding.place}`)];
    const button = make("button", {}, ...words);
    button.addEventListener("click", () => {
      select(0, false);
      jump(byId(`mark-${index}`) ? `mark-${index}` : `message-${Math.min(finding.where, data.messages.length - (data.rest ? 0 : 1))}`);
    });
    byId("findings").append(make("li", {}, button, finding.hint ? make("p", { class: "faint" }, `hint: ${finding.hint}`) : null));
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
window.addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll(".fold")) fold.open = true; });
select(0, false);
findings();
