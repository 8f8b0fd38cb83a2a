// Node's `util`: what `console` prints with, and the helpers that code uses.
(function ({ load }) {
  const quote = (text) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`;
  const keyText = (key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key));

  function inspect(value, { depth = 4 } = {}) {
    const above = [];
    const show = (value, left) => {
      if (typeof value === 'string') return quote(value);
      if (typeof value === 'bigint') return `${value}n`;
      if (typeof value === 'function') return `[Function: ${value.name || '(anonymous)'}]`;
      if (typeof value === 'symbol') return value.toString();
      if (Object.is(value, -0)) return '-0';
      if (typeof value !== 'object' || value === null) return String(value);
      if (above.includes(value)) return '[Circular *1]';
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
      if (value instanceof RegExp) return String(value);
      if (value instanceof Error) return value.stack ? `${value.name}: ${value.message}\n${value.stack}`.trimEnd() : String(value);
      const name = value.constructor?.name ?? '[Object: null prototype]';
      if (left < 0) return Array.isArray(value) ? '[Array]' : `[${name}]`;
      above.push(value);
      const member = ([key, one]) => `${keyText(key)}: ${show(one, left - 1)}`;
      let parts;
      let [before, after] = ['{', '}'];
      if (Array.isArray(value) || ArrayBuffer.isView(value)) {
        [before, after] = [Array.isArray(value) ? '[' : `${name}(${value.length}) [`, ']'];
        parts = Array.from(value).slice(0, 100).map((one) => show(one, left - 1));
        if (value.length > 100) parts.push(`... ${value.length - 100} more items`);
      } else if (value instanceof Map) {
        before = `Map(${value.size}) {`;
        parts = [...value].map(([key, one]) => `${show(key, left - 1)} => ${show(one, left - 1)}`);
      } else if (value instanceof Set) {
        before = `Set(${value.size}) {`;
        parts = [...value].map((one) => show(one, left - 1));
      } else if (value instanceof Promise) {
        [before, parts] = ['Promise {', ['<pending>']];
      } else {
        if (name !== 'Object') before = `${name} {`;
        parts = Object.entries(value).map(member);
      }
      above.pop();
      if (!parts.length) return before + after;
      const line = parts.join(', ');
      if (line.length <= 72 && !line.includes('\n')) return before === '[' || before.endsWith(' [') ? `${before} ${line} ${after}` : `${before} ${line} ${after}`;
      return `${before}\n${parts.map((part) => `  ${part.replace(/\n/g, '\n  ')}`).join(',\n')}\n${after}`;
    };
    return show(value, depth);
  }

  function format(...values) {
    const [first] = values;
    let rest = values;
    let text = '';
    if (typeof first === 'string') {
      let at = 1;
      text = first.replace(/%([sdifjoOc%])/g, (all, kind) => {
        if (kind === '%') return '%';
        if (at >= values.length) return all;
        const value = values[at++];
        if (kind === 's') return typeof value === 'object' && value !== null ? inspect(value, { depth: 0 }) : String(value);
        if (kind === 'd') return String(Number(value));
        if (kind === 'i') return String(parseInt(value, 10));
        if (kind === 'f') return String(parseFloat(value));
        if (kind === 'j') return JSON.stringify(value);
        return kind === 'c' ? '' : inspect(value);
      });
      rest = values.slice(at);
      if (!rest.length) return text;
      text += ' ';
    }
    return text + rest.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ');
  }

  function isDeepStrictEqual(a, b) {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (a instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof RegExp) return String(a) === String(b);
    if (a instanceof Map) return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isDeepStrictEqual(value, b.get(key)));
    if (a instanceof Set) return a.size === b.size && [...a].every((value) => b.has(value) || [...b].some((other) => isDeepStrictEqual(value, other)));
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isDeepStrictEqual(a[key], b[key]));
  }

  const promisify = (run) => (...values) =>
    new Promise((resolve, reject) => run(...values, (error, value) => (error ? reject(error) : resolve(value))));
  const callbackify = (run) => (...values) => {
    const callback = values.pop();
    run(...values).then((value) => callback(null, value), callback);
  };
  return {
    inspect, format, isDeepStrictEqual, promisify, callbackify,
    inherits: (child, parent) => { child.super_ = parent; Object.setPrototypeOf(child.prototype, parent.prototype); },
    deprecate: (run) => run,
    isArray: Array.isArray,
    stripVTControlCharacters: (text) => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
    types: {
      isDate: (value) => value instanceof Date, isRegExp: (value) => value instanceof RegExp,
      isMap: (value) => value instanceof Map, isSet: (value) => value instanceof Set,
      isPromise: (value) => value instanceof Promise, isNativeError: (value) => value instanceof Error,
      isTypedArray: (value) => ArrayBuffer.isView(value) && !(value instanceof DataView),
      isUint8Array: (value) => value instanceof Uint8Array, isArrayBuffer: (value) => value instanceof ArrayBuffer,
    },
    get TextEncoder() { return load('text').TextEncoder; },
    get TextDecoder() { return load('text').TextDecoder; },
  };
})
