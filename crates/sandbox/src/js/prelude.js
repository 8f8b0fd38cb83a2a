// What every step starts with. It is parsed for every step, so it holds only what nearly all code needs; the rest are
// chunks, evaluated on first use.
// (No parenthesis around it: the parser would look for its end first, to tell it from an arrow function.)
host => {
  const chunks = Object.create(null);
  let step, input;

  const env = {
    host, load, define, items,
    native: host.native,
    index: 0,
  };
  function load(name) {
    return chunks[name] ??= host.load(name)(env);
  }
  function items() {
    return input ??= host.input();
  }
  function define(target, name, value) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
  function lazy(target, name, make) {
    Object.defineProperty(target, name, {
      configurable: true,
      get() { const value = make(); define(target, name, value); return value; },
      set(value) { define(target, name, value); },
    });
  }

  const $input = {
    all: items,
    first: () => items()[0],
    last: () => items().at(-1),
    itemMatching: (index) => items()[index],
    get item() { return items()[env.index]; },
    get params() { return load('nodes').previous().params; },
    get context() { return load('nodes').previous().context; },
  };
  Math.random = host.random;
  // `this` of the code.
  const self = {};

  return {
    begin(request) {
      env.step = step = request;
      if (step.clock !== 'real') load('clock')(step.clock);
      for (const name in step.variables) define(globalThis, name, step.variables[name]);
      for (const [name, chunk] of step.globals) lazy(globalThis, name, () => load(chunk)[name]);
      for (const name of step.own) lazy(self, name, () => load('self')[name]);
      if (step.has_locales) load('intl').install();
      define(globalThis, '$input', $input);
      define(globalThis, '$itemIndex', 0);
      if (step.is_per_item) return;
      lazy(globalThis, 'items', items);
      lazy(globalThis, '$json', () => items()[0]?.json);
      lazy(globalThis, '$binary', () => items()[0]?.binary ?? {});
    },
    run: (code) => (step.is_per_item ? load('each')(code, self) : code.call(self)),
    load, chunks,
  };
}
