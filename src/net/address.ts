/** Whose address an IP address is: of IPv6 one customer has at least a /64, and changes the rest at will (RFC 4291). */

/** An IPv4 address as it is; of an IPv6 address its first four groups. What is neither stays as it is. */
export function networkOf(ip: string): string {
  if (!ip.includes(":")) return ip;
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(ip);
  if (mapped?.[1]) return mapped[1];
  try {
    // The URL parser knows every spelling, and leaves the shortest one.
    const host = new URL(`http://[${ip.split("%", 1)[0]}]/`).hostname.slice(1, -1);
    const [head = "", tail] = host.split("::");
    const groups = (part: string) => (part === "" ? [] : part.split(":"));
    const behind = groups(tail ?? "");
    const zeros = tail === undefined ? 0 : 8 - groups(head).length - behind.length;
    const all = [...groups(head), ...Array.from({ length: zeros }, () => "0"), ...behind];
    return `${all.slice(0, 4).join(":")}::/64`;
  } catch {
    return ip;
  }
}
