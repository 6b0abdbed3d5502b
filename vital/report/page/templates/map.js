// The map of features. Points lie on a canvas that is drawn once; a class that is pointed at is
// drawn on a second one above it.

const MARKERS = [
  "M0-.5a.5.5 0 1 0 0 1a.5.5 0 1 0 0-1z",
  "M0-1L1 0L0 1L-1 0z",
  "M0-.9a.9.9 0 1 0 0 1.8a.9.9 0 1 0 0-1.8z",
  "M-.8-.8H.8V.8H-.8z",
  "M-.35-1H.35V-.35H1V.35H.35V1H-.35V.35H-1V-.35H-.35z",
  "M0-1L1 .8H-1z",
  "M-1-.8H1L0 1z",
];
const MARKER_SIZE = 6;
const REACH = 14;
const POINTS_AT_ONCE = 1000;

function markerOf(kind) {
  return MARKERS[kind && ((kind - 1) % (MARKERS.length - 1)) + 1];
}

/** Places in [0, 1]: of each point, whatever the range of its coordinates. */
function readPoints(data) {
  const along = (axis) => {
    const values = data.points.map((point) => point[axis]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    return values.map((value) => (value - low) / (high - low || 1));
  };
  const [across, up] = [along(0), along(1)];
  return data.points.map(([, , kind, place, url], i) => {
    const [unit, name, colour] = data.classes[place];
    return { x: across[i], y: 1 - up[i], kind, unit, name, colour, url };
  });
}

class FeatureMap {
  constructor(plot, data) {
    this.plot = plot;
    this.kinds = data.kinds;
    this.points = readPoints(data);
    this.shown = new Set(data.kinds.keys());
    this.paths = data.kinds.map((_, kind) => new Path2D(markerOf(kind)));
    this.box = plot.querySelector(".canvases");
    this.all = plot.querySelector(".all");
    this.overlay = plot.querySelector(".chosen");
    this.chosen = null;
    this.addKinds();
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  addKinds() {
    const list = this.plot.querySelector(".kinds");
    this.kinds.forEach((name, kind) => {
      const label = document.createElement("label");
      label.innerHTML = `<input type="checkbox" checked><svg viewBox="-1.3 -1.3 2.6 2.6" stroke-width="0.2" aria-hidden="true"><path d="${markerOf(kind)}"/></svg>`;
      label.append(name);
      label.firstChild.addEventListener("change", (event) => {
        if (event.target.checked) this.shown.add(kind);
        else this.shown.delete(kind);
        this.choose(null);
        this.draw();
      });
      list.append(label);
    });
  }

  listen() {
    this.all.addEventListener("pointermove", (event) => {
      const box = this.all.getBoundingClientRect();
      this.choose(this.nearest(event.clientX - box.left, event.clientY - box.top));
    });
    this.all.addEventListener("pointerleave", () => this.choose(null));
    this.all.addEventListener("blur", () => this.choose(null));
    this.all.addEventListener("click", () => this.open());
    this.all.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.open();
      if (!event.key.startsWith("Arrow")) return;
      event.preventDefault();
      this.choose(this.towards(event.key) ?? this.chosen);
    });
  }

  /** A point's place on the canvas, in CSS pixels. */
  place(point) {
    const edge = 2 * MARKER_SIZE;
    return [edge + point.x * (this.width - 2 * edge), edge + point.y * (this.height - 2 * edge)];
  }

  /** Draw all points, some in each frame, so that the page answers meanwhile. */
  draw() {
    this.width = this.box.clientWidth;
    this.height = this.box.clientHeight;
    const context = this.blank(this.all);
    this.blank(this.overlay);
    const drawing = (this.drawing = Symbol());
    const goOn = (start) => {
      if (drawing !== this.drawing || start >= this.points.length) return;
      this.drawPoints(context, this.points.slice(start, start + POINTS_AT_ONCE));
      requestAnimationFrame(() => goOn(start + POINTS_AT_ONCE));
    };
    goOn(0);
  }

  blank(canvas) {
    canvas.width = Math.round(this.width * devicePixelRatio);
    canvas.height = Math.round(this.height * devicePixelRatio);
    return canvas.getContext("2d");
  }

  drawPoints(context, points) {
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const scale = devicePixelRatio;
    for (const point of points) {
      if (!this.shown.has(point.kind)) continue;
      const [x, y] = this.place(point);
      const size = point === this.chosen ? 1.6 * MARKER_SIZE : MARKER_SIZE;
      context.setTransform(scale * size, 0, 0, scale * size, scale * x, scale * y);
      context.globalAlpha = point.kind ? 1 : isDark ? 0.6 : 0.42;
      context.fillStyle = point.colour;
      context.fill(this.paths[point.kind]);
      if (!point.kind && point !== this.chosen) continue;
      context.lineWidth = 1.1 / size;
      context.strokeStyle = ink;
      context.stroke(this.paths[point.kind]);
    }
  }

  /** The shown point that is nearest to a place and within reach; markers go before dots. */
  nearest(x, y) {
    let [best, least] = [null, REACH];
    for (const point of this.points) {
      if (!this.shown.has(point.kind)) continue;
      const [left, top] = this.place(point);
      const distance = Math.hypot(left - x, top - y) + (point.kind ? 0 : 3);
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  /** The nearest shown point in the direction of an arrow key. */
  towards(key) {
    const shown = this.points.filter((point) => this.shown.has(point.kind));
    if (!this.chosen) return shown.at(-1);
    const [x, y] = this.place(this.chosen);
    const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    let [best, least] = [null, Infinity];
    for (const point of shown) {
      const [left, top] = this.place(point);
      const ahead = (left - x) * across + (top - y) * down;
      const aside = Math.abs((left - x) * down) + Math.abs((top - y) * across);
      const cost = ahead + 2 * aside;
      if (ahead > 0.5 && aside <= ahead && cost < least) [best, least] = [point, cost];
    }
    return best;
  }

  choose(point) {
    if (point === this.chosen) return;
    this.chosen = point;
    this.box.classList.toggle("has-chosen", point !== null);
    this.box.classList.toggle("on-point", point !== null);
    const kin = point ? this.points.filter((one) => one.unit === point.unit && one !== point) : [];
    this.drawPoints(this.blank(this.overlay), point ? [...kin, point] : []);
    const words = point ? `${point.name}: ${this.kinds[point.kind]}` : "";
    this.plot.querySelector("[role=status]").textContent = words;
    if (!point) return hidePreview();
    const box = this.all.getBoundingClientRect();
    const [x, y] = this.place(point);
    const edge = 2 * MARKER_SIZE;
    showPreview(point.url, words, new DOMRect(box.left + x - edge, box.top + y - edge, 2 * edge, 2 * edge));
  }

  open() {
    if (!this.chosen) return;
    location.hash = `#class-${this.chosen.unit}`;
    this.choose(null);
  }
}

function setUpMap() {
  const content = document.querySelector("#map-data");
  if (!content) return;
  document.querySelector("#map .still").hidden = true;
  const plot = document.querySelector("#map .plot");
  const near = new IntersectionObserver(([seen]) => {
    if (!seen.isIntersecting) return;
    near.disconnect();
    new FeatureMap(plot, JSON.parse(content.textContent));
  }, { rootMargin: "400px" });
  near.observe(plot);
}
