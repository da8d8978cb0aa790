/** The site's colour made readable: WCAG 2.2 contrast decides what is written on it and how it is written itself. */

type Rgb = [red: number, green: number, blue: number];

const parse = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Rgb;
const format = (rgb: Rgb) => `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;

function luminance(rgb: Rgb): number {
  const [r = 0, g = 0, b = 0] = rgb.map((part) => {
    const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(parse(a)), luminance(parse(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** Black or white, whichever is easier to read on `color`: one of them always has at least 4.5 : 1. */
export const textOn = (color: string): string =>
  contrast(color, "#ffffff") >= 4.5 || contrast(color, "#ffffff") >= contrast(color, "#101114") ? "#ffffff" : "#101114";

/** `color`, moved towards black or white until it has 4.5 : 1 against `background`. */
export function readableOn(color: string, background: string): string {
  const target = luminance(parse(background)) > 0.4 ? 0 : 255;
  const start = parse(color);
  for (let step = 0; step < 20; step++) {
    const mixed = format(start.map((part) => part + ((target - part) * step) / 20) as Rgb);
    if (contrast(mixed, background) >= 4.5) return mixed;
  }
  return target === 0 ? "#000000" : "#ffffff";
}
