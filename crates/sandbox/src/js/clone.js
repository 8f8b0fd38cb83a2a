// structuredClone: values, not functions.
(function () {
  function copy(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError');
    }
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (made) => { seen.set(value, made); return made; };
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) return keep(new value.constructor(value));
    if (value instanceof Number || value instanceof String || value instanceof Boolean) return keep(Object(value.valueOf()));
    if (value instanceof Map) {
      const made = keep(new Map());
      for (const [key, member] of value) made.set(copy(key, seen), copy(member, seen));
      return made;
    }
    if (value instanceof Set) {
      const made = keep(new Set());
      for (const member of value) made.add(copy(member, seen));
      return made;
    }
    if (value instanceof Error) {
      const made = keep(new (globalThis[value.name] ?? Error)(value.message));
      made.stack = value.stack;
      return made;
    }
    const made = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) made[key] = copy(value[key], seen);
    return made;
  }
  return { structuredClone: (value) => copy(value, new Map()) };
})
