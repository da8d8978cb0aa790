/** Where a conversation's object is made: near the client that calls it first, wherever the Worker happens to run. */

/** `cf` is what Cloudflare says of a request. The hint for `getByName`, which counts only for an object that is not there yet. Degrees divide the wide continents. */
export function locationHint(cf: object | undefined): DurableObjectLocationHint | undefined {
  const { continent, longitude }: { continent?: unknown; longitude?: unknown } = cf ?? {};
  const east = typeof longitude === "string" ? Number(longitude) : Number.NaN;
  switch (continent) {
    case "NA":
      return east < -100 ? "wnam" : "enam";
    case "SA":
      return "sam";
    case "EU":
      return east > 15 ? "eeur" : "weur";
    case "AS":
      return east < 60 ? "me" : "apac";
    case "OC":
      return "oc";
    case "AF":
      return "afr";
    default:
      return undefined;
  }
}
