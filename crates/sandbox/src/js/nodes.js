// Data of other nodes, static data and the small functions of expressions.
(function (env) {
  const { items } = env;
  const { ask } = env.load('questions');
  const statics = (env.statics = new Map());
  const answers = new Map();
  const once = (name, query) => {
    const question = { node: { name: String(name), query } };
    const key = JSON.stringify(question);
    if (!answers.has(key)) answers.set(key, ask(question));
    return answers.get(key);
  };
  const list = (name, output, run) => once(name, { items: { output, run } });
  const paired = (name, index) => once(name, { paired_item: { index } });

  function $(name) {
    return {
      all: (output, run) => list(name, output, run),
      first: (output, run) => list(name, output, run)[0],
      last: (output, run) => list(name, output, run).at(-1),
      itemMatching: (index) => paired(name, index),
      pairedItem: (index = env.index) => paired(name, index),
      get item() { return paired(name, env.index); },
      get params() { return once(name, { parameters: { index: env.index } }); },
      get context() { return once(name, 'context'); },
      get isExecuted() { return once(name, 'is_executed'); },
      get runIndex() { return once(name, 'run_index'); },
    };
  }

  const old = (name, index) => {
    const item = () => {
      const found = list(name);
      return found[index ?? env.index] ?? found[0];
    };
    return {
      get json() { return item()?.json; },
      get binary() { return item()?.binary ?? {}; },
      get parameter() { return once(name, { parameters: { index: env.index } }); },
      get context() { return once(name, 'context'); },
      get runIndex() { return once(name, 'run_index'); },
    };
  };
  const byName = (index) => new Proxy({}, { get: (_, name) => (typeof name === 'string' ? old(name, index) : undefined) });

  const numbers = (values) => values.flat().map(Number).filter((value) => !Number.isNaN(value));
  return {
    $,
    previous: () => $(env.step.variables.$prevNode?.name ?? ''),
    $node: byName(),
    $items: (name, output, run) => (name === undefined ? items() : list(name, output, run)),
    $item: (index) => ({ $json: items()[index]?.json, $binary: items()[index]?.binary ?? {}, $node: byName(index) }),
    $getWorkflowStaticData(kind) {
      if (kind !== 'global' && kind !== 'node') {
        throw new Error(`The context type "${kind}" is not known. Only "global" and "node" are supported!`);
      }
      if (!statics.has(kind)) {
        const value = ask({ static_data: kind });
        statics.set(kind, { value, before: JSON.stringify(value) });
      }
      return statics.get(kind).value;
    },
    $if: (condition, yes, no) => (condition ? yes : no),
    $ifEmpty: (value, fallback) =>
      value === undefined || value === null || value === '' ||
      (typeof value === 'object' && !Object.keys(value).length) ? fallback : value,
    $min: (...values) => Math.min(...numbers(values)),
    $max: (...values) => Math.max(...numbers(values)),
    $average: (...values) => { const all = numbers(values); return all.reduce((sum, value) => sum + value, 0) / all.length; },
    $not: (value) => !value,
    $vars: env.step.variables.$vars ?? {},
    $parameter: env.step.variables.$parameter ?? {},
    $secrets: {},
    $env: new Proxy({}, {
      get(_, name) {
        if (typeof name === 'symbol') return undefined;
        throw new Error('access to env vars denied');
      },
    }),
  };
})
