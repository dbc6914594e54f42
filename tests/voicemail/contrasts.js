// The contrast of each kind of text with what is behind it: WCAG 2.2, "contrast ratio".
() => {
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((of255) => {
      const part = of255 / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const canvas = () => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "Canvas";
    const color = numbers(getComputedStyle(probe).backgroundColor);
    probe.remove();
    return color;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length === 3) return color;
    }
    return canvas();
  };
  const found = {};
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own) continue;
    const [a, b] = [numbers(getComputedStyle(element).color).slice(0, 3), behind(element)].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.localName;
    found[name] = Math.min(found[name] ?? 99, ratio);
  }
  return found;
}
