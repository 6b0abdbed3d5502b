// The filter of inner units: cards whose name or reasons hold what was typed.

function setUpUnitFilter() {
  const wanted = document.querySelector("#wanted-unit");
  if (!wanted) return;
  const cards = [...document.querySelectorAll("#units .card")];
  const names = cards.map((card) => fold(card.dataset.name));
  wanted.addEventListener("input", () => {
    const part = fold(wanted.value.trim());
    cards.forEach((card, i) => (card.hidden = !names[i].includes(part)));
    const left = cards.filter((card) => !card.hidden).length;
    wanted.form.querySelector("output").value = part ? `${left} of ${cards.length} units` : "";
  });
}
