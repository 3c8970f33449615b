// Search, filter, sort and save the worklist. Everything is in the page; nothing is requested from a server.
(() => {
  const table = document.getElementById("worklist");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).filter((row) => row.dataset.ids);
  const details = new Map(rows.map((row) => [row, row.nextElementSibling]));
  const opened = new Set();
  const perPage = rows.filter((row) => !row.hidden).length;
  const texts = new Map();
  let inOrder = rows;
  let found = rows;
  let page = 0;
  const headers = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById("search");
  const filters = Array.from(document.querySelectorAll("[data-filter]"));
  const count = document.getElementById("count");
  const inDollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

  const cents = (row) => Number((row.dataset.amount || "0").replace(".", ""));
  const passes = (row, filter) => !filter.value || row.dataset[filter.dataset.filter].split(" ").includes(filter.value);

  function text(row) {
    if (!texts.has(row)) texts.set(row, `${row.textContent} ${details.get(row).textContent} ${row.dataset.ids}`.toLowerCase());
    return texts.get(row);
  }

  function find() {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = filters.filter((filter) => filter.value);
    found = inOrder.filter((row) => chosen.every((filter) => passes(row, filter)) && wanted.every((word) => text(row).includes(word)));
    const sum = inDollars.format(found.reduce((total, row) => total + cents(row), 0) / 100);
    count.textContent = `${found.length} of ${rows.length} lines shown, ${sum} at risk`;
    turnTo(0);
  }

  // The explanation of a line is a row of its own below it, in the document while it is open.
  function show(row) {
    const cell = row.lastElementChild;
    const button = cell.querySelector("button") ?? document.createElement("button");
    if (!button.parentNode) {
      button.type = "button";
      button.textContent = cell.textContent;
      button.addEventListener("click", () => open(row, !opened.has(row)));
      cell.replaceChildren(button);
    }
    row.hidden = details.get(row).hidden = false;
    button.setAttribute("aria-expanded", opened.has(row));
    if (opened.has(row)) row.after(details.get(row));
    else details.get(row).remove();
  }

  function open(row, isWanted) {
    if (isWanted) opened.add(row);
    else opened.delete(row);
    show(row);
  }

  // Only the rows of one page are in the document, so that it opens and sorts at once.
  function turnTo(number) {
    const pages = Math.max(1, Math.ceil(found.length / perPage));
    page = Math.min(Math.max(number, 0), pages - 1);
    const shown = found.slice(page * perPage, (page + 1) * perPage);
    body.replaceChildren(...shown);
    for (const row of shown) show(row);
    document.getElementById("page").textContent = `Page ${page + 1} of ${pages}`;
    document.getElementById("before").disabled = page === 0;
    document.getElementById("after").disabled = page === pages - 1;
    document.getElementById("pages").hidden = pages === 1;
  }

  function sort(header) {
    const down = header.getAttribute("aria-sort") ? header.getAttribute("aria-sort") === "ascending" : header.dataset.kind === "amount";
    const isNumber = header.dataset.kind !== "text";
    const keyed = rows.map((row, place) => {
      const value = row.cells[header.cellIndex].dataset.value;
      return { row, place, isEmpty: value === "", key: isNumber ? Number(value) : value };
    });
    const ascending = (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    keyed.sort((a, b) => a.isEmpty - b.isEmpty || (a.isEmpty ? 0 : down ? ascending(b, a) : ascending(a, b)) || a.place - b.place);
    inOrder = keyed.map((each) => each.row);
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    find();
  }

  // A cell that a spreadsheet would take for a formula begins with an apostrophe, as in the results.
  const field = (value) => `"${(/^[=+\-@\t\r]/.test(value) ? "'" : "") + value.replaceAll('"', '""')}"`;
  const explanation = (row) => Array.from(details.get(row).querySelectorAll(".finding"), shownText).join(" ");
  const shownText = (cell) => cell.textContent.replace(/\s+/g, " ").trim();

  function save() {
    const titles = [...headers.map(shownText), "Explanation", "Exception ids"];
    const lines = found.map((row) => {
      const value = (cell, i) => (headers[i].dataset.kind === "amount" ? cell.dataset.value : shownText(cell));
      return [...Array.from(row.cells, value), explanation(row), row.dataset.ids];
    });
    const content = [titles, ...lines].map((line) => line.map(field).join(",") + "\r\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", content], { type: "text/csv" }));
    link.download = "worklist-shown.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  for (const button of table.querySelectorAll("th button")) button.addEventListener("click", () => sort(button.closest("th")));
  search.addEventListener("input", find);
  for (const filter of filters) filter.addEventListener("change", find);
  const turn = (by) => () => { turnTo(page + by); table.scrollIntoView(); };
  document.getElementById("before").addEventListener("click", turn(-1));
  document.getElementById("after").addEventListener("click", turn(1));
  const explain = document.getElementById("explain");
  explain.addEventListener("click", () => {
    const isWanted = explain.getAttribute("aria-pressed") === "false";
    explain.setAttribute("aria-pressed", isWanted);
    for (const row of rows) if (isWanted) opened.add(row);
    else opened.delete(row);
    for (const row of Array.from(body.rows)) if (row.dataset.ids) show(row);
  });
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("tools").hidden = false;
  find();
})();
