// How a step ends: errors in words, results without cycles, changed static data.
(function (env) {
  // The wording that n8n's users know from V8.
  const REWORDED = [
    [/^cannot read property '(.*)' of (undefined|null)$/, "Cannot read properties of $2 (reading '$1')"],
    [/^cannot set property '(.*)' of (undefined|null)$/, "Cannot set properties of $2 (setting '$1')"],
    [/^(value is )?not iterable$/, 'object is not iterable'],
  ];

  function explain(thrown) {
    const isError = typeof thrown === 'object' && thrown !== null && thrown.message !== undefined;
    const failure = { kind: 'code', item: env.failedAt };
    if (isError) {
      const name = String(thrown.name ?? 'Error');
      failure.message = String(thrown.message) || name;
      if (name === 'InternalError' && /^(out of memory|string too long)$/.test(failure.message)) failure.kind = 'memory';
      for (const [pattern, wording] of REWORDED) failure.message = failure.message.replace(pattern, wording);
      failure.description = typeof thrown.description === 'string' ? thrown.description : name === 'Error' ? null : name;
      const line = /\bCode:(\d+)/.exec(String(thrown.stack));
      if (line) failure.line = Number(line[1]);
    } else {
      failure.message = typeof thrown === 'string' ? thrown : JSON.stringify(thrown) ?? String(thrown);
    }
    return JSON.stringify(failure);
  }

  // What JSON can hold of a value with cycles.
  function plain(value, above = new Set()) {
    if (typeof value !== 'object' || value === null) return value;
    if (typeof value.toJSON === 'function') return plain(value.toJSON(), above);
    if (above.has(value)) return '[Circular Reference]';
    above.add(value);
    const copy = Array.isArray(value) ? value.map((element) => plain(element, above))
      : Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member, above)]));
    above.delete(value);
    return copy;
  }

  function report() {
    const changed = [...(env.statics ?? [])].filter(([, data]) => JSON.stringify(data.value) !== data.before);
    if (!changed.length && !env.custom) return null;
    return JSON.stringify({ static: changed.map(([kind, data]) => [kind, plain(data.value)]), custom: env.custom ?? {} });
  }

  return { explain, plain, report };
})
