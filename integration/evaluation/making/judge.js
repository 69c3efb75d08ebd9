// Texts of queries and documents are only ever set as textContent, so none of them becomes markup.
"use strict";

const byId = (id) => document.getElementById(id);
const show = (id) => {
  for (const part of ["start", "task", "done"]) byId(part).hidden = part !== id;
};

let judge = "";
let languages = [];
let tasks = [];
let at = -1;
let seen = [];
let current = null;
let busy = false;

async function ask(path, options) {
  let answer, content;
  try {
    answer = await fetch(path, options);
    content = await answer.json();
  } catch {
    throw new Error("No answer. Is the command still running? Nothing was recorded for this page.");
  }
  if (!answer.ok) throw new Error(content.error || answer.statusText);
  return content;
}

const query = (more) => new URLSearchParams({ languages: languages.join(","), ...more }).toString();

// One thing at a time: a key that is held down must not judge documents nobody has seen.
async function alone(act) {
  if (busy) return;
  busy = true;
  try {
    await act();
    byId("problem").hidden = true;
  } catch (error) {
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
  } finally {
    busy = false;
  }
}

async function begin() {
  tasks = (await ask("api/progress?" + query({ judge }))).tasks;
  seen = [];
  at = -1;
  await next();
}

async function next() {
  if (at >= 0) seen.push(at);
  const after = tasks.indexOf("open", at + 1);
  const open = after >= 0 ? after : tasks.indexOf("open");
  if (open >= 0) return visit(open);
  at = -1;
  const skipped = tasks.filter((state) => state === "skipped").length;
  byId("summary").textContent = tasks.length
    ? `${tasks.length} candidates, ${skipped} of them skipped. You can close this page.`
    : "There is no candidate whose query and document are both in your languages.";
  show("done");
}

async function back() {
  const last = seen.length ? seen.pop() : (at < 0 ? tasks.length : at) - 1;
  if (last >= 0) await visit(last);
}

async function skipped() {
  tasks = tasks.map((state) => (state === "skipped" ? "open" : state));
  seen = [];
  await next();
}

async function visit(number) {
  current = await ask("api/task?" + query({ at: number }));
  at = number;
  fill("query-text", current.query.text, current.query);
  fill("document-title", current.document.title, current.document);
  fill("document-text", current.document.text, current.document);
  byId("query-language").textContent = current.query.language;
  byId("document-language").textContent = current.document.language;
  const judged = tasks.filter((state) => state !== "open").length;
  byId("bar").max = tasks.length;
  byId("bar").value = judged;
  byId("count").textContent = `${judged} of ${tasks.length} judged`;
  byId("who").textContent = judge;
  const state = tasks[number];
  byId("given").textContent = state === "open" ? "" : "You judged this before; a key changes it.";
  for (const button of document.querySelectorAll("[data-grade]")) {
    const own = button.dataset.grade === "skip" ? "skipped" : Number(button.dataset.grade);
    button.classList.toggle("chosen", own === state);
  }
  show("task");
  window.scrollTo(0, 0);
}

function fill(id, text, place) {
  const element = byId(id);
  element.textContent = text;
  element.lang = place.lang;
  element.dir = place.dir;
}

async function decide(grade) {
  const decision = { judge, query: current.query.id, document: current.document.id, grade };
  await ask("api/decisions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(decision),
  });
  tasks[at] = grade === null ? "skipped" : grade;
  await next();
}

const keys = {
  2: () => decide(2), r: () => decide(2),
  1: () => decide(1), p: () => decide(1),
  0: () => decide(0), n: () => decide(0),
  s: () => decide(null),
};

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !byId("start").hidden) return;
  const key = event.key.toLowerCase();
  if (key === "b" || key === "arrowleft") alone(back);
  else if (keys[key] && !byId("task").hidden) alone(keys[key]);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.go) alone(button.dataset.go === "back" ? back : skipped);
  if (button.dataset.grade) {
    const grade = button.dataset.grade;
    alone(() => decide(grade === "skip" ? null : Number(grade)));
    button.blur();
  }
});

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  judge = byId("name").value.trim();
  languages = [...document.querySelectorAll("#languages input:checked")].map((box) => box.value);
  // In the address, so that a reload or a bookmark goes on where the judge stopped.
  history.replaceState(null, "", "?" + query({ judge }));
  alone(begin);
});

alone(async () => {
  const start = await ask("api/start");
  const given = new URLSearchParams(location.search);
  byId("set").textContent = start.set;
  document.title = "Judging " + start.set;
  judge = start.judge || given.get("judge") || "";
  byId("name").value = judge;
  byId("name").readOnly = Boolean(start.judge);
  languages = (given.get("languages") || "").split(",").filter(Boolean);
  for (const language of start.languages) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = language.code;
    box.checked = !languages.length || languages.includes(language.code);
    const label = document.createElement("label");
    label.append(box, ` ${language.name}`);
    byId("languages").append(label);
  }
  show("start");
  if (judge && given.has("languages")) await begin();
});
