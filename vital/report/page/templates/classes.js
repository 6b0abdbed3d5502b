// The rows of classes: which are shown, and in what order.

function setUpComparison() {
  const form = document.querySelector("#classes .toolbar");
  if (!form) return;
  const grid = document.querySelector(".comparison");
  const wanted = form.querySelector("#wanted");
  const sortedBy = form.querySelector("#sorted-by");
  const misreadBy = form.querySelector("#misread-by");
  const direction = form.querySelector(".direction");
  const isDescending = () => direction.getAttribute("aria-pressed") === "true";
  const rows = [...grid.querySelectorAll(".row")].map((element, place) => ({
    element,
    place,
    name: element.dataset.name,
    folded: fold(element.dataset.name),
    values: element.dataset.values.split(",").map((value) => (value === "" ? NaN : Number(value))),
    misread: element.dataset.misread.split(" ").filter(Boolean),
  }));

  const applyFilter = () => {
    const part = fold(wanted.value.trim());
    const method = misreadBy.value;
    let left = 0;
    for (const row of rows) {
      const isMisread = method === "any" ? row.misread.length > 0 : row.misread.includes(method);
      const isShown = row.folded.includes(part) && (method === "" || isMisread);
      row.element.hidden = !isShown;
      left += isShown;
    }
    form.querySelector("output").value = part || method ? `${left} of ${rows.length} classes` : "";
  };

  const names = new Intl.Collator(undefined, { numeric: true });
  const compare = (key, sign) => (a, b) => {
    if (key === "unit") return sign * (a.place - b.place);
    if (key === "name") return sign * names.compare(a.name, b.name) || a.place - b.place;
    const [first, second] = [a.values[key], b.values[key]];
    if (Number.isNaN(first) || Number.isNaN(second)) return Number.isNaN(first) - Number.isNaN(second) || a.place - b.place;
    return sign * (first - second) || a.place - b.place;
  };
  const applySort = () => {
    const sorted = [...rows].sort(compare(sortedBy.value, isDescending() ? -1 : 1));
    grid.append(...sorted.map((row) => row.element));
    for (const head of grid.querySelectorAll("[data-sort]")) {
      const isSorted = head.dataset.sort === sortedBy.value;
      const order = isDescending() ? "descending" : "ascending";
      head.parentElement.setAttribute("aria-sort", isSorted ? order : "none");
    }
  };
  const setDirection = (isDown) => direction.setAttribute("aria-pressed", String(isDown));

  wanted.addEventListener("input", applyFilter);
  misreadBy.addEventListener("change", applyFilter);
  sortedBy.addEventListener("change", applySort);
  direction.addEventListener("click", () => {
    setDirection(!isDescending());
    applySort();
  });
  grid.addEventListener("click", (event) => {
    const key = event.target.closest("[data-sort]")?.dataset.sort;
    if (key === undefined) return;
    setDirection(key === sortedBy.value ? !isDescending() : key !== "name");
    sortedBy.value = key;
    applySort();
  });
  form.reset(); // browsers keep what was chosen before the page was loaded again
  form.hidden = false;
}
