// What every step starts with. Kept small: everything that is not needed by most code is a chunk, evaluated on first use.
(function (host) {
  const root = globalThis;
  const { stringify } = JSON;
  const chunks = Object.create(null);
  const open = new Map();
  const statics = new Map();
  let step;
  let input;
  let failedAt;
  let custom;

  const load = (name) => (name in chunks ? chunks[name] : (chunks[name] = host.load(name)(env)));
  const put = (name, value) =>
    Object.defineProperty(root, name, { value, writable: true, configurable: true, enumerable: false });
  const lazy = (name, make) =>
    Object.defineProperty(root, name, {
      configurable: true,
      get: () => { const value = make(); put(name, value); return value; },
      set: (value) => put(name, value),
    });
  const items = () => (input ??= host.input());
  const current = () => items()[env.index];

  // What chunks share.
  const env = {
    host, load, items, statics,
    native: host.native,
    index: 0,
    get step() { return step; },
    ask(question) {
      const [ok, value] = host.ask(stringify(question));
      if (!ok) throw Object.assign(new Error(value.message), value);
      return value;
    },
    send(question) {
      return new Promise((resolve, reject) => open.set(host.send(stringify(question)), { resolve, reject }));
    },
  };

  const fromChunk = {
    buffer: ['Buffer'],
    text: ['TextEncoder', 'TextDecoder'],
    url: ['URL', 'URLSearchParams'],
    luxon: ['DateTime', 'Duration', 'Interval', '$now', '$today'],
    jmespath: ['$jmespath', '$jmesPath'],
    nodes: ['$', '$node', '$items', '$item', '$getWorkflowStaticData', '$if', '$ifEmpty', '$min', '$max', '$average',
      '$not', '$env'],
    timers: ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'],
    clone: ['structuredClone'],
    intl: ['Intl'],
  };
  for (const chunk in fromChunk) for (const name of fromChunk[chunk]) lazy(name, () => load(chunk)[name]);
  lazy('helpers', () => load('helpers'));
  lazy('crypto', () => load('crypto').webcrypto);
  lazy('console', () => {
    const write = (level) => (...values) =>
      host.log(level, values.every((value) => typeof value === 'string') && !values[0]?.includes('%')
        ? values.join(' ') : load('util').format(...values));
    return { log: write('info'), info: write('info'), dir: write('info'), table: write('info'), debug: write('debug'),
      trace: write('debug'), warn: write('warn'), error: write('error') };
  });
  lazy('$input', () => ({
    all: items,
    first: () => items()[0],
    last: () => items().at(-1),
    itemMatching: (index) => items()[index],
    get item() { return current(); },
    get params() { return env.ask({ node: { name: step.variables.$prevNode?.name ?? '', query: { parameters: { index: env.index } } } }); },
    get context() { return env.ask({ node: { name: step.variables.$prevNode?.name ?? '', query: 'context' } }); },
  }));
  put('require', (name) => {
    const module = String(name).replace(/^node:/, '');
    if (!step.modules.includes(module)) {
      const allowed = step.modules.join(', ') || 'none';
      throw new Error(`Cannot find module '${name}': it is not allowed here; this instance allows: ${allowed}`);
    }
    return load(module);
  });
  put('module', { exports: {} });
  put('exports', root.module.exports);
  Math.random = host.random;

  const localise = (prototype, kind, ...names) => {
    for (const name of names) {
      Object.defineProperty(prototype, name, {
        value(...values) { return load('intl').methods[kind][name](this, ...values); },
        writable: true, configurable: true,
      });
    }
  };
  localise(Number.prototype, 'number', 'toLocaleString');
  localise(Date.prototype, 'date', 'toLocaleString', 'toLocaleDateString', 'toLocaleTimeString');
  localise(String.prototype, 'string', 'localeCompare');

  function setClock({ fixed, from }) {
    const Real = Date;
    const now = fixed === undefined ? () => Math.floor(from + host.elapsed()) : () => fixed;
    const Shown = new Proxy(Real, {
      construct: (_, values, target) =>
        Reflect.construct(Real, values.length ? values : [now()], target === Shown ? Real : target),
      apply: () => new Real(now()).toString(),
      get: (_, name) => (name === 'now' ? now : Real[name]),
    });
    Real.prototype.constructor = Shown;
    put('Date', Shown);
  }

  const isPerItem = () => step.contract === 'each_item' || step.contract === 'function_item';

  function begin(request) {
    step = request;
    if (step.clock !== 'real') setClock(step.clock);
    const { variables } = step;
    put('$vars', {});
    put('$secrets', {});
    put('$parameter', {});
    for (const name in variables) put(name, variables[name]);
    if (variables.$execution) {
      Object.defineProperty(variables.$execution, 'customData', {
        get: () => ({
          set: (key, value) => { (custom ??= {})[key] = String(value); },
          setAll: (all) => { for (const key in all) (custom ??= {})[key] = String(all[key]); },
          get: (key) => custom?.[key],
          getAll: () => ({ ...custom }),
        }),
      });
    }
    put('$itemIndex', 0);
    if (isPerItem()) return;
    lazy('items', items);
    lazy('$json', () => items()[0]?.json);
    lazy('$binary', () => items()[0]?.binary ?? {});
  }

  // `this` in the code.
  const self = {
    get helpers() { return load('helpers'); },
    getInputData: () => items(),
    getItemIndex: () => env.index,
    getMode: () => step.variables.$execution?.mode ?? 'manual',
    getNodeParameter: (name, _, fallback) => step.variables.$parameter?.[name] ?? fallback,
    getTimezone: () => step.zone,
    getWorkflowStaticData: (kind) => root.$getWorkflowStaticData(kind),
    continueOnFail: () => step.continue_on_fail,
  };

  function run(code) {
    return isPerItem() ? runEach(code) : code.call(self);
  }

  async function runEach(code) {
    const isPlain = step.contract === 'function_item';
    if (isPlain) {
      put('getBinaryData', () => current().binary);
      put('getBinaryDataAsync', async () => current().binary);
      put('setBinaryData', (binary) => { current().binary = binary; });
      put('setBinaryDataAsync', async (binary) => { current().binary = binary; });
    }
    for (const name of ['item', '$json', '$binary', '$position']) put(name, undefined);
    const results = [];
    for (let index = 0; index < step.count; index++) {
      env.index = index;
      const item = current();
      root.item = isPlain ? item.json : item;
      root.$json = item.json;
      root.$binary = item.binary ?? {};
      root.$itemIndex = root.$position = index;
      try {
        const v = await code.call(self);
        results.push(isPlain ? { v, binary: item.binary, continue: step.continue_on_fail || undefined }
          : step.continue_on_fail ? { v, continue: true } : { v });
      } catch (error) {
        failedAt = index;
        if (!step.continue_on_fail) throw error;
        const { message, line } = JSON.parse(explain(error));
        results.push({ e: `${message} [${line ? `line ${line}, for ` : ''}item ${index}]` });
      }
    }
    return results;
  }

  // The wording that n8n's users know from V8.
  const REWORDED = [
    [/^cannot read property '(.*)' of (undefined|null)$/, "Cannot read properties of $2 (reading '$1')"],
    [/^cannot set property '(.*)' of (undefined|null)$/, "Cannot set properties of $2 (setting '$1')"],
    [/^not iterable$/, 'object is not iterable'],
    [/^value is not iterable$/, 'object is not iterable'],
  ];

  function explain(thrown) {
    const isError = typeof thrown === 'object' && thrown !== null && thrown.message !== undefined;
    const failure = { kind: 'code', item: failedAt };
    if (isError) {
      const name = String(thrown.name ?? 'Error');
      failure.message = String(thrown.message) || name;
      if (name === 'InternalError' && /^(out of memory|string too long)$/.test(failure.message)) failure.kind = 'memory';
      for (const [pattern, wording] of REWORDED) failure.message = failure.message.replace(pattern, wording);
      failure.description = typeof thrown.description === 'string' ? thrown.description : name === 'Error' ? null : name;
      const line = /\bCode:(\d+)/.exec(String(thrown.stack));
      if (line) failure.line = Number(line[1]);
    } else {
      failure.message = typeof thrown === 'string' ? thrown : stringify(thrown) ?? String(thrown);
    }
    return stringify(failure);
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
    const changed = [...statics].filter(([, data]) => stringify(data.value) !== data.before);
    if (!changed.length && !custom) return null;
    return stringify({ static: changed.map(([kind, data]) => [kind, plain(data.value)]), custom: custom ?? {} });
  }

  return {
    begin, run, explain, plain, report,
    nextTimer: () => (chunks.timers ? chunks.timers.next() : -1),
    fireTimers: () => chunks.timers?.fire(),
    settle(id, ok, text) {
      const { resolve, reject } = open.get(id);
      open.delete(id);
      const value = JSON.parse(text);
      if (ok) resolve(value);
      else reject(Object.assign(new Error(value.message), value));
    },
  };
})
