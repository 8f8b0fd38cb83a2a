// Node's `querystring`.
(function () {
  const escape = (text) => encodeURIComponent(text);
  const unescape = (text) => {
    try { return decodeURIComponent(text); } catch { return text; }
  };
  const stringify = (object, separator = '&', equals = '=') =>
    Object.entries(object ?? {}).flatMap(([key, value]) => [value].flat().map((one) =>
      `${escape(key)}${equals}${escape(['string', 'number', 'boolean', 'bigint'].includes(typeof one) ? one : '')}`)).join(separator);
  const parse = (text, separator = '&', equals = '=') => {
    const object = Object.create(null);
    for (const pair of String(text).split(separator)) {
      if (!pair) continue;
      const at = pair.indexOf(equals);
      const [key, value] = (at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + equals.length)])
        .map((part) => unescape(part.replace(/\+/g, ' ')));
      object[key] = key in object ? [object[key], value].flat() : value;
    }
    return object;
  };
  return { stringify, parse, escape, unescape, encode: stringify, decode: parse };
})
